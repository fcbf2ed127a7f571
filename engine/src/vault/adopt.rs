//! Repositories that somebody else made: the stock program, most likely.

use super::error::VaultError;
use super::password::Password;
use super::place::{Location, Vault};
use super::progress::Cancel;
use super::repository::{Repository, TAG};

/// A repository that was there already.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The repository; points are added to what it holds.
    pub repository: Repository,
    /// How many of its snapshots are not ours. They are kept, whatever is pruned here.
    pub foreign: usize,
    /// How many of its snapshots are ours.
    pub ours: usize,
}

impl Vault {
    /// The repository that lies directly at the vault's place, and not in a tenant's folder there: where the stock program
    /// made it.
    #[must_use]
    pub fn itself(&self) -> Location {
        self.location(&[])
    }
}

impl Location {
    /// Opens a repository that somebody else made, where it lies, and looks at what it holds. Nothing is changed by that.
    ///
    /// # Errors
    /// If there is none, if it cannot be read, or the password does not open it.
    pub fn adopt(&self, password: &Password) -> Result<Adopted, VaultError> {
        let repository = self.open(password)?;
        let snapshots = repository.session(&Cancel::new())?.snapshots(&[])?;
        let ours = snapshots.iter().filter(|snapshot| snapshot.tags.contains(TAG)).count();
        let foreign = snapshots.len().saturating_sub(ours);
        Ok(Adopted {
            repository,
            foreign,
            ours,
        })
    }
}
