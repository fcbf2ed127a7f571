//! The snapshot files of a repository. None of them ever changes, so each is read once for all operations of a
//! [`Repository`](super::repository::Repository): a run asks for them several times, and a vault may hold tens of thousands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::repofile::{ConfigFile, SnapshotFile};
use rustic_core::{FileType, Id, ReadBackend};

use super::error::VaultError;
use super::guard::Guard;
use super::pack::{Cipher, Codec};
use super::parallel::each;
use super::repository::explain;
use super::store::{Kind, StoreError};

/// So many are read at a time.
const READERS: usize = 16;
const ACTION: &str = "list the snapshots";

/// What was read of them.
pub(super) struct Snapshots {
    cipher: Cipher,
    config: ConfigFile,
    read: Mutex<HashMap<Id, Arc<SnapshotFile>>>,
}

impl Snapshots {
    /// Those of a repository with this key and configuration; nothing is read yet.
    pub(super) fn new(cipher: Cipher, config: ConfigFile) -> Self {
        Self {
            cipher,
            config,
            read: Mutex::default(),
        }
    }

    /// What was read so far, for another way to the same files.
    pub(super) fn copy(&self) -> Self {
        Self {
            cipher: self.cipher.clone(),
            config: self.config.clone(),
            read: Mutex::new(self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }

    /// All that are there now, in no order.
    ///
    /// # Errors
    /// If they cannot be listed, or one cannot be read.
    pub(super) fn current(&self, guard: &Guard) -> Result<Vec<Arc<SnapshotFile>>, VaultError> {
        let listed = guard
            .list_with_size(FileType::Snapshot)
            .map_err(|error| explain(guard, ACTION, &error))?;
        let new: Vec<Id> = {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            listed
                .iter()
                .map(|(id, _)| *id)
                .filter(|id| !read.contains_key(id))
                .collect()
        };
        let codec = || {
            Codec::new(self.cipher.clone(), &self.config).map_err(|reason| VaultError::Library {
                action: ACTION,
                place: guard.location(),
                reason,
            })
        };
        let found = each(&new, READERS, &codec, |codec, id| one(guard, codec, id))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.extend(found.into_iter().flatten().map(|file| (*file.id, Arc::new(file))));
        Ok(listed
            .iter()
            .filter_map(|(id, _)| read.get(id).map(Arc::clone))
            .collect())
    }
}

/// Reads one; nothing if it was forgotten since it was listed.
fn one(guard: &Guard, codec: &mut Codec, id: &Id) -> Result<Option<SnapshotFile>, VaultError> {
    let sealed = match guard.read_kept(Kind::Snapshot, id) {
        Ok(sealed) => sealed,
        Err(StoreError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let broken = |reason: String| VaultError::Library {
        action: ACTION,
        place: guard.location(),
        reason: format!("the snapshot `{}` cannot be read: {reason}", &*id.to_hex()),
    };
    let json = codec.open_file(&sealed).map_err(broken)?;
    let mut file: SnapshotFile = serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
    file.id = (*id).into();
    Ok(Some(file))
}
