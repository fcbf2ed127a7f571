//! What became of firings, by the records of their runs.

use crate::engine::Engine;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::{CatalogLog, Log};
use crate::runbook::Verb;
use dram_catalog::Name;
use dram_catalog::record::run::Requested;
use jiff::Timestamp;
use serde_json::Value;

/// The last firing of a schedule that an application was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct LastServed {
    /// Its moment.
    pub(in crate::engine) firing: Timestamp,
    /// Whether its run failed for a reason that may pass, and no point was made since: it is to be tried again.
    pub(in crate::engine) is_owed: bool,
}

/// How many of an application's newest runs are looked at before all are.
const RECENT: usize = 16;

impl Engine {
    /// The last firing that an application was served, and whether its point is owed.
    pub(in crate::engine) fn last_served(&self, application: &Name) -> Result<Option<LastServed>, Error> {
        let Some((firing, since)) = self.served_with_runs(application)? else {
            return Ok(None);
        };
        let mut is_owed = false;
        for run in since.iter().filter(|run| run.request.verb == Verb::Protect.to_string()) {
            let log = CatalogLog::new(self.catalog.run_log(run.id)?, self.clock());
            let ended = log.get("ended").unwrap_or_default();
            // A run that has not ended is taken up by itself.
            let exit = ended.get("exit").and_then(Value::as_u64);
            let passes = exit == Some(Exit::Failed as u64) || exit == Some(Exit::Unreachable as u64);
            if !passes {
                return Ok(Some(LastServed { firing, is_owed: false }));
            }
            is_owed = true;
        }
        Ok(Some(LastServed { firing, is_owed }))
    }

    /// The last firing that an application was served.
    pub(in crate::engine) fn served(&self, application: &Name) -> Result<Option<Timestamp>, Error> {
        Ok(self.served_with_runs(application)?.map(|(firing, _)| firing))
    }

    /// The last firing, with its run and those after it, newest first.
    fn served_with_runs(&self, application: &Name) -> Result<Option<(Timestamp, Vec<Requested>)>, Error> {
        let firing =
            |run: &Requested| -> Option<Timestamp> { run.request.detail.get("firing")?.as_str()?.parse().ok() };
        for most in [RECENT, usize::MAX] {
            let ids = self.catalog.newest_runs_of(application, most)?;
            let mut runs = self.catalog.requested_many(&ids)?;
            let last = runs.iter().filter_map(firing).max();
            if let Some(last) = last {
                let own = runs.iter().position(|run| firing(run) == Some(last));
                runs.truncate(own.map_or(runs.len(), |own| own + 1));
                return Ok(Some((last, runs)));
            }
            if ids.len() < most {
                break;
            }
        }
        Ok(None)
    }
}
