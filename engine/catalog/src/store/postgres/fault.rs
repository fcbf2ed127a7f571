//! Sorts what the client and the server say by what a caller can do about it.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::Fault;

/// What kind of failure it was, and in whose words.
pub(super) fn of(error: &Error) -> (Fault, io::Error) {
    if let Some(said) = error.as_db_error() {
        // Details and hints may repeat what stands in a row; the message does not.
        let words = format!("{} ({})", said.message(), said.code().code());
        return (sorted(said.code()), io::Error::other(words));
    }
    let mut words = error.to_string();
    let mut is_about_trust = false;
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        is_about_trust |= error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>());
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    (sorted_words(&words, is_about_trust), io::Error::other(words))
}

/// Errors that the client makes itself carry no code: they are known by their words.
fn sorted_words(words: &str, is_about_trust: bool) -> Fault {
    if is_about_trust || words.contains("server does not support TLS") {
        Fault::Untrusted
    } else if words.starts_with("invalid configuration") || words.starts_with("authentication error") {
        Fault::Credentials
    } else if words.contains("unexpected number of rows") {
        Fault::Corrupt
    } else {
        Fault::Unreachable
    }
}

/// Codes of the appendix on errors in PostgreSQL's manual.
fn sorted(state: &SqlState) -> Fault {
    match *state {
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => Fault::Denied,
        SqlState::INVALID_CATALOG_NAME | SqlState::INVALID_SCHEMA_NAME | SqlState::UNDEFINED_TABLE => Fault::NoPlace,
        SqlState::UNDEFINED_COLUMN => Fault::OtherRelease,
        SqlState::DISK_FULL => Fault::NoSpace,
        SqlState::QUERY_CANCELED
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW => Fault::Unreachable,
        _ => match state.code().get(..2) {
            Some("28") => Fault::Credentials,
            Some("08") => Fault::Unreachable,
            // Too many connections, out of memory; a conflict of transactions.
            Some("53" | "40" | "55") => Fault::Busy,
            _ => Fault::Failed,
        },
    }
}
