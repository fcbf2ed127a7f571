//! What must hold inside an application.

use super::Written;
use super::names::Meant;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Application, Body, Component, Spec, after_order};
use dram_fields::{Span, Step};
use std::collections::BTreeSet;

pub(super) fn fits(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    let Spec::Application(application) = spec else { return };
    super::hooks::fit(document, application, out);
    super::platforms::alone(document, application, out);
    let before = out.len();
    let names: BTreeSet<&str> = application
        .components
        .iter()
        .map(|component| &*component.name)
        .collect();
    for (index, component) in application.components.iter().enumerate() {
        let at = || vec![Step::Field(Application::COMPONENTS), Step::Index(index)];
        after(document, application, &names, component, &at(), out);
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
            out.push(finding.help(
                "give it `host` with `paths`, a `device`, a `dump` or a `service`, `kubernetes` or `openstack` with what \
                 it consists of, or remove it",
            ));
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
        let message = format!("components wait for each other in a circle: {printed}");
        let mut finding = document
            .error(codes::CYCLE, path, message)
            .help("remove one `after` of the circle");
        if let Some(place) = circle
            .get(1)
            .and_then(|next| waits_at(document, application, &first, next))
        {
            finding.span = place;
        }
        for (name, next) in circle.iter().zip(circle.iter().skip(1).chain([&first])).skip(1) {
            if let Some(place) = waits_at(document, application, name, next) {
                finding = finding.related(place, format!("`{name}` waits for `{next}`"));
            }
        }
        out.push(finding);
    }
}

/// Where a component says that it waits for another.
fn waits_at(document: &Written, application: &Application, name: &str, next: &str) -> Option<Span> {
    let is = |component: &&Component, name: &str| component.name.as_ref() as &str == name;
    let (index, component) = application
        .components
        .iter()
        .enumerate()
        .find(|(_, one)| is(one, name))?;
    let position = component
        .after
        .iter()
        .position(|after| after.as_ref() as &str == next)?;
    Some(document.spec.at(&[
        Step::Field(Application::COMPONENTS),
        Step::Index(index),
        Step::Field(Component::AFTER),
        Step::Index(position),
    ]))
}

/// Where the name of a component stands.
pub(super) fn place_of(document: &Written, application: &Application, name: &str) -> Option<Span> {
    let mut components = application.components.iter();
    let index = components.position(|component| component.name.as_ref() as &str == name)?;
    let path = [Application::COMPONENTS, Component::NAME].map(Step::Field);
    let [components, name] = path;
    Some(document.spec.at(&[components, Step::Index(index), name]))
}

fn after(
    document: &Written,
    application: &Application,
    names: &BTreeSet<&str>,
    component: &Component,
    at: &[Step],
    out: &mut Vec<Diagnostic>,
) {
    for (position, name) in component.after.iter().enumerate() {
        if names.contains(name.as_ref() as &str) {
            continue;
        }
        let mut path = at.to_vec();
        path.extend([Step::Field(Component::AFTER), Step::Index(position)]);
        let near = Meant::of(name, names);
        let help = near.help("components are");
        let message = format!(
            "component `{}` waits for `{name}`, which the application does not have",
            component.name
        );
        let mut finding = document.error(codes::AFTER_UNRESOLVED, path, message).help(help);
        if let Some(place) = near.name.and_then(|name| place_of(document, application, name)) {
            finding = finding.related(place, "declared here");
        }
        // It waits neither for itself nor for anybody twice.
        let others = component.after.iter().map(|name| name.as_ref() as &str);
        let taken: Vec<&str> = others.chain([component.name.as_ref() as &str]).collect();
        out.push(near.fixing_unless(finding, &taken));
    }
}

fn is_empty(component: &Component) -> bool {
    match &component.body {
        None => true,
        Some(Body::Host(host)) => {
            host.paths.is_empty() && host.device.is_none() && host.dump.is_none() && host.service.is_none()
        }
        Some(Body::Kubernetes(_)) => false,
        Some(Body::Openstack(openstack)) => openstack.is_empty(),
    }
}
