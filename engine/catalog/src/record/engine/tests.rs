use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::testing::{self, Manners, ManualClock, MemoryStore};

const INTERVAL: Duration = Duration::from_secs(30);

fn state(version: &str) -> EngineState {
    EngineState {
        version: version.to_owned(),
        interval: INTERVAL,
        reach: json!({"sites": ["home"]}),
    }
}

struct Two {
    engine: Catalog,
    watcher: Catalog,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

/// An engine, and a watcher with another clock.
fn two() -> Two {
    let store = Arc::new(MemoryStore::new(Manners::Atomic));
    let engine = testing::catalog_in(store.clone(), Arc::new(ManualClock::default()), "acme", 1);
    let clock = Arc::new(ManualClock::default());
    clock.advance(Duration::from_secs(1_000_000));
    let watcher = testing::catalog_in(store.clone(), clock.clone(), "acme", 2);
    Two {
        engine,
        watcher,
        clock,
        store,
    }
}

fn alive(watch: &mut EngineWatch) -> Vec<Alive> {
    watch.look().unwrap().into_iter().map(|seen| seen.alive).collect()
}

#[test]
fn silence_is_waited_for_on_the_watchers_own_clock() {
    let Two {
        engine, watcher, clock, ..
    } = two();
    let name = Name::new("engine name", "north").unwrap();
    let mut watch = watcher.watch_engines();
    assert_eq!(alive(&mut watch), []);
    let mut heart = engine.heart(&name).unwrap();
    assert_eq!(heart.beat(&state("0.4.0")).unwrap(), Beat::Beaten);
    // Its wall clock lies far in the past; that says nothing.
    assert_eq!(alive(&mut watch), [Alive::Watching]);
    clock.advance(INTERVAL);
    heart.beat(&state("0.4.1")).unwrap();
    let seen = watch.look().unwrap();
    assert_eq!(
        (seen[0].alive, seen[0].state.clone()),
        (Alive::Yes, Some(state("0.4.1")))
    );
    clock.advance(INTERVAL * 3 / 2 - Duration::from_secs(1));
    assert_eq!(alive(&mut watch), [Alive::Yes]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(alive(&mut watch), [Alive::Silent]);
    heart.beat(&state("0.4.1")).unwrap();
    assert_eq!(alive(&mut watch), [Alive::Yes], "it was only slow");
    // Another watcher knows nothing yet.
    assert_eq!(alive(&mut watcher.watch_engines()), [Alive::Watching]);
    heart.stop(&state("0.4.1")).unwrap();
    assert_eq!(alive(&mut watch), [Alive::Stopped]);
}

#[test]
fn two_processes_of_one_name_find_out() {
    let Two { engine, watcher, .. } = two();
    let name = Name::new("engine name", "north").unwrap();
    let mut first = engine.heart(&name).unwrap();
    first.beat(&state("1")).unwrap();
    let mut second = watcher.heart(&name).unwrap();
    second.beat(&state("2")).unwrap();
    assert_eq!(first.beat(&state("1")).unwrap(), Beat::Twin { by: "test".to_owned() });
    assert_eq!(second.beat(&state("2")).unwrap(), Beat::Beaten);
}

#[test]
fn heartbeats_do_not_pile_up_and_a_newer_release_is_not_called_silent() {
    let Two {
        engine,
        watcher,
        clock,
        store,
    } = two();
    let name = Name::new("engine name", "north").unwrap();
    let mut heart = engine.heart(&name).unwrap();
    for _ in 0..30 {
        heart.beat(&state("1")).unwrap();
    }
    let series = engine.series(Folder::engine(&name));
    assert_eq!(series.numbers().unwrap(), (26..=30).collect::<Vec<u64>>());
    let mut watch = watcher.watch_engines();
    watch.look().unwrap();
    store.put(&series.key(31), br#"{"format":7,"min_reader":7}"#);
    let seen = watch.look().unwrap();
    assert_eq!((seen[0].alive, &seen[0].state), (Alive::Watching, &None));
    clock.advance(INTERVAL * 10);
    assert_eq!(alive(&mut watch), [Alive::Watching]);
}
