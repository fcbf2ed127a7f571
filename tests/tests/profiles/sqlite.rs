//! SQLite.

use std::path::{Path, PathBuf};

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::skip;
use dram_tests::lab::system::debian;
use dram_tests::world::{FILES, Stores, World, write};

use crate::COMPONENT;
use crate::writer::{HALVES, ORDERS, Session, TABLES, is_whole, order, protected_while};

/// SQLite in a file below the office, in one way of keeping its journal.
fn a_sqlite_that_is_written_to_comes_back_whole(test: &str, journal: &str) -> Result<()> {
    let Some(program) = skip(test, debian("SQLite", "sqlite3", "sqlite3"))? else {
        return Ok(());
    };
    let world = World::on(FILES, Stores::Directories)?;
    let profile = "      profile: { use: sqlite, with: { path: \"/srv/my shop/shop's.db\" } }";
    world.change_model(&[(COMPONENT, profile)])?;
    let file = world.dir().join("office/srv/my shop/shop's.db");
    let sql = |file: &Path, statements: &str| Call::new(&program).arg("-bail").arg(file).arg(statements).text();
    write(&file, "")?;
    sql(
        &file,
        &format!("PRAGMA journal_mode={journal}; PRAGMA user_version=7; {TABLES}"),
    )?;
    world.declare()?;
    let mut session = Session::open(Call::new(&program).args(["-bail", "-cmd", ".timeout 60000"]).arg(&file))?;
    let protect = world.dram().args(["protect", "files"]);
    let noted = protected_while(&world, protect, move |number| {
        session.ask(&format!("{}\n.print {number}", order(number)))
    })?;

    // Nothing is there; then a database that went on, with its journals.
    std::fs::remove_dir_all(world.dir().join("office/srv")).doing(|| "lose the database".to_owned())?;
    for round in ["nothing", "another"] {
        world.dram().args(["restore", "files", "--overwrite"]).ok()?;
        is_whole(&sql(&file, ORDERS)?, &sql(&file, HALVES)?, &noted)?;
        let checked = sql(
            &file,
            "PRAGMA integrity_check; PRAGMA user_version; PRAGMA journal_mode;",
        )?;
        let words: Vec<&str> = checked.lines().collect();
        claim(
            format!("it is whole over {round}"),
            words == ["ok", "7", journal],
            || checked.clone(),
        )?;
        let beside: Vec<PathBuf> = entries(&file)?;
        claim("nothing is left beside it", beside.len() == 1, || format!("{beside:?}"))?;
        if round == "nothing" {
            sql(&file, "DELETE FROM orders; DELETE FROM parts;")?;
            // A process that died left these.
            write(&file.with_file_name("shop's.db-wal"), "stale")?;
            write(&file.with_file_name("shop's.db-shm"), "stale")?;
        }
    }
    let lost = "      profile: { use: sqlite, with: { path: /srv/nowhere.db } }";
    world.change_model(&[(profile, lost)])?;
    world.dram().arg("apply").arg(world.model()).ok()?;
    let failed = world.dram().args(["protect", "files"]).run()?;
    failed
        .expect_failure(&["there is no database at", "/srv/nowhere.db"])
        .map(drop)
}

fn entries(file: &Path) -> Result<Vec<PathBuf>> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let listing = std::fs::read_dir(folder).doing(|| format!("list `{}`", folder.display()))?;
    Ok(listing.flatten().map(|entry| entry.path()).collect())
}

#[test]
fn a_sqlite_with_a_log_comes_back_whole() -> Result<()> {
    a_sqlite_that_is_written_to_comes_back_whole("a_sqlite_with_a_log_comes_back_whole", "wal")
}

#[test]
fn a_sqlite_with_a_journal_comes_back_whole() -> Result<()> {
    a_sqlite_that_is_written_to_comes_back_whole("a_sqlite_with_a_journal_comes_back_whole", "delete")
}
