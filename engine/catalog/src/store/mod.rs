//! The port to whatever keeps records, and its implementations.
//!
//! The port is small on purpose: all that a store must do well is create a record that did not exist, and say truthfully when
//! it did exist. Numbering, nonces and meaning stand above it ([`crate::record`]).

mod error;
mod file;
mod postgres;
mod probe;
mod s3;

use std::fmt::Debug;

pub use error::{Action, Fault, StoreError};
pub use file::FileStore;
pub use postgres::{PostgresStore, Session};
#[cfg(test)]
pub(crate) use probe::probe;
pub(crate) use probe::probe_by;
pub use probe::{ROUNDS, Verdict, WRITERS};
pub use s3::S3Store;

use crate::layout::{Folder, Key};

/// The largest record that a store hands over, in bytes. More than that is no record of ours.
pub const RECORD_LIMIT: usize = 16 << 20;

/// How a create-only write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The record did not exist and holds these bytes now, durably.
    Won,
    /// A record of that key existed and was left as it was.
    Exists,
}

/// What a folder holds, by name, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Folders directly in it. A folder without records may be missing here.
    pub folders: Vec<String>,
    /// Records directly in it.
    pub records: Vec<String>,
}

/// A keeper of records.
///
/// Guarantees asked of every implementation: a record appears whole or not at all, never changes, and is seen by every reader
/// once `create` has answered; of several concurrent creators of one key at most one is told [`Creation::Won`]. A store that is
/// out of reach answers an error, never "nothing there".
///
/// What is *not* guaranteed: an error from `create` says nothing about the record, unless its fault says so. It may stand, it
/// may never come to stand, and it may come to stand **later**: a server may still carry out a request that its client gave up
/// or lost the answer of, and no store bounds how late. Some stores repeat a create themselves after a lost answer, so
/// [`Creation::Exists`] may be said of the caller's own bytes, which only a nonce in them tells. And a key that was removed may
/// come back with the bytes of a create that was tried before: a removed key is never given a new meaning.
pub trait Store: Send + Sync + Debug {
    /// The bytes of a record, `None` when there is none.
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Creates a record, never overwriting one.
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError>;

    /// What a folder holds; empty when there is none.
    fn list(&self, folder: &Folder) -> Result<Listing, StoreError>;

    /// The names of at most `limit` records directly in a folder: those that sort after `after`, ascending. Stores that can
    /// begin a listing in the middle do; a caller that follows a long folder pays for what is new only.
    fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut records = self.list(folder)?.records;
        records.retain(|name| name.as_str() > after);
        records.truncate(limit);
        Ok(records)
    }

    /// Every record below a folder at any depth, as paths relative to it, sorted. Not one moment of the store: what is created
    /// or removed meanwhile may be told or not.
    fn walk(&self, folder: &Folder) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut open = vec![(folder.clone(), String::new())];
        while let Some((folder, path)) = open.pop() {
            let listing = self.list(&folder)?;
            found.extend(listing.records.iter().map(|name| format!("{path}{name}")));
            let below = |name: &String| (folder.child(name), format!("{path}{name}/"));
            open.extend(listing.folders.iter().map(below));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The bytes of several records, in the order of `keys`; `None` where there is none. Each is read as by
    /// [`read`](Store::read), all of them perhaps at once and not at one moment.
    fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.read(key)).collect()
    }

    /// Removes a record; one that is not there is no error. For what may be forgotten only: probes, heartbeats, indexes.
    fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// The address of this store, for people.
    fn location(&self) -> String;

    /// Whether a call is tried again by the store itself for as long as somebody waits for a record, so that its callers need
    /// not.
    fn perseveres(&self) -> bool {
        false
    }

    /// What the store itself knows that makes it unfit for several writers, in words; `None` where it knows of nothing, which
    /// proves nothing.
    fn unfit(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

/// What [`Store::read_many`] does on a store where waiting is what a read costs: reads by `width` threads at most. The first
/// error is everybody's.
pub fn read_in_parallel(store: &dyn Store, keys: &[Key], width: usize) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let share = keys.len().div_ceil(width.max(1)).max(1);
    if keys.len() <= 1 || share == keys.len() {
        return keys.iter().map(|key| store.read(key)).collect();
    }
    std::thread::scope(|scope| {
        let readers: Vec<_> = keys
            .chunks(share)
            .map(|keys| scope.spawn(move || keys.iter().map(|key| store.read(key)).collect::<Result<Vec<_>, _>>()))
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for reader in readers {
            match reader.join() {
                Ok(read) => found.extend(read?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(found)
    })
}

#[cfg(test)]
pub(crate) mod lab;
#[cfg(test)]
pub(crate) mod suite;
