//! A person says where an application runs, when vault and catalog disagree.

use super::closure::Closure;
use super::{Engine, application_name};
use crate::error::Error;
use dram_catalog::Appended;
use dram_compiler::model::Platform;

impl Engine {
    /// Takes the newest takeover of the policy's vaults for the truth: its epoch and site become the catalog's. Answers both.
    ///
    /// # Errors
    /// The vault knows of no takeover, or of none above the catalog's epoch.
    pub fn adopt(&self, application: &str) -> Result<(u64, String), Error> {
        let closure = self.closure(application)?;
        let name = application_name(application)?;
        let lease = self.lease(&name)?;
        let mut takeovers = self.repository(&closure)?.takeovers()?;
        for copy in closure.copies() {
            // A further vault that cannot be asked now has no say now.
            if let Ok(repository) = self.repository_as_of(&closure, None, copy.vault) {
                takeovers.extend(repository.takeovers()?);
            }
        }
        let newest = takeovers.into_iter().max_by_key(|takeover| takeover.epoch);
        let Some(newest) = newest.filter(|newest| newest.epoch > closure.epoch_number()) else {
            return Err(Error::NoPoint {
                what: format!("vault and catalog agree about application `{application}`"),
                help: "there is nothing to adopt".to_owned(),
            });
        };
        let site = declared_site(&closure, &newest.site)?;
        let reason = format!("adopted from the vault: {}", newest.reason);
        match self.catalog.take_over(&name, newest.epoch, &site, &reason, &self.who)? {
            Appended::Won { .. } => {
                lease.release()?;
                Ok((newest.epoch, site))
            }
            Appended::Superseded { number, .. } => Err(Error::Superseded {
                application: application.to_owned(),
                epoch: number,
                site: self.catalog.epoch(&name)?.map(|epoch| epoch.site).unwrap_or_default(),
            }),
        }
    }
}

/// The declared site that a takeover names: by its name, or, after a recovery into a directory, by its root.
fn declared_site(closure: &Closure, named: &str) -> Result<String, Error> {
    let by_root = closure.sites.iter().find(|(_, site)| match &site.platform {
        Platform::Host(host) => host.root.as_str() == named,
        Platform::Kubernetes(_) | Platform::Openstack(_) | Platform::Driver(_) => false,
    });
    match (closure.site(named), by_root) {
        (Ok(site), _) => Ok(site.name),
        (Err(_), Some((name, _))) => Ok(name.to_string()),
        (Err(_), None) => Err(Error::NotDeclared {
            kind: "site",
            name: named.to_owned(),
            help: format!(
                "declare a site with this root and make it a target of the recovery plan, or bring `{}` back to a \
                 declared site with `dram restore {} --to SITE --attest-source-stopped`",
                closure.name, closure.name
            ),
        }),
    }
}
