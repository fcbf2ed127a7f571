//! Runs at work, as their logs tell it.

use super::Engine;
use super::history::{left_seconds, step_of};
use super::runs::{application_of, is_awaited, runbook};
use crate::error::Error;
use crate::run::CatalogLog;
use crate::state::RunState;
use schemars::JsonSchema;
use serde::Serialize;

/// A run that has not ended, for people and programs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkRow {
    /// Its id.
    pub run: String,
    /// The application.
    pub application: String,
    /// What it is for.
    pub verb: String,
    /// How it stands.
    pub state: RunState,
    /// The step that it is at, from 1; 0 before its steps are decided.
    pub step: usize,
    /// Of how many.
    pub of: usize,
    /// What the step does.
    pub text: String,
    /// When the step before was done, or the run was asked for; RFC 3339.
    pub since: String,
    /// How long it will take from now on, in seconds, by what its steps took before; nothing where one was never seen, or it is
    /// not at work.
    pub left_seconds: Option<u64>,
}

impl Engine {
    /// The runs that have not ended, of one application or of all, newest first.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn at_work(&self, only: Option<&str>) -> Result<Vec<WorkRow>, Error> {
        let mut rows = Vec::new();
        for requested in self.catalog.open_runs()? {
            let application = application_of(&requested);
            if only.is_some_and(|only| only != application) {
                continue;
            }
            let log = CatalogLog::new(self.catalog.run_log(requested.id)?, self.clock());
            let since = log.last_at().unwrap_or(requested.at);
            let runbook = runbook(&log);
            let steps = runbook
                .as_ref()
                .map(|runbook| runbook.steps.as_slice())
                .unwrap_or_default();
            let step = step_of(&log, steps.len());
            let state = self.state_of(&requested, &log)?;
            let is_running = state == RunState::Running;
            rows.push(WorkRow {
                run: requested.id.to_string(),
                application,
                verb: requested.request.verb.clone(),
                state,
                step,
                of: steps.len(),
                text: match step.checked_sub(1).and_then(|index| steps.get(index)) {
                    Some(step) => step.text(),
                    None if is_awaited(&requested, &log) => "waits for an engine that serves".to_owned(),
                    None => String::new(),
                },
                since: since.to_string(),
                left_seconds: left_seconds(&log, self.clock().now()).filter(|_| is_running),
            });
        }
        Ok(rows)
    }
}
