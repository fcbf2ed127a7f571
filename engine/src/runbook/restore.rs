//! How an application comes back.

use super::hook::hooks;
use super::protect::kept_as;
use super::{Refusal, Runbook, Scope, Step, Verb};
use crate::inventory::{Inventory, PathState, Presence};
use crate::vault::{Item, Manifest, Method, Owners};
use dram_compiler::derive::methods;
use dram_compiler::model::{Body, Component, Moment};

/// Where an application comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// At the site where it is active: an ordinary restore.
    Active {
        /// Whether it runs there, as far as is known: no restore there is unfinished. Then its data is live.
        live: bool,
    },
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
    /// What it is about.
    pub scope: Scope<'a>,
    /// What that site says.
    pub inventory: &'a Inventory,
    /// The point.
    pub manifest: &'a Manifest,
    /// Where it comes back.
    pub destination: Destination,
    /// The current epoch.
    pub epoch: u64,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
    /// Whose files become whose.
    pub owners: Owners,
}

/// The runbook that brings an application back: fence and take over where the site changes, else stop; then wave by
/// wave data, start, dumps, health.
///
/// # Errors
/// A takeover without attestation, or components that do not fit the point.
pub fn restore(what: Restore<'_>) -> Result<Runbook, Refusal> {
    let waves = what.scope.waves(what.inventory)?;
    fits(&what.scope, what.manifest)?;
    let chosen = |component: &&Component| what.scope.has(component);
    let absent = |path: &PathState| path.presence == Presence::Absent;
    let nothing_there = !what.inventory.paths.is_empty() && what.inventory.paths.iter().all(absent);
    let all_there = !what.inventory.paths.iter().any(absent);
    let files = waves.iter().flatten().copied().filter(chosen);
    let files = files
        .flat_map(|component| {
            let images = items(what.manifest, component, Method::Image);
            items(what.manifest, component, Method::Files).chain(images).cloned()
        })
        .collect();
    // Everything that could refuse comes before anything is stopped, superseded or written.
    let mut steps = vec![Step::Preflight {
        items: files,
        overwrite: what.overwrite,
        owners: what.owners.clone(),
    }];
    // What may run on the data that is about to change stops first, last started first.
    if !nothing_there {
        let required = all_there && matches!(what.destination, Destination::Active { .. });
        let stopping = waves
            .iter()
            .rev()
            .flatten()
            .copied()
            .filter(chosen)
            .filter(|component| can_stop(component));
        steps.extend(stopping.map(|component| Step::Stop {
            component: component.name.to_string(),
            required,
        }));
    }
    let epoch = match &what.destination {
        Destination::Active { live: true } if !what.overwrite && !nothing_there => {
            return Err(Refusal::ReplacesLiveData {
                application: what.scope.name.to_string(),
                site: what.scope.site.name.clone(),
            });
        }
        Destination::Active { .. } => {
            steps.push(Step::Fence { epoch: what.epoch });
            what.epoch
        }
        Destination::TakeOver {
            from, attested: None, ..
        } => {
            return Err(Refusal::NeedsAttestation {
                application: what.scope.name.to_string(),
                target: what.scope.site.name.clone(),
                active: from.clone(),
            });
        }
        Destination::TakeOver {
            epoch,
            attested: Some(reason),
            ..
        } => {
            steps.push(Step::Fence { epoch: *epoch });
            steps.push(Step::TakeOver {
                epoch: *epoch,
                reason: reason.clone(),
            });
            *epoch
        }
    };
    let application = what.scope.application;
    steps.extend(hooks(application, Moment::BeforeRestore, None));
    steps.extend(hooks(application, Moment::BeforeStart, None));
    for wave in &waves {
        let wave: Vec<&Component> = wave.iter().copied().filter(chosen).collect();
        bring_back(&what, &wave, &mut steps);
    }
    steps.extend(hooks(application, Moment::AfterRestore, None));
    steps.extend(hooks(application, Moment::AfterStart, None));
    let point = what.manifest.point.clone();
    Ok(what.scope.runbook(what.verb, point, epoch, steps))
}

/// The steps of components that wait for none of each other: data, start, dumps, health.
fn bring_back(what: &Restore<'_>, wave: &[&Component], steps: &mut Vec<Step>) {
    let hooks =
        |at, component: &Component| hooks(what.scope.application, at, Some(&component.name)).collect::<Vec<_>>();
    for component in wave {
        steps.extend(hooks(Moment::BeforeRestore, component));
        for item in items(what.manifest, component, Method::Files) {
            steps.push(Step::RestoreFiles {
                component: component.name.to_string(),
                item: item.clone(),
                overwrite: what.overwrite,
                only: Vec::new(),
                owners: what.owners.clone(),
            });
        }
        for item in items(what.manifest, component, Method::Image) {
            steps.push(Step::RestoreImage {
                component: component.name.to_string(),
                item: item.clone(),
                overwrite: what.overwrite,
            });
        }
    }
    for component in wave {
        steps.extend(hooks(Moment::BeforeStart, component));
        if matches!(&component.body, Some(Body::Host(host)) if host.service.is_some()) {
            steps.push(Step::Start {
                component: component.name.to_string(),
            });
        }
    }
    for component in wave {
        for item in items(what.manifest, component, Method::Dump) {
            steps.push(Step::LoadDump {
                component: component.name.to_string(),
                item: item.clone(),
            });
        }
        steps.extend(hooks(Moment::AfterRestore, component));
    }
    for component in wave {
        if !component.health.is_empty() {
            steps.push(Step::Health {
                component: component.name.to_string(),
            });
        }
        steps.extend(hooks(Moment::AfterStart, component));
    }
}

/// A point that holds other components than the application has would come back in part: nobody should find that out
/// later.
fn fits(scope: &Scope<'_>, manifest: &Manifest) -> Result<(), Refusal> {
    let has = |name: &str| {
        scope
            .application
            .components
            .iter()
            .find(|component| *component.name == *name)
    };
    let taken = |name: &str| scope.only.is_empty() || scope.only.iter().any(|only| only == name);
    let unknown = manifest
        .items
        .iter()
        .find(|item| taken(&item.component) && has(&item.component).is_none());
    if let Some(item) = unknown {
        return Err(Refusal::PointHoldsMore {
            component: item.component.clone(),
            application: scope.name.to_string(),
        });
    }
    let absent = scope.application.components.iter().find(|component| {
        let held = |method: Method| items(manifest, component, method).next().is_some();
        scope.has(component)
            && methods(component)
                .into_iter()
                .any(|method| kept_as(method).is_none_or(|kept| !held(kept)))
    });
    match absent {
        Some(component) => Err(Refusal::PointHoldsLess {
            component: component.name.to_string(),
        }),
        None => Ok(()),
    }
}

/// What of a point is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Only these items; all when empty.
    pub items: &'a [String],
    /// Only what these paths and patterns take; everything when empty.
    pub paths: &'a [String],
    /// The items in which the patterns take anything, as their trees say.
    pub holding: &'a [String],
}

/// Where files alone are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// Where the application has them.
    InPlace,
    /// Below another directory.
    Elsewhere,
}

/// What writing files alone rests on.
#[derive(Debug, Clone)]
pub struct FilesOnly<'a> {
    /// What it is about.
    pub scope: Scope<'a>,
    /// The point.
    pub manifest: &'a Manifest,
    /// The current epoch.
    pub epoch: u64,
    /// What of it.
    pub asked: Asked<'a>,
    /// Where it is written.
    pub landing: Landing,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
    /// Whose files become whose.
    pub owners: Owners,
}

/// The items of a point that are asked for by their names and their components.
///
/// # Errors
/// The application has no such component, or the point no such item.
pub fn asked_items<'m>(scope: &Scope<'_>, manifest: &'m Manifest, asked: &Asked<'_>) -> Result<Vec<&'m Item>, Refusal> {
    scope.check()?;
    if let Some(name) = asked
        .items
        .iter()
        .find(|name| !manifest.items.iter().any(|item| item.name == **name))
    {
        return Err(Refusal::NoItem {
            item: name.clone(),
            items: manifest.items.iter().map(|item| item.name.clone()).collect(),
        });
    }
    // Files of a component that the application no longer has can still be looked at.
    let of_component = |item: &&Item| scope.only.is_empty() || scope.only.contains(&item.component);
    let named = |item: &&Item| asked.items.is_empty() || asked.items.contains(&item.name);
    Ok(manifest.items.iter().filter(of_component).filter(named).collect())
}

/// The runbook that writes files and starts nothing. Images and dumps are written as files, unless only paths are asked for.
///
/// # Errors
/// Components, items or paths that the point does not hold; in place, what nobody said may be replaced, images and dumps.
pub fn files_only(what: FilesOnly<'_>) -> Result<Runbook, Refusal> {
    let items = asked_items(&what.scope, what.manifest, &what.asked)?;
    let mut steps = Vec::new();
    for item in items {
        let is_named = what.asked.items.contains(&item.name);
        match item.method {
            Method::Files if !what.asked.paths.is_empty() && !what.asked.holding.contains(&item.name) => {}
            Method::Files => steps.push(Step::RestoreFiles {
                component: item.component.clone(),
                item: item.clone(),
                overwrite: what.overwrite,
                only: what.asked.paths.to_vec(),
                owners: what.owners.clone(),
            }),
            Method::Image | Method::Dump if !what.asked.paths.is_empty() && !is_named => {}
            Method::Image if what.landing == Landing::InPlace => {
                return Err(Refusal::ImageInPlace {
                    item: item.name.clone(),
                    component: item.component.clone(),
                });
            }
            Method::Image => steps.push(Step::WriteImage {
                component: item.component.clone(),
                item: item.clone(),
                file: item.name.clone(),
                overwrite: what.overwrite,
            }),
            Method::Dump if what.landing == Landing::InPlace => {
                return Err(Refusal::DumpInPlace {
                    item: item.name.clone(),
                    component: item.component.clone(),
                });
            }
            Method::Dump => steps.push(Step::WriteDump {
                component: item.component.clone(),
                item: item.clone(),
                file: item.name.clone(),
                overwrite: what.overwrite,
            }),
        }
    }
    if let (Some(path), true) = (what.asked.paths.first(), steps.is_empty()) {
        return Err(Refusal::NoPath { path: path.clone() });
    }
    if what.landing == Landing::InPlace && !what.overwrite {
        return Err(Refusal::ReplacesLiveData {
            application: what.scope.name.to_string(),
            site: what.scope.site.name.clone(),
        });
    }
    let point = what.manifest.point.clone();
    Ok(what.scope.runbook(Verb::Restore, point, what.epoch, steps))
}

fn can_stop(component: &Component) -> bool {
    let Some(Body::Host(host)) = &component.body else {
        return false;
    };
    host.service.as_ref().is_some_and(|service| service.stop.is_some())
}

fn items<'m>(manifest: &'m Manifest, component: &Component, method: Method) -> impl Iterator<Item = &'m Item> {
    let name = component.name.to_string();
    manifest
        .items
        .iter()
        .filter(move |item| item.component == name && item.method == method)
}
