//! The vault: where protected data lie, and the truth about points.
//!
//! One repository in restic's format for each application, at `<vault>/<tenant>/<application>`, written through the
//! library `rustic_core` and readable by the stock `restic` program. The modules stand in layers:
//!
//! - [`Place`] is the address of a vault; a ground finds the repositories there, a [`Store`] is the port to the files of one.
//!   A guard between it and the library adds cancelling, and refuses every snapshot of a source that was not read whole.
//! - [`Vault`], [`Location`] and [`Repository`] find, make and open repositories.
//! - captures write the items of a point, the seal makes them a point, attestations say something about it later.
//! - restores, lists, dumps and verifications read over the library's index, never through its own restore.
//!
//! Nothing here knows the model or the catalog: names, paths and JSON go in and come out. All calls block; progress and
//! cancelling are passed in.

mod accounts;
mod address;
mod adopt;
mod archive;
mod attestation;
mod beneath;
mod blob;
mod capture;
mod copy;
mod diagnose;
mod diff;
mod error;
mod ground;
mod growth;
mod guard;
mod image;
mod key;
mod list;
mod lock;
mod manifest;
mod mend;
mod notice;
mod pack;
mod parallel;
mod password;
mod place;
mod point;
mod progress;
mod prune;
mod repository;
mod restore;
mod snapshots;
mod source;
mod spool;
mod store;
mod stream;
mod swift;
mod verify;

#[cfg(test)]
mod tests;

pub use accounts::{AccountKind, Accounts};
pub use address::{Lock, Place, S3Place, Transfer, VaultOptions};
pub use adopt::Adopted;
pub(crate) use attestation::SAMPLED;
pub use attestation::{Attestation, Hold, Statement, Verification, Word};
pub use capture::{Captured, Origin};
pub use copy::{Copied, copy_point};
pub use diagnose::{Diagnosis, LockCheck, Right, Rights, Used};
pub use diff::{Difference, Differs};
pub use dram_storage::Versioning;
pub use dram_storage::{Address as S3Address, Credentials as S3Credentials, Mode as LockMode, Secret};
pub use error::{SourceFault, VaultError};
pub use growth::Growth;
pub(crate) use image::IMAGE_FILE;
pub use image::{CaptureImage, Imaged, RestoreImage};
pub use key::{Key, KeyLabel};
pub use list::{Entry, EntryKind};
pub use manifest::{
    Class, Consistency, Durability, Item, MANIFEST_FORMAT, MANIFEST_FORMAT_WITH_IMAGES, Manifest, Method, Writer,
};
pub use mend::Mended;
pub use notice::{Announced, Notice};
pub use password::Password;
pub use place::{Init, Location, Vault};
pub use point::{PointState, SealedPoint, Takeover};
pub use progress::{Basis, Cancel, Progress, Silent};
pub use prune::{LockedPoint, PrunePlan, Pruned};
pub use repository::Repository;
pub use restore::{Aspect, Change, Fate, OwnerRule, Owners, RestoreFiles, Restored, Selection, Survey};
pub use source::{CaptureFiles, Note, NoteKind};
pub use spool::Spool;
pub use store::{Claim, Directory, Flow, Kind, Locks, S3, Store, StoreError};
pub use stream::CaptureStream;
pub use swift::SwiftPlace;
pub use verify::{Checked, Damage, Sample, Verdict};
