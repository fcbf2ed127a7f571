//! Leases: one writer at a time for an application or a duty.
//!
//! Each heartbeat is a record under the next number of the lease's series, so that taking and keeping a lease is the same race
//! for a number as everything else here. Records hold durations, never deadlines: whoever waits for a lease to expire waits
//! 1.5 times its duration on its own monotonic clock after the last change that it saw itself, and the holder stops calling it
//! its own once that duration has passed since its last heartbeat. Between the two lies the margin for clocks that run unevenly.
//!
//! A lease stops our writers only. A paused holder may still believe for a moment that it holds one: what it writes carries the
//! lease's number, and readers refuse what a superseded number wrote.

mod claim;
mod holder;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::LeaseName;

use claim::Claim;
pub use holder::Holder;

/// The shortest duration that a lease may have.
pub const SHORTEST: Duration = Duration::from_millis(100);
/// The longest duration that a lease may have.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A lease was not granted or did not last.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another holds it.
    #[error("the lease `{name}` is held by process {pid} on `{host}`")]
    Held {
        /// The lease.
        name: LeaseName,
        /// The other's machine.
        host: String,
        /// The other's process.
        pid: u32,
    },
    /// It was ours and is no longer.
    #[error("the lease `{name}` was lost")]
    Lost {
        /// The lease.
        name: LeaseName,
    },
    /// It was asked for with a duration that no lease can have.
    #[error("a lease cannot last {} ms", duration.as_millis())]
    Duration {
        /// What was asked for.
        duration: Duration,
    },
    /// The thread that keeps it could not be started.
    #[error("the lease `{name}` cannot be kept: no thread could be started")]
    Thread {
        /// The lease.
        name: LeaseName,
        /// What the system said.
        source: std::io::Error,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl LeaseError {
    /// The way out.
    pub fn help(&self) -> String {
        match self {
            LeaseError::Held { host, pid, .. } => format!(
                "another run is at work: wait until process {pid} on `{host}` has finished, or stop it and run this again"
            ),
            LeaseError::Lost { .. } => {
                "the catalog could not be reached in time, or another engine took over; `dram resume` continues the run"
                    .to_owned()
            }
            LeaseError::Duration { .. } => format!(
                "between {} ms and {} s are allowed",
                SHORTEST.as_millis(),
                LONGEST.as_secs()
            ),
            LeaseError::Thread { .. } => "look at the limits on threads of this user".to_owned(),
            LeaseError::Catalog(error) => error.help(),
        }
    }
}

/// A holder that shows no life and is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// After this its lease has expired, if it goes on showing no life.
    pub at_most: Duration,
}

/// A lease that is ours: kept by a thread of its own, given back when dropped.
#[derive(Debug)]
pub struct Lease {
    claim: Arc<Claim>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    keeper: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease `name` for `holder`. If another holds it, waits for at most `patience` until it is free or has expired.
    /// A holder that has provably ended on this machine does not delay.
    pub fn acquire(
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
        patience: Duration,
    ) -> Result<Self, LeaseError> {
        Self::kept(Claim::acquire(catalog, name, holder, duration, patience)?)
    }

    /// The same, but a holder that shows no life is waited for until its lease has expired: one on another machine that may have
    /// been lost, one here that was stopped. As soon as it shows life, or if it works on this machine, this gives up after
    /// `patience`. That it is waited for is told to `waits` once, when `patience` is over.
    pub fn outlast(
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
        patience: Duration,
        waits: &mut dyn FnMut(&Silent),
    ) -> Result<Self, LeaseError> {
        Self::kept(Claim::outlast(catalog, name, holder, duration, patience, waits)?)
    }

    fn kept(claim: Claim) -> Result<Self, LeaseError> {
        let (name, claim) = (claim.name().clone(), Arc::new(claim));
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let mut lease = Lease {
            claim: Arc::clone(&claim),
            stop: Arc::clone(&stop),
            keeper: None,
        };
        let keeper = std::thread::Builder::new()
            .name(format!("lease {name}"))
            .spawn(move || keep(&claim, &stop));
        match keeper {
            Ok(handle) => {
                lease.keeper = Some(handle);
                Ok(lease)
            }
            // Dropping the half-made lease gives it back.
            Err(source) => Err(LeaseError::Thread { name, source }),
        }
    }

    /// The number under which it was taken: higher than that of every holder before, lower than that of every one after.
    pub fn number(&self) -> u64 {
        self.claim.number()
    }

    /// Whether it is no longer surely ours. Ask before every effect, and stop on `true`.
    pub fn lost(&self) -> bool {
        self.claim.lost()
    }

    /// The same question as an error.
    pub fn check(&self) -> Result<(), LeaseError> {
        if self.lost() {
            Err(LeaseError::Lost {
                name: self.claim.name().clone(),
            })
        } else {
            Ok(())
        }
    }

    /// Gives it back; dropping does the same and forgets the error.
    pub fn release(mut self) -> Result<(), LeaseError> {
        self.stop_keeper();
        self.claim.release()
    }

    fn stop_keeper(&mut self) {
        let (stopped, bell) = &*self.stop;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked keeps nothing; the lease is given back all the same.
            let _ = keeper.join();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop_keeper();
        // Without this record the lease expires by itself.
        let _ = self.claim.release();
    }
}

/// Sends heartbeats until it is told to stop or the lease is lost.
fn keep(claim: &Claim, stop: &(Mutex<bool>, Condvar)) {
    let (stopped, bell) = stop;
    let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let waited = bell.wait_timeout_while(guard, claim.duration() / 3, |stopped| !*stopped);
        guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        if *guard {
            return;
        }
        drop(guard);
        // A heartbeat that fails is tried again; if that goes on for too long, `lost` says so by the clock.
        if let Err(LeaseError::Lost { .. }) = claim.beat() {
            return;
        }
        guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
    }
}

/// Whether somebody who may be alive holds the lease. `false` is certain; `true` may be a holder that died elsewhere.
pub fn may_be_held(catalog: &Catalog, name: &LeaseName) -> Result<bool, CatalogError> {
    let me = Holder::this_process(catalog.chance());
    let series = catalog.series(Folder::lease(name));
    match claim::last(&series, catalog)? {
        None => Ok(false),
        Some(last) => Ok(last.is_held(&me)),
    }
}

#[cfg(test)]
mod tests;
