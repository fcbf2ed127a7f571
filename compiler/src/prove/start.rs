//! How long it takes from data that is there until everything that counts is healthy: the critical path of the start order.

use super::print::duration_text;
use super::{Amount, Given, Term};
use crate::model::{Application, Component, Health, Name, RecoveryPlan, Strategy, after_order};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// In which order the applications of a plan start, and how long each of its waves may take.
pub struct Waves {
    /// The wave of each member, as it is written.
    named: BTreeMap<String, usize>,
    /// The seconds of each wave, the last of which nobody names: of the longest chain in it, of whichever application.
    lasts: Vec<u64>,
}

impl Waves {
    /// The waves that a plan states, with the applications that come back by it; nothing where it states none.
    #[must_use]
    pub fn of<'m>(
        plan: &RecoveryPlan,
        applications: impl Iterator<Item = (&'m Name, &'m Application)>,
    ) -> Option<Self> {
        if plan.waves.is_empty() {
            return None;
        }
        let mut named = BTreeMap::new();
        for (wave, members) in plan.waves.iter().enumerate() {
            for member in &members.members {
                named.entry(member.to_string()).or_insert(wave);
            }
        }
        let mut waves = Self {
            named,
            // What no wave names starts last.
            lasts: vec![0; plan.waves.len().saturating_add(1)],
        };
        for (name, application) in applications {
            let order = Order {
                name,
                runs_already: runs_already(Some(plan)),
                waves: Some(&waves),
            };
            let chains = order.chains(application);
            let ends: Vec<(usize, u64)> = chains.values().map(|chain| (chain.wave, chain.seconds)).collect();
            for (wave, seconds) in ends {
                if let Some(lasts) = waves.lasts.get_mut(wave) {
                    *lasts = seconds.max(*lasts);
                }
            }
        }
        Some(waves)
    }
}

/// Whether services run at the target before they are needed.
fn runs_already(plan: Option<&RecoveryPlan>) -> bool {
    let strategy = plan.map(|plan| plan.strategy);
    matches!(strategy, Some(Strategy::HotStandby | Strategy::ActiveActive))
}

/// The time until all that is critical of an application is healthy.
pub(super) fn start(
    name: &Name,
    application: &Application,
    plan: Option<&RecoveryPlan>,
    waves: Option<&Waves>,
) -> Term {
    let order = Order {
        name,
        runs_already: runs_already(plan),
        waves,
    };
    let chains = order.chains(application);
    let critical = chains.values().filter(|chain| chain.component.critical);
    // Later waves wait for earlier ones; in a wave, the longest chain counts, and of several the one with the fewest links.
    let last = critical.max_by_key(|chain| (chain.wave, chain.seconds, Reverse(chain.length)));
    let Some(last) = last else {
        return Term::new("start and health", 0, "");
    };
    let lasts = waves.map(|waves| waves.lasts.as_slice()).unwrap_or_default();
    let earlier: Vec<(usize, u64)> = lasts.iter().copied().enumerate().take(last.wave).collect();
    let waiting = earlier.iter().map(|(_, seconds)| *seconds).fold(0, u64::saturating_add);
    let mut path = vec![last];
    while let Some(before) = path.last().and_then(|chain| chains.get(chain.before?)) {
        path.push(before);
    }
    path.reverse();
    let names: Vec<&str> = path.iter().map(|chain| &*chain.component.name).collect();
    let because = match waiting {
        0 => format!("longest chain: {}", names.join(" → ")),
        waiting => format!(
            "{} of earlier waves, then the longest chain: {}",
            duration_text(waiting),
            names.join(" → ")
        ),
    };
    let mut from: Vec<Given> = Vec::new();
    for (wave, seconds) in earlier.into_iter().filter(|(_, seconds)| *seconds > 0) {
        let because = "the longest chain in it, of whichever application";
        from.push(Given::new(
            format!("wave {}", wave + 1),
            Amount::Seconds(seconds),
            because,
        ));
    }
    from.extend(path.iter().map(|chain| order.told(chain.component)));
    Term::new("start and health", waiting.saturating_add(last.seconds), because).from(from)
}

/// The order of one application.
struct Order<'a> {
    name: &'a Name,
    runs_already: bool,
    waves: Option<&'a Waves>,
}

/// The longest chain of `after` that ends with a component, among those of its wave.
struct Chain<'c> {
    component: &'c Component,
    wave: usize,
    seconds: u64,
    length: usize,
    before: Option<&'c str>,
}

impl Order<'_> {
    /// The wave in which a component starts.
    fn wave(&self, component: &Component) -> usize {
        let Some(waves) = self.waves else { return 0 };
        // One that is named by itself starts there, wherever the rest of its application does.
        let alone = waves.named.get(&format!("{}/{}", self.name, component.name));
        let named = alone.or_else(|| waves.named.get(self.name.as_ref() as &str));
        named.copied().unwrap_or(waves.lasts.len().saturating_sub(1))
    }

    /// The chain of each component, by its name. The checks of a component run beside each other.
    fn chains<'c>(&self, application: &'c Application) -> BTreeMap<&'c str, Chain<'c>> {
        // What a component waits for is known before it. A circle is refused by the check; without one nothing is left out.
        let order = after_order(&application.components).unwrap_or_default();
        let mut chains: BTreeMap<&str, Chain<'c>> = BTreeMap::new();
        for component in order.into_iter().flatten() {
            let wave = self.wave(component);
            let before = component
                .after
                .iter()
                .filter_map(|name| chains.get_key_value(name.as_ref() as &str))
                .filter(|(_, chain)| chain.wave == wave)
                .max_by_key(|(_, chain)| chain.seconds);
            let own = slowest(component, self.runs_already).map_or(0, |health| lasts(health, self.runs_already));
            let chain = Chain {
                component,
                wave,
                seconds: before.map_or(0, |(_, chain)| chain.seconds).saturating_add(own),
                length: before.map_or(0, |(_, chain)| chain.length) + 1,
                before: before.map(|(name, _)| *name),
            };
            chains.insert(&component.name, chain);
        }
        chains
    }

    /// How long a component may take to be healthy, and why.
    fn told(&self, component: &Component) -> Given {
        let slowest = slowest(component, self.runs_already);
        let seconds = slowest.map_or(0, |health| lasts(health, self.runs_already));
        let because = match slowest {
            None => "it has no check".to_owned(),
            Some(health) if self.runs_already => format!("`timeout` {}: it runs already", health.timeout),
            Some(health) => format!("`startPeriod` {} and `timeout` {}", health.start_period, health.timeout),
        };
        Given::new(
            format!("component {}", component.name),
            Amount::Seconds(seconds),
            because,
        )
    }
}

fn lasts(health: &Health, runs_already: bool) -> u64 {
    let start = if runs_already { 0 } else { health.start_period.seconds };
    start.saturating_add(health.timeout.seconds)
}

/// The check of a component that may take longest.
fn slowest(component: &Component, runs_already: bool) -> Option<&Health> {
    component.health.iter().max_by_key(|health| lasts(health, runs_already))
}
