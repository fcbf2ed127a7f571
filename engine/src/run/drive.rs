//! Carries a runbook out, step by step.
//!
//! Flow: for each step whose result does not stand in the log yet: check authority, do it, write the result down.
//! Guarantees: a step whose result stands is not done again; one that was interrupted is continued; the run ends with
//! one entry that says how. Assumes that steps are begin-or-continue.

use super::event::{Event, Observer};
use super::forecast::{self, Expected};
use super::log::Log;
use super::outcome::{Outcome, Rest};
use super::wishes::Wishes;
use super::{capture, copy, freeze, recover, terms};
use crate::error::Error;
use crate::opening;
use crate::runbook::{AWS_CHAIN, Runbook, Step, Verb};
use crate::site::HostSite;
use crate::state::RunResult;
use crate::vault::{Announced, Cancel, Flow, Origin, Repository, VaultError};
use dram_catalog::record::lease::Lease;
use dram_catalog::record::run::{Wish, Wished};
use dram_catalog::{Catalog, Clock, Name};
use dram_storage::crash;
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Under this word the first entry of a run says what each step is expected to take.
const EXPECTED: &str = "expected";

/// Who says that this run may still act.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// The catalog's epoch, and the application's lease.
    Catalog {
        /// The catalog.
        catalog: &'a Catalog,
        /// The lease; the run stops when it is lost.
        lease: &'a Lease,
    },
    /// The vault alone: no catalog is alive.
    Vault,
}

/// A runbook on its way.
pub struct Driver<'a> {
    /// What is done.
    pub runbook: &'a Runbook,
    /// Who says that it may be done.
    pub authority: Authority<'a>,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Raised by Ctrl-C.
    pub cancel: Cancel,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who asked.
    pub who: String,
    /// The machine's name, for snapshots.
    pub host: String,
    /// What all transfers of the run go through.
    pub(super) flow: Arc<Flow>,
    pub(super) repository: OnceLock<Repository>,
    /// What each step is expected to take, where that is known.
    expected: Vec<Option<Expected>>,
    /// What the freeze of this run brought about, in this process or before.
    rest: Mutex<Option<Rest>>,
    /// What other programs are told while this runs, by the names of the vaults.
    pub(super) announced: Mutex<Vec<(String, Announced)>>,
}

impl std::fmt::Debug for Driver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("runbook", &self.runbook.point)
            .finish_non_exhaustive()
    }
}

impl<'a> Driver<'a> {
    /// A driver that has done nothing yet.
    pub fn new(
        runbook: &'a Runbook,
        authority: Authority<'a>,
        observer: &'a dyn Observer,
        cancel: &Cancel,
        clock: Arc<dyn Clock>,
        who: String,
    ) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            runbook,
            authority,
            observer,
            // A wish ends this run, and not what else its caller does.
            cancel: cancel.part(),
            clock,
            who,
            host,
            flow: opening::flow(&runbook.vault),
            repository: OnceLock::new(),
            expected: Vec::new(),
            rest: Mutex::default(),
            announced: Mutex::default(),
        }
    }

    /// The same, where it is known what each step will take.
    #[must_use]
    pub fn expecting(mut self, expected: Vec<Option<Expected>>) -> Self {
        self.expected = expected;
        self
    }

    /// Carries the runbook out, from the first step whose result does not stand in the log.
    ///
    /// # Errors
    /// What failed. The log says so too, except after an interruption: then the run can be resumed.
    pub fn drive(&self, log: &mut dyn Log) -> Result<(), Error> {
        let run = log.run().and_then(|run| run.parse().ok());
        let driven = match (self.authority, run) {
            (Authority::Catalog { catalog, .. }, Some(run)) => {
                let wishes = Wishes::new(catalog, run, self.cancel.clone());
                std::thread::scope(|scope| {
                    scope.spawn(|| wishes.watch());
                    let driven = self.drive_steps(log, Some(&wishes));
                    wishes.end();
                    self.heed(log, &wishes, driven)
                })
            }
            _ => self.drive_steps(log, None),
        };
        self.end_notices();
        driven
    }

    /// A run that was interrupted because somebody wished it says so.
    fn heed(&self, log: &mut dyn Log, wishes: &Wishes<'_>, driven: Result<(), Error>) -> Result<(), Error> {
        match (driven, wishes.heard(), log.run()) {
            (Err(Error::Interrupted { .. }), Some(Wished { wish: Wish::Pause, by }), Some(run)) => {
                let key = format!("paused {}", self.clock.now());
                log.append(&key, json!({"by": by}), false)?;
                Err(Error::Paused { run, by })
            }
            (Err(Error::Interrupted { .. }), Some(Wished { wish: Wish::Cancel, by }), Some(run)) => {
                self.end_canceled(log, &by)?;
                Err(Error::Canceled { run, by })
            }
            (driven, ..) => driven,
        }
    }

    /// Ends the log of a run that is to end, and removes what it left on this machine.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn end_canceled(&self, log: &mut dyn Log, by: &str) -> Result<(), Error> {
        if let Err(error) = freeze::forget(self) {
            let text = format!("what was read and not moved yet stays on this machine: {error}");
            self.observer.event(&Event::Note { text });
        }
        log.append("ended", json!({"result": RunResult::Canceled, "by": by}), true)
    }

    fn drive_steps(&self, log: &mut dyn Log, wishes: Option<&Wishes<'_>>) -> Result<(), Error> {
        let of = self.runbook.steps.len();
        let mut behind: Option<Error> = None;
        let resumed = log.get("begun").is_some();
        log.append("begun", json!({"by": self.who, EXPECTED: self.expected}), false)?;
        let expected = expected_by(log);
        self.observer.event(&Event::Started {
            run: log.run(),
            verb: self.runbook.verb.to_string(),
            application: self.runbook.name().to_string(),
            point: self.runbook.point.clone(),
            steps: of,
            resumed,
        });
        if self.runbook.verb == Verb::Copy
            && let (Err(error), Some(step)) = (self.repository(), self.runbook.steps.first())
        {
            // Without the first vault there is nothing to copy, whatever the others are like.
            return Err(self.failed(log, step, error));
        }
        self.thaw_before(log)?;
        // What an interrupted attempt did of a step is not in the time that the next one takes.
        let mut is_continued = resumed;
        for (number, step) in (1..).zip(&self.runbook.steps) {
            let key = format!("step-{number}");
            if let Some(outcome) = log
                .get(&key)
                .and_then(|body| serde_json::from_value::<Outcome>(body).ok())
            {
                self.done(number, of, step, &outcome, 0.0, true);
                continue;
            }
            let foretold = expected.get(number - 1).copied().flatten();
            self.observer.event(&Event::Step {
                number,
                of,
                text: step.text(),
                bytes: step.bytes(),
                expected_bytes: foretold.and_then(|foretold| foretold.bytes),
                expected_seconds: foretold.map(|foretold| forecast::seconds(foretold.milliseconds)),
                left_seconds: forecast::left(&expected, number - 1, 0).map(forecast::seconds),
            });
            if let Some(wishes) = wishes {
                wishes.look();
            }
            let begun = Instant::now();
            crash::point(crash::Kind::Step);
            match self.step(step) {
                Ok(mut outcome) => {
                    crash::point(crash::Kind::Step);
                    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    outcome.milliseconds = (!is_continued).then_some(milliseconds);
                    let body = serde_json::to_value(&outcome).unwrap_or_default();
                    log.append(&key, body, false)?;
                    crash::point(crash::Kind::Step);
                    self.done(number, of, step, &outcome, begun.elapsed().as_secs_f64(), false);
                }
                // The point is sealed: a further vault that cannot be reached leaves it behind and does not undo it.
                Err(error) if matches!(step, Step::Copy { .. }) && self.is_the_vaults(&error) => {
                    let text = format!("{}: {error}", step.text());
                    self.observer.event(&Event::Note { text });
                    behind.get_or_insert(error);
                }
                Err(error) => return Err(self.failed(log, step, error)),
            }
            is_continued = false;
        }
        if let Some(error) = behind {
            return Err(self.left_behind(log, error));
        }
        log.append("ended", json!({"result": RunResult::Success}), true)?;
        self.observer.event(&Event::Ended {
            result: "success",
            detail: format!("point {}", self.runbook.point),
        });
        Ok(())
    }

    /// Nothing is brought back to an application that an earlier run left frozen: what writes there would wait for ever. A run
    /// that freezes looks by itself; one that does not any more takes away what those before it left.
    fn thaw_before(&self, log: &mut dyn Log) -> Result<(), Error> {
        let has_frozen = self.runbook.steps.iter().any(|step| matches!(step, Step::Freeze(_)));
        let looks = match self.runbook.verb {
            Verb::Restore | Verb::Recover => true,
            Verb::Protect => !has_frozen,
            _ => false,
        };
        let Some(step) = self.runbook.steps.first().filter(|_| looks) else {
            return Ok(());
        };
        let thawed = self.site().and_then(|site| freeze::thaw_left(self, &site));
        let mut notes = thawed.map_err(|error| self.failed(log, step, error))?;
        if self.runbook.verb == Verb::Protect {
            notes.extend(freeze::drop_left(self));
        }
        if !notes.is_empty() {
            log.append("thawed", json!({"notes": notes}), false)?;
        }
        for text in notes {
            self.observer.event(&Event::Note { text });
        }
        Ok(())
    }

    /// What the freeze of this run brought about, where it had one.
    pub(super) fn rest(&self) -> Option<Rest> {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, number: usize, of: usize, step: &Step, outcome: &Outcome, seconds: f64, before: bool) {
        if outcome.rest.is_some() {
            *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = outcome.rest;
        }
        for note in &outcome.notes {
            self.observer.event(&Event::Note { text: note.clone() });
        }
        let detail = outcome.detail.clone();
        self.observer.event(&Event::Done {
            number,
            of,
            text: step.text(),
            detail,
            seconds,
            before,
        });
    }

    /// Whether a failure is that of one vault alone, and not of this run: others may act on.
    fn is_the_vaults(&self, error: &Error) -> bool {
        !self.is_interruption(error)
            && !matches!(
                error,
                Error::Superseded { .. } | Error::SplitBrain { .. } | Error::Lease(_) | Error::Catalog(_)
            )
    }

    fn is_interruption(&self, error: &Error) -> bool {
        self.cancel.is_canceled()
            || matches!(error, Error::Vault(error) if error.is_canceled())
            || matches!(error, Error::Interrupted { .. })
    }

    /// Ends a run whose own work is done and whose copies are not.
    fn left_behind(&self, log: &mut dyn Log, error: Error) -> Error {
        let what = match self.runbook.verb {
            Verb::Copy => format!("not every copy is made: {error}"),
            _ => format!(
                "point {} is sealed, and not every copy is made: {error}",
                self.runbook.point
            ),
        };
        let help = format!(
            "`dram copy {}` makes what is missing, and so does the next protect",
            self.runbook.name()
        );
        let body = json!({"result": RunResult::Partial, "error": what, "help": help});
        if let Err(second) = log.append("ended", body, true) {
            return second;
        }
        self.observer.event(&Event::Ended {
            result: "partial",
            detail: what.clone(),
        });
        Error::Partial { what, help }
    }

    fn failed(&self, log: &mut dyn Log, step: &Step, error: Error) -> Error {
        if self.is_interruption(&error) {
            self.observer.event(&Event::Ended {
                result: "interrupted",
                detail: step.text(),
            });
            return Error::Interrupted { run: log.run() };
        }
        if let Some(text) = freeze::drop_snapshots(self) {
            self.observer.event(&Event::Note { text });
        }
        let body = json!({"result": RunResult::Failed, "step": step.text(), "error": error.to_string(), "help": error.help(), "exit": error.exit() as u8});
        // The first failure is what the caller must hear of; that the log could not take it is said beside it.
        if let Err(second) = log.append("ended", body, true) {
            self.observer.event(&Event::Note {
                text: format!("the failure could not be written to the log: {second}"),
            });
        }
        self.observer.event(&Event::Ended {
            result: "failed",
            detail: step.text(),
        });
        error
    }

    fn step(&self, step: &Step) -> Result<Outcome, Error> {
        if self.cancel.is_canceled() {
            return Err(Error::Interrupted { run: None });
        }
        self.entitled()?;
        match step {
            Step::CaptureFiles { .. } | Step::CaptureImage { .. } | Step::CaptureDump { .. } => {
                match step.captures().first() {
                    Some(what) => capture::capture(self, what),
                    None => Ok(Outcome::default()),
                }
            }
            Step::Freeze(what) => freeze::freeze(self, what),
            Step::Move { captures } => freeze::take_in(self, captures),
            Step::Hook { hook, .. } => freeze::hook(self, *hook),
            Step::Seal {
                class,
                consistency,
                anomaly,
            } => capture::seal(self, *class, *consistency, *anomaly),
            Step::Copy { vault } => copy::copy(self, vault),
            Step::Preflight {
                items,
                overwrite,
                owners,
            } => recover::preflight(self, items, *overwrite, owners),
            Step::TakeOver { epoch, reason } => recover::take_over(self, *epoch, reason),
            Step::Fence { epoch } => recover::fence(self, *epoch),
            Step::Stop { component, required } => recover::stop(self, component, *required),
            Step::RestoreFiles {
                item,
                overwrite,
                only,
                owners,
                ..
            } => recover::files(self, item, *overwrite, only, owners),
            Step::RestoreImage { item, overwrite, .. } => recover::image(self, item, *overwrite),
            Step::WriteImage {
                item, file, overwrite, ..
            } => recover::write_image(self, item, file, *overwrite),
            Step::WriteDump {
                item, file, overwrite, ..
            } => recover::write_dump(self, item, file, *overwrite),
            Step::Start { component } => recover::start(self, component),
            Step::LoadDump { component, item } => recover::load_dump(self, component, item),
            Step::Health { component } => recover::health(self, component),
        }
    }

    /// Fails when this run may no longer act: the lease is lost, or a higher epoch stands.
    pub(super) fn entitled(&self) -> Result<(), Error> {
        let Authority::Catalog { catalog, lease } = self.authority else {
            return Ok(());
        };
        lease.check()?;
        let application = self.catalog_name()?;
        match catalog.epoch(&application)? {
            Some(epoch) if epoch.number > self.runbook.epoch => Err(Error::Superseded {
                application: application.to_string(),
                epoch: epoch.number,
                site: epoch.site,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn catalog_name(&self) -> Result<Name, Error> {
        Name::application(self.runbook.name()).map_err(|why| Error::Catalog(why.into()))
    }

    /// The site's driver.
    pub(super) fn site(&self) -> Result<HostSite, Error> {
        let site = terms::host_site(&self.runbook.site)?;
        // The application's commands have no business with the vaults' secrets.
        let vaults = [&self.runbook.vault]
            .into_iter()
            .chain(self.runbook.copies.iter().map(|copy| &copy.vault));
        let mut withheld: Vec<String> = vaults.flat_map(|vault| vault.variables().map(str::to_owned)).collect();
        if let Authority::Catalog { catalog, .. } = self.authority {
            let location = catalog.location();
            let of_catalog: &[&str] = match location.split_once("://") {
                Some(("s3", _)) => &AWS_CHAIN,
                Some(("postgres", _)) => &["PGPASSWORD"],
                _ => &[],
            };
            withheld.extend(of_catalog.iter().map(|name| (*name).to_owned()));
        }
        Ok(site.withholding(withheld))
    }

    pub(super) fn origin(&self) -> Origin {
        Origin {
            host: self.host.clone(),
            time: self.clock.now(),
        }
    }

    /// What is never captured: the vault, the catalog where it lies on this machine, and what the site keeps for us.
    pub(super) fn skip(&self) -> Result<Vec<PathBuf>, Error> {
        let vaults = [&self.runbook.vault]
            .into_iter()
            .chain(self.runbook.copies.iter().map(|copy| &copy.vault));
        let mut skip: Vec<PathBuf> = vaults
            .filter_map(|vault| vault.directory().map(PathBuf::from))
            .collect();
        skip.push(self.site()?.private());
        skip.extend(self.catalog_folder());
        Ok(skip)
    }

    /// Where the catalog lies on this machine.
    pub(super) fn catalog_folder(&self) -> Option<PathBuf> {
        let Authority::Catalog { catalog, .. } = self.authority else {
            return None;
        };
        catalog.location().strip_prefix("file://").map(PathBuf::from)
    }
}

/// What each step is expected to take, as it stands in the log of a run that has begun.
pub(crate) fn expected_by(log: &dyn Log) -> Vec<Option<Expected>> {
    let expected = log.get("begun").and_then(|begun| begun.get(EXPECTED).cloned());
    expected
        .and_then(|expected| serde_json::from_value(expected).ok())
        .unwrap_or_default()
}

/// A vault error that means cancellation becomes an interruption.
pub(super) fn vault_error(error: VaultError) -> Error {
    if error.is_canceled() {
        Error::Interrupted { run: None }
    } else {
        Error::Vault(error)
    }
}
