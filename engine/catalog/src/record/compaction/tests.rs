use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::CatalogError;
use crate::layout::name_of;
use crate::name::Name;
use crate::record::declaration::{Manager, ManagerKind, Stated};
use crate::record::run::Request;
use crate::record::series::Appended;
use crate::testing::{self, Manners, ManualClock, MemoryStore};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Bench {
    catalog: Catalog,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

fn bench() -> Bench {
    let (store, clock) = (
        Arc::new(MemoryStore::new(Manners::Atomic)),
        Arc::new(ManualClock::default()),
    );
    clock.advance(DAY * 100);
    let catalog = testing::catalog_in(store.clone(), clock.clone(), "acme", 1);
    Bench { catalog, clock, store }
}

fn nas() -> Subject {
    Subject::new("Vault", "nas").unwrap()
}

fn declare(catalog: &Catalog, body: u64) {
    let stated = Stated {
        subject: nas(),
        body: json!(body),
        references: vec![],
    };
    let manager = Manager {
        kind: ManagerKind::Cli,
        id: "ann".to_owned(),
    };
    catalog.declare_stated(&stated, &manager, None, false).unwrap();
}

fn history(catalog: &Catalog) -> Vec<u64> {
    let Subject { kind, name } = nas();
    catalog
        .series(Folder::declaration(catalog.tenant(), &kind, &name))
        .numbers()
        .unwrap()
}

#[test]
fn what_was_superseded_stays_for_seven_days_and_the_last_for_ever() {
    let Bench { catalog, clock, .. } = bench();
    for body in 1..=10 {
        declare(&catalog, body);
        clock.advance(DAY);
    }
    // Number n was superseded 10 - n days ago; the day of margin is added to the seven.
    let compacted = catalog.compact().unwrap();
    assert_eq!((compacted.series, compacted.numbers), (1, 2));
    assert_eq!(history(&catalog), (3..=10).collect::<Vec<u64>>());
    assert_eq!(catalog.compact().unwrap(), Compacted::default());
    clock.advance(DAY * 1000);
    assert_eq!(catalog.compact().unwrap().numbers, 7);
    assert_eq!(history(&catalog), [10]);
    assert_eq!(catalog.head(&nas()).unwrap().unwrap().standing.declaration, json!(10));
    declare(&catalog, 11);
    assert_eq!(history(&catalog), [10, 11]);
}

#[test]
fn an_interrupted_compaction_is_finished_by_the_next() {
    let Bench { catalog, clock, store } = bench();
    for body in 1..=5 {
        declare(&catalog, body);
    }
    clock.advance(DAY * 30);
    let Subject { kind, name } = nas();
    let series = catalog.series(Folder::declaration(catalog.tenant(), &kind, &name));
    // The floor stands, and nothing has been removed yet.
    let floor = catalog.fresh(Some(3), Value::Null);
    catalog.place(&series.floor_key(3), &floor).unwrap();
    assert_eq!(history(&catalog), [4, 5], "what is below the floor is gone");
    // A record that a late create left where nothing may be any more.
    assert_eq!(catalog.compact().unwrap().numbers, 4);
    store.put(&series.key(2), b"late");
    assert_eq!(catalog.head(&nas()).unwrap().unwrap().standing.declaration, json!(5));
    declare(&catalog, 6);
    catalog.compact().unwrap();
    let names = catalog
        .list(&Folder::declaration(catalog.tenant(), &kind, &name))
        .unwrap()
        .records;
    assert_eq!(names, [name_of(5), name_of(6), format!("floor-{}", name_of(4))]);
}

#[test]
fn a_series_that_is_appended_to_compacts_itself() {
    let Bench { catalog, clock, .. } = bench();
    for body in 0..400 {
        declare(&catalog, body);
        clock.advance(DAY / 2);
    }
    let stands = history(&catalog).len();
    assert!((16..100).contains(&stands), "{stands}");
}

#[test]
fn a_history_that_cannot_be_read_stays() {
    let Bench { catalog, clock, store } = bench();
    for body in 1..=5 {
        declare(&catalog, body);
    }
    clock.advance(DAY * 30);
    let Subject { kind, name } = nas();
    let series = catalog.series(Folder::declaration(catalog.tenant(), &kind, &name));
    store.put(&series.key(3), br#"{"format":9,"min_reader":9}"#);
    assert_eq!(
        catalog.compact().unwrap().numbers,
        1,
        "only what a record that can be read superseded"
    );
    assert_eq!(history(&catalog), [2, 3, 4, 5]);
}

#[test]
fn epochs_are_never_compacted() {
    let Bench { catalog, clock, .. } = bench();
    let shop = Name::application("shop").unwrap();
    for epoch in 1..=100 {
        catalog.take_over(&shop, epoch, "site", "why", "who").unwrap();
        clock.advance(DAY);
    }
    catalog.compact().unwrap();
    let epochs = catalog
        .series(Folder::epochs(catalog.tenant(), &shop))
        .numbers()
        .unwrap();
    assert_eq!(epochs.len(), 100);
}

fn ask(catalog: &Catalog) -> ulid::Ulid {
    let request = Request {
        verb: "protect".to_owned(),
        subjects: vec![Subject::new("Application", "shop").unwrap()],
        lease: None,
        detail: json!({}),
    };
    catalog.request(&request).unwrap()
}

#[test]
fn old_runs_are_forgotten_whole_and_open_ones_never() {
    let Bench { catalog, clock, .. } = bench();
    let (open, old, wanted) = (ask(&catalog), ask(&catalog), ask(&catalog));
    for id in [old, wanted] {
        catalog.run_log(id).unwrap().append(vec![], true).unwrap();
    }
    // A writer of the old run who sleeps from here on.
    let mut slept = catalog.run_log(open).unwrap();
    clock.advance(DAY * 90);
    let recent = ask(&catalog);
    catalog.run_log(recent).unwrap().append(vec![], true).unwrap();
    // A request that was interrupted before it stood.
    catalog.mark_open_for_test(ulid::Ulid::from_parts(1, 1));
    let forget = |catalog: &Catalog| {
        catalog
            .forget_runs(DAY * 30, |requested| Ok::<_, CatalogError>(requested.id == wanted))
            .unwrap()
    };
    let forgotten = forget(&catalog);
    assert_eq!((forgotten.runs, forgotten.leftovers), (1, 1));
    assert_eq!(catalog.runs().unwrap(), [recent, wanted.max(open), wanted.min(open)]);
    assert!(matches!(catalog.run_log(old), Err(CatalogError::NoRun { .. })));
    let shop = Name::application("shop").unwrap();
    assert!(!catalog.newest_runs_of(&shop, 9).unwrap().contains(&old));
    assert_eq!(forget(&catalog).runs, 0);
    // Closed by another, and forgotten: the sleeper is not told that he won.
    catalog.run_log(open).unwrap().append(vec![], true).unwrap();
    assert_eq!(forget(&catalog).runs, 1);
    let event = crate::record::run::Event {
        key: "late".to_owned(),
        at: catalog.clock().now(),
        body: json!({}),
    };
    let told = slept.append(vec![event], false);
    assert!(matches!(told, Err(CatalogError::Slept { .. })), "{told:?}");
    assert!(matches!(catalog.run_log(open), Err(CatalogError::NoRun { .. })));
}

#[test]
fn a_writer_whose_base_is_long_gone_is_never_told_that_it_won() {
    let Bench { catalog, clock, .. } = bench();
    let other = catalog.clone();
    for body in 1..=3 {
        declare(&catalog, body);
    }
    let Subject { kind, name } = nas();
    let series = other.series(Folder::declaration(other.tenant(), &kind, &name));
    let base = series.latest().unwrap().map(|last| last.number);
    for body in 4..=9 {
        declare(&catalog, body);
        clock.advance(DAY * 20);
    }
    catalog.compact().unwrap();
    let told = series.append(base, json!({}));
    assert!(matches!(told, Err(CatalogError::Slept { .. })), "{told:?}");
    assert_eq!(history(&catalog), [9]);
    assert!(matches!(
        series.append(Some(8), json!({})).unwrap(),
        Appended::Superseded { number: 9, .. }
    ));
}
