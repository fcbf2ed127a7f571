//! The declarations that an application needs: its transitive closure.

use super::known::Known;
use super::{Engine, application_name};
use crate::error::Error;
use crate::run::{site_ref, vault_refs};
use crate::runbook::{CopyRef, Scope, SiteRef, VaultRef};
use dram_catalog::CatalogError;
use dram_catalog::record::declaration::Standing;
use dram_catalog::record::epoch::Epoch;
use dram_compiler::model::{
    Application, Declaration, KindName, Labels, Metadata, Name, ProtectionPolicy, RecoveryPlan, RecoverySite, Spec,
    Vault,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An application with everything that it needs.
#[derive(Debug, Clone)]
pub(super) struct Closure {
    pub(super) name: Name,
    pub(super) labels: Labels,
    pub(super) application: Application,
    pub(super) policy_name: Name,
    pub(super) policy: ProtectionPolicy,
    /// The vault that is written first, or the one that somebody named to read from.
    vault: VaultRef,
    /// The vaults of the policy with what holds there, the first one first.
    pub(super) vaults: Vec<CopyRef>,
    pub(super) sites: BTreeMap<Name, RecoverySite>,
    pub(super) plan: Option<RecoveryPlan>,
    pub(super) epoch: Option<Epoch>,
    /// The declarations as they go into a seal: with manager and number.
    pub(super) records: Vec<Value>,
    /// Whether it was withdrawn: its last declaration still restores.
    pub(super) withdrawn: bool,
}

impl Engine {
    /// The closure of a declared application. One that was withdrawn is found by its tombstone.
    pub(super) fn closure(&self, application: &str) -> Result<Closure, Error> {
        self.closure_among(application, None)
    }

    /// The same, from what was read at once where it is there.
    pub(super) fn closure_among(&self, application: &str, known: Option<&Known>) -> Result<Closure, Error> {
        let catalog_name = application_name(application)?;
        let mut gather = Gather {
            engine: self,
            known,
            records: Vec::new(),
        };
        let Some((standing, withdrawn)) = gather.find(KindName::Application, application)? else {
            return Err(self.undeclared(application));
        };
        let Metadata { name, labels, .. } = standing.declaration.metadata.clone();
        gather.record(&standing);
        let Spec::Application(declared) = standing.declaration.spec else {
            return Err(self.undeclared(application));
        };
        let (policy_name, policy) = match &declared.policy {
            Some(policy) => (policy.clone(), gather.policy(policy)?),
            None => gather.policy_for(&name, &labels)?,
        };
        let mut vaults = Vec::new();
        for used in &policy.vaults {
            vaults.push((used.name.clone(), gather.vault(&used.name)?));
        }
        let vaults = vault_refs(&policy, &vaults);
        let Some(vault) = vaults.first().map(|first| first.vault.clone()) else {
            return Err(not_declared("vault", "", "give the policy a vault"));
        };
        let mut sites = BTreeMap::new();
        sites.insert(declared.site.clone(), gather.site(&declared.site)?);
        let plan = gather.plan_of(&name, &labels, withdrawn)?;
        for target in plan.iter().flat_map(|plan| &plan.targets) {
            if !sites.contains_key(&target.site) {
                sites.insert(target.site.clone(), gather.site(&target.site)?);
            }
        }
        let epoch = self.catalog.epoch(&catalog_name)?;
        // The site where it runs belongs to it, even when no plan names it any more.
        let active = epoch.as_ref().and_then(|epoch| epoch.site.parse::<Name>().ok());
        if let Some(active) = active.filter(|active| !sites.contains_key(active))
            && gather.find(KindName::RecoverySite, &active)?.is_some()
        {
            let site = gather.site(&active)?;
            sites.insert(active, site);
        }
        let records = gather.records;
        Ok(Closure {
            name,
            labels,
            application: declared,
            policy_name,
            policy,
            vault,
            vaults,
            sites,
            plan,
            epoch,
            records,
            withdrawn,
        })
    }

    fn undeclared(&self, application: &str) -> Error {
        let names: Vec<String> = self
            .catalog
            .declarations()
            .map(|survey| survey.live)
            .unwrap_or_default()
            .into_iter()
            .filter(|standing| standing.declaration.kind() == KindName::Application)
            .map(|standing| standing.declaration.name().to_string())
            .collect();
        let help = if names.is_empty() {
            "declare it with `dram apply` or `terraform apply`".to_owned()
        } else {
            format!("declared are {}", names.join(", "))
        };
        Error::NotDeclared {
            kind: "application",
            name: application.to_owned(),
            help,
        }
    }

    /// Names of all applications that are declared, then of those that were: their points are still there.
    pub(super) fn applications_ever(&self) -> Result<Vec<Name>, Error> {
        let mut names = self.applications()?;
        let gone = self.catalog.tombstones()?.live.into_iter();
        let gone = gone.map(|standing| standing.declaration);
        names.extend(
            gone.filter(|declaration| declaration.kind() == KindName::Application)
                .map(|declaration| declaration.metadata.name),
        );
        Ok(names)
    }

    /// Names of all declared applications.
    pub(super) fn applications(&self) -> Result<Vec<Name>, Error> {
        let survey = self.catalog.declarations()?.whole()?;
        let live = survey.into_iter().map(|standing| standing.declaration);
        Ok(live
            .filter(|declaration| declaration.kind() == KindName::Application)
            .map(|declaration| declaration.metadata.name)
            .collect())
    }
}

impl Closure {
    /// The number of the epoch; 0 as long as nothing was ever taken over.
    pub(super) fn epoch_number(&self) -> u64 {
        self.epoch.as_ref().map_or(0, |epoch| epoch.number)
    }

    /// The name of the site where it runs now.
    pub(super) fn active(&self) -> String {
        self.epoch
            .as_ref()
            .map_or_else(|| self.application.site.to_string(), |epoch| epoch.site.clone())
    }

    /// A site of the closure, as runbooks hold it.
    pub(super) fn site(&self, name: &str) -> Result<SiteRef, Error> {
        match self.sites.get_key_value(name) {
            Some((name, site)) => site_ref(name, site, self.plan.as_ref()),
            None => {
                let names: Vec<String> = self.sites.keys().map(ToString::to_string).collect();
                Err(not_declared(
                    "site",
                    name,
                    &format!(
                        "application `{}` knows {}; others are targets of its recovery plan",
                        self.name,
                        names.join(", ")
                    ),
                ))
            }
        }
    }

    /// What a decision about this application at a site is about.
    pub(super) fn scope<'a>(&'a self, tenant: &'a str, site: SiteRef, only: &'a [String]) -> Scope<'a> {
        Scope {
            tenant,
            name: &self.name,
            application: &self.application,
            site,
            vault: self.vault(),
            copies: self.copies(),
            only,
        }
    }

    /// The vault, as runbooks hold it.
    pub(super) fn vault(&self) -> VaultRef {
        self.vault.clone()
    }

    /// The other vaults of the policy.
    pub(super) fn copies(&self) -> Vec<CopyRef> {
        let others = self.vaults.iter().filter(|copy| copy.vault.name != self.vault.name);
        others.cloned().collect()
    }

    /// The same, read from another vault of the policy.
    pub(super) fn reading_from(mut self, vault: Option<&str>) -> Result<Self, Error> {
        let Some(vault) = vault else { return Ok(self) };
        match self.vaults.iter().find(|copy| copy.vault.name == vault) {
            Some(copy) => {
                self.vault = copy.vault.clone();
                Ok(self)
            }
            None => {
                let names: Vec<&str> = self.vaults.iter().map(|copy| copy.vault.name.as_str()).collect();
                let help = format!("the policy of `{}` keeps its points in {}", self.name, names.join(", "));
                Err(not_declared("vault", vault, &help))
            }
        }
    }
}

fn not_declared(kind: &'static str, name: &str, help: &str) -> Error {
    Error::NotDeclared {
        kind,
        name: name.to_owned(),
        help: help.to_owned(),
    }
}

struct Gather<'e> {
    engine: &'e Engine,
    known: Option<&'e Known>,
    records: Vec<Value>,
}

impl Gather<'_> {
    /// What stands, or stood before it was withdrawn.
    fn find(&self, kind: KindName, name: &str) -> Result<Option<(Standing<Declaration>, bool)>, CatalogError> {
        if let (Some(known), Ok(name)) = (self.known, name.parse::<Name>())
            && let Some(standing) = known.live.get(&(kind, name))
        {
            return Ok(Some((standing.clone(), false)));
        }
        match self.engine.catalog.declared(kind, name)? {
            Some(standing) => Ok(Some((standing, false))),
            None => Ok(self
                .engine
                .catalog
                .tombstone(kind, name)?
                .map(|standing| (standing, true))),
        }
    }

    fn record(&mut self, standing: &Standing<Declaration>) {
        self.records.push(json!({
            "declaration": standing.declaration.to_json(),
            "manager": standing.manager,
            "number": standing.number,
        }));
    }

    fn spec(&mut self, kind: KindName, name: &Name) -> Result<Spec, Error> {
        match self.find(kind, name)? {
            Some((standing, _)) => {
                self.record(&standing);
                Ok(standing.declaration.spec)
            }
            None => Err(Error::NotDeclared {
                kind: kind.as_str(),
                name: name.to_string(),
                help: "declare it again, or correct the reference".to_owned(),
            }),
        }
    }

    fn policy(&mut self, name: &Name) -> Result<ProtectionPolicy, Error> {
        match self.spec(KindName::ProtectionPolicy, name)? {
            Spec::ProtectionPolicy(policy) => Ok(policy),
            _ => Err(not_declared("policy", name, "the record holds another kind")),
        }
    }

    fn vault(&mut self, name: &Name) -> Result<Vault, Error> {
        match self.spec(KindName::Vault, name)? {
            Spec::Vault(vault) => Ok(vault),
            _ => Err(not_declared("vault", name, "the record holds another kind")),
        }
    }

    fn site(&mut self, name: &Name) -> Result<RecoverySite, Error> {
        match self.spec(KindName::RecoverySite, name)? {
            Spec::RecoverySite(site) => Ok(site),
            _ => Err(not_declared("site", name, "the record holds another kind")),
        }
    }

    /// The policy whose labels choose an application that names none.
    fn policy_for(&mut self, application: &Name, labels: &Labels) -> Result<(Name, ProtectionPolicy), Error> {
        let mut chosen = Vec::new();
        for standing in self.engine.catalog.declarations()?.live {
            if let Spec::ProtectionPolicy(policy) = &standing.declaration.spec
                && policy.applies_to(labels)
            {
                chosen.push((standing.declaration.name().clone(), policy.clone(), standing));
            }
        }
        match <[_; 1]>::try_from(chosen) {
            Ok([(name, policy, standing)]) => {
                self.record(&standing);
                Ok((name, policy))
            }
            Err(chosen) => Err(not_declared(
                "policy of application",
                application,
                match chosen.as_slice() {
                    [] => "it names none, and none applies to its labels: name one with `policy`",
                    _ => "it names none, and several apply to its labels: name one with `policy`",
                },
            )),
        }
    }

    /// The plan of an application. One that was withdrawn may have been withdrawn together with its plan.
    fn plan_of(&mut self, application: &Name, labels: &Labels, withdrawn: bool) -> Result<Option<RecoveryPlan>, Error> {
        if let Some(known) = self.known.filter(|_| !withdrawn) {
            let Some(standing) = known.plans.get(application) else {
                return Ok(None);
            };
            self.record(standing);
            return Ok(match &standing.declaration.spec {
                Spec::RecoveryPlan(plan) => Some(plan.clone()),
                _ => None,
            });
        }
        // A record that cannot be read may be another application's plan: it does not stop this one.
        let mut plans = self.engine.catalog.declarations()?.live;
        if withdrawn {
            plans.extend(self.engine.catalog.tombstones()?.live);
        }
        for standing in plans {
            if let Spec::RecoveryPlan(plan) = &standing.declaration.spec
                && plan.applications.chooses(application, labels)
            {
                self.record(&standing);
                return Ok(Some(plan.clone()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Apply;
    use dram_catalog::{Catalog, CatalogUrl};
    use dram_compiler::check::check;
    use dram_compiler::model::Model;
    use dram_compiler::source::Sources;

    const SITES: &str = "\
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: { name: office }
spec: { host: { root: /srv/office }, failureDomain: office }
---
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: { name: branch }
spec: { host: { root: /srv/branch }, failureDomain: branch }
";
    const SHOP: &str = "\
apiVersion: dram.dev/v1
kind: Vault
metadata: { name: nas }
spec: { directory: { path: /mnt/nas }, failureDomain: nas, password: { file: /etc/key } }
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: { name: hourly }
spec: { objectives: { rpo: 75m }, schedule: [{ every: 1h }], vaults: [{ name: nas }] }
---
apiVersion: dram.dev/v1
kind: Application
metadata: { name: shop }
spec: { site: office, policy: hourly, components: [{ name: web, host: { paths: [/srv/shop] } }] }
";
    const PLAN: &str = "\
apiVersion: dram.dev/v1
kind: RecoveryPlan
metadata: { name: shop }
spec: { applications: { names: [shop] }, targets: [{ site: branch }] }
";

    fn model(texts: &[&str]) -> Model {
        let mut sources = Sources::new();
        for (number, text) in texts.iter().enumerate() {
            sources.add(format!("{number}.yaml"), (*text).to_owned());
        }
        let checked = check(&sources);
        checked.model.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
    }

    fn engine(folder: &std::path::Path) -> Engine {
        let url = format!("file://{}", folder.display());
        Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
        Engine::open(&url, "default", "ann@desk").unwrap()
    }

    fn declare(engine: &Engine, texts: &[&str]) {
        let model = model(texts);
        let what = Apply {
            model: &model,
            take_over: false,
            prune: true,
            dry_run: false,
        };
        engine.apply(&what).unwrap();
    }

    fn sites(engine: &Engine) -> Vec<String> {
        let closure = engine.closure("shop").unwrap();
        closure.sites.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_withdrawn_with_its_plan_still_comes_back_at_the_plans_targets() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path());
        declare(&engine, &[SITES, SHOP, PLAN]);
        declare(&engine, &[SITES]);
        assert!(engine.closure("shop").unwrap().withdrawn);
        assert_eq!(sites(&engine), ["branch", "office"]);
        assert_eq!(engine.applications().unwrap(), []);
        let ever = engine.applications_ever().unwrap();
        assert_eq!(ever.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop"]);
    }

    #[test]
    fn the_site_where_it_runs_stays_known_when_its_plan_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path());
        declare(&engine, &[SITES, SHOP, PLAN]);
        let shop = application_name("shop").unwrap();
        let catalog = engine.catalog();
        catalog.take_over(&shop, 1, "branch", "office burnt", "ann").unwrap();
        declare(&engine, &[SITES, SHOP]);
        assert_eq!(sites(&engine), ["branch", "office"]);
    }
}
