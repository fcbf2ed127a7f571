//! The model as a whole.

use super::{
    Application, Catalog, Component, Declaration, KindName, Name, Profile, ProtectionPolicy, RecoveryPlan,
    RecoverySite, Spec, Vault,
};
use dram_fields::{Node, Span, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Checked declarations that fit together: every reference resolves, every order exists. Only [`crate::check`] builds
/// one.
#[derive(Debug, Clone, Default)]
pub struct Model {
    catalog: Option<(Name, Catalog)>,
    sites: BTreeMap<Name, RecoverySite>,
    vaults: BTreeMap<Name, Vault>,
    policies: BTreeMap<Name, ProtectionPolicy>,
    profiles: BTreeMap<Name, Profile>,
    applications: BTreeMap<Name, Application>,
    plans: BTreeMap<Name, RecoveryPlan>,
    written: BTreeMap<(KindName, Name), Node>,
}

impl Model {
    pub(crate) fn add(&mut self, declaration: Declaration, spec: Node) {
        let Declaration { name, spec: declared } = declaration;
        self.written.insert((declared.kind(), name.clone()), spec);
        match declared {
            Spec::Catalog(catalog) => self.catalog = Some((name, catalog)),
            Spec::RecoverySite(site) => drop(self.sites.insert(name, site)),
            Spec::Vault(vault) => drop(self.vaults.insert(name, vault)),
            Spec::ProtectionPolicy(policy) => drop(self.policies.insert(name, policy)),
            Spec::Profile(profile) => drop(self.profiles.insert(name, profile)),
            Spec::Application(application) => drop(self.applications.insert(name, application)),
            Spec::RecoveryPlan(plan) => drop(self.plans.insert(name, plan)),
        }
    }

    /// Where the records live, if the model says so.
    #[must_use]
    pub const fn catalog(&self) -> Option<&Catalog> {
        match &self.catalog {
            Some((_, catalog)) => Some(catalog),
            None => None,
        }
    }

    /// All sites by name.
    #[must_use]
    pub const fn sites(&self) -> &BTreeMap<Name, RecoverySite> {
        &self.sites
    }

    /// All vaults by name.
    #[must_use]
    pub const fn vaults(&self) -> &BTreeMap<Name, Vault> {
        &self.vaults
    }

    /// All policies by name.
    #[must_use]
    pub const fn policies(&self) -> &BTreeMap<Name, ProtectionPolicy> {
        &self.policies
    }

    /// The profiles that are declared, by name. They stand in the applications that use them.
    #[must_use]
    pub const fn profiles(&self) -> &BTreeMap<Name, Profile> {
        &self.profiles
    }

    /// All applications by name.
    #[must_use]
    pub const fn applications(&self) -> &BTreeMap<Name, Application> {
        &self.applications
    }

    /// All recovery plans by name.
    #[must_use]
    pub const fn plans(&self) -> &BTreeMap<Name, RecoveryPlan> {
        &self.plans
    }

    /// The plan by which an application comes back elsewhere.
    #[must_use]
    pub fn plan_of(&self, application: &str) -> Option<(&Name, &RecoveryPlan)> {
        self.plans
            .iter()
            .find(|(_, plan)| plan.applications.names.iter().any(|name| name.as_ref() == application))
    }

    /// All that can be declared, in the order in which it builds upon each other. Profiles are not: what they say stands
    /// in the applications.
    pub fn declarations(&self) -> impl Iterator<Item = Declaration> + '_ {
        fn of<'m, T: Clone + Into<Spec>>(map: &'m BTreeMap<Name, T>) -> impl Iterator<Item = Declaration> + 'm {
            map.iter().map(|(name, spec)| Declaration {
                name: name.clone(),
                spec: spec.clone().into(),
            })
        }
        self.catalog
            .iter()
            .map(|(name, spec)| Declaration {
                name: name.clone(),
                spec: spec.clone().into(),
            })
            .chain(of(&self.sites))
            .chain(of(&self.vaults))
            .chain(of(&self.policies))
            .chain(of(&self.applications))
            .chain(of(&self.plans))
    }

    /// What was written in a declaration's `spec`.
    #[must_use]
    pub fn written(&self, kind: KindName, name: &Name) -> Option<&Node> {
        self.written.get(&(kind, name.clone()))
    }

    /// The place of a part of a declaration, or of its nearest parent that was written.
    #[must_use]
    pub fn place(&self, kind: KindName, name: &Name, path: &[Step]) -> Span {
        self.written(kind, name).map_or(Span::NONE, |node| node.at(path))
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }
}

/// The components in waves: those of a wave wait only for those of earlier waves.
///
/// # Errors
/// The names of the components that wait for each other in a circle, in that order.
pub fn after_order(components: &[Component]) -> Result<Vec<Vec<&Component>>, Vec<String>> {
    let names: BTreeSet<&Name> = components.iter().map(|component| &component.name).collect();
    // For each component: how many it still waits for, and who waits for it. A name that nobody has holds up nobody.
    let mut missing: Vec<usize> = Vec::with_capacity(components.len());
    let mut waiters: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
    for (index, component) in components.iter().enumerate() {
        let before: BTreeSet<&Name> = component.after.iter().filter(|name| names.contains(name)).collect();
        missing.push(before.len());
        for name in before {
            waiters.entry(name).or_default().push(index);
        }
    }
    let mut waves: Vec<Vec<&Component>> = Vec::new();
    let mut wave: Vec<usize> = missing
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(index, _)| index)
        .collect();
    let mut placed: BTreeSet<usize> = BTreeSet::new();
    while !wave.is_empty() {
        placed.extend(&wave);
        let now: Vec<&Component> = wave.iter().filter_map(|index| components.get(*index)).collect();
        let mut next = Vec::new();
        for waiter in now
            .iter()
            .filter_map(|component| waiters.get(&component.name))
            .flatten()
        {
            if let Some(count) = missing.get_mut(*waiter) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    next.push(*waiter);
                }
            }
        }
        waves.push(now);
        // Within a wave the order is that of the model.
        next.sort_unstable();
        wave = next;
    }
    if placed.len() == components.len() {
        return Ok(waves);
    }
    let waiting: Vec<&Component> = components
        .iter()
        .enumerate()
        .filter(|(index, _)| !placed.contains(index))
        .map(|(_, component)| component)
        .collect();
    Err(circle(&waiting))
}

/// Follows `after` among components that all wait for another of them, until one comes round.
fn circle(waiting: &[&Component]) -> Vec<String> {
    let by_name: BTreeMap<&Name, &Component> = waiting.iter().map(|component| (&component.name, *component)).collect();
    let mut seen: BTreeMap<&Name, usize> = BTreeMap::new();
    let mut way: Vec<String> = Vec::new();
    let mut here = waiting.first().copied();
    while let Some(component) = here {
        if let Some(start) = seen.get(&component.name) {
            return way.split_off(*start);
        }
        seen.insert(&component.name, way.len());
        way.push(component.name.to_string());
        here = component.after.iter().find_map(|name| by_name.get(name).copied());
    }
    way
}
