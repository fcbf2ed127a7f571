//! The project's own commands, behind cargo's aliases: `cargo demo`, `cargo verify`, `cargo generate`, `cargo lab`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use dram_tests::lab::{restic, store, terraform};
use dram_tests::programs::Programs;
use dram_tests::{Error, Result, call, demo, generate, story, verify};

/// What a person who works on DRAM runs.
#[derive(Debug, Parser)]
#[command(name = "project")]
struct Project {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The main job, told with real programs in a temporary folder.
    Demo(demo::Wish),
    /// All tests, and what they need.
    Verify(verify::Wish),
    /// Writes the files that are made from the fields and the programs.
    Generate {
        /// Only say which of them are not current.
        #[arg(long)]
        check: bool,
    },
    /// Installs one of the things that tests talk to, and says what it gives.
    Lab {
        /// Which one.
        name: Lab,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lab {
    /// Terraform, as the demo takes it.
    Terraform,
    /// Terraform 1.15.
    NewerTerraform,
    /// OpenTofu, which is built for some minutes.
    Opentofu,
    /// Debian's restic.
    DebianRestic,
    /// The newest restic.
    Restic,
    /// Object storage and PostgreSQL, which run until Ctrl-C.
    Store,
}

fn main() -> ExitCode {
    match run(&Project::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Error::Interrupted) => {
            eprintln!("interrupted; what was running has been stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &Verb) -> Result<bool> {
    match verb {
        Verb::Demo(wish) => demo::demo(wish).map(|()| true),
        Verb::Verify(wish) => verify::verify(wish),
        Verb::Generate { check: true } => {
            let programs = Programs::build()?;
            generate::check(Some(&programs)).map(|()| true)
        }
        Verb::Generate { check: false } => generate::write(&Programs::build()?).map(|()| true),
        Verb::Lab { name } => lab(*name).map(|()| true),
    }
}

fn lab(name: Lab) -> Result<()> {
    let host = |host: terraform::Host| println!("{} for {}: {}", host.title(), host.platform, host.program().display());
    let witness = |restic: restic::Restic| println!("restic {}: {}", restic.version, restic.program().display());
    match name {
        Lab::Terraform => host(terraform::any(&call::path())?),
        Lab::NewerTerraform => host(terraform::newer()?),
        Lab::Opentofu => host(terraform::opentofu()?),
        Lab::DebianRestic => witness(restic::debian()?),
        Lab::Restic => witness(restic::newest()?),
        Lab::Store => keep_store()?,
    }
    Ok(())
}

/// Keeps the store lab running for whoever develops, who reads its addresses into a shell.
fn keep_store() -> Result<()> {
    story::heed_interrupts()?;
    let running = store::Running::start()?;
    println!("# started in {:.1} s; Ctrl-C stops it", running.took.as_secs_f64());
    print!("{}", store::lines(&running.store));
    while !story::interrupted() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
