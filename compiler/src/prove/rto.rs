//! The recovery time objective: how long until the application runs again, in the worst case.
//!
//! Worst case = time to move all data to the target + longest chain of start and health. It counts from the moment
//! the restore is asked for: deciding is a person's part as long as no automation is declared.

use super::{Proof, Term, Verdict, duration_text, rpo::amount};
use crate::derive::{methods, with_data};
use crate::model::{Application, Component, Duration, Name, RecoverySite};
use std::collections::BTreeMap;

/// The RTO of an application at a target. A target that is not known yet counts as one without a stated bandwidth.
#[must_use]
pub fn recovery_time(application: &Application, rto: Duration, target: &Name, site: Option<&RecoverySite>) -> Proof {
    let mut assumptions = Vec::new();
    let mut bytes = 0u64;
    for component in with_data(application) {
        match component.data.as_ref().and_then(|data| data.size) {
            Some(size) => bytes = bytes.saturating_add(size.bytes),
            None => assumptions.push(format!(
                "component `{}` states no `data.size`: its {} count as nothing",
                component.name,
                methods(component).iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" and ")
            )),
        }
    }
    let (moving, how) = match site.map(|site| site.bandwidth) {
        Some(Some(bandwidth)) => {
            (bandwidth.seconds_for(bytes).unwrap_or(u64::MAX), format!("at {bandwidth} to site `{target}`"))
        }
        Some(None) => {
            assumptions.push(format!("site `{target}` states no `bandwidth`: moving counts as instant"));
            (0, "without a stated bandwidth".to_owned())
        }
        None => {
            assumptions.push(format!("site `{target}` is not known yet: moving counts as instant"));
            (0, "to a site that is not known yet".to_owned())
        }
    };
    let (start, chain) = longest_chain(&application.components);
    let terms = vec![
        Term { what: "move the data", seconds: moving, because: format!("{} {how}", amount(bytes)) },
        Term { what: "start and health", seconds: start, because: chain },
    ];
    let mut proof = Proof::new(rto, terms, assumptions);
    if proof.verdict == Verdict::NotMet {
        proof.help = Some(way_out(bytes, start, rto));
    }
    proof
}

/// The RTO at the application's own site, for one that no plan brings back elsewhere.
#[must_use]
pub fn at_home(application: &Application, rto: Duration, site: Option<&RecoverySite>) -> Proof {
    recovery_time(application, rto, &application.site, site)
}

fn way_out(bytes: u64, start: u64, rto: Duration) -> String {
    match rto.seconds.checked_sub(start).filter(|rest| *rest > 0) {
        Some(rest) => format!("a bandwidth of {}/s at the target could meet it", amount(bytes.div_ceil(rest))),
        None => format!("start and health alone may take {}: shorten `startPeriod` or the chain of `after`", duration_text(start)),
    }
}

/// The longest chain of `after`, each component with the time that its health checks may take together with its
/// start: the checks of a component run beside each other.
fn longest_chain(components: &[Component]) -> (u64, String) {
    let own = |component: &Component| {
        component.health.iter().map(|health| health.start_period.seconds.saturating_add(health.timeout.seconds)).max().unwrap_or(0)
    };
    // The model is acyclic: after as many rounds as there are components every chain has been followed to its end.
    let mut best: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
    for _ in components {
        for component in components {
            let longest = component.after.iter().filter_map(|name| best.get(name.as_ref() as &str)).max_by_key(|(seconds, _)| *seconds);
            let (mut seconds, mut chain) = longest.cloned().unwrap_or_default();
            seconds = seconds.saturating_add(own(component));
            chain.push(&component.name);
            best.insert(&component.name, (seconds, chain));
        }
    }
    best.into_values()
        .max_by_key(|(seconds, chain)| (*seconds, std::cmp::Reverse(chain.len())))
        .map(|(seconds, chain)| (seconds, format!("longest chain: {}", chain.join(" → "))))
        .unwrap_or_default()
}
