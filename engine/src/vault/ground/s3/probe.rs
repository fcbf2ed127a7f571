//! Tries out what may be done in a bucket, and whether its locks hold.

use bytes::Bytes;
use dram_storage::{Bucket, Condition, Fault, LockRule, Mode, Retention, StorageError, Versioning};
use jiff::{SignedDuration, Timestamp};

use super::super::super::diagnose::{Diagnosis, LockCheck, Right, Rights};
use super::super::super::growth::Tally;
use super::S3Ground;

/// Where the probes lie: no tenant can have this name.
const FOLDER: &str = ".dram-probe/";
/// How long the probe of a lock is locked. Stores keep whole seconds.
const LOCKED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// What credentials may do.
struct Tried {
    rights: Rights,
    /// Remove so that nothing stays beneath, even in a bucket that keeps versions.
    for_good: Right,
}

impl S3Ground {
    pub(super) fn probe(&self) -> Diagnosis {
        let writer = try_out(&self.writer, "writer");
        let pruner = self.pruner.as_ref().map(|bucket| (bucket, try_out(bucket, "pruner")));
        // Credentials that are not accepted can tell nothing of the bucket.
        let (strongest, tried) = match &pruner {
            Some((bucket, tried)) if tried.rights.list == Right::Yes => (*bucket, tried),
            _ => (&self.writer, &writer),
        };
        let versioning = strongest.versioning().ok();
        let skew = strongest.clock_skew().ok();
        let lock = match self.options.lock {
            None => LockCheck::NotAsked,
            Some(lock) => lock_holds(strongest, lock.mode, skew.unwrap_or_default(), &tried.for_good),
        };
        let tally = tally(strongest, versioning).ok();
        clear(strongest);
        Diagnosis {
            versioning,
            skew,
            lock,
            growth: tally.as_ref().and_then(|tally| tally.growth(Timestamp::now())),
            used: tally.map(|tally| tally.used),
            writer: writer.rights,
            // A prune that only hides gives no space back.
            pruner: pruner.map(|(_, tried)| Rights {
                remove: tried.for_good,
                ..tried.rights
            }),
            ..Diagnosis::reached()
        }
    }
}

fn right<T>(answer: Result<T, StorageError>) -> Right {
    match answer {
        Ok(_) => Right::Yes,
        Err(error) if error.fault == Fault::Denied => Right::No,
        Err(error) => Right::Unknown(error.to_string()),
    }
}

fn try_out(bucket: &Bucket, who: &str) -> Tried {
    let key = format!("{FOLDER}{who}");
    let list = right(bucket.list(FOLDER));
    let mut tried = Tried {
        rights: Rights {
            list,
            ..Rights::default()
        },
        for_good: Right::default(),
    };
    match write(bucket, &key) {
        Err(error) => tried.rights.write = right(Err::<(), _>(error)),
        Ok(version) => {
            tried.rights.write = Right::Yes;
            tried.rights.read = right(bucket.get(&key, None));
            tried.for_good = right(bucket.delete(&key, version.as_deref()));
            tried.rights.remove = match (&tried.for_good, version) {
                // Whoever may not remove a version may still be able to hide it.
                (Right::No | Right::Unknown(_), Some(_)) => right(bucket.delete(&key, None)),
                (Right::Yes, _) | (_, None) => tried.for_good.clone(),
            };
        }
    }
    tried
}

/// Writes a probe, unless an earlier one could not be removed and is still there: a store that says so has looked at the right
/// to write before. The probe's version is the answer, where the bucket keeps versions.
fn write(bucket: &Bucket, key: &str) -> Result<Option<String>, StorageError> {
    let content = [Bytes::from_static(b"probe")];
    match bucket.put(key, &content, Condition::Absent, None) {
        Ok(put) => Ok(put.version),
        Err(error) if error.fault == Fault::Exists => {
            let there = bucket.head(key, None).ok().flatten();
            Ok(there.and_then(|there| there.version))
        }
        Err(error) if error.fault == Fault::Unsupported => {
            bucket.put(key, &content, Condition::None, None).map(|put| put.version)
        }
        Err(error) => Err(error),
    }
}

/// Whether a locked object stays although somebody tries to remove it who may remove what is not locked.
fn lock_holds(bucket: &Bucket, mode: Mode, skew: SignedDuration, removes: &Right) -> LockCheck {
    match bucket.lock_rule() {
        Ok(LockRule::On) => {}
        Ok(LockRule::Off) => return LockCheck::Broken("the bucket was made without object lock".to_owned()),
        Err(error) if error.fault == Fault::Unsupported => return LockCheck::Broken(error.to_string()),
        Err(error) => return LockCheck::Unknown(error.to_string()),
    }
    match removes {
        Right::Yes => {}
        Right::No => {
            let why =
                "these credentials may not remove a version, locked or not; ask where those of `pruneCredentials` are";
            return LockCheck::Unknown(why.to_owned());
        }
        Right::Unknown(why) => {
            let why = format!("whether these credentials may remove anything is not known: {why}");
            return LockCheck::Unknown(why.trim_end_matches([':', ' ']).to_owned());
        }
    }
    let key = format!("{FOLDER}lock");
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

fn tally(bucket: &Bucket, versioning: Option<Versioning>) -> Result<Tally, StorageError> {
    let mut tally = Tally::default();
    let mut add = |key: &str, bytes, written| {
        if !key.starts_with(FOLDER) {
            tally.add(key, bytes, written);
        }
    };
    if matches!(versioning, Some(Versioning::Enabled | Versioning::Suspended)) {
        let versions = bucket.list_versions("")?;
        let kept = versions.iter().filter(|version| !version.is_marker);
        kept.for_each(|version| add(&version.key, version.size, version.modified));
    } else {
        let objects = bucket.list("")?;
        objects
            .iter()
            .for_each(|object| add(&object.key, object.size, object.modified));
    }
    Ok(tally)
}

/// Removes the probes, those of earlier times too; what is locked still goes next time.
fn clear(bucket: &Bucket) {
    let refused = match bucket.list_versions(FOLDER) {
        Ok(versions) => {
            let probes = versions.iter().map(|version| (&*version.key, Some(&*version.id)));
            remove_all(bucket, probes)
        }
        Err(_) => match bucket.list(FOLDER) {
            Ok(objects) => remove_all(bucket, objects.iter().map(|object| (&*object.key, None))),
            Err(error) => Some(error),
        },
    };
    if let Some(error) = refused {
        tracing::debug!(%error, "a probe is left for later");
    }
}

/// Removes each one that may be removed; the first refusal is the answer.
fn remove_all<'a>(bucket: &Bucket, probes: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Option<StorageError> {
    let mut first = None;
    for (key, version) in probes {
        if let Err(error) = bucket.delete(key, version) {
            first.get_or_insert(error);
        }
    }
    first
}
