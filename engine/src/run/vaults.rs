//! The vaults of a run: opened when they are first needed, and looked at before anything is added.

use super::drive::{Authority, Driver, vault_error};
use super::event::Event;
use crate::error::Error;
use crate::opening;
use crate::runbook::{Refusal, VaultRef, Verb};
use crate::site::Site;
use crate::vault::{Location, Repository, Vault};
use jiff::Timestamp;
use std::sync::PoisonError;

impl Driver<'_> {
    /// A vault of the run. What moves to and from all of them is together what the policy allows.
    pub(super) fn vault(&self, reference: &VaultRef, as_of: Option<Timestamp>) -> Result<Vault, Error> {
        opening::vault_through(&self.flow, reference, as_of)
    }

    /// The repository, opened when it is first needed.
    pub(super) fn repository(&self) -> Result<&Repository, Error> {
        if let Some(repository) = self.repository.get() {
            return Ok(repository);
        }
        let password = opening::password(&self.runbook.vault)?;
        let location = self
            .vault(&self.runbook.vault, self.runbook.as_of)?
            .repository(&self.runbook.tenant, self.runbook.name())?;
        if self.runbook.verb == Verb::Protect {
            self.is_unfenced()?;
            self.is_no_loss(&location, &self.runbook.vault.name, 0)?;
            location.init(&password)?;
        }
        let opened = location.open(&password)?;
        if matches!(self.runbook.verb, Verb::Protect | Verb::Copy) {
            self.announce(&opened, &self.runbook.vault.name)?;
        }
        if self.runbook.verb == Verb::Protect {
            self.compare(&opened, &self.runbook.vault.name)?;
        }
        if matches!(self.runbook.verb, Verb::Protect | Verb::Copy) {
            agree(&opened, self.runbook.name(), self.runbook.epoch)?;
        }
        Ok(self.repository.get_or_init(|| opened))
    }

    /// Tells other programs that work in a repository that this run does too; refuses where one works only alone.
    pub(super) fn announce(&self, opened: &Repository, vault: &str) -> Result<(), Error> {
        if let Some(announced) = opened.announce(false)? {
            let mut all = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((vault.to_owned(), announced));
        }
        Ok(())
    }

    pub(super) fn end_notices(&self) {
        let all = std::mem::take(&mut *self.announced.lock().unwrap_or_else(PoisonError::into_inner));
        for (vault, announced) in all {
            if let Err(error) = announced.end() {
                let text = format!(
                    "the lock that told others of this run stays in vault `{vault}` ({error}): other programs wait for it \
                     until `restic unlock` removes it"
                );
                self.observer.event(&Event::Note { text });
            }
        }
    }

    /// What the vault has lost counts as stored no more: it is stored again where the new point needs it.
    pub(super) fn compare(&self, opened: &Repository, vault: &str) -> Result<(), Error> {
        let lost = opened.compare(&self.cancel).map_err(vault_error)?.lost;
        if !lost.is_empty() {
            let text = format!(
                "{} packs that the index names are not in vault `{}` as they were written: what the new point needs of them is \
                 stored again; `dram verify` tells which older points miss something",
                lost.len(),
                vault
            );
            self.observer.event(&Event::Note { text });
        }
        Ok(())
    }

    /// The repository as it is now, for writing: what a run reads may be its past.
    pub(super) fn present(&self) -> Result<Repository, Error> {
        if self.runbook.as_of.is_none() {
            return self.repository().cloned();
        }
        let password = opening::password(&self.runbook.vault)?;
        let vault = self.vault(&self.runbook.vault, None)?;
        let location = vault.repository(&self.runbook.tenant, self.runbook.name())?;
        Ok(location.open(&password)?)
    }

    /// A site that has accepted a later epoch belongs to a later writer, whatever this catalog knows.
    fn is_unfenced(&self) -> Result<(), Error> {
        let site = self.site()?;
        match site.fence(&self.runbook.tenant, self.runbook.name())? {
            Some(record) if record.epoch > self.runbook.epoch => Err(Error::Superseded {
                application: self.runbook.name().to_string(),
                epoch: record.epoch,
                site: self.runbook.site.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// A vault that held points and holds no repository is not the vault: what is not mounted leaves an empty directory. A
    /// new history in it would pass for protection.
    pub(super) fn is_no_loss(&self, location: &Location, vault: &str, expected: usize) -> Result<(), Error> {
        let Authority::Catalog { catalog, .. } = self.authority else {
            return Ok(());
        };
        if location.exists()? {
            return Ok(());
        }
        match catalog.point_ids(&self.catalog_name()?)?.len() {
            points if points <= expected => Ok(()),
            points => Err(Refusal::VaultEmptied {
                application: self.runbook.name().to_string(),
                vault: vault.to_owned(),
                place: location.place(),
                points,
            }
            .into()),
        }
    }
}

/// A vault that knows of a takeover which the catalog does not is a question for a person: nothing is added to it, and
/// nothing is taken from it.
pub(crate) fn agree(repository: &Repository, application: &str, epoch: u64) -> Result<(), Error> {
    let newest = repository
        .takeovers()?
        .into_iter()
        .max_by_key(|takeover| takeover.epoch);
    match newest {
        Some(newest) if newest.epoch > epoch => Err(Error::SplitBrain {
            application: application.to_owned(),
            vault: newest.epoch,
            site: newest.site,
            catalog: epoch,
        }),
        _ => Ok(()),
    }
}
