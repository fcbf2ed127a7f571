//! What a component consists of, and where it can be.

use super::declared::{Chosen, Declared};
use super::{Written, under};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Body, Component, DrillApart, Health, Hook, HookDeed, KindName, Platform, Probe, RecoveryPlan,
    RecoverySite, Spec, Target,
};
use dram_fields::{Field, Step};

/// Every component can be where its application runs, and at each target of its plan.
pub(super) fn fit(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    for (document, application) in declared.applications() {
        if let Some((site_document, site)) = declared.site(&application.site) {
            at_home(document, application, site_document, site, out);
        }
    }
    for (document, spec) in declared.all(KindName::RecoveryPlan) {
        if let Spec::RecoveryPlan(plan) = spec {
            at_targets(declared, document, plan, out);
        }
    }
}

/// `a host`, `a Kubernetes cluster`
const fn platform_words(platform: &Platform) -> &'static str {
    match platform {
        Platform::Host(_) => "a host",
        Platform::Kubernetes(_) => "a Kubernetes cluster",
        Platform::Openstack(_) => "an OpenStack cloud",
        Platform::Driver(_) => "a place of a driver",
    }
}

fn at_home(
    document: &Written,
    application: &Application,
    site_document: &Written,
    site: &RecoverySite,
    out: &mut Vec<Diagnostic>,
) {
    for (index, component) in application.components.iter().enumerate() {
        let Some(body) = component.body.as_ref().filter(|body| !body.fits(&site.platform)) else {
            continue;
        };
        let field = match body {
            Body::Host(_) => Body::HOST,
            Body::Kubernetes(_) => Body::KUBERNETES,
            Body::Openstack(_) => Body::OPENSTACK,
        };
        let mut path = vec![
            Step::Field(Application::COMPONENTS),
            Step::Index(index),
            Step::Field(field),
        ];
        if document.spec.find(&path).is_none() {
            // It came by a profile.
            path.pop();
            path.push(Step::Field(Component::NAME));
        }
        let message = format!(
            "component `{}` is of `{}`, and site `{}` is {}",
            component.name,
            body.word(),
            application.site,
            platform_words(&site.platform)
        );
        out.push(
            document
                .error(codes::BODY_DOES_NOT_FIT, path, message)
                .related(site_document.name_place(), "the site")
                .help(format!(
                    "say what it is there, with `{}`, or name another site",
                    site.platform.word()
                )),
        );
    }
}

fn at_targets(declared: &Declared<'_>, document: &Written, plan: &RecoveryPlan, out: &mut Vec<Diagnostic>) {
    for Chosen { name, application, .. } in declared.chosen(&plan.applications) {
        for (index, target) in plan.targets.iter().enumerate() {
            let Some((_, site)) = declared.site(&target.site) else {
                continue;
            };
            let fits_home = |component: &&Component| {
                let home = declared.site(&application.site);
                component
                    .body
                    .as_ref()
                    .is_none_or(|body| home.is_none_or(|(_, home)| body.fits(&home.platform)))
            };
            let stranger = application
                .components
                .iter()
                .filter(fits_home)
                .find(|component| component.body.as_ref().is_some_and(|body| !body.fits(&site.platform)));
            let Some(stranger) = stranger else { continue };
            let path = vec![
                Step::Field(RecoveryPlan::TARGETS),
                Step::Index(index),
                Step::Field(Target::SITE),
            ];
            let message = format!(
                "component `{}` of application `{name}` cannot come back at site `{}`, which is {}",
                stranger.name,
                target.site,
                platform_words(&site.platform)
            );
            out.push(
                document
                    .error(codes::BODY_DOES_NOT_FIT, path, message)
                    .help("name a site of the same kind, or a `driver` that can do it"),
            );
        }
    }
}

/// What only some bodies have: rules of one application by itself.
pub(super) fn alone(document: &Written, application: &Application, out: &mut Vec<Diagnostic>) {
    for (index, component) in application.components.iter().enumerate() {
        let at = [Step::Field(Application::COMPONENTS), Step::Index(index)];
        one(document, component, &at, out);
    }
    for (index, hook) in application.hooks.iter().enumerate() {
        let at = [Step::Field(Application::HOOKS), Step::Index(index)];
        hook_fits(document, application, hook, &at, out);
    }
}

fn no_effect(document: &Written, at: &[Step], fields: &[&'static Field], message: String, help: &str) -> Diagnostic {
    document
        .error(codes::NOT_OF_THIS_PLATFORM, under(at, fields), message)
        .help(help)
}

fn one(document: &Written, component: &Component, at: &[Step], out: &mut Vec<Diagnostic>) {
    let on_host = matches!(component.body, Some(Body::Host(_)));
    if component.images.is_some() && on_host {
        let message = "a host has no images of containers or servers".to_owned();
        out.push(no_effect(document, at, &[Component::IMAGES], message, "remove it"));
    }
    for (index, health) in component.health.iter().enumerate() {
        let mut at = under(at, &[Component::HEALTH]);
        at.push(Step::Index(index));
        if on_host {
            not_ready(document, health, &at, out);
        }
    }
}

fn not_ready(document: &Written, health: &Health, at: &[Step], out: &mut Vec<Diagnostic>) {
    if matches!(health.probe, Probe::Ready(_)) {
        let message = "a host does not tell whether something is ready".to_owned();
        let help = "ask with `http`, `tcp` or `exec`";
        out.push(no_effect(document, at, &[Probe::READY], message, help));
    }
}

fn hook_fits(document: &Written, application: &Application, hook: &Hook, at: &[Step], out: &mut Vec<Diagnostic>) {
    let of: Vec<&Component> = application
        .components
        .iter()
        .filter(|component| hook.component.as_ref().is_none_or(|name| *name == component.name))
        .collect();
    let in_cluster = |component: &&Component| matches!(component.body, Some(Body::Kubernetes(_)));
    // A component that does not exist is a finding of its own.
    if of.is_empty() || of.iter().any(in_cluster) {
        return;
    }
    let given = [
        (hook.container.is_some(), Hook::CONTAINER),
        (hook.pod.is_some(), Hook::POD),
        (matches!(hook.deed, HookDeed::Scale(_)), HookDeed::SCALE),
    ];
    for (_, field) in given.into_iter().filter(|(given, _)| *given) {
        let message = format!(
            "`{}` is for components of `kubernetes`, and this hook is about none",
            field.name
        );
        let help = "remove it, or name a component in a cluster";
        out.push(no_effect(document, at, &[field], message, help));
    }
    if let HookDeed::Wait(health) = &hook.deed {
        not_ready(document, health, &under(at, &[HookDeed::WAIT]), out);
    }
}

/// Where a drill is kept apart, the platform has such a place.
pub(super) fn drill_place(apart: &DrillApart, platform: &Platform) -> Option<&'static str> {
    match (apart, platform) {
        (_, Platform::Driver(_))
        | (DrillApart::Namespace(_), Platform::Kubernetes(_))
        | (DrillApart::Network(_), Platform::Openstack(_))
        | (DrillApart::Root(_), Platform::Host(_)) => None,
        (_, Platform::Kubernetes(_)) => Some("namespace"),
        (_, Platform::Openstack(_)) => Some("network"),
        (_, Platform::Host(_)) => Some("root"),
    }
}
