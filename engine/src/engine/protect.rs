//! Making a point.

use super::closure::Closure;
use super::{Engine, Watch};
use crate::error::Error;
use crate::inventory::Inventory;
use crate::run::{Authority, CatalogLog, Driver, Log, host_site};
use crate::runbook::{Protect, Refusal, Runbook, SiteRef, Verb, copy, protect};
use crate::site::Site;
use crate::vault::Class;
use dram_catalog::record::declaration::Subject;
use dram_catalog::record::lease::{Lease, LeaseError};
use dram_catalog::record::run::Request;
use dram_compiler::model::{Application, Body, KindName};
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;

/// What to protect.
#[derive(Debug, Clone)]
pub struct ProtectRequest {
    /// The application.
    pub application: String,
    /// Only these components; all when empty.
    pub components: Vec<String>,
    /// How the point comes about.
    pub class: Class,
    /// Decide and show, but do nothing.
    pub dry_run: bool,
    /// The firing of the schedule that asks for it: each is served once.
    pub firing: Option<Timestamp>,
}

impl Engine {
    /// Makes a point of an application at the site where it runs now.
    ///
    /// # Errors
    /// What failed. No point is offered then, and the log of the failed run says why.
    pub fn protect(&self, request: &ProtectRequest, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let decided = self.decide_protect(request);
        if request.dry_run {
            return decided.map(|(_, runbook)| runbook);
        }
        let (closure, runbook) = decided
            .map_err(|error| self.refused_firing(Verb::Protect, &request.application, request.firing, error, watch))?;
        self.carry_out_firing(&closure, &runbook, request.firing, watch)?;
        Ok(runbook)
    }

    pub(super) fn decide_protect(&self, request: &ProtectRequest) -> Result<(Closure, Runbook), Error> {
        let closure = self.closure(&request.application)?;
        if closure.withdrawn {
            return Err(Error::NotDeclared {
                kind: "application",
                name: request.application.clone(),
                help: "it was destroyed; its points can still be restored".to_owned(),
            });
        }
        let active = closure.active();
        if self.unfinished_restore(&closure, &active)? {
            return Err(Refusal::RestoreUnfinished {
                application: closure.name.to_string(),
                site: active,
            }
            .into());
        }
        let site = closure.site(&active)?;
        let inventory = take_inventory(&site, &closure.application)?;
        let runbook = protect(Protect {
            scope: closure.scope(self.catalog.tenant().as_str(), site, &request.components),
            inventory: &inventory,
            epoch: closure.epoch_number(),
            point: self.catalog.fresh_id().to_string(),
            class: request.class,
            consistency: closure.policy.consistency,
            max_freeze: closure.policy.objectives.max_freeze,
            anomaly: closure.policy.anomaly.as_ref(),
            declarations: closure.records.clone(),
        })?;
        Ok((closure, runbook))
    }

    /// Brings the points that are due into the further vaults of the policy.
    ///
    /// # Errors
    /// There are none, or what failed; what was copied before stays.
    pub fn copy(&self, application: &str, dry_run: bool, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let decided = self.decide_copy(application);
        if dry_run {
            return decided.map(|(_, runbook)| runbook);
        }
        let (closure, runbook) = decided.map_err(|error| self.refused(Verb::Copy, application, error, watch))?;
        self.carry_out(&closure, &runbook, watch)?;
        Ok(runbook)
    }

    pub(super) fn decide_copy(&self, application: &str) -> Result<(Closure, Runbook), Error> {
        let closure = self.closure(application)?;
        let site = closure.site(&closure.active())?;
        let scope = closure.scope(self.catalog.tenant().as_str(), site, &[]);
        let runbook = copy(scope, closure.epoch_number(), self.catalog.fresh_id().to_string())?;
        Ok((closure, runbook))
    }

    /// Asks for a run, and carries it out under the application's lease.
    pub(super) fn carry_out(&self, closure: &Closure, runbook: &Runbook, watch: &Watch<'_>) -> Result<(), Error> {
        self.carry_out_firing(closure, runbook, None, watch)
    }

    /// The same for a firing of the schedule, which is served once, whoever else believes to be the one that acts.
    fn carry_out_firing(
        &self,
        closure: &Closure,
        runbook: &Runbook,
        firing: Option<Timestamp>,
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        let application = super::application_name(&closure.name)?;
        self.catalog.may_change()?;
        let lease = match (self.lease_telling(&application, watch.observer), firing) {
            // That it was skipped stands in the list of runs.
            (Err(error @ Error::Lease(LeaseError::Held { .. })), Some(_)) => {
                return Err(self.refused_firing(runbook.verb, &closure.name, firing, error, watch));
            }
            (lease, _) => lease?,
        };
        if let Some(firing) = firing
            && self.served(&application)? == Some(firing)
        {
            lease.release()?;
            return Err(Refusal::Served {
                application: closure.name.to_string(),
                firing,
            }
            .into());
        }
        self.close_interrupted(&application)?;
        let subjects = vec![
            Subject::new(KindName::Application.as_str(), &closure.name),
            Subject::new(KindName::Vault.as_str(), &closure.vault().name),
        ];
        let subjects = subjects
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map_err(dram_catalog::CatalogError::from)?;
        let id = self.catalog.request(&Request {
            verb: runbook.verb.to_string(),
            subjects,
            lease: Some(self.lease_name(&application)),
            detail: match firing {
                None => json!({"point": runbook.point}),
                Some(firing) => json!({"point": runbook.point, "firing": firing.to_string()}),
            },
        })?;
        let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        log.append("runbook", serde_json::to_value(runbook).unwrap_or_default(), false)?;
        self.drive(runbook, &lease, &mut log, watch)?;
        lease.release()?;
        Ok(())
    }

    pub(super) fn drive(
        &self,
        runbook: &Runbook,
        lease: &Lease,
        log: &mut CatalogLog,
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        let driver = self.driver(runbook, lease, watch);
        if log.get("begun").is_some() {
            return driver.drive(log);
        }
        let own = log.run().and_then(|run| run.parse().ok());
        driver.expecting(self.foretell(runbook, own)).drive(log)
    }

    pub(super) fn driver<'a>(&'a self, runbook: &'a Runbook, lease: &'a Lease, watch: &Watch<'a>) -> Driver<'a> {
        let authority = Authority::Catalog {
            catalog: &self.catalog,
            lease,
        };
        Driver::new(
            runbook,
            authority,
            watch.observer,
            &watch.cancel,
            self.clock(),
            self.who.clone(),
        )
    }
}

/// Asks a site for its root and for the paths of an application.
pub(super) fn take_inventory(site: &SiteRef, application: &Application) -> Result<Inventory, Error> {
    let mut logical: Vec<PathBuf> = Vec::new();
    for component in &application.components {
        if let Some(Body::Host(host)) = &component.body {
            let paths = host.paths.iter().chain(&host.device);
            logical.extend(paths.map(|path| PathBuf::from(path.as_str())));
        }
    }
    Ok(host_site(site)?.inventory(&logical)?)
}
