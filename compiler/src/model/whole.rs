//! The model as a whole.

use super::{
    Application, Applications, Catalog, Component, Declaration, KindName, Labels, Metadata, Name, Profile,
    ProtectionPolicy, RecoveryPlan, RecoverySite, ReplicationPair, Spec, Vault,
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
    pairs: BTreeMap<Name, ReplicationPair>,
    plans: BTreeMap<Name, RecoveryPlan>,
    metadata: BTreeMap<(KindName, Name), Metadata>,
    written: BTreeMap<(KindName, Name), Node>,
    chosen: Chosen,
}

/// What labels choose, worked out once.
#[derive(Debug, Clone, Default)]
struct Chosen {
    /// The policy of each application that names none.
    policies: BTreeMap<Name, Name>,
    /// The plan of each application.
    plans: BTreeMap<Name, Name>,
}

impl Model {
    pub(crate) fn add(&mut self, declaration: Declaration, spec: Node) {
        let Declaration {
            metadata,
            spec: declared,
        } = declaration;
        let name = metadata.name.clone();
        self.written.insert((declared.kind(), name.clone()), spec);
        self.metadata.insert((declared.kind(), name.clone()), metadata);
        match declared {
            Spec::Catalog(catalog) => self.catalog = Some((name, catalog)),
            Spec::RecoverySite(site) => drop(self.sites.insert(name, site)),
            Spec::Vault(vault) => drop(self.vaults.insert(name, vault)),
            Spec::ProtectionPolicy(policy) => drop(self.policies.insert(name, policy)),
            Spec::Profile(profile) => drop(self.profiles.insert(name, profile)),
            Spec::Application(application) => drop(self.applications.insert(name, application)),
            Spec::ReplicationPair(pair) => drop(self.pairs.insert(name, pair)),
            Spec::RecoveryPlan(plan) => drop(self.plans.insert(name, plan)),
        }
    }

    pub(super) fn site_mut(&mut self, name: &Name) -> Option<&mut RecoverySite> {
        self.sites.get_mut(name)
    }

    pub(super) fn application_mut(&mut self, name: &Name) -> Option<&mut Application> {
        self.applications.get_mut(name)
    }

    /// Works out what labels choose. Of several policies or plans the first by name counts: the check has refused them.
    pub(crate) fn choose(&mut self) {
        let mut chosen = Chosen::default();
        for (name, application) in &self.applications {
            let labels = self.labels(KindName::Application, name);
            if application.policy.is_none()
                && let Some((policy, _)) = self.policies.iter().find(|(_, policy)| policy.applies_to(labels))
            {
                chosen.policies.insert(name.clone(), policy.clone());
            }
        }
        for (plan, spec) in &self.plans {
            for name in self.chosen_by(&spec.applications) {
                chosen.plans.entry(name.clone()).or_insert_with(|| plan.clone());
            }
        }
        self.chosen = chosen;
    }

    /// The applications that a choice chooses, by name.
    pub fn chosen_by<'m>(&'m self, choice: &'m Applications) -> Vec<&'m Name> {
        match choice.names() {
            [] => {
                let names = self.applications.keys();
                names
                    .filter(|name| choice.chooses(name, self.labels(KindName::Application, name)))
                    .collect()
            }
            names => names.iter().collect(),
        }
    }

    /// What a declaration is called.
    #[must_use]
    pub fn metadata(&self, kind: KindName, name: &Name) -> Metadata {
        let known = self.metadata.get(&(kind, name.clone()));
        known.cloned().unwrap_or_else(|| Metadata::named(name.clone()))
    }

    /// The labels of a declaration.
    #[must_use]
    pub fn labels(&self, kind: KindName, name: &Name) -> &Labels {
        static NONE: Labels = Labels::new();
        let known = self.metadata.get(&(kind, name.clone()));
        known.map_or(&NONE, |metadata| &metadata.labels)
    }

    /// The policy that protects an application: the one that it names, or the one whose labels choose it.
    #[must_use]
    pub fn policy_of(&self, name: &Name) -> Option<(&Name, &ProtectionPolicy)> {
        let named = self.applications.get(name)?.policy.as_ref();
        let policy = named.or_else(|| self.chosen.policies.get(name))?;
        self.policies.get_key_value(policy)
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

    /// All pairs of sites by name.
    #[must_use]
    pub const fn pairs(&self) -> &BTreeMap<Name, ReplicationPair> {
        &self.pairs
    }

    /// All recovery plans by name.
    #[must_use]
    pub const fn plans(&self) -> &BTreeMap<Name, RecoveryPlan> {
        &self.plans
    }

    /// The plan by which an application comes back elsewhere.
    #[must_use]
    pub fn plan_of(&self, application: &str) -> Option<(&Name, &RecoveryPlan)> {
        let plan = self.chosen.plans.get(application)?;
        self.plans.get_key_value(plan)
    }

    /// All that can be declared, in the order in which it builds upon each other. Profiles are not: what they say stands
    /// in the applications.
    pub fn declarations(&self) -> impl Iterator<Item = Declaration> + '_ {
        fn of<'m, T: Clone + Into<Spec> + 'm>(
            model: &'m Model,
            map: impl IntoIterator<Item = (&'m Name, &'m T)> + 'm,
        ) -> impl Iterator<Item = Declaration> + 'm {
            map.into_iter().map(|(name, spec)| {
                let spec: Spec = spec.clone().into();
                Declaration {
                    metadata: model.metadata(spec.kind(), name),
                    spec,
                }
            })
        }
        of(self, self.catalog.iter().map(|(name, spec)| (name, spec)))
            .chain(of(self, &self.sites))
            .chain(of(self, &self.vaults))
            .chain(of(self, &self.policies))
            .chain(of(self, &self.applications))
            .chain(of(self, &self.pairs))
            .chain(of(self, &self.plans))
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
