//! Doing: a runbook is carried out step by step, each step begin or continue, every step in the run's log.

mod capture;
mod copy;
mod drive;
mod event;
mod log;
mod preview;
mod recover;
mod terms;

pub(crate) use capture::{DUMP_FILE, index_entry, is_partial};
pub(crate) use drive::agree;
pub use drive::{Authority, Driver, Outcome};
pub use event::{Event, Observer, Quiet};
pub use log::{CatalogLog, FileLog, Log};
pub(crate) use preview::preview;
pub(crate) use recover::keep_log;
pub(crate) use terms::{candidate, host_site, site_ref, vault_ref, vault_refs};
