//! What every store must do. Each implementation runs all of it.

use std::sync::Arc;

use super::{Creation, Listing, Store, Verdict, probe, read_in_parallel};
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
    listed_from_the_middle(store.as_ref());
    walked(store.as_ref());
    read_together(store.as_ref());
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

fn listed_from_the_middle(store: &dyn Store) {
    // These records stand since `listed_in_order`.
    let lease = Folder::lease(&LeaseName::new("prune").unwrap());
    let after = |after: &str, limit| store.list_after(&lease, after, limit).unwrap();
    let name = |number: u64| format!("{number:020}");
    assert_eq!(after("", 100), [1, 9, 10, 100].map(name));
    assert_eq!(after(&name(1), 2), [9, 10].map(name));
    assert_eq!(after(&name(8), 100), [9, 10, 100].map(name), "`after` need not exist");
    assert_eq!(after(&name(100), 100), Vec::<String>::new());
    assert_eq!(after("", 0), Vec::<String>::new());
    let nowhere = Folder::lease(&LeaseName::new("pru").unwrap());
    assert_eq!(store.list_after(&nowhere, "", 9).unwrap(), Vec::<String>::new());
}

fn walked(store: &dyn Store) {
    let foo = Name::tenant("walk").unwrap();
    let vault = KindTag::new("Vault").unwrap();
    for (tenant, name) in [("walk", "nas"), ("walk", "nas-2"), ("walker", "nas")] {
        let (tenant, name) = (Name::tenant(tenant).unwrap(), Name::new("vault", name).unwrap());
        for number in [2, 1] {
            let key = Folder::declaration(&tenant, &vault, &name).number(number);
            store.create(&key, b"x").unwrap();
        }
    }
    let expected: Vec<String> = ["nas", "nas-2"]
        .iter()
        .flat_map(|name| [1, 2].map(|number: u64| format!("Vault/{name}/{number:020}")))
        .collect();
    let found = store.walk(&Folder::declared(&foo)).unwrap();
    assert_eq!(found, sorted(expected));
    let nobody = Name::tenant("wal").unwrap();
    assert_eq!(store.walk(&Folder::declared(&nobody)).unwrap(), Vec::<String>::new());
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

fn read_together(store: &dyn Store) {
    let folder = Folder::lease(&LeaseName::new("many").unwrap());
    for number in 0..50 {
        if number % 7 != 0 {
            store
                .create(&folder.number(number), number.to_string().as_bytes())
                .unwrap();
        }
    }
    let keys: Vec<Key> = (0..50).map(|number| folder.number(number)).collect();
    let expected: Vec<Option<Vec<u8>>> = (0..50_u64)
        .map(|number| (number % 7 != 0).then(|| number.to_string().into_bytes()))
        .collect();
    assert_eq!(store.read_many(&keys).unwrap(), expected);
    assert_eq!(read_in_parallel(store, &keys, 7).unwrap(), expected);
    assert_eq!(read_in_parallel(store, &keys, 100).unwrap(), expected);
    assert_eq!(store.read_many(&[]).unwrap(), Vec::<Option<Vec<u8>>>::new());
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
