//! Devices, which belong to one component each.

use super::Written;
use super::declared::Declared;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Application, Body, Host};
use dram_fields::Step;
use std::collections::BTreeMap;

/// No two components of a site name the same device.
pub(super) fn belong_to_one(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<(&str, &str), (&Written, usize, &str)> = BTreeMap::new();
    for (document, application) in declared.applications() {
        for (index, component) in application.components.iter().enumerate() {
            let Some(Body::Host(Host {
                device: Some(device), ..
            })) = &component.body
            else {
                continue;
            };
            let key = (application.site.as_ref(), device.as_str());
            let Some((other, position, name)) = first.get(&key).copied() else {
                first.insert(key, (document, index, component.name.as_ref()));
                continue;
            };
            let message = format!(
                "component `{}` names device `{}`, and so does component `{name}` of {}",
                component.name,
                device.as_str(),
                other.title()
            );
            out.push(
                document
                    .error(codes::SAME_DEVICE, place_of(index), message)
                    .related(other.spec.at(&place_of(position)), "named here")
                    .help("name it in one of them; the other says `after` if it depends on it"),
            );
        }
    }
}

fn place_of(component: usize) -> Vec<Step> {
    vec![
        Step::Field(Application::COMPONENTS),
        Step::Index(component),
        Step::Field(Body::HOST),
        Step::Field(Host::DEVICE),
    ]
}
