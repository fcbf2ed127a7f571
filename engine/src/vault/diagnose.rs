//! What can be told about a vault before it is needed: who may do what there, and whether its promises are kept.

use dram_storage::Versioning;
use jiff::SignedDuration;

use super::error::VaultError;
use super::growth::Growth;
use super::place::Vault;

/// What was found. Data, not text: whoever shows it chooses the words.
#[derive(Debug)]
pub struct Diagnosis {
    /// Whether the vault is there and answers; nothing else is known if not.
    pub reached: Result<(), VaultError>,
    /// What the credentials that protect may do. Those that can remove can be used to destroy the points.
    pub writer: Rights,
    /// What the credentials that prune may do, if they are others. Where versions are kept, to remove means for good here.
    pub pruner: Option<Rights>,
    /// Whether the place keeps versions; nothing if it knows none.
    pub versioning: Option<Versioning>,
    /// Whether the lock that is asked for holds.
    pub lock: LockCheck,
    /// The place's clock minus ours.
    pub skew: Option<SignedDuration>,
    /// What lies there.
    pub used: Option<Used>,
    /// How fast it grows; nothing while it is too young to tell.
    pub growth: Option<Growth>,
    /// The bytes that are left, where the place says so.
    pub free_bytes: Option<u64>,
}

/// What somebody may do, tried out with a small object below `.dram-probe`. It is removed again where that is allowed, and left
/// where it is not: under the same name each time, so that it piles up only as versions of a bucket that keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights {
    /// List what is there.
    pub list: Right,
    /// Read it.
    pub read: Right,
    /// Add to it.
    pub write: Right,
    /// Remove from it, or hide it from readers.
    pub remove: Right,
}

/// The answer to whether somebody may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// It was done.
    Yes,
    /// It was refused.
    No,
    /// It was not tried, or failed otherwise; why, if known.
    Unknown(String),
}

impl Default for Right {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// Whether a lock holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockCheck {
    /// None is asked for.
    NotAsked,
    /// A locked object was not removed, though credentials tried that may remove what is not locked.
    Holds,
    /// It does not; why.
    Broken(String),
    /// It could not be tried; why.
    Unknown(String),
}

/// What lies in a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Files, with every version that is kept.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Diagnosis {
    /// Of a vault that nothing is known of but why.
    pub(super) fn unreached(error: VaultError) -> Self {
        Self {
            reached: Err(error),
            ..Self::reached()
        }
    }

    /// Of a vault that answered, before anything else was asked.
    pub(super) fn reached() -> Self {
        Self {
            reached: Ok(()),
            writer: Rights::default(),
            pruner: None,
            versioning: None,
            lock: LockCheck::NotAsked,
            skew: None,
            used: None,
            growth: None,
            free_bytes: None,
        }
    }
}

impl Vault {
    /// Looks at the vault, and tries out with small objects what may be done there; the one that is locked stays for the seconds
    /// of its lock, until the next look. Costs a listing of all of it.
    #[must_use]
    pub fn diagnose(&self) -> Diagnosis {
        match self.require() {
            Ok(()) => self.ground().diagnose(),
            Err(error) => Diagnosis::unreached(error),
        }
    }
}
