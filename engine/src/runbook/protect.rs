//! How a recovery point is made.

use super::{Refusal, Runbook, Scope, Step, Verb};
use crate::inventory::{Inventory, Presence};
use crate::vault::Class;
use dram_compiler::derive::{Method, methods};
use dram_compiler::model::{Body, Component};
use std::path::Path;

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
    /// The declarations that go into the seal.
    pub declarations: Vec<serde_json::Value>,
}

/// The runbook that makes a point: capture in the order of start, so that what refers is captured after what it refers
/// to; then seal.
///
/// # Errors
/// The site or a path is not there, or nothing is left to protect.
pub fn protect(what: Protect<'_>) -> Result<Runbook, Refusal> {
    let waves = what.scope.waves(what.inventory)?;
    let mut steps = Vec::new();
    for component in waves.into_iter().flatten() {
        if !what.scope.has(component) {
            continue;
        }
        if let Some(path) = absent(component, what.inventory) {
            return Err(Refusal::PathAbsent {
                component: component.name.to_string(),
                path: path.display().to_string(),
                site: what.scope.site.name.clone(),
            });
        }
        for method in methods(component) {
            let component = component.name.to_string();
            let item = item_name(&component, method);
            steps.push(match method {
                Method::Files => Step::CaptureFiles { component, item },
                Method::Dump => Step::CaptureDump { component, item },
            });
        }
    }
    if steps.is_empty() {
        return Err(Refusal::NothingToProtect {
            application: what.scope.name.to_string(),
        });
    }
    steps.push(Step::Seal { class: what.class });
    steps.extend(copies(&what.scope));
    let runbook = what.scope.runbook(Verb::Protect, what.point, what.epoch, steps);
    Ok(Runbook {
        declarations: what.declarations,
        ..runbook
    })
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
    gone.find(|state| host.paths.iter().any(|path| Path::new(path.as_str()) == state.logical))
        .map(|state| state.physical.as_path())
}

/// The name of an item: the component, and how it was captured.
fn item_name(component: &str, method: Method) -> String {
    format!("{component}.{}", method.as_str())
}
