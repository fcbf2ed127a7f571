use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::Store;
use crate::record::declaration::Subject;
use crate::store::{Action, Creation, Fault, Listing, StoreError};
use crate::testing::{self, Manners, ManualClock, MemoryStore};

/// A store that fails every create after so many, as for a process that is killed there.
#[derive(Debug)]
struct Dying {
    inner: MemoryStore,
    left: AtomicUsize,
}

impl Store for Dying {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let left = |left: usize| left.checked_sub(1);
        if self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
            .is_err()
        {
            return Err(StoreError {
                fault: Fault::Denied,
                action: Action::Create,
                place: key.to_string(),
                source: io::Error::other("killed"),
            });
        }
        self.inner.create(key, bytes)
    }
    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        self.inner.list(folder)
    }
    fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.inner.list_after(folder, after, limit)
    }
    fn walk(&self, folder: &Folder) -> Result<Vec<String>, StoreError> {
        self.inner.walk(folder)
    }
    fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.inner.read_many(keys)
    }
    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.remove(key)
    }
    fn location(&self) -> String {
        self.inner.location()
    }
}

fn request(class: &str) -> Request {
    Request {
        verb: "protect".to_owned(),
        subjects: vec![Subject::new("Application", "shop").unwrap()],
        lease: None,
        detail: json!({"class": class}),
    }
}

fn key(text: &str) -> Name {
    Name::new("key", text).unwrap()
}

#[test]
fn a_call_that_is_repeated_asks_once_and_another_key_asks_again() {
    let catalog = testing::catalog("acme");
    let first = catalog.request_once(&key("a"), &request("manual")).unwrap();
    let Once::Stands(id) = first else { panic!("{first:?}") };
    assert_eq!(catalog.request_once(&key("a"), &request("manual")).unwrap(), first);
    assert_eq!(catalog.runs().unwrap(), [id]);
    assert_eq!(catalog.requested(id).unwrap().key, Some(key("a")));
    let other = catalog.request_once(&key("a"), &request("scheduled")).unwrap();
    assert_eq!(other, Once::Differs(id));
    let second = catalog.request_once(&key("b"), &request("manual")).unwrap();
    assert_ne!(second, first);
    // It has ended meanwhile: it is the same run all the same.
    catalog.run_log(id).unwrap().append(vec![], true).unwrap();
    assert_eq!(catalog.request_once(&key("a"), &request("manual")).unwrap(), first);
    assert_eq!(catalog.open_runs().unwrap().len(), 1);
}

#[test]
fn a_call_that_was_cut_off_anywhere_is_continued_by_the_next() {
    for creates in 0.. {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(Dying {
            inner: MemoryStore::new(Manners::Atomic),
            left: AtomicUsize::new(usize::MAX),
        });
        let catalog = testing::catalog_in(store.clone(), clock, "acme", 1);
        store.left.store(creates, Ordering::SeqCst);
        let was_whole = catalog.request_once(&key("a"), &request("manual")).is_ok();
        let uncut = was_whole && store.left.load(Ordering::SeqCst) > 0;
        store.left.store(usize::MAX, Ordering::SeqCst);
        let again = catalog.request_once(&key("a"), &request("manual")).unwrap();
        let runs = catalog.runs().unwrap();
        assert!(
            matches!(again, Once::Stands(id) if runs == [id]),
            "after {creates}: {again:?} {runs:?}"
        );
        assert_eq!(catalog.open_runs().unwrap().len(), 1, "after {creates}");
        if uncut {
            assert!(creates > 3, "the key, two indexes, the request and the feed");
            return;
        }
    }
}

#[test]
fn a_key_is_forgotten_with_its_run_and_one_without_a_run_as_well() {
    let clock = Arc::new(ManualClock::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let catalog = testing::catalog_in(store, clock.clone(), "acme", 1);
    let Once::Stands(id) = catalog.request_once(&key("a"), &request("manual")).unwrap() else {
        panic!("it differs")
    };
    catalog.run_log(id).unwrap().append(vec![], true).unwrap();
    catalog.run_of_key(&key("cut-off")).unwrap();
    clock.advance(Duration::from_secs(90 * 24 * 3600));
    let young = catalog.request_once(&key("b"), &request("manual")).unwrap();
    let age = Duration::from_secs(30 * 24 * 3600);
    let forgotten = catalog.forget_runs(age, |_| Ok::<_, CatalogError>(false)).unwrap();
    assert_eq!((forgotten.runs, forgotten.leftovers), (1, 1));
    let keys = catalog.list(&Folder::keys(catalog.tenant())).unwrap().records;
    assert_eq!(keys, ["b"]);
    assert_eq!(catalog.request_once(&key("b"), &request("manual")).unwrap(), young);
    assert_ne!(
        catalog.request_once(&key("a"), &request("manual")).unwrap(),
        Once::Stands(id)
    );
}
