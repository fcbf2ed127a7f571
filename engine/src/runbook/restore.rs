//! How an application comes back.

use super::step::RUNBOOK_FORMAT;
use super::{Recorded, Refusal, Runbook, SiteRef, Step, VaultRef, Verb};
use crate::inventory::{Inventory, Presence};
use crate::vault::{Item, Manifest, Method};
use dram_compiler::model::{Application, Body, Component, Declaration, Name, Spec, after_order};

/// Where an application comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// At the site where it is active: an ordinary restore.
    Active,
    /// At another site, which takes over under this epoch.
    TakeOver {
        /// The new epoch.
        epoch: u64,
        /// The site that counted as active.
        from: String,
        /// What a person attested about it; without it the takeover is refused.
        attested: Option<String>,
    },
}

/// What the decision rests on.
#[derive(Debug, Clone)]
pub struct Restore<'a> {
    /// `restore`, or `recover` where no catalog is alive.
    pub verb: Verb,
    /// The tenant.
    pub tenant: &'a str,
    /// The application's name.
    pub name: &'a Name,
    /// The application.
    pub application: &'a Application,
    /// The site where it comes back.
    pub site: SiteRef,
    /// What that site says.
    pub inventory: &'a Inventory,
    /// The vault that holds the point.
    pub vault: VaultRef,
    /// The point.
    pub manifest: &'a Manifest,
    /// Where it comes back.
    pub destination: Destination,
    /// The current epoch.
    pub epoch: u64,
    /// Only these components; all when empty.
    pub only: &'a [String],
    /// Whether files that differ are replaced.
    pub overwrite: bool,
}

/// The runbook that brings an application back: fence and take over where the site changes, else stop; then wave by
/// wave data, start, dumps, health.
///
/// # Errors
/// A takeover without attestation, or components that do not fit the point.
pub fn restore(what: Restore<'_>) -> Result<Runbook, Refusal> {
    known_components(what.name, what.application, what.only)?;
    if what.inventory.root == Presence::Absent {
        return Err(Refusal::SiteAbsent {
            site: what.site.name.clone(),
            root: what.site.root.clone(),
        });
    }
    let waves = after_order(&what.application.components).map_err(|circle| Refusal::Circle {
        circle: circle.join(" → "),
    })?;
    let chosen =
        |component: &&Component| what.only.is_empty() || what.only.iter().any(|name| **name == *component.name);
    let mut steps = Vec::new();
    let epoch = match &what.destination {
        Destination::Active => {
            // What runs on the data that is about to change stops first, last started first. Where none of the data is
            // there, nothing can run on it, and the commands may be gone with it.
            let nothing_there = !what.inventory.paths.is_empty()
                && what
                    .inventory
                    .paths
                    .iter()
                    .all(|path| path.presence == Presence::Absent);
            for component in waves
                .iter()
                .rev()
                .flatten()
                .copied()
                .filter(chosen)
                .filter(|_| !nothing_there)
            {
                if let Some(Body::Host(host)) = &component.body
                    && host.service.as_ref().is_some_and(|service| service.stop.is_some())
                {
                    steps.push(Step::Stop {
                        component: component.name.to_string(),
                    });
                }
            }
            steps.push(Step::Fence { epoch: what.epoch });
            what.epoch
        }
        Destination::TakeOver { epoch, from, attested } => {
            let Some(reason) = attested else {
                return Err(Refusal::NeedsAttestation {
                    application: what.name.to_string(),
                    target: what.site.name.clone(),
                    active: from.clone(),
                });
            };
            // The target is shown to be usable before anybody is superseded.
            steps.push(Step::Fence { epoch: *epoch });
            steps.push(Step::TakeOver {
                epoch: *epoch,
                reason: reason.clone(),
            });
            *epoch
        }
    };
    for wave in &waves {
        let wave: Vec<&Component> = wave.iter().copied().filter(chosen).collect();
        for component in &wave {
            for item in items(what.manifest, component, Method::Files) {
                steps.push(Step::RestoreFiles {
                    component: component.name.to_string(),
                    item: item.clone(),
                    overwrite: what.overwrite,
                    only: None,
                });
            }
        }
        for component in &wave {
            if matches!(&component.body, Some(Body::Host(host)) if host.service.is_some()) {
                steps.push(Step::Start {
                    component: component.name.to_string(),
                });
            }
        }
        for component in &wave {
            for item in items(what.manifest, component, Method::Dump) {
                steps.push(Step::LoadDump {
                    component: component.name.to_string(),
                    item: item.clone(),
                });
            }
        }
        for component in wave.iter().filter(|component| !component.health.is_empty()) {
            steps.push(Step::Health {
                component: component.name.to_string(),
            });
        }
    }
    let application = Declaration {
        name: what.name.clone(),
        spec: Spec::Application(what.application.clone()),
    };
    Ok(Runbook {
        format: RUNBOOK_FORMAT,
        verb: what.verb,
        tenant: what.tenant.to_owned(),
        application: Recorded(application),
        site: what.site,
        vault: what.vault,
        point: what.manifest.point.clone(),
        epoch,
        declarations: Vec::new(),
        steps,
    })
}

/// What writing files alone rests on.
#[derive(Debug, Clone)]
pub struct FilesOnly<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The application's name.
    pub name: &'a Name,
    /// The application.
    pub application: &'a Application,
    /// Where the files go: a directory as root, or the active site.
    pub site: SiteRef,
    /// The vault that holds the point.
    pub vault: VaultRef,
    /// The point.
    pub manifest: &'a Manifest,
    /// Only these components; all when empty.
    pub only: &'a [String],
    /// Only this path and what lies below it.
    pub path: Option<&'a str>,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
}

/// The runbook that writes files and starts nothing. Dumps are written as files, unless only a path is asked for.
///
/// # Errors
/// Components or paths that the point does not hold.
pub fn files_only(what: FilesOnly<'_>) -> Result<Runbook, Refusal> {
    known_components(what.name, what.application, what.only)?;
    let mut steps = Vec::new();
    for item in &what.manifest.items {
        if !what.only.is_empty() && !what.only.contains(&item.component) {
            continue;
        }
        match (item.method, what.path) {
            (Method::Files, Some(path)) if !item.paths.iter().any(|own| is_below(path, own)) => {}
            (Method::Files, path) => steps.push(Step::RestoreFiles {
                component: item.component.clone(),
                item: item.clone(),
                overwrite: what.overwrite,
                only: path.map(str::to_owned),
            }),
            (Method::Dump, Some(_)) => {}
            (Method::Dump, None) => steps.push(Step::WriteDump {
                component: item.component.clone(),
                item: item.clone(),
                file: item.name.clone(),
            }),
        }
    }
    if let (Some(path), true) = (what.path, steps.is_empty()) {
        return Err(Refusal::NoPath { path: path.to_owned() });
    }
    let application = Declaration {
        name: what.name.clone(),
        spec: Spec::Application(what.application.clone()),
    };
    Ok(Runbook {
        format: RUNBOOK_FORMAT,
        verb: Verb::Restore,
        tenant: what.tenant.to_owned(),
        application: Recorded(application),
        site: what.site,
        vault: what.vault,
        point: what.manifest.point.clone(),
        epoch: what.manifest.epoch,
        declarations: Vec::new(),
        steps,
    })
}

fn known_components(name: &Name, application: &Application, only: &[String]) -> Result<(), Refusal> {
    match only.iter().find(|wanted| {
        !application
            .components
            .iter()
            .any(|component| *component.name == ***wanted)
    }) {
        Some(component) => Err(Refusal::NoComponent {
            what: format!("application `{name}`"),
            component: component.clone(),
        }),
        None => Ok(()),
    }
}

fn items<'m>(manifest: &'m Manifest, component: &Component, method: Method) -> impl Iterator<Item = &'m Item> {
    let name = component.name.to_string();
    manifest
        .items
        .iter()
        .filter(move |item| item.component == name && item.method == method)
}

/// Whether `path` is `own` or lies below it, or holds it.
fn is_below(path: &str, own: &str) -> bool {
    let (path, own) = (std::path::Path::new(path), std::path::Path::new(own));
    path.starts_with(own) || own.starts_with(path)
}
