//! Repositories that another program made: the stock program, most likely.

use std::collections::BTreeSet;

use super::error::VaultError;
use super::notice::Notice;
use super::password::Password;
use super::place::Location;
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
    /// Tenants and applications that its seals name, as far as they can be read; sorted.
    pub applications: Vec<(String, String)>,
    /// What other programs that are at work there say.
    pub notices: Vec<Notice>,
}

impl Location {
    /// Opens a repository that another program made, where it lies, and looks at what it holds. Nothing is changed by that.
    ///
    /// # Errors
    /// If there is none, if it cannot be read, if its format is 1, or the password does not open it.
    pub fn adopt(&self, password: &Password) -> Result<Adopted, VaultError> {
        let repository = self.open(password)?;
        let snapshots = repository.session(&Cancel::new())?.snapshots(&[])?;
        let ours = snapshots.iter().filter(|snapshot| snapshot.tags.contains(TAG)).count();
        let foreign = snapshots.len().saturating_sub(ours);
        let applications: BTreeSet<(String, String)> = match ours {
            0 => BTreeSet::new(),
            // Whoever else has points here counts as well.
            _ => repository
                .clone()
                .adopted(None)
                .points()?
                .into_iter()
                .filter_map(|point| point.manifest)
                .map(|manifest| (manifest.tenant, manifest.application))
                .collect(),
        };
        Ok(Adopted {
            foreign,
            ours,
            applications: applications.into_iter().collect(),
            notices: repository.notices()?,
            repository,
        })
    }
}
