//! Bad days: each is a clear error that names the thing, leaves no point behind, and is over once its cause is gone.

use std::path::Path;

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::{skip, system};
use dram_tests::world::{SHOP, Stores, World, read, write};

dram_tests::over_stores!(
    a_wrong_password,
    a_dump_that_fails_half_way,
    a_site_that_vanished,
    a_path_that_vanished,
    health_that_never_comes,
);

/// A world of files with one good point, and a change since.
fn protected_world(stores: Stores) -> Result<World> {
    let world = World::protected(stores)?;
    write(&world.dir().join("office/data/notes"), "second\n")?;
    Ok(world)
}

/// A bad day: protect fails with words, is logged as failed, and offers no new point; once the cause is gone it succeeds.
fn check(world: &World, protect: Call, words: &[&str], mend: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = world.points("files")?;
    let failed = protect.run()?.expect_failure(words)?;
    let said = failed.stderr_text();
    claim("nothing panicked", !said.contains("panicked"), || said.clone())?;
    let runs = world.dram().args(["runs", "--json"]).text()?;
    claim("the run is logged as failed", runs.contains("failed"), || runs)?;
    mend()?;
    claim(
        "no point is offered that was not sealed",
        world.points("files")? == before,
        || format!("{before:?}"),
    )?;
    world.dram().args(["protect", "files"]).ok()?;
    let after = world.points("files")?;
    claim("the same command succeeds now", after.len() == before.len() + 1, || {
        format!("{before:?}, then {after:?}")
    })?;
    let into = world.dir().join("look");
    world.dram().args(["restore", "files", "--into"]).arg(&into).ok()?;
    let notes = read(&into.join("data/notes"))?;
    claim("the point holds what was there", notes == "second\n", || notes)
}

/// A shell's script in mount namespaces of its own, where nothing it mounts is seen by others or outlives it.
fn in_own_mounts(test: &str, world: &World, script: &str) -> Result<Option<Call>> {
    let is_root = rustix::process::geteuid().is_root();
    let unshare = |script: &str| {
        let call = Call::new("unshare")
            .arg("--mount")
            .args((!is_root).then_some("--map-root-user"));
        call.args(["sh", "-euc", script])
            .env("DRAM_CATALOG", world.catalog_url())
            .env("VAULT", world.vault())
    };
    let tried = system::needed(
        "mounts of one's own",
        unshare("mount -t tmpfs tmpfs /mnt").dir(world.dir()),
    );
    if skip(test, tried)?.is_none() {
        return Ok(None);
    }
    let path = format!(
        "{}:{}",
        world.programs().folder().display(),
        dram_tests::call::path().display()
    );
    Ok(Some(unshare(script).dir(world.dir()).env("PATH", path)))
}

fn a_wrong_password(stores: Stores) -> Result<()> {
    let world = protected_world(stores)?;
    let password = world.password()?;
    // The listing that follows needs the right password again, so the wrong one stands in a file of its own.
    let protect = world.dram().args(["protect", "files"]);
    let key = world.key();
    write(&key, "not the password")?;
    let failed = protect.run()?.expect_failure(&["vault", "password"])?;
    claim(
        "the wrong password is not repeated",
        !failed.both().contains("not the password"),
        || failed.both(),
    )?;
    world
        .dram()
        .args(["points", "files"])
        .run()?
        .expect_failure(&["password"])?;
    let recover = world.dram().args(["recover", "files"]).args(world.vault_options());
    recover
        .arg("--into")
        .arg(world.dir().join("third"))
        .arg("--attest-source-stopped")
        .run()?
        .expect_failure(&["password"])?;
    write(&key, &password)?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}

#[test]
fn a_vault_that_cannot_be_written() -> Result<()> {
    let world = protected_world(Stores::Directories)?;
    let script = "mount --bind \"$VAULT\" \"$VAULT\"; mount -o remount,bind,ro \"$VAULT\"; exec dram protect files";
    let Some(protect) = in_own_mounts("a_vault_that_cannot_be_written", &world, script)? else {
        return Ok(());
    };
    check(&world, protect, &["vault", "ead-only"], || Ok(()))
}

#[test]
fn a_full_disk() -> Result<()> {
    let world = protected_world(Stores::Directories)?;
    let noise = dram_tests::chance::Chance::of(1).noise(16 << 20);
    std::fs::write(world.dir().join("office/data/large"), noise).doing(|| "write a large file".to_owned())?;
    // The small disk begins as a copy of the vault, and is gone with the namespace.
    let script = "mkdir small; mount -t tmpfs -o size=8m tmpfs small; cp -a \"$VAULT/.\" small; \
                  mount --bind small \"$VAULT\"; exec dram protect files";
    let Some(protect) = in_own_mounts("a_full_disk", &world, script)? else {
        return Ok(());
    };
    check(&world, protect, &["no space", "vault"], || Ok(()))
}

fn a_dump_that_fails_half_way(stores: Stores) -> Result<()> {
    let world = protected_world(stores)?;
    let good = "host: { paths: [/data] }";
    let bad = "host: { paths: [/data], dump: { command: { shell: \"echo x; false\" }, restore: { run: [cat] } } }";
    world.change_model(&[(good, bad)])?;
    world.dram().arg("apply").arg(world.model()).ok()?;
    check(
        &world,
        world.dram().args(["protect", "files"]),
        &["dump", "data"],
        || {
            world.change_model(&[(bad, good)])?;
            world.dram().arg("apply").arg(world.model()).ok().map(drop)
        },
    )
}

fn a_site_that_vanished(stores: Stores) -> Result<()> {
    let world = protected_world(stores)?;
    let (office, away) = (world.dir().join("office"), world.dir().join("away"));
    let move_folder = |from: &Path, to: &Path| std::fs::rename(from, to).doing(|| format!("move `{}`", from.display()));
    move_folder(&office, &away)?;
    check(&world, world.dram().args(["protect", "files"]), &["office"], || {
        move_folder(&away, &office)
    })
}

fn a_path_that_vanished(stores: Stores) -> Result<()> {
    let world = protected_world(stores)?;
    let (data, away) = (world.dir().join("office/data"), world.dir().join("away"));
    std::fs::rename(&data, &away).doing(|| "move the data".to_owned())?;
    world
        .dram()
        .args(["protect", "files"])
        .run()?
        .expect_failure(&["/data"])?;
    std::fs::rename(&away, &data).doing(|| "move the data back".to_owned())?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}

#[test]
fn a_vault_that_vanished_is_not_an_empty_one() -> Result<()> {
    let world = protected_world(Stores::Directories)?;
    let (vault, away) = (world.vault(), world.dir().join("away"));
    std::fs::rename(&vault, &away).doing(|| "move the vault".to_owned())?;
    world
        .dram()
        .args(["points", "files"])
        .run()?
        .expect_failure(&["vault"])?;
    world
        .dram()
        .args(["protect", "files"])
        .run()?
        .expect_failure(&["vault"])?;
    claim("nobody made an empty vault in its place", !vault.exists(), || {
        "there is one".to_owned()
    })?;
    std::fs::rename(&away, &vault).doing(|| "move the vault back".to_owned())?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}

fn health_that_never_comes(stores: Stores) -> Result<()> {
    let mut world = World::on(SHOP, stores)?;
    world.change_model(&[
        ("timeout: 30s", "timeout: 1s\n          startPeriod: 3s"),
        ("/up\n", "/nowhere\n"),
    ])?;
    let (office, branch) = (world.shop("office"), world.shop("branch"));
    office.install()?;
    office.start("office")?;
    office.order("teapot, 1 l", 1, "Ada")?;
    world.declare()?;
    world.dram().args(["protect", "shop"]).ok()?;
    office.kill()?;
    let restore = || {
        world
            .dram()
            .args(["restore", "shop", "--to", "branch", "--attest-source-stopped"])
    };
    restore().run()?.expect_failure(&["web", "health", "/nowhere"])?;
    world.change_model(&[("/nowhere\n", "/up\n")])?;
    world.dram().arg("apply").arg(world.model()).ok()?;
    restore().arg("--overwrite").ok()?;
    let up = branch.up()?;
    claim("the branch answers", up.site == "branch" && up.orders == 1, || {
        format!("{up:?}")
    })
}
