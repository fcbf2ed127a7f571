//! A repository in a bucket, in the layout that the stock program uses there.
//!
//! `config`, `keys/`, `index/`, `snapshots/`, `data/<first byte of the id>/`. Objects are written whole; a write that is tried
//! again after a lost answer writes the same bytes under the same name, which in a versioned bucket is one more version and
//! nothing worse.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use dram_storage::{Bucket, Condition, Fault, Mode, Retention, StorageError, Version, Versioning};
use jiff::Timestamp;
use rustic_core::Id;

use super::super::progress::Cancel;
use super::flow::Flow;
use super::{Claim, Kind, Locks, Store, StoreError};

/// The names that the layout knows; anything else in the folder is somebody else's.
const LAYOUT: [&str; 6] = ["config", "data", "index", "keys", "locks", "snapshots"];
/// So many names are told of what is in the way.
const NAMED: usize = 8;

/// The store of one repository below one folder of a bucket.
#[derive(Clone)]
pub struct S3 {
    bucket: Bucket,
    /// The repository's folder below the vault's, without slashes at its ends; may be empty.
    folder: Arc<str>,
    flow: Arc<Flow>,
    cancel: Cancel,
    /// Whom the vault's locks stop, where it has any.
    lock: Option<Mode>,
    /// What is written is locked until then from its writing on.
    retained: Option<Timestamp>,
    /// Nothing within: whoever asks is not told.
    versioning: Arc<OnceLock<Option<Versioning>>>,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl S3 {
    /// The repository in `folder` of what `bucket` shows. Nothing connects yet.
    pub(in super::super) fn new(bucket: Bucket, folder: &str, flow: Arc<Flow>, lock: Option<Mode>) -> Self {
        Self {
            bucket,
            folder: folder.into(),
            flow,
            cancel: Cancel::new(),
            lock,
            retained: None,
            versioning: Arc::default(),
        }
    }

    fn below(&self, name: &str) -> String {
        below(&self.folder, name)
    }

    fn key(&self, kind: Kind, id: &Id) -> String {
        self.below(&file(kind, id))
    }

    fn place(&self, key: &str) -> String {
        self.bucket.address().place(key)
    }

    /// Whether the bucket keeps versions; nothing where it does not tell us. A failure that may pass is no answer.
    fn versioning(&self) -> Result<Option<Versioning>, StoreError> {
        if let Some(known) = self.versioning.get() {
            return Ok(*known);
        }
        let asked = told(self.bucket.versioning())?;
        Ok(*self.versioning.get_or_init(|| asked))
    }

    /// What has to be removed one by one so that a key's space comes back; nothing where the key alone is enough, or all that
    /// we may name.
    fn versions(&self, key: &str) -> Result<Option<Vec<Version>>, StoreError> {
        let listed = match self.versioning()? {
            Some(Versioning::Never) => return Ok(None),
            Some(Versioning::Enabled | Versioning::Suspended) => Some(self.bucket.list_versions(key)?),
            None => told(self.bucket.list_versions(key))?,
        };
        Ok(listed.map(|mut versions| {
            versions.retain(|version| version.key == key);
            versions
        }))
    }

    fn retention(&self) -> Option<Retention> {
        let (mode, until) = self.lock.zip(self.retained)?;
        Some(Retention { mode, until })
    }
}

/// What a bucket tells of its versions; nothing if it does not tell us, or knows none.
fn told<T>(answer: Result<T, StorageError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(error) if matches!(error.fault, Fault::Denied | Fault::Unsupported) => {
            tracing::debug!(%error, "which versions the bucket keeps is unknown");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The name of a file below a repository's folder.
pub(in super::super) fn file(kind: Kind, id: &Id) -> String {
    let hex = id.to_hex();
    match kind {
        Kind::Config => "config".to_owned(),
        Kind::Pack => format!("data/{}/{}", hex.get(..2).unwrap_or_default(), hex.as_str()),
        Kind::Key | Kind::Snapshot | Kind::Index | Kind::Notice => format!("{}/{}", kind.folder(), hex.as_str()),
    }
}

pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The id and size of a listed file of a kind; nothing for what is no such file.
pub(super) fn listed(key: &str, size: u64, place: impl Fn() -> String) -> Option<Result<(Id, u32), StoreError>> {
    let id = key.rsplit('/').next()?.parse::<Id>().ok()?;
    Some(match u32::try_from(size) {
        Ok(size) => Ok((id, size)),
        Err(_) => Err(StoreError::Io {
            action: "read",
            place: place(),
            source: std::io::Error::other("it is larger than 4 GiB, which no repository file is"),
        }),
    })
}

impl Store for S3 {
    fn location(&self) -> String {
        self.place(&self.folder)
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let _turn = self.flow.turn(&self.cancel)?;
        if kind == Kind::Config {
            // A listing tells a bucket that is not there from a repository that is not.
            let name = self.below("config");
            let found = self.bucket.list(&name)?.into_iter().find(|object| object.key == name);
            return match found {
                None => Ok(Vec::new()),
                Some(object) => Ok(vec![(Id::default(), u32::try_from(object.size).unwrap_or(u32::MAX))]),
            };
        }
        let objects = self.bucket.list(&self.below(&format!("{}/", kind.folder())))?;
        let mut found = Vec::with_capacity(objects.len());
        for object in objects {
            if let Some(file) = listed(&object.key, object.size, || self.place(&object.key)) {
                found.push(file?);
            }
        }
        Ok(found)
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let key = self.key(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        let content = self.bucket.get(&key, None)?.ok_or_else(|| StoreError::Missing {
            place: self.place(&key),
        })?;
        self.flow.pass(content.len(), &self.cancel)?;
        Ok(content)
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        let key = self.key(kind, id);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let _turn = self.flow.turn(&self.cancel)?;
        self.flow
            .pass(usize::try_from(length).unwrap_or(usize::MAX), &self.cancel)?;
        let read = self.bucket.get_range(&key, None, u64::from(offset), u64::from(length));
        whole_range(read, offset, length, || self.place(&key))
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        let key = self.key(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        self.flow.pass(content.iter().map(Bytes::len).sum(), &self.cancel)?;
        if kind != Kind::Config {
            self.bucket
                .put(&key, content, Condition::None, self.retention().as_ref())?;
            return Ok(());
        }
        // A versioned bucket of some stores ignores the condition, so it is looked at first; two that make one repository
        // at the same moment are kept apart by whoever calls.
        if self.bucket.head(&key, None)?.is_some() {
            return Err(StoreError::Exists {
                place: self.place(&key),
            });
        }
        match self
            .bucket
            .put(&key, content, Condition::Absent, self.retention().as_ref())
        {
            Ok(_) => Ok(()),
            // The answer to our own write may have been lost.
            Err(error) if error.fault == Fault::Exists => {
                let there = self.bucket.get(&key, None)?.unwrap_or_default();
                if there == content.concat() {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            Err(error) if error.fault == Fault::Unsupported => {
                self.bucket
                    .put(&key, content, Condition::None, self.retention().as_ref())?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        let key = self.key(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        let Some(versions) = self.versions(&key)? else {
            self.bucket.delete(&key, None)?;
            return Ok(());
        };
        // Newest first: should a lock stop it halfway, what a reader sees is gone with the first.
        for version in versions {
            self.bucket.delete(&key, Some(&version.id))?;
        }
        Ok(())
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        let view = Self {
            bucket: self.bucket.with_cancel(cancel),
            cancel: cancel.clone(),
            ..self.clone()
        };
        Some(Arc::new(view))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        let folder = self.below("");
        let page = self.bucket.list_folder(&folder)?;
        let objects = page.objects.into_iter().map(|object| object.key);
        let mut found: Vec<String> = objects
            .map(|key| key.strip_prefix(&folder).unwrap_or(&key).to_owned())
            .chain(page.folders)
            .filter(|name| !name.is_empty() && !LAYOUT.contains(&name.as_str()))
            .map(|name| format!("`{name}`"))
            .collect();
        found.sort();
        found.truncate(NAMED);
        if found.is_empty() {
            Ok(Claim::default())
        } else {
            let place = self.location();
            Err(StoreError::Foreign { place, found })
        }
    }

    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        let head = self.bucket.head(&self.key(kind, id), None)?;
        Ok(head.and_then(|head| head.modified).map(SystemTime::from))
    }

    fn locks(&self) -> Option<&dyn Locks> {
        Some(self)
    }
}

impl Locks for S3 {
    fn now(&self) -> Result<Timestamp, StoreError> {
        let skew = self.bucket.clock_skew()?;
        Ok(Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::MAX))
    }

    fn until(&self, kind: Kind, id: &Id) -> Result<Option<Timestamp>, StoreError> {
        let key = self.key(kind, id);
        let head = self.bucket.head(&key, None)?.ok_or_else(|| StoreError::Missing {
            place: self.place(&key),
        })?;
        Ok(head.retention.map(|retention| retention.until))
    }

    fn extend(&self, kind: Kind, id: &Id, until: Timestamp) -> Result<bool, StoreError> {
        let key = self.key(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        let head = self.bucket.head(&key, None)?.ok_or_else(|| StoreError::Missing {
            place: self.place(&key),
        })?;
        let Some(mode) = self.lock else { return Ok(false) };
        // A lock is never made weaker: a stricter mode that is there already stays.
        let (mode, stands) = match head.retention {
            Some(there) if there.mode == Mode::Compliance => (Mode::Compliance, there.until >= until),
            Some(there) => (mode, there.mode == mode && there.until >= until),
            None => (mode, false),
        };
        if stands {
            return Ok(false);
        }
        let until = head.retention.map_or(until, |there| there.until.max(until));
        self.bucket
            .retain(&key, head.version.as_deref(), &Retention { mode, until })?;
        Ok(true)
    }

    fn retaining(&self, until: Timestamp) -> Arc<dyn Store> {
        Arc::new(Self {
            retained: Some(until),
            ..self.clone()
        })
    }
}

/// A range that is as long as was asked for, or the error that says why not.
pub(super) fn whole_range(
    read: Result<Option<Bytes>, StorageError>,
    offset: u32,
    length: u32,
    place: impl Fn() -> String,
) -> Result<Bytes, StoreError> {
    let truncated = || StoreError::Truncated {
        place: place(),
        offset: u64::from(offset),
        length: u64::from(length),
    };
    match read {
        Ok(None) => Err(StoreError::Missing { place: place() }),
        Ok(Some(bytes)) if u32::try_from(bytes.len()) == Ok(length) => Ok(bytes),
        Ok(Some(_)) => Err(truncated()),
        Err(error) if error.why.starts_with("InvalidRange") => Err(truncated()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_leaves_open_which_versions_there_are() {
        let answer = |fault| {
            told(Err::<(), _>(StorageError {
                fault,
                action: "ask for the versioning of",
                place: "s3://some-bucket".to_owned(),
                why: String::new(),
            }))
        };
        for fault in [Fault::Denied, Fault::Unsupported] {
            assert!(matches!(answer(fault), Ok(None)), "{fault:?}");
        }
        for fault in [
            Fault::Busy,
            Fault::Unreachable,
            Fault::Damaged,
            Fault::Credentials,
            Fault::Canceled,
        ] {
            assert!(answer(fault).is_err(), "{fault:?}");
        }
    }
}
