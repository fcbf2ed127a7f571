//! What an application's last runs took, and what the next one is expected to take.

use super::Engine;
use super::runs::runbook;
use crate::error::Error;
use crate::run::{CatalogLog, Expected, Log, Outcome, Took, expected, expected_by, left, seconds};
use crate::runbook::Runbook;
use jiff::Timestamp;
use std::collections::HashMap;
use ulid::Ulid;

/// So many of the application's newest runs are looked through for the last ones of the same kind.
const RECENT: usize = 16;
/// So many logs are read.
const LOGS: usize = 5;

impl Engine {
    /// What each step of a run that has not begun is expected to take. Costs a listing, and two reads for each of the last runs:
    /// before anything is frozen. A catalog that does not answer foretells nothing.
    pub(super) fn foretell(&self, runbook: &Runbook, own: Option<Ulid>) -> Vec<Option<Expected>> {
        let took = self.took(runbook, own).unwrap_or_else(|error| {
            tracing::debug!(%error, "the logs of earlier runs could not be read");
            HashMap::new()
        });
        let steps = runbook.steps.iter();
        let steps = steps.map(|step| expected(took.get(&step.text())?, step.bytes()));
        steps.collect()
    }

    /// What steps took in the last runs that have ended, by what they do.
    fn took(&self, like: &Runbook, own: Option<Ulid>) -> Result<HashMap<String, Vec<Took>>, Error> {
        let application = super::application_name(like.name())?;
        let mut ids = self.catalog.newest_runs_of(&application, RECENT)?;
        ids.retain(|id| Some(*id) != own);
        let verb = like.verb.to_string();
        let last = self.catalog.requested_many(&ids)?.into_iter();
        let mut took: HashMap<String, Vec<Took>> = HashMap::new();
        for requested in last.filter(|requested| requested.request.verb == verb).take(LOGS) {
            let log = CatalogLog::new(self.catalog.run_log(requested.id)?, self.clock());
            let Some(runbook) = runbook(&log).filter(|_| log.ended()) else {
                continue;
            };
            for (number, step) in (1..).zip(&runbook.steps) {
                if let Some((milliseconds, bytes)) = outcome(&log, number) {
                    took.entry(step.text()).or_default().push(Took { milliseconds, bytes });
                }
            }
        }
        Ok(took)
    }
}

fn outcome(log: &CatalogLog, number: usize) -> Option<(u64, u64)> {
    let outcome: Outcome = serde_json::from_value(log.get(&format!("step-{number}"))?).ok()?;
    Some((outcome.milliseconds?, outcome.bytes))
}

/// The step that a run is at, from 1; 0 before its steps are decided.
pub(super) fn step_of(log: &CatalogLog, steps: usize) -> usize {
    let is_open = |number: &usize| log.get(&format!("step-{number}")).is_none();
    (1..=steps).find(is_open).unwrap_or(steps)
}

/// The seconds that are left of a run at work. The clock of whoever works at it wrote its log: where it goes otherwise than
/// ours, this does too.
pub(super) fn left_seconds(log: &CatalogLog, now: Timestamp) -> Option<u64> {
    let step = step_of(log, runbook(log)?.steps.len()).checked_sub(1)?;
    let elapsed = now.duration_since(log.last_at()?).as_millis();
    left(&expected_by(log), step, u64::try_from(elapsed).unwrap_or(0)).map(seconds)
}
