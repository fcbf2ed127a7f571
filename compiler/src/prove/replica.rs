//! How much may be lost where a pair of sites keeps an application's data in step.
//!
//! *sync*: a write is acknowledged when both sites have it. *journal*: writes leave in batches; what is lost is a batch and its
//! way. *async*: as with points, an interval and the way of what changed in it; through a vault it is sealed there, else it must
//! be complete at the other site.

use super::line::{Line, Way as LineWay};
use super::load::{Flows, Loads};
use super::print::{amount, duration_text};
use super::stated::Stated;
use super::subject::Subject;
use super::worst::{Making, Worst};
use super::{Given, Proof, Term};
use crate::derive::{BATCH, Moves};
use crate::model::{
    Duration, Model, Name, PairState, Rate, RecoveryPlan, RecoverySite, ReplicationMode, Strategy, Via, Window,
};

/// How an application's data is kept in step at a second site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replica<'a> {
    /// The pair that says so; nothing where the strategy of a plan asks for one.
    pub pair: Option<&'a Name>,
    /// The site that follows.
    pub other: &'a Name,
    /// How closely.
    pub mode: ReplicationMode,
    /// The distance between two replications, where it is stated.
    pub interval: Option<Duration>,
    /// The way of the data.
    pub way: Way,
    /// The most that it may take.
    pub bandwidth: Option<Rate>,
}

/// The way of replicated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Points in the primary vault, from which the other site is filled.
    Vault,
    /// From site to site.
    Direct,
}

/// The pair that the strategy of a plan asks for: with the target that it prefers. `None` where nothing stands ready there, or
/// the data replicates itself.
#[must_use]
pub fn derived_pair<'a>(plan: &'a RecoveryPlan, rpo: Duration) -> Option<Replica<'a>> {
    let keeps_step = match plan.strategy {
        Strategy::PilotLight | Strategy::WarmStandby | Strategy::HotStandby => true,
        Strategy::BackupRestore | Strategy::ActiveActive => false,
    };
    let other = &plan.preferred().first().filter(|_| keeps_step)?.site;
    let mode = ReplicationMode::that_keeps(rpo);
    Some(Replica {
        pair: None,
        other,
        mode,
        interval: None,
        way: way(Via::Auto, mode),
        bandwidth: None,
    })
}

/// Every way but the vault leads from site to site; what is not said is the vault's, where the mode allows it.
const fn way(via: Via, mode: ReplicationMode) -> Way {
    match (via, mode) {
        (Via::Vault, _) | (Via::Auto, ReplicationMode::Async) => Way::Vault,
        _ => Way::Direct,
    }
}

impl<'a> Replica<'a> {
    /// The pair that replicates an application and runs, else the one that its plan asks for.
    pub(super) fn of(
        model: &'a Model,
        declared: Option<&'a Name>,
        plan: Option<&'a RecoveryPlan>,
        subject: &Subject<'a>,
    ) -> Option<Self> {
        let rpo = subject.policy.objectives.rpo;
        let derived = || plan.and_then(|plan| derived_pair(plan, rpo));
        let Some((name, pair)) = declared.and_then(|name| model.pairs().get_key_value(name)) else {
            return derived();
        };
        let other = pair.sites.iter().find(|site| *site != subject.site_name());
        let mode = pair.mode_for(rpo);
        Some(Self {
            pair: Some(name),
            other: other.filter(|_| pair.state == PairState::Running)?,
            mode,
            interval: pair.interval,
            way: way(pair.via, mode),
            bandwidth: pair.bandwidth,
        })
    }

    /// Its name in a sentence.
    pub(super) fn title(&self) -> String {
        match self.pair {
            Some(pair) => format!("pair `{pair}`"),
            None => "the pair that the plan's strategy asks for".to_owned(),
        }
    }

    /// How much may be lost when the site is lost and the other one is left.
    pub(super) fn recovery_point(&self, subject: &Subject<'_>, loads: &Loads, other: Option<&RecoverySite>) -> Proof {
        let rpo = subject.policy.objectives.rpo;
        if self.mode == ReplicationMode::Sync {
            let because = format!("a write is acknowledged when both sites have it, says {}", self.title());
            return Proof::new(rpo, vec![Term::new("writes on their way", 0, because)], Vec::new());
        }
        let (making, mut assumptions) = self.making(subject, loads, other);
        match self.mode {
            ReplicationMode::Journal => journal(&making, assumptions),
            ReplicationMode::Sync | ReplicationMode::Async => {
                let stated = self.interval.map_or(Stated::Nothing, Stated::every);
                let worst = Worst::of(Making {
                    stated: &stated,
                    ..making
                });
                if !worst.chosen {
                    assumptions.clear();
                }
                self.renamed(worst.site_lost(assumptions))
            }
        }
    }

    /// Seconds between two replications through the vault at most, and bytes that change meanwhile, which the other site may not have
    /// yet; nothing where every write is sent, the data went there directly, or no interval is short enough.
    pub(super) fn missing(&self, subject: &Subject<'_>, loads: &Loads, other: Option<&RecoverySite>) -> (u64, u64) {
        let is_vault = self.way == Way::Vault && self.mode == ReplicationMode::Async;
        let (making, _) = self.making(subject, loads, other);
        let stated = self.interval.map_or(Stated::Nothing, Stated::every);
        let worst = Worst::of(Making {
            stated: &stated,
            ..making
        });
        if !is_vault || !worst.chosen {
            return (0, 0);
        }
        (worst.between(), worst.making.moves.bytes(worst.between()))
    }

    /// Seconds between two replications; nothing where every write is sent, or no interval is short enough.
    pub(super) fn gap(&self, subject: &Subject<'_>, loads: &Loads, other: Option<&RecoverySite>) -> Option<u64> {
        let (making, _) = self.making(subject, loads, other);
        let stated = self.interval.map_or(Stated::Nothing, Stated::every);
        let worst = Worst::of(Making {
            stated: &stated,
            ..making
        });
        (self.mode == ReplicationMode::Async && worst.chosen).then_some(worst.gap)
    }

    /// What it moves: through the vault it moves what points would move later, and no more.
    pub(super) const fn flow(&self) -> Flows {
        match self.way {
            Way::Vault => Flows::Points,
            Way::Direct => Flows::Pair,
        }
    }

    fn making<'s>(
        &self,
        subject: &'s Subject<'_>,
        loads: &Loads,
        other: Option<&RecoverySite>,
    ) -> (Making<'s>, Vec<String>) {
        static NOTHING: Stated = Stated::Nothing;
        let (changes, mut assumptions) = subject.changes();
        let line = Line::of(
            &self.cap(other),
            LineWay::From,
            subject.site_name(),
            subject.site.map(|(_, site)| site),
        );
        assumptions.extend(line.assumption.clone());
        // Through the vault go points, with all that holds for them.
        let (freeze, window) = match self.way {
            Way::Vault => (subject.longest_freeze(), subject.window()),
            Way::Direct => (Duration::seconds(0), None),
        };
        let moves = Moves {
            changes: changes.iter().map(|(_, rate)| *rate).collect(),
            line: line.rate,
            beside: loads.beside(subject, self.flow(), line.bandwidth, self.cap(other).is_some()),
            open: window.map(Window::seconds),
        };
        let making = Making {
            rpo: subject.policy.objectives.rpo,
            stated: &NOTHING,
            changes,
            line,
            moves,
            freeze,
            copies: 0,
            window,
        };
        (making, assumptions)
    }

    /// The slower of what the pair may take and, from site to site, of what the other one takes in.
    pub(super) fn cap(&self, other: Option<&RecoverySite>) -> Option<(Rate, String)> {
        let own = self.bandwidth.map(|rate| (rate, "the pair's `bandwidth`".to_owned()));
        let there = other
            .filter(|_| self.way == Way::Direct)
            .and_then(|site| Some((site.bandwidth?, format!("what site `{}` takes in", self.other))));
        match (own, there) {
            (Some(own), Some(there)) if there.0.is_slower_than(own.0) => Some(there),
            (own, there) => own.or(there),
        }
    }

    /// A proof of points in the words of a pair.
    fn renamed(&self, mut proof: Proof) -> Proof {
        if let Some(gap) = proof.terms.first_mut() {
            gap.what = "gap between replications";
            gap.because = match self.interval {
                Some(every) => format!("{} says every {every}", self.title()),
                None => format!("{}, by {}", gap.because, self.title()),
            };
        }
        if self.way == Way::Direct
            && let Some(seal) = proof.terms.last_mut()
        {
            seal.what = "complete it there";
        }
        proof.help = proof.help.map(|help| help.replace("`every: ", "`interval: "));
        proof
    }
}

/// Writes that have left in no batch yet, and the batch on its way.
fn journal(making: &Making<'_>, assumptions: Vec<String>) -> Proof {
    let way = making.moves.seconds(BATCH.seconds);
    let mut from: Vec<Given> = Vec::new();
    from.extend(making.line.given(making.moves.beside.as_ref()));
    let because = format!("{} {}", amount(making.moves.bytes(BATCH.seconds)), making.line.how);
    let terms = vec![
        Term::new("writes in no batch yet", BATCH.seconds, "an allowance"),
        Term::new("a batch on its way", way, because).from(from),
    ];
    // In the long run the line must take more than what is written.
    let is_too_slow = making.moves.seconds(Rate::WEEK) > Rate::WEEK;
    Proof::new(making.rpo, terms, assumptions)
        .too_slow(is_too_slow)
        .or_help(|| {
            format!(
                "a journal is behind by {} at least: raise the bandwidth or the objective, or say `mode: sync`",
                duration_text(BATCH.seconds.saturating_add(way))
            )
        })
}
