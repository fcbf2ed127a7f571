//! The vault's port over a container: one repository, in the layout that the stock program uses there.
//!
//! `config`, `keys/`, `index/`, `snapshots/`, `data/<first byte of the id>/`; and `segments/` for objects that the server does
//! not take in one piece, which the stock program does not look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use dram_storage::{Fault as StorageFault, StorageError};
use rustic_core::Id;

use super::super::progress::Cancel;
use super::super::store::{Claim, Flow, Kind, Store, StoreError, file};
use super::container::{Container, Listed};
use super::fault::Fault;
use super::large::{self, FOLDER, Place};

/// The names that the layout knows; anything else in the folder is somebody else's.
const LAYOUT: [&str; 7] = ["config", "data", "index", "keys", "locks", "snapshots", FOLDER];
/// So many names are told of what is in the way.
const NAMED: usize = 8;
/// Every server takes as much as this in one piece, in bytes.
const ALWAYS_TAKEN: usize = 1 << 20;
/// Segments without an object are removed when they are older than this.
const LEFTOVER_AGE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The store of one repository in a container.
#[derive(Clone)]
pub(in super::super) struct SwiftStore {
    container: Container,
    location: Arc<str>,
    /// The repository's folder in the container, without slashes at its ends; may be empty.
    folder: Arc<str>,
    flow: Arc<Flow>,
    segmented: Arc<AtomicU8>,
    written: Arc<Mutex<Written>>,
}

/// What was written here with its length, in bytes: listings of Swift may show it only some time later.
type Written = BTreeMap<(Kind, Id), u32>;

/// Whether a repository has objects in segments: not asked yet, no, or yes.
const UNKNOWN: u8 = 0;
const WHOLE: u8 = 1;
const SEGMENTED: u8 = 2;

impl fmt::Debug for SwiftStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwiftStore")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl SwiftStore {
    pub(super) fn new(container: Container, location: String, folder: String, flow: Arc<Flow>) -> Self {
        Self {
            container,
            location: location.into(),
            folder: folder.into(),
            flow,
            segmented: Arc::new(AtomicU8::new(UNKNOWN)),
            written: Arc::default(),
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, kind: Kind, id: &Id) -> String {
        joined(&self.folder, &file(kind, id))
    }

    /// What the names of a file's segments begin with: its own name, slashes made dots.
    fn segments(&self, kind: Kind, id: &Id) -> String {
        joined(&self.folder, &format!("{FOLDER}/{}/", dotted(&file(kind, id))))
    }

    fn place(&self, kind: Kind, id: &Id) -> String {
        joined(&self.location, &file(kind, id))
    }

    /// A fault about one file.
    fn failed(&self, action: &'static str, kind: Kind, id: &Id, fault: &Fault) -> StoreError {
        match fault {
            // Nobody writes into a container that is there and is told that it is not.
            Fault::Missing if action == "write" => self.no_container(action),
            fault => fault.told(action, &self.place(kind, id)).into(),
        }
    }

    /// A fault about the repository.
    fn failed_here(&self, action: &'static str, fault: &Fault) -> StoreError {
        match fault {
            Fault::Missing => self.no_container(action),
            fault => fault.told(action, &self.location).into(),
        }
    }

    fn no_container(&self, action: &'static str) -> StoreError {
        let error = StorageError {
            fault: StorageFault::NoBucket,
            action,
            place: self.location.to_string(),
            why: format!("no container `{}`", self.container.name()),
        };
        error.into()
    }

    fn put(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), Fault> {
        let object = self.object(kind, id);
        let length: usize = content.iter().map(Bytes::len).sum();
        let largest = self
            .container
            .account
            .largest(&self.container.cancel, length, ALWAYS_TAKEN)?;
        if length as u64 <= largest {
            return self.container.put(&object, content);
        }
        self.segmented.store(SEGMENTED, Ordering::SeqCst);
        let segments = self.segments(kind, id);
        let place = Place {
            object: &object,
            segments: &segments,
        };
        large::put(&self.container, &place, content, largest)
    }

    /// Writes what is never overwritten; whether it is ours that lies there now is the answer. Swift has no such request:
    /// looking before and after is the best that there is. Two that look, write and look again within the same moment may
    /// both be content with the configuration of the second: making a repository is therefore done under a lease.
    fn put_new(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<bool, Fault> {
        let object = self.object(kind, id);
        if self.container.head(&object)?.is_some() {
            return Ok(false);
        }
        self.container.put(&object, content)?;
        Ok(self.container.get(&object)? == content.concat())
    }

    /// Whether the repository has objects in segments. Asked once; those that this store writes are known.
    fn is_segmented(&self) -> Result<bool, Fault> {
        if self.segmented.load(Ordering::SeqCst) == UNKNOWN {
            let found = if self.segmented_files()?.is_empty() {
                WHOLE
            } else {
                SEGMENTED
            };
            // What was written meanwhile counts.
            let _ = self
                .segmented
                .compare_exchange(UNKNOWN, found, Ordering::SeqCst, Ordering::SeqCst);
        }
        Ok(self.segmented.load(Ordering::SeqCst) == SEGMENTED)
    }

    fn delete(&self, kind: Kind, id: &Id) -> Result<(), Fault> {
        let object = self.object(kind, id);
        if self.is_segmented()? && self.container.head(&object)?.is_some_and(|head| head.large) {
            let segments = self.segments(kind, id);
            let place = Place {
                object: &object,
                segments: &segments,
            };
            return large::delete(&self.container, &place);
        }
        self.container.discard(&object)
    }

    /// The configuration, if there is one. Not looked for in a listing, which may lag behind.
    fn config(&self) -> Result<Option<u64>, Fault> {
        let head = self.container.head(&self.object(Kind::Config, &Id::default()))?;
        if head.is_none() {
            // A container that is not there has no configuration either, and is an error.
            self.container.used()?;
        }
        Ok(head.map(|head| head.bytes))
    }

    fn files(&self, kind: Kind) -> Result<Vec<(Id, u32)>, Fault> {
        let segmented = self.segmented_files()?;
        let mut found = Vec::new();
        let folder = joined(&self.folder, &format!("{}/", kind.folder()));
        self.container.list(&folder, None, &mut |listed| {
            if let Listed::Object { name, bytes, .. } = listed
                && let Some(Ok(id)) = name.rsplit('/').next().map(str::parse::<Id>)
            {
                // Of a large object some servers list the size of its manifest.
                let whole = match segmented.contains(&dotted(&file(kind, &id))) {
                    true => self.container.head(&name)?.map_or(bytes, |head| head.bytes),
                    false => bytes,
                };
                found.push((id, narrow(whole)?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The files that have segments, as the segments' folders are named.
    fn segmented_files(&self) -> Result<BTreeSet<String>, Fault> {
        let folder = joined(&self.folder, &format!("{FOLDER}/"));
        let mut found = BTreeSet::new();
        self.container.list(&folder, Some('/'), &mut |listed| {
            if let Listed::Folder(name) = listed
                && let Some(name) = name.strip_prefix(&folder)
            {
                found.insert(name.trim_end_matches('/').to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Names in the repository's folder that no repository has.
    fn foreign(&self) -> Result<Vec<String>, Fault> {
        let mut found = Vec::new();
        let prefix = within(&self.folder);
        self.container.list(&prefix, Some('/'), &mut |listed| {
            let (Listed::Folder(name) | Listed::Object { name, .. }) = listed;
            let own = name.strip_prefix(&prefix).unwrap_or(&name).trim_end_matches('/');
            if !own.is_empty() && !LAYOUT.contains(&own) && found.len() < NAMED {
                found.push(format!("`{own}`"));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Removes segments that a writer left who did not come to their object, older than a day by the server's clock.
    pub(super) fn sweep(&self, age: jiff::SignedDuration) -> Result<u64, Fault> {
        let object_of = |owner: &str| joined(&self.folder, &owner.replace('.', "/"));
        let folder = joined(&self.folder, &format!("{FOLDER}/"));
        large::sweep(&self.container, &folder, &object_of, age)
    }
}

impl Store for SwiftStore {
    fn location(&self) -> String {
        self.location.to_string()
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let _turn = self.flow.turn(&self.container.cancel)?;
        let found = match kind {
            Kind::Config => self.config().and_then(|config| {
                let sized = config.map(|bytes| Ok((Id::default(), narrow(bytes)?)));
                sized.into_iter().collect()
            }),
            _ => self.files(kind).map(|listed| with_own(listed, kind, &self.written())),
        };
        found.map_err(|fault| self.failed_here("list", &fault))
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let _turn = self.flow.turn(&self.container.cancel)?;
        let read = self.container.get(&self.object(kind, id));
        let content = read.map_err(|fault| self.failed("read", kind, id, &fault))?;
        self.flow.pass(content.len(), &self.container.cancel)?;
        Ok(content)
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        let _turn = self.flow.turn(&self.container.cancel)?;
        self.flow.pass(wanted, &self.container.cancel)?;
        let (offset, length) = (u64::from(offset), u64::from(length));
        match self.container.get_range(&self.object(kind, id), offset, length) {
            Ok(bytes) if bytes.len() == wanted => Ok(bytes),
            Ok(_) | Err(Fault::OutOfRange) => Err(StoreError::Truncated {
                place: self.place(kind, id),
                offset,
                length,
            }),
            Err(fault) => Err(self.failed("read", kind, id, &fault)),
        }
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        let _turn = self.flow.turn(&self.container.cancel)?;
        self.flow
            .pass(content.iter().map(Bytes::len).sum(), &self.container.cancel)?;
        let written = match kind {
            Kind::Config => self.put_new(kind, id, content),
            Kind::Key | Kind::Snapshot | Kind::Index | Kind::Pack | Kind::Notice => {
                self.put(kind, id, content).map(|()| true)
            }
        };
        match written {
            Ok(true) => {
                let length: usize = content.iter().map(Bytes::len).sum();
                if let Ok(length) = u32::try_from(length) {
                    self.written().insert((kind, *id), length);
                }
                Ok(())
            }
            Ok(false) => Err(StoreError::Exists {
                place: self.place(kind, id),
            }),
            Err(fault) => Err(self.failed("write", kind, id, &fault)),
        }
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        let _turn = self.flow.turn(&self.container.cancel)?;
        self.written().remove(&(kind, *id));
        self.delete(kind, id)
            .map_err(|fault| self.failed("remove", kind, id, &fault))
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            container: self.container.with_cancel(cancel),
            ..self.clone()
        }))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        let found = self.foreign().map_err(|fault| self.failed_here("list", &fault))?;
        if found.is_empty() {
            Ok(Claim::default())
        } else {
            let place = self.location();
            Err(StoreError::Foreign { place, found })
        }
    }

    fn tidy(&self, _now: SystemTime) {
        // Ages are told by the server's clock alone.
        match self.sweep(LEFTOVER_AGE) {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(place = %self.location, removed, "segments without an object were removed"),
            Err(fault) => tracing::debug!(place = %self.location, %fault, "leftovers cannot be removed"),
        }
    }

    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        let head = self.container.head(&self.object(kind, id));
        let head = head.map_err(|fault| self.failed("read", kind, id, &fault))?;
        let time = head.and_then(|head| head.modified);
        Ok(time
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(SystemTime::from))
    }
}

/// What a listing shows, and what was written here and is not in it yet.
fn with_own(mut listed: Vec<(Id, u32)>, kind: Kind, written: &Written) -> Vec<(Id, u32)> {
    let shown: BTreeSet<Id> = listed.iter().map(|(id, _)| *id).collect();
    let own = written
        .iter()
        .filter(|((of, id), _)| *of == kind && !shown.contains(id));
    listed.extend(own.map(|((_, id), length)| (*id, *length)));
    listed
}

fn narrow(bytes: u64) -> Result<u32, Fault> {
    u32::try_from(bytes).map_err(|_| Fault::Unexpected {
        status: 200,
        said: "an object is larger than 4 GiB, which no repository file is".into(),
    })
}

/// The name of a file as a single step of a path.
fn dotted(file: &str) -> String {
    file.replace('/', ".")
}

/// A folder and what lies in it.
pub(super) fn joined(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (false, true) => folder.to_owned(),
        (false, false) => format!("{folder}/{rest}"),
    }
}

/// What the names of all that lies in a folder begin with.
pub(super) fn within(folder: &str) -> String {
    if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_here_is_there_before_a_listing_shows_it() {
        let id = |byte| Id::new([byte; 32]);
        let written = Written::from([
            ((Kind::Pack, id(1)), 10),
            ((Kind::Pack, id(2)), 20),
            ((Kind::Index, id(3)), 30),
        ]);
        let listed = vec![(id(2), 20), (id(4), 40)];
        let found = with_own(listed, Kind::Pack, &written);
        assert_eq!(found, [(id(2), 20), (id(4), 40), (id(1), 10)]);
    }
}
