//! What must hold of a recovery plan.

use super::declared::{Chosen, Declared};
use super::domains::chosen_at;
use super::names::Meant;
use super::{Written, platforms, under};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, AutomationMode, Body, Component, DnsRecord, DrillPlace, KindName, Mapping, Mappings, MemberName,
    OnMissing, RecoveryPlan, Spec, Strategy, Target, TrafficBy, Wave,
};
use dram_fields::{Field, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The rules of all plans.
pub(super) fn fit(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    for (document, spec) in declared.all(KindName::RecoveryPlan) {
        let Spec::RecoveryPlan(plan) = spec else { continue };
        let chosen = declared.chosen(&plan.applications);
        if declared.is_broken(KindName::Application) {
            continue;
        }
        if chosen.is_empty() && plan.applications.names().is_empty() {
            let path = chosen_at(RecoveryPlan::APPLICATIONS, None);
            out.push(document.chooses_nothing(path, "no application has these labels"));
            continue;
        }
        strategy(document, plan, &chosen, out);
        automation(declared, document, plan, &chosen, out);
        mappings(document, plan, &chosen, out);
        waves(document, plan, &chosen, out);
        traffic(declared, document, plan, &chosen, out);
        drill(declared, document, plan, &chosen, out);
    }
}

/// Several sites can write at once only where the data replicates itself.
fn strategy(document: &Written, plan: &RecoveryPlan, chosen: &[Chosen<'_>], out: &mut Vec<Diagnostic>) {
    if plan.strategy != Strategy::ActiveActive {
        return;
    }
    for Chosen { name, application, .. } in chosen {
        let single = application
            .components
            .iter()
            .find(|component| component.multi_writer.is_none() && component.has_data());
        if let Some(single) = single {
            let message = format!(
                "component `{}` of application `{name}` holds data that one site writes, and the plan says `active-active`",
                single.name
            );
            let path = vec![Step::Field(RecoveryPlan::STRATEGY)];
            out.push(
                document
                    .error(codes::NOT_MULTI_WRITER, path, message)
                    .help("say `multiWriter: external` of data that replicates itself, or choose `hot-standby`"),
            );
        }
    }
}

/// Without a person somebody else must see to it that two sites never run the same.
fn automation(
    declared: &Declared<'_>,
    document: &Written,
    plan: &RecoveryPlan,
    chosen: &[Chosen<'_>],
    out: &mut Vec<Diagnostic>,
) {
    let automatic = plan.automation.as_ref().map(|automation| automation.mode) == Some(AutomationMode::Automatic);
    if !automatic {
        return;
    }
    let homes: BTreeMap<&str, &Chosen<'_>> = chosen.iter().map(|one| (&*one.application.site, one)).collect();
    for (home, Chosen { name, .. }) in homes {
        let Some((site_document, site)) = declared.site(home) else {
            continue;
        };
        if site.fencing.as_ref().is_some_and(|fencing| fencing.by.is_automatic()) {
            continue;
        }
        let message =
            format!("nothing but a person keeps site `{home}`, where application `{name}` runs, from running it on");
        let path = under(&[], &[RecoveryPlan::AUTOMATION, crate::model::Automation::MODE]);
        out.push(
            document
                .error(codes::AUTOMATION_WITHOUT_FENCE, path, message)
                .related(site_document.name_place(), "the site")
                .help("give the site `fencing` by `guard`, `power`, `network` or `command`, or say `mode: approval`"),
        );
    }
}

/// The names of each sort that an application has at home.
fn used(application: &Application) -> Vec<(&'static Field, String)> {
    let mut used = Vec::new();
    for component in &application.components {
        match &component.body {
            Some(Body::Host(host)) => {
                used.extend(host.paths.iter().map(|path| (Mappings::PATH, path.to_string())));
            }
            Some(Body::Kubernetes(kubernetes)) => used.push((Mappings::NAMESPACE, kubernetes.namespace.to_string())),
            Some(Body::Openstack(_)) | None => {}
        }
    }
    used
}

/// What would be refused on the worst day is refused today.
fn mappings(document: &Written, plan: &RecoveryPlan, chosen: &[Chosen<'_>], out: &mut Vec<Diagnostic>) {
    let Some(mappings) = &plan.mappings else { return };
    for (field, mapping) in sorts(mappings) {
        if mapping.on_missing != OnMissing::Fail {
            continue;
        }
        for Chosen { name, application, .. } in chosen {
            let missing = used(application)
                .into_iter()
                .find(|(of, value)| of.is(field) && !covers(field, mapping, value));
            if let Some((_, missing)) = missing {
                let message = format!(
                    "`{missing}` of application `{name}` has no mapping, and `onMissing: fail` refuses to keep it"
                );
                let path = under(&[], &[RecoveryPlan::MAPPINGS, field, Mapping::ON_MISSING]);
                out.push(
                    document
                        .error(codes::MISSING_MAPPING, path, message)
                        .help("add it to `values`, or say `onMissing: keep`"),
                );
            }
        }
    }
}

fn covers(field: &'static Field, mapping: &Mapping, value: &str) -> bool {
    if field.is(Mappings::PATH) {
        let below = |key: &str| {
            let rest = value.strip_prefix(key.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        return mapping.values.keys().any(|key| below(key));
    }
    mapping.values.contains_key(value)
}

/// The mappings that are given, each with its field.
pub(super) fn sorts(mappings: &Mappings) -> Vec<(&'static Field, &Mapping)> {
    [
        (Mappings::NAMESPACE, &mappings.namespace),
        (Mappings::STORAGE_CLASS, &mappings.storage_class),
        (Mappings::NETWORK, &mappings.network),
        (Mappings::SUBNET, &mappings.subnet),
        (Mappings::FLAVOR, &mappings.flavor),
        (Mappings::IMAGE, &mappings.image),
        (Mappings::ZONE, &mappings.zone),
        (Mappings::REGISTRY, &mappings.registry),
        (Mappings::PATH, &mappings.path),
        (Mappings::CIDR, &mappings.cidr),
        (Mappings::DNS, &mappings.dns),
    ]
    .into_iter()
    .filter_map(|(field, mapping)| Some((field, mapping.as_ref()?)))
    .collect()
}

/// A member of a plan: the plan chooses the application, and the application has the component.
fn member(member: &MemberName, chosen: &[Chosen<'_>]) -> Result<(), (String, String)> {
    let (name, component) = member.parts();
    let Some(found) = chosen.iter().find(|one| one.name.as_ref() == name) else {
        let names: BTreeSet<&str> = chosen.iter().map(|one| one.name.as_ref()).collect();
        return Err((
            format!("the plan does not bring application `{name}` back"),
            Meant::of(name, &names).help("its applications are"),
        ));
    };
    let names: BTreeSet<&str> = found.application.components.iter().map(|one| &*one.name).collect();
    match component {
        Some(component) if !names.contains(component) => Err((
            format!("application `{name}` has no component `{component}`"),
            Meant::of(component, &names).help("components are"),
        )),
        _ => Ok(()),
    }
}

fn waves(document: &Written, plan: &RecoveryPlan, chosen: &[Chosen<'_>], out: &mut Vec<Diagnostic>) {
    let mut placed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut sound = true;
    for (index, wave) in plan.waves.iter().enumerate() {
        for (position, name) in wave.members.iter().enumerate() {
            let path = vec![
                Step::Field(RecoveryPlan::WAVES),
                Step::Index(index),
                Step::Field(Wave::MEMBERS),
                Step::Index(position),
            ];
            let mut bad = |message: String, help: String| {
                sound = false;
                out.push(document.error(codes::BAD_WAVE, path.clone(), message).help(help));
            };
            if let Err((message, help)) = member(name, chosen) {
                bad(message, help);
                continue;
            }
            let (application, component) = name.parts();
            for (application, component) in components(chosen, application, component) {
                if let Some(first) = placed.insert((application, component), index) {
                    bad(
                        format!(
                            "component `{component}` of application `{application}` is in wave {} already",
                            first + 1
                        ),
                        "a component starts once: remove it from one of the waves".to_owned(),
                    );
                    break;
                }
            }
        }
    }
    if sound && !plan.waves.is_empty() {
        against_after(document, &placed, chosen, out);
    }
}

fn components<'c>(chosen: &[Chosen<'c>], application: &str, component: Option<&str>) -> Vec<(&'c str, &'c str)> {
    let found = chosen.iter().filter(|one| one.name.as_ref() == application);
    found
        .flat_map(|one| {
            one.application
                .components
                .iter()
                .map(move |of| (one.name.as_ref(), &*of.name))
        })
        .filter(|(_, name)| component.is_none_or(|component| component == *name))
        .collect()
}

/// What a component waits for is in no later wave than itself.
fn against_after(
    document: &Written,
    placed: &BTreeMap<(&str, &str), usize>,
    chosen: &[Chosen<'_>],
    out: &mut Vec<Diagnostic>,
) {
    let wave =
        |application: &str, component: &str| placed.get(&(application, component)).copied().unwrap_or(usize::MAX);
    for Chosen {
        name,
        application,
        document: its,
        ..
    } in chosen
    {
        for (index, component) in application.components.iter().enumerate() {
            let own = wave(name, &component.name);
            let Some(late) = component.after.iter().find(|after| wave(name, after) > own) else {
                continue;
            };
            let message = format!(
                "component `{}` of application `{name}` starts in wave {}, before `{late}`, which it waits for",
                component.name,
                own.saturating_add(1)
            );
            let path = vec![Step::Field(RecoveryPlan::WAVES)];
            let after = [
                Step::Field(Application::COMPONENTS),
                Step::Index(index),
                Step::Field(Component::AFTER),
            ];
            out.push(
                document
                    .error(codes::BAD_WAVE, path, message)
                    .related(its.spec.at(&after), "it waits here")
                    .help(format!("put `{name}/{late}` into the same wave or an earlier one")),
            );
        }
    }
}

/// A record says for each site what users get there.
fn traffic(
    declared: &Declared<'_>,
    document: &Written,
    plan: &RecoveryPlan,
    chosen: &[Chosen<'_>],
    out: &mut Vec<Diagnostic>,
) {
    let Some(TrafficBy::Dns(dns)) = plan.traffic.as_ref().map(|traffic| &traffic.by) else {
        return;
    };
    let known = declared.names(KindName::RecoverySite);
    let homes = chosen.iter().map(|one| &*one.application.site);
    let sites: BTreeSet<&str> = homes.chain(plan.targets.iter().map(|target| &*target.site)).collect();
    for (index, record) in dns.records.iter().enumerate() {
        let mut path = under(
            &[],
            &[RecoveryPlan::TRAFFIC, TrafficBy::DNS, crate::model::Dns::RECORDS],
        );
        path.extend([Step::Index(index), Step::Field(DnsRecord::VALUES)]);
        let all_known = record.values.keys().all(|named| known.contains(named.as_str()));
        let fits = |named: &str| known.contains(named) && sites.contains(named);
        for named in record.values.keys().filter(|named| !fits(named)) {
            let is_known = known.contains(named.as_str());
            if !is_known && declared.may_be(KindName::RecoverySite, named) {
                continue;
            }
            let message = match is_known {
                true => format!("no application of the plan is ever at site `{named}`"),
                false => format!("site `{named}` is not declared"),
            };
            let path: Vec<Step> = path.iter().cloned().chain([Step::Key(named.clone())]).collect();
            let help = Meant::of(named, &sites).help("sites are");
            out.push(document.error(codes::BAD_RECORD, path, message).help(help));
        }
        // A name that nobody has may mean any of those that are missing.
        for site in sites.iter().filter(|site| all_known && known.contains(*site)) {
            if !record.values.contains_key(*site) {
                let message = format!("record `{}` says nothing for site `{site}`", record.name);
                let finding = document.error(codes::BAD_RECORD, path.clone(), message);
                out.push(finding.help(format!("add `{site}` with the value for users who are led there")));
            }
        }
    }
}

fn drill(
    declared: &Declared<'_>,
    document: &Written,
    plan: &RecoveryPlan,
    chosen: &[Chosen<'_>],
    out: &mut Vec<Diagnostic>,
) {
    let Some(drill) = &plan.drill else { return };
    for (position, name) in drill.start.iter().enumerate() {
        if let Err((message, help)) = member(name, chosen) {
            let mut path = under(&[], &[RecoveryPlan::DRILL, crate::model::Drill::START]);
            path.push(Step::Index(position));
            out.push(document.error(codes::BAD_DRILL, path, message).help(help));
        }
    }
    let Some(DrillPlace { apart }) = &drill.into else {
        return;
    };
    let Some(Target { site, .. }) = plan.preferred().into_iter().next() else {
        return;
    };
    let platform = declared.site(site).map(|(_, site)| &site.platform);
    if let Some(word) = platform.and_then(|platform| platforms::drill_place(apart, platform)) {
        let path = under(&[], &[RecoveryPlan::DRILL, crate::model::Drill::INTO]);
        let message = format!("a drill at site `{site}` cannot be kept apart that way");
        let finding = document.error(codes::BAD_DRILL, path, message);
        out.push(finding.help(format!("say `{word}`, or remove `into`: a place is derived")));
    }
}
