//! Runs that somebody asked for: one after the other for an application, the oldest first, before the firings that come later.

use super::{Desk, Finished, Job, Told};
use crate::engine::Watch;
use crate::engine::ask::{By, is_asked};
use crate::engine::runs::application_of;
use crate::error::Error;
use crate::run::{Event, Observer};
use crate::state::RunState;
use dram_catalog::CatalogError;
use dram_catalog::record::lease::LeaseError;
use dram_catalog::record::run::Requested;
use std::collections::BTreeSet;
use std::thread::Scope;
use std::time::{Duration, Instant};
use ulid::Ulid;

/// One that cannot be carried out yet is tried again after this, then after twice as long, and so on up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
/// A turn that has come is not noticed later than this.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// A run that was asked for and has not ended.
#[derive(Debug)]
pub(super) struct Asked {
    application: String,
    verb: String,
    by: String,
    is_running: bool,
    /// Whether it was told that it waits.
    is_told: bool,
    /// When it is tried again, and the rest after that.
    again: Option<(Instant, Duration)>,
}

/// What came of trying to carry one out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// It has ended, or is nobody's business here.
    Over,
    /// Another run is at work, it is paused, or the catalog did not answer.
    Again,
}

impl Asked {
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }
}

impl<'a> Desk<'a> {
    /// Takes a run up into the queue that the feed tells of, if it was asked of whoever serves.
    pub(super) fn hear(&mut self, run: Ulid) -> Result<(), Error> {
        match self.engine.catalog.requested(run) {
            Ok(requested) => self.queue(&requested),
            // It was forgotten, so it has ended.
            Err(CatalogError::NoRun { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The same for all that have not ended.
    pub(super) fn hear_all(&mut self) -> Result<(), Error> {
        for requested in self.engine.catalog.open_runs()? {
            self.queue(&requested);
        }
        Ok(())
    }

    fn queue(&mut self, requested: &Requested) {
        if !is_asked(requested) {
            return;
        }
        self.asked.entry(requested.id).or_insert_with(|| Asked {
            application: application_of(requested),
            verb: requested.request.verb.clone(),
            by: requested.by.clone(),
            is_running: false,
            is_told: false,
            again: None,
        });
    }

    /// Begins what can be begun, each in a thread of its own.
    pub(super) fn carry_out<'scope>(&mut self, scope: &'scope Scope<'scope, '_>)
    where
        'a: 'scope,
    {
        let at_work = self.duties.iter().filter(|(_, duty)| duty.is_running);
        let mut busy: BTreeSet<String> = at_work.map(|(application, _)| application.clone()).collect();
        let running: Vec<&Asked> = self.asked.values().filter(|asked| asked.is_running).collect();
        busy.extend(running.iter().map(|asked| asked.application.clone()));
        let mut room = self.at_once.saturating_sub(running.len());
        for (run, asked) in &mut self.asked {
            // One that rests keeps its place before those that came later.
            let is_first = busy.insert(asked.application.clone());
            let rests = asked.again.is_some_and(|(at, _)| Instant::now() < at);
            if !is_first || rests || room == 0 {
                continue;
            }
            room -= 1;
            asked.is_running = true;
            if let Some(duty) = self.duties.get_mut(&asked.application) {
                duty.is_running = true;
            }
            let job = Job {
                engine: self.engine,
                tell: self.tell,
                cancel: self.cancel,
                application: asked.application.clone(),
            };
            let (run, verb, by, is_told) = (*run, asked.verb.clone(), asked.by.clone(), asked.is_told);
            let done = self.finished.0.clone();
            scope.spawn(move || {
                let tried = job.carry_out(run, &verb, &by, is_told);
                // Nobody listens any more when the engine stops.
                let _ = done.send(Finished::Asked { run, tried });
            });
        }
    }

    /// A thread has come back.
    pub(super) fn tried(&mut self, run: Ulid, tried: Tried) {
        let Some(asked) = self.asked.get_mut(&run) else { return };
        if let Some(duty) = self.duties.get_mut(&asked.application) {
            duty.is_running = false;
        }
        match tried {
            Tried::Over => {
                self.asked.remove(&run);
            }
            Tried::Again => {
                let rest = asked.again.map_or(FIRST_REST, |(_, rest)| rest);
                asked.again = Some((Instant::now() + rest, (rest * 2).min(LONGEST_REST)));
                asked.is_told = true;
                asked.is_running = false;
            }
        }
    }
}

impl Job<'_> {
    /// Carries out a run that was asked for.
    fn carry_out(&self, run: Ulid, verb: &str, by: &str, is_told: bool) -> Tried {
        let begun = Instant::now();
        let (application, run) = (self.application.clone(), run.to_string());
        let begins = Begins {
            tell: self.tell,
            told: Told::Begins {
                application: application.clone(),
                run: run.clone(),
                verb: verb.to_owned(),
                by: by.to_owned(),
            },
        };
        match self.engine.take_up(&run, By::Engine, &Watch::new(&begins, self.cancel)) {
            Ok(runbook) => {
                (self.tell)(&Told::CarriedOut {
                    application,
                    run,
                    verb: verb.to_owned(),
                    point: runbook.point,
                    seconds: begun.elapsed().as_secs_f64(),
                });
                Tried::Over
            }
            Err(error @ (Error::Lease(LeaseError::Held { .. }) | Error::Paused { .. })) => {
                if !is_told {
                    (self.tell)(&Told::Queued {
                        application,
                        run,
                        why: error.to_string(),
                    });
                }
                Tried::Again
            }
            Err(Error::Interrupted { .. }) if self.cancel.is_canceled() => Tried::Again,
            Err(error) => self.after(&run, &error),
        }
    }

    /// Whether a run that failed has ended by that.
    fn after(&self, run: &str, error: &Error) -> Tried {
        match (self.engine.run_state(run), error) {
            // Another ended it meanwhile, or it was canceled.
            (Ok(RunState::Ended(_)), Error::NotResumable { .. } | Error::Canceled { .. }) => Tried::Over,
            (Ok(RunState::Ended(_)), _) | (Ok(_), Error::NotResumable { .. }) => {
                self.failed(error);
                Tried::Over
            }
            (Ok(_) | Err(_), _) => {
                self.failed(error);
                Tried::Again
            }
        }
    }
}

/// Tells that a run begins when it does: its turn has come, and no rule refuses it.
struct Begins<'a> {
    tell: &'a (dyn Fn(&Told) + Sync),
    told: Told,
}

impl Observer for Begins<'_> {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Started { .. }) {
            (self.tell)(&self.told);
        }
    }
}
