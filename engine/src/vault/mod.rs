//! The vault: where protected data lie, and the truth about points.
//!
//! One repository in restic's format for each application, at `<vault>/<tenant>/<application>`, written through the
//! library `rustic_core` and readable by the stock `restic` program. The modules stand in layers:
//!
//! - [`Store`] is the port to where files lie, [`Directory`] the one implementation; a guard between it and the library adds
//!   cancelling, and refuses every snapshot of a source that was not read whole.
//! - [`Vault`], [`Location`] and [`Repository`] find, make and open repositories.
//! - captures write the items of a point, the seal makes them a point, attestations say something about it later.
//! - restores, lists, dumps and verifications read over the library's index, never through its own restore.
//!
//! Nothing here knows the model or the catalog: names, paths and JSON go in and come out. All calls block; progress and
//! cancelling are passed in.

mod beneath;
mod blob;
mod capture;
mod directory;
mod error;
mod guard;
mod list;
mod manifest;
mod password;
mod place;
mod point;
mod progress;
mod prune;
mod repository;
mod restore;
mod source;
mod store;
mod stream;
mod verify;

#[cfg(test)]
mod tests;

pub use capture::{Captured, Origin};
pub use directory::Directory;
pub use error::{SourceFault, VaultError};
pub use list::{Entry, EntryKind};
pub use manifest::{Class, Durability, Item, MANIFEST_FORMAT, Manifest, Method, Writer};
pub use password::Password;
pub use place::{Init, Location, Vault};
pub use point::{Attestation, PointState, SealedPoint, Statement, Takeover, Verification};
pub use progress::{Basis, Cancel, Progress, Silent};
pub use prune::{PrunePlan, Pruned};
pub use repository::Repository;
pub use restore::{RestoreFiles, Restored};
pub use source::{CaptureFiles, Note, NoteKind};
pub use store::{Kind, Store, StoreError};
pub use stream::CaptureStream;
pub use verify::{Checked, Damage, Verdict};
