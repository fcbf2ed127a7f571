//! What protects must not be lost with what it protects.

use super::Written;
use super::declared::{Chosen, Declared};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, ApplicationChoice, Catalog, Name, ProtectionPolicy, RecoveryPlan, RecoverySite, Spec, Target, Vault,
    VaultUse,
};
use dram_fields::{Field, Step};
use std::collections::BTreeMap;

/// Failure domains of source, vault and target differ.
pub(super) fn apart(declared: &Declared<'_>, documents: &[Written], out: &mut Vec<Diagnostic>) {
    for document in documents {
        match document.declaration.as_ref().map(|declaration| &declaration.spec) {
            Some(Spec::Application(application)) => vault_apart(declared, document, application, out),
            Some(Spec::RecoveryPlan(plan)) => target_apart(declared, document, plan, out),
            Some(Spec::Catalog(catalog)) => catalog_apart(documents, document, catalog, out),
            _ => {}
        }
    }
}

fn vault_apart(declared: &Declared<'_>, document: &Written, application: &Application, out: &mut Vec<Diagnostic>) {
    let Some((site_document, site)) = declared.site(&application.site) else {
        return;
    };
    let Some((policy_document, policy)) = declared.policy_of(document, application) else {
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
    for Chosen {
        name,
        application,
        document: runs,
        ..
    } in declared.chosen(&plan.applications)
    {
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
pub(super) fn one_plan_each(declared: &Declared<'_>, documents: &[Written], out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&Name, (&Written, Vec<Step>)> = BTreeMap::new();
    for document in documents {
        let Some(Spec::RecoveryPlan(plan)) = document.declaration.as_ref().map(|declaration| &declaration.spec) else {
            continue;
        };
        for Chosen { position, name, .. } in declared.chosen(&plan.applications) {
            let path = chosen_at(RecoveryPlan::APPLICATIONS, position);
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

/// The path to the words that choose an application: its name, or the labels.
pub(super) fn chosen_at(field: &'static Field, position: Option<usize>) -> Vec<Step> {
    let mut path = vec![Step::Field(field)];
    match position {
        Some(index) => path.extend([Step::Field(ApplicationChoice::NAMES), Step::Index(index)]),
        None => path.push(Step::Field(ApplicationChoice::LABELS)),
    }
    path
}
