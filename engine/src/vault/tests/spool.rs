//! What is read for an application at rest waits for no vault, and arrives whole whatever breaks off.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rustic_core::Id;

use super::tree::{assert_same, noise};
use super::*;

/// Counts what is read of packs, and ends after so many writes.
struct Watched {
    inner: Arc<dyn Store>,
    reads: AtomicU64,
    writes: AtomicU64,
    ends_after: u64,
}

impl Watched {
    fn new(inner: Arc<dyn Store>, ends_after: u64) -> Arc<Self> {
        Arc::new(Self {
            inner,
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            ends_after,
        })
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Store for Watched {
    fn location(&self) -> String {
        self.inner.location()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        self.inner.list(kind)
    }
    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.reads.fetch_add(u64::from(kind == Kind::Pack), Ordering::SeqCst);
        self.inner.read(kind, id)
    }
    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        self.reads.fetch_add(u64::from(kind == Kind::Pack), Ordering::SeqCst);
        self.inner.read_range(kind, id, offset, length)
    }
    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        if self.writes.fetch_add(1, Ordering::SeqCst) >= self.ends_after {
            return Err(StoreError::Io {
                action: "reach",
                place: self.location(),
                source: std::io::ErrorKind::ConnectionReset.into(),
            });
        }
        self.inner.write(kind, id, content)
    }
    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        self.inner.remove(kind, id)
    }
}

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    for folder in 0..40 {
        for file in 0..5 {
            let name = format!("/srv/{folder}/{file}");
            fixture.file(&name, name.as_bytes());
        }
    }
    fixture.file("/srv/large", noise(9 << 20, 7));
    fixture
}

fn take_in(repository: &Repository, spool: &Spool) -> Result<u64, VaultError> {
    repository.take_in(spool, &Silent::shared(), &Cancel::new())
}

#[test]
fn nothing_is_asked_of_the_vault_while_an_application_waits() {
    let fixture = fixture();
    fixture.capture("P0", &["/srv"]).unwrap();
    fixture.file("/srv/3/new", "new");
    let watched = Watched::new(Arc::clone(&fixture.repository.stores().writer), u64::MAX);
    let repository = fixture.reopen().with_writer(watched.clone());
    let spool = Spool::new(fixture.target("spool"));
    spool.begin().unwrap();
    let into = repository.spooling(&spool, &["data"], &Cancel::new()).unwrap();
    let before = watched.reads();
    assert!(before > 0, "the trees of the point before were fetched");
    let captured = capture(&into, &fixture.site(), POINT, &["/srv"], &[]).unwrap();
    assert_eq!(watched.reads(), before);
    assert_eq!(watched.writes.load(Ordering::SeqCst), 0);
    assert!(captured.new_bytes < 64 << 10, "{} bytes are new", captured.new_bytes);
    assert_eq!(fixture.reopen().find_item(POINT, "data").unwrap(), None);
    spool.complete(b"all").unwrap();
    assert_eq!(spool.completed().unwrap().as_deref(), Some(&b"all"[..]));
    take_in(&repository, &spool).unwrap();
    let found = fixture.reopen().find_item(POINT, "data").unwrap().unwrap();
    assert_eq!(found, captured);
    fixture.restore(&found, &fixture.target("back")).unwrap();
    assert_same(&fixture.site().join("srv"), &fixture.target("back").join("srv"));
    spool.discard().unwrap();
    assert!(!spool.folder().exists());
}

#[test]
fn a_move_that_breaks_off_at_any_write_goes_on_and_offers_nothing_before_its_end() {
    let fixture = fixture();
    let spool = Spool::new(fixture.target("spool"));
    spool.begin().unwrap();
    let into = fixture.repository.spooling(&spool, &["data"], &Cancel::new()).unwrap();
    let captured = capture(&into, &fixture.site(), POINT, &["/srv"], &[]).unwrap();
    spool.complete(b"").unwrap();
    let mut broke = 0;
    loop {
        // One file at the most arrives, then it ends.
        let store = Watched::new(Arc::clone(&fixture.repository.stores().writer), 1);
        let repository = fixture.reopen().with_writer(store);
        match take_in(&repository, &spool) {
            Ok(_) => break,
            Err(_) => broke += 1,
        }
        let there = fixture.reopen().find_item(POINT, "data").unwrap();
        assert!(there.is_none() || broke > 3, "a snapshot came before what it names");
        if there.is_some() {
            fixture
                .restore(&captured, &fixture.target(&format!("back-{broke}")))
                .unwrap();
        }
    }
    assert!(broke >= 4, "packs, an index and a snapshot: it broke off {broke} times");
    let found = fixture.reopen().find_item(POINT, "data").unwrap().unwrap();
    fixture.restore(&found, &fixture.target("back")).unwrap();
    assert_same(&fixture.site().join("srv"), &fixture.target("back").join("srv"));
}

#[test]
fn what_is_begun_anew_holds_nothing_of_before() {
    let fixture = fixture();
    let spool = Spool::new(fixture.target("spool"));
    spool.begin().unwrap();
    let into = fixture.repository.spooling(&spool, &[], &Cancel::new()).unwrap();
    capture(&into, &fixture.site(), POINT, &["/srv"], &[]).unwrap();
    assert_eq!(spool.completed().unwrap(), None);
    spool.begin().unwrap();
    spool.complete(b"").unwrap();
    assert_eq!(take_in(&fixture.repository, &spool).unwrap(), 0);
    // The repository itself knows nothing of what never came.
    let captured = fixture.capture(POINT, &["/srv"]).unwrap();
    assert!(captured.new_bytes > 9 << 20);
}
