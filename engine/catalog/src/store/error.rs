//! What goes wrong with a store.

use std::fmt;
use std::io;

use dram_storage::StorageError;
use dram_storage::retry::Passing;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Opening the store.
    Open,
    /// Reading a record.
    Read,
    /// Creating a record.
    Create,
    /// Listing a folder.
    List,
    /// Removing a record.
    Remove,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Open => "open",
            Action::Read => "read",
            Action::Create => "create",
            Action::List => "list",
            Action::Remove => "remove",
        })
    }
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store does not answer, or its directory is gone. What it holds is unknown.
    Unreachable,
    /// The store answers that it cannot now. Whether the call had an effect is unknown.
    Busy,
    /// No credentials were found, or the store does not accept them.
    Credentials,
    /// The store cannot prove that it is the one that the address names.
    Untrusted,
    /// The store answers, but not to us.
    Denied,
    /// The bucket, database or schema that should hold the catalog is not there. This is never the same as an empty one.
    NoPlace,
    /// The tables were made by a release that this one does not work with.
    OtherRelease,
    /// The store is full. The record was not created.
    NoSpace,
    /// What lies at that key cannot be a record.
    Corrupt,
    /// The store answered with an error of another kind.
    Failed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Unreachable => "the catalog is unreachable",
            Fault::Busy => "the catalog's store is busy",
            Fault::Credentials => "the credentials are not accepted",
            Fault::Untrusted => "the connection cannot be trusted",
            Fault::Denied => "permission denied",
            Fault::NoPlace => "the place for the catalog is not there",
            Fault::OtherRelease => "its tables belong to another release",
            Fault::NoSpace => "no space is left",
            Fault::Corrupt => "it is no record",
            Fault::Failed => "the store failed",
        })
    }
}

/// A store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{place}`: {fault}")]
pub struct StoreError {
    /// What kind of failure it was.
    pub fault: Fault,
    /// What was tried.
    pub action: Action,
    /// The place, as a person would look for it.
    pub place: String,
    /// What the system said.
    pub source: io::Error,
}

impl StoreError {
    /// Whether the same call may succeed a moment later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self.fault {
            Fault::Unreachable | Fault::Busy | Fault::Failed => true,
            Fault::Credentials
            | Fault::Untrusted
            | Fault::Denied
            | Fault::NoPlace
            | Fault::OtherRelease
            | Fault::NoSpace
            | Fault::Corrupt => false,
        }
    }

    /// The way out.
    pub fn help(&self) -> String {
        match self.fault {
            Fault::Unreachable => {
                "see that the catalog's storage is mounted and reachable; nothing is taken for gone until it answers"
                    .to_owned()
            }
            Fault::Busy => "wait a little, then run the same command again".to_owned(),
            Fault::Credentials => {
                "S3: look at the profile or the `AWS_` variables that this process was given; PostgreSQL: at `PGPASSWORD`, `PGPASSFILE` or `~/.pgpass`, and at the user in the address"
                    .to_owned()
            }
            Fault::Untrusted => {
                "let the server show a certificate for the name in the address; roots of your own are named by `SSL_CERT_FILE`"
                    .to_owned()
            }
            Fault::NoPlace => {
                "look at the spelling and the region in the address; buckets and databases are made by their owner, the rest by `dram catalog init`"
                    .to_owned()
            }
            Fault::OtherRelease => {
                "an older catalog is brought up to date by `dram catalog init`; for a newer one use the newer release"
                    .to_owned()
            }
            Fault::Denied => format!(
                "give this user the right to {} there, or run as the catalog's owner",
                self.action
            ),
            Fault::NoSpace => "free space at the catalog's place, then run the same command again".to_owned(),
            Fault::Corrupt => {
                "restore this record from a copy, or move it away and rebuild with `dram catalog rebuild`".to_owned()
            }
            Fault::Failed => "look at the system's message and at the storage below the catalog".to_owned(),
        }
    }
}

impl From<StorageError> for StoreError {
    /// What goes wrong before a call has a name and a place of its own.
    fn from(error: StorageError) -> Self {
        super::s3::store_error(Action::Open, &error)
    }
}

impl Passing for StoreError {
    fn may_pass(&self) -> bool {
        self.is_transient()
    }
}

/// Sorts an error of the operating system.
pub(crate) fn fault_of(error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Fault::Denied,
        Kind::StorageFull | Kind::QuotaExceeded => Fault::NoSpace,
        Kind::NotFound
        | Kind::NotConnected
        | Kind::TimedOut
        | Kind::StaleNetworkFileHandle
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown => Fault::Unreachable,
        Kind::IsADirectory | Kind::NotADirectory => Fault::Corrupt,
        _ => Fault::Failed,
    }
}
