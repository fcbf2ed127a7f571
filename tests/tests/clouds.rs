//! A vault in a project of a cloud: its users are Keystone's, and Keystone's catalog says where the containers are.

use dram_tests::Result;
use dram_tests::error::claim;
use dram_tests::lab::{restic, skip};
use dram_tests::world::{Login, Stores, Wish, World, read, stores_for, write};

const FILES: &str = "tests/models/files.yaml";

#[test]
fn an_application_credential_is_all_that_a_vault_needs() -> Result<()> {
    let test = "an_application_credential_is_all_that_a_vault_needs";
    let Some(stores) = stores_for(test, Stores::PostgresAndSwift)? else {
        return Ok(());
    };
    let wish = Wish {
        login: Login::Application,
        ..Wish::from(stores)
    };
    let world = World::on(FILES, wish)?;
    let notes = world.dir().join("office/data/notes");
    let restore = |words: &[&str]| world.dram().args(["restore", "files"]).args(words);
    write(&notes, "first\n")?;
    world.declare()?;
    world.dram().arg("doctor").ok()?;
    world.dram().args(["protect", "files"]).ok()?;
    let points = world.points("files")?;
    claim("there is one point", points.len() == 1, || format!("{points:?}"))?;
    write(&notes, "second\n")?;
    restore(&["--overwrite"]).ok()?;
    let found = read(&notes)?;
    claim("the file holds what its point held", found == "first\n", || found)?;
    let objects = world.raw_vault().list("")?;
    claim("the points lie in the project's container", objects.len() > 4, || {
        format!("{objects:?}")
    })?;
    if let Some(restic) = skip(test, restic::newest())? {
        world.check_with_restic(&restic, "files")?;
    }

    // Somebody takes the credential back, which here is as good as another secret: nothing of it is told.
    let clouds = world.dir().join("clouds.yaml");
    let text = read(&clouds)?;
    let mut changed = text.clone();
    for secret in world.secrets() {
        changed = changed.replace(&secret, "hunter2");
    }
    claim("the secret stands in `clouds.yaml`", changed != text, || text.clone())?;
    write(&clouds, &changed)?;
    let refused = world.dram().args(["protect", "files"]).run()?;
    let refused = refused.expect_failure(&["does not accept the credentials of the cloud `lab`", "clouds.yaml"])?;
    claim("no secret is told", !refused.both().contains("hunter2"), || {
        refused.both()
    })?;
    write(&clouds, &text)?;
    world.dram().args(["protect", "files"]).ok().map(drop)
}
