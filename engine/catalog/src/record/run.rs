//! Requests and runs: what was asked, and the log of what was done.
//!
//! A run has the id of its request. Its log is a series of batches of events; each event carries the key of the effect it tells
//! of, so that a writer that is resumed, or whose answer got lost, does not tell of one effect twice.

mod index;
mod log;
mod once;
mod wish;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::name::{KindTag, LeaseName, Name};
use crate::record::declaration::Subject;
use crate::record::feed::Change;
use crate::record::{Placed, Record, body_of, read_body};

pub use index::Forgotten;
pub use log::{Event, RunLog};
pub use once::Once;
pub use wish::{Wish, Wished};

/// What is asked of an engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The verb, such as `protect`.
    pub verb: String,
    /// The declared objects that the run works on; they cannot be withdrawn while it does.
    pub subjects: Vec<Subject>,
    /// The lease under which the run works. While nobody holds it, the run is interrupted rather than working.
    pub lease: Option<LeaseName>,
    /// Everything else that was asked, in a shape of the engine's own.
    pub detail: Value,
}

/// A request that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The id of the request and of its run.
    pub id: Ulid,
    /// What was asked.
    pub request: Request,
    /// The key of the asker's, where it was asked with one.
    pub key: Option<Name>,
    /// By whom.
    pub by: String,
    /// When, by the asker's wall clock.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct RequestWire {
    verb: String,
    subjects: Vec<(String, String)>,
    lease: Option<String>,
    detail: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Catalog {
    /// Asks for a run; its id. Nothing is begun by that.
    pub fn request(&self, request: &Request) -> Result<Ulid, CatalogError> {
        let body = body_of(&wire_of(request, None));
        loop {
            let id = self.fresh_id();
            // The indexes stand before what they lead to, so that no request is ever without them.
            self.mark_open(id, request)?;
            let key = Folder::requests(self.tenant()).ulid(id);
            // An id that is taken would be a coincidence of 80 random bits, or a source of chance that repeats itself.
            if let Placed::Won = self.place(&key, &self.fresh(None, body.clone()))? {
                self.announce(&Change::Requested { run: id });
                return Ok(id);
            }
        }
    }

    /// What was asked under `id`.
    pub fn requested(&self, id: Ulid) -> Result<Requested, CatalogError> {
        let key = Folder::requests(self.tenant()).ulid(id);
        match self.fetch(&key)? {
            Some(record) => self.read_request(id, &key, record),
            None => Err(CatalogError::NoRun {
                location: self.location(),
                run: id.to_string(),
            }),
        }
    }

    /// What was asked under several ids, in their order. Those that were forgotten meanwhile are left out.
    pub fn requested_many(&self, ids: &[Ulid]) -> Result<Vec<Requested>, CatalogError> {
        let folder = Folder::requests(self.tenant());
        let keys: Vec<Key> = ids.iter().map(|id| folder.ulid(*id)).collect();
        let mut requests = Vec::with_capacity(ids.len());
        for ((id, key), record) in ids.iter().zip(&keys).zip(self.fetch_many(&keys)?) {
            if let Some(record) = record? {
                requests.push(self.read_request(*id, key, record)?);
            }
        }
        Ok(requests)
    }

    /// Reads a request, or the mark of an open run, which has the same body.
    fn read_request(&self, id: Ulid, key: &Key, record: Record) -> Result<Requested, CatalogError> {
        let wire: RequestWire = read_body(self.store(), key, &record)?;
        let bad = |error: crate::BadName| self.corrupt(key, error.to_string());
        let mut subjects = Vec::new();
        for (kind, name) in &wire.subjects {
            let (kind, name) = (KindTag::new(kind).map_err(bad)?, Name::new("name", name).map_err(bad)?);
            subjects.push(Subject { kind, name });
        }
        let lease = wire.lease.as_deref().map(LeaseName::new).transpose().map_err(bad)?;
        let named = |key: &str| Name::new("key", key);
        let key_of_asker = wire.key.as_deref().map(named).transpose().map_err(bad)?;
        let request = Request {
            verb: wire.verb,
            subjects,
            lease,
            detail: wire.detail,
        };
        Ok(Requested {
            id,
            request,
            key: key_of_asker,
            by: record.by,
            at: record.at,
        })
    }
}

fn wire_of(request: &Request, key: Option<&Name>) -> RequestWire {
    RequestWire {
        verb: request.verb.clone(),
        subjects: request
            .subjects
            .iter()
            .map(|subject| (subject.kind.to_string(), subject.name.to_string()))
            .collect(),
        lease: request.lease.as_ref().map(ToString::to_string),
        detail: request.detail.clone(),
        key: key.map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests;
