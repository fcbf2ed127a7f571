//! Compares the index with what is there. The index may name packs that the vault lost; what is captured next must not be
//! taken for stored because they once were.

use std::collections::HashSet;

use rustic_core::{Id, RepairIndexOptions};

use super::error::VaultError;
use super::progress::Cancel;
use super::repository::Repository;
use super::store::{Kind, StoreError};

/// What a comparison of the index with the vault found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mended {
    /// Packs that the index names and that are not there, or not of their length; 64 hexadecimal digits each, sorted. Points
    /// that need them are damaged; the next capture stores their data again where the source still has them.
    pub lost: Vec<String>,
    /// Whether the index does not name them any more. Where it cannot be mended, because a lock or missing rights keep its
    /// old files, this repository ignores what they say of lost packs as long as it is open.
    pub is_mended: bool,
}

impl Repository {
    /// Compares the index with one listing of the packs. What turns out to be lost counts as stored no more, neither for
    /// captures nor for reading, as long as this repository is open.
    ///
    /// # Errors
    /// If the repository cannot be listed or read.
    pub fn compare(&self, cancel: &Cancel) -> Result<Mended, VaultError> {
        let named = self.session(cancel)?.named_packs()?;
        let present = self.stores().writer.list(Kind::Pack)?;
        let mut lost: HashSet<Id> = named.keys().copied().collect();
        for (id, size) in present {
            if named.get(&id) == Some(&size) {
                lost.remove(&id);
            }
        }
        let mut names: Vec<String> = lost.iter().map(|id| id.to_hex().to_string()).collect();
        names.sort();
        self.lose(lost);
        Ok(Mended {
            is_mended: names.is_empty(),
            lost: names,
        })
    }

    /// As [`Self::compare`], and takes out of the index what is lost, as far as the credentials of a prune and the vault's
    /// lock allow. The caller makes sure that no prune runs.
    ///
    /// # Errors
    /// As there; if the index cannot be written.
    pub fn mend(&self, cancel: &Cancel) -> Result<Mended, VaultError> {
        let mut found = self.compare(cancel)?;
        if found.lost.is_empty() {
            return Ok(found);
        }
        let session = self.pruning(cancel)?;
        // The library would also take up packs that no index names: those of captures that are under way, or that a prune
        // left behind. It sees only the others.
        session.hide_lost()?;
        let options = RepairIndexOptions::default();
        let mended = session.run("mend the index", |library| library.repair_index(&options, false));
        found.is_mended = match mended {
            Ok(()) => true,
            Err(VaultError::Store(StoreError::Denied { .. })) => false,
            Err(error) => return Err(error),
        };
        Ok(found)
    }
}
