//! What a plan keeps of an entry: of a million of them each byte counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};

use super::paths::{Full, PathId};
use super::plan::Action;

/// One entry to restore.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it goes.
    pub(super) place: PathId,
    /// The directory of the item that it lies in.
    pub(super) folder: PathId,
    pub(super) meta: Meta,
    pub(super) kind: Kind,
    pub(super) action: Action,
    /// A file's length in bytes.
    pub(super) size: u64,
    /// Where its content ends in that of all entries; it begins where that of the entry before it ends.
    pub(super) content_end: usize,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// Any other, by its number among those.
    Other(u32),
}

/// What is set on an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    /// The number of what it shares with others: mode, owner, attributes.
    look: u32,
    // Two pairs of seconds and nanoseconds side by side would have room between them.
    mtime_nanoseconds: i32,
    atime_nanoseconds: i32,
    mtime_seconds: i64,
    atime_seconds: i64,
}

/// Nanoseconds that no time has: there is none.
const NO_TIME: i32 = i32::MIN;

/// All that entries share, and what few of them are.
#[derive(Debug, Default)]
pub(super) struct Looks {
    all: Vec<Arc<Metadata>>,
    known: BTreeMap<Arc<Metadata>, u32>,
    others: Vec<NodeType>,
}

impl Looks {
    /// Keeps what is set on an entry.
    pub(super) fn meta(&mut self, meta: Metadata) -> Result<Meta, Full> {
        let look = Metadata {
            mode: meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            extended_attributes: meta.extended_attributes,
            ..Metadata::default()
        };
        let look = match self.known.get(&look) {
            Some(known) => *known,
            None => self.add(look)?,
        };
        let (mtime_seconds, mtime_nanoseconds) = parts(meta.mtime);
        let (atime_seconds, atime_nanoseconds) = parts(meta.atime);
        Ok(Meta {
            look,
            mtime_nanoseconds,
            atime_nanoseconds,
            mtime_seconds,
            atime_seconds,
        })
    }

    /// Keeps what an entry is.
    pub(super) fn kind(&mut self, node_type: NodeType) -> Result<Kind, Full> {
        Ok(match node_type {
            NodeType::File => Kind::File,
            NodeType::Dir => Kind::Directory,
            other => {
                let number = number(self.others.len())?;
                self.others.push(other);
                Kind::Other(number)
            }
        })
    }

    /// What was kept: a node without its name, its content, the names of its owners and what it was on its source's disk.
    pub(super) fn node(&self, kind: Kind, meta: Meta) -> Node {
        let look = usize::try_from(meta.look).ok().and_then(|look| self.all.get(look));
        let shared = look.map(|look| Metadata::clone(look)).unwrap_or_default();
        let set = Metadata {
            mtime: time(meta.mtime_seconds, meta.mtime_nanoseconds),
            atime: time(meta.atime_seconds, meta.atime_nanoseconds),
            ..shared
        };
        Node {
            node_type: self.node_type(kind),
            meta: set,
            ..Node::default()
        }
    }

    fn node_type(&self, kind: Kind) -> NodeType {
        match kind {
            Kind::File => NodeType::File,
            Kind::Directory => NodeType::Dir,
            Kind::Other(number) => {
                let other = usize::try_from(number).ok().and_then(|number| self.others.get(number));
                other.cloned().unwrap_or_default()
            }
        }
    }

    fn add(&mut self, look: Metadata) -> Result<u32, Full> {
        let (number, look) = (number(self.all.len())?, Arc::new(look));
        self.known.insert(Arc::clone(&look), number);
        self.all.push(look);
        Ok(number)
    }
}

pub(super) fn number(count: usize) -> Result<u32, Full> {
    u32::try_from(count).map_err(|_| Full)
}

fn parts(time: Option<Timestamp>) -> (i64, i32) {
    time.map_or((0, NO_TIME), |time| (time.as_second(), time.subsec_nanosecond()))
}

fn time(seconds: i64, nanoseconds: i32) -> Option<Timestamp> {
    if nanoseconds == NO_TIME {
        return None;
    }
    Timestamp::new(seconds, nanoseconds).ok()
}

#[cfg(test)]
impl Looks {
    /// The bytes that they hold, without those of attributes and of targets of links.
    pub(super) fn held(&self) -> usize {
        let each = size_of::<Metadata>() + 2 * size_of::<Arc<Metadata>>() + size_of::<u32>();
        self.all.len() * each + size_of_val(self.others.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_node_comes_back() {
        let attributed: Metadata =
            serde_json::from_str(r#"{"extended_attributes": [{"name": "user.a", "value": "Yg=="}]}"#).unwrap();
        let attributes = attributed.extended_attributes;
        let early = Timestamp::new(-5, -7).ok();
        let cases = [
            (NodeType::File, Some(0o644), None, Some(Timestamp::MAX), vec![]),
            (NodeType::Dir, None, early, None, attributes.clone()),
            (NodeType::Fifo, Some(0), Some(Timestamp::MIN), early, vec![]),
            (NodeType::Dev { device: 7 }, Some(0o600), early, early, attributes),
            (
                NodeType::from_link("a/b".as_ref()),
                None,
                Some(Timestamp::UNIX_EPOCH),
                None,
                vec![],
            ),
        ];
        let mut looks = Looks::default();
        let mut kept = Vec::new();
        for (node_type, mode, mtime, atime, extended_attributes) in cases {
            let meta = Metadata {
                mode,
                mtime,
                atime,
                uid: Some(1),
                gid: None,
                extended_attributes,
                ..Metadata::default()
            };
            let node = Node {
                node_type,
                meta,
                ..Node::default()
            };
            let kind = looks.kind(node.node_type.clone()).unwrap();
            let meta = looks.meta(node.meta.clone()).unwrap();
            kept.push((node, kind, meta));
        }
        for (node, kind, meta) in kept {
            assert_eq!(looks.node(kind, meta), node);
        }
    }

    #[test]
    fn entries_that_look_alike_share_it() {
        let mut looks = Looks::default();
        for mode in [0o644, 0o600, 0o644, 0o600] {
            let mode = Some(mode);
            looks
                .meta(Metadata {
                    mode,
                    ..Metadata::default()
                })
                .unwrap();
        }
        assert_eq!(looks.all.len(), 2);
    }

    /// Every further byte of it is a megabyte for a million entries.
    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 72, "{} bytes", size_of::<Entry>());
    }
}
