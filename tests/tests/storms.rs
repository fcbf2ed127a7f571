//! Stores that fail while they are used: gone and back, three requests in ten failing, full; a database that goes. Each is a clear error or a
//! finished run; nothing is lost, no half point is offered, and the same command finishes later.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use dram_tests::Result;
use dram_tests::call::{Call, Done};
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, claim};
use dram_tests::generations;
use dram_tests::lab::store::postgres::Server;
use dram_tests::lab::store::{Database, Store, ceph::Gateway};
use dram_tests::lab::{restic, skip};
use dram_tests::proxy::{Proxy, Weather};
use dram_tests::shop::wait_until;
use dram_tests::world::{FILES, Stores, Wish, World, stores_for, write};

const PATIENCE: Duration = Duration::from_secs(120);
/// What a person calls at once, on a busy machine.
const PROMPT: Duration = Duration::from_secs(10);

/// A world with one point of generation 0, whose programs go to the store by a port of its own.
fn protected_world(stores: Stores, front: u16) -> Result<World> {
    let wish = Wish {
        front: Some(front),
        ..Wish::from(stores)
    };
    let world = World::on(FILES, wish)?;
    generations::write(&data(&world), 0)?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    Ok(world)
}

fn data(world: &World) -> std::path::PathBuf {
    world.dir().join("office/data")
}

/// A gateway that only this test uses, and its port.
fn gateway(store: &Store, folder: &Path) -> Result<Gateway> {
    store.ceph.gateway(&folder.join("gateway.log"))
}

/// Starts a call and keeps what it says.
fn begin(call: Call) -> Result<Child> {
    let line = call.line();
    let mut command = call.into_command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().doing(|| format!("start `{line}`"))
}

fn end(child: Child, line: &str) -> Result<Done> {
    let output = child.wait_with_output().doing(|| format!("wait for `{line}`"))?;
    Ok(Done {
        line: line.to_owned(),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// It finished, or says itself what failed.
fn ended_well(done: &Done) -> Result<bool> {
    let said = done.both();
    claim(
        format!("`{}` ends by its own will and in words", done.line),
        matches!(done.code(), Some(code) if code != 101) && !said.contains("panicked"),
        || format!("{}: {said}", done.status),
    )?;
    let finished = done.code() == Some(0);
    let says = said.contains("error") || said.contains("interrupted");
    claim("whoever fails says what", finished || says, || said)?;
    Ok(finished)
}

/// All offered points restore whole, the newest holds this generation, and restic finds nothing wrong.
fn check_everything(test: &str, world: &World, newest: u64) -> Result<()> {
    let points = world.points("files")?;
    let mut found = Vec::new();
    for point in &points {
        let into = world.dir().join("checked").join(point);
        let restore = world.dram().args(["restore", "files", "--point", point, "--into"]);
        restore.arg(&into).ok()?;
        found.push(generations::check(&into.join("data"))?);
        std::fs::remove_dir_all(&into).doing(|| format!("remove `{}`", into.display()))?;
    }
    claim(
        "the newest point holds what was last",
        found.last() == Some(&newest),
        || format!("{found:?}"),
    )?;
    claim("the first point is still there", found.first() == Some(&0), || {
        format!("{found:?}")
    })?;
    match skip(test, restic::any())? {
        Some(restic) => world.check_with_restic(&restic, "files"),
        None => Ok(()),
    }
}

dram_tests::over_stores_of_the_lab!(
    a_store_that_goes_and_comes_back_while_it_is_written_and_read,
    three_requests_in_ten_fail,
    a_vault_that_is_full,
);

fn a_store_that_goes_and_comes_back_while_it_is_written_and_read(stores: Stores) -> Result<()> {
    let test = "a_store_that_goes_and_comes_back_while_it_is_written_and_read";
    let folder = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let mut gateway = gateway(&Store::at_hand()?, folder.path())?;
    // The way is narrow, so that there is a middle in which the store can go.
    let narrow = Weather {
        bytes_per_second: Some(8 << 20),
        ..Weather::default()
    };
    let proxy = Proxy::before(gateway.port(), 1, Weather::default())?;
    let world = protected_world(stores, proxy.port())?;
    let vault = world.raw_vault();
    let packs = || {
        vault
            .list(&format!("{}/data/", World::folder_of("files")))
            .map(|packs| packs.len())
    };

    // It goes for good in the middle of a protect, and is back for the next one.
    generations::write(&data(&world), 1)?;
    let (before, points) = (packs()?, world.points("files")?);
    proxy.set(narrow);
    let protect = begin(world.dram().args(["protect", "files"]))?;
    let begun = wait_until(PATIENCE, || packs().is_ok_and(|now| now > before));
    gateway.kill()?;
    let done = end(protect, "dram protect files")?;
    claim("the first new pack arrives", begun, || done.both())?;
    claim("a protect without its store fails", !ended_well(&done)?, || done.both())?;
    proxy.set(Weather::default());
    gateway.start_again()?;
    claim(
        "no half point is offered",
        world.points("files")? == points,
        String::new,
    )?;
    world.dram().args(["protect", "files"]).ok()?;
    check_everything(test, &world, 1)?;

    // It goes for a moment in the middle of a protect, which may well not notice.
    generations::write(&data(&world), 2)?;
    let before = packs()?;
    proxy.set(narrow);
    let protect = begin(world.dram().args(["protect", "files"]))?;
    let begun = wait_until(PATIENCE, || packs().is_ok_and(|now| now > before));
    gateway.stop()?;
    gateway.start_again()?;
    let done = end(protect, "dram protect files")?;
    claim("the first new pack arrives", begun, || done.both())?;
    claim("a moment's absence is waited out", ended_well(&done)?, || done.both())?;

    // It goes in the middle of a restore, and a person does not want to wait for it.
    let into = world.dir().join("restored");
    let restore = || world.dram().args(["restore", "files", "--into"]).arg(&into);
    let child = begin(restore())?;
    let begun = wait_until(PATIENCE, || into.join("data").exists());
    gateway.kill()?;
    interrupt(&child)?;
    let asked = std::time::Instant::now();
    let done = end(child, "dram restore files")?;
    claim("the restore begins", begun, || done.both())?;
    claim("a restore without its store stops", !ended_well(&done)?, || done.both())?;
    let took = asked.elapsed();
    claim("whoever is interrupted stops at once", took < PROMPT, || {
        format!("{took:?}")
    })?;
    proxy.set(Weather::default());
    gateway.start_again()?;
    restore().arg("--overwrite").ok()?;
    claim(
        "the same command finishes",
        generations::check(&into.join("data"))? == 2,
        String::new,
    )?;
    check_everything(test, &world, 2)
}

/// How the dump of a model begins that stands still in the middle, until a file is there or somebody has lost patience.
fn standing(dir: &Path) -> String {
    let here = dir.display();
    let wait = format!(
        "touch {here}/begun; for i in $(seq 1200); do [ -e {here}/go ] && echo whole && exit; sleep 0.1; done; exit 1"
    );
    format!("host: {{ paths: [/data], dump: {{ command: {{ shell: \"{wait}\" }}, restore: {{ run: [cat] }} }} }}")
}

#[test]
fn a_database_that_goes_and_comes_back_while_points_are_made() -> Result<()> {
    let test = "a_database_that_goes_and_comes_back_while_points_are_made";
    if stores_for(test, Stores::PostgresAndSwift)?.is_none() {
        return Ok(());
    }
    let mut server = Server::start()?;
    let wish = Wish {
        database: Some(Database {
            url: server.url(),
            password: server.password().to_owned(),
        }),
        ..Wish::from(Stores::PostgresAndSwift)
    };
    let world = World::on(FILES, wish)?;
    let (begun, go) = (world.dir().join("begun"), world.dir().join("go"));
    world.change_model(&[("host: { paths: [/data] }", &standing(world.dir()))])?;
    generations::write(&data(&world), 0)?;
    write(&go, "")?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;

    let protect_without = |generation: u64, leave: &mut dyn FnMut() -> Result<()>| -> Result<Done> {
        generations::write(&data(&world), generation)?;
        for file in [&begun, &go] {
            std::fs::remove_file(file).doing(|| format!("remove `{}`", file.display()))?;
        }
        let protect = begin(world.dram().args(["protect", "files"]))?;
        let is_begun = wait_until(PATIENCE, || begun.exists());
        leave()?;
        write(&go, "")?;
        let done = end(protect, "dram protect files")?;
        claim("the dump begins", is_begun, || done.both())?;
        Ok(done)
    };

    // It is restarted in the middle of a protect, which may well not notice.
    let done = protect_without(1, &mut || server.restart())?;
    let finished = ended_well(&done)?;
    eprintln!(
        "with a restart: {}",
        if finished { "finished" } else { "failed in words" }
    );
    if !finished {
        world.dram().args(["protect", "files"]).ok()?;
    }
    check_everything(test, &world, 1)?;

    // It goes in the middle, and is back for the next one.
    let before = world.points("files")?;
    let done = protect_without(2, &mut || server.stop())?;
    claim("a protect without its catalog fails", !ended_well(&done)?, || {
        done.both()
    })?;
    claim("it names the catalog", done.both().contains("catalog"), || done.both())?;
    server.start_again()?;
    world.dram().args(["protect", "files"]).ok()?;
    let after = world.points("files")?;
    let lost = before.iter().find(|point| !after.contains(point));
    claim("no point is lost", lost.is_none(), || {
        format!("{before:?}, then {after:?}")
    })?;
    check_everything(test, &world, 2)
}

/// Ctrl-C, as a terminal sends it.
fn interrupt(child: &Child) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else { return Ok(()) };
    rustix::process::kill_process(pid, rustix::process::Signal::INT).doing(|| "interrupt it".to_owned())
}

fn three_requests_in_ten_fail(stores: Stores) -> Result<()> {
    let test = "three_requests_in_ten_fail";
    let (seed, _) = Chance::of_now();
    eprintln!("DRAM_SEED={seed} repeats the weather");
    let proxy = Proxy::before(Store::at_hand()?.port, seed, Weather::default())?;
    let world = protected_world(stores, proxy.port())?;
    let bad = Weather {
        failing_percent: 30,
        delay: Duration::from_millis(2),
        ..Weather::default()
    };
    let good = Weather::default();
    let into = world.dir().join("restored");
    let commands = [
        (vec!["protect", "files"], "protect"),
        (vec!["verify", "files"], "verify"),
        (vec!["points", "files"], "points"),
    ];
    generations::write(&data(&world), 1)?;
    for (words, name) in &commands {
        proxy.set(bad);
        let begun = std::time::Instant::now();
        let finished = ended_well(&world.dram().args(words).run()?)?;
        let how = if finished { "finished" } else { "failed in words" };
        eprintln!("{name} in the storm: {how} after {:.1?}", begun.elapsed());
        proxy.set(good);
        if !finished {
            world.dram().args(words).ok()?;
        }
    }
    proxy.set(bad);
    let restore = || {
        world
            .dram()
            .args(["restore", "files", "--overwrite", "--into"])
            .arg(&into)
    };
    let finished = ended_well(&restore().run()?)?;
    eprintln!(
        "restore in the storm: {}",
        if finished { "finished" } else { "failed in words" }
    );
    proxy.set(good);
    if !finished {
        restore().ok()?;
    }
    claim(
        "the files are whole",
        generations::check(&into.join("data"))? == 1,
        String::new,
    )?;
    // The calm moments between are counted as requests too, so only what failed tells of the storm.
    let passed = proxy.passed();
    claim("there was a storm", passed.failed >= 50, || format!("{passed:?}"))?;
    check_everything(test, &world, 1)
}

fn a_vault_that_is_full(stores: Stores) -> Result<()> {
    let test = "a_vault_that_is_full";
    let store = Store::at_hand()?;
    let world = protected_world(stores, store.port)?;
    let Some(bucket) = world.vault_bucket() else {
        return Ok(());
    };
    let points = world.points("files")?;
    generations::write(&data(&world), 1)?;
    // The first point takes about 24 MiB; half of the second one fits.
    store.ceph.limit_bucket(bucket, 36 << 20)?;
    let failed = world.dram().args(["protect", "files"]).run()?;
    let failed = failed.expect_failure(&["vault", "no space"])?;
    ended_well(&failed)?;
    claim(
        "no half point is offered",
        world.points("files")? == points,
        String::new,
    )?;
    let into = world.dir().join("full");
    world.dram().args(["restore", "files", "--into"]).arg(&into).ok()?;
    claim(
        "a full vault still restores",
        generations::check(&into.join("data"))? == 0,
        String::new,
    )?;
    store.ceph.unlimit_bucket(bucket)?;
    // The gateway believes what it knew of the limit for a moment longer.
    let mut last = None;
    let finished = wait_until(PATIENCE, || {
        last = world.dram().args(["protect", "files"]).run().ok();
        last.as_ref().is_some_and(|done| done.code() == Some(0))
    });
    claim("the same command finishes when there is room", finished, || {
        last.map(|done| done.both()).unwrap_or_default()
    })?;
    check_everything(test, &world, 1)
}
