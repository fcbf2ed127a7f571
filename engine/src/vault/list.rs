//! Looks into an item: its entries, and the bytes of one file.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustic_core::repofile::{Node, NodeType};
use rustic_core::{DataId, TreeId};

use super::blob::Blobs;
use super::error::VaultError;
use super::progress::{Basis, Cancel, Progress};
use super::repository::Repository;
use super::source::permissions_from_format;

/// So many bytes of a stream are read ahead.
const AHEAD: u64 = 16 * 1024 * 1024;

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, with its target.
    Link(PathBuf),
    /// A named pipe.
    Fifo,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A socket.
    Socket,
}

/// An entry of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The logical path.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// The bytes of its content; 0 for what has none.
    pub size: u64,
    /// The twelve permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name at the source.
    pub user: Option<String>,
    /// The group's name at the source.
    pub group: Option<String>,
    /// The modification time.
    pub mtime: Option<jiff::Timestamp>,
}

impl Repository {
    /// The entry at `path` of an item's tree and, if it is a directory, those in it, or all below it if `recursive`.
    ///
    /// # Errors
    /// If the path is not in the item, or its trees cannot be read.
    pub fn list(&self, tree: &str, path: &Path, recursive: bool) -> Result<Vec<Entry>, VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        let mut found = Vec::new();
        blobs.walk(tree_id(tree)?, &mut |at, node| {
            let below = at.starts_with(path);
            if below {
                found.push(entry(&blobs, at, node));
            }
            Ok(path.starts_with(at) || (below && recursive))
        })?;
        if found.is_empty() && path != Path::new("/") {
            return Err(VaultError::UnknownPath { path: path.to_owned() });
        }
        Ok(found)
    }

    /// Writes the content of one file to `out`, in order.
    ///
    /// # Errors
    /// If the path is no file of the item, if it cannot be read whole, or if `out` fails.
    pub fn dump_file(
        &self,
        tree: &str,
        path: &Path,
        out: &mut dyn Write,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<u64, VaultError> {
        let blobs = self.blobs(cancel)?;
        let mut wanted = None;
        blobs.walk(tree_id(tree)?, &mut |at, node| {
            if at == path && node.is_file() {
                wanted = Some(node.clone());
            }
            Ok(path.starts_with(at) && at != path)
        })?;
        let node = wanted.ok_or_else(|| VaultError::UnknownPath { path: path.to_owned() })?;
        pour(&blobs, path, &node, out, progress)
    }

    /// Writes the one file of a dump, by the id of the item's tree, to `out`, in order: what the loading command reads.
    ///
    /// # Errors
    /// If the item is no dump, if it cannot be read whole, or if `out` fails.
    pub fn dump_stream(
        &self,
        tree: &str,
        out: &mut dyn Write,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<u64, VaultError> {
        let blobs = self.blobs(cancel)?;
        let node = one_file(&blobs, tree)?;
        let path = Path::new("/").join(&*node.name());
        pour(&blobs, &path, &node, out, progress)
    }

    /// Whether a file holds exactly what a dump does. Nothing is written.
    ///
    /// # Errors
    /// If the item is no dump, or the file cannot be read.
    pub fn is_stream(&self, tree: &str, file: &Path, cancel: &Cancel) -> Result<bool, VaultError> {
        let blobs = self.blobs(cancel)?;
        let node = one_file(&blobs, tree)?;
        let failed = |source| VaultError::Target {
            action: "read",
            path: file.to_owned(),
            source,
        };
        let mut there = std::fs::File::open(file).map_err(failed)?;
        let mut left = there.metadata().map_err(failed)?.len();
        for id in node.content.iter().flatten() {
            let spot = blobs.spot(id).map_err(|fault| fault.of(None))?;
            let size = u64::from(spot.size());
            // A blob is named by the hash of its bytes.
            if size > left || !id.blob_matches_reader(size, &mut Read::by_ref(&mut there)) {
                return Ok(false);
            }
            left -= size;
        }
        Ok(left == 0)
    }
}

/// The node of a dump's one file.
pub(super) fn one_file(blobs: &Blobs, tree: &str) -> Result<Node, VaultError> {
    let nodes = blobs.tree(&tree_id(tree)?, Path::new("/"))?;
    match <[Node; 1]>::try_from(nodes) {
        Ok([node]) if node.is_file() => Ok(node),
        _ => Err(VaultError::NotADump { tree: tree.to_owned() }),
    }
}

fn pour(
    blobs: &Blobs,
    path: &Path,
    node: &Node,
    out: &mut dyn Write,
    progress: &Arc<dyn Progress>,
) -> Result<u64, VaultError> {
    let content: Vec<DataId> = node.content.iter().flatten().copied().collect();
    let mut sized = Vec::with_capacity(content.len());
    for id in &content {
        let spot = blobs.spot(id).map_err(|fault| fault.of(Some(path.to_owned())))?;
        sized.push((*id, u64::from(spot.size())));
    }
    progress.total(sized.iter().map(|(_, size)| size).sum(), Basis::Counted);
    let mut written = 0_u64;
    let mut rest = sized.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let count = rest
            .iter()
            .take_while(|(_, size)| {
                let first = bytes == 0;
                bytes += size;
                first || bytes <= AHEAD
            })
            .count()
            .max(1);
        let (now, later) = rest.split_at(count.min(rest.len()));
        rest = later;
        let ids: Vec<DataId> = now.iter().map(|(id, _)| *id).collect();
        let found = blobs
            .batch(&ids)
            .map_err(|(_, fault)| fault.of(Some(path.to_owned())))?;
        for id in &ids {
            let Some(part) = found.get(id) else { continue };
            out.write_all(part).map_err(|source| VaultError::Sink { source })?;
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            written = written.saturating_add(length);
            progress.advance(length);
        }
    }
    out.flush().map_err(|source| VaultError::Sink { source })?;
    Ok(written)
}

pub(super) fn tree_id(tree: &str) -> Result<TreeId, VaultError> {
    tree.parse::<rustic_core::Id>()
        .map(TreeId::from)
        .map_err(|_| VaultError::UnknownSnapshot {
            snapshot: tree.to_owned(),
        })
}

fn entry(blobs: &Blobs, path: &Path, node: &Node) -> Entry {
    let kind = match &node.node_type {
        NodeType::File => EntryKind::File,
        NodeType::Dir => EntryKind::Directory,
        link @ NodeType::Symlink { .. } => EntryKind::Link(link.to_link().to_owned()),
        NodeType::Dev { .. } => EntryKind::BlockDevice,
        NodeType::Chardev { .. } => EntryKind::CharacterDevice,
        NodeType::Fifo => EntryKind::Fifo,
        NodeType::Socket => EntryKind::Socket,
    };
    // The recorded size is that of the listing, or nothing for a stream; the content knows.
    let size = match kind {
        EntryKind::File => node
            .content
            .iter()
            .flatten()
            .filter_map(|id| blobs.spot(id).ok())
            .map(|spot| u64::from(spot.size()))
            .sum(),
        _ => 0,
    };
    Entry {
        path: path.to_owned(),
        kind,
        size,
        mode: permissions_from_format(node.meta.mode.unwrap_or(0)),
        uid: node.meta.uid.unwrap_or(0),
        gid: node.meta.gid.unwrap_or(0),
        user: node.meta.user.clone(),
        group: node.meta.group.clone(),
        mtime: node.meta.mtime,
    }
}
