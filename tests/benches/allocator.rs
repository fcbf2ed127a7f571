//! What it costs that large blocks of memory are given back as soon as they are free: protect and restore with that setting
//! and without it, on the same data.
//!
//! `cargo bench -p dram-tests --bench allocator -- [--rounds N] [--files N] [--large-mib N]`. Without it the same program runs
//! with a library before it whose `mallopt` does nothing, so the C library decides by itself as it does for other programs. The
//! contestants take turns, and each round begins with empty vaults.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use dram_tests::call::Call;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result};
use dram_tests::world::{FILES, World};
use wait4::Wait4 as _;

const MIB: usize = 1 << 20;
const OF_FOLDER: usize = 100;
const LARGE_FILES: usize = 4;
const SHIM: &str = "int mallopt(int what, int value) { (void)what; (void)value; return 1; }\n";
const ACTS: [&str; 4] = ["first", "nothing changed", "restore", "verify by restoring"];

#[derive(Parser)]
struct Options {
    /// So often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// So many small files
    #[arg(long, default_value_t = 40_000)]
    files: usize,
    /// So much in large files, in MiB
    #[arg(long, default_value_t = 2_048)]
    large_mib: usize,
    /// Cargo's own word
    #[arg(long, hide = true)]
    bench: bool,
}

/// One command's cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    processors: f64,
    memory: f64,
}

/// What one act cost in each round, with the setting and without it.
#[derive(Default)]
struct Act {
    with: Vec<Cost>,
    without: Vec<Cost>,
}

/// What is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Small,
    Large,
}

fn main() -> ExitCode {
    match bench(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let shim = shim(folder.path())?;
    for set in [Set::Small, Set::Large] {
        let mut acts: [Act; 4] = Default::default();
        for round in 0..options.rounds {
            one_round(set, options, round, &shim, &mut acts)?;
        }
        tell(set, options, &acts);
    }
    Ok(())
}

/// A library whose `mallopt` does nothing.
fn shim(folder: &Path) -> Result<PathBuf> {
    let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
    std::fs::write(&source, SHIM).doing(|| format!("write `{}`", source.display()))?;
    let call = Call::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]);
    call.arg(&library).arg(&source).ok()?;
    Ok(library)
}

fn one_round(set: Set, options: &Options, round: usize, shim: &Path, acts: &mut [Act; 4]) -> Result<()> {
    let worlds = [world(set, options, round)?, world(set, options, round)?];
    for (number, act) in acts.iter_mut().enumerate() {
        // Who begins takes turns, because the first one finds a colder cache.
        for turn in [round % 2, (round + 1) % 2] {
            let Some(world) = worlds.get(turn) else { continue };
            let call = call(world, number);
            match turn {
                0 => act.with.push(cost(call)?),
                _ => act.without.push(cost(call.env("LD_PRELOAD", shim))?),
            }
        }
    }
    Ok(())
}

fn call(world: &World, act: usize) -> Call {
    match act {
        0 | 1 => world.dram().args(["protect", "files"]),
        2 => {
            let into = world.dir().join("restored");
            world.dram().args(["restore", "files", "--into"]).arg(into)
        }
        _ => world.dram().args(["verify", "files", "--level", "restore"]),
    }
}

fn world(set: Set, options: &Options, round: usize) -> Result<World> {
    let world = World::temporary(FILES)?;
    let data = world.dir().join("office/data");
    let made = match set {
        Set::Small => small(&data, options.files, round),
        Set::Large => large(&data, options.large_mib, round),
    };
    made.doing(|| format!("fill `{}`", data.display()))?;
    world.declare()?;
    Ok(world)
}

fn small(data: &Path, files: usize, round: usize) -> std::io::Result<()> {
    let mut chance = Chance::of(round as u64);
    for number in 0..files {
        let folder = data.join(format!("folder-{}", number / OF_FOLDER));
        if number % OF_FOLDER == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        let bytes = 500 + chance.below(12_000) as usize;
        std::fs::write(folder.join(format!("file-{number}")), chance.noise(bytes))?;
    }
    Ok(())
}

/// Every other MiB is text.
fn large(data: &Path, mib: usize, round: usize) -> std::io::Result<()> {
    let mut chance = Chance::of(round as u64);
    std::fs::create_dir_all(data)?;
    for number in 0..LARGE_FILES {
        let mut file = File::create(data.join(format!("large-{number}")))?;
        for part in 0..mib / LARGE_FILES {
            match part % 2 {
                0 => file.write_all(&chance.noise(MIB))?,
                _ => file.write_all(&chance.words(MIB))?,
            }
        }
    }
    Ok(())
}

/// Runs a command to its end.
fn cost(call: Call) -> Result<Cost> {
    let line = call.line();
    rustix::fs::sync();
    let begun = Instant::now();
    let mut command = call.into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().doing(|| format!("run `{line}`"))?;
    let end = child.wait4().doing(|| format!("wait for `{line}`"))?;
    let seconds = begun.elapsed().as_secs_f64();
    if !end.status.success() {
        return Err(std::io::Error::other(end.status.to_string())).doing(|| format!("run `{line}`"));
    }
    Ok(Cost {
        seconds,
        processors: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        memory: end.rusage.maxrss as f64 / MIB as f64,
    })
}

fn tell(set: Set, options: &Options, acts: &[Act; 4]) {
    let set = match set {
        Set::Small => format!("{} small files", options.files),
        Set::Large => format!("{LARGE_FILES} files of {} MiB", options.large_mib / LARGE_FILES),
    };
    println!(
        "\n{set}, {} rounds, medians; first with the setting, then without\n",
        options.rounds
    );
    println!("| act | s | s | time | processors s | s | time | MiB | MiB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, act) in ACTS.iter().zip(acts) {
        let of = |part: fn(&Cost) -> f64| (median(&act.with, part), median(&act.without, part));
        let (seconds, processors, memory) = (of(|c| c.seconds), of(|c| c.processors), of(|c| c.memory));
        println!(
            "| {name} | {:.2} | {:.2} | **{:.2}** | {:.2} | {:.2} | **{:.2}** | {:.0} | {:.0} |",
            seconds.0,
            seconds.1,
            seconds.0 / seconds.1,
            processors.0,
            processors.1,
            processors.0 / processors.1,
            memory.0,
            memory.1
        );
    }
}

fn median(costs: &[Cost], part: fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(part).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
