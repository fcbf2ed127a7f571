//! Two engines race for every create. No update is lost, and nobody is wrongly told that he won.
//!
//! In the ordinary run 20,000 operations, in `cargo verify --long` a million. The million alone:
//!
//! ```text
//! DRAM_OPERATIONS=1000000 cargo test -p dram-catalog --lib engines_race_for_every_create -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::series::{client, make_catalog};
use crate::Catalog;
use crate::layout::Folder;
use crate::name::LeaseName;
use crate::record::series::Appended;
use crate::testing::fault::{Odds, Vice, World};
use crate::testing::schedule::Schedule;

/// Operations on one store, before a new one is made with the next seed.
const BLOCK: u64 = 5_000;
/// Engines that race.
const ENGINES: usize = 2;

/// What came of a block.
#[derive(Debug, Default)]
struct Tally {
    operations: u64,
    calls: u64,
    won: u64,
    superseded: u64,
    unknown: u64,
    /// Of those whose outcome was unknown, so many stand or stood.
    landed: u64,
    /// Numbers that compaction freed.
    freed: u64,
    wrong: Vec<String>,
}

fn folder() -> Folder {
    Folder::lease(&LeaseName::new("race").unwrap())
}

/// What an engine was told of each value that it tried to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Won(u64),
    Superseded(u64),
    Unknown(u64),
}

fn race(catalog: &Catalog, me: usize, seed: u64, operations: u64) -> BTreeMap<u64, Told> {
    let mut chance = StdRng::seed_from_u64(seed ^ ((me as u64) << 40));
    let series = catalog.series(folder());
    let (mut last, mut told) = (None, BTreeMap::new());
    let mut old = None;
    for operation in 0..operations {
        let value = ((me as u64 + 1) << 40) + operation;
        // Now and then from a base of long ago, whose place compaction has freed.
        let base = if chance.random_range(0..40) == 0 { old } else { last };
        let number = base.unwrap_or_default() + 1;
        let answer = match series.append(base, json!(value)) {
            Ok(Appended::Won { number }) => {
                last = Some(number);
                Told::Won(number)
            }
            Ok(Appended::Superseded { number: newest, .. }) => {
                last = Some(newest);
                Told::Superseded(number)
            }
            Err(_) => {
                // Outcome unknown: read on from what stands.
                if let Ok(numbers) = series.numbers() {
                    last = numbers.last().copied();
                }
                Told::Unknown(number)
            }
        };
        told.insert(value, answer);
        if chance.random_range(0..50) == 0 {
            old = last;
        }
        if chance.random_range(0..10) == 0
            && let Ok(shown) = series.shown()
        {
            let _ = series.compact_to(&shown, shown.last().unwrap_or_default().saturating_sub(2));
        }
    }
    told
}

fn block(seed: u64, operations: u64, vice: Vice) -> Tally {
    let schedule = Arc::new(Schedule::new(ENGINES, seed));
    let world = Arc::new(World::new(Arc::clone(&schedule), seed ^ 0xb10c, Odds::ROUGH, vice));
    make_catalog(&world);
    let told = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for me in 0..ENGINES {
            let (world, schedule, told) = (&world, &schedule, &told);
            scope.spawn(move || {
                let _seat = schedule.seat(me);
                let mine = race(&client(world, me, seed), me, seed, operations / ENGINES as u64);
                told.lock().unwrap().extend(mine);
            });
        }
    });
    let calls = world.calls();
    world.settle();
    judge(seed, &world, told.into_inner().unwrap(), calls)
}

/// Compares what the engines were told with what the store holds and held.
fn judge(seed: u64, world: &World, told: BTreeMap<u64, Told>, calls: u64) -> Tally {
    let mut tally = Tally {
        operations: told.len() as u64,
        calls,
        ..Tally::default()
    };
    let mut stood = 0;
    let value_of = |number: u64| -> Option<(u64, Option<u64>)> {
        let record: Value = serde_json::from_slice(&world.first(&folder().number(number))?).unwrap();
        Some((record["body"].as_u64().unwrap(), record["base"].as_u64()))
    };
    while value_of(stood + 1).is_some() {
        stood += 1;
    }
    for (value, told) in &told {
        let (number, is_his) = match told {
            Told::Won(number) | Told::Superseded(number) | Told::Unknown(number) => {
                (*number, value_of(*number).map(|(stands, _)| stands) == Some(*value))
            }
        };
        match told {
            Told::Won(_) => tally.won += 1,
            Told::Superseded(_) => tally.superseded += 1,
            Told::Unknown(_) => {
                tally.unknown += 1;
                tally.landed += u64::from(is_his);
            }
        }
        let right = match told {
            Told::Won(_) => is_his,
            Told::Superseded(_) => !is_his,
            Told::Unknown(_) => true,
        };
        if !right {
            tally
                .wrong
                .push(format!("seed {seed}: {value} was told {told:?} of {number}"));
        }
    }
    // Every number is somebody's, each built on the one before it.
    for number in 1..=stood {
        let (value, base) = value_of(number).unwrap();
        if !told.contains_key(&value) || base.unwrap_or_default() + 1 != number {
            tally
                .wrong
                .push(format!("seed {seed}: {number} holds {value} upon {base:?}"));
        }
    }
    if stood != tally.won + tally.landed {
        let (won, landed) = (tally.won, tally.landed);
        tally.wrong.push(format!(
            "seed {seed}: {stood} stood, {won} were won and {landed} landed"
        ));
    }
    let stands = crate::Store::list(world.calm(), &folder()).unwrap().records;
    tally.freed = stood.saturating_sub(stands.len() as u64);
    if !stands.contains(&crate::layout::name_of(stood)) {
        tally
            .wrong
            .push(format!("seed {seed}: the last number {stood} does not stand"));
    }
    tally
}

#[test]
fn engines_race_for_every_create() {
    let operations: u64 = std::env::var("DRAM_OPERATIONS")
        .ok()
        .and_then(|operations| operations.parse().ok())
        .unwrap_or(20_000);
    let first: u64 = std::env::var("DRAM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_default();
    let mut all = Tally::default();
    for seed in first..first + operations.div_ceil(BLOCK) {
        let tally = block(seed, BLOCK.min(operations), Vice::None);
        assert_eq!(tally.wrong, Vec::<String>::new());
        all.operations += tally.operations;
        all.calls += tally.calls;
        all.won += tally.won;
        all.superseded += tally.superseded;
        all.unknown += tally.unknown;
        all.landed += tally.landed;
        all.freed += tally.freed;
    }
    println!("{all:?}");
    assert!(
        all.won > 0 && all.superseded > 0 && all.landed > 0 && all.freed > 0,
        "{all:?}"
    );
}

#[test]
fn the_race_finds_every_vice_that_deceives_a_writer() {
    for vice in [Vice::ChecksThenWrites, Vice::Overwrites] {
        assert!(!block(1, 2000, vice).wrong.is_empty(), "{vice:?}");
    }
}
