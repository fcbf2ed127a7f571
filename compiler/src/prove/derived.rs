//! What follows from the objectives of a model: intervals and pairs that it does not state.

use super::replica::Way;
use super::report::All;
use super::rpo::worst;
use crate::model::{Duration, Model, Name, ReplicationMode, Schedule};

/// What is derived for one application.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived<'m> {
    /// Its name.
    pub application: &'m Name,
    /// Its policy.
    pub policy: &'m Name,
    /// The distance between its firings, where its policy states none: nothing where no distance keeps the objective.
    pub every: Option<Duration>,
    /// How its data is kept in step.
    pub pair: Option<DerivedPair<'m>>,
}

/// How a pair of sites keeps data in step, as far as nobody says it.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivedPair<'m> {
    /// The pair that is declared; nothing where the strategy of a plan asks for one.
    pub declared: Option<&'m Name>,
    /// The site that follows.
    pub other: &'m Name,
    /// How closely.
    pub mode: ReplicationMode,
    /// The distance between two replications.
    pub interval: Option<Duration>,
    /// Whether it goes through the vault.
    pub is_through_vault: bool,
}

/// What is derived for each application of a model, by name.
#[must_use]
pub fn derived(model: &Model) -> Vec<Derived<'_>> {
    let all = All::of(model);
    let derived = all.parts.iter().map(|part| {
        let stated: &[Schedule] = &part.subject.policy.schedule;
        let (worst, _) = worst(&part.subject, &all.loads);
        let pair = part.replica.map(|replica| {
            let other = model.sites().get(replica.other);
            let gap = replica.gap(&part.subject, &all.loads, other);
            DerivedPair {
                declared: replica.pair,
                other: replica.other,
                mode: replica.mode,
                interval: replica.interval.or(gap.map(Duration::seconds)),
                is_through_vault: replica.way == Way::Vault,
            }
        });
        Derived {
            application: part.subject.name,
            policy: part.policy,
            every: Some(Duration::seconds(worst.gap)).filter(|_| stated.is_empty() && worst.chosen),
            pair,
        }
    });
    derived.collect()
}
