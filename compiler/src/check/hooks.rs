//! Hooks, and what must stem from one moment.

use super::Written;
use super::application::place_of;
use super::declared::Declared;
use super::names::Meant;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Consistency, ConsistencyGroup, Hook, HookDeed, HookRequest, HttpMethod, Name, Place, ProtectionPolicy,
};
use dram_fields::{Span, Step};
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
        one(document, application, &names, hook, &at, out);
    }
    let mut grouped: BTreeMap<&Name, (&Name, Span)> = BTreeMap::new();
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
                let near = Meant::of(member, &names);
                let finding = document.error(codes::BAD_GROUP, path, message);
                let taken: Vec<&str> = group.members.iter().map(|member| member.as_ref() as &str).collect();
                out.push(near.fixing_unless(finding.help(near.help("components are")), &taken));
            } else if let Some((first, place)) = grouped.insert(member, (&group.name, document.spec.at(&path))) {
                let message = match first == &group.name {
                    true => format!("group `{}` has member `{member}` twice", group.name),
                    false => format!("component `{member}` is in group `{first}` already"),
                };
                let help = "a component is in one group: remove it here, or make one group of both";
                let finding = document.error(codes::BAD_GROUP, path, message);
                out.push(finding.related(place, "named first here").help(help));
            }
        }
    }
}

fn one(
    document: &Written,
    application: &Application,
    names: &BTreeSet<&str>,
    hook: &Hook,
    at: &[Step],
    out: &mut Vec<Diagnostic>,
) {
    let of = |field| at.iter().cloned().chain([Step::Field(field)]).collect::<Vec<Step>>();
    match (&hook.component, hook.on) {
        (Some(component), _) if !names.contains(&**component) => {
            let message = format!("a hook is about component `{component}`, which the application does not have");
            let near = Meant::of(component, names);
            let mut finding = document.error(codes::BAD_HOOK, of(Hook::COMPONENT), message);
            if let Some(place) = near.name.and_then(|name| place_of(document, application, name)) {
                finding = finding.related(place, "declared here");
            }
            out.push(near.fixing(finding.help(near.help("components are"))));
        }
        (Some(component), Some(Place::Site)) => {
            let message = format!(
                "a hook of the site is about the whole application, and this one names component `{component}`"
            );
            let finding = document
                .error(codes::BAD_HOOK, of(Hook::ON), message)
                .related(document.spec.at(&of(Hook::COMPONENT)), "the component");
            out.push(finding.help("say `on: component`, or leave `on` out"));
        }
        (None, Some(Place::Component)) => {
            let message = "a hook of a component does not say of which".to_owned();
            let finding = document.error(codes::BAD_HOOK, of(Hook::ON), message);
            out.push(finding.help("add `component`, or say `on: site`"));
        }
        _ => {}
    }
    let is_command = matches!(hook.deed, HookDeed::Run(_) | HookDeed::Shell(_));
    if hook.dir.is_some() && !is_command {
        let message = "`dir` has no effect on a hook that runs no command".to_owned();
        out.push(
            document
                .error(codes::BAD_HOOK, of(Hook::DIR), message)
                .help("remove it"),
        );
    }
    if let HookDeed::Http(request) = &hook.deed
        && request.method == HttpMethod::Get
        && request.body.is_some()
    {
        let path = [of(HookDeed::HTTP), vec![Step::Field(HookRequest::BODY)]].concat();
        let finding = document.error(codes::BAD_HOOK, path, "a `get` sends no body".to_owned());
        out.push(finding.help("remove `body`, or say `method: post`"));
    }
}

/// Where a policy asks for applications at rest, something brings each of their components to rest.
pub(super) fn together(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    for (document, application) in declared.applications() {
        let Some((policy_document, policy)) = declared.policy_of(document, application) else {
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
                "nothing brings component `{}` to rest before its data is read, and {} asks for consistent \
                 applications",
                component.name,
                policy_document.words()
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
