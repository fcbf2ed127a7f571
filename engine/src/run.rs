//! Doing: a runbook is carried out step by step, each step begin or continue, every step in the run's log.

mod capture;
mod copy;
mod drive;
mod event;
mod freeze;
mod log;
mod outcome;
mod recover;
mod terms;

pub(crate) use capture::{index_entry, is_partial};
pub(crate) use drive::agree;
pub use drive::{Authority, Driver};
pub use event::{Event, Observer, Quiet};
pub use log::{CatalogLog, FileLog, Log};
pub use outcome::{Outcome, Rest};
pub(crate) use recover::keep_log;
pub(crate) use terms::{candidate, host_site, site_ref, vault_ref, vault_refs};
