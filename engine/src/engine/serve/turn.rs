//! Whose turn it is: of several engines that serve one tenant, one acts.

use super::{Desk, Told};
use crate::engine::LEASE;
use crate::error::Error;
use dram_catalog::record::lease::{Holder, Lease, LeaseError};
use dram_catalog::{Catalog, LeaseName};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

impl Desk<'_> {
    /// Whether this engine is the one that acts.
    pub(super) fn acts(&mut self) -> Result<bool, Error> {
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
                self.duties.retain(|_, duty| duty.is_running || duty.is_verifying);
                self.asked.retain(|_, asked| asked.is_running());
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
