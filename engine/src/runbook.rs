//! Deciding: from model, records and inventory to the ordered steps of one action.
//!
//! Everything here is a pure function. A [`Runbook`] can be printed, reviewed and kept; it holds all that carrying it out
//! needs, so that a run continues from its log alone even when declarations have changed since.

mod protect;
mod refusal;
mod restore;
mod retention;
mod step;

pub use protect::{Protect, protect};
pub use refusal::Refusal;
pub use restore::{Destination, FilesOnly, Restore, files_only, restore};
pub use retention::{Candidate, Kept, Pruning, prune};
pub use step::{PasswordRef, RUNBOOK_FORMAT, Recorded, Runbook, Scope, SiteRef, Step, VaultRef, Verb};

#[cfg(test)]
mod tests;
