//! How far apart the firings of a calendar lie: at most, and at least.
//!
//! Days are looked at one after the other. Days that are alike, because the same schedules name them, clocks stand alike
//! and intervals are at the same point, have the same firings; so each kind of day is worked out once, and what is left
//! for every day is to look it up. Twenty-eight years hold every kind of year beside every other, so they hold every gap
//! between dates that come each year; four hundred years, after which the calendar begins anew, hold all others.

use super::day::Day;
use super::series::Series;
use super::stretch::Stretch;
use super::{Calendar, Entry, moment};
use crate::model::Timezone;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

const DAY: i64 = 86_400;
/// 2026-01-01. The past needs no proof, and a proof that depended on the day on which it is made would be none.
const FIRST_DAY: i64 = 20_454;
const GENERATION: i64 = 10_227;
const CYCLE: i64 = 146_097 + 366;
/// So many calendars are remembered: more than the schedules of most models.
const REMEMBERED: usize = 32;
/// A gap above this comes of dates that do not come each year.
const YEAR: i64 = 366 * DAY;

/// How far apart firings lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    /// At most.
    pub longest: Longest,
    /// Seconds from a firing to the next one, at least.
    pub shortest: u64,
}

/// The longest time from one point to the next.
#[derive(Debug, Clone, PartialEq)]
pub enum Longest {
    /// There is always a firing within a distance.
    Every {
        /// The distance in seconds.
        seconds: u64,
        /// By so many seconds the firing acts later, at most.
        jitter: u64,
    },
    /// Between two firings.
    Between(Gap),
}

/// A time without firings.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The firing before it.
    pub from: Timestamp,
    /// The firing after it.
    pub to: Timestamp,
    /// By so many seconds that one acts later, at most.
    pub jitter: u64,
    /// Whose clock says when that is.
    pub zone: Timezone,
}

impl Longest {
    /// Seconds between the firings.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        match self {
            Self::Every { seconds, .. } => *seconds,
            Self::Between(gap) => gap.to.duration_since(gap.from).as_secs().unsigned_abs(),
        }
    }

    /// By so many seconds the second one acts later, at most.
    #[must_use]
    pub const fn jitter(&self) -> u64 {
        match self {
            Self::Every { jitter, .. } => *jitter,
            Self::Between(gap) => gap.jitter,
        }
    }

    fn whole(&self) -> u64 {
        self.seconds().saturating_add(self.jitter())
    }
}

impl Calendar {
    /// How far apart its firings lie; `None` where it never fires twice.
    #[must_use]
    pub fn rhythm(&self) -> Option<Rhythm> {
        // An interval alone bounds every gap, whatever fires beside it.
        let bound = |entry: &Entry| {
            let seconds = entry.series.interval()?.unsigned_abs();
            let jitter = entry.jitter;
            Some(Longest::Every { seconds, jitter })
        };
        let bounds: Vec<Longest> = self.entries.iter().filter_map(bound).collect();
        let every = bounds.iter().min_by_key(|bound| bound.whole()).cloned();
        if bounds.len() == self.entries.len() {
            let shortest = bounds.iter().map(Longest::seconds).min()?;
            return every.map(|longest| Rhythm { longest, shortest });
        }
        // One whose moments wander through the day meets every other schedule in every way: its bound has to do.
        let is_steady = |entry: &&Entry| match entry.series.interval() {
            Some(every) => DAY % every == 0 && every >= 60,
            None => true,
        };
        let steady: Vec<&Entry> = self.entries.iter().filter(is_steady).collect();
        let wanders = steady.len() < self.entries.len();
        let swept = Sweep::of(&steady);
        let longest = match (swept.longest.map(|gap| Longest::Between(gap.with(self))), every) {
            (Some(between), Some(every)) if every.whole() < between.whole() => every,
            (Some(between), _) => between,
            (None, every) => every?,
        };
        let shortest = swept.shortest.iter().flatten().min().copied();
        Some(Rhythm {
            longest,
            shortest: shortest.filter(|_| !wanders).unwrap_or(0),
        })
    }

    /// For each schedule, the seconds from its firings to the next firing of any, at least; `None` where it never fires.
    #[must_use]
    pub fn room(&self) -> Vec<Option<u64>> {
        if let [
            Entry {
                series: Series::Every(every),
                ..
            },
        ] = self.entries.as_slice()
        {
            return vec![Some(every.unsigned_abs())];
        }
        Sweep::of(&self.entries.iter().collect::<Vec<_>>()).shortest
    }
}

/// A gap in seconds since 1970, and which of the entries end it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) from: i64,
    pub(super) to: i64,
    jitter: u64,
}

impl Found {
    fn whole(&self) -> i64 {
        self.to - self.from + i64::try_from(self.jitter).unwrap_or(i64::MAX / 4)
    }

    fn with(self, calendar: &Calendar) -> Gap {
        let zone = |entry: &Entry| match &entry.series {
            Series::Every(_) => None,
            Series::Within { zone, .. } => Some(zone.clone()),
            Series::Times(times) => Some(times.zone.clone()),
        };
        Gap {
            from: moment(self.from),
            to: moment(self.to),
            jitter: self.jitter,
            zone: calendar.entries.iter().find_map(zone).unwrap_or_else(Timezone::utc),
        }
    }
}

/// A firing in a day: seconds since 1970, or since the day began; its jitter; the entries that fire, one bit each.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: i64,
    jitter: u64,
    who: u64,
}

/// What one kind of day holds, counted from its beginning.
#[derive(Debug, Clone)]
struct Kind {
    ends: Option<(Moment, Moment)>,
    longest: Option<Found>,
    shortest: Vec<Option<u64>>,
}

thread_local! {
    /// What was found for calendars that were swept before. A sweep takes longer than all else that is done to a model, and an
    /// editor has the same calendars checked at each key.
    static SWEPT: RefCell<VecDeque<(Vec<Entry>, Sweep)>> = const { RefCell::new(VecDeque::new()) };
}

/// What the sweep over the days found.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    pub(super) longest: Option<Found>,
    pub(super) shortest: Vec<Option<u64>>,
}

impl Sweep {
    fn of(entries: &[&Entry]) -> Self {
        let is_known = |(known, _): &&(Vec<Entry>, Self)| known.iter().eq(entries.iter().copied());
        let known = SWEPT.with_borrow(|swept| swept.iter().find(is_known).map(|(_, found)| found.clone()));
        known.unwrap_or_else(|| {
            let found = Self::anew(entries);
            SWEPT.with_borrow_mut(|swept| {
                swept.truncate(REMEMBERED - 1);
                swept.push_front((entries.iter().copied().cloned().collect(), found.clone()));
            });
            found
        })
    }

    fn anew(entries: &[&Entry]) -> Self {
        let wanders = |entry: &&Entry| matches!(entry.series, Series::Within { every, .. } if DAY % every != 0);
        let days = if entries.iter().any(wanders) { CYCLE } else { GENERATION };
        let swept = Self::over(entries, FIRST_DAY, FIRST_DAY + days);
        let is_rare = swept.longest.is_none_or(|gap| gap.to - gap.from > YEAR);
        if is_rare && days < CYCLE {
            return Self::over(entries, FIRST_DAY, FIRST_DAY + CYCLE);
        }
        swept
    }

    pub(super) fn over(entries: &[&Entry], first: i64, last: i64) -> Self {
        let mut kinds: HashMap<Vec<i64>, Kind> = HashMap::new();
        let mut found = Self {
            longest: None,
            shortest: vec![None; entries.len()],
        };
        let mut views: Vec<View<'_>> = entries.iter().map(|entry| View::new(entry, first)).collect();
        let mut key = Vec::new();
        let mut newest: Option<Moment> = None;
        for day in first..last {
            let begin = day * DAY;
            key.clear();
            for view in &mut views {
                view.look(day, &mut key);
            }
            if !kinds.contains_key(&key) {
                kinds.insert(key.clone(), Kind::of(entries, begin));
            }
            let Some(kind) = kinds.get(&key) else { continue };
            let Some((head, tail)) = kind.ends else { continue };
            let at = |moment: Moment| Moment {
                at: moment.at + begin,
                ..moment
            };
            if let Some(before) = newest {
                found.meet(before, at(head));
            }
            if let Some(gap) = kind.longest {
                found.longer(Found {
                    from: gap.from + begin,
                    to: gap.to + begin,
                    ..gap
                });
            }
            for (all, here) in found.shortest.iter_mut().zip(&kind.shortest) {
                *all = all.iter().chain(here).min().copied();
            }
            newest = Some(at(tail));
        }
        found
    }

    /// Two firings that follow each other.
    fn meet(&mut self, before: Moment, after: Moment) {
        self.longer(Found {
            from: before.at,
            to: after.at,
            jitter: after.jitter,
        });
        near(&mut self.shortest, before, after);
    }

    fn longer(&mut self, gap: Found) {
        if self.longest.is_none_or(|longest| gap.whole() > longest.whole()) {
            self.longest = Some(gap);
        }
    }
}

fn near(shortest: &mut [Option<u64>], before: Moment, after: Moment) {
    let distance = after.at.abs_diff(before.at);
    for (_, entry) in (0..).zip(shortest).filter(|(index, _)| before.who & bit(*index) != 0) {
        *entry = Some(entry.map_or(distance, |least| least.min(distance)));
    }
}

/// The bit of an entry; beyond 64 schedules the last ones share one.
fn bit(index: u32) -> u64 {
    1 << index.min(63)
}

impl Kind {
    fn of(entries: &[&Entry], begin: i64) -> Self {
        let mut moments: Vec<Moment> = Vec::new();
        for (index, entry) in (0..).zip(entries) {
            let mut at = begin - 1;
            while let Some(next) = entry.series.next(at).filter(|next| *next < begin + DAY) {
                moments.push(Moment {
                    at: next - begin,
                    jitter: entry.jitter,
                    who: bit(index),
                });
                at = next;
            }
        }
        moments.sort_by_key(|moment| moment.at);
        moments.dedup_by(|later, kept| {
            let same = later.at == kept.at;
            if same {
                kept.jitter = kept.jitter.min(later.jitter);
                kept.who |= later.who;
            }
            same
        });
        let mut inside = Sweep {
            longest: None,
            shortest: vec![None; entries.len()],
        };
        for pair in moments.windows(2) {
            if let [before, after] = pair {
                inside.meet(*before, *after);
            }
        }
        Self {
            ends: moments.first().copied().zip(moments.last().copied()),
            longest: inside.longest,
            shortest: inside.shortest,
        }
    }
}

/// What an entry sees of the days as they pass.
struct View<'a> {
    entry: &'a Entry,
    stretch: Option<Stretch>,
    /// Which of the days around are named, the latest in the lowest bit, and the day after the latest.
    named: i64,
    ahead: Option<Day>,
}

/// The moments of a day of UTC lie in so many days before and after it wherever a clock hangs, what was left out included.
const AROUND: i64 = 2;

impl<'a> View<'a> {
    fn new(entry: &'a Entry, first: i64) -> Self {
        let mut view = Self {
            entry,
            stretch: None,
            named: 0,
            ahead: Day::of(first - AROUND),
        };
        for _ in 0..2 * AROUND {
            view.step();
        }
        view
    }

    fn step(&mut self) {
        if let (Series::Times(times), Some(day)) = (&self.entry.series, self.ahead) {
            const MASK: i64 = (1 << (2 * AROUND + 1)) - 1;
            self.named = (self.named << 1 | i64::from(day.is_named(&times.cron))) & MASK;
            self.ahead = day.tomorrow();
        }
    }

    /// Writes down all that the firings of a day depend on.
    fn look(&mut self, day: i64, key: &mut Vec<i64>) {
        self.step();
        let begin = day * DAY;
        let (zone, what) = match &self.entry.series {
            Series::Every(every) => return key.push(begin.rem_euclid(*every)),
            Series::Within { every, zone, .. } => (zone, begin.rem_euclid(*every)),
            Series::Times(times) => (&times.zone, self.named),
        };
        let stretch = match self.stretch.filter(|stretch| begin < stretch.until) {
            Some(stretch) => stretch,
            None => *self.stretch.insert(Stretch::at(zone, begin)),
        };
        key.push(what);
        key.extend(stretch.around(begin, zone));
    }
}
