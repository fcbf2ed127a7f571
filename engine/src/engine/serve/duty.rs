//! What the scheduler knows of one application, and whose turn it is.

use super::Told;
use crate::schedule::{Due, Firing, Known, due};
use dram_compiler::calendar::Calendar;
use dram_compiler::model::Verify;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// What the scheduler knows of an application.
#[derive(Debug, Default)]
pub(super) struct Duty {
    /// Its firings; nothing where no interval meets the objective and none is stated.
    pub(super) calendar: Option<Calendar>,
    pub(super) known: Known,
    /// The day whose retention was carried out.
    pub(super) pruned: Option<Timestamp>,
    pub(super) is_running: bool,
    /// When the last firing, which failed, is tried again, and the pause after that.
    pub(super) again: Option<(Instant, Duration)>,
    pub(super) verify: Option<Verify>,
    /// The last firing of verification that was served.
    pub(super) verified: Option<Timestamp>,
    pub(super) is_verifying: bool,
    /// Verification failed, and waits a while.
    pub(super) rests_until: Option<Instant>,
}

/// What is to be done for an application now.
pub(super) enum Turn {
    /// Nothing.
    Rest,
    /// This firing is due.
    Serve(Firing),
    /// The firing of this moment passes: the last run is still at work.
    Skip(Timestamp),
    /// What failed is tried again.
    Again,
}

impl Duty {
    /// What is to be done now. Tells of firings that pass because their schedules say so.
    pub(super) fn turn(&mut self, application: &str, now: Timestamp, tell: &(dyn Fn(&Told) + Sync)) -> Turn {
        let due = self
            .calendar
            .as_ref()
            .and_then(|calendar| due(calendar, application, &self.known, now));
        match due {
            Some(Due::Serve(firing)) if self.is_running => {
                self.known.served = Some(firing.through);
                Turn::Skip(firing.at)
            }
            Some(Due::Serve(firing)) => {
                self.known.seen = Some(firing.through);
                Turn::Serve(firing)
            }
            Some(Due::Pass { newest, others }) => {
                tell(&Told::Passed {
                    application: application.to_owned(),
                    firing: newest,
                    missed: others,
                });
                self.known.served = Some(newest);
                Turn::Rest
            }
            None => {
                let again = self.calendar.is_some() && self.again.is_some_and(|(at, _)| at <= Instant::now());
                match again && !self.is_running {
                    true => Turn::Again,
                    false => Turn::Rest,
                }
            }
        }
    }
}
