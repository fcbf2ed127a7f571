//! The model with everything filled in that it leaves open, and why: what `dramc explain-model` prints.
//!
//! What is printed is a model itself. Where nobody wrote a value, a comment says where it comes from: a default of the
//! language, or what it was derived from.

mod text;

use crate::derive::{Method, captures, reached};
use crate::model::{
    Application, ApplicationChoice, Applications, Declaration, InitialSync, KindName, Model, Name, PairState,
    ProtectionPolicy, RecoveryPlan, ReplicationPair, Schedule, Spec, Store, Vault, Via, after_order,
};
use crate::prove::{Derived, DerivedPair, derived};
use dram_fields::{Data, Entry, Node};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A declaration with everything filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// What is said of it as a whole.
    pub notes: Vec<String>,
    /// The whole document.
    pub document: Node,
    /// The reason of each value that nobody wrote, by its path: `spec.schedule[0].every`.
    pub reasons: BTreeMap<String, String>,
}

/// All declarations of a model, filled in, and the pairs that its plans ask for.
#[must_use]
pub fn fill(model: &Model) -> Vec<Filled> {
    let derived = derived(model);
    let mut filled: Vec<Filled> = model
        .declarations()
        .map(|declaration| {
            let mut filled = with_defaults(model, &declaration);
            match &declaration.spec {
                Spec::ProtectionPolicy(policy) => filled.policy(declaration.name(), policy, &derived),
                Spec::Application(application) => filled.application(model, declaration.name(), application),
                Spec::ReplicationPair(_) => filled.pair(declaration.name(), &derived),
                Spec::RecoveryPlan(plan) => filled.plan(model, plan),
                Spec::Vault(vault) => filled.vault(vault),
                Spec::Catalog(_) | Spec::RecoverySite(_) | Spec::Profile(_) => {}
            }
            filled
        })
        .collect();
    filled.extend(asked_for(model, &derived));
    filled
}

/// The filled-in model as YAML, formatted as `dramc fmt` does.
#[must_use]
pub fn to_text(filled: &[Filled]) -> String {
    let documents: Vec<String> = filled.iter().map(text::document).collect();
    let text = documents.join("---\n");
    crate::format::format(&text).unwrap_or(text)
}

/// The same for programs.
#[must_use]
pub fn to_json(filled: &[Filled]) -> Value {
    filled
        .iter()
        .map(|one| json!({"notes": one.notes, "document": one.document.to_json(), "reasons": one.reasons}))
        .collect()
}

/// A declaration with the defaults of the language, each with that as its reason.
fn with_defaults(model: &Model, declaration: &Declaration) -> Filled {
    let document = declaration.encode();
    let mut reasons = BTreeMap::new();
    let written = model.written(declaration.kind(), declaration.name());
    if let (Some(written), Some(spec)) = (written, document.get("spec")) {
        defaults("spec", spec, Some(written), &mut reasons);
    }
    Filled {
        notes: Vec::new(),
        document,
        reasons,
    }
}

/// What stands in a filled-in value and was not written.
fn defaults(path: &str, filled: &Node, written: Option<&Node>, reasons: &mut BTreeMap<String, String>) {
    match &filled.data {
        Data::Map(entries) => {
            for entry in entries {
                let path = format!("{path}.{}", entry.name);
                let own = written.and_then(|written| written.get(&entry.name));
                match (own, &entry.value.data) {
                    (None, Data::Null) => {}
                    (None, Data::List(elements)) if elements.is_empty() => {}
                    (None, Data::Map(entries)) if entries.is_empty() => {}
                    (None, _) => {
                        reasons.insert(path, "the default".to_owned());
                    }
                    (own, _) => defaults(&path, &entry.value, own, reasons),
                }
            }
        }
        Data::List(elements) => {
            let written = written.map(Node::elements).unwrap_or_default();
            for (index, element) in elements.iter().enumerate() {
                defaults(&format!("{path}[{index}]"), element, written.get(index), reasons);
            }
        }
        Data::Null | Data::Unknown | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
    }
}

impl Filled {
    /// Puts a value into `spec`, in the place of nothing.
    fn put(&mut self, field: &str, value: Node, reason: String) {
        if let Data::Map(document) = &mut self.document.data
            && let Some(spec) = document.iter_mut().find(|entry| entry.name == "spec")
            && let Data::Map(entries) = &mut spec.value.data
        {
            match entries.iter_mut().find(|entry| entry.name == field) {
                Some(entry) => entry.value = value,
                None => entries.push(Entry::new(field, value)),
            }
            self.reasons.insert(format!("spec.{field}"), reason);
        }
    }

    fn policy(&mut self, name: &Name, policy: &ProtectionPolicy, derived: &[Derived<'_>]) {
        let ours: Vec<&Derived<'_>> = derived.iter().filter(|one| one.policy == name).collect();
        if !policy.schedule.is_empty() {
            return;
        }
        let intervals: BTreeSet<_> = ours.iter().map(|one| one.every).collect();
        let rpo = policy.objectives.rpo;
        match intervals.iter().next() {
            None => self
                .notes
                .push("no application is under it: its schedule follows from what it protects".to_owned()),
            Some(Some(every)) if intervals.len() == 1 => {
                let filled = ProtectionPolicy {
                    schedule: vec![Schedule::every(*every)],
                    ..policy.clone()
                };
                let spec = Spec::from(filled).encode();
                let reason = format!("derived: the longest that keeps an RPO of {rpo} for all that it protects");
                if let Some(schedule) = spec.get("schedule") {
                    self.put("schedule", schedule.clone(), reason);
                }
            }
            Some(_) => {
                for one in ours {
                    self.notes.push(match one.every {
                        Some(every) => format!(
                            "application {} is protected every {every}, derived from an RPO of {rpo}",
                            one.application
                        ),
                        None => format!(
                            "application {} has no schedule: no interval keeps an RPO of {rpo}",
                            one.application
                        ),
                    });
                }
            }
        }
    }

    fn application(&mut self, model: &Model, name: &Name, application: &Application) {
        let Some((policy_name, policy)) = model.policy_of(name) else {
            return;
        };
        if application.policy.is_none() {
            let reason = format!("chosen by `appliesTo` of policy `{policy_name}`");
            self.put("policy", Node::text(policy_name.to_string()), reason);
        }
        let freeze = crate::derive::freeze(application, policy.consistency, &|_| true);
        self.notes.push(match reached(application, freeze.as_ref(), &|_| true) {
            Some(level) => format!("its points reach the consistency `{}`", level.word()),
            None => "its data is read while it changes: its points reach no consistency".to_owned(),
        });
        if model.plan_of(name).is_none() {
            self.notes.push(format!(
                "no plan names it: it comes back at its own site, {}",
                application.site
            ));
        }
        let labels = model.labels(KindName::Application, name);
        for (index, component) in application.components.iter().enumerate() {
            let methods: Vec<String> = captures(component, labels, policy)
                .iter()
                .filter_map(|capture| {
                    let method = capture.method.map(Method::as_str)?;
                    Some(match capture.rule {
                        Some(rule) => format!("{method}, as `methods[{rule}]` of policy `{policy_name}` says"),
                        None => method.to_owned(),
                    })
                })
                .collect();
            if !methods.is_empty() {
                let reason = format!("captured by {}", methods.join(" and "));
                self.reasons.insert(format!("spec.components[{index}].name"), reason);
            }
        }
    }

    fn pair(&mut self, name: &Name, derived: &[Derived<'_>]) {
        let mut ours = derived.iter().filter_map(|one| Some((one, one.pair.as_ref()?)));
        let Some((of, pair)) = ours.find(|(_, pair)| pair.declared == Some(name)) else {
            return;
        };
        self.say_pair(
            pair,
            &format!("derived from the RPO of application `{}`", of.application),
        );
    }

    fn say_pair(&mut self, pair: &DerivedPair<'_>, reason: &str) {
        let has = |filled: &Self, field: &str| {
            let spec = filled.document.get("spec");
            let value = spec.and_then(|spec| spec.get(field));
            value.is_some_and(|value| value.data != Data::Null)
        };
        if !has(self, "mode") {
            self.put("mode", Node::text(pair.mode.word()), reason.to_owned());
        }
        if let Some(interval) = pair.interval.filter(|_| !has(self, "interval")) {
            self.put("interval", Node::text(interval.to_string()), reason.to_owned());
        }
    }

    fn plan(&mut self, model: &Model, plan: &RecoveryPlan) {
        if !plan.waves.is_empty() {
            return;
        }
        for name in model.chosen_by(&plan.applications) {
            let Some(application) = model.applications().get(name) else {
                continue;
            };
            let waves: Vec<String> = after_order(&application.components)
                .unwrap_or_default()
                .iter()
                .map(|wave| {
                    wave.iter()
                        .map(|component| &*component.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                })
                .collect();
            let order = waves.join(" → ");
            self.notes
                .push(format!("application {name} starts in the order of `after`: {order}"));
        }
    }

    fn vault(&mut self, vault: &Vault) {
        let Store::S3(s3) = &vault.store else { return };
        if s3.path_style.is_none() {
            let style = match s3.uses_path_style() {
                true => "the bucket stands in the path of addresses, as services with an `endpoint` want it",
                false => "the bucket stands in the name of the host, as AWS wants it",
            };
            self.notes.push(style.to_owned());
        }
    }
}

/// The pairs that the strategies of plans ask for, one for each application.
fn asked_for<'m>(model: &'m Model, derived: &'m [Derived<'m>]) -> impl Iterator<Item = Filled> + 'm {
    derived.iter().filter_map(|one| {
        let pair = one.pair.as_ref().filter(|pair| pair.declared.is_none())?;
        let application = model.applications().get(one.application)?;
        let (plan_name, plan) = model.plan_of(one.application)?;
        let spec = ReplicationPair {
            applications: Applications {
                choice: ApplicationChoice::Names(vec![one.application.clone()]),
            },
            sites: vec![application.site.clone(), pair.other.clone()],
            mode: Some(pair.mode),
            interval: pair.interval,
            via: if pair.is_through_vault { Via::Vault } else { Via::Auto },
            journal: None,
            initial_sync: InitialSync::Full,
            state: PairState::Running,
            bandwidth: None,
        };
        let reason = |field: &str| (format!("spec.{field}"), "derived from the RPO".to_owned());
        let through_vault = ("spec.via".to_owned(), "derived: it works everywhere".to_owned());
        Some(Filled {
            notes: vec![format!(
                "asked for by `strategy: {}` of plan `{plan_name}`",
                plan.strategy.word()
            )],
            document: Declaration::new(free_name(model, one.application), spec).encode(),
            reasons: [reason("mode"), reason("interval")]
                .into_iter()
                .chain(pair.is_through_vault.then_some(through_vault))
                .collect(),
        })
    })
}

/// The name of an application, or one like it that no pair has.
fn free_name(model: &Model, application: &Name) -> Name {
    let is_free = |name: &Name| {
        !model.pairs().contains_key(name) && (name == application || !model.applications().contains_key(name))
    };
    let others = (2..1000).filter_map(|number: u32| format!("{application}-{number}").parse().ok());
    let mut names = std::iter::once(application.clone()).chain(others);
    names.find(is_free).unwrap_or_else(|| application.clone())
}
