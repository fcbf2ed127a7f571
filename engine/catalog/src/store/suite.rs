//! What every store must do. Each implementation runs all of it.

use std::sync::Arc;

use super::{Creation, Listing, Store, Verdict, probe};
use crate::chance::SystemChance;
use crate::layout::{Folder, Key};
use crate::name::{KindTag, LeaseName, Name};
use crate::testing::{Lossy, Manners, MemoryStore};

fn folder() -> Folder {
    let (kind, name) = (KindTag::new("Vault").unwrap(), Name::new("vault", "nas").unwrap());
    Folder::declaration(&Name::tenant("acme").unwrap(), &kind, &name)
}

/// Everything, on an empty store.
pub(crate) fn run(store: Arc<dyn Store>) {
    nothing_there(store.as_ref());
    created_once(store.as_ref());
    listed_in_order(store.as_ref());
    removed(store.as_ref());
    tenants_apart(store.as_ref());
    assert_eq!(probe(&store, &SystemChance).unwrap(), Verdict::Atomic);
    assert_eq!(
        store.list(&Folder::probe()).unwrap().records,
        Vec::<String>::new(),
        "the probe cleans up"
    );
    assert!(!store.location().is_empty());
}

fn nothing_there(store: &dyn Store) {
    assert_eq!(store.read(&Key::header()).unwrap(), None);
    assert_eq!(store.read(&folder().number(1)).unwrap(), None);
    assert_eq!(store.list(&Folder::root()).unwrap(), Listing::default());
    assert_eq!(store.list(&folder()).unwrap(), Listing::default());
}

fn created_once(store: &dyn Store) {
    let key = folder().number(1);
    assert_eq!(store.create(&key, b"first").unwrap(), Creation::Won);
    assert_eq!(store.create(&key, b"second").unwrap(), Creation::Exists);
    assert_eq!(store.read(&key).unwrap().unwrap(), b"first");
    let empty = folder().number(2);
    assert_eq!(store.create(&empty, b"").unwrap(), Creation::Won);
    assert_eq!(store.read(&empty).unwrap().unwrap(), b"");
    let large = vec![7; 1 << 20];
    assert_eq!(store.create(&folder().number(3), &large).unwrap(), Creation::Won);
    assert_eq!(store.read(&folder().number(3)).unwrap().unwrap(), large);
}

fn listed_in_order(store: &dyn Store) {
    let lease = Folder::lease(&LeaseName::new("prune").unwrap());
    for number in [10, 9, 100, 1] {
        store.create(&lease.number(number), b"x").unwrap();
    }
    let names: Vec<String> = [1, 9, 10, 100]
        .into_iter()
        .map(|number: u64| format!("{number:020}"))
        .collect();
    assert_eq!(
        store.list(&lease).unwrap(),
        Listing {
            folders: vec![],
            records: names
        }
    );
    store.create(&Key::header(), b"h").unwrap();
    let root = store.list(&Folder::root()).unwrap();
    assert_eq!(root.records, ["dram.json"]);
    assert_eq!(root.folders, ["leases", "t"]);
}

fn removed(store: &dyn Store) {
    let key = folder().number(1);
    store.remove(&key).unwrap();
    store.remove(&key).unwrap();
    assert_eq!(store.read(&key).unwrap(), None);
    assert_eq!(store.create(&key, b"third").unwrap(), Creation::Won);
}

fn tenants_apart(store: &dyn Store) {
    // A name that begins like another must not be listed with it.
    for tenant in ["foo", "foo-bar", "foobar"] {
        let requests = Folder::requests(&Name::tenant(tenant).unwrap());
        store
            .create(&requests.ulid(ulid::Ulid::from_parts(1, 1)), tenant.as_bytes())
            .unwrap();
    }
    let listing = store.list(&Folder::requests(&Name::tenant("foo").unwrap())).unwrap();
    assert_eq!(listing.records.len(), 1);
    assert!(listing.folders.is_empty());
}

#[test]
fn memory_store() {
    run(Arc::new(MemoryStore::new(Manners::Atomic)));
}

#[test]
fn lossy_store_without_losses() {
    run(Arc::new(Lossy::new(MemoryStore::new(Manners::Atomic), 1, 0)));
}

#[test]
fn the_probe_finds_stores_out() {
    for (manners, words) in [
        (Manners::ChecksThenWrites, "were told"),
        (Manners::Overwrites, "were told"),
    ] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(manners));
        match probe(&store, &SystemChance).unwrap() {
            Verdict::NotAtomic { seen } => assert!(seen.contains(words), "{seen}"),
            Verdict::Atomic => panic!("{manners:?} passed for atomic"),
        }
    }
}
