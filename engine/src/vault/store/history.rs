//! What a repository in a versioned bucket held at a time. Markers and overwritten objects of later hide nothing, and nothing
//! can be written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dram_storage::{Bucket, Version};
use jiff::Timestamp;
use rustic_core::Id;

use super::super::progress::Cancel;
use super::flow::Flow;
use super::s3::{below, file, listed, whole_range};
use super::{Kind, Store, StoreError};

/// The version of each key that was to be seen: its id and its size in bytes.
type Seen = BTreeMap<String, (String, u64)>;

/// The store of one repository as it was.
#[derive(Clone)]
pub(in super::super) struct History {
    bucket: Bucket,
    folder: Arc<str>,
    flow: Arc<Flow>,
    cancel: Cancel,
    time: Timestamp,
    /// One listing of the versions serves all reading: what was, does not change.
    seen: Arc<Mutex<Option<Arc<Seen>>>>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl History {
    pub(in super::super) fn new(bucket: Bucket, folder: &str, flow: Arc<Flow>, time: Timestamp) -> Self {
        Self {
            bucket,
            folder: folder.into(),
            flow,
            cancel: Cancel::new(),
            time,
            seen: Arc::default(),
        }
    }

    /// What was to be seen at a time: of each key the newest version not younger than that, unless it is a marker.
    pub(in super::super) fn at(versions: Vec<Version>, time: Timestamp) -> Seen {
        let mut newest: BTreeMap<String, Version> = BTreeMap::new();
        for version in versions {
            let Some(written) = version.modified.filter(|written| *written <= time) else {
                continue;
            };
            // The listing has the newest first, so of two written at the same moment the first counts.
            match newest.get(&version.key) {
                Some(known) if known.modified >= Some(written) => {}
                _ => {
                    newest.insert(version.key.clone(), version);
                }
            }
        }
        newest
            .into_iter()
            .filter(|(_, version)| !version.is_marker)
            .map(|(key, version)| (key, (version.id, version.size)))
            .collect()
    }

    fn seen(&self) -> Result<Arc<Seen>, StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*seen {
            return Ok(Arc::clone(known));
        }
        let versions = self.bucket.list_versions(&below(&self.folder, ""))?;
        let found = Arc::new(Self::at(versions, self.time));
        *seen = Some(Arc::clone(&found));
        Ok(found)
    }

    fn version(&self, key: &str) -> Result<String, StoreError> {
        match self.seen()?.get(key) {
            Some((version, _)) => Ok(version.clone()),
            None => Err(StoreError::Missing { place: self.place(key) }),
        }
    }

    fn place(&self, key: &str) -> String {
        format!("{} as of {}", self.bucket.address().place(key), self.time)
    }

    fn refused(&self) -> StoreError {
        StoreError::ReadOnly { place: self.location() }
    }
}

impl Store for History {
    fn location(&self) -> String {
        self.place(&self.folder)
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let seen = self.seen()?;
        if kind == Kind::Config {
            let config = seen.get(&below(&self.folder, "config"));
            return Ok(config
                .map(|(_, size)| (Id::default(), u32::try_from(*size).unwrap_or(u32::MAX)))
                .into_iter()
                .collect());
        }
        let prefix = below(&self.folder, &format!("{}/", kind.folder()));
        let mut found = Vec::new();
        for (key, (_, size)) in seen
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
        {
            if let Some(file) = listed(key, *size, || self.place(key)) {
                found.push(file?);
            }
        }
        Ok(found)
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let key = below(&self.folder, &file(kind, id));
        let version = self.version(&key)?;
        let _turn = self.flow.turn(&self.cancel)?;
        let content = self
            .bucket
            .get(&key, Some(&version))?
            .ok_or_else(|| StoreError::Missing {
                place: self.place(&key),
            })?;
        self.flow.pass(content.len(), &self.cancel)?;
        Ok(content)
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        let key = below(&self.folder, &file(kind, id));
        let version = self.version(&key)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let _turn = self.flow.turn(&self.cancel)?;
        self.flow
            .pass(usize::try_from(length).unwrap_or(usize::MAX), &self.cancel)?;
        let read = self
            .bucket
            .get_range(&key, Some(&version), u64::from(offset), u64::from(length));
        whole_range(read, offset, length, || self.place(&key))
    }

    fn write(&self, _kind: Kind, _id: &Id, _content: &[Bytes]) -> Result<(), StoreError> {
        Err(self.refused())
    }

    fn remove(&self, _kind: Kind, _id: &Id) -> Result<(), StoreError> {
        Err(self.refused())
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        let view = Self {
            bucket: self.bucket.with_cancel(cancel),
            cancel: cancel.clone(),
            ..self.clone()
        };
        Some(Arc::new(view))
    }

    fn claim(&self) -> Result<super::Claim, StoreError> {
        Err(self.refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_markers_and_versions_hide_nothing_and_earlier_ones_do() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let version = |key: &str, id: &str, second, is_marker| Version {
            key: key.to_owned(),
            id: id.to_owned(),
            is_marker,
            is_latest: false,
            size: 1,
            modified: Some(at(second)),
        };
        let versions = vec![
            version("overwritten", "bad", 20, false),
            version("overwritten", "good", 10, false),
            version("removed", "", 20, true),
            version("removed", "there", 10, false),
            version("gone before", "", 9, true),
            version("gone before", "old", 8, false),
            version("later", "new", 20, false),
            version("twice", "second", 10, false),
            version("twice", "first", 10, false),
        ];
        let seen = History::at(versions, at(15));
        let ids: Vec<(&str, &str)> = seen.iter().map(|(key, (id, _))| (key.as_str(), id.as_str())).collect();
        assert_eq!(
            ids,
            [("overwritten", "good"), ("removed", "there"), ("twice", "second")]
        );
    }
}
