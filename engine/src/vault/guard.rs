//! Stands between the library and the store. It adds what the library lacks: cancelling, and the certainty that no snapshot
//! is written of a source that could not be read whole or whose packs could not be written.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};

use super::progress::Cancel;
use super::store::{Kind, Store, StoreError};

/// The backend that one operation works through.
pub(super) struct Guard {
    store: Arc<dyn Store>,
    cancel: Cancel,
    /// The source failed, or a write did: no snapshot may follow.
    spoiled: AtomicBool,
    /// Snapshots that the library writes are dropped: the caller looks at the result first and writes its own.
    withhold: AtomicBool,
    /// Packs that the index names and the vault lost: nothing in them counts as stored.
    lost: Arc<HashSet<Id>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The first error of the store, in its own words; the library keeps only a text, or nothing.
    first: Option<StoreError>,
    written: Vec<Id>,
    /// What a listing shows instead of what is there.
    shown: HashMap<Kind, Vec<(Id, u32)>>,
}

impl Guard {
    pub(super) fn new(store: Arc<dyn Store>, cancel: Cancel) -> Self {
        Self {
            store: store.under(&cancel).unwrap_or(store),
            cancel,
            spoiled: AtomicBool::new(false),
            withhold: AtomicBool::new(false),
            lost: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// The same, where these packs are known to be lost.
    pub(super) fn without(mut self, lost: Arc<HashSet<Id>>) -> Self {
        self.lost = lost;
        self
    }

    pub(super) fn lost(&self) -> &HashSet<Id> {
        &self.lost
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No snapshot may be written any more.
    pub(super) fn spoil(&self) {
        self.spoiled.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::SeqCst)
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.cancel.is_canceled()
    }

    /// Drops the library's own snapshots from now on, or no longer.
    pub(super) fn withhold(&self, withhold: bool) {
        self.withhold.store(withhold, Ordering::SeqCst);
    }

    /// The first error of the store since the last question.
    pub(super) fn take_error(&self) -> Option<StoreError> {
        self.state().first.take()
    }

    /// The ids of the snapshots written since the last question.
    pub(super) fn take_written(&self) -> Vec<Id> {
        std::mem::take(&mut self.state().written)
    }

    /// Shows the library these files of a kind instead of those that are there.
    pub(super) fn show(&self, kind: Kind, files: Vec<(Id, u32)>) {
        self.state().shown.insert(kind, files);
    }

    /// Reads a file of which a copy will do.
    pub(super) fn read_kept(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        if self.cancel.is_canceled() {
            return Err(StoreError::Canceled);
        }
        self.store.read_kept(kind, id)
    }

    /// Reads a range of a pack. Whoever asks takes the error; it is not remembered.
    pub(super) fn read_pack(&self, pack: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        if self.cancel.is_canceled() {
            return Err(StoreError::Canceled);
        }
        self.store.read_range(Kind::Pack, pack, offset, length)
    }

    /// Lets an operation through, or turns the store's error into the library's and remembers it.
    fn pass<T>(&self, run: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> RusticResult<T> {
        let result = if self.cancel.is_canceled() {
            Err(StoreError::Canceled)
        } else {
            run(&*self.store)
        };
        result.map_err(|error| {
            let message = error.to_string();
            self.state().first.get_or_insert(error);
            RusticError::new(ErrorKind::Backend, message)
        })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("location", &self.store.location())
            .finish_non_exhaustive()
    }
}

impl ReadBackend for Guard {
    fn location(&self) -> String {
        self.store.location()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        if let Some(shown) = self.state().shown.get(&tpe.into()) {
            return Ok(shown.clone());
        }
        self.pass(|store| store.list(tpe.into()))
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        self.pass(|store| store.read(tpe.into(), id))
    }

    fn read_partial(&self, tpe: FileType, id: &Id, _cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        self.pass(|store| store.read_range(tpe.into(), id, offset, length))
    }

    fn warmup_path(&self, _tpe: FileType, id: &Id) -> String {
        id.to_hex().to_string()
    }
}

impl WriteBackend for Guard {
    fn create(&self) -> RusticResult<()> {
        self.pass(Store::create)
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        if tpe == FileType::Snapshot {
            if self.is_spoiled() {
                return self.pass(|_| Err(StoreError::Withheld));
            }
            if self.withhold.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
        let result = self.pass(|store| store.write(tpe.into(), id, content.slice()));
        match &result {
            // The library only warns about a pack that it could not write, and goes on without the file.
            Err(_) => self.spoil(),
            Ok(()) if tpe == FileType::Snapshot => self.state().written.push(*id),
            Ok(()) => {}
        }
        result
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.pass(|store| store.remove(tpe.into(), id))
    }
}
