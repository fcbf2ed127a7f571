//! Deciding: from model, records and inventory to the ordered steps of one action.
//!
//! Everything here is a pure function. A [`Runbook`] can be printed, reviewed and kept; it holds all that carrying it out
//! needs, so that a run continues from its log alone even when declarations have changed since.

mod capture;
mod copy;
mod hook;
mod protect;
mod refusal;
mod restore;
mod retention;
mod step;
mod vault;

pub use capture::{Capture, Freeze, Unusual};
pub use copy::worth_copying;
pub use protect::{Protect, copy, protect};
pub use refusal::Refusal;
pub use restore::{Asked, Destination, FilesOnly, Landing, Restore, asked_items, files_only, restore};
pub use retention::{Candidate, Kept, Pruning, RetentionRef, prune};
pub use step::{RUNBOOK_FORMAT, Recorded, Runbook, Scope, SiteRef, Step, Verb};
pub(crate) use vault::AWS_CHAIN;
pub use vault::{CopyRef, CredentialsRef, LockRef, PlaceRef, S3Ref, SecretPlace, TransferRef, VaultRef};

#[cfg(test)]
mod tests;
