//! Captures files. The library's own walk swallows what it cannot read; this one collects it, and no snapshot is written of
//! a source that was not read whole.

mod faults;
mod node;
mod plan;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustic_core::{
    BackupOptions, ErrorKind, ParentOptions, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult,
};
use rustix::fs::{FileType, OFlags};

pub(super) use self::faults::{Faults, Notes, stream_path};
pub use self::faults::{Note, NoteKind};
pub(super) use self::node::{mode_to_format, permissions_from_format};
use self::plan::{Place, Plan};
use self::walk::{Walk, Walked};
use super::beneath::kind_of;
use super::capture::{Captured, Draft, Origin, commit, item_tags};
use super::error::VaultError;
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
        let session = session.indexed_ids()?;
        let guard = Arc::clone(&session.guard);
        let faults = Arc::new(Faults::new(Some(Arc::clone(&guard))));
        if plan.paths().is_empty() {
            faults.fault(what.root, "the component names no path");
        }
        faults.verdict(what.item)?;

        let mut options = BackupOptions::default();
        if let Some(parent) = &parent {
            if let Some(summary) = &parent.summary {
                progress.total(summary.total_bytes_processed, Basis::Parent);
                options.no_scan = true;
            }
            let id = parent.id.to_hex().to_string();
            options.parent_opts = ParentOptions::default().parents(vec![id]);
        } else {
            options.parent_opts = ParentOptions::default().force(true);
        }
        let source = Files {
            plan: Arc::clone(&plan),
            faults: Arc::clone(&faults),
            announced: Arc::default(),
        };
        let snapshot = blank("capture files", &what.origin.host, what.origin.time, &tags)?;
        guard.withhold(true);
        let result = session.run("capture files", |library| {
            library.archive(&options, &source, snapshot, plan.paths())
        });
        if cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        // The names of what could not be read say more than the refusal that follows from them.
        faults.verdict(what.item)?;
        let snapshot = result?;
        if guard.is_spoiled() {
            return Err(guard.take_error().map_or(VaultError::Canceled, VaultError::from));
        }
        let (bytes, files) = snapshot.summary.as_ref().map_or((0, 0), |summary| {
            (summary.total_bytes_processed, summary.total_files_processed)
        });
        let announced = source.announced.load(Ordering::SeqCst);
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

/// The source that the library reads.
struct Files {
    plan: Arc<Plan>,
    faults: Arc<Faults>,
    /// Entries other than directories that were handed to the library.
    announced: Arc<AtomicU64>,
}

impl ReadSource for Files {
    type Open = Opener;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        let scan = Arc::new(Faults::new(None));
        let walk = Walk::new(Arc::clone(&self.plan), scan);
        let mut total = 0_u64;
        for walked in walk {
            if self.faults.is_canceled() {
                return Ok(None);
            }
            if walked.node.is_file() {
                total = total.saturating_add(walked.node.meta.size);
            }
        }
        Ok(Some(total))
    }

    fn entries(&self) -> Entries {
        Entries {
            walk: Walk::new(Arc::clone(&self.plan), Arc::clone(&self.faults)),
            faults: Arc::clone(&self.faults),
            announced: Arc::clone(&self.announced),
        }
    }
}

struct Entries {
    walk: Walk,
    faults: Arc<Faults>,
    announced: Arc<AtomicU64>,
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Opener>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Walked { path, node, place } = self.walk.next()?;
        if !node.is_dir() {
            self.announced.fetch_add(1, Ordering::SeqCst);
        }
        let open = match place {
            Some(place) if node.is_file() => Some(Opener {
                place,
                path: path.clone(),
                size: node.meta.size,
                mtime: node.meta.mtime,
                faults: Arc::clone(&self.faults),
            }),
            _ => None,
        };
        Some(Ok(ReadSourceEntry { path, node, open }))
    }
}

/// Opens one file when the library comes to it.
struct Opener {
    place: Place,
    path: PathBuf,
    size: u64,
    mtime: Option<jiff::Timestamp>,
    faults: Arc<Faults>,
}

impl Opener {
    /// The file as it was listed is no longer there: said, and left out.
    fn withdraw(&self, detail: &str) -> Box<RusticError> {
        self.faults.withdrawn.fetch_add(1, Ordering::SeqCst);
        self.faults.notes.add(Note::new(NoteKind::Vanished, &self.path, detail));
        refusal(detail)
    }
}

impl ReadSourceOpen for Opener {
    type Reader = Tracked;

    fn open(self) -> RusticResult<Tracked> {
        // A file that became a pipe must not stop the capture.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let fd = match self.place.open(flags) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.withdraw("it was removed before it was read"));
            }
            Err(error) if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP) => {
                return Err(self.withdraw("it was replaced by a symbolic link before it was read"));
            }
            Err(error) => {
                self.faults.fault(&self.path, format!("it cannot be opened: {error}"));
                return Err(refusal("it cannot be opened"));
            }
        };
        let is_file = rustix::fs::fstat(&fd).is_ok_and(|stat| kind_of(stat.st_mode) == FileType::RegularFile);
        if !is_file {
            return Err(self.withdraw("it was replaced by something that is no file"));
        }
        if self.faults.any() {
            // Nothing will come of this capture; only the names of what else cannot be opened are still of use.
            return Err(refusal("the capture failed already"));
        }
        let Self {
            path,
            size,
            mtime,
            faults,
            ..
        } = self;
        Ok(Tracked {
            file: File::from(fd),
            path,
            left: size,
            mtime,
            faults,
            ended: false,
        })
    }
}

fn refusal(reason: &str) -> Box<RusticError> {
    RusticError::new(ErrorKind::InputOutput, reason)
}

/// Reads a file up to the size that it was listed with, and says when that is not what it has.
struct Tracked {
    file: File,
    path: PathBuf,
    left: u64,
    mtime: Option<jiff::Timestamp>,
    faults: Arc<Faults>,
    ended: bool,
}

impl Tracked {
    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let note = |detail: String| {
            self.faults.notes.add(Note::new(NoteKind::Changed, &self.path, detail));
        };
        if self.left > 0 {
            return note(format!(
                "it shrank while it was read: {} bytes are missing at its end",
                self.left
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
            Err(error) => self.faults.fault(&self.path, format!("it cannot be read: {error}")),
        }
    }
}

impl Read for Tracked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.faults.is_canceled() {
            return Err(io::Error::other("the operation was canceled"));
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        if part.is_empty() {
            if self.left == 0 {
                self.end();
            }
            return Ok(0);
        }
        match self.file.read(part) {
            Ok(0) => {
                self.end();
                Ok(0)
            }
            Ok(count) => {
                self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.faults.fault(&self.path, format!("it cannot be read: {error}"));
                Err(error)
            }
        }
    }
}
