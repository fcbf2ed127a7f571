//! What a proof is about: an application with what protects it.

use super::line::Cap;
use super::stated::Stated;
use crate::derive::{Capture, Method, captures, freeze};
use crate::model::{
    Application, Component, DataKind, Durability, Duration, KindName, Labels, Model, Name, ProtectionPolicy, Rate,
    RecoverySite, Window,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// An application, its policy, and the site where it runs.
#[derive(Clone)]
pub struct Subject<'a> {
    pub(super) name: &'a Name,
    pub(super) labels: &'a Labels,
    pub(super) application: &'a Application,
    pub(super) policy: &'a ProtectionPolicy,
    pub(super) site: Option<(&'a Name, &'a RecoverySite)>,
    pub(super) stated: Rc<Stated>,
}

impl<'a> Subject<'a> {
    /// One alone. A site that is not known yet counts as one without a stated bandwidth.
    #[must_use]
    pub fn new(
        (name, labels): (&'a Name, &'a Labels),
        application: &'a Application,
        policy: &'a ProtectionPolicy,
        site: Option<(&'a Name, &'a RecoverySite)>,
    ) -> Self {
        Self {
            name,
            labels,
            application,
            policy,
            site,
            stated: Rc::new(Stated::of(policy)),
        }
    }

    /// All applications of a model that a policy protects, by name, each with the name of its policy.
    pub(super) fn all(model: &'a Model) -> Vec<(&'a Name, Self)> {
        let stated: BTreeMap<&Name, Rc<Stated>> = model
            .policies()
            .iter()
            .map(|(name, policy)| (name, Rc::new(Stated::of(policy))))
            .collect();
        let applications = model.applications().iter();
        applications
            .filter_map(|(name, application)| {
                let (policy_name, policy) = model.policy_of(name)?;
                let subject = Self {
                    name,
                    labels: model.labels(KindName::Application, name),
                    application,
                    policy,
                    site: model.sites().get_key_value(&application.site),
                    stated: Rc::clone(stated.get(policy_name)?),
                };
                Some((policy_name, subject))
            })
            .collect()
    }

    /// The name of its site.
    pub(super) fn site_name(&self) -> &'a Name {
        self.site.map_or(&self.application.site, |(name, _)| name)
    }

    /// Its components that have data which is captured, with how.
    pub(super) fn captured(&self) -> impl Iterator<Item = (&'a Component, Vec<Method>)> {
        let components = self.application.components.iter();
        components.filter_map(|component| {
            let captures = captures(component, self.labels, self.policy);
            let methods: Vec<Method> = captures.iter().filter_map(method).collect();
            (!methods.is_empty()).then_some((component, methods))
        })
    }

    /// How fast each component changes, and what is assumed of those that do not say it.
    pub(super) fn changes(&self) -> (Vec<(&'a Name, Rate)>, Vec<String>) {
        let mut changes = Vec::new();
        let mut assumptions = Vec::new();
        for (component, methods) in self.captured() {
            match component.data.as_ref().and_then(|data| data.change_rate) {
                Some(rate) => changes.push((&component.name, rate)),
                None => assumptions.push(format!(
                    "component `{}` states no `data.changeRate`: its {} count as unchanging",
                    component.name,
                    words(&methods)
                )),
            }
        }
        (changes, assumptions)
    }

    /// How much data it has, as far as its components say.
    pub(super) fn bytes(&self) -> u64 {
        let sizes = self
            .captured()
            .filter_map(|(component, _)| component.data.as_ref()?.size);
        sizes.map(|size| size.bytes).fold(0, u64::saturating_add)
    }

    /// Components whose data is kept in another system's store, with how.
    pub(super) fn kept_elsewhere(&self) -> Vec<(&'a Name, Method)> {
        let captured = self.captured();
        captured
            .filter_map(|(component, methods)| {
                let mut methods = methods.into_iter();
                let elsewhere = methods.find(|method| method.durability() != Durability::Vault)?;
                Some((&component.name, elsewhere))
            })
            .collect()
    }

    /// For so long its data may be frozen while it is read.
    pub(super) fn longest_freeze(&self) -> Duration {
        let is_frozen = freeze(self.application, self.policy.consistency, &|_| true).is_some();
        match is_frozen {
            true => self.policy.objectives.max_freeze,
            false => Duration::seconds(0),
        }
    }

    /// The most that it moves with, as its policy says.
    pub(super) fn cap(&self) -> Cap {
        let transfer = self.policy.transfer.as_ref()?;
        Some((transfer.bandwidth?, "`transfer.bandwidth`".to_owned()))
    }

    /// The part of the day in which its data moves.
    pub(super) fn window(&self) -> Option<&'a Window> {
        self.policy.transfer.as_ref()?.window.as_ref()
    }
}

/// The method of a kind of data; a definition is none that moves.
fn method(capture: &Capture) -> Option<Method> {
    capture.method.filter(|_| capture.kind != DataKind::Definition)
}

/// Methods in a sentence.
pub(super) fn words(methods: &[Method]) -> String {
    let words: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    words.join(" and ")
}
