//! Hooks, and what must stem from one moment.

use super::Written;
use super::domains::Declared;
use super::names::meant;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Consistency, ConsistencyGroup, Hook, HookDeed, HookRequest, HttpMethod, Name, Place, ProtectionPolicy,
    Spec,
};
use dram_fields::Step;
use std::collections::{BTreeMap, BTreeSet};

/// The rules of one application's hooks and groups.
pub(super) fn fit(document: &Written, application: &Application, out: &mut Vec<Diagnostic>) {
    let names: BTreeSet<&str> = application
        .components
        .iter()
        .map(|component| &*component.name)
        .collect();
    for (index, hook) in application.hooks.iter().enumerate() {
        let at = vec![Step::Field(Application::HOOKS), Step::Index(index)];
        one(document, &names, hook, &at, out);
    }
    let mut grouped: BTreeMap<&Name, &Name> = BTreeMap::new();
    for (index, group) in application.consistency_groups.iter().enumerate() {
        for (position, member) in group.members.iter().enumerate() {
            let path = vec![
                Step::Field(Application::CONSISTENCY_GROUPS),
                Step::Index(index),
                Step::Field(ConsistencyGroup::MEMBERS),
                Step::Index(position),
            ];
            if !names.contains(&**member) {
                let message = format!(
                    "group `{}` has member `{member}`, which is no component of the application",
                    group.name
                );
                let help = meant(member, &names, "components are");
                out.push(document.error(codes::BAD_GROUP, path, message).help(help));
            } else if let Some(first) = grouped.insert(member, &group.name) {
                let message = match *first == group.name {
                    true => format!("group `{}` has member `{member}` twice", group.name),
                    false => format!("component `{member}` is in group `{first}` already"),
                };
                let help = "a component is in one group: remove it here, or make one group of both";
                out.push(document.error(codes::BAD_GROUP, path, message).help(help));
            }
        }
    }
}

fn one(document: &Written, names: &BTreeSet<&str>, hook: &Hook, at: &[Step], out: &mut Vec<Diagnostic>) {
    let mut bad = |field, message: String, help: String| {
        let path = at.iter().cloned().chain([Step::Field(field)]).collect();
        out.push(document.error(codes::BAD_HOOK, path, message).help(help));
    };
    match (&hook.component, hook.on) {
        (Some(component), _) if !names.contains(&**component) => bad(
            Hook::COMPONENT,
            format!("a hook is about component `{component}`, which the application does not have"),
            meant(component, names, "components are"),
        ),
        (Some(component), Some(Place::Site)) => bad(
            Hook::ON,
            format!("a hook of the site is about the whole application, and this one names component `{component}`"),
            "say `on: component`, or leave `on` out".to_owned(),
        ),
        (None, Some(Place::Component)) => bad(
            Hook::ON,
            "a hook of a component does not say of which".to_owned(),
            "add `component`, or say `on: site`".to_owned(),
        ),
        _ => {}
    }
    let is_command = matches!(hook.deed, HookDeed::Run(_) | HookDeed::Shell(_));
    if hook.dir.is_some() && !is_command {
        bad(
            Hook::DIR,
            "`dir` has no effect on a hook that runs no command".to_owned(),
            "remove it".to_owned(),
        );
    }
    if let HookDeed::Http(request) = &hook.deed
        && request.method == HttpMethod::Get
        && request.body.is_some()
    {
        let path = at
            .iter()
            .cloned()
            .chain([Step::Field(HookDeed::HTTP), Step::Field(HookRequest::BODY)])
            .collect();
        let finding = document.error(codes::BAD_HOOK, path, "a `get` sends no body".to_owned());
        out.push(finding.help("remove `body`, or say `method: post`"));
    }
}

/// Where a policy asks for applications at rest, something brings each of their components to rest.
pub(super) fn together(documents: &[Written], out: &mut Vec<Diagnostic>) {
    let declared = Declared::of(documents);
    for document in documents {
        let Some(Spec::Application(application)) = document.declaration.as_ref().map(|declaration| &declaration.spec)
        else {
            continue;
        };
        let Some((policy_document, policy)) = declared.policy(&application.policy) else {
            continue;
        };
        if policy.consistency != Some(Consistency::Application) {
            continue;
        }
        for (index, component) in application.components.iter().enumerate() {
            if !component.may_change_while_read() || application.brings_to_rest(component) {
                continue;
            }
            let message = format!(
                "nothing brings component `{}` to rest before its data is read, and policy `{}` asks for consistent \
                 applications",
                component.name, application.policy
            );
            let path = vec![
                Step::Field(Application::COMPONENTS),
                Step::Index(index),
                Step::Field(crate::model::Component::NAME),
            ];
            let asked = policy_document.spec.at(&[Step::Field(ProtectionPolicy::CONSISTENCY)]);
            out.push(
                document
                    .error(codes::NOT_QUIESCED, path, message)
                    .related(asked, "asked for here")
                    .help(
                        "add hooks `at: before-freeze` and `at: after-thaw` for it, dump what it writes, or ask for \
                         `consistency: filesystem`",
                    ),
            );
        }
    }
}
