//! The log of a run: batches of events in a series that is never compacted, only forgotten whole.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key, name_of, number_of};
use crate::record::series::{Appended, Numbered, next_after};
use crate::record::{Placed, body_of, read_body};

/// Names that are listed at once.
const PAGE: usize = 1000;

/// One event of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The idempotency key: of several events with one key in a run, the first stands and the others are dropped.
    pub key: String,
    /// When, by the engine's wall clock.
    pub at: Timestamp,
    /// What happened, in a shape of the engine's own.
    pub body: Value,
}

#[derive(Serialize, Deserialize)]
struct BatchWire {
    events: Vec<EventWire>,
    ended: bool,
}

#[derive(Serialize, Deserialize)]
struct EventWire {
    key: String,
    at: String,
    body: Value,
}

/// The log of one run, read whole and ready to be continued.
#[derive(Debug)]
pub struct RunLog {
    catalog: Catalog,
    id: Ulid,
    last: Option<u64>,
    keys: HashSet<String>,
    events: Vec<Event>,
    ended: bool,
}

impl Catalog {
    /// Reads the log of a run, to look at it or to continue it.
    pub fn run_log(&self, id: Ulid) -> Result<RunLog, CatalogError> {
        let mut log = RunLog {
            catalog: self.clone(),
            id,
            last: None,
            keys: HashSet::new(),
            events: Vec::new(),
            ended: false,
        };
        log.catch_up()?;
        if log.last.is_none() {
            // A log without batches is a run that was not begun, but only if it was asked for.
            self.requested(id)?;
        }
        Ok(log)
    }

    /// Whether a run has ended. Reads the end of its log only.
    pub fn has_ended(&self, id: Ulid) -> Result<bool, CatalogError> {
        let series = self.series(Folder::run(self.tenant(), id));
        let Some(Numbered { number, record }) = series.latest()? else {
            return Ok(false);
        };
        let batch: BatchWire = read_body(self.store(), &series.key(number), &record)?;
        Ok(batch.ended)
    }
}

impl RunLog {
    /// The run.
    pub fn id(&self) -> Ulid {
        self.id
    }

    /// All events so far, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether the run has ended; nothing is appended after that.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether an event with this key stands.
    pub fn holds(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Reads what others have appended since. The events that are new.
    pub fn catch_up(&mut self) -> Result<&[Event], CatalogError> {
        let known = self.events.len();
        let folder = Folder::run(self.catalog.tenant(), self.id);
        loop {
            let after = self.last.map(name_of).unwrap_or_default();
            let names = self.catalog.list_after(&folder, &after, PAGE)?;
            let numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
            let keys: Vec<Key> = numbers.iter().map(|number| folder.number(*number)).collect();
            for ((number, key), record) in numbers.iter().zip(&keys).zip(self.catalog.fetch_many(&keys)?) {
                // A log that is being forgotten ends where it is read.
                let Some(record) = record? else { continue };
                let batch: BatchWire = read_body(self.catalog.store(), key, &record)?;
                self.take(key, batch)?;
                self.last = Some(*number);
            }
            if names.len() < PAGE {
                return Ok(self.events.get(known..).unwrap_or_default());
            }
        }
    }

    fn take(&mut self, key: &Key, batch: BatchWire) -> Result<(), CatalogError> {
        for event in batch.events {
            let at = event
                .at
                .parse()
                .map_err(|_| self.catalog.corrupt(key, "an event's `at` is no time"))?;
            if self.keys.insert(event.key.clone()) {
                self.events.push(Event {
                    key: event.key,
                    at,
                    body: event.body,
                });
            }
        }
        self.ended |= batch.ended;
        Ok(())
    }

    /// Appends a batch of events, without those whose key stands already; `ended` closes the log.
    ///
    /// [`Appended::Superseded`] means that another writer has appended, so that this one is no longer the run's: it must
    /// stop. Nothing of the batch stands then.
    ///
    /// # Errors
    /// After an error the batch may stand or come to stand. [`CatalogError::Slept`]: the run had ended and was forgotten.
    pub fn append(&mut self, events: Vec<Event>, ended: bool) -> Result<Appended, CatalogError> {
        let mut keys = HashSet::new();
        let new: Vec<Event> = events
            .into_iter()
            .filter(|event| !self.keys.contains(&event.key) && keys.insert(event.key.clone()))
            .collect();
        if (new.is_empty() && !ended) || self.ended {
            return Ok(Appended::Won {
                number: self.last.unwrap_or_default(),
            });
        }
        let wire = BatchWire {
            events: new
                .iter()
                .map(|event| EventWire {
                    key: event.key.clone(),
                    at: event.at.to_string(),
                    body: event.body.clone(),
                })
                .collect(),
            ended,
        };
        let appended = self.place(body_of(&wire))?;
        if let Appended::Won { number } = &appended {
            self.last = Some(*number);
            self.keys.extend(keys);
            self.events.extend(new);
            self.ended = ended;
            if ended {
                self.catalog.unmark_open(self.id);
            }
        }
        Ok(appended)
    }

    /// Creates the next batch, and looks whether the run was there to be continued: a log that was forgotten lets its numbers
    /// be created again, but its request is gone before they are.
    fn place(&self, body: Value) -> Result<Appended, CatalogError> {
        let series = self.catalog.series(Folder::run(self.catalog.tenant(), self.id));
        let number = next_after(self.last);
        let key = series.key(number);
        let mine = self.catalog.fresh(self.last, body);
        match self.catalog.place(&key, &mine)? {
            Placed::Won => {
                let request = Folder::requests(self.catalog.tenant()).ulid(self.id);
                if self.catalog.fetch(&request)?.is_some() {
                    return Ok(Appended::Won { number });
                }
                let _ = self.catalog.remove(&key);
                Err(series.slept(number))
            }
            Placed::Lost(Some(_)) => series.superseded(number),
            Placed::Lost(None) => Err(series.slept(number)),
        }
    }
}
