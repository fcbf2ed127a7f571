//! Taking up a run that was interrupted.

use super::runs::{application_of, run_id, runbook};
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::run::CatalogLog;
use crate::runbook::Runbook;
use dram_catalog::record::run::{Wish, Wished};

impl Engine {
    /// Continues a run from the first step whose result does not stand in its log.
    ///
    /// # Errors
    /// It has ended, was never decided, or fails again.
    pub fn resume(&self, run: &str, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let id = run_id(run)?;
        self.catalog.may_change()?;
        let requested = self.catalog.requested(id)?;
        let application = application_of(&requested);
        let refused = |why: &str| Error::NotResumable {
            run: run.to_owned(),
            why: why.to_owned(),
        };
        let lease = self.lease(&application_name(&application)?)?;
        let mut log = CatalogLog::new(self.catalog.run_log(id)?, self.clock());
        if log.ended() {
            return Err(refused("it has ended"));
        }
        let runbook = runbook(&log).ok_or_else(|| refused("it was interrupted before its steps were decided"))?;
        if let Wished { wish: Wish::Cancel, by } = self.catalog.wish(id, Wish::Go)? {
            self.end_canceled(&runbook, &lease, &mut log, &by)?;
            return Err(refused(&format!("{by} has canceled it")));
        }
        self.drive(&runbook, &lease, &mut log, watch)?;
        lease.release()?;
        Ok(runbook)
    }
}
