//! What ordinary things cost, counted in calls of the store: each is a round trip on an object store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use ulid::Ulid;

use crate::layout::{Folder, Key};
use crate::record::declaration::{Manager, ManagerKind, Stated, Subject};
use crate::record::feed::Followed;
use crate::record::run::Request;
use crate::store::{Creation, Listing, StoreError};
use crate::testing::{self, Manners, ManualClock, MemoryStore, SeededChance};
use crate::{Catalog, CatalogError, Name, Store};

/// Counts the calls of a store that answers a whole page, a tree or several reads as one.
#[derive(Debug)]
struct Counting {
    inner: MemoryStore,
    calls: AtomicUsize,
}

impl Counting {
    fn counted<T>(&self, answer: T) -> T {
        self.calls.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

impl Store for Counting {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.counted(self.inner.read(key))
    }
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        self.counted(self.inner.create(key, bytes))
    }
    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        self.counted(self.inner.list(folder))
    }
    fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.counted(self.inner.list_after(folder, after, limit))
    }
    fn walk(&self, folder: &Folder) -> Result<Vec<String>, StoreError> {
        self.counted(self.inner.walk(folder))
    }
    fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.counted(self.inner.read_many(keys))
    }
    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.counted(self.inner.remove(key))
    }
    fn location(&self) -> String {
        self.inner.location()
    }
}

struct Bench {
    store: Arc<Counting>,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        let store = Arc::new(Counting {
            inner: MemoryStore::new(Manners::Atomic),
            calls: AtomicUsize::new(0),
        });
        let clock = Arc::new(ManualClock::default());
        testing::catalog_in(store.clone(), clock.clone(), "acme", 1);
        Bench { store, clock }
    }

    /// A process that has just opened the catalog.
    fn fresh(&self, seed: u64) -> Catalog {
        let chance = Arc::new(SeededChance::new(seed));
        let tenant = Name::tenant("acme").unwrap();
        Catalog::open_in(self.store.clone(), self.clock.clone(), chance, &tenant, "test")
    }

    fn cost<T>(&self, act: impl FnOnce() -> T) -> (T, usize) {
        let before = self.store.calls.load(Ordering::SeqCst);
        let answer = act();
        (answer, self.store.calls.load(Ordering::SeqCst) - before)
    }
}

fn stated(name: &str, body: u64) -> Stated {
    Stated {
        subject: Subject::new("Vault", name).unwrap(),
        body: json!(body),
        references: vec![],
    }
}

fn cli() -> Manager {
    Manager {
        kind: ManagerKind::Cli,
        id: "ann".to_owned(),
    }
}

#[test]
fn opening_and_reading_a_declaration_costs_two_requests() {
    let bench = Bench::new();
    for body in 0..5 {
        bench
            .fresh(2 + body)
            .declare_stated(&stated("nas", body), &cli(), None, false)
            .unwrap();
    }
    let nas = Subject::new("Vault", "nas").unwrap();
    let (head, cost) = bench.cost(|| bench.fresh(20).head(&nas).unwrap().unwrap());
    assert_eq!((head.standing.declaration, cost), (json!(4), 2));
    // What is not there costs a look at the header, so that an emptied store is not taken for an empty catalog.
    let other = Subject::new("Vault", "other").unwrap();
    let (none, cost) = bench.cost(|| bench.fresh(21).head(&other).unwrap());
    assert!(none.is_none());
    assert_eq!(cost, 2);
    bench.store.inner.remove(&Key::header()).unwrap();
    assert!(matches!(
        bench.fresh(22).head(&other),
        Err(CatalogError::Missing { .. })
    ));
    assert!(matches!(bench.fresh(23).runs(), Err(CatalogError::Missing { .. })));
    assert!(matches!(
        bench.fresh(24).declare_stated(&stated("other", 1), &cli(), None, false),
        Err(crate::record::declaration::DeclareError::Catalog(
            CatalogError::Missing { .. }
        ))
    ));
}

#[test]
fn a_catalog_that_vanishes_later_is_noticed() {
    let bench = Bench::new();
    let catalog = bench.fresh(2);
    catalog.declare_stated(&stated("nas", 1), &cli(), None, false).unwrap();
    bench.store.inner.clear();
    bench.clock.advance(Duration::from_secs(6));
    assert!(matches!(catalog.survey(false), Err(CatalogError::Missing { .. })));
}

#[test]
fn a_survey_costs_the_same_for_many() {
    let bench = Bench::new();
    let catalog = bench.fresh(2);
    for vault in 0..100 {
        catalog
            .declare_stated(&stated(&format!("nas-{vault}"), 1), &cli(), None, false)
            .unwrap();
    }
    let (survey, cost) = bench.cost(|| bench.fresh(3).survey(false).unwrap());
    assert_eq!((survey.live.len(), cost), (100, 2));
    let (_, cost) = bench.cost(|| {
        catalog
            .declare_stated(&stated("nas-7", 2), &cli(), None, false)
            .unwrap()
    });
    assert!(cost <= 5, "listing, read, create, look, feed: {cost}");
    let shop = Name::application("shop").unwrap();
    for point in 0..1000 {
        catalog
            .index_point(&shop, Ulid::from_parts(point, 1), json!({}))
            .unwrap();
    }
    let (ids, cost) = bench.cost(|| catalog.point_ids(&shop).unwrap());
    assert_eq!((ids.len(), cost), (1000, 1));
    let (_, cost) = bench.cost(|| catalog.newest_point(&shop, &ids, |_| true).unwrap());
    assert_eq!(cost, 1);
}

#[test]
fn runs_that_have_ended_cost_nothing() {
    let bench = Bench::new();
    let catalog = bench.fresh(2);
    let request = Request {
        verb: "protect".to_owned(),
        subjects: vec![
            Subject::new("Application", "shop").unwrap(),
            Subject::new("Vault", "nas").unwrap(),
        ],
        lease: None,
        detail: json!({}),
    };
    let run = |end: bool| {
        bench.clock.advance(Duration::from_secs(3600));
        let id = catalog.request(&request).unwrap();
        if end {
            catalog.run_log(id).unwrap().append(vec![], true).unwrap();
        }
        id
    };
    let nas = Subject::new("Vault", "nas").unwrap();
    let mut costs = Vec::new();
    for count in [1, 300] {
        let ids: Vec<Ulid> = (0..count).map(|_| run(true)).collect();
        let last = ids[ids.len() - 1];
        let (working, one) = bench.cost(|| catalog.working_on(&nas).unwrap());
        assert_eq!(working, None);
        let (newest, two) = bench.cost(|| catalog.newest_runs(1).unwrap());
        assert_eq!(newest, [last]);
        let (of, three) = bench.cost(|| catalog.newest_runs_of(&Name::application("shop").unwrap(), 1).unwrap());
        assert_eq!(of, [last]);
        costs.push((one.max(2), two, three));
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[1].0 <= 2 && costs[1].1 == 1, "{costs:?}");
    let id = run(false);
    assert_eq!(catalog.working_on(&nas).unwrap(), Some(id));
    assert_eq!(catalog.open_runs().unwrap().len(), 1);
    // All of them are found however far back they lie.
    assert_eq!(catalog.newest_runs(302).unwrap(), catalog.runs().unwrap());
    assert_eq!(catalog.runs().unwrap().len(), 302);
}

#[test]
fn following_costs_a_listing_and_telling_a_create() {
    let bench = Bench::new();
    let (catalog, reader) = (bench.fresh(2), bench.fresh(3));
    let mut follower = reader.follow();
    assert!(matches!(follower.look().unwrap(), Followed::Survey(_)));
    for vault in 0..50 {
        catalog
            .declare_stated(&stated(&format!("nas-{vault}"), 1), &cli(), None, false)
            .unwrap();
    }
    let (changes, cost) = bench.cost(|| follower.look().unwrap());
    assert!(matches!(changes, Followed::Changes(changes) if changes.len() == 50));
    assert_eq!(cost, 2);
    let (quiet, cost) = bench.cost(|| follower.look().unwrap());
    assert_eq!((quiet, cost), (Followed::Changes(vec![]), 1));
}
