//! The port to whatever keeps records, and its implementations.
//!
//! The port is small on purpose: all that a store must do well is create a record that did not exist, and say truthfully when
//! it did exist. Numbering, nonces and meaning stand above it ([`crate::record`]).

mod error;
mod file;
mod probe;

use std::fmt::Debug;

pub use error::{Action, Fault, StoreError};
pub use file::FileStore;
pub(crate) use probe::probe;
pub use probe::{ROUNDS, Verdict, WRITERS};

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
/// once `create` has answered; of several concurrent creators of one key at most one is told [`Creation::Won`]. An error says
/// nothing about whether the record exists, unless its fault says so. A store that is out of reach answers an error, never
/// "nothing there".
pub trait Store: Send + Sync + Debug {
    /// The bytes of a record, `None` when there is none.
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Creates a record, never overwriting one.
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError>;

    /// What a folder holds; empty when there is none.
    fn list(&self, folder: &Folder) -> Result<Listing, StoreError>;

    /// Removes a record; one that is not there is no error. For what may be forgotten only: probes, heartbeats, indexes.
    fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// The address of this store, for people.
    fn location(&self) -> String;
}

#[cfg(test)]
pub(crate) mod suite;
