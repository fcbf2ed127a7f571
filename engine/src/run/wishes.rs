//! What others wish of a run while somebody works at it here.

use crate::vault::Cancel;
use dram_catalog::Catalog;
use dram_catalog::record::run::{Wish, Wished};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use ulid::Ulid;

/// How often it is looked for wishes, at first.
const SOON: Duration = Duration::from_secs(1);
/// How often later: each look is a call that an object store counts.
const LATER: Duration = Duration::from_secs(5);
/// For so many looks it is looked soon: who has just begun a run stops it most often.
const LOOKS_SOON: u32 = 30;

/// Looks for wishes until it is told to stop, and raises a flag when one wants the run to stop.
pub(super) struct Wishes<'a> {
    catalog: &'a Catalog,
    run: Ulid,
    stop: Cancel,
    heard: Mutex<Option<Wished>>,
    over: (Mutex<bool>, Condvar),
}

impl<'a> Wishes<'a> {
    /// Those of a run; `stop` is raised when one wants it to stop.
    pub(super) fn new(catalog: &'a Catalog, run: Ulid, stop: Cancel) -> Self {
        Self {
            catalog,
            run,
            stop,
            heard: Mutex::default(),
            over: (Mutex::new(false), Condvar::new()),
        }
    }

    /// What wanted the run to stop.
    pub(super) fn heard(&self) -> Option<Wished> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks once. A catalog that does not answer wishes nothing: whether the run may go on is decided by its lease.
    pub(super) fn look(&self) {
        match self.catalog.wished(self.run) {
            Ok(Some(wished)) if wished.wish != Wish::Go => {
                *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(wished);
                self.stop.cancel();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "wishes could not be read"),
        }
    }

    /// Looks now and then, until [`Self::end`] or a wish.
    pub(super) fn watch(&self) {
        let (over, bell) = &self.over;
        let mut over = over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looks = 0;
        while !*over && !self.stop.is_canceled() {
            let waited = bell.wait_timeout(over, pause(looks));
            looks += 1;
            over = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !*over {
                self.look();
            }
        }
    }

    /// Nobody needs to look any more.
    pub(super) fn end(&self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
    }
}

/// How long it is waited after so many looks.
const fn pause(looks: u32) -> Duration {
    if looks < LOOKS_SOON { SOON } else { LATER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_is_asked_after_every_few_seconds() {
        let day = Duration::from_secs(24 * 3600);
        let (mut looks, mut passed) = (0, Duration::ZERO);
        while passed < day {
            let next = pause(looks);
            assert!(next <= Duration::from_secs(5), "docs/runs.md promises it");
            (looks, passed) = (looks + 1, passed + next);
        }
        assert!(looks < 17_400, "{looks} calls a day");
    }
}
