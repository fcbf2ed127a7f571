//! The recovery time objective: how long until the application runs again, in the worst case.
//!
//! Worst case = time to move all data to the target + longest chain of start and health. It counts from the moment
//! the restore is asked for, from whichever vault is left: deciding is a person's part as long as no automation is declared.

use super::line::{Line, Way};
use super::{Proof, Term, Verdict, duration_text, rpo::amount};
use crate::derive::{methods, with_data};
use crate::model::{Application, Component, Duration, Name, ProtectionPolicy, RecoverySite, after_order};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The RTO of an application at a target. A target that is not known yet counts as one without a stated bandwidth.
#[must_use]
pub fn recovery_time(
    application: &Application,
    policy: &ProtectionPolicy,
    rto: Duration,
    target: &Name,
    site: Option<&RecoverySite>,
) -> Proof {
    let mut assumptions = Vec::new();
    let mut bytes = 0u64;
    for component in with_data(application) {
        match component.data.as_ref().and_then(|data| data.size) {
            Some(size) => bytes = bytes.saturating_add(size.bytes),
            None => assumptions.push(format!(
                "component `{}` states no `data.size`: its {} count as nothing",
                component.name,
                methods(component)
                    .iter()
                    .map(|method| method.as_str())
                    .collect::<Vec<_>>()
                    .join(" and ")
            )),
        }
    }
    let line = Line::of(policy, Way::To, target, site);
    assumptions.extend(line.assumption);
    let moving = line.rate.map_or(0, |rate| rate.seconds_for(bytes).unwrap_or(u64::MAX));
    let (start, chain) = longest_chain(&application.components);
    let terms = vec![
        Term {
            what: "move the data",
            seconds: moving,
            because: format!("{} {}", amount(bytes), line.how),
        },
        Term {
            what: "start and health",
            seconds: start,
            because: chain,
        },
    ];
    let mut proof = Proof::new(rto, terms, assumptions);
    if proof.verdict == Verdict::NotMet {
        proof.help = Some(way_out(bytes, start, rto, policy));
    }
    proof
}

/// The RTO at the application's own site, for one that no plan brings back elsewhere.
#[must_use]
pub fn at_home(
    application: &Application,
    policy: &ProtectionPolicy,
    rto: Duration,
    site: Option<&RecoverySite>,
) -> Proof {
    recovery_time(application, policy, rto, &application.site, site)
}

fn way_out(bytes: u64, start: u64, rto: Duration, policy: &ProtectionPolicy) -> String {
    match rto.seconds.checked_sub(start).filter(|rest| *rest > 0) {
        Some(rest) => {
            let needed = at_least(bytes.div_ceil(rest));
            let capped = policy
                .transfer
                .as_ref()
                .is_some_and(|transfer| transfer.bandwidth.is_some());
            let and = if capped { " and in `transfer.bandwidth`" } else { "" };
            format!("a bandwidth of {needed}/s at the target{and} could meet it")
        }
        None => format!(
            "start and health alone may take {}: shorten `startPeriod` or the chain of `after`",
            duration_text(start)
        ),
    }
}

/// An amount that the language can say and that is not below this one, to two digits or better.
fn at_least(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| bytes / 10 >= *factor)
        .unwrap_or(("", 1));
    format!("{}{unit}", bytes.div_ceil(factor))
}

/// The longest chain of `after`, each component with the time that its health checks may take together with its
/// start: the checks of a component run beside each other.
fn longest_chain(components: &[Component]) -> (u64, String) {
    let own = |component: &Component| {
        component
            .health
            .iter()
            .map(|health| health.start_period.seconds.saturating_add(health.timeout.seconds))
            .max()
            .unwrap_or(0)
    };
    // By waves: what a component waits for is known before it. A circle is refused by the check; without one here
    // nothing is left out.
    let waves = after_order(components).unwrap_or_default();
    // For each component: the longest chain that ends with it, its length, and the component before it.
    let mut best: BTreeMap<&str, (u64, usize, Option<&str>)> = BTreeMap::new();
    for component in waves.into_iter().flatten() {
        let before = component
            .after
            .iter()
            .filter_map(|name| best.get_key_value(name.as_ref() as &str))
            .max_by_key(|(_, (seconds, ..))| *seconds);
        let (seconds, length) = before.map_or((0, 0), |(_, (seconds, length, _))| (*seconds, *length));
        let chain = (
            seconds.saturating_add(own(component)),
            length + 1,
            before.map(|(name, _)| *name),
        );
        best.insert(&component.name, chain);
    }
    let Some((last, (seconds, ..))) = best
        .iter()
        .max_by_key(|(_, (seconds, length, _))| (*seconds, Reverse(*length)))
    else {
        return Default::default();
    };
    let mut chain = vec![*last];
    let mut here = *last;
    while let Some((_, _, Some(before))) = best.get(here) {
        chain.push(before);
        here = before;
    }
    chain.reverse();
    (*seconds, format!("longest chain: {}", chain.join(" → ")))
}
