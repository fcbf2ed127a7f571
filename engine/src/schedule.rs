//! When duties are due. Everything here is a pure function of the clock and of what is known to have been served.
//!
//! The firings of an interval are its multiples since the beginning of 1970 in UTC: whoever counts them, after a restart, on
//! another machine, by hand, finds the same ones. Each has a moment, and is served once.

use jiff::{SignedDuration, Timestamp};

/// A firing that is to be served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// The moment that it was due.
    pub at: Timestamp,
    /// How many before it were served by nobody. They are not made up for: one point holds all that they would have.
    pub missed: u64,
}

/// The newest firing of an interval, in seconds, that is not after `now`.
#[must_use]
pub fn newest(every: u64, now: Timestamp) -> Timestamp {
    let every = i64::try_from(every.max(1)).unwrap_or(i64::MAX);
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(every)).unwrap_or(now)
}

/// The next firing after `now`.
#[must_use]
pub fn next(every: u64, now: Timestamp) -> Timestamp {
    newest(every, now).checked_add(seconds(every)).unwrap_or(Timestamp::MAX)
}

/// The firing that is to be served at `now`, where `served` is the last that was, or was given up.
///
/// Where nothing was ever served the newest is due at once. A last firing that lies ahead by more than an interval was served by
/// a clock that has been set back since: waiting for it again would leave the application without points for as long.
#[must_use]
pub fn due(every: u64, served: Option<Timestamp>, now: Timestamp) -> Option<Firing> {
    let at = newest(every, now);
    let Some(served) = served else {
        return Some(Firing { at, missed: 0 });
    };
    let ahead = served.duration_since(at);
    if ahead.is_negative() {
        let passed = ahead.unsigned_abs().as_secs() / every.max(1);
        let missed = passed.saturating_sub(1);
        return Some(Firing { at, missed });
    }
    (ahead > seconds(every)).then_some(Firing { at, missed: 0 })
}

fn seconds(every: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(every.max(1)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn firings_are_those_that_one_counts_by_hand() {
        const HOUR: u64 = 3600;
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
            let found = due(every, served.map(at), at(now));
            let expected = expected.map(|(when, missed)| Firing { at: at(when), missed });
            assert_eq!(found, expected, "every {every} s, served {served:?}, now {now}");
        }
        assert_eq!(next(HOUR, at("2026-03-01T08:00:00Z")), at("2026-03-01T09:00:00Z"));
    }

    proptest! {
        /// Four hundred days of engines that come and go, looking at the clock now and then: no firing is served twice, and
        /// every one that an engine was awake for is served, or counted as missed.
        #[test]
        fn every_firing_is_served_once_or_counted(
            every in 60_u64..200_000,
            looks in prop::collection::vec(1_i64..40_000, 1..2_000),
        ) {
            let start = at("2026-01-01T00:00:00Z");
            let end = start + SignedDuration::from_hours(400 * 24);
            let mut now = start;
            let mut served = None;
            let (mut count, mut missed) = (0, 0);
            for step in looks {
                if let Some(firing) = due(every, served, now) {
                    prop_assert!(served.is_none_or(|last| firing.at > last));
                    prop_assert!(firing.at <= now && now < next(every, firing.at));
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
}
