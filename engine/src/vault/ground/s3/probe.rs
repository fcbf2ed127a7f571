//! Tries out what may be done in a bucket, and whether its locks hold.

use bytes::Bytes;
use dram_storage::{Bucket, Condition, Fault, LockRule, Mode, Retention, StorageError, Versioning};
use jiff::{SignedDuration, Timestamp};

use super::super::super::diagnose::{Diagnosis, LockCheck, Right, Rights, Used};
use super::S3Ground;

/// Where the probes lie: no tenant can have this name.
const FOLDER: &str = ".dram-probe/";
/// How long the probe of a lock is locked. Stores keep whole seconds.
const LOCKED_FOR: SignedDuration = SignedDuration::from_secs(5);

impl S3Ground {
    pub(super) fn probe(&self) -> Diagnosis {
        let mut found = Diagnosis::reached();
        let strongest = self.pruner.as_ref().unwrap_or(&self.writer);
        found.writer = rights(&self.writer, "writer");
        found.pruner = self.pruner.as_ref().map(|bucket| rights(bucket, "pruner"));
        found.versioning = strongest.versioning().ok();
        found.skew = strongest.clock_skew().ok();
        found.lock = match self.options.lock {
            None => LockCheck::NotAsked,
            Some(lock) => lock_holds(strongest, lock.mode, found.skew.unwrap_or_default()),
        };
        found.used = used(strongest, found.versioning).ok();
        clear(strongest);
        found
    }
}

fn name(what: &str) -> String {
    format!("{FOLDER}{what}-{}", Timestamp::now().as_nanosecond())
}

fn right<T>(answer: Result<T, StorageError>) -> Right {
    match answer {
        Ok(_) => Right::Yes,
        Err(error) if error.fault == Fault::Denied => Right::No,
        Err(error) => Right::Unknown(error.to_string()),
    }
}

fn rights(bucket: &Bucket, who: &str) -> Rights {
    let key = name(who);
    let written = bucket.put(&key, &[Bytes::from_static(b"probe")], Condition::None, None);
    let version = written.as_ref().ok().and_then(|put| put.version.clone());
    let mut rights = Rights {
        list: right(bucket.list(FOLDER)),
        read: Right::default(),
        write: right(written),
        remove: Right::default(),
    };
    if rights.write == Right::Yes {
        rights.read = right(bucket.get(&key, None));
        let hidden = right(bucket.delete(&key, None));
        // Whoever may not hide may still be able to remove a version for good.
        rights.remove = match (hidden, version) {
            (Right::Yes, _) => Right::Yes,
            (_, Some(version)) => right(bucket.delete(&key, Some(&version))),
            (hidden, None) => hidden,
        };
    }
    rights
}

fn lock_holds(bucket: &Bucket, mode: Mode, skew: SignedDuration) -> LockCheck {
    match bucket.lock_rule() {
        Ok(LockRule::On) => {}
        Ok(LockRule::Off) => return LockCheck::Broken("the bucket was made without object lock".to_owned()),
        Err(error) if error.fault == Fault::Unsupported => return LockCheck::Broken(error.to_string()),
        Err(error) => return LockCheck::Unknown(error.to_string()),
    }
    let key = name("lock");
    let now = Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::MAX);
    let until = now.saturating_add(LOCKED_FOR).unwrap_or(Timestamp::MAX);
    let written = bucket.put(
        &key,
        &[Bytes::from_static(b"locked probe")],
        Condition::None,
        Some(&Retention { mode, until }),
    );
    let version = match written {
        Ok(put) => put.version,
        Err(error) => return LockCheck::Broken(error.to_string()),
    };
    let Some(version) = version else {
        return LockCheck::Broken("the bucket keeps no versions, so nothing in it can be locked".to_owned());
    };
    match bucket.delete(&key, Some(&version)) {
        Ok(()) => LockCheck::Broken("a locked object was removed before its time".to_owned()),
        Err(error) if error.fault == Fault::Denied => LockCheck::Holds,
        Err(error) => LockCheck::Unknown(error.to_string()),
    }
}

fn used(bucket: &Bucket, versioning: Option<Versioning>) -> Result<Used, StorageError> {
    let mut used = Used::default();
    let mut add = |bytes: u64| {
        used.files += 1;
        used.bytes = used.bytes.saturating_add(bytes);
    };
    if matches!(versioning, Some(Versioning::Enabled | Versioning::Suspended)) {
        let versions = bucket.list_versions("")?;
        let kept = versions.iter().filter(|version| !version.is_marker);
        kept.filter(|version| !version.key.starts_with(FOLDER))
            .for_each(|version| add(version.size));
    } else {
        let objects = bucket.list("")?;
        let kept = objects.iter().filter(|object| !object.key.starts_with(FOLDER));
        kept.for_each(|object| add(object.size));
    }
    Ok(used)
}

/// Removes the probes, those of earlier times too; what is locked still goes next time.
fn clear(bucket: &Bucket) {
    let removed = match bucket.list_versions(FOLDER) {
        Ok(versions) => versions
            .iter()
            .map(|version| bucket.delete(&version.key, Some(&version.id)))
            .filter_map(Result::err)
            .next(),
        Err(_) => bucket.list(FOLDER).ok().and_then(|objects| {
            let removed = objects.iter().map(|object| bucket.delete(&object.key, None));
            removed.filter_map(Result::err).next()
        }),
    };
    if let Some(error) = removed {
        tracing::debug!(%error, "a probe is left for later");
    }
}
