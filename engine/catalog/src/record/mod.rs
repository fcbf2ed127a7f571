//! Records: their envelope, and by meaning what they say.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::error::CatalogError;
use crate::layout::Key;
use crate::store::{Creation, Store, StoreError};

pub mod compaction;
pub mod declaration;
pub mod engine;
pub mod epoch;
pub mod feed;
pub mod lease;
pub mod observation;
pub mod point;
pub mod run;
pub mod series;

/// The format of the records that this release writes.
pub const FORMAT: u32 = 1;
/// The newest `min_reader` that this release understands.
pub const READER: u32 = 1;

/// How often a call whose answer got lost is made with the same arguments.
const TRIES: u32 = 3;

/// What tells a writer its own record after a lost reply: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(u128);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A record: its envelope and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The format in which it was written.
    pub format: u32,
    /// The oldest reader that understands it.
    pub min_reader: u32,
    /// Its writer's own mark.
    pub nonce: Nonce,
    /// Wall time of its writer, for people.
    pub at: Timestamp,
    /// Who wrote it, for people.
    pub by: String,
    /// The number that its writer had seen last in this series; `None` when it had seen none.
    pub base: Option<u64>,
    /// What it says.
    pub body: Value,
}

/// The envelope as it is written.
#[derive(Serialize, Deserialize)]
struct Wire {
    format: u32,
    min_reader: u32,
    nonce: String,
    at: String,
    by: String,
    base: Option<u64>,
    body: Value,
}

/// All that may be read of a record before it is known to be understood.
#[derive(Deserialize)]
struct Peek {
    min_reader: u32,
}

impl Record {
    pub(crate) fn new(chance: &dyn Chance, clock: &dyn Clock, by: &str, base: Option<u64>, body: Value) -> Self {
        Record {
            format: FORMAT,
            min_reader: READER,
            nonce: Nonce(chance.bits()),
            at: clock.now(),
            by: by.to_owned(),
            base,
            body,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let wire = Wire {
            format: self.format,
            min_reader: self.min_reader,
            nonce: self.nonce.to_string(),
            at: self.at.to_string(),
            by: self.by.clone(),
            base: self.base,
            body: self.body.clone(),
        };
        let mut text = body_of(&wire).to_string().into_bytes();
        text.push(b'\n');
        text
    }

    fn decode(location: String, key: &Key, bytes: &[u8]) -> Result<Self, CatalogError> {
        let corrupt = |why: String| CatalogError::Corrupt {
            location: location.clone(),
            key: key.clone(),
            why,
        };
        let peek: Peek = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
        if peek.min_reader > READER {
            return Err(CatalogError::TooNew {
                location,
                key: key.clone(),
                min_reader: peek.min_reader,
            });
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
        let nonce = u128::from_str_radix(&wire.nonce, 16).map_err(|_| corrupt("`nonce` is no number".to_owned()))?;
        let at = wire.at.parse().map_err(|_| corrupt("`at` is no time".to_owned()))?;
        Ok(Record {
            format: wire.format,
            min_reader: wire.min_reader,
            nonce: Nonce(nonce),
            at,
            by: wire.by,
            base: wire.base,
            body: wire.body,
        })
    }
}

/// How placing a record ended.
#[derive(Debug)]
pub(crate) enum Placed {
    /// It stands under its key.
    Won,
    /// Another stood there first; `None` when it has been removed since.
    Lost(Option<Box<Record>>),
}

/// Creates a record. An answer that gets lost is asked for again with the same bytes: the nonce tells our own record, so
/// that a writer never takes another's for its own nor its own for another's.
///
/// When the store fails for good the outcome is unknown; the error says so by being the store's.
pub(crate) fn place(store: &dyn Store, key: &Key, mine: &Record) -> Result<Placed, CatalogError> {
    let bytes = mine.encode();
    let creation = patiently(store, || store.create(key, &bytes))?;
    match creation {
        Creation::Won => Ok(Placed::Won),
        Creation::Exists => match fetch(store, key)? {
            Some(standing) if standing.nonce == mine.nonce => Ok(Placed::Won),
            standing => Ok(Placed::Lost(standing.map(Box::new))),
        },
    }
}

/// Calls a store, and again with the same arguments while it fails in a way that may pass, unless the store does that itself.
pub(crate) fn patiently<T>(
    store: &dyn Store,
    mut call: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let most = if store.perseveres() { 1 } else { TRIES };
    let mut tries = 1;
    loop {
        match call() {
            Err(error) if error.is_transient() && tries < most => tries += 1,
            answer => return answer,
        }
    }
}

/// Reads a record; `None` when there is none.
pub(crate) fn fetch(store: &dyn Store, key: &Key) -> Result<Option<Record>, CatalogError> {
    patiently(store, || store.read(key))?
        .map(|bytes| Record::decode(store.location(), key, &bytes))
        .transpose()
}

/// Reads several records; the error of a store is everybody's, that of a record its own.
pub(crate) fn fetch_many(
    store: &dyn Store,
    keys: &[Key],
) -> Result<Vec<Result<Option<Record>, CatalogError>>, CatalogError> {
    let found = patiently(store, || store.read_many(keys))?;
    let decode = |(key, bytes): (&Key, Option<Vec<u8>>)| {
        bytes
            .map(|bytes| Record::decode(store.location(), key, &bytes))
            .transpose()
    };
    Ok(keys.iter().zip(found).map(decode).collect())
}

/// Reads the body of a record as `T`.
pub(crate) fn read_body<T: DeserializeOwned>(store: &dyn Store, key: &Key, record: &Record) -> Result<T, CatalogError> {
    T::deserialize(&record.body).map_err(|error| CatalogError::Corrupt {
        location: store.location(),
        key: key.clone(),
        why: error.to_string(),
    })
}

/// The JSON of one of our own shapes.
pub(crate) fn body_of<T: Serialize>(wire: &T) -> Value {
    #[expect(
        clippy::expect_used,
        reason = "our own shapes have text keys only and no serializer that fails"
    )]
    serde_json::to_value(wire).expect("a shape of ours is JSON")
}

#[cfg(test)]
mod tests;
