use super::*;
use dram_compiler::model::{Schedule, TimeOfDay, Timezone, When, Window};
use jiff::civil::Weekday;
use proptest::prelude::*;
use std::sync::LazyLock;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const HOUR: u64 = 3600;

#[test]
fn firings_of_an_interval_are_those_that_one_counts_by_hand() {
    let cases = [
        // Every, last served, now: due, missed.
        (HOUR, None, "2026-03-01T08:59:59Z", Some(("2026-03-01T08:00:00Z", 0))),
        (HOUR, Some("2026-03-01T08:00:00Z"), "2026-03-01T08:59:59Z", None),
        (
            HOUR,
            Some("2026-03-01T08:00:00Z"),
            "2026-03-01T09:00:00Z",
            Some(("2026-03-01T09:00:00Z", 0)),
        ),
        // An engine that was away from 8 until 13:30 serves one firing, and four are missed.
        (
            HOUR,
            Some("2026-03-01T08:00:00Z"),
            "2026-03-01T13:30:00Z",
            Some(("2026-03-01T13:00:00Z", 4)),
        ),
        (
            15 * 60,
            Some("2026-03-01T23:45:00Z"),
            "2026-03-02T00:00:07Z",
            Some(("2026-03-02T00:00:00Z", 0)),
        ),
        // A clock that is set back by less than an interval waits, by more it does not.
        (HOUR, Some("2026-03-01T09:00:00Z"), "2026-03-01T08:30:00Z", None),
        (
            HOUR,
            Some("2026-03-01T09:00:00Z"),
            "2025-03-01T08:30:00Z",
            Some(("2025-03-01T08:00:00Z", 0)),
        ),
        // Seven hours do not divide a day: the grid goes on across midnight.
        (
            7 * HOUR,
            None,
            "1970-01-02T04:30:00Z",
            Some(("1970-01-02T04:00:00Z", 0)),
        ),
        (0, None, "1970-01-01T00:00:09Z", Some(("1970-01-01T00:00:09Z", 0))),
    ];
    for (every, served, now, expected) in cases {
        let found = due_every(every, served.map(at), at(now));
        let expected = expected.map(|(when, missed)| Firing {
            at: at(when),
            missed,
            through: at(when),
        });
        assert_eq!(found, expected, "every {every} s, served {served:?}, now {now}");
    }
}

fn schedule(when: When, zone: &str, jitter: u64, missed: Missed) -> Schedule {
    Schedule {
        when,
        timezone: Some(zone.parse::<Timezone>().unwrap()),
        window: None,
        jitter: (jitter > 0).then(|| Duration::seconds(jitter)),
        missed,
    }
}

fn cron(text: &str) -> When {
    When::Cron(text.parse().unwrap())
}

/// Nightly in Berlin and made up for; in working hours in New York, and every six hours at night, and not made up for.
fn schedules() -> [Schedule; 3] {
    let time = |text: &str| text.parse::<TimeOfDay>().unwrap();
    let mut nights = schedule(
        When::Every(Duration::seconds(6 * HOUR)),
        "Australia/Lord_Howe",
        1000,
        Missed::Skip,
    );
    nights.window = Some(Window {
        from: time("21:30"),
        to: time("08:00"),
    });
    [
        schedule(cron("30 2 * * *"), "Europe/Berlin", 0, Missed::RunOnce),
        schedule(cron("15 9-16/3 * * mon-fri"), "America/New_York", 600, Missed::Skip),
        nights,
    ]
}

#[test]
fn what_may_be_skipped_passes_and_what_is_made_up_for_is_served() {
    let [nightly, office, _] = schedules();
    let calendar = Calendar::of(&[nightly, office]).unwrap();
    // A Wednesday: Berlin fires at 00:30, New York from 13:15 to 19:15 by up to ten minutes later.
    let cases = [
        // Served, now: served through, or passed.
        (Some("2026-06-09T19:15:00Z"), "2026-06-10T00:29:59Z", "nothing"),
        (
            Some("2026-06-09T19:15:00Z"),
            "2026-06-10T00:30:01Z",
            "00:30 through 00:30, 0 missed",
        ),
        // It is late, but made up for.
        (
            Some("2026-06-09T19:15:00Z"),
            "2026-06-10T12:00:00Z",
            "00:30 through 00:30, 0 missed",
        ),
        // Those of New York are late and are not, but that of the night is.
        (
            Some("2026-06-09T19:15:00Z"),
            "2026-06-10T18:00:00Z",
            "00:30 through 16:15, 2 missed",
        ),
        (
            Some("2026-06-10T00:30:00Z"),
            "2026-06-10T18:00:00Z",
            "pass through 16:15 with 1",
        ),
        (Some("2026-06-10T16:15:00Z"), "2026-06-10T18:00:00Z", "nothing"),
        (
            Some("2026-06-10T16:15:00Z"),
            "2026-06-11T18:00:00Z",
            "00:30 through 16:15, 3 missed",
        ),
        (None, "2026-06-10T18:00:00Z", "00:30 through 16:15, 0 missed"),
    ];
    for (served, now, expected) in cases {
        let known = Known {
            served: served.map(at),
            seen: None,
        };
        let time = |at: Timestamp| at.strftime("%H:%M").to_string();
        let found = match due(&calendar, "shop", &known, at(now)) {
            None => "nothing".to_owned(),
            Some(Due::Serve(firing)) => {
                let (at, through) = (time(firing.at), time(firing.through));
                format!("{at} through {through}, {} missed", firing.missed)
            }
            Some(Due::Pass { newest, others }) => format!("pass through {} with {others}", time(newest)),
        };
        assert_eq!(found, expected, "{served:?}, {now}");
    }
    // One that was seen in time waits for its turn as long as it takes.
    let known = Known {
        served: Some(at("2026-06-10T13:15:00Z")),
        seen: Some(at("2026-06-10T16:15:00Z")),
    };
    let waits = due(&calendar, "shop", &known, at("2026-06-10T18:00:00Z"));
    assert!(matches!(waits, Some(Due::Serve(Firing { missed: 0, .. }))), "{waits:?}");
}

#[test]
fn jitter_is_the_same_on_every_engine_and_not_for_every_application() {
    let calendar = Calendar::of(&schedules()).unwrap();
    let firing = calendar.next(at("2026-06-10T12:00:00Z")).unwrap();
    assert_eq!(
        (firing.at, firing.jitter),
        (
            at("2026-06-10T12:00:00Z") + SignedDuration::from_hours(1) + SignedDuration::from_mins(15),
            600
        )
    );
    let names: Vec<String> = (0..100).map(|number| format!("shop-{number}")).collect();
    let moments: Vec<Timestamp> = names.iter().map(|name| acts(name, &firing)).collect();
    let end = firing.at + SignedDuration::from_secs(600);
    assert!(moments.iter().all(|moment| (firing.at..end).contains(moment)));
    let mut different = moments.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 80, "{different:?}");
    // The numbers stand here, so that no other version of the engine finds others.
    assert_eq!(moments[0], at("2026-06-10T13:15:12Z"));
}

/// A firing by brute force, when it acts, and whether it is made up for.
#[derive(Debug, Clone, Copy)]
struct Brute {
    at: Timestamp,
    acts: Timestamp,
    is_kept: bool,
}

/// All firings of 420 days: every minute is asked by the clock of its zone, with what `schedules` says written out.
static FIRINGS: LazyLock<Vec<Brute>> = LazyLock::new(|| {
    let zone = |name: &str| name.parse::<Timezone>().unwrap().rules().clone();
    let [berlin, new_york, lord_howe] = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"].map(zone);
    let first = at("2026-01-01T00:00:00Z");
    let mut firings = Vec::new();
    for minute in 0..420 * 1440 {
        let moment = first + SignedDuration::from_mins(minute);
        let local = berlin.to_datetime(moment);
        let gap = local.date() == jiff::civil::date(2026, 3, 29);
        // On that day there is no 02:30, and what was to come then comes at 03:00. On 2026-10-25 there are two.
        let is_second = moment == at("2026-10-25T01:30:00Z");
        let is_nightly = match (local.hour(), local.minute()) {
            (2, 30) => !is_second,
            (3, 0) => gap,
            _ => false,
        };
        let local = new_york.to_datetime(moment);
        let works = !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
        let is_office = works && matches!((local.hour(), local.minute()), (9 | 12 | 15, 15));
        let local = lord_howe.to_datetime(moment);
        let now = (local.hour(), local.minute());
        let is_at_night = minute % 360 == 0 && !((8, 0)..(21, 30)).contains(&now);
        let jitter = match (is_nightly, is_office, is_at_night) {
            (false, false, false) => continue,
            (true, ..) => 0,
            (_, true, _) => 600,
            _ => 1000,
        };
        let firing = calendar::Firing {
            at: moment,
            jitter,
            missed: Missed::Skip,
        };
        firings.push(Brute {
            at: moment,
            acts: acts("shop", &firing),
            is_kept: is_nightly,
        });
    }
    firings
});

/// What is to be done at a moment, by the table of all firings.
fn by_brute_force(known: &Known, now: Timestamp) -> Option<Due> {
    let all = &*FIRINGS;
    let count = all.partition_point(|firing| firing.at <= now);
    let newest = all[..count].iter().rposition(|firing| firing.acts <= now)?;
    let after = all.get(newest + 1)?;
    let served = known.served.filter(|served| *served <= after.at);
    let first = served.map_or(0, |served| all.partition_point(|firing| firing.at <= served));
    if first > newest {
        return None;
    }
    let others = served.map_or(0, |_| u64::try_from(newest - first).unwrap());
    let last = all[newest];
    let is_in_time = now <= last.acts + SignedDuration::from_mins(2) || known.seen == Some(last.at);
    let kept = all[first..=newest].iter().rev().find(|firing| firing.is_kept);
    let made = if is_in_time { Some(&last) } else { kept };
    Some(made.map_or(
        Due::Pass {
            newest: last.at,
            others,
        },
        |firing| {
            Due::Serve(Firing {
                at: firing.at,
                missed: others,
                through: last.at,
            })
        },
    ))
}

/// What happens to an engine.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// It is awake for so many minutes, and looks so many seconds after what is due.
    Awake(i64, i64),
    /// It is away, or cannot ask the catalog, for so many minutes.
    Away(i64),
    /// It is started anew, and knows what the catalog knows.
    Restart,
    /// The clock of its machine is set forward or back by so many minutes.
    Jump(i64),
    /// All it could run is running: what is due next has to wait for so many minutes.
    Busy(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..10_000_i64, 0..119_i64).prop_map(|(minutes, late)| Event::Awake(minutes, late)),
        2 => (1..10_000_i64).prop_map(Event::Away),
        2 => Just(Event::Restart),
        1 => (-4_000..4_000_i64).prop_map(Event::Jump),
        1 => (1..600_i64).prop_map(Event::Busy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Four hundred days with restarts, outages and clocks that are set: what is served, and what passes, is what brute
    /// force finds; and no firing that an engine was awake for is served twice or not at all, as long as clocks go right.
    #[test]
    fn every_firing_is_served_once_or_told(events in prop::collection::vec(event(), 1..160)) {
        let calendar = Calendar::of(&schedules()).unwrap();
        let end = at("2027-02-05T00:00:00Z");
        let mut now = at("2026-01-03T00:00:00Z");
        let mut known = Known::default();
        let mut in_catalog: Option<Timestamp> = None;
        let mut clock_was_right = true;
        let mut log: Vec<Timestamp> = Vec::new();
        let look = |now: Timestamp, known: &mut Known, in_catalog: &mut Option<Timestamp>, log: &mut Vec<Timestamp>| {
            let found = due(&calendar, "shop", known, now);
            assert_eq!(found, by_brute_force(known, now), "{known:?} at {now}");
            match found {
                Some(Due::Serve(firing)) => {
                    known.served = Some(firing.through);
                    *in_catalog = Some(in_catalog.map_or(firing.at, |last| last.max(firing.at)));
                    log.push(firing.at);
                }
                Some(Due::Pass { newest, .. }) => known.served = Some(newest),
                None => {}
            }
        };
        for event in events {
            if !(at("2026-01-03T00:00:00Z")..end).contains(&now) {
                break;
            }
            match event {
                Event::Awake(minutes, late) => {
                    let until = (now + SignedDuration::from_mins(minutes)).min(end);
                    look(now, &mut known, &mut in_catalog, &mut log);
                    for firing in FIRINGS.iter().filter(|firing| firing.acts > now && firing.acts <= until) {
                        look(firing.acts - SignedDuration::from_secs(1), &mut known, &mut in_catalog, &mut log);
                        look(firing.acts + SignedDuration::from_secs(late), &mut known, &mut in_catalog, &mut log);
                        // A clock that was set back a little comes again by what it was served for already.
                        prop_assert!(!clock_was_right || log.last() == Some(&firing.at));
                    }
                    now = until + SignedDuration::from_mins(2);
                }
                Event::Away(minutes) => now += SignedDuration::from_mins(minutes),
                Event::Restart => known = Known { served: in_catalog, seen: None },
                Event::Jump(minutes) => {
                    clock_was_right = false;
                    now += SignedDuration::from_mins(minutes);
                }
                Event::Busy(minutes) => {
                    if let Some(Due::Serve(firing)) = due(&calendar, "shop", &known, now) {
                        known.seen = Some(firing.through);
                    }
                    now += SignedDuration::from_mins(minutes);
                }
            }
        }
        if clock_was_right {
            prop_assert!(log.is_sorted_by(|before, after| before < after), "{:?}", log);
        }
    }

    /// An interval: four hundred days of engines that come and go, looking at the clock now and then.
    #[test]
    fn every_firing_of_an_interval_is_served_once_or_counted(
        every in 60_u64..200_000,
        looks in prop::collection::vec(1_i64..40_000, 1..2_000),
    ) {
        let start = at("2026-01-01T00:00:00Z");
        let end = start + SignedDuration::from_hours(400 * 24);
        let mut now = start;
        let mut served = None;
        let (mut count, mut missed) = (0, 0);
        for step in looks {
            if let Some(firing) = due_every(every, served, now) {
                prop_assert!(served.is_none_or(|last| firing.at > last));
                prop_assert!(firing.at <= now && newest(every, now) == firing.at);
                count += 1;
                missed += firing.missed;
                served = Some(firing.at);
            }
            now += SignedDuration::from_secs(step);
            if now > end {
                break;
            }
        }
        let first = newest(every, start);
        let last = served.unwrap();
        let all = last.duration_since(first).as_secs() / i64::try_from(every).unwrap() + 1;
        prop_assert_eq!(count + missed, u64::try_from(all).unwrap());
    }
}
