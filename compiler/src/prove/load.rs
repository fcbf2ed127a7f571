//! What moves over the lines of the sites at the same time: the runs of all applications, and their replication.
//!
//! Nobody knows in which order the runs of a site are served. So each is proved as if all others came first; [`Beside`] says how
//! long that can last.

use super::rpo::worst;
use super::stated::Stated;
use super::subject::Subject;
use super::worst::copies;
use crate::derive::{Beside, SEAL};
use crate::model::{Duration, Name, Rate, ReplicationMode};
use std::collections::{BTreeMap, BTreeSet};

/// What all applications move over the lines of their sites.
#[derive(Default)]
pub struct Loads {
    sites: BTreeMap<Name, Total>,
    flows: BTreeMap<(Name, Flows), Flow>,
    /// Applications whose points a pair moves with a part of the line at most.
    capped: BTreeSet<Name>,
}

/// What moves the data of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flows {
    /// Its runs, to the vaults.
    Points,
    /// Its pair, to the other site.
    Pair,
}

#[derive(Clone, Copy, Default)]
struct Flow {
    /// Bytes of one run.
    burst: u128,
    /// Bytes a week.
    weekly: u128,
    is_capped: bool,
}

#[derive(Default)]
struct Total {
    /// Of those that take the line as it is, and of those that take a part of it at most.
    free: u128,
    capped: u128,
    weekly: u128,
    flows: usize,
}

impl Loads {
    /// The loads of nobody: each application is alone on its line.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The loads of applications, without what pairs of theirs move.
    #[must_use]
    pub fn of(subjects: &[Subject<'_>]) -> Self {
        let mut loads = Self::none();
        loads.add_points(&subjects.iter().collect::<Vec<_>>());
        loads
    }

    /// The runs of applications. A run that lets firings pass moves what changed in a longer time, and holds up others for
    /// longer, which may let firings pass in turn: until nothing changes any more.
    pub(super) fn add_points(&mut self, subjects: &[&Subject<'_>]) {
        const ROUNDS: usize = 16;
        let points = |loads: &mut Self, subject: &Subject<'_>, time: u64| {
            let times = copies(subject.policy).saturating_add(1);
            let is_capped = subject.cap().is_some() || loads.capped.contains(subject.name);
            loads.add(subject, Flows::Points, time, times, is_capped);
        };
        let mut may_skip = Vec::new();
        for subject in subjects {
            let time = match &*subject.stated {
                // The interval that is derived is shorter than the objective.
                Stated::Nothing => subject.policy.objectives.rpo.seconds,
                Stated::NoFirings => 0,
                Stated::Firings(firings) => {
                    let gap = firings.seconds().saturating_add(firings.jitter());
                    if firings.room().is_some() || subject.window().is_some() {
                        may_skip.push((*subject, gap));
                    }
                    gap
                }
            };
            points(self, subject, time);
        }
        for round in 0..ROUNDS {
            let mut is_settled = true;
            for (subject, time) in &mut may_skip {
                let between = worst(subject, self).0.between();
                if between > *time {
                    // What does not come to rest is as bad as can be.
                    *time = if round + 1 == ROUNDS { u64::MAX } else { between };
                    points(self, subject, *time);
                    is_settled = false;
                }
            }
            if is_settled {
                break;
            }
        }
    }

    /// A pair through the vault moves the points of an application with a part of the line at most.
    pub(super) fn cap_points(&mut self, subject: &Subject<'_>) {
        self.capped.insert(subject.name.clone());
    }

    /// What a pair moves that sends what changes in such an interval, or all the time.
    pub(super) fn add_pair(
        &mut self,
        subject: &Subject<'_>,
        mode: ReplicationMode,
        interval: Duration,
        is_capped: bool,
    ) {
        let time = match mode {
            ReplicationMode::Async => interval,
            ReplicationMode::Sync | ReplicationMode::Journal => SEAL,
        };
        self.add(subject, Flows::Pair, time.seconds, 1, is_capped);
    }

    fn add(&mut self, subject: &Subject<'_>, of: Flows, time: u64, times: u64, is_capped: bool) {
        let (changes, _) = subject.changes();
        let weekly: u128 = changes.iter().map(|(_, rate)| rate.bytes_in_a_week()).sum();
        let weekly = weekly.saturating_mul(times.into());
        if weekly == 0 {
            return;
        }
        let bytes = changes.iter().map(|(_, rate)| u128::from(rate.bytes_in(time)));
        let flow = Flow {
            burst: bytes.sum::<u128>().saturating_mul(times.into()),
            weekly,
            is_capped,
        };
        let before = self.flows.insert((subject.name.clone(), of), flow).unwrap_or_default();
        let total = self.sites.entry(subject.site_name().clone()).or_default();
        let burst = if is_capped { &mut total.capped } else { &mut total.free };
        *burst = burst.saturating_sub(before.burst).saturating_add(flow.burst);
        total.weekly = total.weekly.saturating_sub(before.weekly).saturating_add(flow.weekly);
        total.flows += usize::from(before.weekly == 0);
    }

    /// What moves beside one flow of an application over a line of such a bandwidth; nothing where it is alone. `is_capped` says
    /// whether the flow takes no more than a part of the line itself.
    pub(super) fn beside(
        &self,
        subject: &Subject<'_>,
        of: Flows,
        bandwidth: Option<Rate>,
        is_capped: bool,
    ) -> Option<Beside> {
        let bandwidth = bandwidth?;
        let total = self.sites.get(subject.site_name())?;
        let own = self.flows.get(&(subject.name.clone(), of));
        let (free, capped) = match own {
            Some(own) if own.is_capped => (total.free, total.capped.saturating_sub(own.burst)),
            Some(own) => (total.free.saturating_sub(own.burst), total.capped),
            None => (total.free, total.capped),
        };
        let others = total.flows.saturating_sub(usize::from(own.is_some()));
        if others == 0 {
            return None;
        }
        // Who takes only a part of the line leaves it idle at times, and has more to move later: up to two runs.
        let is_capped = is_capped || own.is_some_and(|own| own.is_capped);
        let free = if is_capped { free.saturating_mul(2) } else { free };
        Some(Beside {
            bandwidth,
            burst: u64::try_from(free.saturating_add(capped.saturating_mul(2))).unwrap_or(u64::MAX),
            weekly: total.weekly.saturating_sub(own.map_or(0, |own| own.weekly)),
            others,
        })
    }
}
