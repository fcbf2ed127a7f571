//! The ground of a vault: what its repositories lie on.

mod directory;
mod s3;

use std::fmt;
use std::sync::Arc;

use super::address::Lock;
use super::diagnose::Diagnosis;
use super::error::VaultError;
use super::store::Store;

pub(super) use directory::DirectoryGround;
pub(super) use s3::S3Ground;

/// What a vault asks of where it lies. Nothing connects before the first question.
pub(super) trait Ground: fmt::Debug + Send + Sync {
    /// Where this is: the address that reads back as the vault's place, without anything secret.
    fn place(&self) -> String;

    /// That the vault itself is there. A vault is never made silently, and what is not mounted or not there is not empty.
    fn require(&self) -> Result<(), VaultError>;

    /// Makes what of the vault's place is ours to make, at a person's wish, and sees that it is there then.
    fn prepare(&self) -> Result<(), VaultError> {
        self.require()
    }

    /// The names of the folders directly in a folder of the vault, in any order. One that is not there is empty.
    fn folders(&self, within: &[&str]) -> Result<Vec<String>, VaultError>;

    /// The repository in a folder of the vault, whether it exists or not; the vault itself for no folder.
    fn stores(&self, folder: &[&str]) -> Stores;

    /// What can be told about it, once it is known to be there.
    fn diagnose(&self) -> Diagnosis;
}

/// The two ways to one repository.
#[derive(Clone)]
pub(super) struct Stores {
    /// Reads and writes. May not be able to remove anything.
    pub(super) writer: Arc<dyn Store>,
    /// Removes what a prune removes.
    pub(super) pruner: Arc<dyn Store>,
    /// How points are locked that are sealed there.
    pub(super) lock: Option<Lock>,
}

impl Stores {
    /// Where one way leads to everything.
    pub(super) fn same(store: Arc<dyn Store>) -> Self {
        Self {
            writer: Arc::clone(&store),
            pruner: store,
            lock: None,
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("location", &self.writer.location())
            .finish_non_exhaustive()
    }
}
