//! What protects must not be lost with what it protects.

use super::Written;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Applications, Catalog, KindName, Name, ProtectionPolicy, RecoveryPlan, RecoverySite, Spec, Target,
    Vault, VaultUse,
};
use dram_fields::Step;
use std::collections::{BTreeMap, BTreeSet};

/// The decoded declarations by kind and name; first ones win, duplicates were reported.
pub(super) struct Declared<'d>(BTreeMap<(KindName, &'d str), &'d Written>);

impl<'d> Declared<'d> {
    pub(super) fn of(documents: &'d [Written]) -> Self {
        let mut map = BTreeMap::new();
        for document in documents {
            if let (Some(kind), Some(name)) = (document.kind, &document.name) {
                map.entry((kind, name.as_ref())).or_insert(document);
            }
        }
        Self(map)
    }

    fn spec(&self, kind: KindName, name: &str) -> Option<(&'d Written, &'d Spec)> {
        let document = self.0.get(&(kind, name)).copied()?;
        document
            .declaration
            .as_ref()
            .map(|declaration| (document, &declaration.spec))
    }

    fn site(&self, name: &str) -> Option<(&'d Written, &'d RecoverySite)> {
        match self.spec(KindName::RecoverySite, name)? {
            (document, Spec::RecoverySite(site)) => Some((document, site)),
            _ => None,
        }
    }

    pub(super) fn policy(&self, name: &str) -> Option<(&'d Written, &'d ProtectionPolicy)> {
        match self.spec(KindName::ProtectionPolicy, name)? {
            (document, Spec::ProtectionPolicy(policy)) => Some((document, policy)),
            _ => None,
        }
    }

    /// The names of the declarations of a kind, those of broken ones too.
    pub(super) fn names(&self, kind: KindName) -> BTreeSet<&'d str> {
        let names = self.0.keys().filter(|(of, _)| *of == kind);
        names.map(|(_, name)| *name).collect()
    }

    pub(super) fn vault(&self, name: &str) -> Option<(&'d Written, &'d Vault)> {
        match self.spec(KindName::Vault, name)? {
            (document, Spec::Vault(vault)) => Some((document, vault)),
            _ => None,
        }
    }

    fn application(&self, name: &str) -> Option<(&'d Written, &'d Application)> {
        match self.spec(KindName::Application, name)? {
            (document, Spec::Application(application)) => Some((document, application)),
            _ => None,
        }
    }
}

/// Failure domains of source, vault and target differ.
pub(super) fn apart(documents: &[Written], out: &mut Vec<Diagnostic>) {
    let declared = Declared::of(documents);
    for document in documents {
        match document.declaration.as_ref().map(|declaration| &declaration.spec) {
            Some(Spec::Application(application)) => vault_apart(&declared, document, application, out),
            Some(Spec::RecoveryPlan(plan)) => target_apart(&declared, document, plan, out),
            Some(Spec::Catalog(catalog)) => catalog_apart(documents, document, catalog, out),
            _ => {}
        }
    }
}

fn vault_apart(declared: &Declared<'_>, document: &Written, application: &Application, out: &mut Vec<Diagnostic>) {
    let Some((site_document, site)) = declared.site(&application.site) else {
        return;
    };
    let Some((policy_document, policy)) = declared.policy(&application.policy) else {
        return;
    };
    for (index, used) in policy.vaults.iter().enumerate() {
        let Some((vault_document, vault)) = declared.vault(&used.name) else {
            continue;
        };
        if vault.failure_domain == site.failure_domain {
            let path = vec![
                Step::Field(ProtectionPolicy::VAULTS),
                Step::Index(index),
                Step::Field(VaultUse::NAME),
            ];
            let message = format!(
                "vault `{}` is lost together with site `{}`, where application `{}` runs: both fail with `{}`",
                used.name,
                application.site,
                document.name.as_ref().map_or("", |name| name.as_ref()),
                site.failure_domain
            );
            // The reader of a plan or a review looks at the application: that is where the parts meet.
            out.push(
                document
                    .error(
                        codes::SAME_FAILURE_DOMAIN,
                        vec![Step::Field(Application::POLICY)],
                        message,
                    )
                    .related(policy_document.spec.at(&path), "the vault is chosen here")
                    .related(
                        vault_document.spec.at(&[Step::Field(Vault::FAILURE_DOMAIN)]),
                        "its failure domain",
                    )
                    .related(
                        site_document.spec.at(&[Step::Field(RecoverySite::FAILURE_DOMAIN)]),
                        "that of the site",
                    )
                    .help("use a vault in another failure domain"),
            );
        }
    }
}

fn target_apart(declared: &Declared<'_>, document: &Written, plan: &RecoveryPlan, out: &mut Vec<Diagnostic>) {
    for name in &plan.applications.names {
        let Some((runs, application)) = declared.application(name) else {
            continue;
        };
        let Some((home_document, home)) = declared.site(&application.site) else {
            continue;
        };
        for (index, target) in plan.targets.iter().enumerate() {
            let path = vec![
                Step::Field(RecoveryPlan::TARGETS),
                Step::Index(index),
                Step::Field(Target::SITE),
            ];
            if target.site == application.site {
                let message = format!(
                    "target `{}` is the site where application `{name}` runs already",
                    target.site
                );
                out.push(
                    document
                        .error(codes::TARGET_IS_HOME, path, message)
                        .related(runs.spec.at(&[Step::Field(Application::SITE)]), "it runs here")
                        .help("name another site"),
                );
            } else if let Some((site_document, site)) = declared.site(&target.site)
                && site.failure_domain == home.failure_domain
            {
                let message = format!(
                    "target `{}` is lost together with site `{}`, where application `{name}` runs: both fail with `{}`",
                    target.site, application.site, home.failure_domain
                );
                out.push(
                    document
                        .error(codes::SAME_FAILURE_DOMAIN, path, message)
                        .related(
                            site_document.spec.at(&[Step::Field(RecoverySite::FAILURE_DOMAIN)]),
                            "the target's failure domain",
                        )
                        .related(
                            home_document.spec.at(&[Step::Field(RecoverySite::FAILURE_DOMAIN)]),
                            "that of the site",
                        )
                        .help("name a site in another failure domain"),
                );
            }
        }
    }
}

fn catalog_apart(documents: &[Written], document: &Written, catalog: &Catalog, out: &mut Vec<Diagnostic>) {
    let shares = documents
        .iter()
        .find(|other| match other.declaration.as_ref().map(|other| &other.spec) {
            Some(Spec::RecoverySite(site)) => site.failure_domain == catalog.failure_domain,
            Some(Spec::Vault(vault)) => vault.failure_domain == catalog.failure_domain,
            _ => false,
        });
    if let Some(other) = shares {
        let path = vec![Step::Field(Catalog::FAILURE_DOMAIN)];
        let message = format!("the catalog is lost together with {}", other.title());
        out.push(
            Diagnostic::warning(codes::CATALOG_DOMAIN, document.spec.at(&path), message)
                .path(path)
                .related(
                    other.spec.at(&[Step::Field(Vault::FAILURE_DOMAIN)]),
                    "its failure domain",
                )
                .help("keep the catalog at a third place"),
        );
    }
}

/// An application comes back by one plan.
pub(super) fn one_plan_each(documents: &[Written], out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&Name, (&Written, Vec<Step>)> = BTreeMap::new();
    for document in documents {
        let Some(Spec::RecoveryPlan(plan)) = document.declaration.as_ref().map(|declaration| &declaration.spec) else {
            continue;
        };
        for (index, name) in plan.applications.names.iter().enumerate() {
            let path = vec![
                Step::Field(RecoveryPlan::APPLICATIONS),
                Step::Field(Applications::NAMES),
                Step::Index(index),
            ];
            if let Some((first, first_path)) = seen.get(name) {
                out.push(
                    document
                        .error(
                            codes::SEVERAL_PLANS,
                            path,
                            format!("application `{name}` has two recovery plans"),
                        )
                        .related(first.spec.at(first_path), "named first here")
                        .help("keep one plan for it; a plan can have several targets"),
                );
            } else {
                seen.insert(name, (document, path));
            }
        }
    }
}
