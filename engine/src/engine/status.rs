//! How well each application is protected now, from the catalog, and whether its site says that it was left frozen.

use super::closure::Closure;
use super::{Engine, WorkRow, application_name};
use crate::error::Error;
use crate::state::{RunState, protection};
use dram_catalog::record::point::IndexedPoint;
use dram_compiler::model::KindName;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// An application for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusRow {
    /// Its name.
    pub application: String,
    /// The site where it runs now.
    pub site: String,
    /// The epoch.
    pub epoch: u64,
    /// How well it is protected.
    pub protection: String,
    /// When its newest point was frozen, RFC 3339; empty without one.
    pub newest: String,
    /// Age of the newest point in seconds.
    pub age_seconds: Option<u64>,
    /// The RPO in seconds.
    pub rpo_seconds: u64,
    /// When the schedule fires next, RFC 3339; empty where no interval meets the objective and none is stated.
    pub next: String,
    /// Indexed points.
    pub points: usize,
    /// Whether an engine found it ready.
    pub ready: Option<bool>,
    /// Why not.
    pub reason: String,
    /// Its runs that do not go on by themselves: paused, interrupted, or asked for and not begun; newest first.
    pub waits: Vec<WaitingRun>,
}

/// A run that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingRun {
    /// Its id.
    pub run: String,
    /// What it is for.
    pub verb: String,
    /// How it stands.
    pub state: RunState,
}

impl Engine {
    /// The status of one application, or of all.
    ///
    /// # Errors
    /// The catalog cannot be read, or the application is not declared.
    pub fn status(&self, only: Option<&str>) -> Result<Vec<StatusRow>, Error> {
        self.status_beside(only, &self.at_work(only)?)
    }

    /// The same for whoever knows the runs that have not ended.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn status_beside(&self, only: Option<&str>, work: &[WorkRow]) -> Result<Vec<StatusRow>, Error> {
        let (names, known) = match only {
            Some(name) => (vec![self.closure(name)?.name], None),
            None => {
                let known = self.known()?.whole()?;
                (known.applications(), Some(known))
            }
        };
        let now = self.clock().now();
        let closures = names.iter().map(|name| self.closure_among(name, known.as_ref()));
        let closures: Vec<Closure> = closures.collect::<Result<_, _>>()?;
        let mut calendars = self.calendars(&closures, known.as_ref())?;
        let mut rows = Vec::new();
        for closure in closures {
            let name = closure.name.clone();
            let application = application_name(&name)?;
            let points = self.catalog.point_ids(&application)?;
            let frozen = |point: &IndexedPoint| -> Option<Timestamp> {
                let is_whole = point.body.get("partial") != Some(&true.into());
                point.body.get("frozenAt").filter(|_| is_whole)?.as_str()?.parse().ok()
            };
            let newest = self
                .catalog
                .newest_point(&application, &points, |point| frozen(point).is_some())?
                .and_then(|point| frozen(&point));
            let age = newest.map(|newest| u64::try_from(now.duration_since(newest).as_secs()).unwrap_or(0));
            let observed = self
                .catalog
                .observed(KindName::Application, &name)?
                .map(|observed| observed.observation);
            let frozen = self.left_frozen(&closure);
            let calendar = calendars.remove(&name).flatten();
            let next = calendar.and_then(|calendar| calendar.next(now));
            rows.push(StatusRow {
                next: next.map(|next| next.at.to_string()).unwrap_or_default(),
                site: closure.active(),
                epoch: closure.epoch_number(),
                protection: protection(age, closure.policy.objectives.rpo).to_string(),
                newest: newest.map(|newest| newest.to_string()).unwrap_or_default(),
                age_seconds: age,
                rpo_seconds: closure.policy.objectives.rpo.seconds,
                points: points.len(),
                ready: match &frozen {
                    Some(_) => Some(false),
                    None => observed.as_ref().map(|observed| observed.ready),
                },
                reason: frozen.or(observed.map(|observed| observed.reason)).unwrap_or_default(),
                waits: work
                    .iter()
                    .filter(|run| run.application == *name)
                    .filter_map(waits)
                    .collect(),
                application: name.to_string(),
            });
        }
        Ok(rows)
    }
}

/// A run that does not go on by itself.
fn waits(run: &WorkRow) -> Option<WaitingRun> {
    match run.state {
        RunState::Requested | RunState::Paused | RunState::Interrupted => Some(WaitingRun {
            run: run.run.clone(),
            verb: run.verb.clone(),
            state: run.state,
        }),
        RunState::Running | RunState::Pausing | RunState::Canceling | RunState::Ended(_) => None,
    }
}
