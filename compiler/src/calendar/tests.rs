//! Firings that one finds by hand, with a calendar on the wall and the rules of the zones.

use super::{Calendar, Longest};
use crate::model::{Duration, Missed, Schedule, TimeOfDay, Timezone, When, Window};
use jiff::Timestamp;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `every 1h` or a cron expression, with a zone and a window (`22:00-06:00`), both of which may be empty.
pub(super) fn schedule(when: &str, zone: &str, window: &str) -> Schedule {
    let time = |text: &str| text.parse::<TimeOfDay>().unwrap();
    Schedule {
        when: match when.strip_prefix("every ") {
            Some(every) => When::Every(every.parse().unwrap()),
            None => When::Cron(when.parse().unwrap()),
        },
        timezone: (!zone.is_empty()).then(|| zone.parse::<Timezone>().unwrap()),
        window: window.split_once('-').map(|(from, to)| Window {
            from: time(from),
            to: time(to),
        }),
        jitter: None,
        missed: Missed::RunOnce,
    }
}

fn calendar(schedules: &[(&str, &str, &str)]) -> Calendar {
    let schedules: Vec<Schedule> = schedules
        .iter()
        .map(|(when, zone, window)| schedule(when, zone, window))
        .collect();
    Calendar::of(&schedules).unwrap()
}

/// Firings in a row, found forwards and backwards.
fn check_firings(schedules: &[(&str, &str, &str)], expected: &[&str]) {
    let calendar = calendar(schedules);
    let expected: Vec<Timestamp> = expected.iter().map(|text| at(text)).collect();
    let (first, last) = (expected[0], *expected.last().unwrap());
    let before = Timestamp::from_second(first.as_second() - 1).unwrap();
    let found: Vec<Timestamp> = calendar.between(before, last).map(|firing| firing.at).collect();
    assert_eq!(found, expected, "{schedules:?}, forwards");
    let backwards = std::iter::successors(calendar.newest(last), |firing| {
        calendar.newest(Timestamp::from_second(firing.at.as_second() - 1).unwrap())
    });
    let mut found: Vec<Timestamp> = backwards
        .map(|firing| firing.at)
        .take_while(|at| *at >= first)
        .collect();
    found.reverse();
    assert_eq!(found, expected, "{schedules:?}, backwards");
    assert_eq!(calendar.count(before, last), u64::try_from(expected.len() - 1).unwrap());
}

#[test]
fn a_time_that_is_left_out_comes_right_after_the_gap_and_one_that_comes_twice_counts_once() {
    let berlin = [("30 2 * * *", "Europe/Berlin", "")];
    check_firings(
        &berlin,
        &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
    check_firings(
        &berlin,
        &["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    let new_york = [("30 2 * * *", "America/New_York", "")];
    check_firings(
        &new_york,
        &["2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
    );
    let new_york = [("30 1 * * *", "America/New_York", "")];
    check_firings(
        &new_york,
        &["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
    );
    // Half an hour, put forward at 02:00 and back to 01:30.
    let lord_howe = [("15 2 * * *", "Australia/Lord_Howe", "")];
    check_firings(
        &lord_howe,
        &["2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    );
    let lord_howe = [("45 1 * * *", "Australia/Lord_Howe", "")];
    check_firings(
        &lord_howe,
        &["2026-04-03T14:45:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    );
}

#[test]
fn several_times_that_are_left_out_are_one_firing() {
    let twice = [("0,30 2 * * *", "Europe/Berlin", "")];
    check_firings(
        &twice,
        &[
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:00:00Z",
            "2026-03-30T00:30:00Z",
        ],
    );
    // 02:00 is made up for at the moment that is 03:00.
    let with_three = [("0 2,3 * * *", "Europe/Berlin", "")];
    check_firings(
        &with_three,
        &["2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
    );
    // 02:30 is in the window, although there is no 02:30 on that day.
    let window = [("30 2 * * *", "Europe/Berlin", "02:00-03:00")];
    check_firings(
        &window,
        &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
}

#[test]
fn what_goes_with_the_clock_goes_on_by_it() {
    let quarters = [("*/15 * * * *", "Europe/Berlin", "")];
    check_firings(
        &quarters,
        &[
            "2026-03-29T00:30:00Z",
            "2026-03-29T00:45:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:15:00Z",
        ],
    );
    check_firings(
        &[("0 * * * *", "America/New_York", "")],
        &[
            "2026-11-01T04:00:00Z",
            "2026-11-01T05:00:00Z",
            "2026-11-01T06:00:00Z",
            "2026-11-01T07:00:00Z",
        ],
    );
    check_firings(
        &[("*/30 * * * *", "Australia/Lord_Howe", "")],
        &["2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"],
    );
    // The clock shows no 02:15 on the one day, and shows it twice on the other.
    let night = [("*/30 2 * * *", "Europe/Berlin", "")];
    check_firings(
        &night,
        &[
            "2026-03-28T01:00:00Z",
            "2026-03-28T01:30:00Z",
            "2026-03-30T00:00:00Z",
            "2026-03-30T00:30:00Z",
        ],
    );
    check_firings(
        &night,
        &[
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-26T01:00:00Z",
        ],
    );
}

#[test]
fn rare_days_and_ends_of_months() {
    check_firings(
        &[("0 0 29 2 *", "", "")],
        &["2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check_firings(
        &[("0 0 29 2 *", "", "")],
        &["2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"],
    );
    check_firings(
        &[("30 23 31 * *", "", "")],
        &[
            "2026-01-31T23:30:00Z",
            "2026-03-31T23:30:00Z",
            "2026-05-31T23:30:00Z",
            "2026-07-31T23:30:00Z",
            "2026-08-31T23:30:00Z",
        ],
    );
    // The thirteenth or a Friday, as both are restricted; 2026-02-13 is both.
    check_firings(
        &[("0 0 13 * 5", "", "")],
        &[
            "2026-02-06T00:00:00Z",
            "2026-02-13T00:00:00Z",
            "2026-02-20T00:00:00Z",
            "2026-02-27T00:00:00Z",
        ],
    );
    // An odd day that is a Monday, as one begins with `*`.
    check_firings(
        &[("0 0 */2 * 1", "", "")],
        &["2026-03-09T00:00:00Z", "2026-03-23T00:00:00Z", "2026-04-13T00:00:00Z"],
    );
    // Midnight in Kiritimati is ten o'clock of the day before.
    check_firings(
        &[("0 0 1 1 *", "Pacific/Kiritimati", "")],
        &["2026-12-31T10:00:00Z", "2027-12-31T10:00:00Z"],
    );
}

#[test]
fn windows_hold_their_first_minute_and_not_their_last() {
    let night = [("every 2h", "Europe/Berlin", "22:00-06:00")];
    // Even hours of UTC are odd ones in winter.
    check_firings(
        &night,
        &[
            "2026-01-10T22:00:00Z",
            "2026-01-11T00:00:00Z",
            "2026-01-11T02:00:00Z",
            "2026-01-11T04:00:00Z",
            "2026-01-11T22:00:00Z",
        ],
    );
    check_firings(
        &night,
        &[
            "2026-07-10T20:00:00Z",
            "2026-07-10T22:00:00Z",
            "2026-07-11T00:00:00Z",
            "2026-07-11T02:00:00Z",
            "2026-07-11T20:00:00Z",
        ],
    );
    check_firings(
        &[("*/20 * * * *", "", "23:30-00:20")],
        &["2026-01-31T23:40:00Z", "2026-02-01T00:00:00Z", "2026-02-01T23:40:00Z"],
    );
    // A window in the hour that comes twice is open twice, and the one that is left out is not open.
    let hour = [("every 30m", "Europe/Berlin", "02:00-03:00")];
    check_firings(
        &hour,
        &[
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-26T01:00:00Z",
        ],
    );
    check_firings(&hour, &["2026-03-28T01:30:00Z", "2026-03-30T00:00:00Z"]);
}

#[test]
fn equal_moments_of_two_schedules_are_one_firing() {
    let both = [("0 14 * * *", "", ""), ("every 6h", "", ""), ("0 */12 * * *", "", "")];
    check_firings(
        &both,
        &[
            "2026-01-01T12:00:00Z",
            "2026-01-01T14:00:00Z",
            "2026-01-01T18:00:00Z",
            "2026-01-02T00:00:00Z",
        ],
    );
    let mut schedules = both.map(|(when, zone, window)| schedule(when, zone, window));
    schedules[1].missed = Missed::Skip;
    schedules[1].jitter = Some(Duration::seconds(60));
    let calendar = Calendar::of(&schedules).unwrap();
    let alone = calendar.newest(at("2026-01-01T18:00:00Z")).unwrap();
    assert_eq!((alone.missed, alone.jitter), (Missed::Skip, 60));
    let shared = calendar.newest(at("2026-01-01T12:00:00Z")).unwrap();
    assert_eq!((shared.missed, shared.jitter), (Missed::RunOnce, 0));
    let kept = calendar.newest_made_up_for(at("2026-01-01T19:00:00Z")).unwrap();
    assert_eq!(kept.at, at("2026-01-01T14:00:00Z"));
}

#[test]
fn what_never_fires_has_no_firings() {
    for schedules in [
        ("0 0 30 2 *", "Europe/Berlin", ""),
        ("0 12 * * *", "", "22:00-06:00"),
        ("every 1d", "", "06:00-22:00"),
    ] {
        let calendar = calendar(&[schedules]);
        let now = at("2026-01-01T00:00:00Z");
        assert_eq!(
            (calendar.next(now), calendar.newest(now), calendar.rhythm()),
            (None, None, None),
            "{schedules:?}"
        );
    }
    // Far away is not never.
    assert!(
        calendar(&[("0 0 */28 2 1", "", "")])
            .next(at("2026-01-01T00:00:00Z"))
            .is_some()
    );
}

/// The longest gap as its ends, or as a distance.
fn longest(schedules: &[(&str, &str, &str)]) -> String {
    match calendar(schedules).rhythm().unwrap().longest {
        Longest::Every { seconds, .. } => Duration::seconds(seconds).to_string(),
        Longest::Between(gap) => format!("{} {}", gap.from, gap.to),
    }
}

#[test]
fn the_longest_gap_is_that_of_all_years() {
    for (schedules, gap) in [
        // Not the 24 hours of any day, but the 25 of the one on which clocks are put back.
        (
            &[("30 2 * * *", "Europe/Berlin", "")][..],
            "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z",
        ),
        (
            &[("30 2 * * *", "America/New_York", "")],
            "2026-10-31T06:30:00Z 2026-11-01T07:30:00Z",
        ),
        (
            &[("0 0 * * *", "Australia/Lord_Howe", "")],
            "2026-04-04T13:00:00Z 2026-04-05T13:30:00Z",
        ),
        (&[("30 2 * * *", "", "")], "2026-01-01T02:30:00Z 2026-01-02T02:30:00Z"),
        // 02:30 and 02:45 are not shown on the day on which clocks are put forward.
        (
            &[("*/15 2 * * *", "Europe/Berlin", "")],
            "2026-03-28T01:45:00Z 2026-03-30T00:00:00Z",
        ),
        (
            &[("* * * * *", "Europe/Berlin", "")],
            "2026-01-01T00:00:00Z 2026-01-01T00:01:00Z",
        ),
        (&[("0 0 29 2 *", "", "")], "2096-02-29T00:00:00Z 2104-02-29T00:00:00Z"),
        (&[("0 0 31 * *", "", "")], "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z"),
        (
            &[("every 1h", "Europe/Berlin", "22:00-06:00")],
            "2026-01-01T04:00:00Z 2026-01-01T21:00:00Z",
        ),
        // Working days: from Friday to Monday, with an hour more where clocks are put back between them.
        (
            &[("0 18 * * 1-5", "Europe/Berlin", "")],
            "2026-10-23T16:00:00Z 2026-10-26T17:00:00Z",
        ),
        // Together with a nightly interval nothing is left of that.
        (
            &[("0 18 * * 1-5", "Europe/Berlin", ""), ("every 1d", "", "")],
            "2026-01-03T00:00:00Z 2026-01-04T00:00:00Z",
        ),
        (&[("0 6 * * *", "", ""), ("every 7h", "", "")], "7h"),
        (&[("every 6h", "", ""), ("every 4h", "", "")], "4h"),
    ] {
        assert_eq!(longest(schedules), gap, "{schedules:?}");
    }
}

#[test]
fn the_room_of_a_firing_ends_with_the_next_one_of_any_schedule() {
    let room = |schedules: &[(&str, &str, &str)]| calendar(schedules).room();
    assert_eq!(room(&[("30 2 * * *", "Europe/Berlin", "")]), [Some(23 * 3600 + 1800)]);
    assert_eq!(room(&[("every 7h", "", "")]), [Some(7 * 3600)]);
    // The nightly one is 15 minutes before an hour, and an hour is 45 minutes before the nightly one.
    assert_eq!(
        room(&[("45 2 * * *", "", ""), ("every 1h", "", "")]),
        [Some(900), Some(2700)]
    );
    // 7 hours from midnight of 1970 on: at some time 02:00 comes an hour later, and never sooner.
    assert_eq!(
        room(&[("every 7h", "", ""), ("0 2 * * *", "", "")]),
        [Some(3600), Some(3600)]
    );
}

#[test]
fn a_calendar_says_itself() {
    let all = [
        ("every 60m", "", ""),
        ("30 2 * * MON-FRI", "Europe/Berlin", ""),
        ("every 15m", "", "22:00-06:00"),
    ];
    assert_eq!(
        calendar(&all).to_string(),
        "every 1h and at 30 2 * * 1-5 (Europe/Berlin) and every 15m from 22:00 to 06:00 (UTC)"
    );
}
