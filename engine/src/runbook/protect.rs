//! How a recovery point is made.

use super::{Capture, Freeze, Refusal, Runbook, Scope, Step, Unusual, Verb};
use crate::inventory::{Inventory, Presence};
use crate::vault::{self, Class};
use dram_compiler::derive::{Method, freeze, methods, reached};
use dram_compiler::model::{Anomaly, AnomalyAction, Body, Component, Consistency, Duration};
use std::path::Path;

/// Seconds.
const WEEK: u64 = 7 * 24 * 60 * 60;

/// What the decision rests on.
#[derive(Debug, Clone)]
pub struct Protect<'a> {
    /// What it is about.
    pub scope: Scope<'a>,
    /// What that site says.
    pub inventory: &'a Inventory,
    /// The current epoch.
    pub epoch: u64,
    /// The new point's id: a ULID.
    pub point: String,
    /// How the point comes about.
    pub class: Class,
    /// How far its data is to belong together.
    pub consistency: Option<Consistency>,
    /// The longest that the application may be frozen.
    pub max_freeze: Duration,
    /// What change is unusual.
    pub anomaly: Option<&'a Anomaly>,
    /// The declarations that go into the seal.
    pub declarations: Vec<serde_json::Value>,
}

/// The runbook that makes a point: what is read at rest, in one freeze; then what is read as it runs, in the order of start, so
/// that what refers is captured after what it refers to; then the seal.
///
/// # Errors
/// The site or a path is not there, or nothing is left to protect.
pub fn protect(what: Protect<'_>) -> Result<Runbook, Refusal> {
    let waves = what.scope.waves(what.inventory)?;
    let takes_part = |component: &Component| what.scope.has(component);
    let frozen = freeze(what.scope.application, what.consistency, &takes_part);
    let reaches = level(reached(what.scope.application, frozen.as_ref(), &takes_part));
    let at_rest = |component: &Component| {
        let frozen = frozen.iter().flat_map(|freeze| &freeze.components);
        frozen.into_iter().any(|frozen| frozen.name == component.name)
    };
    let (mut resting, mut running) = (Vec::new(), Vec::new());
    for component in waves.into_iter().flatten().filter(|component| takes_part(component)) {
        if let Some(path) = absent(component, what.inventory) {
            return Err(Refusal::PathAbsent {
                component: component.name.to_string(),
                path: path.display().to_string(),
                site: what.scope.site.name.clone(),
            });
        }
        match at_rest(component) {
            true => resting.extend(captures(component)),
            false => running.extend(captures(component)),
        }
    }
    unable(&what.scope)?;
    if resting.is_empty() && running.is_empty() {
        return Err(Refusal::NothingToProtect {
            application: what.scope.name.to_string(),
        });
    }
    let mut steps = Vec::new();
    if let Some(freeze) = &frozen {
        let names = |components: &[&Component]| components.iter().map(|component| component.name.to_string()).collect();
        steps.push(Step::Freeze(Freeze {
            captures: resting.clone(),
            filesystems: names(&freeze.filesystems),
            before: freeze.before.clone(),
            after: freeze.after.clone(),
            seconds: what.max_freeze.seconds,
            reaches,
        }));
        steps.push(Step::Move { captures: resting });
    }
    steps.extend(running.into_iter().map(
        |Capture {
             component,
             item,
             method,
         }| match method {
            vault::Method::Files => Step::CaptureFiles { component, item },
            vault::Method::Image => Step::CaptureImage { component, item },
            vault::Method::Dump => Step::CaptureDump { component, item },
        },
    ));
    steps.push(Step::Seal {
        class: what.class,
        consistency: reaches,
        anomaly: what.anomaly.map(|anomaly| Unusual {
            bytes_a_week: anomaly.change_rate.bytes_in(WEEK),
            holds: anomaly.action == AnomalyAction::Hold,
        }),
    });
    steps.extend(copies(&what.scope));
    let runbook = what.scope.runbook(Verb::Protect, what.point, what.epoch, steps);
    Ok(Runbook {
        declarations: what.declarations,
        ..runbook
    })
}

/// The pieces of a component's data.
fn captures(component: &Component) -> impl Iterator<Item = Capture> + use<'_> {
    methods(component).into_iter().filter_map(|method| {
        Some(Capture {
            component: component.name.to_string(),
            item: item_name(&component.name, method),
            method: kept_as(method)?,
        })
    })
}

/// How a vault keeps what a method captures; nothing for a method of which this engine has no driver.
pub(super) const fn kept_as(method: Method) -> Option<vault::Method> {
    match method {
        Method::Files => Some(vault::Method::Files),
        Method::Image => Some(vault::Method::Image),
        Method::Dump => Some(vault::Method::Dump),
        Method::CsiSnapshot | Method::Volsync | Method::Velero | Method::CinderBackup => None,
    }
}

/// A method that no driver here has, with its component.
fn unable(scope: &Scope<'_>) -> Result<(), Refusal> {
    for component in scope
        .application
        .components
        .iter()
        .filter(|component| scope.has(component))
    {
        if let Some(method) = methods(component).into_iter().find(|method| kept_as(*method).is_none()) {
            return Err(Refusal::NoDriver {
                component: component.name.to_string(),
                method: method.as_str(),
            });
        }
    }
    Ok(())
}

const fn level(reached: Option<Consistency>) -> vault::Consistency {
    match reached {
        None => vault::Consistency::None,
        Some(Consistency::Crash) => vault::Consistency::Crash,
        Some(Consistency::Group) => vault::Consistency::Group,
        Some(Consistency::Filesystem) => vault::Consistency::Filesystem,
        Some(Consistency::Application) => vault::Consistency::Application,
    }
}

/// Brings the points that are due into the further vaults, without making one.
///
/// # Errors
/// There are no further vaults.
pub fn copy(scope: Scope<'_>, epoch: u64, point: String) -> Result<Runbook, Refusal> {
    let steps: Vec<Step> = copies(&scope).collect();
    if steps.is_empty() {
        return Err(Refusal::NoCopies {
            application: scope.name.to_string(),
        });
    }
    Ok(scope.runbook(Verb::Copy, point, epoch, steps))
}

/// What is far away comes last: the point is sealed at home before.
fn copies<'s>(scope: &'s Scope<'_>) -> impl Iterator<Item = Step> + use<'s> {
    scope.copies.iter().map(|copy| Step::Copy {
        vault: copy.vault.name.clone(),
    })
}

/// Where a path of the component should lie and surely does not.
fn absent<'i>(component: &Component, inventory: &'i Inventory) -> Option<&'i Path> {
    let Some(Body::Host(host)) = &component.body else {
        return None;
    };
    let mut gone = inventory
        .paths
        .iter()
        .filter(|state| state.presence == Presence::Absent);
    let ours = || host.paths.iter().chain(&host.device);
    gone.find(|state| ours().any(|path| Path::new(path.as_str()) == state.logical))
        .map(|state| state.physical.as_path())
}

/// The name of an item: the component, and how it was captured.
fn item_name(component: &str, method: Method) -> String {
    format!("{component}.{}", method.as_str())
}
