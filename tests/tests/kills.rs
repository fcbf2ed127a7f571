//! `dram protect`, killed at any moment, leaves nothing that has to be mended.

use std::path::Path;
use std::time::{Duration, Instant};

use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::{restic, skip};
use dram_tests::verify::KILLS;
use dram_tests::world::{World, read, write};

const LARGE_FILES: u64 = 24;
const LARGE_BYTES: usize = 1 << 20;
const SMALL_FILES: u64 = 200;

/// Writes all files anew. Every file says which generation it is of, so that a mixture shows.
fn write_generation(data: &Path, generation: u64) -> Result<()> {
    for number in 0..LARGE_FILES + SMALL_FILES {
        let bytes = if number < LARGE_FILES { LARGE_BYTES } else { 100 };
        let mut content = format!("{generation}\n").into_bytes();
        content.extend(Chance::of(generation << 16 | number).noise(bytes));
        let file = data.join(format!("file-{number}"));
        std::fs::write(&file, content).doing(|| format!("write `{}`", file.display()))?;
    }
    write(&data.join("generation"), &generation.to_string())
}

/// A restored folder holds all files of one generation, byte for byte.
fn check_generation(data: &Path) -> Result<u64> {
    let text = read(&data.join("generation"))?;
    let generation: u64 = text
        .parse()
        .map_err(std::io::Error::other)
        .doing(|| format!("read generation `{text}`"))?;
    for number in 0..LARGE_FILES + SMALL_FILES {
        let bytes = if number < LARGE_FILES { LARGE_BYTES } else { 100 };
        let mut expected = format!("{generation}\n").into_bytes();
        expected.extend(Chance::of(generation << 16 | number).noise(bytes));
        let file = data.join(format!("file-{number}"));
        let found = std::fs::read(&file).doing(|| format!("read `{}`", file.display()))?;
        claim(
            format!("`{}` is of generation {generation}", file.display()),
            found == expected,
            || {
                String::from_utf8_lossy(&found)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            },
        )?;
    }
    Ok(generation)
}

#[test]
fn every_offered_point_restores_after_kills_and_the_next_protect_needs_no_help() -> Result<()> {
    let test = "every_offered_point_restores_after_kills_and_the_next_protect_needs_no_help";
    let kills: u64 = std::env::var(KILLS)
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(20);
    let (seed, mut chance) = Chance::of_now();
    eprintln!("{kills} kills; DRAM_SEED={seed} repeats the moments");
    let world = World::temporary("tests/models/files.yaml")?;
    let data = world.dir().join("office/data");
    std::fs::create_dir_all(&data).doing(|| "make the data".to_owned())?;
    write_generation(&data, 0)?;
    world.declare()?;
    let begun = Instant::now();
    world.dram().args(["protect", "files"]).ok()?;
    let whole = begun.elapsed();

    let mut ended_before = 0;
    for kill in 1..=kills {
        write_generation(&data, kill)?;
        let mut command = world.dram().args(["protect", "files"]).into_command();
        let quiet = || std::process::Stdio::null();
        let mut child = command
            .stdout(quiet())
            .stderr(quiet())
            .spawn()
            .doing(|| "start `dram protect`".to_owned())?;
        std::thread::sleep(Duration::from_micros(chance.below(whole.as_micros() as u64 * 11 / 10)));
        child.kill().doing(|| "kill `dram protect`".to_owned())?;
        let status = child.wait().doing(|| "wait for `dram protect`".to_owned())?;
        ended_before += u64::from(status.success());
    }
    eprintln!("{ended_before} of them came too late; a whole protect takes {whole:.2?}");
    write_generation(&data, kills + 1)?;
    world.dram().args(["protect", "files"]).ok()?;

    let points = world.points("files")?;
    claim(
        "the points of the first and of the last protect are offered",
        points.len() >= 2,
        || format!("{points:?}"),
    )?;
    let mut newest = 0;
    for point in &points {
        let into = world.dir().join("restored").join(point);
        world
            .dram()
            .args(["restore", "files", "--point", point, "--into"])
            .arg(&into)
            .ok()?;
        newest = newest.max(check_generation(&into.join("data"))?);
    }
    claim("the newest point holds what was last", newest == kills + 1, || {
        newest.to_string()
    })?;

    let Some(restic) = skip(test, restic::newest())? else {
        return Ok(());
    };
    let checked = restic
        .call(&world.repository("files"), &world.key())
        .args(["check", "--read-data"])
        .ok()?;
    claim(
        "restic finds no error",
        checked.both().contains("no errors were found"),
        || checked.both(),
    )
}
