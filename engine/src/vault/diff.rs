//! What differs between two trees of one repository. Equal subtrees are known by their ids and not read, so the cost follows what
//! differs.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use rustic_core::TreeId;
use rustic_core::repofile::Node;
use schemars::JsonSchema;
use serde::Serialize;

use super::blob::{Blobs, file_name};
use super::error::VaultError;
use super::list::tree_id;
use super::progress::Cancel;
use super::repository::Repository;
use super::restore::{Aspect, Selection};

/// What differs at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The logical path.
    pub path: PathBuf,
    /// How.
    pub how: Differs,
    /// The bytes of its content in the first tree.
    pub before: u64,
    /// The same in the second.
    pub after: u64,
}

/// How two trees differ at a path.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "change", content = "of", rename_all = "kebab-case")]
pub enum Differs {
    /// Only the second tree has it.
    Added,
    /// Only the first tree has it.
    Removed,
    /// Its content differs, or what it is.
    Content,
    /// These of its metadata differ, and nothing else.
    Metadata(Vec<Aspect>),
}

impl Repository {
    /// Tells every difference between two trees, in the order of their paths; nothing, where one is missing, counts as empty.
    ///
    /// With a selection only what it takes is told.
    ///
    /// # Errors
    /// If a tree cannot be read; if canceled.
    pub fn diff(
        &self,
        before: Option<&str>,
        after: Option<&str>,
        only: &Selection,
        cancel: &Cancel,
        tell: &mut dyn FnMut(Difference),
    ) -> Result<(), VaultError> {
        let blobs = self.blobs(cancel)?;
        let id = |tree: Option<&str>| tree.map(tree_id).transpose();
        let mut walk = Walk {
            blobs: &blobs,
            only,
            cancel,
            tell,
        };
        walk.trees(Path::new("/"), id(before)?, id(after)?, None)
    }
}

struct Walk<'a> {
    blobs: &'a Blobs,
    only: &'a Selection,
    cancel: &'a Cancel,
    tell: &'a mut dyn FnMut(Difference),
}

/// One name, as the trees have it: at least one of them does.
struct Pair {
    before: Option<Node>,
    after: Option<Node>,
}

impl Walk<'_> {
    /// Goes down both trees together. Only the directories on the way are held.
    fn trees(
        &mut self,
        path: &Path,
        before: Option<TreeId>,
        after: Option<TreeId>,
        above: Option<bool>,
    ) -> Result<(), VaultError> {
        if before == after {
            return Ok(());
        }
        let mut open = vec![self.level(path.to_owned(), before, after, above)?];
        while let Some(level) = open.last_mut() {
            let Some(pair) = level.pairs.next() else {
                open.pop();
                continue;
            };
            if self.cancel.is_canceled() {
                return Err(VaultError::Canceled);
            }
            let Some(node) = pair.before.as_ref().or(pair.after.as_ref()) else {
                continue;
            };
            let path = level.path.join(file_name(node, &level.path)?);
            let takes = self.only.takes(&path, node.is_dir(), level.takes);
            if takes {
                self.pair(&path, &pair)?;
            }
            let subtree = |node: Option<&Node>| node.filter(|node| node.is_dir())?.subtree;
            let (before, after) = (subtree(pair.before.as_ref()), subtree(pair.after.as_ref()));
            if before != after && (takes || self.only.leads(&path)) {
                let next = self.level(path, before, after, Some(takes))?;
                open.push(next);
            }
        }
        Ok(())
    }

    fn level(
        &self,
        path: PathBuf,
        before: Option<TreeId>,
        after: Option<TreeId>,
        takes: Option<bool>,
    ) -> Result<Level, VaultError> {
        let nodes = |tree: Option<TreeId>| match tree {
            Some(tree) => {
                let mut nodes = self.blobs.tree(&tree, &path)?;
                nodes.sort_by(|a, b| a.name().cmp(&b.name()));
                Ok::<_, VaultError>(nodes)
            }
            None => Ok(Vec::new()),
        };
        let pairs = paired(nodes(before)?, nodes(after)?).into_iter();
        Ok(Level { path, pairs, takes })
    }

    fn pair(&mut self, path: &Path, pair: &Pair) -> Result<(), VaultError> {
        let (how, before, after) = match (&pair.before, &pair.after) {
            (None, None) => return Ok(()),
            (Some(node), None) => (Differs::Removed, self.size(node, path)?, 0),
            (None, Some(node)) => (Differs::Added, 0, self.size(node, path)?),
            (Some(before), Some(after)) => {
                let how = match (is_same_thing(before, after), aspects(before, after)) {
                    (false, _) => Differs::Content,
                    (true, aspects) if aspects.is_empty() => return Ok(()),
                    (true, aspects) => Differs::Metadata(aspects),
                };
                (how, self.size(before, path)?, self.size(after, path)?)
            }
        };
        (self.tell)(Difference {
            path: path.to_owned(),
            how,
            before,
            after,
        });
        Ok(())
    }

    fn size(&self, node: &Node, path: &Path) -> Result<u64, VaultError> {
        let mut size = 0_u64;
        // The recorded size is that of the listing, or nothing for a stream; the content knows.
        for id in node.content.iter().flatten().filter(|_| node.is_file()) {
            let spot = self.blobs.spot(id).map_err(|fault| fault.of(Some(path.to_owned())))?;
            size = size.saturating_add(u64::from(spot.size()));
        }
        Ok(size)
    }
}

struct Level {
    path: PathBuf,
    pairs: std::vec::IntoIter<Pair>,
    takes: Option<bool>,
}

/// Brings the entries of two directories together by their names; both are sorted.
fn paired(before: Vec<Node>, after: Vec<Node>) -> Vec<Pair> {
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.name().cmp(&after.name()),
        };
        let (before, after) = match order {
            Ordering::Less => (before.next(), None),
            Ordering::Greater => (None, after.next()),
            Ordering::Equal => (before.next(), after.next()),
        };
        pairs.push(Pair { before, after });
    }
}

/// Whether two nodes are the same but for their metadata; what a directory holds is told by itself.
fn is_same_thing(before: &Node, after: &Node) -> bool {
    before.node_type == after.node_type && (before.is_dir() || before.content == after.content)
}

/// What a restore would set otherwise.
fn aspects(before: &Node, after: &Node) -> Vec<Aspect> {
    let (one, other) = (&before.meta, &after.meta);
    let owner = |meta: &rustic_core::repofile::Metadata| (meta.uid, meta.gid, meta.user.clone(), meta.group.clone());
    let attributes = |meta: &rustic_core::repofile::Metadata| {
        let all = meta.extended_attributes.iter();
        let mut all: Vec<_> = all.map(|one| (one.name.clone(), one.value.clone())).collect();
        all.sort();
        all
    };
    let differ = [
        (Aspect::Owner, owner(one) != owner(other)),
        (Aspect::Mode, one.mode != other.mode),
        (Aspect::Attributes, attributes(one) != attributes(other)),
        (Aspect::Times, one.mtime != other.mtime),
    ];
    let differing = differ.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(aspect, _)| aspect).collect()
}
