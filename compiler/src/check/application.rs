//! What must hold inside an application.

use super::Written;
use super::names::meant;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Application, Body, Component, Spec, after_order};
use dram_fields::Step;
use std::collections::BTreeSet;

pub(super) fn fits(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    let Spec::Application(application) = spec else { return };
    super::hooks::fit(document, application, out);
    let before = out.len();
    let names: BTreeSet<&str> = application
        .components
        .iter()
        .map(|component| &*component.name)
        .collect();
    for (index, component) in application.components.iter().enumerate() {
        let at = || vec![Step::Field(Application::COMPONENTS), Step::Index(index)];
        after(document, &names, component, &at(), out);
        if let Some(profile) = &component.profile {
            // Check puts profiles in before it decodes: this one comes from elsewhere, such as a record made by hand.
            let message = format!("component `{}` still names profile `{}`", component.name, profile.r#use);
            let path = [at(), vec![Step::Field(Component::PROFILE)]].concat();
            let finding = document.error(codes::UNKNOWN_PROFILE, path, message);
            out.push(finding.help("declare it from its model, or with the fields that the profile stands for"));
        } else if is_empty(component) {
            let message = format!(
                "component `{}` has nothing to protect and nothing to start",
                component.name
            );
            let mut finding = document.error(codes::EMPTY_COMPONENT, at(), message);
            finding.span = document.spec.at(&[at(), vec![Step::Field(Component::NAME)]].concat());
            out.push(finding.help("give it `host` with `paths`, a `device`, a `dump` or a `service`, or remove it"));
        }
    }
    if out.len() > before {
        return;
    }
    if let Err(circle) = after_order(&application.components) {
        let first = circle.first().cloned().unwrap_or_default();
        let index = application
            .components
            .iter()
            .position(|component| *component.name == *first)
            .unwrap_or_default();
        let path = vec![
            Step::Field(Application::COMPONENTS),
            Step::Index(index),
            Step::Field(Component::AFTER),
        ];
        let printed = circle
            .iter()
            .chain([&first])
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" → ");
        out.push(
            document
                .error(
                    codes::CYCLE,
                    path,
                    format!("components wait for each other in a circle: {printed}"),
                )
                .help("remove one `after` of the circle"),
        );
    }
}

fn after(document: &Written, names: &BTreeSet<&str>, component: &Component, at: &[Step], out: &mut Vec<Diagnostic>) {
    for (position, name) in component.after.iter().enumerate() {
        if names.contains(name.as_ref() as &str) {
            continue;
        }
        let mut path = at.to_vec();
        path.extend([Step::Field(Component::AFTER), Step::Index(position)]);
        let help = meant(name, names, "components are");
        let message = format!(
            "component `{}` waits for `{name}`, which the application does not have",
            component.name
        );
        out.push(document.error(codes::AFTER_UNRESOLVED, path, message).help(help));
    }
}

fn is_empty(component: &Component) -> bool {
    match &component.body {
        None => true,
        Some(Body::Host(host)) => {
            host.paths.is_empty() && host.device.is_none() && host.dump.is_none() && host.service.is_none()
        }
    }
}
