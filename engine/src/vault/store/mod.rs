//! The port to where a repository's files lie. A directory and object stores implement it.

mod cached;
mod deferring;
mod directory;
mod flow;
mod history;
mod s3;
mod spool;
#[cfg(test)]
pub(super) mod suite;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use dram_storage::{Fault, StorageError};
use jiff::Timestamp;
use rustic_core::{FileType, Id};

use super::progress::Cancel;

pub(super) use cached::Cached;
pub(super) use deferring::Deferring;
pub use directory::Directory;
pub use flow::Flow;
pub(super) use history::History;
pub use s3::S3;
pub(super) use s3::file;
pub(super) use spool::Spooling;

/// Packs up to this size are read whole, and copies of them are kept where a store keeps any: they hold manifests and the
/// like.
pub(super) const SMALL_PACK: u32 = 64 * 1024;

/// The kinds of files of a restic repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The one configuration file.
    Config,
    /// A wrapped master key.
    Key,
    /// A snapshot.
    Snapshot,
    /// An index of packs.
    Index,
    /// A pack of blobs.
    Pack,
    /// What a program leaves while it works here, for the others.
    Notice,
}

impl Kind {
    /// The folder of the kind in restic's layout; the configuration is a file of that name.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
            Self::Notice => "locks",
        }
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::Config => Self::Config,
            FileType::Key => Self::Key,
            FileType::Snapshot => Self::Snapshot,
            FileType::Index => Self::Index,
            FileType::Pack => Self::Pack,
        }
    }
}

/// What a store answers when it cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What was asked for is not there.
    #[error("`{place}` is not there")]
    Missing {
        /// Path or address.
        place: String,
    },
    /// The permissions do not allow it.
    #[error("no permission to {action} `{place}`")]
    Denied {
        /// The verb of what was tried.
        action: &'static str,
        /// Path or address.
        place: String,
    },
    /// The file system is mounted read-only.
    #[error("`{place}` cannot be written: its file system is read-only")]
    ReadOnly {
        /// Path or address.
        place: String,
    },
    /// No space, or no quota, is left.
    #[error("no space is left to write `{place}`")]
    NoSpace {
        /// Path or address.
        place: String,
    },
    /// A file that is written once exists already.
    #[error("`{place}` exists already")]
    Exists {
        /// Path or address.
        place: String,
    },
    /// A file is shorter than what its index says.
    #[error("`{place}` is too short: {length} bytes at {offset} were asked for")]
    Truncated {
        /// Path or address.
        place: String,
        /// In bytes.
        offset: u64,
        /// In bytes.
        length: u64,
    },
    /// The place of a repository holds other things.
    #[error("`{place}` is no repository and not empty: it holds {}", found.join("; "))]
    Foreign {
        /// Path or address.
        place: String,
        /// Some names found there.
        found: Vec<String>,
    },
    /// An object store did not do what was asked, for a reason that no file system has: it does not answer, is busy, knows
    /// neither the credentials nor the bucket.
    #[error(transparent)]
    Storage(StorageError),
    /// The operation was canceled.
    #[error("the operation was canceled")]
    Canceled,
    /// A snapshot is not written, because its source failed.
    #[error("the snapshot is not written, because reading its source failed")]
    Withheld,
    /// Any other answer of the operating system.
    #[error("cannot {action} `{place}`: {source}")]
    Io {
        /// The verb of what was tried.
        action: &'static str,
        /// Path or address.
        place: String,
        /// The answer.
        source: io::Error,
    },
}

impl StoreError {
    /// Sorts an answer of the operating system by what the user can do about it.
    pub(super) fn of(action: &'static str, place: impl Into<String>, source: io::Error) -> Self {
        let place = place.into();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { place },
            io::ErrorKind::PermissionDenied => Self::Denied { action, place },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { place },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { place },
            io::ErrorKind::AlreadyExists => Self::Exists { place },
            _ => Self::Io { action, place, source },
        }
    }

    /// The way out, where there is one.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => {
                Some("check the address of the vault, and that it is mounted on this machine".into())
            }
            Self::Denied { place, .. } if place.contains("://") => Some(
                "give these credentials the right to do that, or let those act that have it; what is locked waits for its time"
                    .into(),
            ),
            Self::Denied { .. } => {
                Some("run as a user who may do that, or change the owner and mode of the vault's directory".into())
            }
            Self::ReadOnly { .. } => {
                Some("mount the vault's file system for writing; reading and restoring work as it is".into())
            }
            Self::NoSpace { .. } => {
                Some("free some space or raise the quota, then run again: what is stored already is kept".into())
            }
            Self::Truncated { .. } => Some("the vault is damaged: restore from another copy of the point".into()),
            Self::Foreign { place, .. } => Some(format!(
                "move these away or choose another vault: nothing in `{place}` was touched"
            )),
            Self::Storage(error) => error.help().map(str::to_owned),
            Self::Exists { .. } | Self::Canceled | Self::Withheld | Self::Io { .. } => None,
        }
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        let StorageError {
            fault, action, place, ..
        } = error;
        match fault {
            Fault::Missing => Self::Missing { place },
            Fault::Denied => Self::Denied { action, place },
            Fault::Exists => Self::Exists { place },
            Fault::NoSpace => Self::NoSpace { place },
            Fault::Canceled => Self::Canceled,
            _ => Self::Storage(StorageError { place, ..error }),
        }
    }
}

/// What keeps others from making the same repository at the same time, until it is dropped. Where a store knows no locks it
/// holds nothing, and the write of the configuration, which never overwrites, decides.
#[derive(Debug, Default)]
pub struct Claim {
    pub(super) _lock: Option<File>,
}

/// Where the files of one repository lie. Files are named by kind and id, are written whole and never changed. Calls block and
/// come from many threads; a store retries by itself what may succeed a moment later.
pub trait Store: Send + Sync + 'static {
    /// Where this is, for messages.
    fn location(&self) -> String;

    /// All files of a kind with their sizes in bytes. What is not there yet is an empty list, an error is an error.
    ///
    /// # Errors
    /// If the store cannot be listed.
    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError>;

    /// A whole file.
    ///
    /// # Errors
    /// If the file is missing or cannot be read.
    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError>;

    /// As [`Self::read`], where a copy of the file that was kept on this machine will do. Not for whoever proves that the
    /// store has it.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_kept(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.read(kind, id)
    }

    /// `length` bytes of a file from `offset`, both in bytes.
    ///
    /// # Errors
    /// If the file is missing, too short, or cannot be read.
    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError>;

    /// Writes a file so that after a crash it is there whole or not at all, and lasts once this returned.
    /// The configuration is never overwritten.
    ///
    /// # Errors
    /// If it cannot be written.
    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError>;

    /// Removes a file; lasts once this returned. What is not there is no error.
    ///
    /// # Errors
    /// If the file cannot be removed, or is locked.
    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError>;

    /// Makes the folders that a repository needs, if the store knows folders.
    ///
    /// # Errors
    /// If they cannot be made.
    fn create(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The same store for one operation: its calls, those in flight too, end soon after `cancel` is raised. Nothing if all
    /// calls end soon anyway.
    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        let _ = cancel;
        None
    }

    /// Called before a repository is made here: makes the place ready, and sees that it holds nothing that no repository
    /// holds.
    ///
    /// # Errors
    /// If it does, or cannot be looked at or made.
    fn claim(&self) -> Result<Claim, StoreError> {
        Ok(Claim::default())
    }

    /// Removes what writers left that died long before `now`, as far as it can; nothing waits for it. Called by a prune, with
    /// the credentials of a prune.
    fn tidy(&self, now: SystemTime) {
        let _ = now;
    }

    /// When a file was written, by the store's clock; nothing if it is not there or the store does not know.
    ///
    /// # Errors
    /// If the store cannot be asked.
    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        let _ = (kind, id);
        Ok(None)
    }

    /// The same store without any copies; nothing if it keeps none.
    fn direct(&self) -> Option<Arc<dyn Store>> {
        None
    }

    /// The locks of the files, where the store has any and the vault asks for them.
    fn locks(&self) -> Option<&dyn Locks> {
        None
    }
}

/// What keeps files from being removed before a time. A lock is made longer, never shorter.
pub trait Locks: Send + Sync {
    /// The time by the clock that the locks go by.
    ///
    /// # Errors
    /// If the store cannot be asked.
    fn now(&self) -> Result<Timestamp, StoreError>;

    /// Until when a file is locked; nothing if it is not.
    ///
    /// # Errors
    /// If the file is missing or the store cannot be asked.
    fn until(&self, kind: Kind, id: &Id) -> Result<Option<Timestamp>, StoreError>;

    /// Sees that a file is locked until then at least. Whether that changed anything is the answer.
    ///
    /// # Errors
    /// If the file is missing, or the store refuses.
    fn extend(&self, kind: Kind, id: &Id, until: Timestamp) -> Result<bool, StoreError>;

    /// The same store; what is written there is locked until then from its writing on.
    fn retaining(&self, until: Timestamp) -> Arc<dyn Store>;
}
