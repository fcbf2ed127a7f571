//! What a request to a cloud can end with instead of an answer.

use std::time::Duration;

use dram_storage::retry::Passing;
use dram_storage::{Fault as StorageFault, StorageError};

use super::cloud::CloudError;

/// Why something was not done. Nothing here holds a secret: no header that we sent, no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The description of the cloud cannot be used.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// No connection, or it broke, or nothing came in time.
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    /// The server's certificate is not one that is believed.
    #[error("{host} cannot be believed: {why}")]
    Distrusted { host: String, why: String },
    /// Who we are is not accepted.
    #[error("{host} does not accept the credentials of the cloud `{cloud}`")]
    Unauthenticated { host: String, cloud: String },
    /// Who we are is accepted, what we ask is not.
    #[error("permission denied{}", after_colon(.said))]
    Forbidden { said: String },
    /// What was asked for is not there.
    #[error("not there")]
    Missing,
    /// No space, or no quota, is left.
    #[error("no space or quota is left{}", after_colon(.said))]
    NoSpace { said: String },
    /// The object is larger than the server takes.
    #[error("it is larger than the server takes")]
    TooLarge,
    /// The range begins behind the end.
    #[error("the object is too short")]
    OutOfRange,
    /// The server asks to come later, or could not do it now.
    #[error("the server answers {status}{}", after_colon(.said))]
    Busy {
        status: u16,
        said: String,
        /// How long it asks to be left alone.
        pause: Option<Duration>,
    },
    /// What arrived is not what was sent.
    #[error("what arrived differs from what was sent: {why}")]
    Altered { why: String },
    /// The catalog names no address for the object store, or several.
    #[error("the catalog of the cloud `{cloud}` {why}")]
    Catalog { cloud: String, why: String },
    /// The caller's flag was raised.
    #[error("the operation was canceled")]
    Canceled,
    /// Any other answer.
    #[error("the server answers {status}{}", after_colon(.said))]
    Unexpected { status: u16, said: String },
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

impl Fault {
    fn kind(&self) -> StorageFault {
        match self {
            Self::Cloud(_) | Self::Unauthenticated { .. } => StorageFault::Credentials,
            Self::Unreachable { .. } => StorageFault::Unreachable,
            Self::Forbidden { .. } => StorageFault::Denied,
            Self::Missing => StorageFault::Missing,
            Self::NoSpace { .. } => StorageFault::NoSpace,
            Self::Busy { .. } => StorageFault::Busy,
            Self::Altered { .. } => StorageFault::Damaged,
            Self::Canceled => StorageFault::Canceled,
            Self::TooLarge
            | Self::OutOfRange
            | Self::Distrusted { .. }
            | Self::Catalog { .. }
            | Self::Unexpected { .. } => StorageFault::Failed,
        }
    }

    /// The same in the words that all stores share. What they do not have is told in the rest.
    pub(super) fn told(&self, action: &'static str, place: &str) -> StorageError {
        let why = match (self, self.help()) {
            (Self::Missing | Self::Canceled, _) => String::new(),
            (_, Some(help)) => format!("{self}; {help}"),
            (_, None) => self.to_string(),
        };
        StorageError {
            fault: self.kind(),
            action,
            place: place.to_owned(),
            why,
        }
    }

    /// The way out, where the shared words have none.
    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Cloud(error) => error.help(),
            Self::Unauthenticated { .. } => {
                "see `clouds.yaml`; an application credential may have expired or been removed".into()
            }
            Self::Distrusted { .. } => "name the authority that signed its certificate as `cacert` of the cloud".into(),
            Self::TooLarge => "it takes no object that large, nor segments of it: ask its operator for `slo`".into(),
            Self::Catalog { .. } => {
                "set `region_name` and `interface`, or `object_store_endpoint_override`, in `clouds.yaml`".into()
            }
            Self::Forbidden { .. } => "the user needs a role that may do that, usually `member` of the project".into(),
            _ => return None,
        })
    }
}

impl Passing for Fault {
    fn may_pass(&self) -> bool {
        self.kind().is_transient()
    }

    fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Busy { pause, .. } => *pause,
            _ => None,
        }
    }
}

/// What ends a call from outside.
impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        match error.fault {
            StorageFault::Canceled => Self::Canceled,
            _ => Self::Unreachable {
                host: error.place,
                why: error.why,
            },
        }
    }
}
