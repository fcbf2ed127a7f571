//! The scheduler: protects what is declared when its policy says so, and prunes once a day.
//!
//! Flow: keep a heartbeat → hold the tenant's scheduler lease, or wait for who holds it → follow what is declared → serve the
//! firings that are due, each application in a thread of its own. Guarantees: one engine of several acts; a firing is served
//! once, because it stands in the request of its run and is looked for under the application's lease; a run that another engine
//! left is taken up. Assumes nothing about how long a run takes: one that outlasts its interval lets a firing pass, and says so.

use super::prune::PruneRequest;
use super::{Engine, LEASE, ProtectRequest, Watch, application_name};
use crate::error::Error;
use crate::run::Quiet;
use crate::runbook::{Refusal, Verb};
use crate::schedule::{Firing, due, newest};
use crate::vault::{Cancel, Class};
use dram_catalog::record::engine::{Beat, EngineState, Heart};
use dram_catalog::record::feed::{Change, Followed, Follower};
use dram_catalog::record::lease::{Holder, Lease, LeaseError};
use dram_catalog::{Catalog, LeaseName, Name, SystemChance};
use dram_compiler::prove::firings;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// How long it waits between two looks at the clock and at the catalog.
const TICK: Duration = Duration::from_secs(1);
/// How long a raised flag may go unnoticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(50);
/// How often it says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Retention is carried out once in so many seconds.
const PRUNES_EVERY: u64 = 24 * 60 * 60;

/// How an engine serves.
#[derive(Debug, Clone)]
pub struct Serve {
    /// The engine's name, for its heartbeats: no two engines of a catalog share one.
    pub name: String,
    /// So many applications are protected at the same time.
    pub at_once: usize,
}

/// What a serving engine tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Told {
    /// It acts for these applications; the interval of each in seconds.
    #[serde(rename_all = "camelCase")]
    Serving {
        /// Application and interval.
        applications: BTreeMap<String, u64>,
    },
    /// Another engine acts.
    #[serde(rename_all = "camelCase")]
    Waiting {
        /// Who.
        by: String,
    },
    /// A firing is served.
    #[serde(rename_all = "camelCase")]
    Fires {
        /// The application.
        application: String,
        /// When it was due.
        firing: Timestamp,
        /// How many firings before it passed without anybody.
        missed: u64,
    },
    /// A firing passes, because another run of the application is at work.
    #[serde(rename_all = "camelCase")]
    Skipped {
        /// The application.
        application: String,
        /// When it was due.
        firing: Timestamp,
        /// What is at work.
        why: String,
    },
    /// A point was made.
    #[serde(rename_all = "camelCase")]
    Protected {
        /// The application.
        application: String,
        /// The point.
        point: String,
        /// How long it took.
        seconds: f64,
    },
    /// An interrupted run is taken up.
    #[serde(rename_all = "camelCase")]
    Resumes {
        /// The application.
        application: String,
        /// The run.
        run: String,
    },
    /// Retention was carried out.
    #[serde(rename_all = "camelCase")]
    Pruned {
        /// The application.
        application: String,
        /// The vault.
        vault: String,
        /// How many points went.
        removed: usize,
    },
    /// Something failed; the next firing tries anew.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// The application; empty for the engine itself.
        application: String,
        /// What.
        error: String,
        /// The way out.
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// It stops; runs that it interrupts can be taken up.
    Stops,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { applications } if applications.is_empty() => {
                f.write_str("nothing is declared to be protected")
            }
            Self::Serving { applications } => {
                let every = |(name, every): (&String, &u64)| {
                    format!("{name} every {}", dram_compiler::model::Duration::seconds(*every))
                };
                write!(
                    f,
                    "protects {}",
                    applications.iter().map(every).collect::<Vec<_>>().join(", ")
                )
            }
            Self::Waiting { by } => write!(f, "{by} acts; this engine waits"),
            Self::Fires {
                application,
                firing,
                missed: 0,
            } => write!(f, "{application}: protect, due {firing}"),
            Self::Fires {
                application,
                firing,
                missed,
            } => write!(
                f,
                "{application}: protect, due {firing}; {missed} firings before it were missed"
            ),
            Self::Skipped {
                application,
                firing,
                why,
            } => write!(f, "{application}: the firing of {firing} is skipped: {why}"),
            Self::Protected {
                application,
                point,
                seconds,
            } => write!(f, "{application}: point {point} ({seconds:.1} s)"),
            Self::Resumes { application, run } => write!(f, "{application}: goes on with run {run}"),
            Self::Pruned {
                application,
                vault,
                removed,
            } => write!(f, "{application}: {removed} points went from vault {vault}"),
            Self::Failed {
                application,
                error,
                help,
            } => {
                if !application.is_empty() {
                    write!(f, "{application}: ")?;
                }
                write!(f, "failed: {error}")?;
                help.iter().try_for_each(|help| write!(f, "; {help}"))
            }
            Self::Stops => f.write_str("stops"),
        }
    }
}

/// What the scheduler knows of an application.
#[derive(Debug, Default)]
struct Duty {
    /// Seconds between firings; nothing where no interval meets the objective and none is stated.
    every: Option<u64>,
    /// The last firing that was served, or passed.
    served: Option<Timestamp>,
    /// The day whose retention was carried out.
    pruned: Option<Timestamp>,
    is_running: bool,
}

/// What a thread brings back: whose duty it was.
struct Finished {
    application: String,
    pruned: Option<Timestamp>,
}

/// The scheduler's own state, as long as it runs.
struct Desk<'a> {
    engine: &'a Engine,
    tell: &'a (dyn Fn(&Told) + Sync),
    cancel: &'a Cancel,
    at_once: usize,
    holder: Holder,
    lease: Option<Lease>,
    /// The answer of whoever waits for the lease of another engine to be given back or to expire.
    asking: Option<Receiver<Result<Lease, LeaseError>>>,
    follower: Follower,
    duties: BTreeMap<String, Duty>,
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
            holder: Holder::this_process(&SystemChance),
            lease: None,
            asking: None,
            follower: self.catalog.follow(),
            duties: BTreeMap::new(),
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

    /// The last scheduled firing that an application was served, by the records of its runs.
    pub(super) fn served(&self, application: &Name) -> Result<Option<Timestamp>, Error> {
        const RECENT: usize = 16;
        let mut passed = 0;
        for most in [RECENT, usize::MAX] {
            let ids = self.catalog.newest_runs_of(application, most)?;
            let new = ids.get(passed..).unwrap_or_default();
            let firings = self.catalog.requested_many(new)?.into_iter();
            let firings = firings.filter_map(|run| run.request.detail.get("firing")?.as_str()?.parse().ok());
            match firings.max() {
                None if ids.len() >= most => passed = ids.len(),
                found => return Ok(found),
            }
        }
        Ok(None)
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

impl<'a> Desk<'a> {
    fn turn<'scope>(&mut self, scope: &'scope Scope<'scope, '_>) -> Result<(), Error>
    where
        'a: 'scope,
    {
        while let Ok(finished) = self.finished.1.try_recv() {
            if let Some(duty) = self.duties.get_mut(&finished.application) {
                duty.is_running = false;
                duty.pruned = finished.pruned.or(duty.pruned);
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
        let mut running = self.duties.values().filter(|duty| duty.is_running).count();
        for (application, duty) in &mut self.duties {
            let Some(every) = duty.every else { continue };
            let Some(firing) = due(every, duty.served, now) else {
                continue;
            };
            if duty.is_running {
                // The interval passed while its last run is still at work.
                (self.tell)(&Told::Skipped {
                    application: application.clone(),
                    firing: firing.at,
                    why: "the last one is still at work".to_owned(),
                });
                duty.served = Some(firing.at);
                continue;
            }
            // It stays due until there is room.
            if running >= self.at_once {
                continue;
            }
            running += 1;
            duty.is_running = true;
            duty.served = Some(firing.at);
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
                job.serve(firing);
                let pruned = prunes && job.prune();
                // Nobody listens any more when the engine stops.
                let _ = done.send(Finished {
                    application: job.application,
                    pruned: pruned.then_some(day),
                });
            });
        }
        Ok(())
    }

    /// Whether this engine is the one that acts.
    fn acts(&mut self) -> Result<bool, Error> {
        if let Some(lease) = &self.lease {
            match lease.check() {
                Ok(()) => return Ok(true),
                Err(_) => self.lease = None,
            }
        }
        let catalog = &self.engine.catalog;
        let asked = match &self.asking {
            None => Lease::acquire(
                catalog,
                &LeaseName::scheduler(catalog.tenant()),
                &self.holder,
                LEASE,
                Duration::ZERO,
            ),
            Some(asking) => match asking.try_recv() {
                Ok(answer) => answer,
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => {
                    self.asking = None;
                    return Ok(false);
                }
            },
        };
        self.asking = None;
        match asked {
            Ok(lease) => {
                self.lease = Some(lease);
                // Another engine acted meanwhile: what it served is read anew.
                self.duties.retain(|_, duty| duty.is_running);
                self.follower.again();
                Ok(true)
            }
            Err(LeaseError::Held { host, pid, .. }) => {
                self.asking = Some(ask(catalog.clone(), self.holder.clone()));
                self.once(Told::Waiting {
                    by: format!("process {pid} on `{host}`"),
                });
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether anything was declared or taken over since the last look.
    fn is_news(&mut self) -> Result<bool, Error> {
        Ok(match self.follower.look()? {
            Followed::Survey(_) => true,
            Followed::Changes(changes) => changes.iter().any(|change| !matches!(change, Change::Requested { .. })),
        })
    }

    /// Reads what is declared, and takes up what was left.
    fn survey(&mut self) -> Result<(), Error> {
        let mut duties = BTreeMap::new();
        for name in self.engine.applications()? {
            let known = self.duties.remove(&*name);
            let mut duty = match known {
                Some(known) => known,
                None => Duty {
                    served: self.engine.served(&application_name(&name)?)?,
                    ..Duty::default()
                },
            };
            match self.engine.closure(&name) {
                Ok(closure) => {
                    let site = closure.sites.get_key_value(&*closure.active());
                    let interval = firings(&closure.application, &closure.policy, site);
                    duty.every = interval.map(|interval| interval.every.seconds);
                }
                // One that cannot be read does not keep the others from being protected.
                Err(error) => {
                    duty.every = None;
                    self.tell_failure(&name, &error);
                }
            }
            duties.insert(name.to_string(), duty);
        }
        // One that was withdrawn while a run of it is at work stays known until that has ended.
        let gone = std::mem::take(&mut self.duties)
            .into_iter()
            .filter(|(_, duty)| duty.is_running);
        duties.extend(gone.map(|(name, duty)| (name, Duty { every: None, ..duty })));
        self.duties = duties;
        let applications = self.duties.iter();
        let applications = applications.filter_map(|(name, duty)| Some((name.clone(), duty.every?)));
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

/// Waits for the scheduler's lease in a thread that nobody waits for: a lease that comes too late is given back by being dropped.
fn ask(catalog: Catalog, holder: Holder) -> Receiver<Result<Lease, LeaseError>> {
    let (answer, asking) = channel();
    std::thread::spawn(move || {
        let name = LeaseName::scheduler(catalog.tenant());
        let _ = answer.send(Lease::acquire(&catalog, &name, &holder, LEASE, LEASE * 2));
    });
    asking
}

/// What one thread does for one application.
struct Job<'a> {
    engine: &'a Engine,
    tell: &'a (dyn Fn(&Told) + Sync),
    cancel: &'a Cancel,
    application: String,
}

impl Job<'_> {
    fn serve(&self, firing: Firing) {
        let begun = Instant::now();
        let watch = Watch::new(&Quiet, self.cancel);
        match self.left() {
            Ok(Some(run)) => {
                (self.tell)(&Told::Resumes {
                    application: self.application.clone(),
                    run: run.clone(),
                });
                match self.engine.resume(&run, &watch) {
                    Ok(runbook) => self.protected(runbook.point, begun),
                    Err(error) => self.failed(&error),
                }
            }
            Ok(None) => {}
            Err(error) => self.failed(&error),
        }
        if self.cancel.is_canceled() {
            return;
        }
        let begun = Instant::now();
        (self.tell)(&Told::Fires {
            application: self.application.clone(),
            firing: firing.at,
            missed: firing.missed,
        });
        let request = ProtectRequest {
            application: self.application.clone(),
            components: Vec::new(),
            class: Class::Scheduled,
            dry_run: false,
            firing: Some(firing.at),
        };
        match self.engine.protect(&request, &watch) {
            Ok(runbook) => self.protected(runbook.point, begun),
            Err(error @ (Error::Lease(LeaseError::Held { .. }) | Error::Refused(Refusal::Served { .. }))) => {
                (self.tell)(&Told::Skipped {
                    application: self.application.clone(),
                    firing: firing.at,
                    why: error.to_string(),
                });
            }
            Err(error) => self.failed(&error),
        }
    }

    /// The newest run that makes a point and that nobody works at: what it stored already need not be stored again.
    fn left(&self) -> Result<Option<String>, Error> {
        let application = application_name(&self.application)?;
        let lease = LeaseName::application(self.engine.catalog.tenant(), &application);
        if dram_catalog::record::lease::may_be_held(&self.engine.catalog, &lease)? {
            return Ok(None);
        }
        let open = self.engine.open_runs(&application)?.into_iter();
        let protects = |(id, log)| {
            let runbook = super::runs::runbook(&log)?;
            (runbook.verb == Verb::Protect).then(|| ulid::Ulid::to_string(&id))
        };
        Ok(open.filter_map(protects).max())
    }

    /// Carries retention out; whether that was tried.
    fn prune(&self) -> bool {
        if self.cancel.is_canceled() {
            return false;
        }
        let request = PruneRequest {
            application: self.application.clone(),
            vault: None,
            dry_run: false,
            acknowledged: false,
            discard: Vec::new(),
        };
        match self.engine.prune(&request, &Watch::new(&Quiet, self.cancel)) {
            Ok(reports) => {
                for report in reports {
                    if let Some(why) = report.failed.or(report.away) {
                        (self.tell)(&Told::Failed {
                            application: self.application.clone(),
                            error: format!("vault {} was not pruned: {why}", report.vault),
                            help: None,
                        });
                    } else if !report.removed.is_empty() {
                        (self.tell)(&Told::Pruned {
                            application: self.application.clone(),
                            vault: report.vault,
                            removed: report.removed.len(),
                        });
                    }
                }
            }
            // Another run is at work: the next firing tries again.
            Err(Error::Lease(LeaseError::Held { .. })) => return false,
            Err(error) => self.failed(&error),
        }
        true
    }

    fn protected(&self, point: String, begun: Instant) {
        (self.tell)(&Told::Protected {
            application: self.application.clone(),
            point,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }

    fn failed(&self, error: &Error) {
        (self.tell)(&Told::Failed {
            application: self.application.clone(),
            error: error.to_string(),
            help: error.help(),
        });
    }
}
