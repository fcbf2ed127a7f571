//! The work of a serving engine for one application, in a thread of its own.

use super::Told;
use crate::engine::ask::By;
use crate::engine::prune::PruneRequest;
use crate::engine::runs::runbook;
use crate::engine::{Engine, Level, ProtectRequest, Watch, application_name};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::Quiet;
use crate::runbook::{Refusal, Verb};
use crate::schedule::{Firing, due_every};
use crate::vault::{Cancel, Class, Sample};
use dram_catalog::LeaseName;
use dram_catalog::record::lease::{LeaseError, may_be_held};
use dram_compiler::model::{Verify, VerifyLevel};
use jiff::Timestamp;
use std::time::Instant;

/// What one thread does for one application.
pub(super) struct Job<'a> {
    pub(super) engine: &'a Engine,
    pub(super) tell: &'a (dyn Fn(&Told) + Sync),
    pub(super) cancel: &'a Cancel,
    pub(super) application: String,
}

impl Job<'_> {
    /// Makes the point of a firing, or of one that failed before; whether it may be tried again.
    pub(super) fn serve(&self, firing: Option<Firing>) -> bool {
        let begun = Instant::now();
        let watch = Watch::new(&Quiet, self.cancel);
        match self.left() {
            Ok(Some(run)) => {
                (self.tell)(&Told::Resumes {
                    application: self.application.clone(),
                    run: run.clone(),
                });
                match self.engine.take_up(&run, By::Engine, &watch) {
                    Ok(runbook) => self.protected(runbook.point, begun),
                    Err(error) => self.failed(&error),
                }
            }
            Ok(None) => {}
            Err(error) => self.failed(&error),
        }
        if self.cancel.is_canceled() {
            return false;
        }
        let begun = Instant::now();
        if let Some(firing) = firing {
            (self.tell)(&Told::Fires {
                application: self.application.clone(),
                firing: firing.at,
                missed: firing.missed,
            });
        }
        let request = ProtectRequest {
            application: self.application.clone(),
            components: Vec::new(),
            class: Class::Scheduled,
            dry_run: false,
            firing: firing.map(|firing| firing.at),
        };
        match (self.engine.protect(&request, &watch), firing) {
            (Ok(runbook), _) => self.protected(runbook.point, begun),
            (
                Err(error @ (Error::Lease(LeaseError::Held { .. }) | Error::Refused(Refusal::Served { .. }))),
                Some(firing),
            ) => (self.tell)(&Told::Skipped {
                application: self.application.clone(),
                firing: firing.at,
                why: error.to_string(),
            }),
            (Err(error), _) => {
                self.failed(&error);
                // A vault that was away for a minute must not cost a day. What a rule refuses stays refused.
                return matches!(error.exit(), Exit::Failed | Exit::Unreachable);
            }
        }
        false
    }

    /// The newest run that makes a point and that nobody works at: what it stored already need not be stored again.
    fn left(&self) -> Result<Option<String>, Error> {
        let application = application_name(&self.application)?;
        let lease = LeaseName::application(self.engine.catalog.tenant(), &application);
        if may_be_held(&self.engine.catalog, &lease)? {
            return Ok(None);
        }
        let mut left = None;
        for (requested, log) in self.engine.open_runs(&application)? {
            let protects = runbook(&log).is_some_and(|runbook| runbook.verb == Verb::Protect);
            // One that is paused waits for a person.
            if protects && !self.engine.is_paused(requested.id)? {
                left = left.max(Some(requested.id.to_string()));
            }
        }
        Ok(left)
    }

    /// Carries retention out; whether that was tried.
    pub(super) fn prune(&self) -> bool {
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

    /// Verifies the newest point of each vault where that is due. The vault knows when one was verified last, by whomever.
    pub(super) fn verify(&self, verify: &Verify, now: Timestamp) -> Result<(), Error> {
        let level = match verify.level {
            VerifyLevel::Checksum => Level::Checksum,
            VerifyLevel::Restore => Level::Restore,
            VerifyLevel::Boot | VerifyLevel::Health => {
                return Err(Error::NotYet {
                    what: format!("`verify.level: {}`", verify.level.word()),
                });
            }
        };
        let mut failed = None;
        for vault in self.engine.vaults_of(&self.application)? {
            if self.cancel.is_canceled() {
                return Ok(());
            }
            let verified = || -> Result<(), Error> {
                let last = self
                    .engine
                    .last_verified(&self.application, &vault, level, verify.sample.is_some())?;
                if due_every(verify.every.seconds, last, now).is_none() {
                    return Ok(());
                }
                let watch = Watch::new(&Quiet, self.cancel);
                // Each firing has a turn of its own, so that they read everything one after the other.
                let turn = now.as_second().unsigned_abs() / verify.every.seconds.max(1);
                let sample = verify.sample.map(|percent| Sample::of(percent.get(), turn));
                let found = self
                    .engine
                    .verify_some(&self.application, Some(&vault), level, sample, &watch)?;
                let application = found.application;
                (self.tell)(&if found.damages.is_empty() {
                    Told::Verified {
                        application,
                        vault: vault.clone(),
                        point: found.point,
                        level: found.level,
                    }
                } else {
                    Told::Damaged {
                        application,
                        vault: vault.clone(),
                        point: found.point,
                        damages: found.damages,
                    }
                });
                Ok(())
            };
            match verified() {
                // Nothing was made or copied yet.
                Ok(()) | Err(Error::NoPoint { .. }) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn protected(&self, point: String, begun: Instant) {
        (self.tell)(&Told::Protected {
            application: self.application.clone(),
            point,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }

    pub(super) fn failed(&self, error: &Error) {
        (self.tell)(&Told::Failed {
            application: self.application.clone(),
            error: error.to_string(),
            help: error.help(),
        });
    }
}
