//! Captures files. The library's own walk swallows what it cannot read; this one collects it, and no snapshot is written of
//! a source that was not read whole.

mod faults;
mod node;
mod plan;
mod walk;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustic_core::repofile::{Node, StringList};
use rustix::fs::{FileType, OFlags};

pub(super) use self::faults::{Faults, Notes, stream_path};
pub use self::faults::{Note, NoteKind};
pub(super) use self::node::{mode_to_format, permissions_from_format};
use self::plan::Place;
pub(super) use self::plan::Plan;
pub(super) use self::walk::{Walk, Walked};
use super::archive;
use super::beneath::kind_of;
use super::capture::{Captured, Draft, Origin, commit, item_tags};
use super::error::{VaultError, contained};
use super::progress::{Basis, Cancel, Progress};
use super::repository::{Repository, blank};

/// What to capture as one item of files.
#[derive(Debug)]
pub struct CaptureFiles<'a> {
    /// The point that it belongs to.
    pub point: &'a str,
    /// The item's name, equal in every point.
    pub item: &'a str,
    /// The site's root: logical paths lie below it unless a mapping says otherwise.
    pub root: &'a Path,
    /// Absolute logical paths. They are what the snapshot holds, so that points of different sites compare.
    pub paths: &'a [PathBuf],
    /// Logical paths that lie elsewhere on this disk, with where; the longest match counts, below a path too.
    pub physical: &'a [(PathBuf, PathBuf)],
    /// Patterns with the meaning of `.gitignore`, relative to each path; `!` takes back.
    pub exclude: &'a [String],
    /// Physical paths that are never captured, such as the vault.
    pub skip: &'a [PathBuf],
    /// Who and when.
    pub origin: Origin,
}

impl Repository {
    /// Captures files as one snapshot, begin or continue: what an earlier try stored is not stored again.
    ///
    /// Unchanged files (size, modification and change time) are taken from the newest snapshot of the same item.
    ///
    /// # Errors
    /// If anything that is neither excluded nor vanished cannot be read, with the names, and without a snapshot; if the
    /// store fails; if canceled.
    pub fn capture_files(
        &self,
        what: &CaptureFiles<'_>,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Captured, VaultError> {
        let tags = item_tags(what.point, what.item)?;
        let plan = Arc::new(Plan::new(
            what.root,
            what.paths,
            what.physical,
            what.exclude,
            what.skip,
        )?);
        let session = self.watched(cancel, progress)?;
        let parent = session.snapshots(&[&format!("item={}", what.item)])?.pop();
        let guard = Arc::clone(&session.guard);
        let faults = Arc::new(Faults::new(Some(Arc::clone(&guard))));
        if plan.paths().is_empty() {
            faults.fault(what.root, "the component names no path");
        }
        faults.verdict(what.item)?;

        let known = parent.as_ref().and_then(|parent| parent.summary.as_ref());
        if let Some(summary) = known {
            progress.total(summary.total_bytes_processed, Basis::Parent);
        }
        let announced = AtomicU64::new(0);
        let source = archive::Source {
            plan: &plan,
            faults: &faults,
            parent: parent.as_ref(),
            announced: &announced,
        };
        let over = AtomicBool::new(known.is_some());
        let result = std::thread::scope(|scope| {
            if known.is_none() {
                scope.spawn(|| count(&plan, progress, &|| cancel.is_canceled() || over.load(Ordering::SeqCst)));
            }
            let archived = contained("capture files", || archive::files(self, session, &source, progress));
            over.store(true, Ordering::SeqCst);
            archived
        });
        if cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        // The names of what could not be read say more than the refusal that follows from them.
        faults.verdict(what.item)?;
        let (session, archived) = result??;
        if guard.is_spoiled() {
            return Err(guard.take_error().map_or(VaultError::Canceled, VaultError::from));
        }
        let mut snapshot = blank("capture files", &what.origin.host, what.origin.time, &tags)?;
        snapshot.paths = paths_of(plan.paths());
        snapshot.parent = parent.as_ref().map(|parent| parent.id);
        snapshot.parents = snapshot.parent.into_iter().collect();
        let (bytes, files) = (
            archived.summary.total_bytes_processed,
            archived.summary.total_files_processed,
        );
        archived.fill(&mut snapshot);
        let announced = announced.load(Ordering::SeqCst);
        let expected = announced.saturating_sub(faults.withdrawn.load(Ordering::SeqCst));
        if files != expected {
            return Err(VaultError::Incomplete {
                item: what.item.to_owned(),
                expected,
                stored: files,
            });
        }
        commit(
            &session,
            Draft {
                snapshot,
                bytes,
                files,
                notes: faults.notes.take(),
            },
        )
    }
}

/// Counts the bytes of a source, for whoever watches.
fn count(plan: &Arc<Plan>, progress: &Arc<dyn Progress>, is_over: &dyn Fn() -> bool) {
    let mut total = 0_u64;
    for walked in Walk::sizes(Arc::clone(plan), Arc::new(Faults::new(None))) {
        if is_over() {
            return;
        }
        if walked.node.is_file() {
            total = total.saturating_add(walked.node.meta.size);
        }
    }
    progress.total(total, Basis::Counted);
}

/// Paths as a snapshot names them; those of a plan and of a stream are UTF-8.
pub(super) fn paths_of(plain: &[PathBuf]) -> StringList {
    let mut paths = StringList::default();
    for path in plain {
        paths.add(path.to_string_lossy().into_owned());
    }
    paths
}

/// A file that the walk found, to be opened when it is its turn.
#[derive(Debug)]
pub(super) struct Opener {
    place: Place,
    path: PathBuf,
    size: u64,
    mtime: Option<jiff::Timestamp>,
    faults: Arc<Faults>,
}

impl Opener {
    pub(super) fn new(place: Place, path: PathBuf, node: &Node, faults: &Arc<Faults>) -> Self {
        Self {
            place,
            path,
            size: node.meta.size,
            mtime: node.meta.mtime,
            faults: Arc::clone(faults),
        }
    }

    /// The file as it was listed is no longer there: said, and left out.
    fn withdraw(&self, detail: &str) {
        self.faults.withdrawn.fetch_add(1, Ordering::SeqCst);
        self.faults.notes.add(Note::new(NoteKind::Vanished, &self.path, detail));
    }

    /// Opens the file; nothing if it is gone or cannot be opened, which is told to the faults and notes.
    pub(super) fn open(self) -> Option<Opened> {
        // A file that became a pipe must not stop the capture.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let fd = match self.place.open(flags) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.withdraw("it was removed before it was read");
                return None;
            }
            Err(error) if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP) => {
                self.withdraw("it was replaced by a symbolic link before it was read");
                return None;
            }
            Err(error) => {
                self.faults.fault(&self.path, format!("it cannot be opened: {error}"));
                return None;
            }
        };
        let is_file = rustix::fs::fstat(&fd).is_ok_and(|stat| kind_of(stat.st_mode) == FileType::RegularFile);
        if !is_file {
            self.withdraw("it was replaced by something that is no file");
            return None;
        }
        if self.faults.any() {
            // Nothing will come of this capture; only the names of what else cannot be opened are still of use.
            return None;
        }
        let Self {
            path,
            size,
            mtime,
            faults,
            ..
        } = self;
        Some(Opened {
            file: File::from(fd),
            size,
            path,
            mtime,
            faults,
        })
    }
}

/// A file that is read up to the size that it was listed with; it says when that is not what it has.
pub(super) struct Opened {
    pub(super) file: File,
    /// As it was listed, in bytes.
    pub(super) size: u64,
    path: PathBuf,
    mtime: Option<jiff::Timestamp>,
    faults: Arc<Faults>,
}

impl Opened {
    /// So much of it was read, and there was no more.
    pub(super) fn ended(&self, read: u64) {
        let note = |detail: String| {
            self.faults.notes.add(Note::new(NoteKind::Changed, &self.path, detail));
        };
        if read < self.size {
            return note(format!(
                "it shrank while it was read: {} bytes are missing at its end",
                self.size - read
            ));
        }
        match rustix::fs::fstat(&self.file) {
            Ok(stat) => {
                let mtime = stat
                    .st_mtime_nsec
                    .try_into()
                    .ok()
                    .and_then(|nanoseconds: i32| jiff::Timestamp::new(stat.st_mtime, nanoseconds).ok());
                if mtime != self.mtime {
                    note("it was written to while it was read: what it had at that moment is kept, up to its listed size".into());
                }
            }
            Err(error) => self.failed(&error.into()),
        }
    }

    /// It could not be read to its end. That nobody wanted the rest is no fault of it.
    pub(super) fn failed(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::Interrupted {
            self.faults.fault(&self.path, format!("it cannot be read: {error}"));
        }
    }
}
