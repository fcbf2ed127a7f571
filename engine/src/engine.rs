//! The engine: what command line, API and web page call. It keeps no state of its own.

mod adopt;
mod alone;
mod ask;
mod calendars;
mod closure;
mod control;
mod declare;
mod diff;
mod doctor;
mod frozen;
mod history;
mod kit;
mod known;
mod mark;
mod points;
mod protect;
mod prune;
mod rebuild;
mod reconcile;
mod recover;
mod restore;
mod resume;
mod runs;
mod serve;
mod status;
mod verify;
mod work;

pub use ask::{Ask, AskedRun};
pub(crate) use control::pause;
pub use declare::{Applied, Apply, Change};
pub use diff::{DiffCounts, DiffRequest, DiffTold, ItemDiff};
pub use doctor::{Answer, Finding};
pub use kit::{KitKey, KitMiss, KitReport};
pub use mark::{MarkRequest, Marked};
pub use points::{Pick, PointRow, Source};
pub use protect::ProtectRequest;
pub use prune::{PruneReport, PruneRequest};
pub use rebuild::Rebuilt;
pub use recover::{RecoverRequest, recover, recover_preview, vault_points};
pub use restore::{Preview, RestoreRequest, Where};
pub use runs::RunRow;
pub use serve::{Serve, Told};
pub use status::{StatusRow, WaitingRun};
pub use verify::{Level, Verified};
pub use work::WorkRow;

use crate::error::Error;
use crate::run::{Event, Observer, Quiet};
use crate::vault::Cancel;
use dram_catalog::record::lease::{Holder, Lease, Silent};
use dram_catalog::{Catalog, CatalogUrl, Clock, LeaseName, Name, SystemChance};
use std::sync::Arc;
use std::time::Duration;

/// How long a lease lasts without a heartbeat.
const LEASE: Duration = Duration::from_secs(30);
/// How long a run waits for another run of the same application whose process is at work: it does not queue, it says who is at
/// work. A process that shows no life is waited for until its lease has expired.
const PATIENCE: Duration = Duration::from_secs(2);

/// The engine of one tenant.
pub struct Engine {
    catalog: Catalog,
    url: CatalogUrl,
    who: String,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("catalog", &self.catalog.location())
            .finish_non_exhaustive()
    }
}

/// Who watches a verb, and how it is stopped.
#[derive(Clone)]
pub struct Watch<'a> {
    /// Told of everything that happens.
    pub observer: &'a dyn Observer,
    /// Raised to stop.
    pub cancel: Cancel,
}

impl<'a> Watch<'a> {
    /// Watched by `observer`, stopped by `cancel`.
    #[must_use]
    pub fn new(observer: &'a dyn Observer, cancel: &Cancel) -> Self {
        Self {
            observer,
            cancel: cancel.clone(),
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the catalog. Nothing else is touched until a verb needs it.
    ///
    /// # Errors
    /// The address or the tenant cannot be used, or there is no catalog.
    pub fn open(url: &str, tenant: &str, who: &str) -> Result<Self, Error> {
        let url: CatalogUrl = parse_url(url)?;
        let tenant = Name::tenant(tenant).map_err(|why| Error::Usage {
            why: why.to_string(),
            help: why.help(),
        })?;
        Ok(Self::of(Catalog::open(&url, &tenant)?, url, who))
    }

    /// The engine of a catalog that is open, with the catalog's clock for everything that it writes down.
    #[must_use]
    pub fn of(catalog: Catalog, url: CatalogUrl, who: &str) -> Self {
        Self {
            catalog,
            url,
            who: who.to_owned(),
        }
    }

    /// The catalog.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.catalog.clock())
    }

    /// The lease under which everything that changes an application runs.
    fn lease(&self, application: &Name) -> Result<Lease, Error> {
        self.lease_telling(application, &Quiet)
    }

    /// The same for whoever wants to hear of a wait: a holder that shows no life is waited for until its lease has expired.
    fn lease_telling(&self, application: &Name, observer: &dyn Observer) -> Result<Lease, Error> {
        let name = self.lease_name(application);
        let holder = Holder::this_process(&SystemChance);
        let mut waits = |silent: &Silent| {
            let (pid, host) = (silent.pid, &silent.host);
            let seconds = silent.at_most.as_secs_f64().ceil();
            let text = format!(
                "process {pid} on `{host}` works at {application} and shows no life: its lease is waited for, {seconds} s at most"
            );
            observer.event(&Event::Note { text });
        };
        Ok(Lease::outlast(
            &self.catalog,
            &name,
            &holder,
            LEASE,
            PATIENCE,
            &mut waits,
        )?)
    }

    fn lease_name(&self, application: &Name) -> LeaseName {
        LeaseName::application(self.catalog.tenant(), application)
    }
}

/// The address of a catalog.
///
/// # Errors
/// It is none that this engine knows.
pub fn parse_url(url: &str) -> Result<CatalogUrl, Error> {
    url.parse().map_err(|why: dram_catalog::BadUrl| Error::Usage {
        why: why.to_string(),
        help: why.help(),
    })
}

fn application_name(name: &str) -> Result<Name, Error> {
    Name::application(name).map_err(|why| Error::Usage {
        why: why.to_string(),
        help: why.help(),
    })
}
