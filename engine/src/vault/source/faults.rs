//! What a capture saw on its way: what made it fail, and what has to be said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::error::{SourceFault, VaultError};
use super::super::guard::Guard;

/// So many faults and notes are kept with their names; the rest is counted.
const KEPT: usize = 100;
/// So many notes that differ in their path alone are named.
const ALIKE: u64 = 20;

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
        match self.kind {
            NoteKind::More => f.write_str(&self.detail),
            _ => write!(f, "`{}`: {}", self.path, self.detail),
        }
    }
}

/// Collects notes from several threads. However many there are, each thing that has to be said is said: of many that differ in
/// their path alone, some are named and the rest is counted.
#[derive(Debug, Default)]
pub(in super::super) struct Notes {
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    kept: Vec<Note>,
    /// How often each detail was said, and how many of these are kept.
    details: BTreeMap<String, (u64, u64)>,
    /// What is not even counted by its detail.
    more: u64,
}

impl Notes {
    pub(in super::super) fn add(&self, note: Note) {
        let mut said = lock(&self.said);
        let said = &mut *said;
        if said.details.len() >= KEPT && !said.details.contains_key(&note.detail) {
            said.more += 1;
            return;
        }
        let (all, kept) = said.details.entry(note.detail.clone()).or_default();
        *all += 1;
        if *kept < ALIKE && said.kept.len() < KEPT {
            *kept += 1;
            said.kept.push(note);
        }
    }

    pub(in super::super) fn take(&self) -> Vec<Note> {
        let said = std::mem::take(&mut *lock(&self.said));
        let mut notes = said.kept;
        notes.sort_by(|a, b| a.path.cmp(&b.path));
        let unnamed = said.details.into_iter().filter(|(_, (all, kept))| all > kept);
        let counts = unnamed.map(|(detail, (all, kept))| format!("{} more: {detail}", all - kept));
        let rest = (said.more > 0).then(|| format!("{} more notes are not named", said.more));
        notes.extend(counts.chain(rest).map(|detail| Note {
            kind: NoteKind::More,
            path: String::new(),
            detail,
        }));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_notes_hide_no_other() {
        let notes = Notes::default();
        for number in 0..5000 {
            let path = PathBuf::from(format!("/srv/{number:04}"));
            notes.add(Note::new(NoteKind::Metadata, &path, "its owner is not set"));
        }
        notes.add(Note::new(NoteKind::NotRestored, Path::new("/srv/null"), "a device"));
        let said: Vec<String> = notes.take().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 22, "{said:?}");
        assert_eq!(said.first().unwrap(), "`/srv/0000`: its owner is not set");
        assert_eq!(said[20], "`/srv/null`: a device");
        assert_eq!(said[21], "4980 more: its owner is not set");
        for number in 0..5000 {
            notes.add(Note::new(NoteKind::Metadata, Path::new("/srv"), format!("{number}")));
        }
        let said = notes.take();
        assert_eq!(said.len(), 101);
        assert_eq!(said[100].to_string(), "4900 more notes are not named");
    }
}
