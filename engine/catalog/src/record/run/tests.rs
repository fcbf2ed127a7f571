use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::record::lease::{Holder, Lease};
use crate::testing::{self, Manners, ManualClock, MemoryStore};
use crate::{Appended, Store, SystemChance};

fn request(lease: Option<LeaseName>) -> Request {
    Request {
        verb: "protect".to_owned(),
        subjects: vec![Subject::new("Application", "shop").unwrap()],
        lease,
        detail: json!({"class": "manual"}),
    }
}

fn event(key: &str) -> Event {
    Event {
        key: key.to_owned(),
        at: jiff::Timestamp::from_second(5).unwrap(),
        body: json!({"of": key}),
    }
}

#[test]
fn requests_are_listed_newest_first_and_read_back() {
    let clock = Arc::new(ManualClock::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let catalog = testing::catalog_in(store, clock.clone(), "acme", 1);
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(catalog.request(&request(None)).unwrap());
        clock.advance(Duration::from_millis(5));
    }
    asked.reverse();
    assert_eq!(catalog.runs().unwrap(), asked);
    let back = catalog.requested(asked[0]).unwrap();
    assert_eq!((back.id, back.request), (asked[0], request(None)));
    let nobody = Ulid::from_parts(1, 2);
    assert!(matches!(catalog.requested(nobody), Err(CatalogError::NoRun { .. })));
    assert!(matches!(catalog.run_log(nobody), Err(CatalogError::NoRun { .. })));
}

#[test]
fn a_log_tells_each_effect_once() {
    let catalog = testing::catalog("acme");
    let id = catalog.request(&request(None)).unwrap();
    let mut log = catalog.run_log(id).unwrap();
    assert!(log.events().is_empty());
    log.append(vec![event("a"), event("b"), event("a")], false).unwrap();
    assert_eq!(
        log.append(vec![event("b")], false).unwrap(),
        Appended::Won { number: 1 }
    );

    let mut resumed = catalog.run_log(id).unwrap();
    assert_eq!(resumed.events(), [event("a"), event("b")]);
    assert!(resumed.holds("a") && !resumed.holds("c"));
    assert_eq!(
        resumed.append(vec![event("b"), event("c")], false).unwrap(),
        Appended::Won { number: 2 }
    );
    // The first writer is no longer the run's.
    assert!(matches!(
        log.append(vec![event("d")], false).unwrap(),
        Appended::Superseded { number: 2, .. }
    ));
    assert_eq!(log.catch_up().unwrap(), [event("c")]);
    assert_eq!(log.events().len(), 3);

    assert!(!log.ended());
    log.append(vec![], true).unwrap();
    assert!(catalog.run_log(id).unwrap().ended());
    let length = log.events().len();
    log.append(vec![event("late")], false).unwrap();
    assert_eq!(
        catalog.run_log(id).unwrap().events().len(),
        length,
        "nothing follows the end"
    );
}

#[test]
fn a_run_works_on_its_subjects_until_it_ends_or_its_engine_does() {
    let catalog = testing::catalog("acme");
    let shop = Subject::new("Application", "shop").unwrap();
    let other = Subject::new("Application", "other").unwrap();
    let id = catalog.request(&request(None)).unwrap();
    assert_eq!(catalog.working_on(&shop).unwrap(), Some(id));
    assert_eq!(catalog.working_on(&other).unwrap(), None);
    catalog.run_log(id).unwrap().append(vec![event("done")], true).unwrap();
    assert_eq!(catalog.working_on(&shop).unwrap(), None);

    let lease = LeaseName::application(catalog.tenant(), &Name::application("shop").unwrap());
    let id = catalog.request(&request(Some(lease.clone()))).unwrap();
    assert_eq!(catalog.working_on(&shop).unwrap(), None, "nobody has begun");
    let holder = Holder::this_process(&SystemChance);
    let held = Lease::acquire(&catalog, &lease, &holder, Duration::from_secs(60), Duration::ZERO).unwrap();
    assert_eq!(catalog.working_on(&shop).unwrap(), Some(id));
    drop(held);
    assert_eq!(
        catalog.working_on(&shop).unwrap(),
        None,
        "it is interrupted, not working"
    );
}

#[test]
fn tenants_see_their_own_runs_only() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let open = |tenant, seed| testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), tenant, seed);
    let (foo, longer) = (open("foo", 1), open("foo-bar", 2));
    let id = longer.request(&request(None)).unwrap();
    assert_eq!(foo.runs().unwrap(), []);
    assert!(foo.requested(id).is_err());
    assert_eq!(longer.runs().unwrap(), [id]);
}

#[test]
fn the_newest_wish_counts_and_an_end_is_not_taken_back() {
    let catalog = testing::catalog("acme");
    let run = catalog.request(&request(None)).unwrap();
    assert_eq!(catalog.wished(run).unwrap(), None);
    for (wish, stands) in [
        (Wish::Pause, Wish::Pause),
        (Wish::Pause, Wish::Pause),
        (Wish::Go, Wish::Go),
        (Wish::Cancel, Wish::Cancel),
        (Wish::Go, Wish::Cancel),
    ] {
        assert_eq!(catalog.wish(run, wish).unwrap().wish, stands);
        assert_eq!(catalog.wished(run).unwrap().unwrap().wish, stands);
    }
}
