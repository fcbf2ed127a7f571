//! A store in a bucket of an object store.
//!
//! A record is an object that is written under the condition that none of its name exists (`If-None-Match: *`). Amazon's S3
//! and Ceph's gateway decide that atomically, the latter in buckets without versions only; other stores look and then write,
//! or accept the condition and ignore it. Which kind this is, the probe finds out.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use dram_storage::{Address, Bucket, Condition, Credentials, Options, Patience, StorageError, Versioning};

use super::error::{Action, Fault, StoreError};
use super::{Creation, Listing, RECORD_LIMIT, Store, read_in_parallel};
use crate::layout::{Folder, Key};

/// An attempt that has no answer by then is given up: records are small, and people wait for them.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Names in a page of a listing, as all stores allow.
const PAGE: u16 = 1000;
/// Records that are read at once.
const READERS: usize = 16;

/// What stands before the keys in a folder.
fn prefix_of(folder: &Folder) -> String {
    match folder.as_str() {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}

/// A store in a bucket. Nothing connects before its first call.
#[derive(Debug)]
pub struct S3Store {
    bucket: Bucket,
}

impl S3Store {
    /// The store at an address, with the credentials that the environment, the profile or the machine gives.
    pub fn new(address: &Address) -> Self {
        let options = Options {
            patience: Patience::SHORT,
            attempt: ATTEMPT,
        };
        S3Store::within(Bucket::new(address.clone(), Credentials::Chain, options))
    }

    /// The store in `bucket`, with the credentials and the patience that the bucket brings.
    pub fn within(bucket: Bucket) -> Self {
        S3Store { bucket }
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Whether the bucket keeps versions.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn versioning(&self) -> Result<Versioning, StoreError> {
        self.bucket
            .versioning()
            .map_err(|error| store_error(Action::Open, &error))
    }

    fn corrupt(&self, action: Action, key: &str, why: String) -> StoreError {
        StoreError {
            fault: Fault::Corrupt,
            action,
            place: self.bucket.address().place(key),
            source: io::Error::other(why),
        }
    }
}

/// An answer of the object store, as the port says it.
pub(super) fn store_error(action: Action, error: &StorageError) -> StoreError {
    use dram_storage::Fault as Storage;
    let fault = match error.fault {
        Storage::Unreachable => Fault::Unreachable,
        Storage::Busy | Storage::Damaged => Fault::Busy,
        Storage::Credentials => Fault::Credentials,
        Storage::Denied => Fault::Denied,
        Storage::NoBucket => Fault::NoPlace,
        Storage::NoSpace => Fault::NoSpace,
        Storage::Missing | Storage::Exists | Storage::Unsupported | Storage::Canceled | Storage::Failed => {
            Fault::Failed
        }
    };
    StoreError {
        fault,
        action,
        place: error.place.clone(),
        source: io::Error::other(error.why.clone()),
    }
}

impl Store for S3Store {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let fail = |error| store_error(Action::Read, &error);
        let limit = u64::try_from(RECORD_LIMIT).unwrap_or(u64::MAX);
        // Asked for as a range, so that a huge object is not read into memory.
        let read = self.bucket.get_range(key.as_str(), None, 0, limit.saturating_add(1));
        let bytes = match read {
            // An empty object has no first byte. It is no record, but what it is stays the caller's to say.
            Err(error) if error.why.contains("InvalidRange") => self.bucket.get(key.as_str(), None).map_err(fail)?,
            other => other.map_err(fail)?,
        };
        match bytes {
            Some(bytes) if bytes.len() > RECORD_LIMIT => {
                let why = format!("it is larger than {RECORD_LIMIT} bytes");
                Err(self.corrupt(Action::Read, key.as_str(), why))
            }
            bytes => Ok(bytes.map(Vec::from)),
        }
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let content = [Bytes::copy_from_slice(bytes)];
        match self.bucket.put(key.as_str(), &content, Condition::Absent, None) {
            Ok(_) => Ok(Creation::Won),
            Err(error) if error.fault == dram_storage::Fault::Exists => Ok(Creation::Exists),
            Err(error) => Err(store_error(Action::Create, &error)),
        }
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let prefix = prefix_of(folder);
        let page = self.bucket.list_folder(&prefix);
        let page = page.map_err(|error| store_error(Action::List, &error))?;
        let name_of = |key: &str| key.strip_prefix(&prefix).map(str::to_owned);
        let mut listing = Listing {
            folders: page.folders,
            records: page.objects.iter().filter_map(|object| name_of(&object.key)).collect(),
        };
        // Consoles leave an object that is called like its folder; it has no name in it.
        listing.records.retain(|name| !name.is_empty());
        listing.folders.retain(|name| !name.is_empty());
        listing.folders.sort();
        listing.records.sort();
        Ok(listing)
    }

    fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let prefix = prefix_of(folder);
        let (mut names, mut last) = (Vec::new(), format!("{prefix}{after}"));
        while names.len() < limit {
            let wanted = u16::try_from(limit - names.len()).unwrap_or(PAGE).min(PAGE);
            let page = self.bucket.list_after(&prefix, &last, wanted);
            let page = page.map_err(|error| store_error(Action::List, &error))?;
            for object in &page.objects {
                let name = object.key.strip_prefix(&prefix).unwrap_or_default();
                // What lies in a folder below is no record of this one.
                if !name.is_empty() && !name.contains('/') {
                    names.push(name.to_owned());
                }
                last.clone_from(&object.key);
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(names)
    }

    fn walk(&self, folder: &Folder) -> Result<Vec<String>, StoreError> {
        let prefix = prefix_of(folder);
        let objects = self.bucket.list(&prefix);
        let objects = objects.map_err(|error| store_error(Action::List, &error))?;
        let path_of = |key: &str| {
            key.strip_prefix(&prefix)
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
        };
        let mut paths: Vec<String> = objects.iter().filter_map(|object| path_of(&object.key)).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        read_in_parallel(self, keys, READERS)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let removed = self.bucket.delete(key.as_str(), None);
        removed.map_err(|error| store_error(Action::Remove, &error))
    }

    fn location(&self) -> String {
        self.bucket.address().to_string()
    }

    fn perseveres(&self) -> bool {
        true
    }

    fn unfit(&self) -> Result<Option<String>, StoreError> {
        match self.bucket.versioning() {
            Ok(Versioning::Enabled) => Ok(Some(
                "the bucket keeps versions, in which a record can be overwritten unseen; use an unversioned bucket for the catalog"
                    .to_owned(),
            )),
            Ok(Versioning::Never | Versioning::Suspended) => Ok(None),
            // Whoever may not ask, or asks a store that does not know the question, has the probe.
            Err(error) if matches!(error.fault, dram_storage::Fault::Denied | dram_storage::Fault::Unsupported) => Ok(None),
            Err(error) => Err(store_error(Action::Open, &error)),
        }
    }
}

#[cfg(test)]
mod tests;
