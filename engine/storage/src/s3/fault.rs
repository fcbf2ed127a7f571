//! Sorts what the client and the store say by what a caller can do about it.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::Fault;

/// What kind of failure it was, and in whose words.
pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> (Fault, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let (code, message) = (answer.err().code(), answer.err().message());
            (sorted(status, code), words(status, code, message))
        }
        SdkError::ConstructionFailure(_) => {
            let why = chain(error);
            let fault = if is_about_credentials(&why) {
                Fault::Credentials
            } else {
                Fault::Failed
            };
            (fault, why)
        }
        SdkError::DispatchFailure(_) => {
            let why = chain(error);
            let fault = if is_about_credentials(&why) {
                Fault::Credentials
            } else {
                Fault::Unreachable
            };
            (fault, why)
        }
        // An answer that cannot be read is one that broke off.
        _ => (Fault::Unreachable, chain(error)),
    }
}

/// The same for a call whose answer has a body: a store then says what is missing. A bare 404 comes from something else that
/// stands at the endpoint, such as a proxy that does not know where the store is, and is no word about the object.
pub(super) fn of_named<E>(error: &SdkError<E, HttpResponse>) -> (Fault, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let names_it = matches!(error, SdkError::ServiceError(answer) if answer.err().code().is_some());
    match of(error) {
        (Fault::Missing, words) if !names_it => (Fault::Unreachable, format!("{words}, not from an object store")),
        other => other,
    }
}

fn is_about_credentials(why: &str) -> bool {
    why.contains("credential") || why.contains("profile")
}

/// Names of errors: Amazon's reference of S3's error responses, and those that other stores add.
fn sorted(status: u16, code: Option<&str>) -> Fault {
    match (status, code) {
        (_, Some("NoSuchBucket")) => Fault::NoBucket,
        (_, Some("NoSuchKey" | "NoSuchVersion")) => Fault::Missing,
        (
            _,
            Some(
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "TokenRefreshRequired",
            ),
        ) => Fault::Credentials,
        (_, Some("RequestTimeTooSkewed")) => Fault::Credentials,
        (_, Some("QuotaExceeded" | "InsufficientCapacity" | "EntityTooLarge" | "XMinioStorageFull")) => Fault::NoSpace,
        (_, Some("SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout" | "OperationAborted")) => {
            Fault::Busy
        }
        (_, Some("ConditionalRequestConflict")) => Fault::Busy,
        (
            _,
            Some(
                "BadDigest"
                | "InvalidDigest"
                | "XAmzContentChecksumMismatch"
                | "XAmzContentSHA256Mismatch"
                | "IncompleteBody",
            ),
        ) => Fault::Damaged,
        (_, Some("NotImplemented" | "MethodNotAllowed")) => Fault::Unsupported,
        (401 | 403, _) => Fault::Denied,
        (404, _) => Fault::Missing,
        (412, _) => Fault::Exists,
        (405 | 501, _) => Fault::Unsupported,
        (507, _) => Fault::NoSpace,
        (408 | 429 | 500..=599, _) => Fault::Busy,
        _ => Fault::Failed,
    }
}

fn words(status: u16, code: Option<&str>, message: Option<&str>) -> String {
    match (code, message.filter(|message| !message.is_empty())) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => format!("status {status}"),
    }
}

/// An error with its causes, on one line. The client's own errors say little without them.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
