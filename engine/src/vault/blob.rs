//! Reads trees and data blobs over the library's index, grouped by pack, with every failure named instead of a panic.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustic_core::repofile::{BlobType, Node, NodeType};
use rustic_core::{BlobId, DataId, Id, IndexedFullStatus, TreeId};

use super::error::{VaultError, contained, plain};
use super::progress::Cancel;
use super::repository::{Repository, Session};

/// Blobs of a pack that lie closer together than this are read in one go, the gap included.
const GAP: u32 = 256 * 1024;
/// One read of a pack is not longer than this, unless a single blob is.
const WINDOW: u32 = 8 * 1024 * 1024;

/// Where a blob lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) pack: Id,
    offset: u32,
    length: u32,
    /// Its length when unpacked, in bytes.
    pub(super) size: u32,
}

/// A blob that could not be read.
#[derive(Debug)]
pub(super) struct BlobFault {
    pub(super) pack: Option<Id>,
    pub(super) reason: String,
    pub(super) canceled: bool,
}

impl BlobFault {
    /// The error of the file that needs the blob.
    pub(super) fn of(self, file: Option<PathBuf>) -> VaultError {
        if self.canceled {
            return VaultError::Canceled;
        }
        let pack = self.pack.map(|pack| pack.to_hex().to_string());
        VaultError::Damaged {
            file,
            pack,
            reason: self.reason,
            more: 0,
        }
    }
}

/// Reads what snapshots refer to.
pub(super) struct Blobs {
    session: Session<IndexedFullStatus>,
}

impl Repository {
    pub(super) fn blobs(&self, cancel: &Cancel) -> Result<Blobs, VaultError> {
        Ok(Blobs {
            session: self.session(cancel)?.indexed()?,
        })
    }
}

impl Blobs {
    pub(super) fn session(&self) -> &Session<IndexedFullStatus> {
        &self.session
    }

    /// The nodes of a tree; `path` is what they lie in, for messages.
    pub(super) fn tree(&self, id: &TreeId, path: &Path) -> Result<Vec<Node>, VaultError> {
        let damaged = |reason: String, pack| VaultError::Damaged {
            file: Some(path.to_owned()),
            pack,
            reason,
            more: 0,
        };
        let pack = self
            .session
            .library
            .get_index_entry(id)
            .ok()
            .map(|entry| entry.pack.to_hex().to_string());
        let Some(pack) = pack else {
            return Err(damaged(
                format!("its tree `{}` is not in the index", &*id.to_hex()),
                None,
            ));
        };
        let tree = contained("read a tree", || self.session.library.get_tree(id));
        match tree {
            Ok(Ok(tree)) => Ok(tree.nodes),
            _ if self.session.guard.is_canceled() => Err(VaultError::Canceled),
            Ok(Err(error)) => Err(damaged(self.words(plain(&error)), Some(pack))),
            Err(broken) => Err(damaged(self.words(broken.to_string()), Some(pack))),
        }
    }

    pub(super) fn has_tree(&self, id: &TreeId) -> bool {
        self.session.library.get_index_entry(id).is_ok()
    }

    /// The store's words, where it is the store that failed.
    fn words(&self, otherwise: String) -> String {
        self.session
            .guard
            .take_error()
            .map_or(otherwise, |error| error.to_string())
    }

    pub(super) fn spot(&self, id: &DataId) -> Result<Spot, BlobFault> {
        match contained("look into the index", || self.session.library.get_index_entry(id)) {
            Ok(Ok(entry)) => Ok(Spot {
                pack: *entry.pack,
                offset: entry.location.offset,
                length: entry.location.length,
                size: contained("look into the index", || entry.location.data_length()).unwrap_or_default(),
            }),
            Ok(Err(_)) | Err(_) => Err(BlobFault {
                pack: None,
                reason: format!("its blob `{}` is not in the index", &*id.to_hex()),
                canceled: false,
            }),
        }
    }

    /// Reads blobs, each once, reading their packs in few long pieces.
    pub(super) fn batch(&self, ids: &[DataId]) -> Result<HashMap<DataId, Bytes>, (DataId, BlobFault)> {
        let mut packs: BTreeMap<Id, Vec<(Spot, DataId)>> = BTreeMap::new();
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            if found.insert(*id, Bytes::new()).is_none() {
                let spot = self.spot(id).map_err(|fault| (*id, fault))?;
                packs.entry(spot.pack).or_default().push((spot, *id));
            }
        }
        for (pack, mut spots) in packs {
            spots.sort_by_key(|(spot, _)| spot.offset);
            let mut rest = spots.as_slice();
            while let Some((first, _)) = rest.first() {
                let start = first.offset;
                let mut end = start.saturating_add(first.length);
                let mut count = 1;
                for (spot, _) in rest.iter().skip(1) {
                    let next = spot.offset.saturating_add(spot.length);
                    if spot.offset > end.saturating_add(GAP) || next.saturating_sub(start) > WINDOW {
                        break;
                    }
                    end = end.max(next);
                    count += 1;
                }
                let (now, later) = rest.split_at(count.min(rest.len()));
                rest = later;
                self.read_window(&pack, start, end - start, now, &mut found)?;
            }
        }
        Ok(found)
    }

    fn read_window(
        &self,
        pack: &Id,
        offset: u32,
        length: u32,
        spots: &[(Spot, DataId)],
        found: &mut HashMap<DataId, Bytes>,
    ) -> Result<(), (DataId, BlobFault)> {
        let guard = &self.session.guard;
        // A piece that cannot be read whole may still hold blobs that can: they are read one by one then.
        let ticket = guard.load_window(pack, offset, length).ok();
        let mut outcome = Ok(());
        for (_, id) in spots {
            match self.blob(id, pack) {
                Ok(bytes) => {
                    found.insert(*id, bytes);
                }
                Err(fault) => {
                    outcome = Err((*id, fault));
                    break;
                }
            }
        }
        if let Some(ticket) = ticket {
            guard.drop_window(pack, ticket);
        }
        outcome
    }

    fn blob(&self, id: &DataId, pack: &Id) -> Result<Bytes, BlobFault> {
        let blob = BlobId::from(*id);
        let fault = |reason| BlobFault {
            pack: Some(*pack),
            reason,
            canceled: self.session.guard.is_canceled(),
        };
        if self.session.guard.is_canceled() {
            return Err(fault("the operation was canceled".into()));
        }
        match contained("read a blob", || {
            self.session.library.get_blob_cached(&blob, BlobType::Data)
        }) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(fault(self.words(plain(&error)))),
            Err(broken) => Err(fault(self.words(broken.to_string()))),
        }
    }

    /// The nodes below a tree, every directory before what it holds. `visit` says whether to go into a directory.
    pub(super) fn walk(
        &self,
        root: TreeId,
        visit: &mut dyn FnMut(&Path, &Node) -> Result<bool, VaultError>,
    ) -> Result<(), VaultError> {
        let top = PathBuf::from("/");
        let mut stack = vec![(top.clone(), self.tree(&root, &top)?.into_iter())];
        while let Some((path, nodes)) = stack.last_mut() {
            let Some(node) = nodes.next() else {
                stack.pop();
                continue;
            };
            let path = path.join(file_name(&node, path)?);
            let descend = visit(&path, &node)?;
            if descend && node.node_type == NodeType::Dir {
                let Some(subtree) = node.subtree else {
                    let reason = "its directory has no tree".to_owned();
                    return Err(VaultError::Damaged {
                        file: Some(path),
                        pack: None,
                        reason,
                        more: 0,
                    });
                };
                let nodes = self.tree(&subtree, &path)?.into_iter();
                stack.push((path, nodes));
            }
        }
        Ok(())
    }

    /// All bytes of one small file at the root of a tree.
    pub(super) fn small_file(&self, tree: TreeId, name: &str, limit: u64) -> Result<Vec<u8>, VaultError> {
        let path = Path::new("/").join(name);
        let nodes = self.tree(&tree, Path::new("/"))?;
        let node = nodes
            .iter()
            .find(|node| *node.name() == *OsStr::new(name))
            .ok_or_else(|| VaultError::UnknownPath { path: path.clone() })?;
        let mut bytes = Vec::new();
        for id in node.content.iter().flatten() {
            let found = self.batch(&[*id]).map_err(|(_, fault)| fault.of(Some(path.clone())))?;
            for part in found.values() {
                bytes.extend_from_slice(part);
            }
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
                let reason = format!("it is longer than {limit} bytes");
                return Err(VaultError::Damaged {
                    file: Some(path),
                    pack: None,
                    reason,
                    more: 0,
                });
            }
        }
        Ok(bytes)
    }
}

/// A node's name, if it is one name: whoever wrote the repository must not make a restore climb out of its target.
fn file_name(node: &Node, parent: &Path) -> Result<PathBuf, VaultError> {
    let name = node.name();
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.iter().any(|b| matches!(b, b'/' | 0)) {
        return Err(VaultError::Damaged {
            file: Some(parent.to_owned()),
            pack: None,
            reason: format!(
                "it holds an entry named `{}`, which no directory does",
                name.to_string_lossy()
            ),
            more: 0,
        });
    }
    Ok(PathBuf::from(&*name))
}
