//! The moments of one schedule.
//!
//! A clock that is put forward leaves times out, one that is put back shows times twice. A cron expression of fixed times
//! fires once for each of them on each of its days: right after the gap where the time is left out, at the first of both
//! where it comes twice. One that goes with the clock (its minute or hour begins with `*`) fires whenever the clock shows
//! what it names. An interval counts the time that passes, and knows no clock; a window is that of the clock.

use super::day::Day;
use super::stretch::Stretch;
use crate::model::{Cron, Duration, Schedule, Timezone, When, Window};
use std::fmt;

/// Four hundred years, after which the calendar begins anew: what does not fire within them never does.
const FAR: i64 = 146_097 * DAY;
const DAY: i64 = 86_400;
const MINUTE: i64 = 60;
const MINUTES: i64 = 1440;

/// How a schedule says its moments.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Series {
    /// At this distance in seconds.
    Every(i64),
    /// The same, where the clock of a zone shows a time of the window.
    Within { every: i64, window: Window, zone: Timezone },
    /// At times of days.
    Times(Times),
}

/// Times of the days that a cron expression names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) cron: Cron,
    pub(super) zone: Timezone,
    window: Option<Window>,
    /// Minutes after midnight, in order: those of the expression that lie in the window.
    minutes: Vec<u16>,
}

impl Series {
    pub(super) fn of(schedule: &Schedule) -> Self {
        let zone = schedule.timezone.clone().unwrap_or_else(Timezone::utc);
        match (&schedule.when, &schedule.window) {
            (When::Every(every), None) => Self::every(*every),
            (When::Every(every), Some(window)) => Self::Within {
                every: whole(*every),
                window: window.clone(),
                zone,
            },
            (When::Cron(cron), window) => Self::Times(Times {
                minutes: cron
                    .minutes_of_day()
                    .filter(|minute| window.as_ref().is_none_or(|window| holds(window, *minute)))
                    .collect(),
                cron: cron.clone(),
                window: window.clone(),
                zone,
            }),
        }
    }

    pub(super) fn every(every: Duration) -> Self {
        Self::Every(whole(every))
    }

    /// The distance, where it is always the same.
    pub(super) const fn interval(&self) -> Option<i64> {
        match self {
            Self::Every(every) => Some(*every),
            Self::Within { .. } | Self::Times(_) => None,
        }
    }

    /// Its newest moment that is not after this one.
    pub(super) fn newest(&self, at: i64) -> Option<i64> {
        match self {
            Self::Every(every) => Some(at - at.rem_euclid(*every)),
            Self::Within { every, window, zone } => newest_within(*every, window, zone, at),
            Self::Times(times) => times.newest(at),
        }
    }

    /// Its first moment after this one.
    pub(super) fn next(&self, after: i64) -> Option<i64> {
        match self {
            Self::Every(every) => Some(above(*every, after + 1)),
            Self::Within { every, window, zone } => next_within(*every, window, zone, after),
            Self::Times(times) => times.next(after),
        }
    }
}

/// An interval in seconds, above zero.
fn whole(every: Duration) -> i64 {
    i64::try_from(every.seconds)
        .unwrap_or(i64::MAX / 4)
        .clamp(1, i64::MAX / 4)
}

/// Whether a window holds a minute after midnight.
fn holds(window: &Window, minute: u16) -> bool {
    let (from, to) = (window.from.minute, window.to.minute);
    if from < to {
        (from..to).contains(&minute)
    } else {
        minute >= from || minute < to
    }
}

/// The first multiple that is not below a number.
fn above(every: i64, least: i64) -> i64 {
    least + (-least).rem_euclid(every)
}

/// Seconds after midnight.
const fn of_day(local: i64) -> i64 {
    local.rem_euclid(DAY)
}

fn is_inside(window: &Window, local: i64) -> bool {
    u16::try_from(of_day(local) / MINUTE).is_ok_and(|minute| holds(window, minute))
}

fn next_within(every: i64, window: &Window, zone: &Timezone, after: i64) -> Option<i64> {
    let mut candidate = above(every, after + 1);
    let mut stretch = Stretch::at(zone, candidate);
    while candidate <= after + FAR {
        if candidate >= stretch.until {
            stretch = Stretch::at(zone, candidate);
        }
        let local = stretch.local(candidate);
        if is_inside(window, local) {
            return Some(candidate);
        }
        let opens = candidate + (i64::from(window.from.minute) * MINUTE - of_day(local)).rem_euclid(DAY);
        candidate = above(every, opens.min(stretch.until));
    }
    None
}

fn newest_within(every: i64, window: &Window, zone: &Timezone, at: i64) -> Option<i64> {
    let below = |most: i64| most - most.rem_euclid(every);
    let mut candidate = below(at);
    let mut stretch = Stretch::at(zone, candidate);
    while candidate >= at - FAR {
        if candidate < stretch.from {
            stretch = Stretch::at(zone, candidate);
        }
        let local = stretch.local(candidate);
        if is_inside(window, local) {
            return Some(candidate);
        }
        let closed = candidate - (of_day(local) - i64::from(window.to.minute) * MINUTE).rem_euclid(DAY);
        candidate = below(closed.max(stretch.from) - 1);
    }
    None
}

impl Times {
    fn next(&self, after: i64) -> Option<i64> {
        let mut from = after + 1;
        while from <= after + FAR && !self.minutes.is_empty() {
            let stretch = Stretch::at(&self.zone, from);
            let until = stretch.until.min(after + FAR + 1);
            if let Some(found) = self.first(&stretch, from, until) {
                return Some(found);
            }
            from = stretch.until;
        }
        None
    }

    fn newest(&self, at: i64) -> Option<i64> {
        let mut last = at;
        while last >= at - FAR && !self.minutes.is_empty() {
            let stretch = Stretch::at(&self.zone, last);
            let from = stretch.from.max(at - FAR);
            if let Some(found) = self.last(&stretch, from, last) {
                return Some(found);
            }
            last = stretch.from - 1;
        }
        None
    }

    /// The first moment of a stretch from one on and before another.
    fn first(&self, stretch: &Stretch, from: i64, until: i64) -> Option<i64> {
        if from == stretch.from && self.makes_up(stretch) {
            return Some(from);
        }
        let local = stretch.local(from.max(self.begins(stretch)));
        let minute = local.div_euclid(MINUTE) + i64::from(local.rem_euclid(MINUTE) > 0);
        let last = stretch.local(until).div_euclid(DAY);
        let day = Day::of(minute.div_euclid(MINUTES))?;
        let rest = minute.rem_euclid(MINUTES);
        let later = self.minutes.partition_point(|named| i64::from(*named) < rest);
        let today = self.minutes.get(later).filter(|_| day.is_named(&self.cron));
        let (day, minute) = match today {
            Some(minute) => (day, minute),
            None => (day.tomorrow()?.first_named(&self.cron, last)?, self.minutes.first()?),
        };
        let found = (day.number * MINUTES + i64::from(*minute)) * MINUTE - stretch.offset;
        (found < until).then_some(found)
    }

    /// The last moment of a stretch from one on and up to another.
    fn last(&self, stretch: &Stretch, from: i64, last: i64) -> Option<i64> {
        let begins = from.max(self.begins(stretch));
        let ordinary = || {
            let minute = stretch.local(last).div_euclid(MINUTE);
            let first = stretch.local(begins).div_euclid(DAY);
            let day = Day::of(minute.div_euclid(MINUTES))?;
            let rest = minute.rem_euclid(MINUTES);
            let earlier = self.minutes.partition_point(|named| i64::from(*named) <= rest);
            let today = earlier.checked_sub(1).and_then(|index| self.minutes.get(index));
            let (day, minute) = match today.filter(|_| day.is_named(&self.cron)) {
                Some(minute) => (day, minute),
                None => (
                    Day::of(day.number - 1)?.last_named(&self.cron, first)?,
                    self.minutes.last()?,
                ),
            };
            let found = (day.number * MINUTES + i64::from(*minute)) * MINUTE - stretch.offset;
            (found >= begins).then_some(found)
        };
        ordinary().or_else(|| (from == stretch.from && self.makes_up(stretch)).then_some(from))
    }

    /// From where on times of a stretch count: what was fired for already is not fired for again.
    fn begins(&self, stretch: &Stretch) -> i64 {
        if self.cron.follows_the_clock() {
            stretch.from
        } else {
            stretch.repeats_until()
        }
    }

    /// Whether a stretch begins with a firing for times that were left out.
    fn makes_up(&self, stretch: &Stretch) -> bool {
        let Some((from, until)) = stretch.skipped().filter(|_| !self.cron.follows_the_clock()) else {
            return false;
        };
        let days = from.div_euclid(DAY)..=(until - 1).div_euclid(DAY);
        let named = days.filter_map(Day::of).filter(|day| day.is_named(&self.cron));
        let mut moments = named.flat_map(|day| {
            let local = move |minute: &u16| (day.number * MINUTES + i64::from(*minute)) * MINUTE;
            self.minutes.iter().map(local)
        });
        moments.any(|local| (from..until).contains(&local))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (window, zone) = match self {
            Self::Every(every) | Self::Within { every, .. } => {
                write!(f, "every {}", Duration::seconds(every.unsigned_abs()))?;
                match self {
                    Self::Within { window, zone, .. } => (Some(window), zone),
                    _ => return Ok(()),
                }
            }
            Self::Times(times) => {
                write!(f, "at {}", times.cron)?;
                (times.window.as_ref(), &times.zone)
            }
        };
        if let Some(window) = window {
            write!(f, " from {} to {}", window.from, window.to)?;
        }
        write!(f, " ({zone})")
    }
}
