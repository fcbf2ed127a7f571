//! Restores an item's files. A restorer of our own over the library's index: the library's follows links out of its target,
//! panics on damaged data and breaks on existing hard links.
//!
//! Flow: read the trees and decide for every entry (nothing is written if anything is in the way) → directories → contents
//! in parallel → links and special files → metadata of directories, deepest first. A file is written under another name with
//! all its metadata and then renamed, so what has its final name is complete. Killed at any byte and run again, it continues
//! and ends with the same result.

mod content;
mod entry;
mod holes;
mod metadata;
mod owners;
mod parts;
mod paths;
mod plan;
mod preview;
mod selection;
mod target;

pub(super) use holes::Holes;
pub use metadata::Aspect;
pub use owners::{OwnerRule, Owners};
pub(super) use parts::{Part, parts};
pub use preview::{Change, Fate, Survey};
pub use selection::Selection;
pub(super) use target::temporary;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::VaultError;
use super::list::tree_id;
use super::progress::{Basis, Cancel, Progress};
use super::repository::Repository;
use super::source::{Note, Notes};
use plan::{Action, Plan};
use target::Target;

/// How to restore the files of an item.
pub struct RestoreFiles<'a> {
    /// The id of the item's tree.
    pub tree: &'a str,
    /// The logical paths that the item was captured for; what is above them is not restored, only made if missing.
    pub paths: &'a [PathBuf],
    /// The directory below which everything is written. It is made if it does not exist.
    pub target: &'a Path,
    /// Where a logical path goes, below the target; a leading `/` means the target.
    pub map: &'a (dyn Fn(&Path) -> PathBuf + Sync),
    /// Only what this takes.
    pub only: Option<&'a Selection>,
    /// Whose files become whose; without it each keeps its number.
    pub owners: Option<&'a Owners>,
    /// Whether what is there and differs is made what it was: contents replaced, metadata set. Directories are never replaced by
    /// anything else, and what is not asked for stays as it is.
    pub overwrite: bool,
    /// Whether a file of the right size and time is compared by content too before it counts as identical; with `overwrite` one
    /// of another time too.
    pub compare: bool,
}

impl std::fmt::Debug for RestoreFiles<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestoreFiles")
            .field("tree", &self.tree)
            .field("paths", &self.paths)
            .field("target", &self.target)
            .field("only", &self.only)
            .field("overwrite", &self.overwrite)
            .field("compare", &self.compare)
            .finish_non_exhaustive()
    }
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Entries other than directories that were written.
    pub files: u64,
    /// The bytes of their contents, holes included.
    pub bytes: u64,
    /// Entries other than directories that were there already and identical.
    pub skipped_identical: u64,
    /// What has to be said about it.
    pub notes: Vec<Note>,
    /// Owners whose number means somebody else on this machine.
    pub strangers: Vec<String>,
}

impl Repository {
    /// Looks whether anything is in the way of [`Repository::restore_files`], and writes nothing but the target's own
    /// directory.
    ///
    /// # Errors
    /// If something is in the way, with the names; if the trees cannot be read; if the target cannot be used.
    pub fn preflight_files(&self, what: &RestoreFiles<'_>, cancel: &Cancel) -> Result<(), VaultError> {
        let blobs = self.blobs(cancel)?;
        let target = Target::open(what.target)?;
        Plan::read(&blobs, tree_id(what.tree)?, what, &target).map(drop)
    }

    /// Restores files, begin or continue. Runs anew over its own unfinished work, and over files that are identical.
    ///
    /// Guarantees: nothing is written outside the target, no symbolic link is followed, nothing is written at all if files of
    /// others are in the way. Memory is bounded by a few times 32 MB, beside the list of entries.
    ///
    /// # Errors
    /// If something is in the way, with the names; if stored data are damaged, with the file; if the target cannot be written.
    pub fn restore_files(
        &self,
        what: &RestoreFiles<'_>,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Restored, VaultError> {
        let blobs = self.blobs(cancel)?;
        let target = Target::open(what.target)?;
        let notes = Notes::default();
        let plan = Plan::read(&blobs, tree_id(what.tree)?, what, &target)?;
        progress.total(plan.bytes(), Basis::Counted);

        for (rel, node) in plan.above() {
            target.make_above(&rel, node.as_ref(), &notes)?;
        }
        for step in plan.steps(|action| action == Action::Directory) {
            stop_if(cancel)?;
            target.make_directory(&step)?;
        }
        let done = AtomicU64::new(0);
        content::restore(&blobs, &plan, &target, &notes, progress, cancel, &done)?;
        let mut files = done.load(Ordering::SeqCst);
        for step in plan.steps(|action| action == Action::Make) {
            stop_if(cancel)?;
            if target.make_special(&step, &notes)? {
                files += 1;
            }
        }
        let mut skipped = 0;
        for step in plan.steps(|action| matches!(action, Action::Link(_) | Action::Keep)) {
            stop_if(cancel)?;
            match step.action {
                Action::Link(first) => {
                    let Some(first) = plan.rel(first) else { continue };
                    if target.make_link(&step, &first)? {
                        files += 1;
                    } else {
                        skipped += 1;
                    }
                }
                Action::Keep => {
                    target.adjust(&step, &notes)?;
                    skipped += 1;
                }
                Action::Directory | Action::Write | Action::Make => {}
            }
        }
        stop_if(cancel)?;
        for step in plan.steps(|action| action == Action::Directory).rev() {
            target.adjust(&step, &notes)?;
        }
        target.sync()?;
        Ok(Restored {
            files,
            bytes: plan.bytes(),
            skipped_identical: skipped,
            notes: notes.take(),
            strangers: plan.strangers,
        })
    }
}

fn stop_if(cancel: &Cancel) -> Result<(), VaultError> {
    if cancel.is_canceled() {
        Err(VaultError::Canceled)
    } else {
        Ok(())
    }
}

#[cfg(test)]
impl Repository {
    /// How many entries the plan of a restore has, and the bytes that it holds for them.
    pub(super) fn planned(&self, what: &RestoreFiles<'_>) -> Result<(usize, usize), VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        Ok(Plan::gather(&blobs, tree_id(what.tree)?, what)?.held())
    }
}
