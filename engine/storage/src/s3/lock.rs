//! Versions and locks: until when an object cannot be removed, and by whom not.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ObjectLockEnabled, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
};
use jiff::Timestamp;

use super::{Bucket, fault, missing_is_none};
use crate::error::StorageError;

/// Whom a lock stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everybody but whoever has the right to bypass it.
    Governance,
    /// Everybody.
    Compliance,
}

impl Mode {
    pub(super) const fn of_put(self) -> ObjectLockMode {
        match self {
            Self::Governance => ObjectLockMode::Governance,
            Self::Compliance => ObjectLockMode::Compliance,
        }
    }

    const fn of_retention(self) -> ObjectLockRetentionMode {
        match self {
            Self::Governance => ObjectLockRetentionMode::Governance,
            Self::Compliance => ObjectLockRetentionMode::Compliance,
        }
    }
}

/// Until when a version cannot be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whom it stops.
    pub mode: Mode,
    /// Until when, by the store's clock; stores keep whole seconds.
    pub until: Timestamp,
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It did; versions of then are still there.
    Suspended,
}

/// Whether a bucket knows locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockRule {
    /// It does not.
    Off,
    /// It does; objects are locked as they are asked to be.
    On,
}

impl Bucket {
    /// Whether the bucket keeps versions.
    ///
    /// # Errors
    /// The store does not answer, says no, or knows no versions.
    pub fn versioning(&self) -> Result<Versioning, StorageError> {
        let client = self.client("ask for the versioning of")?;
        self.persevere("ask for the versioning of", "", || {
            let call = client.get_bucket_versioning().bucket(self.bucket());
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                Ok(match answer.status() {
                    Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
                    Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
                    _ => Versioning::Never,
                })
            }
        })
    }

    /// Whether the bucket knows locks.
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn lock_rule(&self) -> Result<LockRule, StorageError> {
        let client = self.client("ask for the lock of")?;
        // A bucket without locks answers that there is no such configuration.
        let asked = missing_is_none(self.persevere("ask for the lock of", "", || {
            let call = client.get_object_lock_configuration().bucket(self.bucket());
            async move {
                let answer = call.send().await.map_err(|error| fault::of(&error))?;
                let enabled = answer
                    .object_lock_configuration()
                    .and_then(|lock| lock.object_lock_enabled());
                Ok(enabled == Some(&ObjectLockEnabled::Enabled))
            }
        }))?;
        Ok(if asked == Some(true) {
            LockRule::On
        } else {
            LockRule::Off
        })
    }

    /// Locks a version until then; without a version the newest. A lock of the same mode can be made longer, never shorter.
    ///
    /// # Errors
    /// The store does not answer, says no, or knows no locks; the object is not there.
    pub fn retain(&self, key: &str, version: Option<&str>, retention: &Retention) -> Result<(), StorageError> {
        let (client, full) = (self.client("lock")?, self.full(key));
        self.persevere("lock", key, || {
            let rule = ObjectLockRetention::builder()
                .mode(retention.mode.of_retention())
                .retain_until_date(to_aws(retention.until))
                .build();
            let call = client
                .put_object_retention()
                .bucket(self.bucket())
                .key(&full)
                .set_version_id(version.map(str::to_owned))
                .retention(rule);
            async move { call.send().await.map(drop).map_err(|error| fault::of(&error)) }
        })
    }
}

pub(super) fn of_head(mode: Option<&ObjectLockMode>, until: Option<&DateTime>) -> Option<Retention> {
    let mode = match mode? {
        ObjectLockMode::Compliance => Mode::Compliance,
        _ => Mode::Governance,
    };
    Some(Retention {
        mode,
        until: from_aws(until?)?,
    })
}

/// Stores keep whole seconds: a part of one counts as a whole, so that a lock is never shorter than was asked for.
pub(super) fn to_aws(time: Timestamp) -> DateTime {
    let up = i64::from(time.subsec_nanosecond() > 0);
    DateTime::from_secs(time.as_second().saturating_add(up))
}

pub(super) fn from_aws(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
