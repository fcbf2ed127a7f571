//! Asking for a run without carrying it out, and carrying out what was asked for.
//!
//! Flow: somebody asks → an engine that serves finds the request in the feed, takes the application's lease, writes down that it
//! claims the run, decides its steps, and goes on as for any other run. Guarantees: nothing is decided by whoever asks, nothing
//! is done twice, because only the holder of the lease claims; a claim whose engine was killed is taken up by the next one.

mod wire;

use super::closure::Closure;
use super::runs::{application_of, run_id, runbook};
use super::{Engine, ProtectRequest, RestoreRequest, Watch, application_name};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::{CatalogLog, Log};
use crate::runbook::{Runbook, Verb};
use crate::state::RunResult;
use dram_catalog::record::declaration::Subject;
use dram_catalog::record::engine::Alive;
use dram_catalog::record::lease::{Lease, may_be_held};
use dram_catalog::record::run::{Once, Request, Requested, Wish};
use dram_catalog::{CatalogError, LeaseName, Name};
use dram_compiler::model::KindName;
use dram_storage::crash;
use jiff::SignedDuration;
use serde_json::json;
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// The word in a request under which it says what was asked of whichever engine serves.
const ASKED: &str = "asked";
/// An engine whose last heartbeat is older than so many of its intervals does not show one.
const SILENT: i32 = 3;

/// What is asked of whichever engine serves.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A point.
    Protect(ProtectRequest),
    /// Data back.
    Restore(Box<RestoreRequest>),
    /// The points that are due, in the further vaults of the policy.
    Copy {
        /// The application.
        application: String,
    },
}

/// What became of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRun {
    /// The run.
    pub run: String,
    /// Why nobody may carry it out for now.
    pub note: Option<String>,
}

/// On whose word a run is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A person's: it goes on although it was paused.
    Person,
    /// That of an engine that found it.
    Engine,
}

impl Ask {
    fn application(&self) -> &str {
        match self {
            Self::Protect(request) => &request.application,
            Self::Restore(request) => &request.application,
            Self::Copy { application } => application,
        }
    }

    fn verb(&self) -> Verb {
        match self {
            Self::Protect(_) => Verb::Protect,
            Self::Restore(_) => Verb::Restore,
            Self::Copy { .. } => Verb::Copy,
        }
    }

    /// The vault that is read, where one is named.
    fn from(&self) -> Option<&str> {
        match self {
            Self::Restore(request) => request.from.as_deref(),
            Self::Protect(_) | Self::Copy { .. } => None,
        }
    }
}

/// Whether a run was asked of whichever engine serves.
pub(super) fn is_asked(requested: &Requested) -> bool {
    requested.request.detail.get(ASKED).is_some()
}

/// What was asked; nothing where whoever asked carries it out.
fn asked(requested: &Requested) -> Result<Option<Ask>, Error> {
    let Some(asked) = requested.request.detail.get(ASKED) else {
        return Ok(None);
    };
    wire::read(asked).map(Some).ok_or_else(|| Error::NotResumable {
        run: requested.id.to_string(),
        why: "it asks for something that this release does not know".to_owned(),
    })
}

impl Engine {
    /// Asks for a run, to be carried out by an engine that serves. With a key a call that is repeated asks for nothing more.
    ///
    /// # Errors
    /// The application is not declared, or the catalog cannot be written. What a rule refuses is found by the engine that
    /// claims the run, and stands in its log.
    pub fn ask(&self, ask: &Ask, key: Option<&str>) -> Result<AskedRun, Error> {
        let closure = self.closure(ask.application())?.reading_from(ask.from())?;
        let subjects = [
            (KindName::Application, closure.name.to_string()),
            (KindName::Vault, closure.vault().name),
        ];
        let subjects = subjects.iter().map(|(kind, name)| Subject::new(kind.as_str(), name));
        let request = Request {
            verb: ask.verb().to_string(),
            subjects: subjects.collect::<Result<_, _>>().map_err(CatalogError::from)?,
            lease: Some(self.lease_name(&application_name(&closure.name)?)),
            detail: json!({ASKED: wire::write(ask)?}),
        };
        let run = match key {
            None => self.catalog.request(&request)?,
            Some(key) => match self.catalog.request_once(&hashed(key)?, &request)? {
                Once::Stands(run) => run,
                Once::Differs(run) => {
                    return Err(Error::Usage {
                        why: format!("with this key something else was asked for, run {run}"),
                        help: "take another key, or repeat exactly what was asked".to_owned(),
                    });
                }
            },
        };
        let note = match self.is_decided(run)? {
            true => None,
            false => self.nobody_serves()?,
        };
        Ok(AskedRun {
            run: run.to_string(),
            note,
        })
    }

    fn is_decided(&self, run: Ulid) -> Result<bool, Error> {
        let log = CatalogLog::new(self.catalog.run_log(run)?, self.clock());
        Ok(log.ended() || runbook(&log).is_some())
    }

    /// That no engine shows a heartbeat, where that is so. It is told to a person, who may know better; nothing is decided by it.
    fn nobody_serves(&self) -> Result<Option<String>, Error> {
        let engines = self.catalog.watch_engines().look()?;
        let now = self.clock().now();
        let fresh = engines
            .iter()
            .filter(|engine| engine.alive != Alive::Stopped)
            .any(|engine| {
                let interval = engine.state.as_ref().map(|state| state.interval);
                let interval = interval.and_then(|interval| SignedDuration::try_from(interval).ok());
                match (engine.at, interval) {
                    (Some(at), Some(interval)) => now.duration_since(at) <= interval * SILENT,
                    // What a newer release says cannot be read; it is there.
                    _ => true,
                }
            });
        // The lease of one that was killed on this machine is known to be free.
        if fresh && may_be_held(&self.catalog, &LeaseName::scheduler(self.catalog.tenant()))? {
            return Ok(None);
        }
        let last = engines
            .iter()
            .filter_map(|engine| Some((engine.at?, &engine.name)))
            .max();
        let last = last.map(|(at, name)| format!("; the last was that of `{name}` at {at:.0}"));
        Ok(Some(format!(
            "no engine shows a heartbeat{}: the run waits until one serves (`dram serve`)",
            last.unwrap_or_default()
        )))
    }

    /// Carries a run on that has not ended: from the first step whose result does not stand in its log, or from deciding on.
    ///
    /// # Errors
    /// It has ended, is paused, was never decided and not asked of an engine either, or fails again.
    pub(super) fn take_up(&self, run: &str, by: By, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let id = run_id(run)?;
        self.catalog.may_change()?;
        let requested = self.catalog.requested(id)?;
        let application = application_name(&application_of(&requested))?;
        let refused = |why: &str| Error::NotResumable {
            run: run.to_owned(),
            why: why.to_owned(),
        };
        let lease = self.lease_telling(&application, watch.observer)?;
        let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        if log.ended() {
            return Err(refused("it has ended"));
        }
        let decided = runbook(&log);
        let asked = asked(&requested)?;
        if decided.is_none() && asked.is_none() {
            return Err(refused("it was interrupted before its steps were decided"));
        }
        let stands = match by {
            By::Person => Some(self.catalog.wish(id, Wish::Go)?),
            By::Engine => self.catalog.wished(id)?,
        };
        match stands {
            Some(stands) if stands.wish == Wish::Cancel => {
                self.end_as_canceled(&lease, &mut log, &stands.by)?;
                return Err(refused(&format!("{} has canceled it", stands.by)));
            }
            Some(stands) if stands.wish == Wish::Pause => {
                let (run, by) = (run.to_owned(), stands.by);
                return Err(Error::Paused { run, by });
            }
            Some(_) | None => {}
        }
        let runbook = match (decided, asked) {
            (None, Some(ask)) => self.claim(&ask, &application, &mut log)?,
            (Some(runbook), _) => runbook,
            (None, None) => return Err(refused("it was interrupted before its steps were decided")),
        };
        self.drive(&runbook, &lease, &mut log, watch)?;
        lease.release()?;
        Ok(runbook)
    }

    /// Claims a run and decides its steps. What a rule refuses ends it, and its log says why. Called under the lease.
    fn claim(&self, ask: &Ask, application: &Name, log: &mut CatalogLog) -> Result<Runbook, Error> {
        crash::point(crash::Kind::Step);
        let claimed = format!("claimed {}", self.clock().now());
        log.append(&claimed, json!({"by": self.who}), false)?;
        crash::point(crash::Kind::Step);
        let decided = self.decide(ask).and_then(|(_, runbook)| {
            self.close_interrupted(application)?;
            Ok(runbook)
        });
        let runbook = match decided {
            Ok(runbook) => runbook,
            // Nothing was found out about what was asked.
            Err(error @ Error::Catalog(_)) if error.exit() == Exit::Unreachable => return Err(error),
            Err(error) => {
                let body = json!({
                    "result": RunResult::Failed, "error": error.to_string(), "help": error.help(), "exit": error.exit() as u8,
                });
                log.append("ended", body, true)?;
                return Err(error);
            }
        };
        log.append("runbook", serde_json::to_value(&runbook).unwrap_or_default(), false)?;
        crash::point(crash::Kind::Step);
        Ok(runbook)
    }

    fn decide(&self, ask: &Ask) -> Result<(Closure, Runbook), Error> {
        match ask {
            Ask::Protect(request) => self.decide_protect(request),
            Ask::Restore(request) => self.decided_restore(request),
            Ask::Copy { application } => self.decide_copy(application),
        }
    }

    /// Ends a run that is to end, under the lease of its application.
    pub(super) fn end_as_canceled(&self, lease: &Lease, log: &mut CatalogLog, by: &str) -> Result<(), Error> {
        match runbook(log) {
            Some(runbook) => self.end_canceled(&runbook, lease, log, by),
            None => log.append("ended", canceled(by), true),
        }
    }
}

/// The last entry of a run that was canceled before anything was done.
pub(super) fn canceled(by: &str) -> serde_json::Value {
    json!({"result": RunResult::Canceled, "by": by})
}

/// The name of a key in the catalog: keys are anybody's words.
fn hashed(key: &str) -> Result<Name, Error> {
    let digest = Sha256::digest(key.as_bytes());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Name::new("key", &name).map_err(|why| Error::Catalog(why.into()))
}
