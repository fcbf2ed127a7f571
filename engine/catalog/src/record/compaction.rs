//! Compaction: what was superseded long ago goes.
//!
//! *Safety does not rest on ages.* A number may be removed at any moment without anybody being deceived (see
//! [`series`](crate::record::series)), so the age that is judged here only decides how much history people find. It is
//! judged by the time that the *superseding* record carries, as its writer's wall clock told it, against the wall clock of
//! whoever compacts, with a day's margin for clocks that differ. A clock that is wrong by more than that shortens or lengthens
//! history; it changes nothing that stands.
//!
//! | series | what stays |
//! |---|---|
//! | declarations | the last, and what was superseded within [`HISTORY`] |
//! | observations, heartbeats, leases, the feed | the last few: they tell of now |
//! | epochs | all: they are authority |
//! | requests and run logs | all, until [`Catalog::forget_runs`] is told otherwise |
//! | the index of points | what the vault holds: prune drops entries |
//!
//! Appending compacts its own series now and then, so that none grows without bound; [`Catalog::compact`] does all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::series::{Keep, Series, Shown};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key, floor_of, number_of};
use crate::record::Placed;
use crate::record::declaration::Subject;

/// How long superseded declarations stay at least, if clocks differ by no more than a day.
pub const HISTORY: Duration = Duration::from_secs(7 * 24 * 3600);
/// By how much the clocks of two writers may differ before history gets shorter than [`HISTORY`].
const MARGIN: Duration = Duration::from_secs(24 * 3600);
/// Appending looks at the history of its series when more numbers than these stand,
const CROWDED: usize = 64;
/// and then with every so-manieth number.
const NOW_AND_THEN: u64 = 16;
/// Records that are read at once to learn their time.
const STRIDE: usize = 32;

/// What compaction removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Series that were shortened.
    pub series: u64,
    /// Numbers that were removed.
    pub numbers: u64,
}

impl Catalog {
    /// Removes what was superseded longer ago than [`HISTORY`] from the tenant's declarations and observations, and what has
    /// become long of the feed. Costs a listing for each of them, and one read for each number that goes.
    ///
    /// Can be run by several engines at once, killed at any moment and run again.
    ///
    /// # Errors
    /// The store's. What was removed until then stays removed.
    pub fn compact(&self) -> Result<Compacted, CatalogError> {
        self.may_change()?;
        let mut compacted = Compacted::default();
        for (folder, keep) in [
            (Folder::declared(self.tenant()), Keep::History),
            (Folder::all_observed(self.tenant()), Keep::Last(1)),
        ] {
            for (subject, numbers) in self.crowded(&folder)? {
                let folder = folder.child(subject.kind.as_str()).child(subject.name.as_str());
                let series = self.series(folder).keeping(keep);
                // A series of one record and nothing else is not asked about again.
                if numbers > 1 {
                    compacted.count(series.compact(&series.shown()?)?);
                }
            }
        }
        let feed = self.feed();
        compacted.count(feed.compact(&feed.shown()?)?);
        Ok(compacted)
    }

    /// How many records the series of each object below `folder` holds.
    fn crowded(&self, folder: &Folder) -> Result<BTreeMap<Subject, u64>, CatalogError> {
        let mut count = BTreeMap::new();
        for path in self.walk(folder)? {
            let mut words = path.splitn(3, '/');
            let (Some(kind), Some(name), Some(last)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let (Ok(subject), Some(_)) = (Subject::new(kind, name), number_of(last).or_else(|| floor_of(last))) else {
                continue;
            };
            *count.entry(subject).or_default() += 1;
        }
        Ok(count)
    }
}

impl Compacted {
    fn count(&mut self, numbers: u64) {
        self.numbers += numbers;
        self.series += u64::from(numbers > 0);
    }
}

impl Series<'_> {
    /// Compacts now and then, after an append. Whoever appends is not told when that fails: another will do it.
    pub(crate) fn tidy(&self, shown: &Shown) {
        let Some(last) = shown.numbers.last() else { return };
        let due = match self.keep() {
            Keep::History => shown.numbers.len() > CROWDED && last.is_multiple_of(NOW_AND_THEN),
            Keep::Last(kept) => u64::try_from(shown.numbers.len()).is_ok_and(|count| count >= kept.saturating_mul(2)),
        };
        if due {
            let _ = self.compact(shown);
        }
    }

    /// Removes what need not stay; how many numbers went.
    pub(crate) fn compact(&self, shown: &Shown) -> Result<u64, CatalogError> {
        let floor = match self.keep() {
            Keep::History => self.outlived(shown)?,
            Keep::Last(kept) => shown
                .numbers
                .last()
                .map(|last| last.saturating_sub(kept.max(1)))
                .unwrap_or_default(),
        };
        self.compact_to(shown, floor)
    }

    /// The highest number that was superseded longer ago than history reaches; 0 for none.
    fn outlived(&self, shown: &Shown) -> Result<u64, CatalogError> {
        let reach = HISTORY.saturating_add(MARGIN);
        let Ok(limit) = self.catalog().clock().now().checked_sub(reach) else {
            return Ok(0);
        };
        let mut outlived = 0;
        let superseding: Vec<u64> = shown.numbers.iter().skip(1).copied().collect();
        let mut before = shown.numbers.first().copied().unwrap_or_default();
        for numbers in superseding.chunks(STRIDE) {
            let keys: Vec<Key> = numbers.iter().map(|number| self.key(*number)).collect();
            for (number, record) in numbers.iter().zip(self.catalog().fetch_many(&keys)?) {
                // What cannot be read tells no time, and what follows it does not say when it was superseded.
                match record {
                    Ok(Some(record)) if record.at <= limit => outlived = before,
                    _ => return Ok(outlived),
                }
                before = *number;
            }
        }
        Ok(outlived)
    }

    /// Removes the numbers up to `floor`, but never the last: first the floor is made to stand, then the numbers go, then the
    /// floors before it. Whatever an interruption leaves is removed by the next one.
    pub(crate) fn compact_to(&self, shown: &Shown, floor: u64) -> Result<u64, CatalogError> {
        let last = shown.numbers.last().copied().unwrap_or_default();
        let floor = floor.min(last.saturating_sub(1)).max(shown.floor());
        let catalog = self.catalog();
        if floor > shown.floor() {
            // Whoever makes it: it stands after this, or a higher one has come since.
            let mine = catalog.fresh(Some(floor), Value::Null);
            let (Placed::Won | Placed::Lost(_)) = catalog.place(&self.floor_key(floor), &mine)?;
        }
        let mut removed = 0;
        for number in shown
            .below
            .iter()
            .chain(&shown.numbers)
            .filter(|number| **number <= floor)
        {
            catalog.remove(&self.key(*number))?;
            removed += 1;
        }
        for old in shown.floors.iter().filter(|old| **old < floor) {
            catalog.remove(&self.floor_key(*old))?;
        }
        Ok(removed)
    }
}

/// The time before which something is older than `age`, by the clock of `catalog`; `None` when there was no such time.
pub(super) fn older_than(catalog: &Catalog, age: Duration) -> Option<Timestamp> {
    catalog.clock().now().checked_sub(age).ok()
}

#[cfg(test)]
mod tests;
