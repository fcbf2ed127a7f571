//! A store that fails as stores do: calls that do nothing and say so, calls whose answer is lost, and an end in the middle.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rustic_core::Id;

use super::lab::Keeps;
use super::tree::{assert_same, noise};
use super::*;

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// After so many writes nothing is written or removed any more: the writer died.
    Ends(u64),
    /// Of a hundred calls so many fail without an effect, and as many writes have one and fail nevertheless.
    Storms(u64),
}

struct Faulty {
    inner: Arc<dyn Store>,
    fate: Fate,
    writes: AtomicU64,
    chance: Mutex<u64>,
}

impl Faulty {
    fn new(inner: Arc<dyn Store>, fate: Fate, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fate,
            writes: AtomicU64::new(0),
            chance: Mutex::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        })
    }

    fn broken(&self) -> StoreError {
        StoreError::Io {
            action: "reach",
            place: self.location(),
            source: std::io::ErrorKind::ConnectionReset.into(),
        }
    }

    fn out_of_a_hundred(&self) -> u64 {
        let mut chance = self.chance.lock().unwrap();
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        *chance % 100
    }

    fn read_may(&self) -> Result<(), StoreError> {
        match self.fate {
            Fate::Storms(rate) if self.out_of_a_hundred() < rate => Err(self.broken()),
            _ => Ok(()),
        }
    }

    fn change(&self, act: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        match self.fate {
            Fate::Ends(after) if number >= after => Err(self.broken()),
            Fate::Ends(_) => act(),
            Fate::Storms(rate) => match self.out_of_a_hundred() {
                chance if chance < rate => Err(self.broken()),
                chance if chance < 2 * rate => act().and_then(|()| Err(self.broken())),
                _ => act(),
            },
        }
    }
}

impl Store for Faulty {
    fn location(&self) -> String {
        self.inner.location()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        self.read_may()?;
        self.inner.list(kind)
    }
    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.read_may()?;
        self.inner.read(kind, id)
    }
    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        self.read_may()?;
        self.inner.read_range(kind, id, offset, length)
    }
    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        self.change(|| self.inner.write(kind, id, content))
    }
    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        self.change(|| self.inner.remove(kind, id))
    }
}

/// As a run does it: what a killed one captured is found again.
fn protect(repository: &Repository, fixture: &Fixture, point: &str) -> Result<(), VaultError> {
    let captured = match repository.find_item(point, "data")? {
        Some(captured) => captured,
        None => capture(repository, &fixture.site(), point, &["/srv"], &[])?,
    };
    let items = vec![Item::of_files("data", "web", &captured)];
    repository.seal(&manifest(point, 1, items), &origin()).map(drop)
}

/// What is offered is whole; the number of it.
fn offered(repository: &Repository, fixture: &Fixture, name: &str) -> usize {
    let points = repository.points().unwrap();
    for point in &points {
        assert!(point.is_restorable(), "{name}: {point:?}");
        let verdict = repository
            .verify(&point.point, &Silent::shared(), &Cancel::new())
            .unwrap();
        assert_eq!(verdict.damages, vec![], "{name}");
        let item = repository.find_item(&point.point, "data").unwrap().unwrap();
        let into = fixture.target("into");
        restore(repository, &item, &into, |_| {}).unwrap();
        assert_same(&fixture.site().join("srv"), &into.join("srv"));
        std::fs::remove_dir_all(into).unwrap();
    }
    points.len()
}

fn with_fate(location: &Location, key: &MasterKey, fate: Fate, seed: u64) -> Repository {
    let repository = location.open_raw(key).unwrap();
    let store: Arc<dyn Store> = Faulty::new(location.stores().writer.clone(), fate, seed);
    repository.with_writer(store.clone()).with_pruner(store)
}

/// A writer that dies after each of its writes in turn; whoever comes next ends what it began.
fn ends_everywhere(location: &Location, fixture: &Fixture) {
    location.init_and_open_raw(&fixture.key).unwrap();
    fixture.file("/srv/large", noise(11 << 20, 1));
    fixture.file("/srv/small", "small");
    let mut died = 0;
    for after in 0.. {
        let point = format!("P{after:02}");
        fixture.file("/srv/changes", noise(300_000, 100 + after));
        let writer = with_fate(location, &fixture.key, Fate::Ends(after), 1);
        let outcome = protect(&writer, fixture, &point);
        let next = location.open_raw(&fixture.key).unwrap();
        let named = format!("died after {after} writes");
        let sealed = next.points().unwrap().iter().any(|found| found.point == point);
        assert_eq!(outcome.is_ok(), sealed, "{named}: {outcome:?}");
        if sealed {
            break;
        }
        died += 1;
        protect(&next, fixture, &point).unwrap();
        assert_eq!(offered(&next, fixture, &named), 1, "{named}");
        // Only the newest state of the files can be compared: the point goes.
        let plan = next.plan_prune(&[point], &[], &[], origin().time).unwrap();
        next.forget(&plan, &Cancel::new()).unwrap();
    }
    assert!(died > 5, "{died}");
    assert_eq!(
        offered(&location.open_raw(&fixture.key).unwrap(), fixture, "at the end"),
        1
    );
}

#[test]
fn a_writer_that_dies_at_any_write_leaves_what_the_next_one_ends() {
    let fixture = Fixture::new();
    ends_everywhere(&fixture.location(), &fixture);
}

#[test]
fn a_writer_that_dies_at_any_write_to_a_bucket_leaves_what_the_next_one_ends() {
    let Some(lab) = lab::bucket("dies", Keeps::Versions) else {
        return;
    };
    ends_everywhere(&lab.location(), &Fixture::new());
}

/// Protecting and pruning through storms end some time, and nothing half is offered on the way.
fn storms(location: &Location, fixture: &Fixture, seed: u64) {
    location.init_and_open_raw(&fixture.key).unwrap();
    fixture.file("/srv/large", noise(3 << 20, seed));
    let calm = location.open_raw(&fixture.key).unwrap();
    protect(&calm, fixture, "P1").unwrap();
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 200, "seed {seed}: it never ends");
        let stormy = with_fate(location, &fixture.key, Fate::Storms(2), seed * 1000 + tries);
        let done = protect(&stormy, fixture, "P2").and_then(|()| {
            let plan = stormy.plan_prune(&["P1".to_owned()], &[], &[], origin().time)?;
            stormy.forget(&plan, &Cancel::new())?;
            stormy.prune_marked_for(0, &Cancel::new())
        });
        let next = location.open_raw(&fixture.key).unwrap();
        offered(&next, fixture, &format!("seed {seed}, try {tries}: {done:?}"));
        if done.is_ok() {
            break;
        }
    }
    assert!(tries > 1, "seed {seed}: there was no storm");
}

#[test]
fn storms_delay_and_harm_nothing() {
    for seed in 1..=3 {
        let fixture = Fixture::new();
        storms(&fixture.location(), &fixture, seed);
    }
}
