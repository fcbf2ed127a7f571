//! Notices: what a program that works on a repository leaves in its `locks/` for the others, as the stock program does. They
//! hold nobody off by force; programs that read them refuse to work when they would disturb each other.
//!
//! Only repositories that another program made have any: in those of our own the application's lease says who works.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rustic_core::Id;
use serde::{Deserialize, Serialize};

use super::error::VaultError;
use super::ground::Stores;
use super::pack::{Codec, id_of};
use super::repository::Repository;
use super::store::{Kind, StoreError};

/// A notice that was not renewed for so long is stale: the stock program's own rule.
const STALE: SignedDuration = SignedDuration::from_mins(30);
/// A program that works renews its notice so often: the stock program's own rule.
const RENEWED: Duration = Duration::from_secs(5 * 60);
/// What stands in our notices in the place of a user.
const PROGRAM: &str = "dram";

/// What a program at work says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whether it works only alone, as a prune does.
    pub exclusive: bool,
    /// Its machine.
    pub host: String,
    /// Its user.
    pub user: String,
    /// The number of its process there.
    pub pid: u32,
    /// When it said so last.
    pub at: Timestamp,
    /// Whether it is hardly at work any more: it did not renew its notice, or its process is gone from this machine.
    pub is_stale: bool,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid, user, host, at, ..
        } = self;
        write!(f, "process {pid} of `{user}` on `{host}`, which said so last at {at}")
    }
}

impl Notice {
    /// Whether a work that is `exclusive` or not has to wait for this one. A stale notice of somebody who shares is of nobody.
    const fn hinders(&self, exclusive: bool) -> bool {
        self.exclusive || (exclusive && !self.is_stale)
    }

    /// Whether it is what a dead process of this program left on this machine.
    fn is_leftover(&self) -> bool {
        self.is_stale && self.user == PROGRAM && self.host == this_host()
    }
}

/// A notice as it lies in the store.
#[derive(Serialize, Deserialize)]
struct Written {
    time: Timestamp,
    exclusive: bool,
    hostname: String,
    username: String,
    pid: u32,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
}

impl Written {
    fn of_this_process(exclusive: bool) -> Self {
        Self {
            time: Timestamp::now(),
            exclusive,
            hostname: this_host(),
            username: PROGRAM.to_owned(),
            pid: std::process::id(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
        }
    }

    fn told(self, now: Timestamp) -> Notice {
        let is_old = now.duration_since(self.time) > STALE;
        Notice {
            is_stale: is_old || (self.hostname == this_host() && is_gone(self.pid)),
            exclusive: self.exclusive,
            host: self.hostname,
            user: self.username,
            pid: self.pid,
            at: self.time,
        }
    }
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether this machine has no such process.
fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

impl Repository {
    /// What programs that work here say; nothing of a repository that only we use.
    ///
    /// # Errors
    /// If the store cannot be read, or a notice is damaged.
    pub fn notices(&self) -> Result<Vec<Notice>, VaultError> {
        Ok(self.noticed()?.into_iter().map(|(_, notice)| notice).collect())
    }

    fn noticed(&self) -> Result<Vec<(Id, Notice)>, VaultError> {
        if !self.is_shared() {
            return Ok(Vec::new());
        }
        let store = &self.stores().writer;
        let (mut codec, now) = (self.codec()?, Timestamp::now());
        let mut found = Vec::new();
        for (id, _) in store.list(Kind::Notice)? {
            let sealed = match store.read(Kind::Notice, &id) {
                // Renewed or removed since the listing.
                Err(StoreError::Missing { .. }) => continue,
                other => other?,
            };
            let unusable = |reason: String| VaultError::Record {
                what: "a lock",
                place: id.to_hex().to_string(),
                reason,
            };
            let json = codec.open_file(&sealed).map_err(unusable)?;
            let written: Written = serde_json::from_slice(&json).map_err(|error| unusable(error.to_string()))?;
            found.push((id, written.told(now)));
        }
        Ok(found)
    }

    /// That no other program is at work that must not be disturbed: one that works only alone, and for work that is
    /// `exclusive` any that is alive. What our own dead processes left is removed, as far as it can be.
    ///
    /// # Errors
    /// If one is, or the store cannot be asked.
    pub fn require_free(&self, exclusive: bool) -> Result<(), VaultError> {
        self.require_free_of(exclusive, &HashSet::new())
    }

    fn require_free_of(&self, exclusive: bool, own: &HashSet<Id>) -> Result<(), VaultError> {
        for (id, notice) in self.noticed()? {
            if own.contains(&id) {
                continue;
            }
            if notice.is_leftover() {
                // It hinders nobody here, and other programs can be told to remove it.
                if let Err(error) = self.stores().pruner.remove(Kind::Notice, &id) {
                    tracing::debug!(%error, "a stale lock cannot be removed");
                }
                continue;
            }
            if notice.hinders(exclusive) {
                return Err(VaultError::InUse {
                    place: self.location(),
                    notice,
                });
            }
        }
        Ok(())
    }

    /// Tells other programs that this one works here until the answer is dropped. Nothing is told in a repository that only we
    /// use.
    ///
    /// # Errors
    /// If another program is at work that must not be disturbed, or the store fails.
    pub fn announce(&self, exclusive: bool) -> Result<Option<Announced>, VaultError> {
        if !self.is_shared() {
            return Ok(None);
        }
        self.require_free(exclusive)?;
        let teller = Teller {
            stores: self.stores().clone(),
            place: self.location(),
            exclusive,
        };
        let mut codec = self.codec()?;
        let first = teller.tell(&mut codec)?;
        // Of two that looked at the same moment, at least one sees the other now.
        if let Err(error) = self.require_free_of(exclusive, &HashSet::from([first])) {
            teller.take_back(&first)?;
            return Err(error);
        }
        Announced::begin(teller, codec, first).map(Some)
    }
}

/// Writes and removes notices.
struct Teller {
    stores: Stores,
    place: String,
    exclusive: bool,
}

impl Teller {
    fn tell(&self, codec: &mut Codec) -> Result<Id, VaultError> {
        let broken = |reason: String| VaultError::Library {
            action: "write a lock",
            place: self.place.clone(),
            reason,
        };
        let written = Written::of_this_process(self.exclusive);
        let json = serde_json::to_vec(&written).map_err(|error| broken(error.to_string()))?;
        let sealed = Bytes::from(codec.seal_file(&json).map_err(broken)?);
        let id = id_of(&sealed);
        self.stores.writer.write(Kind::Notice, &id, &[sealed])?;
        Ok(id)
    }

    fn take_back(&self, id: &Id) -> Result<(), VaultError> {
        Ok(self.stores.pruner.remove(Kind::Notice, id)?)
    }
}

/// Whether the work is over.
#[derive(Default)]
struct Over {
    is_over: Mutex<bool>,
    changed: Condvar,
}

/// That this program works in a repository, told to others until it is ended or dropped.
pub struct Announced {
    over: Arc<Over>,
    renewing: Option<JoinHandle<Result<(), VaultError>>>,
}

impl fmt::Debug for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announced").finish_non_exhaustive()
    }
}

impl Announced {
    fn begin(teller: Teller, codec: Codec, first: Id) -> Result<Self, VaultError> {
        let over = Arc::<Over>::default();
        let watched = Arc::clone(&over);
        let place = teller.place.clone();
        let renewing = std::thread::Builder::new()
            .name("notice".into())
            .spawn(move || renew(&teller, codec, first, &watched))
            .map_err(|error| VaultError::Library {
                action: "keep a lock",
                place,
                reason: error.to_string(),
            })?;
        Ok(Self {
            over,
            renewing: Some(renewing),
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// If the notice stays behind: it cannot be removed by whoever writes here.
    pub fn end(mut self) -> Result<(), VaultError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), VaultError> {
        *self.over.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.changed.notify_all();
        match self.renewing.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) | None => Ok(()),
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::debug!(%error, "a lock stays behind");
        }
    }
}

/// Renews a notice until the work is over, and removes it then.
fn renew(teller: &Teller, mut codec: Codec, first: Id, over: &Over) -> Result<(), VaultError> {
    let mut told = vec![first];
    let mut is_over = over.is_over.lock().unwrap_or_else(PoisonError::into_inner);
    while !*is_over {
        let (next, waited) = over
            .changed
            .wait_timeout(is_over, RENEWED)
            .unwrap_or_else(PoisonError::into_inner);
        is_over = next;
        if !waited.timed_out() || *is_over {
            continue;
        }
        // Whoever ends the work need not wait for the store twice.
        drop(is_over);
        match teller.tell(&mut codec) {
            Ok(newer) => {
                told.retain(|older| teller.take_back(older).is_err());
                told.push(newer);
            }
            Err(error) => tracing::debug!(%error, "a lock cannot be renewed"),
        }
        is_over = over.is_over.lock().unwrap_or_else(PoisonError::into_inner);
    }
    drop(is_over);
    told.iter().try_for_each(|id| teller.take_back(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stock program writes.
    const STOCK: &str = r#"{"time":"2026-03-01T09:00:00.123456789+01:00","exclusive":true,"hostname":"desk","username":"ann",
        "pid":4711,"uid":1000,"gid":1000}"#;

    #[test]
    fn the_stock_programs_lock_is_told_by_machine_process_and_time() {
        let written: Written = serde_json::from_str(STOCK).unwrap();
        let notice = written.told("2026-03-01T08:29:00Z".parse().unwrap());
        assert!(!notice.is_stale);
        let said = notice.to_string();
        for part in ["process 4711", "`ann`", "`desk`", "2026-03-01T08:00:00.123456789Z"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_lock_is_stale_after_half_an_hour_or_when_its_process_is_gone() {
        let of_stock = |time: &str| -> Notice {
            let written: Written = serde_json::from_str(STOCK).unwrap();
            written.told(time.parse().unwrap())
        };
        assert!(!of_stock("2026-03-01T08:30:00Z").is_stale);
        assert!(of_stock("2026-03-01T08:30:01Z").is_stale);
        let own = Written::of_this_process(false);
        let now = own.time;
        assert!(!own.told(now).is_stale);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = Written {
            pid: child.id(),
            ..Written::of_this_process(false)
        };
        assert!(gone.told(now).is_stale);
    }

    #[test]
    fn who_works_alone_waits_for_all_that_live_and_who_shares_for_who_works_alone() {
        let notice = |exclusive, is_stale| Notice {
            exclusive,
            is_stale,
            host: String::new(),
            user: String::new(),
            pid: 1,
            at: Timestamp::UNIX_EPOCH,
        };
        let cases = [
            ((false, false), (false, true)),
            ((false, true), (false, false)),
            ((true, false), (true, true)),
            // Who worked alone may have died in the middle: a person looks first.
            ((true, true), (true, true)),
        ];
        for ((exclusive, is_stale), expected) in cases {
            let notice = notice(exclusive, is_stale);
            assert_eq!((notice.hinders(false), notice.hinders(true)), expected, "{notice:?}");
        }
    }
}
