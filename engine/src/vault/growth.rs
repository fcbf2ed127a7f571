//! How fast a vault grows, told by when what lies in it was written.
//!
//! The files themselves are asked, not the records of runs: they hold the data of every tenant, and what a prune has removed is
//! not among them. On its first day a repository is filled with all that there is; that says nothing about the days to come.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::diagnose::Used;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What came earlier says little about tomorrow. Most of what a prune removes is younger when it goes, so that its coming and
/// going is seen together.
const WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What came to a vault, of what is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Bytes a day.
    pub bytes_per_day: u64,
    /// In how many days that was seen, rounded down; at least 1.
    pub days: u64,
}

/// Adds up what a listing of a vault shows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) used: Used,
    /// When how many bytes were written, for each repository.
    written: HashMap<String, Vec<(Timestamp, u64)>>,
}

impl Tally {
    /// Adds a file by its name below the vault.
    pub(super) fn add(&mut self, name: &str, bytes: u64, written: Option<Timestamp>) {
        self.used.files += 1;
        self.used.bytes = self.used.bytes.saturating_add(bytes);
        let Some(written) = written else { return };
        let repository = repository(name);
        match self.written.get_mut(repository) {
            Some(files) => files.push((written, bytes)),
            None => {
                self.written.insert(repository.to_owned(), vec![(written, bytes)]);
            }
        }
    }

    /// How fast the vault grew until `now`; nothing while no repository has a whole day behind its first one.
    pub(super) fn growth(&self, now: Timestamp) -> Option<Growth> {
        if self.written.contains_key("config") {
            // A repository that others made: it is the vault itself.
            let files: Vec<(Timestamp, u64)> = self.written.values().flatten().copied().collect();
            return grown(&files, now);
        }
        let grown = self.written.values().filter_map(|files| grown(files, now));
        grown.reduce(|one, other| Growth {
            bytes_per_day: one.bytes_per_day.saturating_add(other.bytes_per_day),
            days: one.days.max(other.days),
        })
    }
}

/// The folder of a file's repository: `<tenant>/<application>`.
fn repository(name: &str) -> &str {
    let end = name.match_indices('/').nth(1).map(|(at, _)| at);
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

fn grown(files: &[(Timestamp, u64)], now: Timestamp) -> Option<Growth> {
    let first = files.iter().map(|(written, _)| *written).min()?;
    let filled = first.checked_add(DAY).ok()?;
    let since = filled.max(now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN));
    let seconds = u128::try_from(now.duration_since(since).as_secs()).ok()?;
    let day = u128::try_from(DAY.as_secs()).unwrap_or(1);
    if seconds < day {
        return None;
    }
    let later = files.iter().filter(|(written, _)| *written > since);
    let bytes: u128 = later.map(|(_, bytes)| u128::from(*bytes)).sum();
    Some(Growth {
        bytes_per_day: u64::try_from(bytes * day / seconds).unwrap_or(u64::MAX),
        days: u64::try_from(seconds / day).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tally of files: name, bytes, and the hour of their writing.
    fn tally(files: &[(&str, u64, i64)]) -> Tally {
        let mut tally = Tally::default();
        for (name, bytes, hour) in files {
            tally.add(name, *bytes, Some(at(*hour)));
        }
        tally
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap()
    }

    fn growth(files: &[(&str, u64, i64)], hour: i64) -> Option<(u64, u64)> {
        let found = tally(files).growth(at(hour));
        found.map(|growth| (growth.bytes_per_day, growth.days))
    }

    #[test]
    fn what_came_after_the_first_day_counts_by_the_day() {
        let files = [
            ("default/shop/config", 1, 0),
            ("default/shop/data/aa/first", 1_000_000, 1),
            ("default/shop/data/aa/second", 50, 30),
            ("default/shop/data/aa/third", 50, 60),
        ];
        assert_eq!(growth(&files, 24 + 48), Some((50, 2)));
        assert_eq!(growth(&files, 24 + 24 * 10), Some((10, 10)));
        assert_eq!(
            tally(&files).used,
            Used {
                files: 4,
                bytes: 1_000_101
            }
        );
    }

    #[test]
    fn a_vault_that_is_a_repository_itself_has_one_first_day() {
        let files = [
            ("config", 1, 0),
            ("data/aa/first", 1_000_000, 1),
            ("data/bb/second", 100, 40),
            ("index/x", 20, 40),
        ];
        assert_eq!(growth(&files, 24 + 48), Some((60, 2)));
    }

    #[test]
    fn a_young_vault_tells_nothing() {
        let files = [
            ("default/shop/config", 1, 0),
            ("default/shop/data/aa/first", 1_000_000, 1),
        ];
        assert_eq!(growth(&files, 47), None);
        assert_eq!(growth(&files, 48), Some((0, 1)));
        assert_eq!(growth(&[], 48), None);
        let mut unknown = Tally::default();
        unknown.add("default/shop/config", 1, None);
        assert_eq!(unknown.growth(at(100)), None);
    }

    #[test]
    fn each_repository_has_a_first_day_and_what_is_long_past_counts_no_more() {
        let joined = [
            ("default/old/config", 1, 0),
            ("default/old/data/aa/x", 300, 24 * 195),
            ("default/old/data/aa/forgotten", 900_000, 24 * 50),
            ("default/new/config", 1, 24 * 189),
            ("default/new/data/aa/all", 5_000_000, 24 * 189 + 2),
            ("default/new/data/aa/y", 700, 24 * 191),
        ];
        // 300 in 90 days, and 700 in 10.
        assert_eq!(growth(&joined, 24 * 200), Some((3 + 70, 90)));
    }
}
