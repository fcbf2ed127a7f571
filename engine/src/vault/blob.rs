//! Reads trees and data blobs over the index, grouped by pack, with every failure named.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::repofile::{Node, NodeType, Tree};
use rustic_core::{DataId, Id, TreeId};

use super::error::VaultError;
use super::pack::{BlobKind, Codec, Index, Spot};
use super::progress::Cancel;
use super::repository::{Repository, Session};
use super::store::{Kind, SMALL_PACK, StoreError};

/// Blobs of a pack that lie closer together than this are read in one go, the gap included.
const GAP: u32 = 256 * 1024;
/// One read of a pack is not longer than this, unless a single blob is.
const WINDOW: u32 = 8 * 1024 * 1024;
/// So many directories beside each other are read ahead.
const TREES_AHEAD: usize = 64;

/// A blob that could not be read.
#[derive(Debug)]
pub(super) enum BlobFault {
    /// It is not there, or not what was written.
    Damaged {
        /// The pack that it lies in, if it is known.
        pack: Option<Id>,
        /// Why.
        reason: String,
    },
    /// The store could not be asked: that says nothing about the blob.
    Away(StoreError),
}

impl BlobFault {
    /// What a store's answer about a pack means for what lies in it.
    fn of_pack(pack: Id, error: StoreError) -> Self {
        match error {
            StoreError::Missing { .. } | StoreError::Truncated { .. } => Self::Damaged {
                pack: Some(pack),
                reason: error.to_string(),
            },
            away => Self::Away(away),
        }
    }

    /// The error of the file that needs the blob.
    pub(super) fn of(self, file: Option<PathBuf>) -> VaultError {
        match self {
            Self::Away(error) => error.into(),
            Self::Damaged { pack, reason } => VaultError::Damaged {
                file,
                pack: pack.map(|pack| pack.to_hex().to_string()),
                reason,
                more: 0,
            },
        }
    }
}

/// Reads what snapshots refer to.
pub(super) struct Blobs {
    session: Session,
    index: Arc<Index>,
    repository: Repository,
    /// Those that no thread works at.
    desks: Mutex<Vec<Desk>>,
}

/// What one thread reads with; its buffers are used again.
struct Desk {
    codec: Codec,
    plain: Vec<u8>,
}

/// What sees one blob.
type Visit<'a> = dyn FnMut(Id, &[u8]) -> Result<(), VaultError> + 'a;

/// Why blobs were not all seen.
pub(super) enum Stopped {
    /// This one could not be read.
    Unread(Id, BlobFault),
    /// Who saw them did not want to go on.
    Visitor(VaultError),
}

impl Repository {
    pub(super) fn blobs(&self, cancel: &Cancel) -> Result<Blobs, VaultError> {
        self.blobs_of(self.session(cancel)?)
    }

    pub(super) fn blobs_of(&self, session: Session) -> Result<Blobs, VaultError> {
        Ok(Blobs {
            index: self.index(&session.guard)?,
            session,
            repository: self.clone(),
            desks: Mutex::default(),
        })
    }
}

/// A directory of a walk: what of it is to come, and subtrees of it that were read ahead.
struct Level {
    path: PathBuf,
    nodes: std::vec::IntoIter<Node>,
    ahead: HashMap<Id, Bytes>,
}

impl Blobs {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn into_session(self) -> Session {
        self.session
    }

    pub(super) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// The nodes of a tree; `path` is what they lie in, for messages.
    pub(super) fn tree(&self, id: &TreeId, path: &Path) -> Result<Vec<Node>, VaultError> {
        self.tree_bytes(id, path)
            .and_then(|bytes| self.parsed(id, &bytes, path))
    }

    fn tree_bytes(&self, id: &TreeId, path: &Path) -> Result<Bytes, VaultError> {
        if !self.has_tree(id) {
            return Err(VaultError::Damaged {
                file: Some(path.to_owned()),
                pack: None,
                reason: format!("its tree `{}` is not in the index", &*id.to_hex()),
                more: 0,
            });
        }
        let mut found = self
            .blobs(BlobKind::Tree, &[**id])
            .map_err(|(_, fault)| fault.of(Some(path.to_owned())))?;
        Ok(found.remove(&**id).unwrap_or_default())
    }

    fn parsed(&self, id: &TreeId, bytes: &[u8], path: &Path) -> Result<Vec<Node>, VaultError> {
        serde_json::from_slice::<Tree>(bytes)
            .map(|tree| tree.nodes)
            .map_err(|error| VaultError::Damaged {
                file: Some(path.to_owned()),
                pack: self
                    .index
                    .find(BlobKind::Tree, id)
                    .map(|spot| spot.pack.to_hex().to_string()),
                reason: format!("its tree `{}` cannot be read: {error}", &*id.to_hex()),
                more: 0,
            })
    }

    /// Trees as they are stored, as many of them as can be read: whoever needs one of the others asks for it by itself.
    pub(super) fn trees(&self, ids: &[TreeId]) -> HashMap<Id, Bytes> {
        let known: Vec<Id> = ids
            .iter()
            .map(|id| **id)
            .filter(|id| self.index.has(BlobKind::Tree, id))
            .collect();
        self.blobs(BlobKind::Tree, &known).unwrap_or_default()
    }

    pub(super) fn has_tree(&self, id: &TreeId) -> bool {
        self.index.has(BlobKind::Tree, id)
    }

    /// The pack that a tree lies in.
    pub(super) fn tree_pack(&self, id: &TreeId) -> Option<Id> {
        self.index.find(BlobKind::Tree, id).map(|spot| spot.pack)
    }

    pub(super) fn spot(&self, id: &DataId) -> Result<Spot, BlobFault> {
        self.spot_of(BlobKind::Data, id)
    }

    fn spot_of(&self, kind: BlobKind, id: &Id) -> Result<Spot, BlobFault> {
        self.index
            .find(kind, id)
            .ok_or_else(|| match self.index.lost(kind, id) {
                Some(pack) => BlobFault::Damaged {
                    pack: Some(pack),
                    reason: "the vault lost the pack".to_owned(),
                },
                None => BlobFault::Damaged {
                    pack: None,
                    reason: format!("its blob `{}` is not in the index", &*id.to_hex()),
                },
            })
    }

    /// Reads blobs of content, each once, reading their packs in few long pieces.
    pub(super) fn batch(&self, ids: &[DataId]) -> Result<HashMap<DataId, Bytes>, (DataId, BlobFault)> {
        let plain: Vec<Id> = ids.iter().map(|id| **id).collect();
        match self.blobs(BlobKind::Data, &plain) {
            Ok(found) => Ok(found.into_iter().map(|(id, bytes)| (id.into(), bytes)).collect()),
            Err((id, fault)) => Err((id.into(), fault)),
        }
    }

    /// As [`Self::batch`], for who needs every blob for a moment only: `visit` sees each one, once, in the order of the packs,
    /// and no more than one piece of a pack is held.
    pub(super) fn each(
        &self,
        ids: &[DataId],
        mut visit: impl FnMut(DataId, &[u8]) -> Result<(), VaultError>,
    ) -> Result<(), Stopped> {
        let plain: Vec<Id> = ids.iter().map(|id| **id).collect();
        self.visit(BlobKind::Data, &plain, &mut |id, bytes| visit(id.into(), bytes))
    }

    fn blobs(&self, kind: BlobKind, ids: &[Id]) -> Result<HashMap<Id, Bytes>, (Id, BlobFault)> {
        let mut found = HashMap::with_capacity(ids.len());
        let read = self.visit(kind, ids, &mut |id, bytes| {
            found.insert(id, Bytes::copy_from_slice(bytes));
            Ok(())
        });
        match read {
            Err(Stopped::Unread(id, fault)) => Err((id, fault)),
            // The visitor above does not fail.
            Ok(()) | Err(Stopped::Visitor(_)) => Ok(found),
        }
    }

    fn visit(&self, kind: BlobKind, ids: &[Id], visit: &mut Visit<'_>) -> Result<(), Stopped> {
        let unread = |(id, fault)| Stopped::Unread(id, fault);
        let mut packs: BTreeMap<Id, Vec<(Spot, Id)>> = BTreeMap::new();
        let mut seen = HashSet::with_capacity(ids.len());
        for id in ids {
            if seen.insert(*id) {
                let spot = self.spot_of(kind, id).map_err(|fault| unread((*id, fault)))?;
                packs.entry(spot.pack).or_default().push((spot, *id));
            }
        }
        let mut desk = self.desk(ids).map_err(unread)?;
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
                self.visit_window(&mut desk, kind, &pack, (start, end), now, visit)?;
            }
        }
        self.desks.lock().unwrap_or_else(PoisonError::into_inner).push(desk);
        Ok(())
    }

    fn desk(&self, ids: &[Id]) -> Result<Desk, (Id, BlobFault)> {
        let idle = self.desks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let new = || {
            self.repository.codec().map(|codec| Desk {
                codec,
                plain: Vec::new(),
            })
        };
        idle.map_or_else(new, Ok).map_err(|error| {
            let fault = BlobFault::Damaged {
                pack: None,
                reason: error.to_string(),
            };
            (ids.first().copied().unwrap_or_default(), fault)
        })
    }

    fn visit_window(
        &self,
        desk: &mut Desk,
        kind: BlobKind,
        pack: &Id,
        (start, end): (u32, u32),
        spots: &[(Spot, Id)],
        visit: &mut Visit<'_>,
    ) -> Result<(), Stopped> {
        let first = spots.first().map(|(_, id)| *id).unwrap_or_default();
        let mut window = match self.window(pack, (start, end), spots) {
            // Blobs are opened where they lie.
            Ok(window) => Ok(window.try_into_mut().unwrap_or_else(|shared| shared[..].into())),
            Err(fault @ (StoreError::Missing { .. } | StoreError::Truncated { .. })) => Err(fault),
            Err(away) => return Err(Stopped::Unread(first, BlobFault::Away(away))),
        };
        let Desk { codec, plain } = desk;
        for (spot, id) in spots {
            let fault = match &mut window {
                Ok(window) => {
                    let from = wide(spot.offset - start);
                    let part = window.get_mut(from..from + wide(spot.length)).unwrap_or_default();
                    match codec.open_in_place(part, spot.unpacked, plain) {
                        Ok(bytes) => {
                            visit(*id, bytes).map_err(Stopped::Visitor)?;
                            continue;
                        }
                        Err(reason) => BlobFault::Damaged {
                            pack: Some(*pack),
                            reason,
                        },
                    }
                }
                Err(missing @ StoreError::Missing { .. }) => BlobFault::Damaged {
                    pack: Some(*pack),
                    reason: missing.to_string(),
                },
                // A piece that is cut off may still hold blobs that are whole.
                Err(_) => match self.read_alone(codec, spot) {
                    Ok(bytes) => {
                        visit(*id, &bytes).map_err(Stopped::Visitor)?;
                        continue;
                    }
                    Err(fault) => fault,
                },
            };
            let elsewhere = match fault {
                damaged @ BlobFault::Damaged { .. } => self.read_elsewhere(codec, kind, id, damaged),
                away @ BlobFault::Away(_) => Err(away),
            };
            let bytes = elsewhere.map_err(|fault| Stopped::Unread(*id, fault))?;
            visit(*id, &bytes).map_err(Stopped::Visitor)?;
        }
        Ok(())
    }

    /// A piece of a pack. It may lie in a copy, if the pack is small.
    fn window(&self, pack: &Id, (start, end): (u32, u32), spots: &[(Spot, Id)]) -> Result<Bytes, StoreError> {
        let guard = &self.session.guard;
        if spots.iter().all(|(spot, _)| spot.pack_size <= SMALL_PACK) {
            let whole = guard.read_kept(Kind::Pack, pack)?;
            if whole.len() >= wide(end) {
                return Ok(whole.slice(wide(start)..wide(end)));
            }
        }
        guard.read_pack(pack, start, end - start)
    }

    fn read_alone(&self, codec: &mut Codec, spot: &Spot) -> Result<Bytes, BlobFault> {
        let alone = self.session.guard.read_pack(&spot.pack, spot.offset, spot.length);
        let alone = alone.map_err(|error| BlobFault::of_pack(spot.pack, error))?;
        opened(codec, spot, &alone)
    }

    /// A blob that two writers stored at the same time, or that was stored again, lies in several packs.
    fn read_elsewhere(&self, codec: &mut Codec, kind: BlobKind, id: &Id, fault: BlobFault) -> Result<Bytes, BlobFault> {
        // The first place was tried.
        for spot in self.index.places(kind, id).skip(1) {
            match self.read_alone(codec, &spot) {
                Err(BlobFault::Damaged { .. }) => {}
                other => return other,
            }
        }
        Err(fault)
    }

    /// The nodes below a tree, every directory before what it holds. `visit` says whether to go into a directory.
    pub(super) fn walk(
        &self,
        root: TreeId,
        visit: &mut dyn FnMut(&Path, &Node) -> Result<bool, VaultError>,
    ) -> Result<(), VaultError> {
        let level = |path: PathBuf, nodes: Vec<Node>| Level {
            path,
            nodes: nodes.into_iter(),
            ahead: HashMap::new(),
        };
        let top = PathBuf::from("/");
        let nodes = self.tree(&root, &top)?;
        let mut stack = vec![level(top, nodes)];
        while let Some(here) = stack.last_mut() {
            let Some(node) = here.nodes.next() else {
                stack.pop();
                continue;
            };
            let path = here.path.join(file_name(&node, &here.path)?);
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
                if !here.ahead.contains_key(&*subtree) {
                    let beside = here.nodes.as_slice().iter().filter_map(|node| node.subtree);
                    let ids: Vec<TreeId> = std::iter::once(subtree).chain(beside).take(TREES_AHEAD).collect();
                    here.ahead = self.trees(&ids);
                }
                let bytes = match here.ahead.remove(&*subtree) {
                    Some(bytes) => bytes,
                    None => self.tree_bytes(&subtree, &path)?,
                };
                let nodes = self.parsed(&subtree, &bytes, &path)?;
                stack.push(level(path, nodes));
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

fn opened(codec: &mut Codec, spot: &Spot, sealed: &[u8]) -> Result<Bytes, BlobFault> {
    let damaged = |reason| BlobFault::Damaged {
        pack: Some(spot.pack),
        reason,
    };
    codec.open(sealed, spot.unpacked).map(Bytes::from).map_err(damaged)
}

fn wide(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A node's name, if it is one name: whoever wrote the repository must not make a restore climb out of its target.
pub(super) fn file_name(node: &Node, parent: &Path) -> Result<PathBuf, VaultError> {
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
