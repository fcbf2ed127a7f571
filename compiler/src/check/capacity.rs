//! What can be at a site at once fits in it.

use super::declared::{Chosen, Declared};
use super::under;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Application, Bytes, Capacity, KindName, Name, RecoverySite, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// The data that the model knows of, home and coming back, against `capacity.storage`.
pub(super) fn fits(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    let mut at: BTreeMap<&str, BTreeSet<&Name>> = BTreeMap::new();
    for (document, application) in declared.applications() {
        if let Some(name) = &document.name {
            at.entry(&application.site).or_default().insert(name);
        }
    }
    for (_, spec) in declared.all(KindName::RecoveryPlan) {
        let Spec::RecoveryPlan(plan) = spec else { continue };
        let chosen = declared.chosen(&plan.applications);
        for target in &plan.targets {
            let names = chosen.iter().map(|Chosen { name, .. }| *name);
            at.entry(&target.site).or_default().extend(names);
        }
    }
    for (site, names) in at {
        let Some((document, declared_site)) = declared.site(site) else {
            continue;
        };
        let Some(storage) = declared_site.capacity.as_ref().and_then(|capacity| capacity.storage) else {
            continue;
        };
        let size = |name: &&&Name| {
            declared
                .application(name)
                .map_or(0, |(_, application)| bytes(application))
        };
        let needed = names.iter().map(|name| size(&name)).fold(0, u64::saturating_add);
        if needed <= storage.bytes {
            continue;
        }
        let mut largest: Vec<&&Name> = names.iter().collect();
        largest.sort_by_key(|name| std::cmp::Reverse(size(name)));
        let largest: Vec<String> = largest
            .iter()
            .take(3)
            .map(|name| format!("`{name}` {}", Bytes { bytes: size(name) }))
            .collect();
        let message = format!(
            "site `{site}` has {storage} of storage, and what runs there or can come back there needs {}",
            Bytes { bytes: needed }
        );
        let path = under(&[], &[RecoverySite::CAPACITY, Capacity::STORAGE]);
        out.push(document.error(codes::TOO_LARGE, path, message).help(format!(
            "the largest: {}; raise the capacity, or name another target",
            largest.join(", ")
        )));
    }
}

/// The bytes that a model states of an application.
fn bytes(application: &Application) -> u64 {
    let with_data = application.components.iter().filter(|component| component.has_data());
    with_data
        .filter_map(|component| component.data.as_ref()?.size)
        .map(|size| size.bytes)
        .fold(0, u64::saturating_add)
}
