//! Calendars against brute force: every minute is asked whether it is a firing, by nothing but the clock of its zone.

use super::rhythm::Sweep;
use super::tests::schedule;
use super::{Calendar, Entry};
use crate::model::{Duration, Schedule, Timezone, When};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use std::collections::BTreeSet;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// Whether a field holds a value, read anew.
fn holds(field: &str, value: i64, least: i64, most: i64) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (least, most),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        value >= from && value <= to && (value - from) % step.parse::<i64>().unwrap() == 0
    })
}

/// A schedule, taken apart by its text alone.
struct Plain {
    every: Option<i64>,
    fields: Vec<String>,
    window: Option<(i64, i64)>,
    rules: jiff::tz::TimeZone,
}

impl Plain {
    fn of(schedule: &Schedule) -> Self {
        let minutes = |time: String| {
            let (hour, minute) = time.split_once(':').unwrap();
            hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
        };
        let window = schedule.window.as_ref();
        let (every, fields) = match &schedule.when {
            When::Every(every) => (Some(every.seconds.cast_signed()), Vec::new()),
            When::Cron(cron) => (None, cron.to_string().split(' ').map(str::to_owned).collect()),
        };
        Self {
            every,
            fields,
            window: window.map(|window| (minutes(window.from.to_string()), minutes(window.to.to_string()))),
            rules: schedule.timezone.clone().unwrap_or_else(Timezone::utc).rules().clone(),
        }
    }

    fn is_named(&self, local: DateTime) -> bool {
        let number = |part: i8| i64::from(part);
        let now = number(local.hour()) * 60 + number(local.minute());
        let inside = self.window.is_none_or(|(from, to)| {
            if from < to {
                now >= from && now < to
            } else {
                now >= from || now < to
            }
        });
        let [minute, hour, day, month, weekday] = self.fields.as_slice() else {
            return inside;
        };
        if !inside || local.second() != 0 || !holds(minute, number(local.minute()), 0, 59) {
            return false;
        }
        let either = !day.starts_with('*') && !weekday.starts_with('*');
        let day = holds(day, number(local.day()), 1, 31);
        let weekday = holds(weekday, number(local.weekday().to_sunday_zero_offset()), 0, 6);
        (if either { day || weekday } else { day && weekday })
            && holds(hour, number(local.hour()), 0, 23)
            && holds(month, number(local.month()), 1, 12)
    }

    /// Whether it fires at a full minute.
    fn fires(&self, at: i64) -> bool {
        let moment = Timestamp::from_second(at).unwrap();
        let local = self.rules.to_datetime(moment);
        if let Some(every) = self.every {
            return at.rem_euclid(every) == 0 && self.is_named(local);
        }
        if self.fields.iter().take(2).any(|field| field.starts_with('*')) {
            return self.is_named(local);
        }
        let mut left_out = self.rules.to_datetime(moment - SignedDuration::from_secs(MINUTE)) + 1.minute();
        while left_out < local {
            if self.is_named(left_out) {
                return true;
            }
            left_out += 1.minute();
        }
        self.is_named(local) && self.rules.to_ambiguous_timestamp(local).earlier().unwrap() == moment
    }
}

/// The firings of all schedules from a moment on and before another.
fn all(schedules: &[Plain], from: i64, until: i64) -> BTreeSet<i64> {
    let minutes = (from.div_euclid(MINUTE) * MINUTE..until)
        .step_by(60)
        .filter(|at| *at >= from);
    minutes
        .filter(|at| schedules.iter().any(|schedule| schedule.fires(*at)))
        .collect()
}

fn field(least: u8, most: u8) -> impl Strategy<Value = String> {
    let star = Just("*".to_owned());
    let step = (1..=most).prop_map(|step| format!("*/{step}"));
    let one = (least..=most).prop_map(|value| value.to_string());
    let range = (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let stepped =
        (least..=most, least..=most, 1..=most.min(9)).prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b)));
    let two = (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}"));
    prop_oneof![3 => star, 1 => step, 3 => one, 1 => range, 1 => stepped, 1 => two]
}

/// Hours of the night, in which clocks are put forward and back, more often than others.
fn hour() -> impl Strategy<Value = String> {
    let night = (0..4_u8).prop_map(|hour| hour.to_string());
    prop_oneof![field(0, 23), night, Just("1-3".to_owned())]
}

fn expression() -> impl Strategy<Value = String> {
    let day = prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 31)];
    let month = prop_oneof![6 => Just("*".to_owned()), 1 => field(1, 12)];
    let weekday = prop_oneof![3 => Just("*".to_owned()), 1 => field(0, 6)];
    (field(0, 59), hour(), day, month, weekday).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    const ZONES: [&str; 8] = [
        "",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Chatham",
        "America/Sao_Paulo",
    ];
    const EVERY: [u32; 8] = [5, 7, 15, 30, 60, 90, 420, 1440];
    let every = prop::sample::select(&EVERY[..]).prop_map(|minutes| format!("every {minutes}m"));
    let when = prop_oneof![1 => every, 3 => expression()];
    let time = || (0..24_u8, prop::sample::select(vec![0_u8, 15, 30, 59]));
    let window = (time(), time()).prop_map(|((a, b), (c, d))| format!("{a:02}:{b:02}-{c:02}:{d:02}"));
    let window = window.prop_filter("it has a length", |window| {
        window.split_once('-').is_some_and(|(a, b)| a != b)
    });
    let window = prop::option::weighted(0.3, window);
    let jitter = prop::option::weighted(0.3, 1_u64..3_000);
    (when, prop::sample::select(&ZONES[..]), window, jitter).prop_map(|(when, zone, window, jitter)| Schedule {
        jitter: jitter.map(Duration::seconds),
        ..schedule(&when, zone, &window.unwrap_or_default())
    })
}

/// Days on which a clock of the zones is put forward or back, and others.
fn day() -> impl Strategy<Value = i64> {
    const CHANGES: [i64; 10] = [20541, 20751, 20520, 20758, 20547, 20729, 20550, 20725, 20500, 21243];
    prop_oneof![prop::sample::select(&CHANGES[..]), 20_454..22_000_i64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn firings_are_the_minutes_that_brute_force_finds(
        schedules in prop::collection::vec(any_schedule(), 1..4),
        day in day(),
        moments in prop::collection::vec(-DAY..6 * DAY, 1..12),
    ) {
        let calendar = Calendar::of(&schedules).unwrap();
        let (from, until) = ((day - 4) * DAY, (day + 4) * DAY);
        let plain: Vec<Plain> = schedules.iter().map(Plain::of).collect();
        let expected = all(&plain, from, until);
        let moment = |at: i64| Timestamp::from_second(at).unwrap();
        let found: BTreeSet<i64> = calendar.between(moment(from - 1), moment(until - 1)).map(|firing| firing.at.as_second()).collect();
        prop_assert_eq!(&found, &expected);
        for at in moments.into_iter().map(|at| (day - 2) * DAY + at).filter(|at| *at < until) {
            let newest = expected.range(..=at).next_back();
            let found = calendar.newest(moment(at)).map(|firing| firing.at.as_second());
            prop_assert_eq!(found.filter(|found| *found >= from), newest.copied(), "newest at {}", at);
            let next = expected.range(at + 1..).next();
            let found = calendar.next(moment(at)).map(|firing| firing.at.as_second());
            prop_assert_eq!(found.filter(|found| *found < until), next.copied(), "next after {}", at);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn gaps_are_those_that_brute_force_finds(
        schedules in prop::collection::vec(any_schedule(), 1..4),
        day in day(),
    ) {
        let (first, last) = (day - 20, day + 20);
        let calendar = Calendar::of(&schedules).unwrap();
        let entries: Vec<&Entry> = calendar.entries.iter().collect();
        let found = Sweep::over(&entries, first, last);
        let plain: Vec<Plain> = schedules.iter().map(Plain::of).collect();
        let expected: Vec<i64> = all(&plain, first * DAY, last * DAY).into_iter().collect();
        let pairs = || expected.windows(2).map(|pair| (pair[0], pair[1]));
        let jitter = |at: i64| {
            let here = schedules.iter().zip(&plain).filter(|(_, plain)| plain.fires(at));
            here.map(|(schedule, _)| schedule.jitter.map_or(0, |jitter| jitter.seconds)).min().unwrap()
        };
        let whole = |(from, to): (i64, i64)| u64::try_from(to - from).unwrap() + jitter(to);
        let longest = pairs().map(whole).max();
        let found_longest = found.longest.map(|gap| (gap.from, gap.to));
        prop_assert_eq!(found_longest.map(whole), longest);
        prop_assert!(found_longest.is_none_or(|gap| pairs().any(|pair| pair == gap)));
        for (plain, found) in plain.iter().zip(&found.shortest) {
            let room = pairs().filter(|(from, _)| plain.fires(*from)).map(|(from, to)| to.abs_diff(from)).min();
            prop_assert_eq!(*found, room);
        }
    }
}
