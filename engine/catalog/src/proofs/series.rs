//! Invariant 6 on a series: several writers, lost replies, late effects, compaction; the history is linearizable.

use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::layout::Folder;
use crate::name::LeaseName;
use crate::record::series::{Appended, Series, next_after};
use crate::record::{Placed, patiently};
use crate::store::Creation;
use crate::testing::fault::{Odds, Vice, World};
use crate::testing::history::{Call, Told, linearizable};
use crate::testing::schedule::Schedule;
use crate::testing::{self, ManualClock, Shared};
use crate::{Catalog, CatalogError, Name, Store};

/// Writers of a history.
const WRITERS: usize = 3;
/// Calls of each of them.
const CALLS: usize = 10;

fn folder() -> Folder {
    Folder::lease(&LeaseName::new("race").unwrap())
}

/// How a writer appends.
type Append = fn(&Series<'_>, Option<u64>, serde_json::Value) -> Result<Appended, CatalogError>;

fn ours(series: &Series<'_>, base: Option<u64>, body: serde_json::Value) -> Result<Appended, CatalogError> {
    series.append(base, body)
}

/// Appending as it would be without looking again: what the checks must find.
fn blindly(series: &Series<'_>, base: Option<u64>, body: serde_json::Value) -> Result<Appended, CatalogError> {
    let number = next_after(base);
    let mine = series.catalog().fresh(base, body);
    match series.catalog().place(&series.key(number), &mine)? {
        Placed::Won => Ok(Appended::Won { number }),
        Placed::Lost(_) => series.superseded(number),
    }
}

/// Appending that takes "exists" for another's record without looking at its nonce.
fn without_nonce(series: &Series<'_>, base: Option<u64>, body: serde_json::Value) -> Result<Appended, CatalogError> {
    let number = next_after(base);
    let bytes = series.catalog().fresh(base, body).encode();
    let store = series.catalog().store();
    match patiently(store, || store.create(&series.key(number), &bytes))? {
        Creation::Won => series.look_again(number),
        Creation::Exists => series.superseded(number),
    }
}

/// A catalog on a world's store for client `me`.
pub(super) fn client(world: &Arc<World>, me: usize, seed: u64) -> Catalog {
    let chance = Arc::new(testing::SeededChance::new(
        seed.wrapping_mul(31).wrapping_add(me as u64),
    ));
    let tenant = Name::tenant("acme").unwrap();
    Catalog::open_in(
        world.client(me),
        Arc::new(ManualClock::default()),
        chance,
        &tenant,
        &format!("writer-{me}"),
    )
}

/// Makes the catalog before anything goes wrong.
pub(crate) fn make_catalog(world: &World) {
    world.calm().put(
        &crate::Key::header(),
        br#"{"format":1,"min_reader":1,"nonce":"1","at":"2026-01-01T00:00:00Z","by":"test","base":null,"body":{"catalog":"dram","atomic":true}}"#,
    );
}

/// The history that a seed makes, and the judgement on it.
fn history(seed: u64, odds: Odds, vice: Vice, append: Append) -> (Vec<Call>, bool) {
    let schedule = Arc::new(Schedule::new(WRITERS + 1, seed));
    let world = Arc::new(World::new(Arc::clone(&schedule), seed ^ 0x5eed, odds, vice));
    make_catalog(&world);
    let calls = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for me in 0..WRITERS {
            let (world, schedule, calls) = (&world, &schedule, &calls);
            scope.spawn(move || {
                let _seat = schedule.seat(me);
                let catalog = client(world, me, seed);
                let told = write(&catalog, schedule, me, seed, append);
                calls.lock().unwrap().extend(told);
            });
        }
        scope.spawn(|| {
            let _seat = schedule.seat(WRITERS);
            compact(&client(&world, WRITERS, seed), seed);
        });
    });
    let calls = calls.into_inner().unwrap();
    let fits = linearizable(&calls);
    (calls, fits)
}

/// One writer: reads, and appends to what it read last, or to what it read long ago.
fn write(catalog: &Catalog, schedule: &Schedule, me: usize, seed: u64, append: Append) -> Vec<Call> {
    let mut chance = StdRng::seed_from_u64(seed.wrapping_mul(7).wrapping_add(me as u64));
    let series = catalog.series(folder());
    let (mut calls, mut seen) = (Vec::new(), vec![0_u64]);
    for call in 0..CALLS {
        let made = schedule.now();
        let told = if chance.random_range(0..3) == 0 {
            match series.latest() {
                Ok(None) => Told::Read { number: 0, value: 0 },
                Ok(Some(last)) => Told::Read {
                    number: last.number,
                    value: last.record.body.as_u64().unwrap(),
                },
                // Nothing was learnt.
                Err(_) => continue,
            }
        } else {
            let place = if chance.random_range(0..4) == 0 {
                chance.random_range(0..seen.len())
            } else {
                seen.len() - 1
            };
            let base = seen[place];
            let value = (me as u64 + 1) * 1000 + call as u64;
            match append(&series, Some(base).filter(|base| *base > 0), json!(value)) {
                Ok(Appended::Won { number }) => {
                    assert_eq!(number, base + 1);
                    Told::Won { base, value }
                }
                Ok(Appended::Superseded { number, .. }) => Told::Superseded { base, last: number },
                Err(_) => Told::Unknown { base, value },
            }
        };
        match told {
            Told::Read { number, .. } => seen.push(number),
            Told::Won { base, .. } => seen.push(base + 1),
            Told::Superseded { last, .. } => seen.push(last),
            Told::Unknown { .. } => {}
        }
        let answered = schedule.now();
        calls.push(Call { made, answered, told });
    }
    calls
}

/// Removes everything but the last number or two, all the time.
fn compact(catalog: &Catalog, seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed ^ 0xc0);
    let series = catalog.series(folder());
    for _ in 0..CALLS {
        let Ok(shown) = series.shown() else { continue };
        let floor = shown
            .last()
            .unwrap_or_default()
            .saturating_sub(chance.random_range(1..3));
        let _ = series.compact_to(&shown, floor);
    }
}

fn check(seed: u64) {
    let odds = if seed.is_multiple_of(4) {
        Odds::CALM
    } else {
        Odds::ROUGH
    };
    let (calls, fits) = history(seed, odds, Vice::None, ours);
    assert!(fits, "seed {seed}: {calls:#?}");
}

/// More of them: `DRAM_SEEDS=100000 cargo test -p dram-catalog --lib histories_are_linearizable`.
#[test]
fn histories_are_linearizable() {
    let seeds = std::env::var("DRAM_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(200);
    for seed in 0..seeds {
        check(seed);
    }
}

#[test]
fn a_seed_repeats_its_history() {
    let told = |seed| -> Vec<Told> {
        let mut calls = history(seed, Odds::ROUGH, Vice::None, ours).0;
        calls.sort_by_key(|call| (call.made, call.answered));
        calls.into_iter().map(|call| call.told).collect()
    };
    for seed in 0..10 {
        assert_eq!(told(seed), told(seed));
    }
    assert_ne!(told(1), told(2));
}

/// How many of the first 300 seeds show that something is wrong.
fn found(vice: Vice, append: Append) -> usize {
    (0..300)
        .filter(|seed| !history(*seed, Odds::ROUGH, vice, append).1)
        .count()
}

#[test]
fn the_check_finds_every_vice_of_a_store() {
    for vice in [Vice::ChecksThenWrites, Vice::Overwrites, Vice::ListsThePast] {
        let found = found(vice, ours);
        println!("{vice:?}: {found} of 300");
        assert!(found > 0, "{vice:?} was not found");
    }
}

/// What was listed and cannot be read counts as compacted, and is looked for again.
#[test]
fn a_store_that_forgets_for_a_moment_is_borne() {
    assert_eq!(found(Vice::ForgetsOnReading, ours), 0);
}

#[test]
fn the_check_finds_writers_that_do_not_look() {
    for (what, append) in [("blindly", blindly as Append), ("without a nonce", without_nonce)] {
        let found = found(Vice::None, append);
        println!("{what}: {found} of 300");
        assert!(found > 0, "{what} was not found");
    }
}

/// The store of a world, shared, as the suite wants it.
#[test]
fn a_calm_world_does_what_every_store_must() {
    let world = Arc::new(World::new(Arc::new(Schedule::new(1, 1)), 1, Odds::CALM, Vice::None));
    let store: Arc<dyn Store> = Arc::new(Shared(world.client(0)));
    let key = folder().number(1);
    assert_eq!(store.create(&key, b"a").unwrap(), crate::store::Creation::Won);
    assert_eq!(store.create(&key, b"b").unwrap(), crate::store::Creation::Exists);
    assert_eq!(world.first(&key).unwrap(), b"a");
    store.remove(&key).unwrap();
    assert_eq!(store.read(&key).unwrap(), None);
}
