use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::layout::{Folder, Key};
use crate::record::series::Appended;
use crate::store::{Listing, Verdict};
use crate::testing::{self, Lossy, Manners, ManualClock, MemoryStore};
use crate::{Catalog, Initialised, LeaseName, Name};

fn folder() -> Folder {
    Folder::lease(&LeaseName::new("prune").unwrap())
}

fn decode(text: &str) -> Result<Record, CatalogError> {
    Record::decode("memory".to_owned(), &folder().number(7), text.as_bytes())
}

const GOOD: &str = r#"{"format":1,"min_reader":1,"nonce":"00000000000000000000000000000abc","at":"2026-01-02T03:04:05Z","by":"ann@desk","base":6,"body":{"a":[1]}}"#;

#[test]
fn an_envelope_reads_as_it_was_written() {
    let record = decode(GOOD).unwrap();
    assert_eq!(record.base, Some(6));
    assert_eq!(record.body, json!({"a": [1]}));
    assert_eq!(decode(std::str::from_utf8(&record.encode()).unwrap()).unwrap(), record);
}

#[test]
fn a_newer_format_with_our_reader_is_read_without_what_it_adds() {
    let text = GOOD.replace("\"format\":1", "\"format\":9,\"more\":{}");
    assert_eq!(decode(&text).unwrap().format, 9);
}

#[test]
fn a_record_for_newer_readers_is_told_apart_from_a_broken_one() {
    let error = decode(r#"{"format":2,"min_reader":2,"anything":"else"}"#).unwrap_err();
    assert!(error.is_too_new());
    assert_eq!(
        error.to_string(),
        "`leases/prune/00000000000000000007` in `memory` needs a release that reads format 2; this one reads up to 1"
    );
    assert!(error.help().contains("restored"));
    let broken = [
        "".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        GOOD.replace("\"min_reader\":1", "\"min_reader\":-1"),
        GOOD.replace("\"min_reader\":1", "\"min_reader\":99999999999"),
        GOOD.replace("abc", "xyz"),
        GOOD.replace("2026-01-02", "2026-13-02"),
        GOOD.replace("6", "-6"),
        GOOD.trim_end_matches("]}}").to_owned(),
        format!("{GOOD}{GOOD}"),
    ];
    for text in broken {
        match decode(&text) {
            Err(error @ CatalogError::Corrupt { .. }) => {
                assert!(
                    error
                        .to_string()
                        .starts_with("`leases/prune/00000000000000000007` in `memory` is corrupt")
                );
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn appending_to_a_series_goes_on_from_its_base() {
    let catalog = testing::catalog("acme");
    let series = catalog.series(folder());
    assert_eq!(series.latest().unwrap(), None);
    assert_eq!(series.append(None, json!(1)).unwrap(), Appended::Won { number: 1 });
    assert!(matches!(
        series.append(None, json!(2)).unwrap(),
        Appended::Superseded { number: 1, .. }
    ));
    assert_eq!(series.append(Some(1), json!(2)).unwrap(), Appended::Won { number: 2 });
    match series.append(Some(1), json!(3)).unwrap() {
        Appended::Superseded { number, by, .. } => assert_eq!((number, by.as_str()), (2, "test")),
        Appended::Won { .. } => panic!("the base was old"),
    }
    assert_eq!(series.latest().unwrap().unwrap().record.body, json!(2));
    assert_eq!(series.all().unwrap().len(), 2);
    // A base below what was compacted finds its place free, and is not told that it won.
    assert_eq!(series.append(Some(2), json!(3)).unwrap(), Appended::Won { number: 3 });
    series.compact_to(&series.shown().unwrap(), 2).unwrap();
    for base in [None, Some(1)] {
        let error = series.append(base, json!(9)).unwrap_err();
        assert!(matches!(error, CatalogError::Slept { .. }), "{error}");
    }
    let records = catalog.list(&folder()).unwrap().records;
    assert_eq!(
        records,
        [format!("{:020}", 3), format!("floor-{:020}", 2)],
        "no litter stays"
    );
}

#[test]
fn a_lost_answer_neither_doubles_nor_deceives() {
    for seed in 0..50 {
        let store = Arc::new(Lossy::new(MemoryStore::new(Manners::Atomic), seed, 0));
        let catalog = testing::catalog_in(store.clone(), Arc::new(ManualClock::default()), "acme", seed);
        let lossy: Arc<dyn Store> = Arc::new(Lossy::new(testing::Shared(store), seed, 60));
        let writer = Catalog::open_in(
            lossy,
            Arc::new(ManualClock::default()),
            Arc::new(testing::SeededChance::new(seed + 1000)),
            catalog.tenant(),
            "writer",
        );
        let series = writer.series(folder());
        let mut base = None;
        let mut unknown = 0;
        for step in 0..20 {
            match series.append(base, json!(step)) {
                Ok(Appended::Won { number }) => {
                    let standing = series.get(number).unwrap().unwrap();
                    assert_eq!(standing.body, json!(step), "seed {seed}");
                    base = Some(number);
                }
                // Only an append whose outcome stayed unknown can stand in its own writer's way.
                Ok(Appended::Superseded { number, .. }) => {
                    assert!(unknown > 0, "seed {seed}");
                    unknown -= 1;
                    base = Some(number);
                }
                Err(error) => {
                    assert!(error.is_unreachable(), "seed {seed}: {error}");
                    unknown += 1;
                }
            }
        }
        let bodies: Vec<Value> = series
            .all()
            .unwrap()
            .into_iter()
            .map(|numbered| numbered.record.body)
            .collect();
        let mut distinct = bodies.clone();
        distinct.dedup();
        assert_eq!(bodies, distinct, "seed {seed}: nothing stands twice");
    }
}

#[test]
fn a_catalog_is_made_once_and_never_guessed() {
    let home = tempfile::tempdir().unwrap();
    let url: crate::CatalogUrl = format!("file://{}/deep/catalog", home.path().display())
        .parse()
        .unwrap();
    let tenant = Name::tenant("default").unwrap();
    let error = Catalog::open(&url, &tenant).unwrap_err();
    assert!(matches!(error, CatalogError::Missing { .. }), "{error}");
    assert!(error.help().contains("dram catalog init"), "{}", error.help());
    std::fs::create_dir_all(home.path().join("deep/catalog")).unwrap();
    assert!(
        matches!(Catalog::open(&url, &tenant).unwrap_err(), CatalogError::Missing { .. }),
        "a bare folder is none"
    );

    let Initialised::Created(header) = Catalog::init(&url).unwrap() else {
        panic!("it was not there")
    };
    assert_eq!(header.verdict, Verdict::Atomic);
    assert_eq!(Catalog::init(&url).unwrap(), Initialised::Already(header.clone()));
    let catalog = Catalog::open(&url, &tenant).unwrap();
    assert_eq!(catalog.header().unwrap(), header);
    assert_eq!(catalog.location(), url.to_string());
    catalog.may_change().unwrap();

    std::fs::write(home.path().join("note.txt"), "mine").unwrap();
    let foreign = format!("file://{}", home.path().display()).parse().unwrap();
    let error = Catalog::init(&foreign).unwrap_err();
    assert!(
        matches!(&error, CatalogError::Foreign { found, .. } if found == "deep"),
        "{error}"
    );
}

#[test]
fn a_store_that_overwrites_is_refused_for_changes() {
    let clock = Arc::new(ManualClock::default());
    let chance = Arc::new(testing::SeededChance::new(1));
    let refused: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Overwrites));
    let error = Catalog::init_in(&refused, clock.as_ref(), chance.as_ref(), "test").unwrap_err();
    assert!(matches!(error, CatalogError::NotAtomic { .. }), "{error}");
    assert_eq!(
        refused.list(&Folder::root()).unwrap(),
        Listing::default(),
        "nothing is left"
    );
    // Earlier releases wrote such a verdict down.
    let store = MemoryStore::new(Manners::Overwrites);
    let header = json!({
        "format": 1, "min_reader": 1, "nonce": "1", "at": "2026-01-01T00:00:00Z", "by": "test", "base": null,
        "body": {"catalog": "dram", "atomic": false, "seen": "of 16 writers, 2 were told that they were the one"}
    });
    store.put(&Key::header(), header.to_string().as_bytes());
    let catalog = Catalog::open_in(Arc::new(store), clock, chance, &Name::tenant("acme").unwrap(), "test");
    let error = catalog.series(folder()).append(None, json!(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the store at `memory` cannot serve more than one writer: of 16 writers"),
        "{error}"
    );
}

#[test]
fn a_catalog_of_a_newer_release_is_read_and_not_changed() {
    let store = MemoryStore::new(Manners::Atomic);
    store.put(&Key::header(), br#"{"format":5,"min_reader":5}"#);
    let catalog = Catalog::open_in(
        Arc::new(store),
        Arc::new(ManualClock::default()),
        Arc::new(testing::SeededChance::new(1)),
        &Name::tenant("acme").unwrap(),
        "test",
    );
    assert_eq!(catalog.epoch(&Name::application("shop").unwrap()).unwrap(), None);
    let error = catalog.request(&crate::record::run::Request {
        verb: "protect".to_owned(),
        subjects: vec![],
        lease: None,
        detail: json!({}),
    });
    assert!(error.unwrap_err().is_too_new());
}
