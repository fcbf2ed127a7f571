//! Builds the trees, from the leaves to the root, in the order of the walk.

use crossbeam_channel::Receiver;
use rustic_core::TreeId;
use rustic_core::repofile::Node;

use super::super::error::VaultError;
use super::super::pack::{BlobKind, Codec};
use super::order::Order;
use super::parent::{Beneath, Standing};
use super::work::{Piece, Shared, Step};

/// How many of something there are, by how they stand to the parent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standings {
    pub(super) new: u64,
    pub(super) changed: u64,
    pub(super) unmodified: u64,
}

impl Standings {
    fn count(&mut self, standing: Standing) {
        match standing {
            Standing::New => self.new += 1,
            Standing::Changed => self.changed += 1,
            Standing::Unmodified => self.unmodified += 1,
        }
    }
}

/// The finished tree.
pub(super) struct Built {
    pub(super) root: TreeId,
    pub(super) files: Standings,
    pub(super) directories: Standings,
    /// The bytes of all contents.
    pub(super) bytes: u64,
    /// The bytes of all trees.
    pub(super) tree_bytes: u64,
}

/// A directory that is being filled.
struct Open {
    /// The directory's own entry; nothing for the root.
    node: Option<Node>,
    standing: Standing,
    /// Its own entry is as it was.
    same: bool,
    beneath: Option<Beneath>,
    nodes: Vec<Node>,
    /// All its entries so far are as they were.
    all_same: bool,
}

/// Builds.
pub(super) struct Trees<'a> {
    shared: &'a Shared<'a>,
    codec: Codec,
    stack: Vec<Open>,
    built: Built,
}

impl<'a> Trees<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, codec: Codec, parent: Option<TreeId>) -> Self {
        let root = Open {
            node: None,
            standing: parent.map_or(Standing::New, |_| Standing::Unmodified),
            same: true,
            beneath: parent.map(|tree| Beneath {
                tree,
                entries: usize::MAX,
            }),
            nodes: Vec::new(),
            all_same: false,
        };
        Self {
            shared,
            codec,
            stack: vec![root],
            built: Built {
                root: TreeId::default(),
                files: Standings::default(),
                directories: Standings::default(),
                bytes: 0,
                tree_bytes: 0,
            },
        }
    }

    /// Carries all orders out, to the root.
    pub(super) fn build(mut self, orders: &Receiver<Order>) -> Result<Built, VaultError> {
        for order in orders {
            match order {
                Order::Known(steps) => self.steps(steps)?,
                // A worker that is gone says nothing: the capture failed then, or was canceled.
                Order::Steps(steps) => match steps.recv() {
                    Ok(steps) => self.steps(steps)?,
                    Err(_) => return Err(VaultError::Canceled),
                },
                Order::Content {
                    mut node,
                    standing,
                    pieces,
                    whole,
                } => {
                    let mut pieces: Vec<Piece> = pieces.into_iter().collect();
                    if whole.recv().is_err() {
                        // It could not be read to its end, and that is said elsewhere.
                        continue;
                    }
                    pieces.sort_by_key(|piece| piece.number);
                    let times = |piece: &Piece| usize::try_from(piece.times).unwrap_or(usize::MAX);
                    let content = pieces
                        .iter()
                        .flat_map(|piece| std::iter::repeat_n(piece.id, times(piece)));
                    node.content = Some(content.collect());
                    let bytes = pieces.iter().map(|piece| piece.bytes * piece.times).sum();
                    self.step(Step::Entry {
                        node,
                        bytes,
                        standing,
                        same: false,
                    })?;
                }
            }
        }
        while self.stack.len() > 1 {
            self.step(Step::Up)?;
        }
        let Some(root) = self.stack.pop() else {
            return Ok(self.built);
        };
        self.built.root = self.close(&root)?;
        Ok(self.built)
    }

    fn steps(&mut self, steps: Vec<Step>) -> Result<(), VaultError> {
        steps.into_iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: Step) -> Result<(), VaultError> {
        match step {
            Step::Down {
                node,
                standing,
                same,
                beneath,
            } => self.stack.push(Open {
                node: Some(node),
                standing,
                same,
                beneath,
                nodes: Vec::new(),
                all_same: true,
            }),
            Step::Up => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                let tree = self.close(&open)?;
                let Open {
                    node, same, beneath, ..
                } = open;
                if let Some(mut node) = node {
                    node.subtree = Some(tree);
                    let same = same && beneath.is_some_and(|beneath| beneath.tree == tree);
                    self.put(node, same);
                }
            }
            Step::Entry {
                node,
                bytes,
                standing,
                same,
            } => {
                self.built.files.count(standing);
                self.built.bytes += bytes;
                self.put(node, same);
            }
        }
        Ok(())
    }

    fn put(&mut self, node: Node, same: bool) {
        if let Some(open) = self.stack.last_mut() {
            open.all_same &= same;
            open.nodes.push(node);
        }
    }

    /// Stores the tree of a directory that is complete.
    fn close(&mut self, open: &Open) -> Result<TreeId, VaultError> {
        // Nothing in it differs from the parent's, so neither does its tree.
        if let Some(beneath) = open.beneath
            && open.all_same
            && beneath.entries == open.nodes.len()
        {
            self.built.directories.count(Standing::Unmodified);
            return Ok(beneath.tree);
        }
        let broken = |reason: String| VaultError::Library {
            action: "store a directory",
            place: rustic_core::ReadBackend::location(self.shared.guard),
            reason,
        };
        let mut json = Vec::new();
        json.extend_from_slice(br#"{"nodes":"#);
        serde_json::to_writer(&mut json, &open.nodes).map_err(|error| broken(error.to_string()))?;
        // The stock program ends a tree with a line end, so that is part of what is hashed.
        json.extend_from_slice(b"}\n");
        self.built.tree_bytes += u64::try_from(json.len()).unwrap_or(u64::MAX);
        let tree: TreeId = self.shared.store(&mut self.codec, BlobKind::Tree, &json).into();
        let known = open.beneath.is_some_and(|beneath| beneath.tree == tree);
        self.built.directories.count(match (known, open.standing) {
            (true, _) => Standing::Unmodified,
            (false, Standing::New) => Standing::New,
            (false, _) => Standing::Changed,
        });
        Ok(tree)
    }
}
