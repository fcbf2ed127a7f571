//! Which points go and which stay, and why.

use super::Refusal;
use dram_compiler::model::Retention;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// The rules of a retention, as runbooks hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRef {
    /// The newest points, this many.
    pub last: Option<u32>,
    /// The newest point of each day that has one, for this many days.
    pub daily: Option<u32>,
    /// The newest verified points, this many, whatever the other rules say.
    pub keep_verified: u32,
}

impl From<&Retention> for RetentionRef {
    fn from(retention: &Retention) -> Self {
        Self {
            last: retention.last,
            daily: retention.daily,
            keep_verified: retention.keep_verified,
        }
    }
}

/// A point as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub point: String,
    /// How it came about: each class is retained by itself.
    pub class: String,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// Whether it was verified.
    pub verified: bool,
    /// Whether it is held.
    pub held: bool,
    /// Whether it may be restored at all.
    pub restorable: bool,
    /// Whether it holds all components: the newest that does is never pruned.
    pub whole: bool,
    /// Whether its vault refuses to remove it yet.
    pub locked: bool,
    /// Whether a further vault still waits for it.
    pub awaited: bool,
    /// Whether a run that is not at its end works with it.
    pub used: bool,
}

/// A point that stays, and the rule that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The point.
    pub point: String,
    /// The first rule that keeps it.
    pub because: &'static str,
}

/// What pruning does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruning {
    /// Points that stay, oldest first.
    pub kept: Vec<Kept>,
    /// Points that go, oldest first.
    pub removed: Vec<String>,
}

/// Decides; `last` and `daily` count for each class of points by itself. The newest restorable point, the last `keepVerified`
/// verified ones, what is held, what its vault has locked, what a further vault waits for
/// and what a run works with stay whatever the other rules say. Points that are not restorable are left alone: nobody knows what
/// they are worth.
///
/// # Errors
/// More than ten points and more than a fifth of all would go, and nobody has acknowledged that.
pub fn prune(points: &[Candidate], retention: &RetentionRef, acknowledged: bool) -> Result<Pruning, Refusal> {
    let mut newest_first: Vec<&Candidate> = points.iter().collect();
    newest_first.sort_by(|a, b| (b.frozen_at, &b.point).cmp(&(a.frozen_at, &a.point)));
    let restorable: Vec<&Candidate> = newest_first.iter().copied().filter(|point| point.restorable).collect();

    let mut reasons: Vec<(&str, &'static str)> = Vec::new();
    reasons.extend(
        newest_first
            .iter()
            .filter(|point| !point.restorable)
            .map(|point| (point.point.as_str(), "not restorable")),
    );
    reasons.extend(
        newest_first
            .iter()
            .filter(|point| point.held)
            .map(|point| (point.point.as_str(), "held")),
    );
    reasons.extend(
        newest_first
            .iter()
            .filter(|point| point.locked)
            .map(|point| (point.point.as_str(), "locked")),
    );
    reasons.extend(
        newest_first
            .iter()
            .filter(|point| point.awaited)
            .map(|point| (point.point.as_str(), "not copied yet")),
    );
    reasons.extend(
        newest_first
            .iter()
            .filter(|point| point.used)
            .map(|point| (point.point.as_str(), "a run works with it")),
    );
    reasons.extend(
        restorable
            .iter()
            .find(|point| point.whole)
            .map(|point| (point.point.as_str(), "newest")),
    );
    let verified = restorable
        .iter()
        .filter(|point| point.verified)
        .take(retention.keep_verified as usize);
    reasons.extend(verified.map(|point| (point.point.as_str(), "last verified")));
    let classes: BTreeSet<&str> = restorable.iter().map(|point| point.class.as_str()).collect();
    for class in classes {
        let of_class = || restorable.iter().filter(|point| point.class == class);
        if let Some(last) = retention.last {
            reasons.extend(
                of_class()
                    .take(last as usize)
                    .map(|point| (point.point.as_str(), "last")),
            );
        }
        if let Some(daily) = retention.daily {
            let mut days = BTreeSet::new();
            for point in of_class() {
                let day = point.frozen_at.to_zoned(TimeZone::UTC).date();
                if days.len() < daily as usize && days.insert(day) {
                    reasons.push((&point.point, "daily"));
                }
            }
        }
    }
    let no_rule = retention.last.is_none() && retention.daily.is_none();

    // The first reason counts.
    let reasons: HashMap<&str, &'static str> = reasons.into_iter().rev().collect();
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for point in newest_first.into_iter().rev() {
        let reason = reasons.get(point.point.as_str()).copied();
        match reason.or(no_rule.then_some("no rule removes it")) {
            Some(because) => kept.push(Kept {
                point: point.point.clone(),
                because,
            }),
            None => removed.push(point.point.clone()),
        }
    }
    let usual = (points.len() / 5).max(10);
    if removed.len() > usual && !acknowledged {
        return Err(Refusal::PrunesTooMuch {
            removed: removed.len(),
            all: points.len(),
        });
    }
    Ok(Pruning { kept, removed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i64, verified: bool, held: bool) -> Candidate {
        let frozen_at = Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
        Candidate {
            point: format!("p{day:03}"),
            class: "scheduled".to_owned(),
            frozen_at,
            verified,
            held,
            restorable: true,
            whole: true,
            locked: false,
            awaited: false,
            used: false,
        }
    }

    fn retention(last: Option<u32>, daily: Option<u32>, keep_verified: u32) -> RetentionRef {
        RetentionRef {
            last,
            daily,
            keep_verified,
        }
    }

    #[test]
    fn the_last_verified_point_outlives_months_of_failing_verification() {
        let mut points: Vec<Candidate> = (0..90).map(|day| point(day, false, false)).collect();
        points.push(point(-1, true, false));
        let pruning = prune(&points, &retention(Some(3), None, 1), true).unwrap();
        let kept: Vec<&str> = pruning.kept.iter().map(|kept| kept.point.as_str()).collect();
        assert_eq!(kept, ["p-01", "p087", "p088", "p089"]);
    }

    #[test]
    fn removing_much_needs_an_acknowledgement() {
        let points: Vec<Candidate> = (0..30).map(|day| point(day, false, false)).collect();
        let refused = prune(&points, &retention(Some(3), None, 1), false);
        assert_eq!(refused, Err(Refusal::PrunesTooMuch { removed: 27, all: 30 }));
        let pruning = prune(&points, &retention(Some(20), None, 1), false).unwrap();
        assert_eq!(pruning.removed.len(), 10);
    }

    #[test]
    fn held_and_unreadable_points_stay() {
        let mut points: Vec<Candidate> = (0..5).map(|day| point(day, false, day == 1)).collect();
        if let Some(first) = points.first_mut() {
            first.restorable = false;
        }
        let pruning = prune(&points, &retention(Some(1), None, 1), false).unwrap();
        assert_eq!(pruning.removed, ["p002", "p003"]);
    }

    #[test]
    fn what_its_vault_has_locked_is_not_even_tried() {
        let mut points: Vec<Candidate> = (0..4).map(|day| point(day, false, false)).collect();
        if let Some(first) = points.first_mut() {
            first.locked = true;
        }
        let pruning = prune(&points, &retention(Some(1), None, 1), false).unwrap();
        assert_eq!(pruning.removed, ["p001", "p002"]);
    }

    #[test]
    fn a_manual_point_does_not_push_out_scheduled_ones() {
        let mut points: Vec<Candidate> = (0..3).map(|day| point(day, false, false)).collect();
        if let Some(newest) = points.last_mut() {
            newest.class = "manual".to_owned();
        }
        let pruning = prune(&points, &retention(Some(1), None, 1), false).unwrap();
        assert_eq!(pruning.removed, ["p000"]);
    }

    #[test]
    fn daily_keeps_the_newest_of_each_day() {
        let mut points: Vec<Candidate> = (0..4).map(|day| point(day, false, false)).collect();
        let mut later = point(2, false, false);
        later.point = "p002-later".to_owned();
        later.frozen_at = Timestamp::from_second(later.frozen_at.as_second() + 60).unwrap();
        points.push(later);
        let pruning = prune(&points, &retention(None, Some(2), 1), false).unwrap();
        assert_eq!(pruning.removed, ["p000", "p001", "p002"]);
    }

    #[test]
    fn a_longer_retention_never_removes_more_and_pruning_twice_is_pruning_once() {
        let points: Vec<Candidate> = (0..40).map(|day| point(day, day % 7 == 0, day % 11 == 0)).collect();
        let mut before = usize::MAX;
        for last in 1..40 {
            let pruning = prune(&points, &retention(Some(last), Some(last / 2), 2), true).unwrap();
            assert!(pruning.removed.len() <= before);
            before = pruning.removed.len();
            let left: Vec<Candidate> = points
                .iter()
                .filter(|point| !pruning.removed.contains(&point.point))
                .cloned()
                .collect();
            let again = prune(&left, &retention(Some(last), Some(last / 2), 2), true).unwrap();
            assert!(again.removed.is_empty());
        }
    }
}
