//! A store in front of another: what is written stays on this machine until it is taken on. Data that must be read in a short
//! time, because an application waits, does not wait for a distant vault.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::Id;

use super::super::progress::Cancel;
use super::{Claim, Directory, Kind, Locks, Store, StoreError};

/// No more than this is fetched beforehand.
const AHEAD: u64 = 2 << 30;

/// What was written lies near, everything else is far.
#[derive(Clone)]
pub(in super::super) struct Spooling {
    near: Arc<Directory>,
    far: Arc<dyn Store>,
    ahead: Arc<Ahead>,
}

/// Packs that were fetched before anybody waits for them.
struct Ahead {
    folder: PathBuf,
    fetches: AtomicBool,
    bytes: AtomicU64,
    /// One fetches at a time: several threads may want the same pack.
    fetching: Mutex<()>,
}

impl Spooling {
    /// Keeps in `near` what is written, in `ahead` what is fetched beforehand, and reads from all.
    pub(in super::super) fn new(near: Arc<Directory>, ahead: PathBuf, far: Arc<dyn Store>) -> Self {
        let ahead = Arc::new(Ahead {
            folder: ahead,
            fetches: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            fetching: Mutex::default(),
        });
        Self { near, far, ahead }
    }

    /// From now on, or no longer: a pack of which a part is read is fetched whole and kept.
    pub(in super::super) fn fetch_ahead(&self, fetches: bool) {
        self.ahead.fetches.store(fetches, Ordering::SeqCst);
    }

    /// A part of a pack that was fetched, or is fetched now; nothing if it is not kept.
    fn part_ahead(&self, pack: &Id, offset: u32, length: u32) -> Result<Option<Bytes>, StoreError> {
        let path = self.ahead.folder.join(pack.to_hex().as_str());
        let part = || -> std::io::Result<Bytes> {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            File::open(&path)?.read_exact_at(&mut bytes, u64::from(offset))?;
            Ok(bytes.into())
        };
        let read = |error| StoreError::of("read", path.display().to_string(), error);
        match part() {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(read(error)),
            Err(_) if !self.ahead.fetches.load(Ordering::SeqCst) => return Ok(None),
            Err(_) => {}
        }
        let fetching = self.ahead.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            if self.ahead.bytes.load(Ordering::SeqCst) > AHEAD {
                return Ok(None);
            }
            let whole = self.far.read_kept(Kind::Pack, pack)?;
            let size = u64::try_from(whole.len()).unwrap_or(u64::MAX);
            self.ahead.bytes.fetch_add(size, Ordering::SeqCst);
            fs::create_dir_all(&self.ahead.folder)
                .and_then(|()| fs::write(&path, &whole))
                .map_err(|error| StoreError::of("write", path.display().to_string(), error))?;
        }
        drop(fetching);
        part().map(Some).map_err(read)
    }

    /// Asks near, and where it is not there, far.
    fn first<T>(&self, ask: impl Fn(&dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match ask(&*self.near) {
            Err(StoreError::Missing { .. }) => ask(&*self.far),
            found => found,
        }
    }
}

impl Store for Spooling {
    fn location(&self) -> String {
        self.far.location()
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let mut all: BTreeMap<Id, u32> = self.far.list(kind)?.into_iter().collect();
        all.extend(self.near.list(kind)?);
        Ok(all.into_iter().collect())
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.first(|store| store.read(kind, id))
    }

    fn read_kept(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let path = self.ahead.folder.join(id.to_hex().as_str());
        match fs::read(&path) {
            Ok(whole) if kind == Kind::Pack => return Ok(whole.into()),
            _ => {}
        }
        if kind == Kind::Pack && self.ahead.fetches.load(Ordering::SeqCst) {
            let whole = self.first(|store| store.read_kept(kind, id))?;
            fs::create_dir_all(&self.ahead.folder)
                .and_then(|()| fs::write(&path, &whole))
                .map_err(|error| StoreError::of("write", path.display().to_string(), error))?;
            return Ok(whole);
        }
        self.first(|store| store.read_kept(kind, id))
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        if kind == Kind::Pack
            && let Some(part) = self.part_ahead(id, offset, length)?
        {
            return Ok(part);
        }
        self.first(|store| store.read_range(kind, id, offset, length))
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        self.near.write(kind, id, content)
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        self.near.remove(kind, id)?;
        self.far.remove(kind, id)
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        let far = self.far.under(cancel)?;
        Some(Arc::new(Self { far, ..self.clone() }))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        self.far.claim()
    }

    fn locks(&self) -> Option<&dyn Locks> {
        self.far.locks()
    }
}
