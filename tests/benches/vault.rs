//! Protect and restore of many small files and one large one, against stock restic on the same data.
//!
//! Run it with `cargo bench -p dram-tests --bench vault`. The contestants take turns, each round begins with repositories
//! and targets that are empty, and the times are those of whole commands as a user types them.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dram_tests::call::Call;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Error, Result};
use dram_tests::lab::restic::{self, Restic};
use dram_tests::programs::Programs;
use dram_tests::world::World;

const ROUNDS: usize = 3;
const SMALL_FILES: usize = 20_000;
const SMALL_FOLDERS: usize = 200;
const LARGE_BYTES: usize = 1 << 30;
const CHANGED_FILES: usize = 200;

/// One act, for both contestants: seconds of each round.
#[derive(Default)]
struct Act {
    dram: Vec<f64>,
    restic: Vec<f64>,
}

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    let restic = match restic::newest() {
        Err(Error::Unavailable { .. }) => restic::debian()?,
        found => found?,
    };
    Programs::build()?;
    let names = [
        "first protect",
        "protect, nothing changed",
        "protect, 200 files changed",
        "restore",
    ];
    let mut acts: [Act; 4] = Default::default();
    for round in 0..ROUNDS {
        let world = World::temporary("tests/models/files.yaml")?;
        let data = world.dir().join("office/data");
        make_data(&data, round as u64).doing(|| format!("fill `{}`", data.display()))?;
        world.declare()?;
        let repository = world.dir().join("restic");
        stock(&restic, &world, &repository).arg("init").ok()?;
        for (number, act) in acts.iter_mut().enumerate() {
            if number == 2 {
                change_data(&data, round as u64).doing(|| format!("change `{}`", data.display()))?;
            }
            let ours = match number {
                3 => world
                    .dram()
                    .args(["restore", "files", "--into"])
                    .arg(world.dir().join("restored-by-dram")),
                _ => world.dram().args(["protect", "files"]),
            };
            let theirs = stock(&restic, &world, &repository);
            let theirs = match number {
                3 => theirs
                    .args(["restore", "latest", "--target"])
                    .arg(world.dir().join("restored-by-restic")),
                _ => theirs.arg("backup").arg(&data),
            };
            // Who begins takes turns, because the first one finds a colder cache.
            if round % 2 == 0 {
                act.dram.push(seconds(ours)?);
                act.restic.push(seconds(theirs)?);
            } else {
                act.restic.push(seconds(theirs)?);
                act.dram.push(seconds(ours)?);
            }
        }
    }
    println!(
        "{SMALL_FILES} small files and {} MiB, {ROUNDS} rounds, medians in seconds\n",
        LARGE_BYTES >> 20
    );
    println!("| act | dram | restic {} | dram / restic |", restic.version);
    println!("|---|---|---|---|");
    for (name, act) in names.iter().zip(&mut acts) {
        let (ours, theirs) = (median(&mut act.dram), median(&mut act.restic));
        println!("| {name} | {ours:.2} | {theirs:.2} | {:.2} |", ours / theirs);
    }
    Ok(())
}

fn stock(restic: &Restic, world: &World, repository: &Path) -> Call {
    restic.call(repository, &world.key())
}

fn make_data(data: &Path, seed: u64) -> std::io::Result<()> {
    let mut chance = Chance::of(seed);
    for folder in 0..SMALL_FOLDERS {
        let folder = data.join(format!("folder-{folder}"));
        std::fs::create_dir_all(&folder)?;
        for file in 0..SMALL_FILES / SMALL_FOLDERS {
            let bytes = 500 + chance.below(12_000) as usize;
            std::fs::write(folder.join(format!("file-{file}")), chance.noise(bytes))?;
        }
    }
    std::fs::write(data.join("large"), chance.noise(LARGE_BYTES))
}

fn change_data(data: &Path, seed: u64) -> std::io::Result<()> {
    let mut chance = Chance::of(seed + 1000);
    for folder in 0..CHANGED_FILES {
        let file = data.join(format!("folder-{}/file-7", folder % SMALL_FOLDERS));
        std::fs::write(file, chance.noise(8_000))?;
    }
    Ok(())
}

fn seconds(call: Call) -> Result<f64> {
    let begun = Instant::now();
    call.ok()?;
    let took: Duration = begun.elapsed();
    Ok(took.as_secs_f64())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
