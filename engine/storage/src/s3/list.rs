//! Listings, page by page.

use aws_sdk_s3::primitives::DateTime;
use jiff::Timestamp;

use super::{Bucket, fault, lock};
use crate::error::{Fault, StorageError};

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key below the address's prefix.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: Option<Timestamp>,
}

/// Part of a listing, in the order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects.
    pub objects: Vec<Object>,
    /// With a delimiter: the folders directly below, without their slash.
    pub folders: Vec<String>,
    /// What to ask the next page with; `None` at the end.
    pub next: Option<String>,
}

/// A version of an object, or a marker that hides the ones before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The object's key below the address's prefix.
    pub key: String,
    /// The version's id.
    pub id: String,
    /// Whether it only says that the object was removed.
    pub is_marker: bool,
    /// Whether it is what a reader sees who asks for no version.
    pub is_latest: bool,
    /// In bytes; 0 for a marker.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: Option<Timestamp>,
}

/// Part of a listing of versions, in the order of the keys, the newest version of each first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// Versions and markers.
    pub versions: Vec<Version>,
    /// Key and version to ask the next page with; `None` at the end.
    pub next: Option<(String, Option<String>)>,
}

/// What a listing asks for.
#[derive(Debug, Clone, Copy, Default)]
struct Ask<'a> {
    below: &'a str,
    folders: bool,
    after: Option<&'a str>,
    next: Option<&'a str>,
    limit: Option<i32>,
}

impl Bucket {
    /// Everything whose key begins with `below`, a text that need not end at a slash.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn list(&self, below: &str) -> Result<Vec<Object>, StorageError> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = self.page(Ask {
                below,
                next: next.as_deref(),
                ..Ask::default()
            })?;
            all.extend(page.objects);
            match page.next {
                Some(token) => next = Some(token),
                None => return Ok(all),
            }
        }
    }

    /// What lies directly in a folder, all pages of it. `folder` ends with a slash, or is empty.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn list_folder(&self, folder: &str) -> Result<Page, StorageError> {
        let mut whole = Page::default();
        let mut next: Option<String> = None;
        loop {
            let page = self.page(Ask {
                below: folder,
                folders: true,
                next: next.as_deref(),
                ..Ask::default()
            })?;
            whole.objects.extend(page.objects);
            whole.folders.extend(page.folders);
            match page.next {
                Some(token) => next = Some(token),
                None => return Ok(whole),
            }
        }
    }

    /// At most `limit` objects whose key begins with `below` and sorts after `after`.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn list_after(&self, below: &str, after: &str, limit: u16) -> Result<Page, StorageError> {
        self.page(Ask {
            below,
            after: Some(after),
            limit: Some(i32::from(limit)),
            ..Ask::default()
        })
    }

    fn page(&self, ask: Ask<'_>) -> Result<Page, StorageError> {
        let client = self.client("list")?;
        let prefix = &self.full_prefix(ask.below);
        let page = self.persevere("list", ask.below, || {
            let mut call = client
                .list_objects_v2()
                .bucket(self.bucket())
                .prefix(prefix)
                .set_start_after(ask.after.map(|after| self.full(after)))
                .set_continuation_token(ask.next.map(str::to_owned))
                .set_max_keys(ask.limit);
            if ask.folders {
                call = call.delimiter("/");
            }
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                let mut page = Page::default();
                for object in answer.contents() {
                    // The marker that some programs leave for an empty folder is no object of ours.
                    let Some(key) = object.key().and_then(|key| self.address().below(key)) else {
                        continue;
                    };
                    page.objects.push(Object {
                        key: key.to_owned(),
                        size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                        modified: time(object.last_modified()),
                    });
                }
                for folder in answer.common_prefixes() {
                    let name = folder.prefix().and_then(|full| full.strip_prefix(prefix.as_str()));
                    page.folders
                        .extend(name.map(|name| name.trim_end_matches('/').to_owned()));
                }
                if answer.is_truncated() == Some(true) {
                    let token = answer.next_continuation_token().map(str::to_owned);
                    page.next = Some(token.ok_or((Fault::Failed, "a page has no successor".to_owned()))?);
                }
                Ok(page)
            }
        });
        nothing_is_no_bucket(page)
    }

    /// Every version of everything whose key begins with `below`, and every marker.
    ///
    /// # Errors
    /// The store does not answer, says no, or knows no versions.
    pub fn list_versions(&self, below: &str) -> Result<Vec<Version>, StorageError> {
        let mut all = Vec::new();
        let mut next: Option<(String, Option<String>)> = None;
        loop {
            let page = self.version_page(below, next.as_ref())?;
            all.extend(page.versions);
            match page.next {
                Some(marker) => next = Some(marker),
                None => return Ok(all),
            }
        }
    }

    /// One page of [`Self::list_versions`].
    ///
    /// # Errors
    /// As there.
    pub fn version_page(
        &self,
        below: &str,
        next: Option<&(String, Option<String>)>,
    ) -> Result<VersionPage, StorageError> {
        let client = self.client("list the versions of")?;
        let prefix = self.full_prefix(below);
        let page = self.persevere("list the versions of", below, || {
            let call = client
                .list_object_versions()
                .bucket(self.bucket())
                .prefix(&prefix)
                .set_key_marker(next.map(|(key, _)| key.clone()))
                .set_version_id_marker(next.and_then(|(_, version)| version.clone()));
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                let mut page = VersionPage::default();
                for version in answer.versions() {
                    let key = version.key().and_then(|key| self.address().below(key));
                    if let Some((key, id)) = key.zip(version.version_id()) {
                        page.versions.push(Version {
                            key: key.to_owned(),
                            id: id.to_owned(),
                            is_marker: false,
                            is_latest: version.is_latest() == Some(true),
                            size: version.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                            modified: time(version.last_modified()),
                        });
                    }
                }
                for marker in answer.delete_markers() {
                    let key = marker.key().and_then(|key| self.address().below(key));
                    if let Some((key, id)) = key.zip(marker.version_id()) {
                        page.versions.push(Version {
                            key: key.to_owned(),
                            id: id.to_owned(),
                            is_marker: true,
                            is_latest: marker.is_latest() == Some(true),
                            size: 0,
                            modified: time(marker.last_modified()),
                        });
                    }
                }
                if answer.is_truncated() == Some(true) {
                    let key = answer.next_key_marker().map(str::to_owned);
                    let version = answer.next_version_id_marker().map(str::to_owned);
                    let key = key.ok_or((Fault::Failed, "a page has no successor".to_owned()))?;
                    page.next = Some((key, version));
                }
                Ok(page)
            }
        });
        nothing_is_no_bucket(page)
    }

    /// The prefix in the bucket of everything below `below`.
    fn full_prefix(&self, below: &str) -> String {
        match (self.address().prefix.as_str(), below) {
            ("", below) => below.to_owned(),
            (prefix, below) => format!("{prefix}/{below}"),
        }
    }
}

/// A listing that is not there: the bucket is not.
fn nothing_is_no_bucket<T>(page: Result<T, StorageError>) -> Result<T, StorageError> {
    page.map_err(|error| match error.fault {
        Fault::Missing => StorageError {
            fault: Fault::NoBucket,
            ..error
        },
        _ => error,
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    time.and_then(lock::from_aws)
}
