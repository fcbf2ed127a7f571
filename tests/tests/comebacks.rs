//! Coming back, and back again: failover, failback, files of older points, withdrawn applications, a catalog that is behind.

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, claim};
use dram_tests::world::{Stores, World, read, write};

dram_tests::over_stores!(
    a_failover_and_back_keeps_the_newest_data,
    a_restore_that_was_refused_stops_no_protection,
    live_data_is_replaced_only_by_word,
    files_of_a_point_from_before_a_takeover_can_be_looked_at,
    a_withdrawn_application_comes_back_at_another_site,
    a_recovery_behind_the_catalog_s_back_is_noticed,
    damage_that_verify_finds_keeps_a_point_from_being_picked,
);

fn restore(world: &World, words: &[&str]) -> Call {
    world.dram().args(["restore", "files"]).args(words)
}

fn holds(world: &World, path: &str, expected: &str) -> Result<()> {
    let found = read(&world.dir().join(path))?;
    claim("the file holds what its point held", found == expected, || found)
}

fn a_failover_and_back_keeps_the_newest_data(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    restore(&world, &["--to", "branch"]).run()?.expect_code(3)?;
    restore(&world, &["--to", "branch", "--attest-source-stopped"]).ok()?;
    holds(&world, "branch/data/notes", "first\n")?;
    write(&world.dir().join("branch/data/notes"), "second\n")?;
    world.dram().args(["protect", "files"]).ok()?;
    // The office still holds what it held: nothing of it is replaced unless somebody says so.
    let back = ["--to", "office", "--attest-source-stopped"];
    restore(&world, &back).run()?.expect_failure(&["in the way"])?;
    holds(&world, "office/data/notes", "first\n")?;
    restore(&world, &[&back[..], &["--overwrite"]].concat()).ok()?;
    holds(&world, "office/data/notes", "second\n")?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}

fn a_restore_that_was_refused_stops_no_protection(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    let notes = world.dir().join("office/data/notes");
    std::fs::remove_file(&notes).doing(|| "remove the notes".to_owned())?;
    std::fs::create_dir(&notes).doing(|| "make a folder of that name".to_owned())?;
    restore(&world, &["--overwrite"])
        .run()?
        .expect_failure(&["in the way"])?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}

fn live_data_is_replaced_only_by_word(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    write(&world.dir().join("office/data/notes"), "newer\n")?;
    restore(&world, &[]).run()?.expect_code(3)?;
    holds(&world, "office/data/notes", "newer\n")?;
    restore(&world, &["--overwrite"]).ok()?;
    holds(&world, "office/data/notes", "first\n")
}

fn files_of_a_point_from_before_a_takeover_can_be_looked_at(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    restore(&world, &["--to", "branch", "--attest-source-stopped"]).ok()?;
    restore(&world, &["--into"]).arg(world.dir().join("look")).ok()?;
    holds(&world, "look/data/notes", "first\n")
}

fn a_withdrawn_application_comes_back_at_another_site(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    let text = read(&world.model())?;
    let without: Vec<&str> = text
        .split("---\n")
        .filter(|document| !document.contains("kind: Application") && !document.contains("kind: RecoveryPlan"))
        .collect();
    write(&world.model(), &without.join("---\n"))?;
    world.dram().args(["apply", "--prune"]).arg(world.model()).ok()?;
    world
        .dram()
        .args(["protect", "files"])
        .run()?
        .expect_failure(&["destroyed"])?;
    restore(&world, &["--to", "branch", "--attest-source-stopped"]).ok()?;
    holds(&world, "branch/data/notes", "first\n")
}

fn a_recovery_behind_the_catalog_s_back_is_noticed(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    let recover = world.dram().args(["recover", "files"]).args(world.vault_options());
    let recover = recover.arg("--into").arg(world.dir().join("branch"));
    recover.arg("--attest-source-stopped").ok()?;
    world.dram().args(["protect", "files"]).run()?.expect_code(3)?;
    restore(&world, &["--overwrite"]).run()?.expect_code(3)?;
    // The directory is the root of a declared site: a person takes it for the truth, and protection goes on there.
    world.dram().args(["adopt", "files"]).ok()?;
    write(&world.dir().join("branch/data/notes"), "second\n")?;
    world.dram().args(["protect", "files"]).ok()?;
    restore(&world, &["--into"]).arg(world.dir().join("look")).ok()?;
    holds(&world, "look/data/notes", "second\n")
}

fn damage_that_verify_finds_keeps_a_point_from_being_picked(stores: Stores) -> Result<()> {
    let world = World::protected(stores)?;
    let before = packs(&world)?;
    // What compresses well would leave its pack as small as the others.
    let noise: String = (0..5000u64)
        .map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    write(&world.dir().join("office/data/notes"), &noise)?;
    world.dram().args(["protect", "files"]).ok()?;
    // The largest of the new packs holds the data; the others hold trees and the seal.
    let new = packs(&world)?.into_iter().filter(|pack| !before.contains(pack));
    let Some((new, _)) = new.max_by_key(|(_, bytes)| *bytes) else {
        return claim("the second point wrote a pack", false, String::new);
    };
    let points = world.points("files")?;
    let newest = points.last().cloned().unwrap_or_default();
    let vault = world.raw_vault();
    let bytes = vault.read(&new)?;
    vault.write(&new, &bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>())?;
    world.dram().args(["verify", "files"]).run()?.expect_code(1)?;
    let offered = world.points("files")?;
    claim(
        "only the first point is offered",
        Some(offered.as_slice()) == points.get(..1),
        || format!("{offered:?} of {points:?}"),
    )?;
    restore(&world, &["--into"]).arg(world.dir().join("look")).ok()?;
    holds(&world, "look/data/notes", "first\n")?;
    vault.write(&new, &bytes)?;
    world.dram().arg("verify").arg(&newest).ok()?;
    restore(&world, &["--into"]).arg(world.dir().join("again")).ok()?;
    let again = read(&world.dir().join("again/data/notes"))?;
    claim("the mended point is picked again", again == noise, || again.clone())
}

fn packs(world: &World) -> Result<Vec<(String, u64)>> {
    world.raw_vault().list(&format!("{}/data/", World::folder_of("files")))
}
