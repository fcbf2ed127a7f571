//! Taking up a run that was interrupted.

use super::ask::By;
use super::{Engine, Watch};
use crate::error::Error;
use crate::runbook::Runbook;

impl Engine {
    /// Continues a run from the first step whose result does not stand in its log. One that waits for an engine is carried out
    /// here.
    ///
    /// # Errors
    /// It has ended, was never decided, or fails again.
    pub fn resume(&self, run: &str, watch: &Watch<'_>) -> Result<Runbook, Error> {
        self.take_up(run, By::Person, watch)
    }
}
