//! Making true what was declared: sites are reached, vaults are made, repositories initialised.

use super::declare::able;
use super::{Engine, application_name};
use crate::error::Error;
use crate::opening;
use crate::run::{host_site, site_ref, vault_ref};
use crate::runbook::VaultRef;
use crate::site::{Presence, Site};
use crate::vault::{Adopted, Repository};
use dram_catalog::record::observation::Observation;
use dram_compiler::model::{KindName, Name, Spec};
use std::path::Path;

impl Engine {
    /// Reconciles one declaration, and writes down what was found.
    ///
    /// # Errors
    /// The catalog fails, or nothing of that name is declared. A site or vault that is not ready is an answer, not an
    /// error.
    pub fn reconcile(&self, kind: KindName, name: &str) -> Result<Observation, Error> {
        let Some(standing) = self.catalog.declared(kind, name)? else {
            return Err(Error::NotDeclared {
                kind: kind.as_str(),
                name: name.to_owned(),
                help: "look at the kind and the name".to_owned(),
            });
        };
        let declared = &standing.declaration;
        let answer = match &declared.spec {
            _ if able(declared).is_err() => able(declared).map(|()| (true, String::new())),
            Spec::RecoverySite(site) => {
                let site = site_ref(declared.name(), site, None)?;
                host_site(&site)
                    .and_then(|driver| driver.inventory(&[]).map_err(Error::from))
                    .map(|inventory| {
                        let parent = Path::new(&site.root).parent().is_some_and(Path::is_dir);
                        match inventory.root {
                            Presence::Known => (true, String::new()),
                            Presence::Absent if parent => {
                                (true, format!("`{}` is not there yet; restoring makes it", site.root))
                            }
                            Presence::Absent => (false, format!("neither `{}` nor its parent is there", site.root)),
                            Presence::Unknown(why) => (false, format!("`{}` cannot be looked at: {why}", site.root)),
                        }
                    })
            }
            Spec::Vault(vault) => self.make_vault(declared.name(), vault).map(|found| (true, found)),
            Spec::Application(_) => self.make_repository(name).map(|()| (true, String::new())),
            Spec::ProtectionPolicy(_) => self.make_repositories_under(name).map(|()| (true, String::new())),
            Spec::RecoveryPlan(_) | Spec::ReplicationPair(_) | Spec::Catalog(_) | Spec::Profile(_) => {
                Ok((true, String::new()))
            }
        };
        let (ready, reason) = answer.unwrap_or_else(|error| (false, with_way_out(&error)));
        let observation = Observation {
            ready,
            reason,
            declaration: Some(standing.number),
        };
        self.catalog.observe(kind, name, &observation)?;
        Ok(observation)
    }

    /// A vault's place is made as far as that is ours to do, and its secrets can be read. Of a repository that it adopts it is
    /// told what is in it.
    fn make_vault(&self, name: &Name, vault: &dram_compiler::model::Vault) -> Result<String, Error> {
        let vault = vault_ref(name, vault);
        let password = opening::password(&vault)?;
        let place = opening::vault(&vault)?;
        place.prepare()?;
        match &vault.adopts {
            None => Ok(String::new()),
            Some(application) => {
                let adopted = place.itself().adopt(&password)?;
                only_of(&vault, application, self.catalog.tenant().as_str(), &adopted)?;
                Ok(kept_there(application, &adopted))
            }
        }
    }

    /// A policy that has got a further vault needs the repositories of its applications there.
    fn make_repositories_under(&self, policy: &str) -> Result<(), Error> {
        for application in self.applications()? {
            if *self.closure(&application)?.policy_name == *policy {
                self.make_repository(&application)?;
            }
        }
        Ok(())
    }

    /// The repositories of an application are made, or opened to see that the password fits; the further ones with the first
    /// one's chunks, so that equal data are equal there too.
    fn make_repository(&self, name: &str) -> Result<(), Error> {
        let closure = self.closure(name)?;
        let lease = self.lease(&application_name(name)?)?;
        let mut first: Option<Repository> = None;
        for copy in &closure.vaults {
            let password = opening::password(&copy.vault)?;
            let location = opening::vault(&copy.vault)?.repository(self.catalog.tenant().as_str(), name)?;
            match &first {
                Some(first) => location.init_like(&password, first)?,
                None => location.init(&password)?,
            };
            let opened = location.open(&password)?;
            first.get_or_insert(opened);
        }
        lease.release()?;
        Ok(())
    }
}

/// That a repository that is adopted holds nobody else's points.
pub(super) fn only_of(vault: &VaultRef, application: &str, tenant: &str, adopted: &Adopted) -> Result<(), Error> {
    let other = adopted
        .applications
        .iter()
        .find(|(of, name)| (of.as_str(), name.as_str()) != (tenant, application));
    match other {
        None => Ok(()),
        Some((tenant, other)) => Err(Error::Usage {
            why: format!(
                "vault `{}` adopts a repository for application `{application}` that holds points of application `{other}` \
                 of tenant `{tenant}`",
                vault.name
            ),
            help: "correct `adopt`, or give each application a repository of its own".to_owned(),
        }),
    }
}

/// What is said of a repository that is adopted.
pub(super) fn kept_there(application: &str, adopted: &Adopted) -> String {
    let foreign = match adopted.foreign {
        0 => "it holds no snapshots of other programs".to_owned(),
        1 => "1 snapshot of other programs is kept".to_owned(),
        count => format!("{count} snapshots of other programs are kept"),
    };
    format!("the repository is adopted for application `{application}`: {foreign}")
}

/// A failure with its way out: nobody stands beside a reconciliation to ask for it.
pub(super) fn with_way_out(error: &Error) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}
