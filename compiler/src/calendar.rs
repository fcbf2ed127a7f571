//! The moments at which a policy makes points. Pure: whoever asks says which moment it is.
//!
//! A calendar is the union of its policy's schedules. Equal moments are one firing. What a schedule means on the days on
//! which clocks are put forward or back stands in `docs/scheduling.md`, and is decided in `series`.

mod day;
mod rhythm;
mod series;
mod stretch;

pub use rhythm::{Gap, Longest, Rhythm};

use crate::model::{Duration, Missed, Schedule};
use jiff::Timestamp;
use series::Series;
use std::fmt;

/// When points are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    entries: Vec<Entry>,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    series: Series,
    /// Seconds by which a firing may act later.
    jitter: u64,
    missed: Missed,
}

/// A moment at which a point is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// The moment that the schedule names. It identifies the firing.
    pub at: Timestamp,
    /// It acts by less than so many seconds later.
    pub jitter: u64,
    /// What becomes of it while no engine serves.
    pub missed: Missed,
}

/// So many missed firings are counted, and no more: who was away for a year need not know how many minutes it had.
const COUNTED: u64 = 100_000;

impl Calendar {
    /// The firings of schedules; `None` where there is none.
    #[must_use]
    pub fn of(schedules: &[Schedule]) -> Option<Self> {
        let entries: Vec<Entry> = schedules.iter().map(Entry::of).collect();
        (!entries.is_empty()).then_some(Self { entries })
    }

    /// Firings at this distance, counted from the beginning of 1970 in UTC.
    #[must_use]
    pub fn every(distance: Duration) -> Self {
        Self {
            entries: vec![Entry {
                series: Series::every(distance),
                jitter: 0,
                missed: Missed::RunOnce,
            }],
        }
    }

    /// The newest firing that is not after a moment.
    #[must_use]
    pub fn newest(&self, at: Timestamp) -> Option<Firing> {
        let series = self.entries.iter().map(|entry| entry.series.newest(at.as_second()));
        let newest = series.flatten().max()?;
        Some(self.firing(newest))
    }

    /// The newest firing, not after a moment, of the schedules whose missed firings are made up for.
    #[must_use]
    pub fn newest_made_up_for(&self, at: Timestamp) -> Option<Firing> {
        let kept = self.entries.iter().filter(|entry| entry.missed == Missed::RunOnce);
        let newest = kept.filter_map(|entry| entry.series.newest(at.as_second())).max()?;
        Some(self.firing(newest))
    }

    /// The first firing after a moment.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Firing> {
        let series = self.entries.iter().map(|entry| entry.series.next(after.as_second()));
        let next = series.flatten().min()?;
        Some(self.firing(next))
    }

    /// The firings after a moment and up to another, in order.
    pub fn between(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Firing> + '_ {
        let first = self.next(after);
        std::iter::successors(first, |firing| self.next(firing.at)).take_while(move |firing| firing.at <= until)
    }

    /// How many firings come after a moment and before another; 100,000 stand for any higher number, except of a
    /// calendar that is a single interval.
    #[must_use]
    pub fn count(&self, after: Timestamp, before: Timestamp) -> u64 {
        let until = before.as_second().saturating_sub(1);
        if let [Entry { series, .. }] = self.entries.as_slice()
            && let Some(every) = series.interval()
        {
            let passed = until.div_euclid(every) - after.as_second().div_euclid(every);
            return u64::try_from(passed).unwrap_or(0);
        }
        let most = usize::try_from(COUNTED).unwrap_or(usize::MAX);
        let counted = self.between(after, moment(until)).take(most).count();
        u64::try_from(counted).unwrap_or(COUNTED)
    }

    /// The firing at a moment that is one: of schedules that share it the earliest acts, and one that is made up for
    /// makes up for all.
    fn firing(&self, at: i64) -> Firing {
        let here = |entry: &&Entry| entry.series.newest(at) == Some(at);
        let mut jitter = u64::MAX;
        let mut missed = Missed::Skip;
        for entry in self.entries.iter().filter(here) {
            jitter = jitter.min(entry.jitter);
            if entry.missed == Missed::RunOnce {
                missed = Missed::RunOnce;
            }
        }
        Firing {
            at: moment(at),
            jitter,
            missed,
        }
    }

    /// Whether a firing that no engine serves may pass for good.
    #[must_use]
    pub fn may_skip(&self) -> bool {
        self.entries.iter().any(|entry| entry.missed == Missed::Skip)
    }

    /// Whether it is made of intervals alone, each of them without jitter.
    #[must_use]
    pub fn is_of_intervals(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|entry| entry.series.interval().is_some() && entry.jitter == 0)
    }

    /// Whether firings always come at one distance.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.entries.len() == 1 && self.is_of_intervals()
    }
}

impl Entry {
    fn of(schedule: &Schedule) -> Self {
        Self {
            series: Series::of(schedule),
            jitter: schedule.jitter.map_or(0, |jitter| jitter.seconds),
            missed: schedule.missed,
        }
    }
}

/// A moment by its seconds since 1970, as near as can be said.
fn moment(seconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(nearest)
}

impl fmt::Display for Calendar {
    /// `every 1h`; `at 30 2 * * * (Europe/Berlin)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            write!(f, "{}", entry.series)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod brute;
#[cfg(test)]
mod tests;
