//! All tests, and what they need, in one command.
//!
//! The labs are installed and built at a low priority while cargo compiles and tests. Each step is printed with its
//! time; the last line alone says how many passed, failed and were skipped, over all steps and all tests of all binaries.

mod binaries;
mod counts;
mod labs;
mod run;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Instant;

use counts::Counts;
use run::Log;

use crate::call::{self, Call};
use crate::error::{Doing as _, Error, Result};
use crate::lab::{self, deny, terraform};
use crate::programs::{self, Programs, cargo};

/// Names how often the scenario of kills kills.
pub const KILLS: &str = "DRAM_KILLS";
/// Names how many operations the race of two engines for every create has.
const OPERATIONS: &str = "DRAM_OPERATIONS";
/// Names how many virtual days a policy of the calendar lives through.
const DAYS: &str = "DRAM_DAYS";
/// Names how many models live through simulated losses.
const SIMULATIONS: &str = "DRAM_SIMULATIONS";
/// Names for how many seconds models are damaged and compiled; 0 for a fixed number of them.
const FUZZ: &str = "DRAM_FUZZ";
/// Names how large the large things are: 1 for every day, 10 before a release.
pub const LARGE: &str = "DRAM_LARGE";

/// What the user asked of the tests.
#[derive(Debug, Default, clap::Args)]
pub struct Wish {
    /// How often `dram protect` is killed at a random moment.
    #[arg(long, default_value_t = 20)]
    pub kills: u32,
    /// In how many operations two engines race for every create.
    #[arg(long, default_value_t = 20_000)]
    pub operations: u64,
    /// How many virtual days a policy of the calendar lives through.
    #[arg(long, default_value_t = 45)]
    pub days: u32,
    /// How many models live through simulated losses.
    #[arg(long, default_value_t = 300)]
    pub simulations: u32,
    /// For how many seconds models are damaged at random and compiled; 0 for a few hundred that are always the same.
    #[arg(long, default_value_t = 0)]
    pub fuzz: u32,
    /// How large the large things are, in tenths: a dump, an image, many files.
    #[arg(long, default_value_t = 1)]
    pub large: u32,
    /// A million operations, a thousand kills, 400 days, 100,000 simulated models, ten minutes of damaged models and the whole of the large things, whatever the other options say: the run before a release.
    #[arg(long)]
    pub long: bool,
}

impl Wish {
    /// How often to kill.
    fn kills(&self) -> u32 {
        if self.long { 1_000 } else { self.kills }
    }

    /// How many days to live through.
    fn days(&self) -> u32 {
        if self.long { 400 } else { self.days }
    }

    /// How many models to simulate.
    fn simulations(&self) -> u32 {
        if self.long { 100_000 } else { self.simulations }
    }

    /// For how many seconds to damage models.
    fn fuzz(&self) -> u32 {
        if self.long { 600 } else { self.fuzz }
    }

    /// How large the large things are.
    fn large(&self) -> u32 {
        if self.long { 10 } else { self.large }
    }

    /// How many operations to race in.
    fn operations(&self) -> u64 {
        if self.long { 1_000_000 } else { self.operations }
    }
}

/// Runs everything. Answers whether nothing failed.
///
/// # Errors
/// The machine refuses what the program itself needs; a step that fails is no error but counted.
pub fn verify(wish: &Wish) -> Result<bool> {
    let begun = Instant::now();
    let log = Log::new()?;
    println!("what the steps print in full: {}", log.folder().display());
    let skips = log.folder().join("skips");
    let mut labs = labs::prepare();
    let mut counts = Counts::default();

    step(&mut counts, "rustfmt", || {
        quiet(
            &log,
            "rustfmt",
            cargo().args(["fmt", "--all", "--check", "--", "--color", "never"]),
        )
    });
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    step(&mut counts, "clippy", || quiet(&log, "clippy", cargo().args(clippy)));
    let doc = cargo()
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings");
    step(&mut counts, "cargo doc", || quiet(&log, "doc", doc));
    let built = step(&mut counts, "build the programs", Programs::build);
    step(&mut counts, "generated files are current", || {
        crate::generate::check(built.as_ref())
    });

    // A test that needs a lab waits for it, and the others do not.
    if let Some(programs) = built {
        let (kills, operations) = (wish.kills().to_string(), wish.operations().to_string());
        let (days, large) = (wish.days().to_string(), wish.large().to_string());
        let (simulations, fuzz) = (wish.simulations().to_string(), wish.fuzz().to_string());
        // The provider's own tests look for Terraform where a user has it.
        let path = terraform::older().map_or_else(|_| call::path(), |host| host.on_path(&call::path()));
        let stores = labs.stores().map(|stores| stores.environment()).unwrap_or_default();
        labs.wait_for_witness();
        let required = if lab::in_ci() { "1" } else { "0" };
        let mut environment = vec![
            ("PATH", path.as_os_str()),
            (programs::FOLDER, programs.folder().as_os_str()),
            (KILLS, OsStr::new(&kills)),
            (OPERATIONS, OsStr::new(&operations)),
            (DAYS, OsStr::new(&days)),
            (SIMULATIONS, OsStr::new(&simulations)),
            (FUZZ, OsStr::new(&fuzz)),
            (LARGE, OsStr::new(&large)),
            (dram_skips::SKIPS, skips.as_os_str()),
            (dram_skips::REQUIRED, OsStr::new(required)),
        ];
        environment.extend(stores.iter().map(|(name, value)| (*name, OsStr::new(value))));
        tests(
            &mut counts,
            "tests of every crate, and scenarios across the programs",
            &log,
            &environment,
        );
    } else {
        println!("[ failed ] tests: the programs do not compile");
        counts.failed += 1;
    }

    for (name, outcome) in labs.finish() {
        report(&mut counts, &name, outcome);
    }
    step(&mut counts, "licences and sources of dependencies", || {
        // Compiling fetched what this platform needs; licences are asked of every platform's dependencies.
        quiet(&log, "fetch", cargo().args(["fetch", "--locked"]))?;
        quiet(
            &log,
            "deny",
            Call::new(deny::program()?)
                .args(["--offline", "check", "licenses", "bans", "sources"])
                .dir(programs::repository()),
        )
    });

    for reason in counts.take_skips(&skips)? {
        println!("{reason}");
    }
    println!("\n{:.0} s in all", begun.elapsed().as_secs_f64());
    println!("{counts}");
    Ok(counts.failed == 0)
}

/// One step that passes or fails as a whole.
fn step<T>(counts: &mut Counts, title: &str, act: impl FnOnce() -> Result<T>) -> Option<T> {
    let begun = Instant::now();
    let outcome = act();
    let title = format!("{title} ({:.1} s)", begun.elapsed().as_secs_f64());
    match outcome {
        Ok(value) => {
            report(counts, &title, Ok(String::new()));
            Some(value)
        }
        Err(error) => {
            report(counts, &title, Err(error));
            None
        }
    }
}

/// Counts an outcome and prints it. What cannot be had is skipped on a user's machine and fails in CI.
fn report(counts: &mut Counts, title: &str, outcome: Result<String>) {
    match outcome {
        Ok(detail) => {
            counts.passed += 1;
            println!(
                "[ passed ] {title}{}{detail}",
                if detail.is_empty() { "" } else { ": " }
            );
        }
        Err(error @ Error::Unavailable { .. }) if !lab::in_ci() => {
            counts.skipped += 1;
            println!("[ skipped ] {title}: {error}");
        }
        Err(error) => {
            counts.failed += 1;
            println!("[ failed ] {title}: {error}");
        }
    }
}

/// A call whose words go to the log, and to the terminal if it fails.
fn quiet(log: &Log, name: &str, call: Call) -> Result<()> {
    let done = call.run()?;
    log.write(name, &done.both())?;
    done.expect_code(0).map(drop)
}

/// All tests, counted one by one.
fn tests(counts: &mut Counts, title: &str, log: &Log, environment: &[(&str, &OsStr)]) {
    let begun = Instant::now();
    println!("[ begins ] {title}");
    let name: String = title
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let outcome = binaries::run(log, &name, environment);
    let title = format!("{title} ({:.1} s)", begun.elapsed().as_secs_f64());
    match outcome {
        Ok((tested, succeeded)) => {
            println!(
                "[ {} ] {title}: {tested}",
                if succeeded && tested.failed == 0 {
                    "passed"
                } else {
                    "failed"
                }
            );
            // Tests that do not compile fail without a failed test.
            counts.failed += u64::from(!succeeded && tested.failed == 0);
            counts.add(&tested);
        }
        Err(error) => report(counts, &title, Err(error)),
    }
}

/// A folder of this run below cargo's target folder.
fn run_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().doing(|| "find this program's own file".to_owned())?;
    Ok(own.parent().map(|folder| folder.join("verify")).unwrap_or_default())
}
