//! Compares the index with what is there. The index may name packs that the vault lost; what is captured next must not be
//! taken for stored because they once were.

use std::collections::HashSet;

use rustic_core::{Id, RepairIndexOptions};

use super::error::VaultError;
use super::lock::under;
use super::parallel::each;
use super::progress::Cancel;
use super::repository::Repository;
use super::store::{Kind, Store, StoreError};

/// So many packs are asked for at a time.
const ASKED: usize = 16;

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
    /// captures nor for reading, as long as this repository is open. Listings may lag behind what was written, so whatever
    /// one of them does not show is asked for by its name.
    ///
    /// # Errors
    /// If the repository cannot be listed or read; if none of its packs is there: that is a folder that is not mounted rather
    /// than a loss, and nobody shall store everything again because of it.
    pub fn compare(&self, cancel: &Cancel) -> Result<Mended, VaultError> {
        let named = self.index(&self.session(cancel)?.guard)?.packs();
        let store = under(&self.stores().writer, cancel);
        let mut doubtful = named.clone();
        for (id, size) in store.list(Kind::Pack)? {
            if named.get(&id) == Some(&size) {
                doubtful.remove(&id);
            }
        }
        let doubtful: Vec<(Id, u32)> = doubtful.into_iter().collect();
        let are_lost = each(&doubtful, ASKED, &|| Ok(()), |(), (id, size)| {
            is_lost(&*store, id, *size)
        })?;
        let lost = doubtful.iter().zip(are_lost).filter(|(_, is_lost)| *is_lost);
        let lost: HashSet<Id> = lost.map(|((id, _), _)| *id).collect();
        if !named.is_empty() && lost.len() == named.len() {
            return Err(VaultError::NothingLeft {
                place: self.location(),
                packs: named.len(),
            });
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
    /// lock allow: a prune refuses an index that names what is not there. The caller makes sure that no other prune runs.
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

/// Whether a pack that a listing does not show, or shows with another length, is not there as it was written.
fn is_lost(store: &dyn Store, id: &Id, size: u32) -> Result<bool, VaultError> {
    // The last byte is there, and none after it.
    match store.read_range(Kind::Pack, id, size.saturating_sub(1), 1) {
        Ok(_) => {}
        Err(StoreError::Missing { .. } | StoreError::Truncated { .. }) => return Ok(true),
        Err(error) => return Err(error.into()),
    }
    match store.read_range(Kind::Pack, id, size, 1) {
        Ok(_) => Ok(true),
        Err(StoreError::Truncated { .. }) => Ok(false),
        Err(StoreError::Missing { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
