//! What goes wrong with an object store.

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store does not answer, or not in time. Whether the call had an effect is unknown.
    Unreachable,
    /// The store answers that it cannot now, or asks for fewer calls. Whether the call had an effect is unknown.
    Busy,
    /// No credentials were found, or they are not accepted.
    Credentials,
    /// The credentials do not allow it, or the object is locked.
    Denied,
    /// The bucket or container is not there.
    NoBucket,
    /// The object is not there.
    Missing,
    /// An object of that name is there already, and was not to be overwritten.
    Exists,
    /// The store is full, or its quota used up.
    NoSpace,
    /// The store does not know this operation.
    Unsupported,
    /// What arrived is not what was sent, or the other way round.
    Damaged,
    /// The caller's flag was raised.
    Canceled,
    /// Any other answer.
    Failed,
}

impl Fault {
    /// Whether the same call may succeed a moment later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Unreachable | Self::Busy | Self::Damaged => true,
            Self::Credentials
            | Self::Denied
            | Self::NoBucket
            | Self::Missing
            | Self::Exists
            | Self::NoSpace
            | Self::Unsupported
            | Self::Canceled
            | Self::Failed => false,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "the store does not answer",
            Self::Busy => "the store is busy",
            Self::Credentials => "the credentials are not accepted",
            Self::Denied => "permission denied",
            Self::NoBucket => "the bucket is not there",
            Self::Missing => "it is not there",
            Self::Exists => "it exists already",
            Self::NoSpace => "no space is left",
            Self::Unsupported => "the store does not know this operation",
            Self::Damaged => "the content was damaged on its way",
            Self::Canceled => "the operation was canceled",
            Self::Failed => "the store failed",
        }
    }
}

/// A store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError {
    /// What kind of failure it was.
    pub fault: Fault,
    /// The verb of what was tried.
    pub action: &'static str,
    /// The address of what it was tried on, for people.
    pub place: String,
    /// What the store or the system said; may be empty.
    pub why: String,
}

impl std::error::Error for StorageError {}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {} `{}`: {}", self.action, self.place, self.fault.words())?;
        if self.why.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.why)
        }
    }
}

impl StorageError {
    /// Whether the same call may succeed a moment later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.fault.is_transient()
    }

    /// The way out, where there is one.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        Some(match self.fault {
            Fault::Unreachable => {
                "see that the endpoint is right and reachable from here; the same command goes on later"
            }
            Fault::Busy => "wait a little, or allow fewer transfers at once; the same command goes on later",
            Fault::Credentials => "look at the keys, the profile or the variables that this process was given",
            Fault::Denied => "give these credentials the right to do that; an object under a lock waits for its time",
            Fault::NoBucket => "make the bucket first, and look at the spelling and the region",
            Fault::NoSpace => "free space or raise the quota, then run again: what is stored already is kept",
            Fault::Unsupported => {
                "this store cannot do what is asked of it; choose another one, or leave that setting out"
            }
            Fault::Missing | Fault::Exists | Fault::Damaged | Fault::Canceled | Fault::Failed => return None,
        })
    }
}
