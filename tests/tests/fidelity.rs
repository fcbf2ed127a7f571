//! What comes back is what was there, in every way that an archive knows.

use std::path::Path;

use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::say_not_tried;
use dram_tests::tree::{differences, make_nasty, observe};
use dram_tests::world::{FILES, Stores, World};

fn check_same(expected: &Path, found: &Path) -> Result<()> {
    let differ = differences(&observe(expected)?, &observe(found)?);
    claim(
        format!("`{}` is what `{}` was", found.display(), expected.display()),
        differ.is_empty(),
        || differ.iter().map(|difference| format!("\n    {difference}")).collect(),
    )
}

dram_tests::over_stores!(a_nasty_tree_survives_restore_and_recover);

fn a_nasty_tree_survives_restore_and_recover(stores: Stores) -> Result<()> {
    let world = World::on(FILES, stores)?;
    let data = world.dir().join("office/data");
    std::fs::create_dir_all(&data).doing(|| "make the data".to_owned())?;
    let nasty = make_nasty(&data)?;
    for lack in nasty.lacks {
        say_not_tried("a_nasty_tree_survives_restore_and_recover", &lack)?;
    }
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    world.dram().args(["verify", "files"]).ok()?;

    world
        .dram()
        .args(["restore", "files", "--to", "branch", "--attest-source-stopped"])
        .ok()?;
    check_same(&data, &world.dir().join("branch/data"))?;

    // Once more over what is there: nothing may fail, and nothing may change.
    world
        .dram()
        .args(["restore", "files", "--to", "branch", "--overwrite"])
        .ok()?;
    check_same(&data, &world.dir().join("branch/data"))?;

    let third = world.dir().join("third");
    let recover = world.dram().args(["recover", "files"]);
    recover
        .args(world.vault_options())
        .arg("--into")
        .arg(&third)
        .arg("--attest-source-stopped")
        .ok()?;
    check_same(&data, &third.join("data"))
}
