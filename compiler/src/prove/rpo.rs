//! The recovery point objective: how much time may be lost in the worst case.
//!
//! Worst case = longest gap between two firings + time to move what changed in that gap + time to seal. A loss just
//! before a seal completes falls back to the point before it, whose moment is that much earlier. This holds only where
//! a point is sealed before the next one is due.

use super::{Decides, Proof, Term, Verdict, duration_text};
use crate::derive::{SEAL, interval, longest_interval, methods, moving, with_data};
use crate::model::{Application, Duration, Name, ProtectionPolicy, Rate, RecoverySite};

/// What the policy decides by itself: an interval that leaves no room for anything else.
#[must_use]
pub fn policy_alone(policy: &ProtectionPolicy) -> Option<Proof> {
    let proof = assess(policy, &[], None, Vec::new(), String::new());
    (proof.verdict == Verdict::NotMet).then_some(Proof {
        decides: Decides::PolicyAlone,
        ..proof
    })
}

/// The RPO of an application under its policy, when its preferred site is lost. A site that is not known yet counts
/// as one without a stated bandwidth.
#[must_use]
pub fn recovery_point(
    application: &Application,
    policy: &ProtectionPolicy,
    site: Option<(&Name, &RecoverySite)>,
) -> Proof {
    if let Some(proof) = policy_alone(policy) {
        return proof;
    }
    let mut assumptions = Vec::new();
    let mut changes: Vec<Rate> = Vec::new();
    for component in with_data(application) {
        match component.data.as_ref().and_then(|data| data.change_rate) {
            Some(rate) => changes.push(rate),
            None => assumptions.push(format!(
                "component `{}` states no `data.changeRate`: its {} count as unchanging",
                component.name,
                methods(component)
                    .iter()
                    .map(|method| method.as_str())
                    .collect::<Vec<_>>()
                    .join(" and ")
            )),
        }
    }
    let bandwidth = site.and_then(|(_, site)| site.bandwidth);
    let from = match (site, bandwidth) {
        (Some((name, _)), Some(bandwidth)) => format!("at {bandwidth} from site `{name}`"),
        (Some((name, _)), None) => {
            assumptions.push(format!("site `{name}` states no `bandwidth`: moving counts as instant"));
            "without a stated bandwidth".to_owned()
        }
        (None, _) => {
            assumptions.push(format!(
                "site `{}` is not known yet: moving counts as instant",
                application.site
            ));
            "from a site that is not known yet".to_owned()
        }
    };
    assess(policy, &changes, bandwidth, assumptions, from)
}

fn assess(
    policy: &ProtectionPolicy,
    changes: &[Rate],
    bandwidth: Option<Rate>,
    assumptions: Vec<String>,
    from: String,
) -> Proof {
    let rpo = policy.objectives.rpo;
    let possible = longest_interval(rpo, changes, bandwidth);
    let chosen = interval(policy, changes, bandwidth);
    let (every, because) = match chosen {
        Some(chosen) if chosen.stated => (chosen.every, format!("the schedule says every {}", chosen.every)),
        Some(chosen) => (
            chosen.every,
            format!("every {}, derived from the objective", chosen.every),
        ),
        // Nothing is possible: the objective itself as the gap shows by how much.
        None => (rpo, "no interval is short enough".to_owned()),
    };
    let changed = changes
        .iter()
        .map(|rate| rate.bytes_in(every.seconds))
        .fold(0, u64::saturating_add);
    let moving = moving(changes, bandwidth, every);
    let terms = vec![
        Term {
            what: "gap between firings",
            seconds: every.seconds,
            because,
        },
        Term {
            what: "move what changed",
            seconds: moving,
            because: format!("{} {from}", amount(changed)),
        },
        Term {
            what: "seal",
            seconds: SEAL.seconds,
            because: "an allowance".to_owned(),
        },
    ];
    let mut proof = Proof::new(rpo, terms, assumptions);
    proof.too_slow = chosen.is_some() && moving.saturating_add(SEAL.seconds) > every.seconds;
    if proof.too_slow {
        proof.verdict = Verdict::NotMet;
    }
    if proof.verdict == Verdict::NotMet {
        proof.help = Some(way_out(possible, rpo, changes.is_empty()));
    }
    proof
}

fn way_out(possible: Option<Duration>, rpo: Duration, only_seal: bool) -> String {
    match possible {
        Some(every) => format!("`every: {every}` could meet it"),
        None if only_seal => format!(
            "no schedule could meet {rpo}: sealing alone takes {} of every gap; raise the objective",
            duration_text(SEAL.seconds)
        ),
        None => format!("no schedule could meet {rpo}: raise the bandwidth or the objective"),
    }
}

/// An amount of data for people.
pub(super) fn amount(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("Ti", 1 << 40),
        ("Gi", 1 << 30),
        ("Mi", 1 << 20),
        ("Ki", 1 << 10),
        ("B", 1),
    ];
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| bytes >= *factor)
        .unwrap_or(("B", 1));
    let tenths = u128::from(bytes) * 10 / u128::from(factor);
    if tenths.is_multiple_of(10) {
        format!("{}{unit}", tenths / 10)
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    }
}
