use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::Store;
use crate::record::run::Request;
use crate::testing::{self, Manners, ManualClock, MemoryStore};

fn taken(epoch: u64) -> Change {
    Change::TakenOver {
        application: Name::application("shop").unwrap(),
        epoch,
    }
}

/// A writer and a reader with clocks of their own.
fn two() -> (Arc<MemoryStore>, Catalog, Catalog, Arc<ManualClock>) {
    let store = Arc::new(MemoryStore::new(Manners::Atomic));
    let writer = testing::catalog_in(store.clone(), Arc::new(ManualClock::default()), "acme", 1);
    let clock = Arc::new(ManualClock::default());
    let reader = testing::catalog_in(store.clone(), clock.clone(), "acme", 2);
    (store, writer, reader, clock)
}

#[test]
fn changes_are_told_in_order_after_a_first_survey() {
    let (_, writer, reader, _) = two();
    let mut follower = reader.follow();
    writer.announce(&taken(1));
    assert_eq!(follower.look().unwrap(), Followed::Survey(Why::Start));
    assert_eq!(follower.look().unwrap(), Followed::Changes(vec![]));
    let request = Request {
        verb: "protect".to_owned(),
        subjects: vec![],
        lease: None,
        detail: json!({}),
    };
    let run = writer.request(&request).unwrap();
    writer.announce(&taken(2));
    let expected = vec![Change::Requested { run }, taken(2)];
    assert_eq!(follower.look().unwrap(), Followed::Changes(expected));
    assert_eq!(follower.look().unwrap(), Followed::Changes(vec![]));
    follower.again();
    assert_eq!(follower.look().unwrap(), Followed::Survey(Why::Start));
}

#[test]
fn a_change_that_the_feed_lost_is_found_in_time() {
    let (_, writer, reader, clock) = two();
    let mut follower = reader.follow();
    follower.look().unwrap();
    // Killed between the record and the feed.
    let shop = Name::application("shop").unwrap();
    writer
        .series(Folder::epochs(writer.tenant(), &shop))
        .append_at(None, 1, json!({}))
        .unwrap();
    clock.advance(RESURVEY - Duration::from_secs(1));
    assert_eq!(follower.look().unwrap(), Followed::Changes(vec![]));
    clock.advance(Duration::from_secs(1));
    assert_eq!(follower.look().unwrap(), Followed::Survey(Why::Due));
    assert_eq!(follower.look().unwrap(), Followed::Changes(vec![]));
}

#[test]
fn the_feed_stays_short_and_who_lags_is_told() {
    let (_, writer, reader, _) = two();
    let (mut lagging, mut quick) = (reader.follow(), reader.follow());
    lagging.look().unwrap();
    quick.look().unwrap();
    let mut told = 0;
    for epoch in 1..=3 * KEPT {
        writer.announce(&taken(epoch));
        if epoch % 100 == 0 {
            let Followed::Changes(changes) = quick.look().unwrap() else {
                panic!("it kept up")
            };
            told += changes.len();
        }
    }
    assert_eq!(told as u64, 3 * KEPT);
    let numbers = writer.feed().numbers().unwrap();
    assert!((KEPT..=2 * KEPT).contains(&(numbers.len() as u64)), "{}", numbers.len());
    assert_eq!(lagging.look().unwrap(), Followed::Survey(Why::Behind));
    writer.announce(&taken(0));
    assert_eq!(lagging.look().unwrap(), Followed::Changes(vec![taken(0)]));
}

#[test]
fn what_is_not_understood_calls_for_a_survey() {
    let (store, writer, reader, _) = two();
    let mut follower = reader.follow();
    for strange in [&br#"{"format":1,"min_reader":1,"nonce":"1","at":"2026-01-01T00:00:00Z","by":"x","base":null,"body":{"what":"eclipse"}}"#[..], br#"{"format":9,"min_reader":9}"#, b"{"] {
        follower.look().unwrap();
        let next = next_after(writer.feed().numbers().unwrap().pop());
        store.put(&writer.feed().key(next), strange);
        assert_eq!(follower.look().unwrap(), Followed::Survey(Why::Unknown));
        assert_eq!(follower.look().unwrap(), Followed::Changes(vec![]));
    }
    // Those who append go on after it.
    writer.announce(&taken(1));
    assert_eq!(follower.look().unwrap(), Followed::Changes(vec![taken(1)]));
}

#[test]
fn appenders_that_race_lose_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let reader = testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), "acme", 99);
    let mut follower = reader.follow();
    follower.look().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            let store = Arc::clone(&store);
            scope.spawn(move || {
                let catalog = testing::catalog_in(store, Arc::new(ManualClock::default()), "acme", writer);
                for epoch in 0..20 {
                    catalog.announce(&taken(writer * 100 + epoch));
                }
            });
        }
    });
    let Followed::Changes(changes) = follower.look().unwrap() else {
        panic!("nothing was compacted")
    };
    assert_eq!(changes.len(), 80);
}
