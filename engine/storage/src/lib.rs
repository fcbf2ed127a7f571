//! Clients of object stores, shared by catalogs and vaults.
//!
//! A [`Bucket`] is what we need of S3, as blocking calls: whole objects, ranges, creates that never overwrite, listings with
//! and without versions, retention. [`Patience`] is the one rule by which a call that may succeed a moment later is tried again,
//! here and by the clients of other stores. [`crash`] are the places where a test kills a debug build. Nothing connects before its first call, and nothing here knows what the objects
//! mean.

mod cancel;
mod error;
mod runtime;
mod s3;

pub mod crash;
pub mod retry;

pub use cancel::Cancel;
pub use error::{Fault, StorageError};
pub use retry::Patience;
pub use runtime::block_on;
pub use s3::{
    Address, BadAddress, Bucket, Condition, Credentials, Head, LockRule, Mode, Object, Options, Page, Put, Retention,
    Secret, Version, VersionPage, Versioning,
};
