//! PostgreSQL.

use std::path::PathBuf;

use dram_tests::call::{self, Call};
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::skip;
use dram_tests::lab::store::postgres::{self, NAME, Server};
use dram_tests::world::{FILES, World, write};

use crate::COMPONENT;
use crate::writer::{HALVES, ORDERS, Session, TABLES, is_whole, order, protected_while};

struct Postgres {
    server: Server,
    world: World,
}

impl Postgres {
    /// A server with a database `my shop`, and a world whose application uses the profile; nothing if there is no server.
    fn at_hand(test: &str, component: impl Fn(u16) -> String) -> Result<Option<Postgres>> {
        let Some(server) = skip(test, postgres::install().and_then(|()| Server::start()))? else {
            return Ok(None);
        };
        let world = World::temporary(FILES)?;
        world.change_model(&[(COMPONENT, &component(server.port()))])?;
        server.client("createdb").arg("my shop").ok()?;
        let postgres = Postgres { server, world };
        postgres.sql(TABLES)?;
        write(
            &postgres.password_file(),
            &format!("*:*:*:*:{}\n", postgres.server.password()),
        )?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(postgres.password_file(), private).doing(|| "hide the password".to_owned())?;
        Ok(Some(postgres))
    }

    fn password_file(&self) -> PathBuf {
        self.world.dir().join("pgpass")
    }

    /// The engine as an operator has set it up: programs of the server's version, and a password file.
    fn dram(&self, words: &[&str]) -> Call {
        let mut path = self.server.programs().as_os_str().to_owned();
        path.push(":");
        path.push(call::path());
        let call = self.world.dram().env("PATH", path);
        call.env("PGPASSFILE", self.password_file()).args(words)
    }

    fn psql(&self) -> Call {
        let call = self.server.client("psql").env("PGDATABASE", "my shop");
        call.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ])
    }

    fn sql(&self, statements: &str) -> Result<String> {
        self.psql().args(["--command", statements]).text()
    }

    fn drop_database(&self) -> Result<()> {
        self.server.client("dropdb").arg("my shop").ok().map(drop)
    }
}

fn with_profile(port: u16) -> String {
    format!(
        "      profile: {{ use: postgres, with: {{ database: my shop, host: 127.0.0.1, port: {port}, user: {NAME} }} }}"
    )
}

#[test]
fn a_postgres_that_is_written_to_comes_back_whole() -> Result<()> {
    let test = "a_postgres_that_is_written_to_comes_back_whole";
    let Some(postgres) = Postgres::at_hand(test, with_profile)? else {
        return Ok(());
    };
    let world = &postgres.world;
    world.declare()?;
    let mut session = Session::open(postgres.psql())?;
    let protect = postgres.dram(&["protect", "files"]);
    let noted = protected_while(world, protect, move |number| {
        session.ask(&format!("{}\n\\echo {number}", order(number)))
    })?;

    // A server that has no such database.
    postgres.drop_database()?;
    postgres.dram(&["restore", "files", "--overwrite"]).ok()?;
    is_whole(&postgres.sql(ORDERS)?, &postgres.sql(HALVES)?, &noted)?;
    the_server_finds_nothing_wrong(&postgres)?;

    // A database that went on, with somebody in it.
    postgres.sql("DELETE FROM orders; CREATE TABLE later (id int);")?;
    let mut idle = Session::open(postgres.psql())?;
    idle.ask("SELECT 1;")?;
    postgres.dram(&["restore", "files", "--overwrite"]).ok()?;
    is_whole(&postgres.sql(ORDERS)?, &postgres.sql(HALVES)?, &noted)?;
    let later = postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'later';")?;
    claim("what came later is gone", later.trim() == "0", || later.clone())
}

fn the_server_finds_nothing_wrong(postgres: &Postgres) -> Result<()> {
    let server = &postgres.server;
    if server.programs().join("pg_amcheck").is_file() {
        let check = server.client("pg_amcheck");
        check
            .args([
                "--install-missing",
                "--heapallindexed",
                "--parent-check",
                "--database",
                "my shop",
            ])
            .ok()?;
    }
    let dump = server.client("pg_dump").arg("my shop").ok()?;
    claim("all of it can be read", !dump.stdout.is_empty(), String::new)
}

/// A dump that this text of the shell makes, over a database that is there, ends with code 1 and these words, and no point.
fn a_dump_fails(test: &str, dump: impl Fn(&str) -> String, words: &[&str]) -> Result<()> {
    let shell = |port: u16| {
        let dump = dump(&format!("pg_dump --host=127.0.0.1 --port={port} --username={NAME}"));
        let command = format!("{{ command: {{ shell: \"{dump}\" }} }}");
        format!("{}\n      host: {{ dump: {command} }}", with_profile(port))
    };
    let Some(postgres) = Postgres::at_hand(test, shell)? else {
        return Ok(());
    };
    postgres.world.declare()?;
    let failed = postgres.dram(&["protect", "files"]).run()?.expect_code(1)?;
    let said = failed.both();
    failed.expect_failure(words)?;
    for beginning in ["error: ", "help: "] {
        let is_said = said.lines().any(|line| line.trim_start().starts_with(beginning));
        claim(format!("it says `{beginning}`"), is_said, || said.clone())?;
    }
    let points = postgres.world.points("files")?;
    claim("there is no point", points.is_empty(), || format!("{points:?}"))
}

#[test]
fn a_dump_whose_first_part_fails_makes_no_point() -> Result<()> {
    let dump = |pg_dump: &str| format!("{pg_dump} nosuchdb | cat");
    let words = ["pg_dump", "nosuchdb", "does not exist", "exited with 1"];
    a_dump_fails("a_dump_whose_first_part_fails_makes_no_point", dump, &words)
}

#[test]
fn a_dump_whose_last_part_fails_makes_no_point() -> Result<()> {
    let dump = |pg_dump: &str| format!("{pg_dump} 'my shop' | false");
    let words = ["dump command of `data`", "exited with 1", "by hand"];
    a_dump_fails("a_dump_whose_last_part_fails_makes_no_point", dump, &words)
}
