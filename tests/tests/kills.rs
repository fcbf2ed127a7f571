//! `dram protect`, killed at any moment, leaves nothing that has to be mended.

use std::time::{Duration, Instant};

use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::generations;
use dram_tests::lab::{restic, skip};
use dram_tests::verify::KILLS;
use dram_tests::world::{FILES, Stores, World};

dram_tests::over_stores!(every_offered_point_restores_after_kills_and_the_next_protect_needs_no_help);

fn every_offered_point_restores_after_kills_and_the_next_protect_needs_no_help(stores: Stores) -> Result<()> {
    let test = "every_offered_point_restores_after_kills_and_the_next_protect_needs_no_help";
    let kills: u64 = std::env::var(KILLS)
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(20);
    let (seed, mut chance) = Chance::of_now();
    eprintln!("{kills} kills; DRAM_SEED={seed} repeats the moments");
    let world = World::on(FILES, stores)?;
    let data = world.dir().join("office/data");
    std::fs::create_dir_all(&data).doing(|| "make the data".to_owned())?;
    generations::write(&data, 0)?;
    world.declare()?;
    let begun = Instant::now();
    world.dram().args(["protect", "files"]).ok()?;
    let whole = begun.elapsed();

    let mut ended_before = 0;
    for kill in 1..=kills {
        generations::write(&data, kill)?;
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
    generations::write(&data, kills + 1)?;
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
        newest = newest.max(generations::check(&into.join("data"))?);
    }
    claim("the newest point holds what was last", newest == kills + 1, || {
        newest.to_string()
    })?;

    let Some(restic) = skip(test, restic::any())? else {
        return Ok(());
    };
    world.check_with_restic(&restic, "files")
}
