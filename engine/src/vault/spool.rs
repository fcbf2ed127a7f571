//! Captures into a folder of this machine first, and into the vault from there.
//!
//! Flow: [`Repository::spooling`] writes packs, index and snapshots into the folder, as the vault would hold them, encrypted →
//! [`Spool::complete`] says that nothing is missing → [`Repository::take_in`] brings them into the vault, packs before the index
//! that names them, snapshots last, each file leaving the folder once the vault has it. Killed at any moment and called again, it
//! goes on. Guarantees: before a spool is complete the vault holds nothing of it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dram_storage::crash;
use rustic_core::{FileType, WriteBackend};

use super::error::VaultError;
use super::guard::Guard;
use super::parallel::each;
use super::progress::{Basis, Cancel, Progress};
use super::repository::{Repository, explain};
use super::store::{Directory, Flow, Kind, Spooling, Store, StoreError};

/// So many files are on their way to the vault at a time.
const WRITERS: usize = 4;
const MARKER: &str = "complete";
const FILES: &str = "files";
const AHEAD: &str = "ahead";
/// Files go in this order: whoever reads the vault meanwhile finds nothing that names what is not there.
const ORDER: [(Kind, FileType); 3] = [
    (Kind::Pack, FileType::Pack),
    (Kind::Index, FileType::Index),
    (Kind::Snapshot, FileType::Snapshot),
];

/// A folder that holds what a vault is to take in.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool in a folder; nothing is touched yet.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was said when it was completed; nothing if it was not.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn completed(&self) -> Result<Option<Vec<u8>>, VaultError> {
        match fs::read(self.folder.join(MARKER)) {
            Ok(said) => Ok(Some(said)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    /// Says that everything is in it. From now on it can be taken in.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn complete(&self, said: &[u8]) -> Result<(), VaultError> {
        let part = self.folder.join("part");
        let write = || -> io::Result<()> {
            fs::write(&part, said)?;
            fs::File::open(&part)?.sync_all()?;
            crash::point(crash::Kind::Write);
            fs::rename(&part, self.folder.join(MARKER))?;
            crash::point(crash::Kind::Write);
            fs::File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| self.failed("write", error))
    }

    /// Makes it empty, and its folder for nobody else to look into.
    ///
    /// # Errors
    /// If it cannot be removed or made.
    pub fn begin(&self) -> Result<(), VaultError> {
        self.discard()?;
        let make = || -> io::Result<()> {
            use std::os::unix::fs::DirBuilderExt;
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(self.folder.join(FILES))
        };
        make().map_err(|error| self.failed("create", error))
    }

    /// Removes it with all that it holds. The word that it is complete goes first.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn discard(&self) -> Result<(), VaultError> {
        for gone in [
            fs::remove_file(self.folder.join(MARKER)),
            fs::remove_dir_all(&self.folder),
        ] {
            crash::point(crash::Kind::Write);
            match gone {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.failed("remove", error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn files(&self) -> Directory {
        // What lies on this machine does not count as moved.
        Directory::new(self.folder.join(FILES), Arc::new(Flow::default()))
    }

    fn failed(&self, action: &'static str, error: io::Error) -> VaultError {
        StoreError::of(action, self.folder.display().to_string(), error).into()
    }
}

impl Repository {
    /// The same repository, where everything that is written goes into a spool. What capturing these items asks of the vault is
    /// read now: nobody waits yet.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn spooling(&self, spool: &Spool, items: &[&str], cancel: &Cancel) -> Result<Self, VaultError> {
        let far = Arc::clone(&self.stores().writer);
        let store = Spooling::new(Arc::new(spool.files()), spool.folder.join(AHEAD), far);
        let spooling = self.apart(Arc::new(store.clone()));
        store.fetch_ahead(true);
        let blobs = spooling.blobs(cancel)?;
        for item in items {
            let Some(parent) = blobs.session().snapshots(&[&format!("item={item}")])?.pop() else {
                continue;
            };
            let walked = blobs.walk(parent.tree, &mut |_, _| match cancel.is_canceled() {
                true => Err(VaultError::Canceled),
                false => Ok(true),
            });
            match walked {
                Err(VaultError::Canceled) => return Err(VaultError::Canceled),
                // What cannot be compared is read again.
                Err(error) => tracing::debug!(%error, %item, "the point before cannot be read whole"),
                Ok(()) => {}
            }
        }
        store.fetch_ahead(false);
        Ok(spooling)
    }

    /// Brings a complete spool into the vault, begin or continue; the answer are the bytes that went.
    ///
    /// # Errors
    /// If either side fails, or if canceled. What went is not sent again.
    pub fn take_in(&self, spool: &Spool, progress: &Arc<dyn Progress>, cancel: &Cancel) -> Result<u64, VaultError> {
        let near = spool.files();
        let guard = Guard::new(Arc::clone(&self.stores().writer), cancel.clone());
        let mut files = Vec::new();
        for (kind, of) in ORDER {
            files.push((kind, of, near.list(kind)?));
        }
        let total = files
            .iter()
            .flat_map(|(_, _, files)| files)
            .map(|(_, size)| u64::from(*size))
            .sum();
        progress.total(total, Basis::Counted);
        for (kind, of, files) in files {
            each(&files, WRITERS, &|| Ok::<(), VaultError>(()), |(), (id, size)| {
                let content = near.read(kind, id)?;
                guard
                    .write_bytes(of, id, false, content.into())
                    .map_err(|error| explain(&guard, "write what was read", &error))?;
                crash::point(crash::Kind::Write);
                near.remove(kind, id)?;
                progress.advance(u64::from(*size));
                Ok::<(), VaultError>(())
            })?;
        }
        Ok(total)
    }
}
