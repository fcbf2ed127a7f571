//! Pausing and canceling a run that another process works at, and following it.

use super::ask::canceled;
use super::runs::{application_of, run_id, runbook};
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::run::{CatalogLog, Log};
use crate::runbook::Runbook;
use crate::state::RunState;
use crate::vault::Cancel;
use dram_catalog::record::lease::{Lease, LeaseError};
use dram_catalog::record::run::Wish;
use std::time::Duration;
use ulid::Ulid;

/// How soon it is looked again whether a run did as was wished, or has gone on; and how late, where nothing happens: each look at a
/// bucket costs money.
const LOOK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

impl Engine {
    /// Has a run pause: whoever works at it stops where it can go on from, and nothing else of the application is begun until the
    /// run is resumed or canceled. Waits until it has stopped, or `cancel` is raised; how it stands then.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub fn pause(&self, run: &str, cancel: &Cancel) -> Result<RunState, Error> {
        let id = self.open_run(run)?;
        let stands = self.catalog.wish(id, Wish::Pause)?;
        if stands.wish == Wish::Cancel {
            return Err(Error::NotResumable {
                run: run.to_owned(),
                why: format!("{} has canceled it", stands.by),
            });
        }
        self.wait(run, RunState::Pausing, cancel)
    }

    /// Ends a run. Whoever works at it stops and says so; nobody else's is ended here. What it stored is not offered and goes
    /// with the next prune; what a restore wrote stays as it is. Waits as [`Self::pause`] does.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub fn cancel(&self, run: &str, watch: &Watch<'_>) -> Result<RunState, Error> {
        let id = self.open_run(run)?;
        self.catalog.wish(id, Wish::Cancel)?;
        loop {
            match self.wait(run, RunState::Canceling, &watch.cancel)? {
                RunState::Requested if !watch.cancel.is_canceled() => self.end_requested(id)?,
                RunState::Interrupted => return self.end_interrupted(run, id),
                state => return Ok(state),
            }
        }
    }

    /// Ends a run that waits for an engine. One that is claimed at this moment is not ended by that: how it stands is looked at
    /// again.
    fn end_requested(&self, id: Ulid) -> Result<(), Error> {
        let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        if runbook(&log).is_some() {
            return Ok(());
        }
        match log.append("ended", canceled(&self.who), true) {
            Err(Error::NotResumable { .. }) => Ok(()),
            appended => appended,
        }
    }

    /// Ends a run at which nobody is at work, or whoever was could not say so any more.
    fn end_interrupted(&self, run: &str, id: Ulid) -> Result<RunState, Error> {
        let requested = self.catalog.requested(id)?;
        let lease = match self.lease(&application_name(&application_of(&requested))?) {
            Err(Error::Lease(LeaseError::Held { .. })) => return self.run_state(run),
            lease => lease?,
        };
        let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        self.end_as_canceled(&lease, &mut log, &self.who)?;
        lease.release()?;
        self.run_state(run)
    }

    /// Ends the log of a run that is to end, and removes what it left on this machine.
    pub(super) fn end_canceled(
        &self,
        runbook: &Runbook,
        lease: &Lease,
        log: &mut CatalogLog,
        by: &str,
    ) -> Result<(), Error> {
        let watch = Watch::new(&crate::run::Quiet, &Cancel::new());
        self.driver(runbook, lease, &watch).end_canceled(log, by)
    }

    /// Hands each line of a run's log over as it is written, until the run has ended or `cancel` is raised.
    ///
    /// # Errors
    /// There is no such run, or the catalog cannot be read.
    pub fn follow_run(&self, run: &str, tell: &mut dyn FnMut(&str), cancel: &Cancel) -> Result<(), Error> {
        let mut log = self.catalog.run_log(run_id(run)?)?;
        let mut told = 0;
        let mut pause = LOOK.0;
        loop {
            if log.events().len() > told {
                pause = LOOK.0;
            }
            for event in log.events().iter().skip(told) {
                tell(&crate::run::log_line(event));
            }
            told = log.events().len();
            if log.ended() || cancel.is_canceled() {
                return Ok(());
            }
            rest(&mut pause, cancel);
            log.catch_up()?;
        }
    }

    fn open_run(&self, run: &str) -> Result<Ulid, Error> {
        let id = run_id(run)?;
        match self.run_state(run)? {
            RunState::Ended(_) => Err(Error::NotResumable {
                run: run.to_owned(),
                why: "it has ended".to_owned(),
            }),
            _ => Ok(id),
        }
    }

    /// Waits for as long as a run is in a state.
    fn wait(&self, run: &str, while_it_is: RunState, cancel: &Cancel) -> Result<RunState, Error> {
        let mut pause = LOOK.0;
        loop {
            let state = self.run_state(run)?;
            if state != while_it_is || cancel.is_canceled() {
                return Ok(state);
            }
            rest(&mut pause, cancel);
        }
    }
}

/// Waits for the next look, and has the one after it come later.
fn rest(span: &mut Duration, cancel: &Cancel) {
    pause(*span, cancel);
    *span = (*span * 2).min(LOOK.1);
}

/// Waits, but not after `cancel` is raised.
pub(crate) fn pause(span: Duration, cancel: &Cancel) {
    const NOTICED_WITHIN: Duration = Duration::from_millis(50);
    let until = std::time::Instant::now() + span;
    while !cancel.is_canceled() {
        let left = until.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(NOTICED_WITHIN));
    }
}
