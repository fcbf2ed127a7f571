//! What we need of S3, as blocking calls.

mod address;
mod client;
mod fault;
mod list;
mod lock;
mod setup;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;

use crate::cancel::Cancel;
use crate::crash;
use crate::error::{Fault, StorageError};
use crate::retry::persevere;
use crate::runtime::block_on;

pub use address::{Address, BadAddress};
pub use client::{Credentials, Options, Secret};
pub use list::{Object, Page, Version, VersionPage};
pub use lock::{LockRule, Mode, Retention, Versioning};

/// A bucket, seen below one prefix. Clones share connections; nothing connects before the first call. All calls block the
/// thread, are tried again as its [`Patience`](crate::Patience) says, and end soon after its [`Cancel`] is raised.
///
/// A call that is tried again may have had its effect at the first attempt. Writers therefore see to it that writing the same
/// object twice is harmless, and that they know their own object when [`Fault::Exists`] is the answer.
#[derive(Clone)]
pub struct Bucket {
    shared: Arc<Shared>,
    cancel: Cancel,
}

struct Shared {
    address: Address,
    credentials: Credentials,
    options: Options,
    client: OnceLock<Client>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

/// Whether an object may be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It may; in a versioned bucket this adds a version.
    None,
    /// Only if there is none of that name, else [`Fault::Exists`]. Some stores accept the condition and ignore it.
    Absent,
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The version that was written, in a versioned bucket.
    pub version: Option<String>,
}

/// What a store says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// In bytes.
    pub size: u64,
    /// Its version, in a versioned bucket.
    pub version: Option<String>,
    /// Until when it is locked, and how.
    pub retention: Option<Retention>,
    /// When it was written, by the store's clock.
    pub modified: Option<Timestamp>,
}

impl Bucket {
    /// The bucket at an address. Nothing is asked yet.
    #[must_use]
    pub fn new(address: Address, credentials: Credentials, options: Options) -> Self {
        Self {
            shared: Arc::new(Shared {
                address,
                credentials,
                options,
                client: OnceLock::new(),
            }),
            cancel: Cancel::new(),
        }
    }

    /// The same bucket; its calls end when `cancel` is raised.
    #[must_use]
    pub fn with_cancel(&self, cancel: &Cancel) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            cancel: cancel.clone(),
        }
    }

    /// Where this is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.shared.address
    }

    /// The whole object, or the whole of one version; `None` when there is none.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn get(&self, key: &str, version: Option<&str>) -> Result<Option<Bytes>, StorageError> {
        missing_is_none(self.fetch("read", key, version, None))
    }

    /// `length` bytes from `offset`; fewer at the end of the object, and `None` when there is no object.
    ///
    /// # Errors
    /// The store does not answer, or says no; `offset` lies beyond the end.
    pub fn get_range(
        &self,
        key: &str,
        version: Option<&str>,
        offset: u64,
        length: u64,
    ) -> Result<Option<Bytes>, StorageError> {
        let last = offset.saturating_add(length).saturating_sub(1);
        missing_is_none(self.fetch("read", key, version, Some(format!("bytes={offset}-{last}"))))
    }

    fn fetch(
        &self,
        action: &'static str,
        key: &str,
        version: Option<&str>,
        range: Option<String>,
    ) -> Result<Bytes, StorageError> {
        let (client, full) = (self.client(action)?, self.full(key));
        self.persevere(action, key, || {
            let call = client
                .get_object()
                .bucket(self.bucket())
                .key(&full)
                .set_version_id(version.map(str::to_owned))
                .set_range(range.clone());
            async move {
                let answer = call.send().await.map_err(|error| fault::of_named(&error))?;
                let expected = answer.content_length();
                let body = answer.body.collect().await;
                let bytes = body
                    .map_err(|error| (Fault::Unreachable, fault::chain(&error)))?
                    .into_bytes();
                if expected.is_some_and(|expected| i64::try_from(bytes.len()) != Ok(expected)) {
                    return Err((Fault::Unreachable, "the answer broke off".to_owned()));
                }
                Ok(bytes)
            }
        })
    }

    /// Writes an object whole. The store checks what arrives against a checksum.
    ///
    /// # Errors
    /// [`Fault::Exists`] if `condition` says so; the store does not answer, or says no.
    pub fn put(
        &self,
        key: &str,
        content: &[Bytes],
        condition: Condition,
        retention: Option<&Retention>,
    ) -> Result<Put, StorageError> {
        let (client, full) = (self.client("write")?, self.full(key));
        let body = joined(content);
        crash::point(crash::Kind::Write);
        let written = self.persevere("write", key, || {
            let mut call = client
                .put_object()
                .bucket(self.bucket())
                .key(&full)
                .body(ByteStream::from(body.clone()));
            if condition == Condition::Absent {
                call = call.if_none_match("*");
            }
            if let Some(retention) = retention {
                call = call
                    .object_lock_mode(retention.mode.of_put())
                    .object_lock_retain_until_date(lock::to_aws(retention.until));
            }
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                Ok(Put {
                    version: answer.version_id().map(str::to_owned),
                })
            }
        });
        crash::point(crash::Kind::Write);
        written
    }

    /// What the store says about an object or one of its versions; `None` when there is none.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn head(&self, key: &str, version: Option<&str>) -> Result<Option<Head>, StorageError> {
        let (client, full) = (self.client("look at")?, self.full(key));
        missing_is_none(self.persevere("look at", key, || {
            let call = client
                .head_object()
                .bucket(self.bucket())
                .key(&full)
                .set_version_id(version.map(str::to_owned));
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                Ok(Head {
                    size: answer
                        .content_length()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or(0),
                    version: answer.version_id().map(str::to_owned),
                    retention: lock::of_head(answer.object_lock_mode(), answer.object_lock_retain_until_date()),
                    modified: answer.last_modified().and_then(lock::from_aws),
                })
            }
        }))
    }

    /// Removes an object, or one version of it. Without a version, a versioned bucket only hides it behind a marker. What is
    /// not there is no error.
    ///
    /// # Errors
    /// The store does not answer, or says no; the version is locked.
    pub fn delete(&self, key: &str, version: Option<&str>) -> Result<(), StorageError> {
        let (client, full) = (self.client("remove")?, self.full(key));
        crash::point(crash::Kind::Write);
        let removed = self.persevere("remove", key, || {
            let call = client
                .delete_object()
                .bucket(self.bucket())
                .key(&full)
                .set_version_id(version.map(str::to_owned));
            async move { call.send().await.map(drop).map_err(|error| fault::of_named(&error)) }
        });
        crash::point(crash::Kind::Write);
        missing_is_none(removed).map(drop)
    }

    /// The store's clock minus ours, measured with one call: positive when the store is ahead.
    ///
    /// # Errors
    /// The store does not answer at all, or answers without a time.
    pub fn clock_skew(&self) -> Result<jiff::SignedDuration, StorageError> {
        let client = self.client("ask")?;
        self.persevere("ask", "", || {
            // Of this attempt alone: pauses between attempts are no skew.
            let (date, before) = (Arc::new(OnceLock::new()), Timestamp::now());
            let taker = client::DateTaker {
                date: Arc::clone(&date),
            };
            let call = client
                .head_bucket()
                .bucket(self.bucket())
                .customize()
                .interceptor(taker);
            async move {
                let answer = call.send().await;
                let middle = before + Timestamp::now().duration_since(before) / 2;
                match (date.get(), answer) {
                    // A refusal tells the time as well as an answer does.
                    (Some(date), _) => Ok(Timestamp::duration_since(*date, middle)),
                    (None, Err(error)) => Err(fault::of(&error)),
                    (None, Ok(_)) => Err((Fault::Unsupported, "the answer carries no date".to_owned())),
                }
            }
        })
    }

    fn bucket(&self) -> &str {
        &self.shared.address.bucket
    }

    /// The key below the bucket.
    fn full(&self, key: &str) -> String {
        self.shared.address.key(key)
    }

    fn client(&self, action: &'static str) -> Result<Client, StorageError> {
        if let Some(client) = self.shared.client.get() {
            return Ok(client.clone());
        }
        let Shared {
            address,
            credentials,
            options,
            ..
        } = &*self.shared;
        let made = block_on(client::connect(address, credentials, options))?
            .map_err(|why| self.error(action, "", (Fault::Credentials, why)))?;
        Ok(self.shared.client.get_or_init(|| made).clone())
    }

    fn persevere<T, F>(&self, action: &'static str, key: &str, mut call: impl FnMut() -> F) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, (Fault, String)>>,
    {
        let attempt = || {
            let call = call();
            async { call.await.map_err(|answer| self.error(action, key, answer)) }
        };
        block_on(persevere(&self.shared.options.patience, &self.cancel, attempt))?
    }

    fn error(&self, action: &'static str, key: &str, (fault, why): (Fault, String)) -> StorageError {
        StorageError {
            fault,
            action,
            place: self.shared.address.place(key),
            why,
        }
    }
}

fn missing_is_none<T>(answer: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.fault == Fault::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

/// One piece, as signing and sending again need it.
fn joined(content: &[Bytes]) -> Bytes {
    match content {
        [one] => one.clone(),
        parts => {
            let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            for part in parts {
                whole.extend_from_slice(part);
            }
            whole.freeze()
        }
    }
}

#[cfg(test)]
mod tests;
