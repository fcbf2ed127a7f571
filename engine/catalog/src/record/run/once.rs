//! Asking once: whoever repeats a call whose answer got lost gets the run that was asked for before.
//!
//! The asker chooses a key. Its record names the run and stands before the request does, so that a call that was cut off
//! anywhere is continued by the next one with the same key.

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{Request, wire_of};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::name::Name;
use crate::record::feed::Change;
use crate::record::{Placed, Record, body_of, read_body};

/// So often a key is looked at that is forgotten at the same time.
const TRIES: usize = 16;

/// How asking with a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// This run was asked for, by this call or by an earlier one.
    Stands(Ulid),
    /// The key was used to ask for something else: this run.
    Differs(Ulid),
}

#[derive(Serialize, Deserialize)]
struct KeyWire {
    run: String,
}

impl Catalog {
    /// Asks for a run, once for each key: a call that is repeated asks for nothing more. A key is remembered for as long as its
    /// run is.
    ///
    /// # Errors
    /// The store's. Then the request may stand: call again with the same key.
    pub fn request_once(&self, key: &Name, request: &Request) -> Result<Once, CatalogError> {
        let id = self.run_of_key(key)?;
        let place = Folder::requests(self.tenant()).ulid(id);
        if let Some(standing) = self.fetch(&place)? {
            return self.compare(id, &place, standing, request);
        }
        self.mark_open(id, request)?;
        let body = body_of(&wire_of(request, Some(key)));
        match self.place(&place, &self.fresh(None, body))? {
            Placed::Won => {
                self.announce(&Change::Requested { run: id });
                Ok(Once::Stands(id))
            }
            Placed::Lost(Some(standing)) => self.compare(id, &place, *standing, request),
            Placed::Lost(None) => Err(self.unsteady(&Folder::requests(self.tenant()))),
        }
    }

    /// The run that a key stands for, chosen now if it stood for none.
    fn run_of_key(&self, key: &Name) -> Result<Ulid, CatalogError> {
        let place = Folder::keys(self.tenant()).name(key);
        for _ in 0..TRIES {
            let id = self.fresh_id();
            let wire = KeyWire { run: id.to_string() };
            match self.place(&place, &self.fresh(None, body_of(&wire)))? {
                Placed::Won => return Ok(id),
                Placed::Lost(Some(standing)) => return self.read_key(&place, &standing),
                // It was forgotten at this moment.
                Placed::Lost(None) => {}
            }
        }
        Err(self.unsteady(&Folder::keys(self.tenant())))
    }

    fn read_key(&self, place: &Key, record: &Record) -> Result<Ulid, CatalogError> {
        let wire: KeyWire = read_body(self.store(), place, record)?;
        wire.run.parse().map_err(|_| self.corrupt(place, "`run` is no ULID"))
    }

    fn compare(&self, id: Ulid, place: &Key, standing: Record, request: &Request) -> Result<Once, CatalogError> {
        let is_same = self.read_request(id, place, standing)?.request == *request;
        Ok(if is_same { Once::Stands(id) } else { Once::Differs(id) })
    }

    fn unsteady(&self, folder: &Folder) -> CatalogError {
        CatalogError::Unsteady {
            location: self.location(),
            folder: folder.to_string(),
        }
    }

    /// Removes the keys whose runs `is_left` says are no more; how many.
    pub(super) fn forget_keys(&self, is_left: impl Fn(&Ulid) -> bool) -> Result<u64, CatalogError> {
        let folder = Folder::keys(self.tenant());
        let names = self.list(&folder)?.records;
        let names = names.iter().filter_map(|name| Name::new("key", name).ok());
        let places: Vec<Key> = names.map(|name| folder.name(&name)).collect();
        let mut removed = 0;
        for (place, record) in places.iter().zip(self.fetch_many(&places)?) {
            // What cannot be read stays for whoever can.
            let Ok(Some(record)) = record else { continue };
            if self.read_key(place, &record).is_ok_and(|id| is_left(&id)) {
                self.remove(place)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests;
