//! Which points go and which stay, and why.

use super::Refusal;
use dram_compiler::model::Retention;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// The rules of a retention, as runbooks hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRef {
    /// The newest points, this many.
    pub last: Option<u32>,
    /// The newest point of each hour that has one, for this many hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly: Option<u32>,
    /// The newest point of each day that has one, for this many days.
    pub daily: Option<u32>,
    /// The newest point of each week that has one, for this many weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<u32>,
    /// The newest point of each month that has one, for this many months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<u32>,
    /// The newest point of each year that has one, for this many years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<u32>,
    /// Every point that is at most so many seconds older than the newest of its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<u64>,
    /// The newest verified points, this many, whatever the other rules say.
    pub keep_verified: u32,
}

impl From<&Retention> for RetentionRef {
    fn from(retention: &Retention) -> Self {
        Self {
            last: retention.last,
            hourly: retention.hourly,
            daily: retention.daily,
            weekly: retention.weekly,
            monthly: retention.monthly,
            yearly: retention.yearly,
            within: retention.within.map(|within| within.seconds),
            keep_verified: retention.keep_verified,
        }
    }
}

impl RetentionRef {
    /// The rules that keep one point of each stretch of the calendar: their names, their numbers, and what tells stretches
    /// apart.
    fn calendar(&self) -> [(&'static str, Option<u32>, Tell); 5] {
        [
            ("hourly", self.hourly, |date, hour| {
                (date.year(), date.day_of_year(), hour)
            }),
            ("daily", self.daily, |date, _| (date.year(), date.day_of_year(), 0)),
            ("weekly", self.weekly, |date, _| {
                let week = date.iso_week_date();
                (week.year(), week.week().into(), 0)
            }),
            ("monthly", self.monthly, |date, _| (date.year(), date.month().into(), 0)),
            ("yearly", self.yearly, |date, _| (date.year(), 0, 0)),
        ]
    }

    /// Whether no rule says that anything goes.
    fn is_empty(&self) -> bool {
        self.last.is_none() && self.within.is_none() && self.calendar().iter().all(|(_, count, _)| count.is_none())
    }
}

/// A stretch of the calendar: two moments are in the same one when these are equal.
type Stretch = (i16, i16, i8);
/// Tells in which stretch a date and an hour lie.
type Tell = fn(Date, i8) -> Stretch;
/// Whether a point has a property.
type Has = fn(&Candidate) -> bool;

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

/// A point that stays, and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The point.
    pub point: String,
    /// All that keeps it, the strongest first.
    pub because: Vec<&'static str>,
}

/// What pruning does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruning {
    /// Points that stay, oldest first.
    pub kept: Vec<Kept>,
    /// Points that go, oldest first.
    pub removed: Vec<String>,
}

/// Decides; the rules count for each class of points by itself. The newest restorable point, the last `keepVerified` verified
/// ones, what is held, what its vault has locked, what a further vault waits for and what a run works with stay whatever the
/// rules say. Points that are not restorable are left alone: nobody knows what they are worth.
///
/// # Errors
/// More than ten points and more than a fifth of all would go, and nobody has acknowledged that.
pub fn prune(points: &[Candidate], retention: &RetentionRef, acknowledged: bool) -> Result<Pruning, Refusal> {
    let mut newest_first: Vec<&Candidate> = points.iter().collect();
    newest_first.sort_by(|a, b| (b.frozen_at, &b.point).cmp(&(a.frozen_at, &a.point)));
    let restorable: Vec<&Candidate> = newest_first.iter().copied().filter(|point| point.restorable).collect();

    let mut reasons: Vec<(&Candidate, &'static str)> = Vec::new();
    let always: [(&'static str, Has); 5] = [
        ("not restorable", |point| !point.restorable),
        ("held", |point| point.held),
        ("locked", |point| point.locked),
        ("not copied yet", |point| point.awaited),
        ("a run works with it", |point| point.used),
    ];
    for (because, is_so) in always {
        reasons.extend(
            newest_first
                .iter()
                .filter(|point| is_so(point))
                .map(|point| (*point, because)),
        );
    }
    let newest = restorable.iter().find(|point| point.whole);
    reasons.extend(newest.map(|point| (*point, "newest")));
    let verified = restorable.iter().filter(|point| point.verified);
    let last_verified = verified.take(retention.keep_verified as usize);
    reasons.extend(last_verified.map(|point| (*point, "last verified")));
    let classes: BTreeSet<&str> = restorable.iter().map(|point| point.class.as_str()).collect();
    for class in classes {
        let of_class: Vec<&Candidate> = restorable
            .iter()
            .copied()
            .filter(|point| point.class == class)
            .collect();
        by_rules(&of_class, retention, &mut reasons);
    }

    let mut of_point: HashMap<&str, Vec<&'static str>> = HashMap::new();
    for (point, because) in reasons {
        of_point.entry(&point.point).or_default().push(because);
    }
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for point in newest_first.into_iter().rev() {
        let because = of_point.remove(point.point.as_str());
        match because.or_else(|| retention.is_empty().then(|| vec!["no rule removes it"])) {
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

/// What the rules keep of one class, its newest point first.
fn by_rules<'p>(points: &[&'p Candidate], retention: &RetentionRef, reasons: &mut Vec<(&'p Candidate, &'static str)>) {
    let last = retention.last.unwrap_or(0) as usize;
    reasons.extend(points.iter().take(last).map(|point| (*point, "last")));
    for (rule, count, stretch) in retention.calendar() {
        let mut stretches = BTreeSet::new();
        for point in points {
            let moment = point.frozen_at.to_zoned(TimeZone::UTC);
            let is_new = stretches.insert(stretch(moment.date(), moment.hour()));
            if stretches.len() > count.unwrap_or(0) as usize {
                break;
            }
            if is_new {
                reasons.push((point, rule));
            }
        }
    }
    if let (Some(within), Some(newest)) = (retention.within, points.first()) {
        let within = SignedDuration::from_secs(i64::try_from(within).unwrap_or(i64::MAX));
        let young = |point: &&&Candidate| newest.frozen_at.duration_since(point.frozen_at) <= within;
        reasons.extend(points.iter().take_while(young).map(|point| (*point, "within")));
    }
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
            ..RetentionRef::default()
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

    /// The moments of a year and a half of points, every so many minutes, newest last.
    fn series(from: &str, minutes: i64, count: i64) -> Vec<Candidate> {
        let from: Timestamp = from.parse().unwrap();
        let at = |number: i64| from + SignedDuration::from_mins(minutes * number);
        let one = |number| Candidate {
            point: at(number).to_string(),
            frozen_at: at(number),
            ..point(0, false, false)
        };
        (0..count).map(one).collect()
    }

    fn kept(points: &[Candidate], retention: RetentionRef) -> Vec<(String, String)> {
        let keep_verified = 1;
        let pruning = prune(
            points,
            &RetentionRef {
                keep_verified,
                ..retention
            },
            true,
        )
        .unwrap();
        let told = |kept: Kept| (kept.point, kept.because.join(", "));
        pruning.kept.into_iter().map(told).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(point, because)| ((*point).into(), (*because).into()))
            .collect()
    }

    #[test]
    fn each_rule_of_the_calendar_keeps_the_newest_of_its_stretches() {
        // Every 90 minutes from the 28th of December, a Thursday, to the 7th of January, a Sunday, at 22:30.
        let points = series("2023-12-28T00:00:00Z", 90, 11 * 16);
        let empty = RetentionRef::default();
        let hourly = RetentionRef {
            hourly: Some(3),
            ..empty
        };
        assert_eq!(
            kept(&points, hourly),
            pairs(&[
                ("2024-01-07T19:30:00Z", "hourly"),
                ("2024-01-07T21:00:00Z", "hourly"),
                ("2024-01-07T22:30:00Z", "newest, hourly"),
            ])
        );
        let weekly = RetentionRef {
            weekly: Some(5),
            ..empty
        };
        // The first week of 2024 began on a Monday; the last of 2023 ended the day before, across no year's end.
        assert_eq!(
            kept(&points, weekly),
            pairs(&[
                ("2023-12-31T22:30:00Z", "weekly"),
                ("2024-01-07T22:30:00Z", "newest, weekly")
            ])
        );
        for rule in [
            RetentionRef {
                monthly: Some(2),
                ..empty
            },
            RetentionRef {
                yearly: Some(9),
                ..empty
            },
        ] {
            let points: Vec<String> = kept(&points, rule).into_iter().map(|(point, _)| point).collect();
            assert_eq!(points, ["2023-12-31T22:30:00Z", "2024-01-07T22:30:00Z"]);
        }
        // A week may lie in two years: the 29th of December 2025 begins the first week of 2026.
        let turn = series("2025-12-27T12:00:00Z", 24 * 60, 10);
        let weekly = RetentionRef {
            weekly: Some(2),
            ..empty
        };
        assert_eq!(
            kept(&turn, weekly),
            pairs(&[
                ("2026-01-04T12:00:00Z", "weekly"),
                ("2026-01-05T12:00:00Z", "newest, weekly")
            ])
        );
    }

    #[test]
    fn nothing_ages_where_nothing_new_is_made() {
        let mut points = series("2024-01-01T00:00:00Z", 60, 30);
        let within = RetentionRef {
            within: Some(2 * 3600),
            ..RetentionRef::default()
        };
        assert_eq!(
            kept(&points, within),
            pairs(&[
                ("2024-01-02T03:00:00Z", "within"),
                ("2024-01-02T04:00:00Z", "within"),
                ("2024-01-02T05:00:00Z", "newest, within"),
            ])
        );
        // A point of a person, a year later, makes no scheduled one older.
        points.push(Candidate {
            class: "manual".to_owned(),
            ..series("2025-01-01T00:00:00Z", 1, 1).remove(0)
        });
        assert_eq!(kept(&points, within).len(), 4);
    }

    #[test]
    fn all_that_keeps_a_point_is_said() {
        let mut points: Vec<Candidate> = (0..3).map(|day| point(day, day == 2, day == 0)).collect();
        points[0].locked = true;
        let pruning = prune(&points, &retention(Some(1), Some(2), 1), true).unwrap();
        let because: Vec<String> = pruning.kept.iter().map(|kept| kept.because.join(", ")).collect();
        assert_eq!(because, ["held, locked", "daily", "newest, last verified, last, daily"]);
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
