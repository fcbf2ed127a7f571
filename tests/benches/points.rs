//! How long it takes to list many points: from the catalog, which `dram status` asks, and from the vault, which
//! `dram points` asks.
//!
//! `cargo bench -p dram-tests --bench points -- [--points N] [--rounds N] [--stores s3|postgres-and-swift]`. The points are
//! made through the engine's library from one small dump; that takes longer than what is measured.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use clap::{Parser, ValueEnum as _};
use dram_engine::vault::{
    Cancel, CaptureStream, Item, Manifest, Origin, Password, Place, Repository, S3Credentials, S3Place, Secret, Silent,
    Vault, VaultError, VaultOptions,
};
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Error, Result};
use dram_tests::world::{Raw, Stores, World};
use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;
use wait4::Wait4 as _;

/// So many threads make points.
const MAKERS: usize = 2;
/// So many are made in one directory: each lists what is there already.
const SHARE: usize = 500;
/// So many threads carry files to the vault.
const CARRIERS: usize = 12;

#[derive(Parser)]
struct Options {
    /// So many points lie in the vault
    #[arg(long, default_value_t = 1_000)]
    points: u64,
    /// So often is each command run
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where catalog and vault lie
    #[arg(long, default_value = "directories")]
    stores: String,
    /// Cargo's own word
    #[arg(long, hide = true)]
    bench: bool,
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
    let stores = Stores::from_str(&options.stores, true)
        .map_err(std::io::Error::other)
        .doing(|| "read `--stores`".into())?;
    let world = World::on("tests/models/files.yaml", stores)?;
    dram_tests::world::write(&world.dir().join("office/data/notes"), "a note\n")?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    let begun = Instant::now();
    fill(&world, options.points)?;
    eprintln!(
        "{} points made in {:.0} s",
        options.points,
        begun.elapsed().as_secs_f64()
    );
    println!("| {} points, {} | seconds | MiB |", options.points, options.stores);
    println!("| --- | ---: | ---: |");
    let listing: &[&str] = &["points", "files"];
    let commands: [(&str, &[&str], bool); 3] = [
        ("from the catalog (`dram status`)", &["status"], true),
        (
            "from the vault (`dram points`), with nothing kept on this machine",
            listing,
            false,
        ),
        ("from the vault (`dram points`), again", listing, true),
    ];
    for (name, words, is_again) in commands {
        let mut costs = Vec::new();
        for _ in 0..options.rounds {
            let cache = world.dir().join("cache");
            if !is_again && cache.exists() {
                std::fs::remove_dir_all(&cache).doing(|| "empty the cache".into())?;
            }
            costs.push(cost(world.dram().args(words))?);
        }
        let median = |part: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        println!(
            "| {name} | {:.2} | {:.0} |",
            median(|cost| cost.0),
            median(|cost| cost.1)
        );
    }
    Ok(())
}

/// Seconds and MiB of one command.
fn cost(call: Call) -> Result<(f64, f64)> {
    let line = call.line();
    let begun = Instant::now();
    let mut command = call.into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().doing(|| format!("run `{line}`"))?;
    let end = child.wait4().doing(|| format!("wait for `{line}`"))?;
    if !end.status.success() {
        return Err(std::io::Error::other(end.status.to_string())).doing(|| format!("run `{line}`"));
    }
    Ok((
        begun.elapsed().as_secs_f64(),
        end.rusage.maxrss as f64 / f64::from(1 << 20),
    ))
}

/// Makes points like the first one, an hour apart, up to now: in directories in memory, from where they move to the vault as
/// they are. To make them in the vault would take longer by far, and the same files would lie there.
fn fill(world: &World, points: u64) -> Result<()> {
    let known = made(repository(world)?.points(), "read the first point")?;
    let first = known.into_iter().find_map(|point| point.manifest);
    let first = made(first.ok_or("there is none"), "find the first point")?;
    let scratch = tempfile::tempdir_in("/dev/shm").doing(|| "make a folder in memory".into())?;
    let numbers: Vec<u64> = (1..points).collect();
    let shares: Vec<(PathBuf, &[u64])> = numbers
        .chunks(SHARE)
        .enumerate()
        .map(|(share, numbers)| (scratch.path().join(share.to_string()), numbers))
        .collect();
    let password = made(Password::from_bytes(world.password()?.as_bytes()), "read the password")?;
    let location = |folder: &Path| {
        let location = Vault::directory(folder).repository("default", "files");
        made(location, "name the repository")
    };
    let Some((begun, _)) = shares.first() else {
        return Ok(());
    };
    std::fs::create_dir(begun).doing(|| "make a folder".into())?;
    made(location(begun)?.init(&password), "make the repository")?;
    // The other shares are the same repository, before anything is in it.
    for (folder, _) in shares.iter().skip(1) {
        let copy = Call::new("cp").arg("-a").arg(begun).arg(folder);
        copy.ok()?;
    }
    side_by_side(MAKERS, &shares, |(folder, numbers)| {
        let repository = made(location(folder)?.open(&password), "open the repository")?;
        for number in *numbers {
            let ago = SignedDuration::from_hours(i64::try_from(points - number).unwrap_or(i64::MAX));
            let time = Timestamp::now() - ago;
            let millis = u64::try_from(time.as_millisecond()).unwrap_or_default();
            let id = Ulid::from_parts(millis, u128::from(*number));
            made(one(&repository, &first, id, time), "make a point")?;
        }
        Ok(())
    })?;

    let vault = world.raw_vault();
    for (name, _) in vault.list("default/files/")? {
        vault.remove(&name)?;
    }
    for (folder, _) in &shares {
        let from = Raw::Directory(folder.clone());
        side_by_side(CARRIERS, &from.list("default/files/")?, |(name, _)| {
            vault.write(name, &from.read(name)?)
        })?;
    }
    // The catalog learns of them as it does when it was lost.
    let rebuild = world.dram().args(["catalog", "rebuild", "--quiet", "--vault"]);
    rebuild
        .arg(world.vault_address())
        .arg("--password-file")
        .arg(world.dir().join("vault.key"))
        .ok()
        .map(|_| ())
}

/// Does something with each of many, by so many threads.
fn side_by_side<T: Sync, R: Send>(threads: usize, items: &[T], act: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let share = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = items
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().map(&act).collect::<Result<Vec<R>>>()))
            .collect();
        let mut all = Vec::with_capacity(items.len());
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

fn one(repository: &Repository, first: &Manifest, id: Ulid, time: Timestamp) -> std::result::Result<(), VaultError> {
    let origin = Origin {
        host: first.site.clone(),
        time,
    };
    let what = CaptureStream {
        point: &id.to_string(),
        item: "data",
        file_name: "dump",
        origin: origin.clone(),
    };
    let end = || Ok::<(), Infallible>(());
    let captured = repository.capture_stream(&what, &b"a note\n"[..], end, &Silent::shared(), &Cancel::new())?;
    let manifest = Manifest {
        point: id.to_string(),
        frozen_at: time.to_string(),
        items: vec![Item::of_stream("data", "data", "dump", &captured)],
        ..first.clone()
    };
    repository.seal(&manifest, &origin).map(drop)
}

fn repository(world: &World) -> Result<Repository> {
    let mut place: Place = made(world.vault_address().parse(), "read the vault's address")?;
    if let Place::S3(S3Place { credentials, .. }) = &mut place {
        // The worlds' owner; its keys stand in the variables that programs get.
        let of = |name: &str| {
            let found = world.environment().into_iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        *credentials = S3Credentials::Keys {
            access: of("AWS_ACCESS_KEY_ID"),
            secret: Secret::new(of("AWS_SECRET_ACCESS_KEY")),
        };
    }
    let vault = made(Vault::open(&place, &VaultOptions::default()), "open the vault")?;
    let password = made(Password::from_bytes(world.password()?.as_bytes()), "read the password")?;
    let location = made(vault.repository("default", "files"), "name the repository")?;
    made(location.open(&password), "open the repository")
}

fn made<T, E: std::fmt::Display>(result: std::result::Result<T, E>, what: &str) -> Result<T> {
    result
        .map_err(|error| std::io::Error::other(error.to_string()))
        .doing(|| what.to_owned())
        .map_err(|error: Error| error)
}
