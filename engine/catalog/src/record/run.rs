//! Requests and runs: what was asked, and the log of what was done.
//!
//! A run has the id of its request. Its log is a series of batches of events; each event carries the key of the effect it tells
//! of, so that a writer that is resumed, or whose answer got lost, does not tell of one effect twice.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::{KindTag, LeaseName, Name};
use crate::record::declaration::Subject;
use crate::record::series::{Appended, Numbered};
use crate::record::{Placed, body_of, lease, read_body};

/// What is asked of an engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The verb, such as `protect`.
    pub verb: String,
    /// The declared objects that the run works on; they cannot be withdrawn while it does.
    pub subjects: Vec<Subject>,
    /// The lease under which the run works. While nobody holds it, the run is interrupted rather than working.
    pub lease: Option<LeaseName>,
    /// Everything else that was asked, in a shape of the engine's own.
    pub detail: Value,
}

/// A request that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The id of the request and of its run.
    pub id: Ulid,
    /// What was asked.
    pub request: Request,
    /// By whom.
    pub by: String,
    /// When, by the asker's wall clock.
    pub at: Timestamp,
}

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
struct RequestWire {
    verb: String,
    subjects: Vec<(String, String)>,
    lease: Option<String>,
    detail: Value,
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
    /// Asks for a run; its id. Nothing is begun by that.
    pub fn request(&self, request: &Request) -> Result<Ulid, CatalogError> {
        let wire = RequestWire {
            verb: request.verb.clone(),
            subjects: request
                .subjects
                .iter()
                .map(|subject| (subject.kind.to_string(), subject.name.to_string()))
                .collect(),
            lease: request.lease.as_ref().map(ToString::to_string),
            detail: request.detail.clone(),
        };
        let body = body_of(&wire);
        loop {
            let id = self.fresh_id();
            let key = Folder::requests(self.tenant()).ulid(id);
            // An id that is taken would be a coincidence of 80 random bits, or a source of chance that repeats itself.
            if let Placed::Won = self.place(&key, &self.fresh(None, body.clone()))? {
                return Ok(id);
            }
        }
    }

    /// What was asked under `id`.
    pub fn requested(&self, id: Ulid) -> Result<Requested, CatalogError> {
        let key = Folder::requests(self.tenant()).ulid(id);
        let Some(record) = self.fetch(&key)? else {
            return Err(CatalogError::NoRun {
                location: self.location(),
                run: id.to_string(),
            });
        };
        let wire: RequestWire = read_body(self.store(), &key, &record)?;
        let bad = |error: crate::BadName| self.corrupt(&key, error.to_string());
        let mut subjects = Vec::new();
        for (kind, name) in &wire.subjects {
            let (kind, name) = (KindTag::new(kind).map_err(bad)?, Name::new("name", name).map_err(bad)?);
            subjects.push(Subject { kind, name });
        }
        let lease = wire.lease.as_deref().map(LeaseName::new).transpose().map_err(bad)?;
        let request = Request {
            verb: wire.verb,
            subjects,
            lease,
            detail: wire.detail,
        };
        Ok(Requested {
            id,
            request,
            by: record.by,
            at: record.at,
        })
    }

    /// The ids of all runs and requests, newest first.
    pub fn runs(&self) -> Result<Vec<Ulid>, CatalogError> {
        let listing = self.store().list(&Folder::requests(self.tenant()))?;
        let ids: BTreeSet<Ulid> = listing
            .records
            .iter()
            .filter_map(|name| Ulid::from_string(name).ok())
            .collect();
        Ok(ids.into_iter().rev().collect())
    }

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

    /// The run that is working on `subject`, if one is: it has not ended, and whoever works on it may be alive.
    pub fn working_on(&self, subject: &Subject) -> Result<Option<Ulid>, CatalogError> {
        for id in self.runs()? {
            let request = self.requested(id)?.request;
            if !request.subjects.contains(subject) {
                continue;
            }
            let held = match &request.lease {
                Some(name) => lease::may_be_held(self, name)?,
                None => true,
            };
            if held && !self.has_ended(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn has_ended(&self, id: Ulid) -> Result<bool, CatalogError> {
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
        let seen = self.last;
        let series = self.catalog.series(Folder::run(self.catalog.tenant(), self.id));
        for number in series.numbers()?.into_iter().filter(|number| Some(*number) > seen) {
            let key = series.key(number);
            let Some(record) = series.get(number)? else { continue };
            let batch: BatchWire = read_body(self.catalog.store(), &key, &record)?;
            for event in batch.events {
                let at = event
                    .at
                    .parse()
                    .map_err(|_| self.catalog.corrupt(&key, "an event's `at` is no time"))?;
                if self.keys.insert(event.key.clone()) {
                    self.events.push(Event {
                        key: event.key,
                        at,
                        body: event.body,
                    });
                }
            }
            self.ended |= batch.ended;
            self.last = Some(number);
        }
        Ok(self.events.get(known..).unwrap_or_default())
    }

    /// Appends a batch of events, without those whose key stands already; `ended` closes the log.
    ///
    /// [`Appended::Superseded`] means that another writer has appended, so that this one is no longer the run's: it must
    /// stop. Nothing of the batch stands then.
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
        let series = self.catalog.series(Folder::run(self.catalog.tenant(), self.id));
        let appended = series.append(self.last, body_of(&wire))?;
        if let Appended::Won { number } = &appended {
            self.last = Some(*number);
            self.keys.extend(keys);
            self.events.extend(new);
            self.ended = ended;
        }
        Ok(appended)
    }
}

#[cfg(test)]
mod tests;
