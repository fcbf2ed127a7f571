//! What a capture saw on its way: what made it fail, and what has to be said.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::error::{SourceFault, VaultError};
use super::super::guard::Guard;

/// So many faults and notes are kept with their names; the rest is counted.
const KEPT: usize = 100;

/// Why something has to be said about an operation that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoteKind {
    /// It disappeared between listing and reading, so it is not in the snapshot.
    Vanished,
    /// It changed while it was read; what was read is in the snapshot.
    Changed,
    /// A socket, which has no content to keep.
    Socket,
    /// A place that is never captured, such as the vault itself.
    Skipped,
    /// Some of its metadata could not be kept or set.
    Metadata,
    /// It could not be made at the target.
    NotRestored,
    /// Nothing more is named; the detail counts.
    More,
}

/// Something that has to be said about an operation that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Why.
    pub kind: NoteKind,
    /// The path; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// A sentence without a full stop.
    pub detail: String,
}

impl Note {
    pub(in super::super) fn new(kind: NoteKind, path: &Path, detail: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.display().to_string(),
            detail: detail.into(),
        }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.path, self.detail)
    }
}

/// Collects notes from several threads.
#[derive(Debug, Default)]
pub(in super::super) struct Notes {
    kept: Mutex<Vec<Note>>,
    more: AtomicU64,
}

impl Notes {
    pub(in super::super) fn add(&self, note: Note) {
        let mut kept = lock(&self.kept);
        if kept.len() < KEPT {
            kept.push(note);
        } else {
            self.more.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in super::super) fn take(&self) -> Vec<Note> {
        let mut notes = std::mem::take(&mut *lock(&self.kept));
        notes.sort_by(|a, b| a.path.cmp(&b.path));
        let more = self.more.swap(0, Ordering::Relaxed);
        if more > 0 {
            let detail = format!("{more} more notes are not named");
            notes.push(Note {
                kind: NoteKind::More,
                path: String::new(),
                detail,
            });
        }
        notes
    }
}

/// Collects the faults of a source. The first one spoils the guard: no snapshot follows it.
#[derive(Debug)]
pub(in super::super) struct Faults {
    /// None for a mere scan, whose faults do not count: the walk that captures finds them again.
    guard: Option<Arc<Guard>>,
    kept: Mutex<Vec<SourceFault>>,
    more: AtomicU64,
    pub(in super::super) notes: Notes,
    /// Entries that were announced to the library and then not handed over.
    pub(in super::super) withdrawn: AtomicU64,
}

impl Faults {
    pub(in super::super) fn new(guard: Option<Arc<Guard>>) -> Self {
        Self {
            guard,
            kept: Mutex::default(),
            more: AtomicU64::new(0),
            notes: Notes::default(),
            withdrawn: AtomicU64::new(0),
        }
    }

    pub(in super::super) fn fault(&self, path: &Path, reason: impl Into<String>) {
        if let Some(guard) = &self.guard {
            guard.spoil();
        }
        let mut kept = lock(&self.kept);
        if kept.len() < KEPT {
            kept.push(SourceFault {
                path: path.to_owned(),
                reason: reason.into(),
            });
        } else {
            self.more.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in super::super) fn any(&self) -> bool {
        !lock(&self.kept).is_empty()
    }

    pub(in super::super) fn is_canceled(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.is_canceled())
    }

    /// The error that these faults make of a capture.
    pub(in super::super) fn verdict(&self, item: &str) -> Result<(), VaultError> {
        let mut faults = lock(&self.kept).clone();
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort_by(|a, b| a.path.cmp(&b.path));
        let more = usize::try_from(self.more.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        Err(VaultError::Source {
            item: item.to_owned(),
            faults,
            more,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path for a fault that has none.
pub(in super::super) fn stream_path(name: &str) -> PathBuf {
    PathBuf::from("/").join(name)
}
