//! Invariant 6 where it matters: the door of declarations and the epochs, on a store that loses, delays and repeats, while
//! another compacts.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::series::{client, make_catalog};
use crate::layout::Folder;
use crate::name::Name;
use crate::record::declaration::{DeclareError, Manager, ManagerKind, Stated, Subject};
use crate::record::series::Appended;
use crate::testing::fault::{Odds, Vice, World};
use crate::testing::schedule::Schedule;

const WRITERS: usize = 3;

/// Runs `work` for each writer under a schedule; the last worker is given the number [`WRITERS`] and may compact.
fn race(seed: u64, vice: Vice, work: impl Fn(&Arc<World>, usize) + Sync) -> Arc<World> {
    let schedule = Arc::new(Schedule::new(WRITERS + 1, seed));
    let world = Arc::new(World::new(Arc::clone(&schedule), seed ^ 0xd00e, Odds::ROUGH, vice));
    make_catalog(&world);
    std::thread::scope(|scope| {
        for me in 0..=WRITERS {
            let (world, schedule, work) = (&world, &schedule, &work);
            scope.spawn(move || {
                let _seat = schedule.seat(me);
                work(world, me);
            });
        }
    });
    world.settle();
    world
}

fn body(world: &World, folder: &Folder, number: u64) -> Option<Value> {
    let record: Value = serde_json::from_slice(&world.first(&folder.number(number))?).unwrap();
    Some(record["body"].clone())
}

/// Writers that add one to what they saw; what is wrong in the end.
fn increments(seed: u64, vice: Vice) -> Vec<String> {
    let nas = Subject::new("Vault", "nas").unwrap();
    let manager = Manager {
        kind: ManagerKind::Terraform,
        id: "a".to_owned(),
    };
    // Who was told that his mark stands under which number, and who was told that it does not.
    let told = Mutex::new(Vec::new());
    let world = race(seed, vice, |world, me| {
        let catalog = client(world, me, seed);
        let series = catalog.series(Folder::declaration(catalog.tenant(), &nas.kind, &nas.name));
        if me == WRITERS {
            for _ in 0..10 {
                if let Ok(shown) = series.shown() {
                    let _ = series.compact_to(&shown, shown.last().unwrap_or_default().saturating_sub(1));
                }
            }
            return;
        }
        for turn in 0..8 {
            let Ok(head) = catalog.head(&nas) else { continue };
            let base = head.as_ref().map(|head| head.standing.number);
            let sum = head.map_or(0, |head| head.standing.declaration["sum"].as_u64().unwrap());
            let mark = me as u64 * 100 + turn;
            let stated = Stated {
                subject: nas.clone(),
                body: json!({"sum": sum + 1, "mark": mark}),
                references: vec![],
            };
            match catalog.declare_stated(&stated, &manager, base, false) {
                Ok(declared) => told.lock().unwrap().push((mark, Some(declared.number))),
                Err(DeclareError::Catalog(_)) => {}
                Err(DeclareError::Changed { .. } | DeclareError::Exists { .. }) => {
                    told.lock().unwrap().push((mark, None));
                }
                Err(other) => panic!("seed {seed}: {other}"),
            }
        }
    });
    let folder = Folder::declaration(&Name::tenant("acme").unwrap(), &nas.kind, &nas.name);
    let mut wrong = Vec::new();
    let mut marks = Vec::new();
    for number in 1.. {
        let Some(body) = body(&world, &folder, number) else {
            break;
        };
        if body["declaration"]["sum"] != json!(number) {
            wrong.push(format!(
                "number {number} says {}: an update was lost",
                body["declaration"]
            ));
        }
        marks.push(body["declaration"]["mark"].as_u64().unwrap());
    }
    for (mark, number) in told.into_inner().unwrap() {
        let stands = marks
            .iter()
            .position(|stands| *stands == mark)
            .map(|place| place as u64 + 1);
        if stands != number {
            wrong.push(format!("{mark} was told {number:?} and has {stands:?}"));
        }
    }
    wrong
}

#[test]
fn no_declaration_is_lost_and_nobody_is_deceived() {
    for seed in 0..150 {
        assert_eq!(increments(seed, Vice::None), Vec::<String>::new(), "seed {seed}");
    }
}

/// Takeovers, some of which leave numbers out; what is wrong in the end.
fn takeovers(seed: u64, vice: Vice) -> Vec<String> {
    let shop = Name::application("shop").unwrap();
    let won = Mutex::new(Vec::new());
    let world = race(seed, vice, |world, me| {
        let catalog = client(world, me, seed);
        for turn in 0..5 {
            let Ok(epoch) = catalog.epoch(&shop) else { continue };
            let last = epoch.map_or(0, |epoch| epoch.number);
            let number = last + 1 + u64::from(turn == 3);
            let site = format!("site-{me}-{turn}");
            match catalog.take_over(&shop, number, &site, "why", "who") {
                Ok(Appended::Won { number }) => won.lock().unwrap().push((number, site)),
                Ok(Appended::Superseded { number: newest, .. }) => assert!(newest >= number, "seed {seed}"),
                Err(_) => {}
            }
        }
    });
    let folder = Folder::epochs(&Name::tenant("acme").unwrap(), &shop);
    let mut wrong = Vec::new();
    let mut numbers = std::collections::BTreeSet::new();
    for (number, site) in won.into_inner().unwrap() {
        if !numbers.insert(number) {
            wrong.push(format!("epoch {number} was won twice"));
        }
        if body(&world, &folder, number).map(|body| body["site"].clone()) != Some(json!(site)) {
            wrong.push(format!("epoch {number} is not {site}'s, who was told that it is"));
        }
    }
    wrong
}

#[test]
fn an_epoch_has_one_winner() {
    for seed in 0..150 {
        assert_eq!(takeovers(seed, Vice::None), Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn both_checks_find_stores_that_deceive() {
    for vice in [Vice::ChecksThenWrites, Vice::Overwrites] {
        assert!((0..50).any(|seed| !increments(seed, vice).is_empty()), "{vice:?}");
        assert!((0..50).any(|seed| !takeovers(seed, vice).is_empty()), "{vice:?}");
    }
}
