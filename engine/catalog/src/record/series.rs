//! A numbered series: records that follow one another, each naming the one before it that its writer had seen.
//!
//! **Compaction frees numbers, and no freed number is ever given a meaning again.** Old numbers are removed from below, never
//! the last one. Before they are, a *floor* is created beside them that says up to where they are gone for good. A store lets a
//! removed key be created again, so a writer that slept between looking and creating, or a create that a store carries out long
//! after its client gave it up, may make a record there. Readers never see it, as they read the last number. And its writer is
//! never told that it won: whoever has created a number looks again, and knows by the floor if he came too late. This rests on
//! the store's order of calls alone: not on an age, and not on a clock.

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key, floor_of, number_of};
use crate::record::{Placed, Record};

/// How often a reader looks again when what it was shown was compacted before it could read it.
const LOOKS: u32 = 8;

/// A record and its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Its number, from 1.
    pub number: u64,
    /// The record.
    pub record: Record,
}

/// How appending ended. Losing is an ordinary answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Appended {
    /// The record stands under this number.
    Won {
        /// The number.
        number: u64,
    },
    /// The series had gone on since the writer's base.
    Superseded {
        /// The number that stands last now.
        number: u64,
        /// Who wrote it.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// The records of one folder.
#[derive(Debug)]
pub struct Series<'c> {
    catalog: &'c Catalog,
    folder: Folder,
    keep: Keep,
}

/// What stays of a series when it is appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// What was superseded within [`HISTORY`](crate::record::compaction::HISTORY).
    History,
    /// So many of the last numbers, at least.
    Last(u64),
}

/// What a listing of a series shows.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The numbers that stand above the floor, ascending.
    pub(crate) numbers: Vec<u64>,
    /// Records at or below the floor: left by a compaction that was interrupted, or created where nothing may be any more.
    pub(crate) below: Vec<u64>,
    /// The floors, ascending; the last one counts.
    pub(crate) floors: Vec<u64>,
}

impl Shown {
    /// The number up to which all are gone; 0 for none.
    pub(crate) fn floor(&self) -> u64 {
        self.floors.last().copied().unwrap_or_default()
    }

    /// The last number; `None` for an empty series.
    pub(crate) fn last(&self) -> Option<u64> {
        self.numbers.last().copied()
    }
}

impl<'c> Series<'c> {
    pub(crate) fn new(catalog: &'c Catalog, folder: Folder) -> Self {
        Series {
            catalog,
            folder,
            keep: Keep::History,
        }
    }

    /// The same series, of which appending keeps less than its history.
    pub(crate) fn keeping(self, keep: Keep) -> Self {
        Series { keep, ..self }
    }

    pub(crate) fn keep(&self) -> Keep {
        self.keep
    }

    pub(crate) fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// The numbers that stand, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>, CatalogError> {
        Ok(self.shown()?.numbers)
    }

    /// What stands, and what is left of what stood.
    pub(crate) fn shown(&self) -> Result<Shown, CatalogError> {
        let listing = self.catalog.list(&self.folder)?;
        let floors: Vec<u64> = listing.records.iter().filter_map(|name| floor_of(name)).collect();
        let mut shown = Shown {
            floors,
            ..Shown::default()
        };
        let floor = shown.floor();
        for number in listing.records.iter().filter_map(|name| number_of(name)) {
            if number > floor {
                shown.numbers.push(number);
            } else {
                shown.below.push(number);
            }
        }
        Ok(shown)
    }

    /// The key of a floor.
    pub(crate) fn floor_key(&self, number: u64) -> Key {
        self.folder.floor(number)
    }

    /// The key of a number.
    pub fn key(&self, number: u64) -> Key {
        self.folder.number(number)
    }

    /// The record of one number; `None` when there is none.
    pub fn get(&self, number: u64) -> Result<Option<Record>, CatalogError> {
        self.catalog.fetch(&self.key(number))
    }

    /// The last record; `None` when there is none.
    pub fn latest(&self) -> Result<Option<Numbered>, CatalogError> {
        for _ in 0..LOOKS {
            let Some(number) = self.numbers()?.pop() else {
                return Ok(None);
            };
            // A listed number may be compacted before it is read; then a later one stands.
            if let Some(record) = self.get(number)? {
                return Ok(Some(Numbered { number, record }));
            }
        }
        Err(CatalogError::Unsteady {
            location: self.catalog.location(),
            folder: self.folder.to_string(),
        })
    }

    /// All records that stand, ascending.
    pub fn all(&self) -> Result<Vec<Numbered>, CatalogError> {
        let numbers = self.numbers()?;
        let keys: Vec<Key> = numbers.iter().map(|number| self.key(*number)).collect();
        let mut all = Vec::with_capacity(numbers.len());
        for (number, record) in numbers.into_iter().zip(self.catalog.fetch_many(&keys)?) {
            if let Some(record) = record? {
                all.push(Numbered { number, record });
            }
        }
        Ok(all)
    }

    /// Appends a record whose writer had seen `base` last (`None`: an empty series).
    ///
    /// # Errors
    /// After an error the record may stand, may never stand, or may come to stand later; repeating the call settles that, as
    /// the place is taken then. [`CatalogError::Slept`] is such an error: the number was compacted meanwhile.
    pub fn append(&self, base: Option<u64>, body: Value) -> Result<Appended, CatalogError> {
        let number = next_after(base);
        let mine = self.catalog.fresh(base, body);
        match self.catalog.place(&self.key(number), &mine)? {
            Placed::Won => self.look_again(number),
            Placed::Lost(Some(_)) => self.superseded(number),
            // It lost against a record that is gone since, which may have been its own from before a lost answer.
            Placed::Lost(None) => Err(self.slept(number)),
        }
    }

    /// Appends a record under `number`, which must be above every number that stands. Numbers may be left out. For series that
    /// are never compacted.
    pub(crate) fn append_at(&self, base: Option<u64>, number: u64, body: Value) -> Result<Appended, CatalogError> {
        if let Some(last) = self.numbers()?.pop()
            && last >= number
        {
            return self.superseded(last);
        }
        let mine = self.catalog.fresh(base, body);
        match self.catalog.place(&self.key(number), &mine)? {
            Placed::Won => Ok(Appended::Won { number }),
            Placed::Lost(_) => self.superseded(number),
        }
    }

    /// Whether `number`, which we created, was there to be created.
    pub(crate) fn look_again(&self, number: u64) -> Result<Appended, CatalogError> {
        let shown = self.shown()?;
        if number > shown.floor() {
            // Whatever follows it was built upon it.
            self.tidy(&shown);
            return Ok(Appended::Won { number });
        }
        // Whoever stood there before is gone, so this is nobody's record, and whether it ever was one cannot be told.
        let _ = self.catalog.remove(&self.key(number));
        Err(self.slept(number))
    }

    pub(crate) fn slept(&self, number: u64) -> CatalogError {
        CatalogError::Slept {
            location: self.catalog.location(),
            key: self.key(number),
        }
    }

    pub(crate) fn superseded(&self, at_least: u64) -> Result<Appended, CatalogError> {
        match self.latest()? {
            Some(Numbered { number, record }) => Ok(Appended::Superseded {
                number,
                by: record.by,
                at: record.at,
            }),
            // It lost against a record that is gone: somebody cleared the folder meanwhile.
            None => Err(self
                .catalog
                .corrupt(&self.key(at_least), "it stood there and has vanished")),
        }
    }

    /// A heartbeat: appends after `last`, and is the last one when it answers [`Appended::Won`]. Of what was superseded, `kept`
    /// numbers stay.
    ///
    /// Heartbeats need no floor: whoever does not find his own number to be the last has lost, whether he came too late or
    /// was followed.
    pub(crate) fn beat(&self, last: Option<u64>, kept: u64, body: Value) -> Result<Appended, CatalogError> {
        let number = next_after(last);
        let mine = self.catalog.fresh(last, body);
        if let Placed::Lost(_) = self.catalog.place(&self.key(number), &mine)? {
            return self.superseded(number);
        }
        let numbers = self.numbers()?;
        if numbers.last() != Some(&number) {
            // Ours is nobody's record; if it cannot be removed it stands below the last one, where nobody looks.
            let _ = self.catalog.remove(&self.key(number));
            return self.superseded(number);
        }
        for old in numbers.into_iter().filter(|old| old.saturating_add(kept) < number) {
            // What cannot be removed now is removed with a later heartbeat.
            let _ = self.catalog.remove(&self.key(old));
        }
        Ok(Appended::Won { number })
    }
}

/// The number after `base`.
pub(crate) fn next_after(base: Option<u64>) -> u64 {
    base.unwrap_or_default().saturating_add(1)
}
