//! Which points are worth copying into a further vault.

use super::retention::{Candidate, RetentionRef, prune};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;

/// The points of the first vault that belong into a further one and are not there yet, oldest first: those that are restorable,
/// old enough, and would stay there under its retention. What that retention would remove again does not travel.
#[must_use]
pub fn worth_copying(
    first: &[Candidate],
    there: &[Candidate],
    retention: Option<&RetentionRef>,
    delay: SignedDuration,
    now: Timestamp,
) -> Vec<String> {
    // One that is there and not restorable is copied again; one that cannot even be read is a question for a person.
    let is_there = |point: &&Candidate| point.restorable || point.class.is_empty();
    let known: HashSet<&str> = there
        .iter()
        .filter(is_there)
        .map(|point| point.point.as_str())
        .collect();
    let due: Vec<&Candidate> = first
        .iter()
        .filter(|point| point.restorable && !known.contains(point.point.as_str()))
        .filter(|point| point.frozen_at.checked_add(delay).is_ok_and(|due| due <= now))
        .collect();
    let stays: Option<HashSet<String>> = retention.and_then(|retention| {
        // A verification says nothing about other bytes, and does not travel.
        let unverified = due.iter().map(|point| Candidate {
            verified: false,
            ..(*point).clone()
        });
        let known = there.iter().filter(is_there).cloned();
        let together: Vec<Candidate> = known.chain(unverified).collect();
        // Nothing is removed here, so nobody has to acknowledge how much would be.
        let pruning = prune(&together, retention, true).ok()?;
        Some(pruning.kept.into_iter().map(|kept| kept.point).collect())
    });
    let mut worth: Vec<&Candidate> = due
        .into_iter()
        .filter(|point| stays.as_ref().is_none_or(|stays| stays.contains(&point.point)))
        .collect();
    worth.sort_by(|a, b| (a.frozen_at, &a.point).cmp(&(b.frozen_at, &b.point)));
    worth.into_iter().map(|point| point.point.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * HOUR).unwrap()
    }

    fn point(hour: i64) -> Candidate {
        Candidate {
            point: format!("p{hour:03}"),
            class: "scheduled".to_owned(),
            frozen_at: at(hour),
            verified: false,
            held: false,
            restorable: true,
            whole: true,
            locked: false,
            awaited: false,
            used: false,
        }
    }

    fn last(last: u32) -> RetentionRef {
        RetentionRef {
            last: Some(last),
            keep_verified: 1,
            ..RetentionRef::default()
        }
    }

    #[test]
    fn only_what_is_missing_old_enough_and_restorable_travels() {
        let mut first: Vec<Candidate> = (0..5).map(point).collect();
        first[2].restorable = false;
        let there = [point(0)];
        let delay = SignedDuration::from_hours(2);
        let worth = |now| worth_copying(&first, &there, None, delay, at(now));
        assert_eq!(worth(2), Vec::<String>::new());
        assert_eq!(worth(3), ["p001"]);
        assert_eq!(worth(5), ["p001", "p003"]);
        assert_eq!(worth(9), ["p001", "p003", "p004"]);
    }

    #[test]
    fn what_was_pruned_there_does_not_come_back() {
        let first: Vec<Candidate> = (0..10).map(point).collect();
        let none = SignedDuration::ZERO;
        let new = worth_copying(&first, &[], Some(&last(3)), none, at(20));
        assert_eq!(new, ["p007", "p008", "p009"]);
        let there: Vec<Candidate> = (7..10).map(point).collect();
        assert_eq!(
            worth_copying(&first, &there, Some(&last(3)), none, at(20)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_there_and_not_restorable_is_copied_again() {
        let first: Vec<Candidate> = (0..2).map(point).collect();
        let mut there = first.clone();
        there[0].restorable = false;
        assert_eq!(
            worth_copying(&first, &there, Some(&last(5)), SignedDuration::ZERO, at(9)),
            ["p000"]
        );
        there[0].class = String::new();
        assert_eq!(
            worth_copying(&first, &there, None, SignedDuration::ZERO, at(9)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_point_that_stays_only_for_its_verification_does_not_travel_for_ever() {
        let mut first: Vec<Candidate> = (0..5).map(point).collect();
        first[0].verified = true;
        let there = [point(4)];
        assert_eq!(
            worth_copying(&first, &there, Some(&last(1)), SignedDuration::ZERO, at(9)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_held_point_travels_whatever_its_age() {
        let mut first: Vec<Candidate> = (0..10).map(point).collect();
        first[0].held = true;
        let worth = worth_copying(&first, &[], Some(&last(1)), SignedDuration::ZERO, at(20));
        assert_eq!(worth, ["p000", "p009"]);
    }
}
