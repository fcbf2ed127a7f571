//! A numbered series: records that follow one another, each naming the one before it that its writer had seen.

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key, number_of};
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
}

impl<'c> Series<'c> {
    pub(crate) fn new(catalog: &'c Catalog, folder: Folder) -> Self {
        Series { catalog, folder }
    }

    /// The numbers that stand, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>, CatalogError> {
        let listing = self.catalog.store().list(&self.folder)?;
        Ok(listing.records.iter().filter_map(|name| number_of(name)).collect())
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
        let mut all = Vec::new();
        for number in self.numbers()? {
            if let Some(record) = self.get(number)? {
                all.push(Numbered { number, record });
            }
        }
        Ok(all)
    }

    /// Appends a record whose writer had seen `base` last (`None`: an empty series).
    pub fn append(&self, base: Option<u64>, body: Value) -> Result<Appended, CatalogError> {
        self.append_at(base, next_after(base), body)
    }

    /// Appends a record under `number`, which must be above every number that stands. Numbers may be left out.
    pub(crate) fn append_at(&self, base: Option<u64>, number: u64, body: Value) -> Result<Appended, CatalogError> {
        // A base long past may lie below compacted numbers, whose place would be free again: look before creating.
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

    fn superseded(&self, at_least: u64) -> Result<Appended, CatalogError> {
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
}

/// The number after `base`.
pub(crate) fn next_after(base: Option<u64>) -> u64 {
    base.unwrap_or_default().saturating_add(1)
}
