//! The address of a vault as people write it, and what is asked of the way to it.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use dram_storage::{Address, Credentials};
use jiff::Timestamp;

use super::error::VaultError;
use super::store::{Cached, Flow, Store};
use super::swift::SwiftPlace;

/// Where a vault lies, with who may go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A directory of this machine, such as a mounted share.
    Directory(PathBuf),
    /// A bucket, or a prefix in one.
    S3(S3Place),
    /// A container of Swift, or a prefix in one.
    Swift(SwiftPlace),
}

/// A vault in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    /// Where it is.
    pub address: Address,
    /// Who reads and writes there. Need not be able to remove anything.
    pub credentials: Credentials,
    /// Who prunes there, if somebody else.
    pub prune_credentials: Option<Credentials>,
}

/// How a vault is used.
#[derive(Debug, Clone, Default)]
pub struct VaultOptions {
    /// What its transfers go through; those of several vaults together, where they are given the same.
    pub flow: Arc<Flow>,
    /// The lock that protects every point that is sealed; only where the store knows locks.
    pub lock: Option<Lock>,
    /// What the vault held at that time is read; nothing can be written then. Only where the store keeps versions.
    pub as_of: Option<Timestamp>,
    /// The folder on this machine where copies of its small files are kept, which many commands need; only where the vault is
    /// not on this machine itself.
    pub cache: Option<PathBuf>,
}

/// How much of the connection all transfers that share it may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transfer {
    /// Calls at the same time; the store's own choice where nothing is said.
    pub parallel: Option<usize>,
    /// Bytes a second, up and down together; without one there is no limit.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// Until when, from its seal on, nothing of a point can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Whom it stops.
    pub mode: dram_storage::Mode,
    /// How long, from the sealing of a point.
    pub period: Duration,
}

impl VaultOptions {
    /// A store of the vault, with copies of its small files where they are wanted.
    pub(super) fn cached(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match &self.cache {
            None => store,
            Some(folder) => Arc::new(Cached::new(store, folder)),
        }
    }

    /// An option without effect is refused.
    pub(super) fn check(&self, place: &Place) -> Result<(), VaultError> {
        let useless = |option| {
            Err(VaultError::UselessOption {
                option,
                place: place.to_string(),
            })
        };
        match place {
            Place::Directory(_) | Place::Swift(_) if self.lock.is_some() => useless("a lock"),
            Place::Directory(_) | Place::Swift(_) if self.as_of.is_some() => useless("a time in the past"),
            Place::Directory(_) if self.cache.is_some() => useless("a cache"),
            Place::Directory(_) | Place::Swift(_) => Ok(()),
            Place::S3(_) if self.as_of.is_some() && self.lock.is_some() => useless("a lock on what is only read"),
            Place::S3(_) => Ok(()),
        }
    }
}

impl FromStr for Place {
    type Err = VaultError;

    /// A path, or an address with a scheme.
    fn from_str(text: &str) -> Result<Self, VaultError> {
        let refuse = |reason: String| VaultError::BadPlace {
            place: text.split('?').next().unwrap_or_default().to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(refuse("it is empty".to_owned()));
        }
        match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Directory(path.into())),
            Some(("file", _)) => Err(refuse("a `file://` address names a whole path".to_owned())),
            Some(("s3", _)) => match text.parse::<Address>() {
                Ok(address) => Ok(Self::S3(S3Place {
                    address,
                    credentials: Credentials::Chain,
                    prune_credentials: None,
                })),
                Err(error) => Err(VaultError::BadPlace {
                    place: error.address,
                    reason: error.why,
                }),
            },
            Some(("swift", _)) => match text.parse::<SwiftPlace>() {
                Ok(place) => Ok(Self::Swift(place)),
                Err(reason) => Err(refuse(reason.to_owned())),
            },
            Some((scheme, _)) if !scheme.contains('/') => Err(refuse(format!("no vault lies on `{scheme}`"))),
            _ => Ok(Self::Directory(text.into())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::S3(place) => write!(f, "{}", place.address),
            Self::Swift(place) => write!(f, "{place}"),
        }
    }
}
