//! Stores a source as a tree: what the library's archiver does, on every processor and without reading what need not be read.
//!
//! Flow: a thread walks and describes what it finds → one compares that with the parent snapshot, gathers small files into
//! batches, and reads and cuts large ones → workers read, hash, compress and seal → the caller's thread builds the trees in
//! the order of the walk. Between them lie short queues, so that memory stays within a few blobs for each thread, whatever
//! the source holds.
//!
//! Guarantees: the same input makes the same blobs and the same tree as the library makes. Whatever cannot be read is a fault
//! in [`Faults`], which spoils the guard; nobody takes what is returned then for the whole.

mod content;
mod order;
mod parent;
mod trees;
mod work;

use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{bounded, unbounded};
use rustic_core::TreeId;
use rustic_core::repofile::{Node, SnapshotFile, SnapshotSummary};

use super::error::VaultError;
use super::pack::{Added, Cutter, with_writer};
use super::parallel::processors;
use super::progress::Progress;
use super::repository::{Repository, Session};
use super::source::{Faults, Plan, Walk};
use content::Stream;
pub(super) use content::{Extents, Feed};
use order::Orders;
use parent::Parents;
use trees::Trees;
use work::{Shared, work};

/// The walk hands over so many entries at a time,
const WALKED: usize = 64;
/// and may be so many handings-over ahead.
const WALKED_AHEAD: usize = 16;
/// So many batches and files may be under way between the walk and the trees.
const ORDERS: usize = 32;

/// What was stored.
pub(super) struct Archived {
    pub(super) tree: TreeId,
    pub(super) summary: SnapshotSummary,
}

impl Archived {
    /// Puts what was stored into a snapshot that is to be written.
    pub(super) fn fill(mut self, snapshot: &mut SnapshotFile) {
        if let Some(begun) = &snapshot.summary {
            self.summary.command.clone_from(&begun.command);
        }
        snapshot.tree = self.tree;
        snapshot.summary = Some(self.summary);
    }
}

/// Where a source comes from and what it is compared with.
pub(super) struct Source<'a> {
    pub(super) plan: &'a Arc<Plan>,
    pub(super) faults: &'a Arc<Faults>,
    /// Files that are as they were in it are not read again.
    pub(super) parent: Option<&'a SnapshotFile>,
    /// Entries other than directories that were found.
    pub(super) announced: &'a AtomicU64,
}

/// Stores the files of a plan.
///
/// # Errors
/// If the store fails or reading it does, or if canceled. Faults of the source are in its [`Faults`].
pub(super) fn files(
    repository: &Repository,
    session: Session,
    source: &Source<'_>,
    progress: &Arc<dyn Progress>,
) -> Result<(Session, Archived), VaultError> {
    let blobs = repository.blobs_of(session)?;
    let parent = source.parent.map(|snapshot| snapshot.tree);
    let began = jiff::Zoned::now();
    let made = run(
        repository,
        blobs.session(),
        Arc::clone(blobs.index()),
        progress,
        parent,
        |orders| {
            let (walked_to, walked) = bounded(WALKED_AHEAD);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let mut walk = Walk::new(Arc::clone(source.plan), Arc::clone(source.faults)).peekable();
                    while walk.peek().is_some() {
                        let some: Vec<_> = walk.by_ref().take(WALKED).collect();
                        if walked_to.send(some).is_err() {
                            break;
                        }
                    }
                });
                let mut parents = Parents::new(&blobs, parent);
                for entry in walked.into_iter().flatten() {
                    if !orders.take(entry, &mut parents, source) {
                        break;
                    }
                }
                orders.finish();
            });
        },
    )?;
    let archived = made.archived(began);
    Ok((blobs.into_session(), archived))
}

/// Stores a stream as the one file of a tree. The node is described already; what is read becomes its content.
///
/// # Errors
/// As [`files`]. A reader that fails says so by itself.
pub(super) fn stream(
    repository: &Repository,
    session: &Session,
    node: Node,
    reader: &mut (dyn Read + Send),
    progress: &Arc<dyn Progress>,
) -> Result<Archived, VaultError> {
    content(repository, session, node, &mut Stream { reader }, progress)
}

/// Stores what a feed gives as the one file of a tree.
///
/// # Errors
/// As [`stream`].
pub(super) fn content(
    repository: &Repository,
    session: &Session,
    node: Node,
    feed: &mut (dyn Feed + Send),
    progress: &Arc<dyn Progress>,
) -> Result<Archived, VaultError> {
    let index = repository.index(&session.guard)?;
    let began = jiff::Zoned::now();
    let made = run(repository, session, index, progress, None, |orders| {
        orders.content(node, feed, Path::new("/"));
        orders.finish();
    })?;
    Ok(made.archived(began))
}

struct Made {
    trees: trees::Built,
    added: Added,
}

/// Runs the threads. `produce` gives the orders.
fn run(
    repository: &Repository,
    session: &Session,
    index: Arc<super::pack::Index>,
    progress: &Arc<dyn Progress>,
    parent: Option<TreeId>,
    produce: impl FnOnce(&mut Orders<'_>) + Send,
) -> Result<Made, VaultError> {
    let guard = &*session.guard;
    let cutter = Cutter::of(repository.config()).ok_or_else(|| VaultError::Library {
        action: "cut files",
        place: repository.location(),
        reason: "the repository's configuration asks for another way of cutting than restic's".into(),
    })?;
    let (trees, added, index) = with_writer(guard, repository.config(), repository.cipher(), index, |writer| {
        let threads = processors();
        let (jobs_to, jobs) = bounded(threads);
        let (orders_to, orders) = bounded(ORDERS);
        let shared = Shared {
            writer,
            guard,
            cutter: &cutter,
            progress,
            failure: Mutex::new(None),
        };
        let built = std::thread::scope(|scope| {
            for _ in 0..threads {
                let (shared, jobs) = (&shared, jobs.clone());
                scope.spawn(move || work(shared, repository.codec(), &jobs));
            }
            drop(jobs);
            let shared = &shared;
            scope.spawn(move || {
                let mut orders = Orders::new(shared, repository.codec(), jobs_to, orders_to);
                produce(&mut orders);
            });
            let built = repository
                .codec()
                .and_then(|codec| Trees::new(shared, codec, parent).build(&orders));
            // Whoever still waits to hand something over is told by the channel's end.
            drop(orders);
            built
        });
        match shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => built,
        }
    })?;
    repository.keep_index(index);
    Ok(Made { trees, added })
}

impl Made {
    fn archived(self, began: jiff::Zoned) -> Archived {
        let Self { trees, added } = self;
        let mut summary = SnapshotSummary::default();
        let ended = jiff::Zoned::now();
        summary.files_new = trees.files.new;
        summary.files_changed = trees.files.changed;
        summary.files_unmodified = trees.files.unmodified;
        summary.total_files_processed = trees.files.new + trees.files.changed + trees.files.unmodified;
        summary.total_bytes_processed = trees.bytes;
        summary.dirs_new = trees.directories.new;
        summary.dirs_changed = trees.directories.changed;
        summary.dirs_unmodified = trees.directories.unmodified;
        summary.total_dirs_processed = trees.directories.new + trees.directories.changed + trees.directories.unmodified;
        summary.total_dirsize_processed = trees.tree_bytes;
        summary.data_blobs = added.data_blobs;
        summary.tree_blobs = added.tree_blobs;
        summary.data_added = added.data_bytes + added.tree_bytes;
        summary.data_added_packed = added.data_packed + added.tree_packed;
        summary.data_added_files = added.data_bytes;
        summary.data_added_files_packed = added.data_packed;
        summary.data_added_trees = added.tree_bytes;
        summary.data_added_trees_packed = added.tree_packed;
        let seconds = (ended.timestamp() - began.timestamp())
            .total(jiff::Unit::Second)
            .unwrap_or_default();
        summary.backup_duration = seconds;
        summary.total_duration = seconds;
        summary.backup_start = began;
        summary.backup_end = ended;
        Archived {
            tree: trees.root,
            summary,
        }
    }
}

/// A channel of which one message is expected, or as many as there are parts.
fn answers<T>() -> (crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>) {
    unbounded()
}
