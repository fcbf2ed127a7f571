//! Heartbeats of engines: who is there, in which release, and what it can reach.
//!
//! An engine appends to a series of its own, under its name. Whoever wants to know whether it is alive compares no clocks: he
//! waits, on his own monotonic clock, 1.5 times the interval that the heartbeat promises after the last change that he saw
//! himself. So nobody can call an engine silent at first sight, however old its last heartbeat looks.
//!
//! These records belong to the catalog and to no tenant: what an engine says here must name nothing of a tenant's.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::Name;
use crate::record::series::{Appended, Numbered, Series};
use crate::record::{body_of, read_body};

/// Heartbeats below the newest that stay, for people.
const KEPT: u64 = 4;

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineState {
    /// Its release.
    pub version: String,
    /// The longest time between two of its heartbeats.
    pub interval: Duration,
    /// What it can reach, in a shape of the engine's own. Nothing of a tenant's.
    pub reach: Value,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    /// Tells two processes of one name apart.
    process: String,
    version: String,
    interval_ms: u64,
    reach: Value,
    stopped: bool,
}

/// An engine's own side: it writes the heartbeats.
#[derive(Debug)]
pub struct Heart {
    catalog: Catalog,
    name: Name,
    process: String,
    last: Option<u64>,
}

/// How a heartbeat ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    /// It stands.
    Beaten,
    /// Another process writes under this name. One of the two must stop, or be given another name.
    Twin {
        /// Who wrote it.
        by: String,
    },
}

impl Catalog {
    /// The heartbeats of the engine `name`, to be written by this process. Goes on from what stands: an engine that starts
    /// anew takes its name over, and its former process, if it lives, is told that it has a twin.
    ///
    /// # Errors
    /// The store's.
    pub fn heart(&self, name: &Name) -> Result<Heart, CatalogError> {
        self.may_change()?;
        let last = self.series(Folder::engine(name)).numbers()?.pop();
        Ok(Heart {
            catalog: self.clone(),
            name: name.clone(),
            process: format!("{:032x}", self.chance().bits()),
            last,
        })
    }
}

impl Heart {
    /// One heartbeat. Costs a create, a listing and a removal.
    ///
    /// # Errors
    /// The store's: beat again. Others go on waiting for as long as the last heartbeat that stands promised.
    pub fn beat(&mut self, state: &EngineState) -> Result<Beat, CatalogError> {
        self.write(state, false)
    }

    /// Says that this engine stops, so that nobody waits for it.
    ///
    /// # Errors
    /// The store's. Then others find out by waiting.
    pub fn stop(mut self, state: &EngineState) -> Result<Beat, CatalogError> {
        self.write(state, true)
    }

    fn write(&mut self, state: &EngineState, stopped: bool) -> Result<Beat, CatalogError> {
        let series = self.catalog.series(Folder::engine(&self.name));
        let wire = Wire {
            process: self.process.clone(),
            version: state.version.clone(),
            interval_ms: u64::try_from(state.interval.as_millis()).unwrap_or(u64::MAX),
            reach: state.reach.clone(),
            stopped,
        };
        // A heartbeat that was given up may have come to stand: then the one that follows it is ours as well.
        for _ in 0..2 {
            match series.beat(self.last, KEPT, body_of(&wire))? {
                Appended::Won { number } => {
                    self.last = Some(number);
                    return Ok(Beat::Beaten);
                }
                Appended::Superseded { number, by, .. } => {
                    let ours = match series.get(number)? {
                        Some(record) => record.body.get("process") == Some(&Value::from(self.process.as_str())),
                        None => false,
                    };
                    if !ours {
                        return Ok(Beat::Twin { by });
                    }
                    self.last = Some(number);
                }
            }
        }
        Ok(Beat::Beaten)
    }
}

/// Whether an engine is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// Its heartbeat has changed while this watched, and not too long ago.
    Yes,
    /// Not known yet: this has not watched for long enough.
    Watching,
    /// It has been silent for 1.5 times its interval.
    Silent,
    /// It said that it stops.
    Stopped,
}

/// An engine as a watcher sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSeen {
    /// Its name.
    pub name: Name,
    /// Whether it is there.
    pub alive: Alive,
    /// What it said last; `None` when that cannot be read by this release.
    pub state: Option<EngineState>,
    /// When it said that, by its own wall clock: for people.
    pub at: Option<Timestamp>,
}

/// Somebody who watches engines.
#[derive(Debug)]
pub struct EngineWatch {
    catalog: Catalog,
    seen: BTreeMap<Name, Sight>,
}

#[derive(Debug)]
struct Sight {
    number: u64,
    /// When this number was first seen, on the watcher's own clock.
    since: Duration,
    /// Whether it was seen to follow another.
    changed: bool,
    stopped: bool,
    state: Option<EngineState>,
    at: Option<Timestamp>,
}

impl Catalog {
    /// Begins to watch the engines. Nothing is asked of the store.
    pub fn watch_engines(&self) -> EngineWatch {
        EngineWatch {
            catalog: self.clone(),
            seen: BTreeMap::new(),
        }
    }
}

impl EngineWatch {
    /// Looks at all engines, by name. Costs a listing, one more for each engine, and a read for each that has changed.
    ///
    /// # Errors
    /// The store's. What could not be asked counts for nothing: an engine is called silent only after a look that found its
    /// heartbeat unchanged.
    pub fn look(&mut self) -> Result<Vec<EngineSeen>, CatalogError> {
        let mut engines = Vec::new();
        for name in self.catalog.list(&Folder::engines())?.folders {
            let Ok(name) = Name::new("engine name", &name) else {
                continue;
            };
            let catalog = self.catalog.clone();
            let series = catalog.series(Folder::engine(&name));
            // Whether it is silent is judged as of the beginning of the look, and the wait for a heartbeat that is new begins
            // at the end: the time that a look takes must not shorten it.
            let now = catalog.clock().monotonic();
            let known = self.seen.get(&name).map(|sight| sight.number);
            let Some(number) = series.numbers()?.pop() else {
                continue;
            };
            if known != Some(number) {
                let Some(sight) = read(&series, known.is_some())? else {
                    continue;
                };
                self.seen.insert(name.clone(), sight);
            }
            if let Some(sight) = self.seen.get(&name) {
                engines.push(EngineSeen {
                    alive: sight.alive(now),
                    state: sight.state.clone(),
                    at: sight.at,
                    name,
                });
            }
        }
        Ok(engines)
    }
}

impl Sight {
    fn alive(&self, now: Duration) -> Alive {
        let interval = self.state.as_ref().map(|state| state.interval).unwrap_or_default();
        let silent = now.saturating_sub(self.since) >= interval.saturating_mul(3) / 2;
        match self {
            Sight { stopped: true, .. } => Alive::Stopped,
            // What cannot be read promises nothing that could be broken.
            Sight { state: None, .. } => Alive::Watching,
            _ if silent => Alive::Silent,
            Sight { changed: true, .. } => Alive::Yes,
            Sight { changed: false, .. } => Alive::Watching,
        }
    }
}

fn read(series: &Series<'_>, changed: bool) -> Result<Option<Sight>, CatalogError> {
    let blind = |number| Sight {
        number,
        since: series.catalog().clock().monotonic(),
        changed,
        stopped: false,
        state: None,
        at: None,
    };
    match series.latest() {
        Ok(None) => Ok(None),
        Ok(Some(Numbered { number, record })) => {
            let Ok(wire) = read_body::<Wire>(series.catalog().store(), &series.key(number), &record) else {
                return Ok(Some(blind(number)));
            };
            Ok(Some(Sight {
                stopped: wire.stopped,
                state: Some(EngineState {
                    version: wire.version,
                    interval: Duration::from_millis(wire.interval_ms),
                    reach: wire.reach,
                }),
                at: Some(record.at),
                ..blind(number)
            }))
        }
        // A newer release beats here: it is there, and all else of it is unknown.
        Err(CatalogError::TooNew { .. }) => Ok(series.numbers()?.pop().map(blind)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
