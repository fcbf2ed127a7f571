//! Protect and restore against stock restic on the same data: many small files, one large file, one sparse file; first, with
//! nothing changed, with a hundredth changed, and back.
//!
//! `cargo bench -p dram-tests --bench vault -- [--full] [--rounds N] [--set small|large|sparse] [--stores s3]`. The
//! contestants take turns, each round begins with repositories and targets that are empty, and what is measured are whole
//! commands as a user types them: time, processor time, and the most memory that each held. On object storage both write to
//! the same gateway of the store lab.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use clap::ValueEnum as _;

use dram_tests::call::Call;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result};
use dram_tests::lab::restic::{self, Restic};
use dram_tests::programs::Programs;
use dram_tests::world::{FILES, Stores, World};
use wait4::Wait4 as _;

const MIB: usize = 1 << 20;
const FILES_OF_FOLDER: usize = 100;

/// What is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Files of 0.5 to 12.5 kB, a hundred in a folder.
    Small,
    /// One file, every other MiB of it text.
    Large,
    /// One file, a hundredth of it data.
    Sparse,
}

/// How much of each there is.
#[derive(Debug, Clone, Copy)]
struct Scale {
    files: usize,
    large_mib: usize,
    sparse_mib: usize,
}

const QUICK: Scale = Scale {
    files: 20_000,
    large_mib: 512,
    sparse_mib: 2 * 1024,
};
const FULL: Scale = Scale {
    files: 200_000,
    large_mib: 4 * 1024,
    sparse_mib: 20 * 1024,
};

struct Options {
    scale: Scale,
    rounds: usize,
    sets: Vec<Set>,
    stores: Stores,
}

/// One command's cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds: f64,
    /// Seconds of processors, of the program and the kernel for it.
    processors: f64,
    /// The most memory that it held, in MiB.
    memory: f64,
}

/// One act, for both contestants.
#[derive(Default)]
struct Act {
    dram: Vec<Cost>,
    restic: Vec<Cost>,
}

const ACTS: [&str; 4] = ["first", "nothing changed", "1 % changed", "restore"];

fn main() -> ExitCode {
    match options().and_then(|options| bench(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options> {
    let mut options = Options {
        scale: QUICK,
        rounds: 3,
        sets: vec![Set::Small, Set::Large, Set::Sparse],
        stores: Stores::Directories,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let unknown = |word: &str| std::io::Error::other(format!("`{word}` is not known here"));
        let mut value = || words.next().unwrap_or_default();
        match word.as_str() {
            // Cargo's own word.
            "--bench" => {}
            "--full" => options.scale = FULL,
            "--rounds" => {
                let value = value();
                options.rounds = value
                    .parse()
                    .map_err(|_| unknown(&value))
                    .doing(|| "read `--rounds`".into())?;
            }
            "--set" => {
                let value = value();
                options.sets = vec![match value.as_str() {
                    "small" => Set::Small,
                    "large" => Set::Large,
                    "sparse" => Set::Sparse,
                    _ => return Err(unknown(&value)).doing(|| "read `--set`".into()),
                }];
            }
            "--stores" => {
                let value = value();
                options.stores = Stores::from_str(&value, true)
                    .map_err(|_| unknown(&value))
                    .doing(|| "read `--stores`".into())?;
            }
            _ => return Err(unknown(&word)).doing(|| "read the options".into()),
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<()> {
    let restic = restic::any()?;
    Programs::built()?;
    for set in &options.sets {
        let mut acts: [Act; 4] = Default::default();
        for round in 0..options.rounds {
            one_round(&restic, *set, options, round, &mut acts)?;
        }
        tell(*set, options, &restic.version, &acts);
    }
    Ok(())
}

fn one_round(restic: &Restic, set: Set, options: &Options, round: usize, acts: &mut [Act; 4]) -> Result<()> {
    let scale = options.scale;
    let world = World::on(FILES, options.stores)?;
    let data = world.dir().join("office/data");
    let mut chance = Chance::of(round as u64);
    set.make(&data, scale, &mut chance)
        .doing(|| format!("fill `{}`", data.display()))?;
    world.declare()?;
    let stock = || world.restic(restic, "by-restic");
    stock().arg("init").ok()?;
    for (number, act) in acts.iter_mut().enumerate() {
        if number == 2 {
            set.change(&data, scale, &mut chance)
                .doing(|| format!("change `{}`", data.display()))?;
        }
        let ours = match number {
            3 => {
                let into = world.dir().join("restored-by-dram");
                world.dram().args(["restore", "files", "--into"]).arg(into)
            }
            _ => world.dram().args(["protect", "files"]),
        };
        let theirs = stock();
        let theirs = match number {
            3 => {
                let into = world.dir().join("restored-by-restic");
                theirs.args(["restore", "latest", "--sparse", "--target"]).arg(into)
            }
            _ => theirs.arg("backup").arg(&data),
        };
        // Who begins takes turns, because the first one finds a colder cache.
        if round.is_multiple_of(2) {
            act.dram.push(cost(ours)?);
            act.restic.push(cost(theirs)?);
        } else {
            act.restic.push(cost(theirs)?);
            act.dram.push(cost(ours)?);
        }
    }
    Ok(())
}

fn tell(set: Set, options: &Options, version: &str, acts: &[Act; 4]) {
    let stores = match options.stores {
        Stores::Directories => "a directory",
        Stores::S3 => "S3",
        Stores::PostgresAndSwift => "Swift",
    };
    let set = set.words(options.scale);
    println!("\n{set}, vault on {stores}, {} rounds, medians\n", options.rounds);
    println!(
        "| act | dram s | restic {version} s | speed | dram cpu s | restic cpu s | dram MiB | restic MiB | memory |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, act) in ACTS.iter().zip(acts) {
        let of = |costs: &[Cost], part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
        let (ours, theirs) = (of(&act.dram, |c| c.seconds), of(&act.restic, |c| c.seconds));
        let (our_cpu, their_cpu) = (of(&act.dram, |c| c.processors), of(&act.restic, |c| c.processors));
        let (our_memory, their_memory) = (of(&act.dram, |c| c.memory), of(&act.restic, |c| c.memory));
        println!(
            "| {name} | {ours:.2} | {theirs:.2} | **{:.2}** | {our_cpu:.2} | {their_cpu:.2} | {our_memory:.0} | {their_memory:.0} | **{:.2}** |",
            theirs / ours,
            our_memory / their_memory
        );
    }
}

impl Set {
    fn words(self, scale: Scale) -> String {
        match self {
            Set::Small => format!("{} small files", scale.files),
            Set::Large => format!("one file of {} MiB, half of it text", scale.large_mib),
            Set::Sparse => format!("one file of {} MiB, a hundredth of it data", scale.sparse_mib),
        }
    }

    fn make(self, data: &Path, scale: Scale, chance: &mut Chance) -> std::io::Result<()> {
        match self {
            Set::Small => {
                for number in 0..scale.files {
                    let path = small_file(data, number);
                    if number % FILES_OF_FOLDER == 0
                        && let Some(folder) = path.parent()
                    {
                        std::fs::create_dir_all(folder)?;
                    }
                    let bytes = 500 + chance.below(12_000) as usize;
                    std::fs::write(path, chance.noise(bytes))?;
                }
                Ok(())
            }
            Set::Large => {
                std::fs::create_dir_all(data)?;
                let mut file = File::create(data.join("large"))?;
                for number in 0..scale.large_mib {
                    let part = if number % 2 == 0 {
                        chance.noise(MIB)
                    } else {
                        chance.words(MIB)
                    };
                    file.write_all(&part)?;
                }
                Ok(())
            }
            Set::Sparse => {
                std::fs::create_dir_all(data)?;
                let file = File::create(data.join("sparse"))?;
                file.set_len((scale.sparse_mib * MIB) as u64)?;
                for number in 0..scale.sparse_mib / 100 {
                    write_somewhere(&file, number * 100, 99, chance)?;
                }
                Ok(())
            }
        }
    }

    fn change(self, data: &Path, scale: Scale, chance: &mut Chance) -> std::io::Result<()> {
        match self {
            Set::Small => {
                for number in (0..scale.files).step_by(100) {
                    let path = small_file(data, number + chance.below(FILES_OF_FOLDER as u64) as usize);
                    std::fs::write(path, chance.noise(8_000))?;
                }
                Ok(())
            }
            Set::Large => change_in(&data.join("large"), scale.large_mib, chance),
            Set::Sparse => change_in(&data.join("sparse"), scale.sparse_mib, chance),
        }
    }
}

/// Rewrites a hundredth of a file, a MiB in each hundred.
fn change_in(path: &Path, mib: usize, chance: &mut Chance) -> std::io::Result<()> {
    let file = File::options().write(true).open(path)?;
    for number in 0..(mib / 100).max(1) {
        write_somewhere(&file, number * 100, (mib - 1).min(99), chance)?;
    }
    Ok(())
}

/// Writes a MiB of noise at a page within `among` MiB from `from`.
fn write_somewhere(file: &File, from: usize, among: usize, chance: &mut Chance) -> std::io::Result<()> {
    let page = chance.below(among as u64 * 256) * 4096;
    file.write_all_at(&chance.noise(MIB), (from * MIB) as u64 + page)
}

fn small_file(data: &Path, number: usize) -> PathBuf {
    let folder = data.join(format!("folder-{}", number / FILES_OF_FOLDER));
    folder.join(format!("file-{}", number % FILES_OF_FOLDER))
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
