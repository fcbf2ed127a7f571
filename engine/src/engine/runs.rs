//! Runs: what was asked and how it ended.

use super::ask::is_asked;
use super::closure::Closure;
use super::history::left_seconds;
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::run::{CatalogLog, Event, Log};
use crate::runbook::{Refusal, Runbook, Step, Verb};
use crate::state::{RunResult, RunState, Work, run_state};
use dram_catalog::record::declaration::Subject;
use dram_catalog::record::lease::may_be_held;
use dram_catalog::record::run::{Request, Requested, Wish};
use dram_catalog::{CatalogError, Name};
use dram_compiler::model::KindName;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use ulid::Ulid;

/// A run for people and programs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// What it was for.
    pub verb: String,
    /// The application.
    pub application: String,
    /// When it was asked for, RFC 3339.
    pub at: String,
    /// By whom.
    pub by: String,
    /// How it stands.
    pub state: RunState,
    /// The error of a failed run.
    pub error: String,
    /// The firing of the schedule that asked for it, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firing: Option<String>,
    /// How long one at work will take from now on, in seconds, by what its steps took before, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_seconds: Option<u64>,
}

/// How many of an application's newest runs are looked at before all are: the last few nearly always decide.
const RECENT: usize = 16;

impl Engine {
    /// The newest runs, newest first.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn runs(&self, most: usize) -> Result<Vec<RunRow>, Error> {
        let mut rows = Vec::new();
        for requested in self.catalog.requested_many(&self.catalog.newest_runs(most)?)? {
            let id = requested.id;
            let log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
            let ended = log.get("ended");
            let text = |key: &str| {
                ended
                    .as_ref()
                    .and_then(|body| body.get(key))
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            let state = self.state_of(&requested, &log)?;
            let left = left_seconds(&log, self.clock().now());
            rows.push(RunRow {
                run: id.to_string(),
                verb: requested.request.verb.clone(),
                application: application_of(&requested),
                at: requested.at.to_string(),
                by: requested.by.clone(),
                state,
                left_seconds: left.filter(|_| state == RunState::Running),
                error: text("error").unwrap_or_default(),
                firing: requested
                    .request
                    .detail
                    .get("firing")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            });
        }
        Ok(rows)
    }

    /// How a run stands, by its log.
    pub(super) fn state_of(&self, requested: &Requested, log: &CatalogLog) -> Result<RunState, Error> {
        if let Some(ended) = log.get("ended") {
            let result = ended.get("result").cloned().unwrap_or_default();
            // A word that this program does not know yet is no success.
            let result = serde_json::from_value(result).unwrap_or(RunResult::Failed);
            return Ok(run_state(Some(result), None, Work::Left));
        }
        let held = || match &requested.request.lease {
            Some(lease) => may_be_held(&self.catalog, lease),
            None => Ok(true),
        };
        let work = if is_awaited(requested, log) {
            // Whoever holds the lease is at work at another run.
            Work::Awaited
        } else if held()? {
            Work::Held
        } else {
            Work::Left
        };
        let wished = self.catalog.wished(requested.id)?.map(|wished| wished.wish);
        Ok(run_state(None, wished, work))
    }

    /// How a run stands.
    ///
    /// # Errors
    /// There is no such run.
    pub fn run_state(&self, run: &str) -> Result<RunState, Error> {
        let id = run_id(run)?;
        let requested = self.catalog.requested(id)?;
        let log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        self.state_of(&requested, &log)
    }

    /// The log of a run: one JSON object a line.
    ///
    /// # Errors
    /// There is no such run.
    pub fn run_log(&self, run: &str) -> Result<Vec<u8>, Error> {
        Ok(CatalogLog::new(self.catalog.run_log(run_id(run)?)?, self.clock()).lines())
    }

    /// Writes down a run that ended before its steps were decided, and hands its error on. What is not declared has no
    /// runs.
    pub(super) fn refused(&self, verb: Verb, application: &str, error: Error, watch: &Watch<'_>) -> Error {
        self.refused_firing(verb, application, None, error, watch)
    }

    /// The same of a run that a schedule asked for: its firing is served with that.
    pub(super) fn refused_firing(
        &self,
        verb: Verb,
        application: &str,
        firing: Option<Timestamp>,
        error: Error,
        watch: &Watch<'_>,
    ) -> Error {
        if matches!(
            error,
            Error::NotDeclared { .. } | Error::Usage { .. } | Error::Catalog(_)
        ) {
            return error;
        }
        let written = || -> Result<(), Error> {
            let name = application_name(application)?;
            let subject = Subject::new(KindName::Application.as_str(), application).map_err(CatalogError::from)?;
            let id = self.catalog.request(&Request {
                verb: verb.to_string(),
                subjects: vec![subject],
                lease: Some(self.lease_name(&name)),
                detail: firing.map_or_else(|| json!({}), |firing| json!({"firing": firing.to_string()})),
            })?;
            let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
            let body = json!({
                "result": RunResult::Failed, "error": error.to_string(), "help": error.help(), "exit": error.exit() as u8,
            });
            log.append("ended", body, true)
        };
        // The first failure is what the caller must hear of; that the log could not take it is said beside it.
        if let Err(second) = written() {
            let text = format!("the failure could not be written to the log: {second}");
            watch.observer.event(&Event::Note { text });
        }
        error
    }

    /// Closes runs of an application that were interrupted, because another one begins now. Those that wait for an engine go on
    /// waiting. Called under its lease.
    ///
    /// # Errors
    /// One is paused: it waits to be resumed, and nothing else is begun meanwhile.
    pub(super) fn close_interrupted(&self, application: &Name) -> Result<(), Error> {
        let open = self.open_runs(application)?;
        for (requested, _) in &open {
            let id = requested.id;
            if self.is_paused(id)? {
                return Err(Refusal::Paused {
                    application: application.to_string(),
                    run: id.to_string(),
                }
                .into());
            }
        }
        let interrupted = open.into_iter().filter(|(requested, log)| !is_awaited(requested, log));
        for (requested, mut log) in interrupted {
            let id = requested.id;
            let body = json!({"result": RunResult::Abandoned, "error": "another run of the application was started"});
            log.append("ended", body, true)?;
            tracing::info!(run = %id, "closed a run that had been interrupted");
        }
        Ok(())
    }

    /// Whether a run that has not ended is to wait.
    pub(super) fn is_paused(&self, run: Ulid) -> Result<bool, Error> {
        Ok(self
            .catalog
            .wished(run)?
            .is_some_and(|wished| wished.wish == Wish::Pause))
    }

    /// The points that runs which have not ended work with.
    pub(super) fn live_points(&self, application: &Name) -> Result<Vec<String>, Error> {
        let runs = self.open_runs(application)?;
        Ok(runs
            .iter()
            .filter_map(|(_, log)| runbook(log))
            .map(|runbook| runbook.point)
            .collect())
    }

    /// Whether the newest restore at a site, under the epoch that holds, did not come to its end: what lies there is its
    /// half-done work, not live data.
    pub(super) fn unfinished_restore(&self, closure: &Closure, site: &str) -> Result<bool, Error> {
        let application = application_name(&closure.name)?;
        let mut passed = 0;
        for most in [RECENT, usize::MAX] {
            let ids = self.catalog.newest_runs_of(&application, most)?;
            for requested in self.catalog.requested_many(ids.get(passed..).unwrap_or_default())? {
                let log = CatalogLog::new(self.catalog.run_log(requested.id)?, self.clock());
                if let Some(unfinished) = tells_of_restore(&log, closure, site) {
                    return Ok(unfinished);
                }
            }
            if ids.len() < most {
                break;
            }
            passed = ids.len();
        }
        Ok(false)
    }

    /// The runs of an application that have not ended, newest first.
    pub(super) fn open_runs(&self, application: &Name) -> Result<Vec<(Requested, CatalogLog)>, Error> {
        let mut open = Vec::new();
        for requested in self.catalog.open_runs()? {
            if application_of(&requested) == application.as_str() {
                let log = CatalogLog::new(self.catalog.run_log(requested.id)?, self.clock());
                open.push((requested, log));
            }
        }
        Ok(open)
    }
}

/// Whether a run tells that a restore at `site` under the epoch that holds is unfinished; `None` when it tells nothing of that.
fn tells_of_restore(log: &CatalogLog, closure: &Closure, site: &str) -> Option<bool> {
    let ended = log.get("ended").and_then(|body| body.get("result").cloned());
    let succeeded = ended == Some(json!(RunResult::Success));
    // Only copies are missing then: the point is sealed.
    let sealed = succeeded || ended == Some(json!(RunResult::Partial));
    let runbook = runbook(log)?;
    let here = runbook.site.name == site && runbook.epoch == closure.epoch_number();
    match runbook.verb {
        Verb::Restore if here && starts(&runbook) && succeeded => Some(false),
        // With its first step, which only looks, behind it, it may have begun to change things.
        Verb::Restore if here && starts(&runbook) && log.get("step-1").is_some() => Some(true),
        // A point was made since: it runs.
        Verb::Protect if here && sealed => Some(false),
        _ => None,
    }
}

/// Whether a runbook brings an application to life: one that only writes files fences nothing.
fn starts(runbook: &Runbook) -> bool {
    runbook.steps.iter().any(|step| matches!(step, Step::Fence { .. }))
}

/// Whether a run waits for an engine: it was asked for, and its steps are not decided.
pub(super) fn is_awaited(requested: &Requested, log: &CatalogLog) -> bool {
    is_asked(requested) && !log.ended() && runbook(log).is_none()
}

/// The application that a run works on.
pub(super) fn application_of(requested: &Requested) -> String {
    let application = KindName::Application.as_str();
    let subjects = &requested.request.subjects;
    let subject = subjects.iter().find(|subject| subject.kind.as_str() == application);
    subject.map(|subject| subject.name.to_string()).unwrap_or_default()
}

/// The runbook of a run, when it was decided before the interruption.
pub(super) fn runbook(log: &CatalogLog) -> Option<Runbook> {
    log.get("runbook").and_then(|body| serde_json::from_value(body).ok())
}

pub(super) fn run_id(run: &str) -> Result<Ulid, Error> {
    run.parse().map_err(|_| Error::Usage {
        why: format!("`{run}` is not the id of a run"),
        help: "`dram runs` lists them".to_owned(),
    })
}
