//! The recovery point objective: how much time may be lost in the worst case.
//!
//! When the site is lost: worst case = longest gap between two firings + freeze + time to move what changed in that gap + time
//! to seal. A loss just before a seal completes falls back to the point before it, whose moment is that much earlier.
//! The gap is that of the real calendar, with the jitter of the firing that ends it. This holds where a point is sealed, and
//! copied to all further vaults, before the next one is due; where firings lie closer to each other at times, those that come
//! while a run is at work are skipped, and the time of a run is a part of the gap. What moves shares the line of its site with
//! all that the site's other applications move at the same time.

use super::line::{Line, Way};
use super::load::{Flows, Loads};
use super::stated::Stated;
use super::subject::Subject;
use super::worst::{Making, Worst, copies};
use super::{Decides, Proof, Verdict};
use crate::calendar::Calendar;
use crate::derive::Moves;
use crate::model::{Duration, ProtectionPolicy, Window};

/// What the policy decides by itself: a schedule that leaves no room for anything else. One that states no schedule decides
/// nothing: what no schedule can keep, a pair of sites may.
#[must_use]
pub fn policy_alone(policy: &ProtectionPolicy) -> Option<Proof> {
    alone(policy, &Stated::of(policy))
}

pub(super) fn alone(policy: &ProtectionPolicy, stated: &Stated) -> Option<Proof> {
    let worst = Worst::of(Making {
        rpo: policy.objectives.rpo,
        stated,
        changes: Vec::new(),
        line: Line::none(),
        moves: Moves::default(),
        freeze: Duration::seconds(0),
        copies: copies(policy),
        window: None,
    });
    let proof = worst.site_lost(stated.assumptions());
    (proof.verdict == Verdict::NotMet && !worst.is_beyond_points()).then_some(Proof {
        decides: Decides::PolicyAlone,
        ..proof
    })
}

/// The RPO that the points of an application keep when its site is lost, beside what the others of the site move.
#[must_use]
pub fn recovery_point(subject: &Subject<'_>, loads: &Loads) -> Proof {
    if let Some(proof) = alone(subject.policy, &subject.stated) {
        return proof;
    }
    let (worst, assumptions) = worst(subject, loads);
    worst.site_lost(assumptions)
}

/// The firings that protect an application: what the policy states, else an interval that its RPO allows. `None` when no
/// interval could meet the RPO.
#[must_use]
pub fn firings(subject: &Subject<'_>, loads: &Loads) -> Option<Calendar> {
    if let Some(calendar) = Calendar::of(&subject.policy.schedule) {
        return Some(calendar);
    }
    let (worst, _) = worst(subject, loads);
    worst.chosen.then(|| Calendar::every(Duration::seconds(worst.gap)))
}

/// The worst between two points of an application, and what that takes for granted.
pub(super) fn worst<'s>(subject: &'s Subject<'_>, loads: &Loads) -> (Worst<'s>, Vec<String>) {
    let mut assumptions = subject.stated.assumptions();
    let (changes, unknown) = subject.changes();
    assumptions.extend(unknown);
    let site = subject.site.map(|(_, site)| site);
    let line = Line::of(&subject.cap(), Way::From, subject.site_name(), site);
    assumptions.extend(line.assumption.clone());
    if subject.stated.is_irregular() && subject.policy.vaults.iter().any(|used| used.delay.is_some()) {
        // Firings that lie close to each other make points that are due close to each other, more than one a run.
        assumptions.push("delayed copies of points that several schedules make never hold up a firing".to_owned());
    }
    let moves = Moves {
        changes: changes.iter().map(|(_, rate)| *rate).collect(),
        line: line.rate,
        beside: loads.beside(subject, Flows::Points, line.bandwidth, subject.cap().is_some()),
        open: subject.window().map(Window::seconds),
    };
    let making = Making {
        rpo: subject.policy.objectives.rpo,
        stated: &subject.stated,
        changes,
        line,
        moves,
        freeze: subject.longest_freeze(),
        copies: copies(subject.policy),
        window: subject.window(),
    };
    (Worst::of(making), assumptions)
}
