//! The scheduler: protects and verifies what is declared when its policy says so, and prunes once a day.
//!
//! Flow: keep a heartbeat → hold the tenant's scheduler lease, or wait for who holds it → follow what is declared → serve the
//! firings that are due and carry out what was asked for, each application in a thread of its own. Guarantees: one engine of several acts; a firing is served
//! once, because it stands in the request of its run and is looked for under the application's lease; a run that another engine
//! left is taken up. Assumes nothing about how long a run takes: one that outlasts its interval lets a firing pass, and says so.

mod asked;
mod duty;
mod job;
mod served;
mod told;
mod turn;

use super::calendars::calendars;
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::Quiet;
use crate::runbook::{Refusal, Verb};
use crate::schedule::{Known, due_every, newest};
use crate::vault::Cancel;
use asked::{Asked, Tried};
use dram_catalog::record::engine::{Beat, EngineState, Heart};
use dram_catalog::record::feed::{Change, Followed, Follower};
use dram_catalog::record::lease::{Holder, Lease, LeaseError};
use dram_catalog::{Name, SystemChance};
use duty::{Duty, Turn};
use jiff::Timestamp;
use job::Job;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};
use ulid::Ulid;

pub use told::Told;

/// How long it waits between two looks at the clock and at the catalog.
const TICK: Duration = Duration::from_secs(1);
/// How long a raised flag may go unnoticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(50);
/// How often it says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// What failed is tried again after a pause, which doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Retention is carried out once in so many seconds.
const PRUNES_EVERY: u64 = 24 * 60 * 60;

/// How an engine serves.
#[derive(Debug, Clone)]
pub struct Serve {
    /// The engine's name, for its heartbeats: no two engines of a catalog share one.
    pub name: String,
    /// So many applications are protected at the same time.
    pub at_once: usize,
    /// What failed is tried again after this pause, then after twice as long, and so on.
    pub first_pause: Duration,
}

/// What a thread brings back: whose duty it was.
enum Finished {
    Protect {
        application: String,
        pruned: Option<Timestamp>,
        /// Whether it failed, and may be tried again.
        again: bool,
    },
    Verify {
        application: String,
        /// Whether every vault could be asked.
        done: bool,
    },
    Asked {
        run: Ulid,
        tried: Tried,
    },
}

/// The scheduler's own state, as long as it runs.
struct Desk<'a> {
    engine: &'a Engine,
    tell: &'a (dyn Fn(&Told) + Sync),
    cancel: &'a Cancel,
    at_once: usize,
    first_pause: Duration,
    holder: Holder,
    lease: Option<Lease>,
    /// The answer of whoever waits for the lease of another engine to be given back or to expire.
    asking: Option<Receiver<Result<Lease, LeaseError>>>,
    follower: Follower,
    duties: BTreeMap<String, Duty>,
    /// What somebody asked for, the oldest first.
    asked: BTreeMap<Ulid, Asked>,
    finished: (Sender<Finished>, Receiver<Finished>),
    /// What was told last of who acts and of what is wrong: it is told again when it changes.
    last: Option<Told>,
}

impl Engine {
    /// Serves until `cancel` is raised. Runs at work then are interrupted, and can be taken up; `tell` hears of everything.
    ///
    /// # Errors
    /// The name cannot be an engine's, or another engine has it. What fails later is told, and tried again.
    pub fn serve(&self, what: &Serve, tell: &(dyn Fn(&Told) + Sync), cancel: &Cancel) -> Result<(), Error> {
        let name = Name::new("an engine", &what.name).map_err(|why| Error::Usage {
            why: why.to_string(),
            help: why.help(),
        })?;
        let state = EngineState {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interval: HEARTBEAT,
            reach: serde_json::json!({}),
        };
        let mut heart = self.catalog.heart(&name)?;
        beat(&mut heart, &state, &name)?;
        let mut beaten = Instant::now();
        let mut desk = Desk {
            engine: self,
            tell,
            cancel,
            at_once: what.at_once.max(1),
            first_pause: what.first_pause,
            holder: Holder::this_process(&SystemChance),
            lease: None,
            asking: None,
            follower: self.catalog.follow(),
            duties: BTreeMap::new(),
            asked: BTreeMap::new(),
            finished: channel(),
            last: None,
        };
        let ended = std::thread::scope(|scope| {
            while !cancel.is_canceled() {
                if let Err(error) = desk.turn(scope) {
                    desk.trouble(&error);
                }
                if beaten.elapsed() >= HEARTBEAT {
                    match beat(&mut heart, &state, &name) {
                        Ok(()) => {}
                        // Two engines of one name would hide each other's silence.
                        Err(error @ Error::Usage { .. }) => {
                            cancel.cancel();
                            return Err(error);
                        }
                        Err(error) => desk.trouble(&error),
                    }
                    beaten = Instant::now();
                }
                let until = Instant::now() + TICK;
                while !cancel.is_canceled() && Instant::now() < until {
                    std::thread::sleep(NOTICED_WITHIN);
                }
            }
            Ok(())
        });
        tell(&Told::Stops);
        if let Some(lease) = desk.lease.take() {
            lease.release()?;
        }
        // Who watches finds out by waiting, if this cannot be written.
        if let Err(error) = heart.stop(&state) {
            tracing::debug!(%error, "the last heartbeat could not be written");
        }
        ended
    }
}

fn beat(heart: &mut Heart, state: &EngineState, name: &Name) -> Result<(), Error> {
    match heart.beat(state)? {
        Beat::Beaten => Ok(()),
        Beat::Twin { by } => Err(Error::Usage {
            why: format!("another engine serves under the name {name}, started by {by}"),
            help: "give each engine a name of its own with `--as NAME`".to_owned(),
        }),
    }
}

/// Tells of a firing that passes because the last run is still at work, and writes it down as a run of its own.
fn skip(engine: &Engine, tell: &dyn Fn(&Told), application: &str, firing: Timestamp) {
    let why = Refusal::Overlap {
        application: application.to_owned(),
        firing,
    };
    let watch = Watch::new(&Quiet, &Cancel::new());
    let written = engine.refused_firing(Verb::Protect, application, Some(firing), why.into(), &watch);
    tell(&Told::Skipped {
        application: application.to_owned(),
        firing,
        why: written.to_string(),
    });
}

impl<'a> Desk<'a> {
    fn turn<'scope>(&mut self, scope: &'scope Scope<'scope, '_>) -> Result<(), Error>
    where
        'a: 'scope,
    {
        while let Ok(finished) = self.finished.1.try_recv() {
            match finished {
                Finished::Protect {
                    application,
                    pruned,
                    again,
                } => {
                    if let Some(duty) = self.duties.get_mut(&application) {
                        duty.is_running = false;
                        duty.pruned = pruned.or(duty.pruned);
                        let pause = duty.again.map_or(self.first_pause, |(_, pause)| pause);
                        let next = (pause * 2).min(LONGEST_PAUSE);
                        duty.again = again.then(|| (Instant::now() + pause, next));
                    }
                }
                Finished::Asked { run, tried } => self.tried(run, tried),
                Finished::Verify { application, done } => {
                    if let Some(duty) = self.duties.get_mut(&application) {
                        duty.is_verifying = false;
                        if !done {
                            // What was verified is not due any more, the vault knows that.
                            duty.verified = None;
                            duty.rests_until = Some(Instant::now() + LONGEST_PAUSE);
                        }
                    }
                }
            }
        }
        if !self.acts()? {
            return Ok(());
        }
        if self.is_news()?
            && let Err(error) = self.survey()
        {
            self.follower.again();
            return Err(error);
        }
        let now = self.engine.clock().now();
        self.protect(scope, now);
        // A firing that is due now comes first: it would pass for good.
        self.carry_out(scope);
        self.verify(scope, now);
        Ok(())
    }

    fn protect<'scope>(&mut self, scope: &'scope Scope<'scope, '_>, now: Timestamp)
    where
        'a: 'scope,
    {
        let mut running = self.duties.values().filter(|duty| duty.is_running).count();
        // Who waited longest comes first: where there is not room for all, none is left out for ever.
        let mut waiting: Vec<(&String, &mut Duty)> = self.duties.iter_mut().collect();
        waiting.sort_by_key(|(_, duty)| duty.known.served);
        for (application, duty) in waiting {
            let firing = match duty.turn(application, now, self.tell) {
                Turn::Rest => continue,
                Turn::Skip(firing) => {
                    skip(self.engine, self.tell, application, firing);
                    continue;
                }
                Turn::Serve(firing) => Some(firing),
                Turn::Again => None,
            };
            // It stays due until there is room.
            if running >= self.at_once {
                continue;
            }
            running += 1;
            duty.is_running = true;
            if let Some(firing) = firing {
                duty.known.served = Some(firing.through);
                duty.again = None;
            }
            let day = newest(PRUNES_EVERY, now);
            let job = Job {
                engine: self.engine,
                tell: self.tell,
                cancel: self.cancel,
                application: application.clone(),
            };
            let prunes = duty.pruned != Some(day);
            let done = self.finished.0.clone();
            scope.spawn(move || {
                let again = job.serve(firing);
                // A vault that could not be written is not asked to remove anything.
                let pruned = prunes && !again && job.prune();
                // Nobody listens any more when the engine stops.
                let _ = done.send(Finished::Protect {
                    application: job.application,
                    pruned: pruned.then_some(day),
                    again,
                });
            });
        }
    }

    /// Verification waits for nobody and nobody waits for it: one application at a time, beside what is protected.
    fn verify<'scope>(&mut self, scope: &'scope Scope<'scope, '_>, now: Timestamp)
    where
        'a: 'scope,
    {
        if self.duties.values().any(|duty| duty.is_verifying) {
            return;
        }
        // A point that is being made is the one to verify.
        let mut idle = self.duties.iter_mut().filter(|(_, duty)| !duty.is_running);
        let next = idle.find_map(|(application, duty)| {
            let verify = duty.verify.clone()?;
            let firing = due_every(verify.every.seconds, duty.verified, now)?;
            if duty.rests_until.is_some_and(|until| Instant::now() < until) {
                return None;
            }
            duty.verified = Some(firing.at);
            duty.is_verifying = true;
            Some((application.clone(), verify))
        });
        let Some((application, verify)) = next else { return };
        let job = Job {
            engine: self.engine,
            tell: self.tell,
            cancel: self.cancel,
            application,
        };
        let done = self.finished.0.clone();
        scope.spawn(move || {
            let verified = job.verify(&verify, now);
            // One that was stopped is due again when the engine is back.
            if let Err(error) = &verified
                && !job.cancel.is_canceled()
            {
                job.failed(error);
            }
            // Nobody listens any more when the engine stops.
            let _ = done.send(Finished::Verify {
                application: job.application,
                done: verified.is_ok(),
            });
        });
    }

    /// Whether anything was declared or taken over since the last look. What was asked for since is queued. One listing where
    /// nothing changed, however many applications there are.
    fn is_news(&mut self) -> Result<bool, Error> {
        let changes = match self.follower.look()? {
            Followed::Survey(_) => return Ok(true),
            Followed::Changes(changes) => changes,
        };
        for change in &changes {
            if let Change::Requested { run } = change
                && let Err(error) = self.hear(*run)
            {
                self.follower.again();
                return Err(error);
            }
        }
        Ok(changes.iter().any(|change| !matches!(change, Change::Requested { .. })))
    }

    /// Reads what is declared, and takes up what was left.
    fn survey(&mut self) -> Result<(), Error> {
        self.hear_all()?;
        let mut duties = BTreeMap::new();
        let mut closures = Vec::new();
        let declared = self.engine.known()?;
        // A record that cannot be read does not keep the others from being protected.
        for unreadable in &declared.unreadable {
            (self.tell)(&Told::Failed {
                application: String::new(),
                error: unreadable.to_string(),
                help: Some(unreadable.help()),
            });
        }
        let names = declared.applications();
        // What fails here leaves everything as it is: what is known of runs at work must not be lost.
        let mut new = BTreeMap::new();
        for name in names.iter().filter(|name| !self.duties.contains_key(&***name)) {
            new.insert(name.clone(), self.engine.last_served(&application_name(name)?)?);
        }
        for name in names {
            let mut duty = self.duties.remove(&*name).unwrap_or_else(|| {
                let last = new.remove(&name).flatten();
                // What failed before this engine came is owed still.
                let owed = last.as_ref().is_some_and(|last| last.is_owed);
                Duty {
                    known: Known {
                        served: last.map(|last| last.firing),
                        seen: None,
                    },
                    again: owed.then(|| (Instant::now(), self.first_pause)),
                    ..Duty::default()
                }
            });
            match self.engine.closure_among(&name, Some(&declared)) {
                Ok(closure) => {
                    duty.verify = closure.policy.verify.clone();
                    closures.push(closure);
                }
                // The catalog did not answer: what was known holds, and the next turn asks again.
                Err(error) if error.exit() == Exit::Unreachable => {
                    self.follower.again();
                    self.tell_failure(&name, &error);
                }
                // One that cannot be read does not keep the others from being protected.
                Err(error) => {
                    duty.calendar = None;
                    duty.verify = None;
                    self.tell_failure(&name, &error);
                }
            }
            duties.insert(name.to_string(), duty);
        }
        for (name, calendar) in calendars(&closures) {
            if let Some(duty) = duties.get_mut(&*name) {
                duty.calendar = calendar;
            }
        }
        // One that was withdrawn while a run of it is at work stays known until that has ended.
        let gone = std::mem::take(&mut self.duties).into_iter();
        let gone = gone.filter(|(_, duty)| duty.is_running || duty.is_verifying);
        let without = |duty| Duty {
            calendar: None,
            verify: None,
            ..duty
        };
        duties.extend(gone.map(|(name, duty)| (name, without(duty))));
        self.duties = duties;
        let applications = self.duties.iter();
        let applications =
            applications.filter_map(|(name, duty)| Some((name.clone(), duty.calendar.as_ref()?.to_string())));
        self.once(Told::Serving {
            applications: applications.collect(),
        });
        Ok(())
    }

    fn trouble(&mut self, error: &Error) {
        self.once(Told::Failed {
            application: String::new(),
            error: error.to_string(),
            help: error.help(),
        });
    }

    fn tell_failure(&self, application: &str, error: &Error) {
        (self.tell)(&Told::Failed {
            application: application.to_owned(),
            error: error.to_string(),
            help: error.help(),
        });
    }

    fn once(&mut self, told: Told) {
        if self.last.as_ref() != Some(&told) {
            (self.tell)(&told);
            self.last = Some(told);
        }
    }
}
