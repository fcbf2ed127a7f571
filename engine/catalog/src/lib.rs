//! Records of intent and authority, and the stores that keep them.
//!
//! A [`Catalog`] lies in a [`Store`]: a small port of four calls that can create a record but never overwrite one. On top of
//! it stand numbered series ([`Series`]), in which losing a race is an ordinary answer, and on top of those the records by
//! their meaning: declarations behind one door, epochs, the index of points, requests and run logs, observations, leases.
//!
//! Everything here blocks. Nothing here reads a site, a vault or a secret.

mod catalog;
mod chance;
mod clock;
mod diagnose;
mod error;
mod layout;
mod name;
mod url;

pub mod record;
pub mod store;

pub use catalog::{Catalog, Header, Initialised};
pub use chance::{Chance, SystemChance};
pub use clock::{Clock, SystemClock};
pub use diagnose::{About, Finding, Grade, diagnose};
pub use error::CatalogError;
pub use layout::{Folder, Key};
pub use name::{BadName, KindTag, LeaseName, Name};
pub use record::series::{Appended, Numbered, Series};
pub use record::{FORMAT, Nonce, READER, Record};
pub use store::Store;
pub use url::{BadPostgres, BadUrl, CatalogUrl, PostgresAddress, SslMode};

#[cfg(test)]
mod proofs;
#[cfg(test)]
mod testing;
