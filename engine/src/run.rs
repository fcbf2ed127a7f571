//! Doing: a runbook is carried out step by step, each step begin or continue, every step in the run's log.

mod anomaly;
mod capture;
mod copy;
mod drive;
mod event;
mod forecast;
mod freeze;
mod log;
mod outcome;
mod preview;
mod recover;
mod terms;
mod vaults;
mod wishes;

pub(crate) use capture::{DUMP_FILE, index_entry, is_partial};
pub(crate) use drive::expected_by;
pub use drive::{Authority, Driver};
pub use event::{Event, Observer, Quiet};
pub use forecast::{Expected, Took, expected, left, seconds};
pub(crate) use log::log_line;
pub use log::{CatalogLog, FileLog, Log};
pub use outcome::{Outcome, Rest};
pub(crate) use preview::preview;
pub(crate) use recover::keep_log;
pub(crate) use terms::{candidate, host_site, site_ref, vault_ref, vault_refs};
pub(crate) use vaults::agree;
