//! The feed: what changed, for engines that would otherwise look through everything every few seconds.
//!
//! Each tenant has a feed of its own, so that nothing of one shows in another's, not even how busy he is. Every declaration,
//! withdrawal, takeover and request appends what changed *after* its own record stands: who reads of a change finds it.
//!
//! **The feed is a hint, the records are the truth.** A writer that is killed between its record and the feed leaves a change
//! that the feed never tells of, and an append that fails is not tried for long. So whoever follows also surveys the records
//! from time to time; a [`Follower`] says when: at its start, when it has fallen behind what the feed still holds, when it
//! meets a change that it does not understand, and whenever [`RESURVEY`] has passed on its own clock. A change is thus seen at
//! once in the ordinary case and within [`RESURVEY`] in every case.
//!
//! Appending costs one create when this process has appended before, and a listing of at most twice as many names as the feed keeps when not.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use super::series::{Keep, Series, next_after};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, name_of, number_of};
use crate::name::Name;
use crate::record::declaration::Subject;
use crate::record::{Placed, body_of};

/// The longest time for which a follower goes without a survey.
pub const RESURVEY: Duration = Duration::from_secs(300);
/// Changes that stay in the feed at least. Twice as many fit into one page of an object store's listing.
const KEPT: u64 = 400;
/// How often an appender tries while others are faster. After that the change is left to the surveys.
const TRIES: u32 = 32;
/// For how long an appender takes what it has seen for the end of the feed.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Changes that are read at once.
const PAGE: usize = 500;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An object was declared, or declared anew.
    Declared {
        /// The object.
        subject: Subject,
        /// The number of its declaration.
        number: u64,
    },
    /// An object was withdrawn.
    Withdrawn {
        /// The object.
        subject: Subject,
        /// The number of its tombstone.
        number: u64,
    },
    /// An application has a new epoch.
    TakenOver {
        /// The application.
        application: Name,
        /// The epoch.
        epoch: u64,
    },
    /// A run was asked for.
    Requested {
        /// The run.
        run: Ulid,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum Wire {
    Declared { kind: String, name: String, number: u64 },
    Withdrawn { kind: String, name: String, number: u64 },
    TakenOver { application: String, epoch: u64 },
    Requested { run: String },
}

impl Change {
    fn wire(&self) -> Wire {
        match self {
            Change::Declared { subject, number } => Wire::Declared {
                kind: subject.kind.to_string(),
                name: subject.name.to_string(),
                number: *number,
            },
            Change::Withdrawn { subject, number } => Wire::Withdrawn {
                kind: subject.kind.to_string(),
                name: subject.name.to_string(),
                number: *number,
            },
            Change::TakenOver { application, epoch } => Wire::TakenOver {
                application: application.to_string(),
                epoch: *epoch,
            },
            Change::Requested { run } => Wire::Requested { run: run.to_string() },
        }
    }

    /// `None` for what a newer release tells, or what nobody of us wrote.
    fn read(body: &Value) -> Option<Self> {
        Some(match Wire::deserialize(body).ok()? {
            Wire::Declared { kind, name, number } => Change::Declared {
                subject: Subject::new(&kind, &name).ok()?,
                number,
            },
            Wire::Withdrawn { kind, name, number } => Change::Withdrawn {
                subject: Subject::new(&kind, &name).ok()?,
                number,
            },
            Wire::TakenOver { application, epoch } => Change::TakenOver {
                application: Name::application(&application).ok()?,
                epoch,
            },
            Wire::Requested { run } => Change::Requested { run: run.parse().ok()? },
        })
    }
}

/// What a look at the feed came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// These changed since the last look, oldest first; an empty list says that nothing is known to have changed.
    Changes(Vec<Change>),
    /// Survey the records: the feed alone does not tell what changed. What changes while the survey runs is told afterwards.
    Survey(Why),
}

/// Why a survey is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is the first look.
    Start,
    /// The last survey was [`RESURVEY`] ago: a hint may have been lost.
    Due,
    /// The feed was compacted beyond what was seen last, or the catalog has been made anew.
    Behind,
    /// The feed tells of something that this release does not know.
    Unknown,
}

/// Somebody who follows a tenant's feed.
#[derive(Debug)]
pub struct Follower {
    catalog: Catalog,
    seen: Option<u64>,
    /// When the last survey was asked for, on this process's own clock.
    surveyed: Duration,
}

impl Catalog {
    /// Begins to follow the feed. Nothing is asked of the store.
    pub fn follow(&self) -> Follower {
        Follower {
            catalog: self.clone(),
            seen: None,
            surveyed: Duration::ZERO,
        }
    }

    pub(crate) fn feed(&self) -> Series<'_> {
        self.series(Folder::changes(self.tenant())).keeping(Keep::Last(KEPT))
    }

    /// Tells of a change whose record stands. What cannot be told is found by the next survey, so nothing of this fails.
    pub(crate) fn announce(&self, change: &Change) {
        let _ = self.try_announce(change);
    }

    fn try_announce(&self, change: &Change) -> Result<(), CatalogError> {
        let mut seen = self.feed_seen();
        let feed = self.feed();
        let body = body_of(&change.wire());
        let now = self.clock().monotonic();
        let mut last = match *seen {
            Some((last, at)) if now.saturating_sub(at) < REMEMBERED => Some(last),
            // What was the end long ago may lie below the floor, where nobody reads.
            _ => feed.shown()?.last(),
        };
        for _ in 0..TRIES {
            let number = next_after(last);
            let placed = self.place(&feed.key(number), &self.fresh(last, body.clone()))?;
            last = Some(number);
            if let Placed::Won = placed {
                *seen = Some((number, now));
                if number.is_multiple_of(KEPT) {
                    feed.compact(&feed.shown()?)?;
                }
                return Ok(());
            }
            // Others were faster; what they have appended meanwhile is passed over at once.
            let names = self.list_after(&Folder::changes(self.tenant()), &name_of(number), PAGE)?;
            last = names.iter().filter_map(|name| number_of(name)).next_back().or(last);
        }
        // Others are far ahead of what this process has seen: next time it looks where the end is.
        *seen = None;
        Ok(())
    }
}

impl Follower {
    /// Looks what changed since the last look. After a [`Followed::Survey`] that could not be made, ask for it again with
    /// [`again`](Follower::again).
    ///
    /// Costs one listing when nothing changed.
    ///
    /// # Errors
    /// The store's; the next look goes on from where the last one that succeeded ended.
    pub fn look(&mut self) -> Result<Followed, CatalogError> {
        let now = self.catalog.clock().monotonic();
        let Some(seen) = self.seen else {
            return self.survey(now, Why::Start);
        };
        if now.saturating_sub(self.surveyed) >= RESURVEY {
            return self.survey(now, Why::Due);
        }
        let feed = self.catalog.feed();
        let folder = Folder::changes(self.catalog.tenant());
        let names = self.catalog.list_after(&folder, &name_of(seen), PAGE)?;
        let numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        let Some(last) = numbers.last().copied() else {
            return Ok(Followed::Changes(Vec::new()));
        };
        // Appenders leave no number out, so a gap is what was compacted.
        let whole = (seen.saturating_add(1)..)
            .zip(&numbers)
            .all(|(due, number)| due == *number);
        if !whole {
            return self.survey(now, Why::Behind);
        }
        let keys: Vec<_> = numbers.iter().map(|number| feed.key(*number)).collect();
        let mut changes = Vec::with_capacity(numbers.len());
        for record in self.catalog.fetch_many(&keys)? {
            match record {
                Ok(Some(record)) => match Change::read(&record.body) {
                    Some(change) => changes.push(change),
                    None => return self.survey(now, Why::Unknown),
                },
                Ok(None) => return self.survey(now, Why::Behind),
                Err(CatalogError::TooNew { .. } | CatalogError::Corrupt { .. }) => {
                    return self.survey(now, Why::Unknown);
                }
                Err(error) => return Err(error),
            }
        }
        self.seen = Some(last);
        Ok(Followed::Changes(changes))
    }

    /// Says that the survey was not made: the next look asks for it once more.
    pub fn again(&mut self) {
        self.seen = None;
    }

    /// Goes on from the end of the feed as it is before the survey begins.
    fn survey(&mut self, now: Duration, why: Why) -> Result<Followed, CatalogError> {
        let shown = self.catalog.feed().shown()?;
        self.seen = Some(shown.last().unwrap_or_default());
        self.surveyed = now;
        Ok(Followed::Survey(why))
    }
}

#[cfg(test)]
mod tests;
