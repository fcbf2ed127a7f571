//! The snapshot that a source is compared with. It is walked beside the source; what cannot be read of it is as if it were
//! not there, and costs only reading the files again.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use rustic_core::repofile::{Node, Tree};
use rustic_core::{Id, TreeId};

use super::super::blob::Blobs;
use super::super::pack::BlobKind;

/// So many subtrees are read at a time.
const AHEAD: usize = 64;

/// How an entry stands to its counterpart in the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    New,
    /// It differs.
    Changed,
    /// Kind, size and times are the same.
    Unmodified,
}

/// The parent's tree of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beneath {
    pub(super) tree: TreeId,
    /// The number of its entries.
    pub(super) entries: usize,
}

#[derive(Default)]
struct Level {
    nodes: Vec<Node>,
    at: usize,
    ahead: HashMap<Id, Bytes>,
}

/// The way into the parent that corresponds to where the walk is.
pub(super) struct Parents<'a> {
    blobs: &'a Blobs,
    stack: Vec<Level>,
}

impl<'a> Parents<'a> {
    pub(super) fn new(blobs: &'a Blobs, tree: Option<TreeId>) -> Self {
        let nodes = tree.and_then(|tree| blobs.tree(&tree, Path::new("/")).ok());
        let level = Level {
            nodes: nodes.unwrap_or_default(),
            ..Level::default()
        };
        Self {
            blobs,
            stack: vec![level],
        }
    }

    /// The counterpart of a node in the directory where the walk is. Both come in the order of their names.
    fn counterpart(&mut self, node: &Node) -> Option<&Node> {
        let level = self.stack.last_mut()?;
        let name = node.name();
        loop {
            let known = level.nodes.get(level.at)?;
            if known.name == node.name {
                break;
            }
            match (*known.name()).cmp(&*name) {
                Ordering::Less => level.at += 1,
                Ordering::Equal => break,
                Ordering::Greater => return None,
            }
        }
        level.nodes.get(level.at)
    }

    /// How an entry stands to the parent, and whether it is the same in everything, down to its owner. The content of an
    /// unmodified file is taken over.
    pub(super) fn compare(&mut self, node: &mut Node) -> (Standing, bool) {
        let index = self.blobs.index();
        let index = std::sync::Arc::clone(index);
        let Some(known) = self.counterpart(node) else {
            return (Standing::New, false);
        };
        let same_ctime = known.meta.ctime.zip(node.meta.ctime).is_none_or(|(a, b)| a == b);
        let unmodified = known.node_type == node.node_type
            && known.meta.size == node.meta.size
            && known.meta.mtime == node.meta.mtime
            && same_ctime;
        if !unmodified {
            return (Standing::Changed, false);
        }
        // A repository that lost some of it gets it back.
        let whole = known.content.iter().flatten().all(|id| index.has(BlobKind::Data, id));
        if !whole {
            return (Standing::New, false);
        }
        if !node.is_dir() {
            node.content.clone_from(&known.content);
        }
        let same = known.name == node.name && known.meta == node.meta && (node.is_dir() || known.subtree.is_none());
        (Standing::Unmodified, same)
    }

    /// Goes into a directory.
    pub(super) fn enter(&mut self, node: &Node) -> Option<Beneath> {
        let (subtree, level) = self.subtree(node).unzip();
        let level = level.unwrap_or_default();
        let entries = level.nodes.len();
        self.stack.push(level);
        subtree.map(|tree| Beneath { tree, entries })
    }

    fn subtree(&mut self, node: &Node) -> Option<(TreeId, Level)> {
        let subtree = self.counterpart(node)?.subtree?;
        let blobs = self.blobs;
        let level = self.stack.last_mut()?;
        if !level.ahead.contains_key(&*subtree) {
            let rest = level.nodes.get(level.at..).unwrap_or_default();
            let ids: Vec<TreeId> = rest.iter().filter_map(|node| node.subtree).take(AHEAD).collect();
            level.ahead = blobs.trees(&ids);
        }
        let nodes = match level.ahead.remove(&*subtree) {
            Some(bytes) => serde_json::from_slice::<Tree>(&bytes).ok()?.nodes,
            None => blobs.tree(&subtree, Path::new("/")).ok()?,
        };
        Some((
            subtree,
            Level {
                nodes,
                ..Level::default()
            },
        ))
    }

    /// Goes back to the directory above.
    pub(super) fn leave(&mut self) {
        if self.stack.len() > 1 {
            self.stack.pop();
        }
    }
}
