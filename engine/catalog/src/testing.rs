//! Stores, clocks and chance for tests.

pub(crate) mod fault;
pub(crate) mod history;
pub(crate) mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::catalog::Catalog;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::layout::{Folder, Key};
use crate::name::Name;
use crate::store::{Action, Creation, Fault, Listing, Store, StoreError};

/// How a [`MemoryStore`] treats creators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// As the port asks.
    Atomic,
    /// Looks whether the record exists and writes a moment later.
    ChecksThenWrites,
    /// Accepts the condition and overwrites.
    Overwrites,
}

/// The moment between looking and writing that a store of [`Manners::ChecksThenWrites`] has: it lasts until another writer
/// has looked, too, if one comes soon.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    looked: Mutex<BTreeMap<String, usize>>,
    another: Condvar,
}

impl Moment {
    /// How long a writer who is alone is kept.
    const SOON: Duration = Duration::from_millis(20);

    pub(crate) fn pass(&self, key: &str) {
        let mut looked = self.looked.lock().unwrap();
        *looked.entry(key.to_owned()).or_default() += 1;
        self.another.notify_all();
        let is_alone = |looked: &mut BTreeMap<String, usize>| looked.get(key).is_none_or(|writers| *writers < 2);
        let _ = self.another.wait_timeout_while(looked, Self::SOON, is_alone);
    }
}

/// A store in memory.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    records: Mutex<BTreeMap<Key, Vec<u8>>>,
    manners: Manners,
    moment: Moment,
}

impl MemoryStore {
    pub(crate) fn new(manners: Manners) -> Self {
        MemoryStore {
            records: Mutex::default(),
            manners,
            moment: Moment::default(),
        }
    }

    /// Empties it, as somebody does who deletes a bucket's objects.
    pub(crate) fn clear(&self) {
        self.records.lock().unwrap().clear();
    }

    pub(crate) fn put(&self, key: &Key, bytes: &[u8]) {
        self.records.lock().unwrap().insert(key.clone(), bytes.to_vec());
    }
}

impl Store for MemoryStore {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.lock().unwrap().get(key).cloned())
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let exists = self.records.lock().unwrap().contains_key(key);
        match self.manners {
            Manners::Atomic => {}
            Manners::Overwrites => {
                self.put(key, bytes);
                return Ok(Creation::Won);
            }
            Manners::ChecksThenWrites if exists => return Ok(Creation::Exists),
            Manners::ChecksThenWrites => {
                self.moment.pass(key.as_str());
                self.put(key, bytes);
                return Ok(Creation::Won);
            }
        }
        let mut records = self.records.lock().unwrap();
        if records.contains_key(key) {
            return Ok(Creation::Exists);
        }
        records.insert(key.clone(), bytes.to_vec());
        Ok(Creation::Won)
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let start = folder.start();
        let records = self.records.lock().unwrap();
        let (mut folders, mut names) = (BTreeSet::new(), BTreeSet::new());
        for key in records.range(start.clone()..).map(|(key, _)| key) {
            let Some(rest) = key.as_str().strip_prefix(start.as_str()) else {
                break;
            };
            match rest.split_once('/') {
                Some((child, _)) => folders.insert(child.to_owned()),
                None => names.insert(rest.to_owned()),
            };
        }
        Ok(Listing {
            folders: folders.into_iter().collect(),
            records: names.into_iter().collect(),
        })
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.records.lock().unwrap().remove(key);
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

/// A store whose answers to creates get lost, before or after the record was written, as a seed says.
#[derive(Debug)]
pub(crate) struct Lossy<S> {
    pub(crate) inner: S,
    chance: Mutex<StdRng>,
    /// Of 100 creates, so many lose their answer.
    percent: u32,
}

impl<S: Store> Lossy<S> {
    pub(crate) fn new(inner: S, seed: u64, percent: u32) -> Self {
        Lossy {
            inner,
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            percent,
        }
    }
}

impl<S: Store> Store for Lossy<S> {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let (lost, written) = {
            let mut chance = self.chance.lock().unwrap();
            (chance.random_range(0..100) < self.percent, chance.random())
        };
        if !lost {
            return self.inner.create(key, bytes);
        }
        if written {
            self.inner.create(key, bytes)?;
        }
        Err(StoreError {
            fault: Fault::Unreachable,
            action: Action::Create,
            place: key.to_string(),
            source: io::Error::from(io::ErrorKind::TimedOut),
        })
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        self.inner.list(folder)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.remove(key)
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

/// A store behind a pointer, to be wrapped again. It knows nothing about itself.
#[derive(Debug)]
pub(crate) struct Shared<S: ?Sized>(pub(crate) Arc<S>);

impl<S: Store + ?Sized> Store for Shared<S> {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(key)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        self.0.create(key, bytes)
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        self.0.list(folder)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.remove(key)
    }

    fn location(&self) -> String {
        self.0.location()
    }
}

/// Chance that a seed repeats.
#[derive(Debug)]
pub(crate) struct SeededChance(Mutex<StdRng>);

impl SeededChance {
    pub(crate) fn new(seed: u64) -> Self {
        SeededChance(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn bits(&self) -> u128 {
        self.0.lock().unwrap().random()
    }
}

/// A clock that only moves when it is told to, or when somebody sleeps by it.
#[derive(Debug, Default)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn advance(&self, span: Duration) {
        self.0
            .fetch_add(u64::try_from(span.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, span: Duration) {
        self.advance(span);
    }
}

/// A catalog in `store`, initialised if it was not.
pub(crate) fn catalog_in(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tenant: &str, seed: u64) -> Catalog {
    let chance = Arc::new(SeededChance::new(seed));
    Catalog::init_in(&store, clock.as_ref(), chance.as_ref(), "test").unwrap();
    Catalog::open_in(store, clock, chance, &Name::tenant(tenant).unwrap(), "test")
}

/// A catalog in memory.
pub(crate) fn catalog(tenant: &str) -> Catalog {
    catalog_in(
        Arc::new(MemoryStore::new(Manners::Atomic)),
        Arc::new(ManualClock::default()),
        tenant,
        1,
    )
}
