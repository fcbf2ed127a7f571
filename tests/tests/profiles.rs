//! The built-in profiles of databases over the databases themselves, with writers who do not stop for anybody.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dram_tests::call::{self, Call};
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::skip;
use dram_tests::lab::store::postgres::{self, NAME, Server};
use dram_tests::lab::system::debian;
use dram_tests::shop::wait_until;
use dram_tests::world::{FILES, Stores, World, json, write};
use jiff::Timestamp;
use serde_json::Value;

/// Longer than any single answer of a database takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Transactions before a point is made, and again while it is made or after it.
const SOME: u64 = 200;

const COMPONENT: &str = "      host: { paths: [/data] }";

/// A program that takes statements and tells what it did, as a person at a terminal uses it.
struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn open(call: Call) -> Result<Session> {
        let line = call.line();
        let mut command = call.into_command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .doing(|| format!("start {line}"))?;
        let missing = || std::io::Error::other("it has no streams");
        let input = child.stdin.take().ok_or_else(missing).doing(|| line.clone())?;
        let output = child.stdout.take().ok_or_else(missing).doing(|| line.clone())?;
        Ok(Session {
            child,
            input: Some(input),
            output: BufReader::new(output),
        })
    }

    /// Hands statements over, and returns the line that they print.
    fn ask(&mut self, statements: &str) -> Result<String> {
        let mut line = String::new();
        let Some(input) = &mut self.input else {
            return Ok(line);
        };
        let told = writeln!(input, "{statements}").and_then(|()| input.flush());
        told.and_then(|()| self.output.read_line(&mut line))
            .doing(|| format!("ask for {statements}"))?;
        claim("there is an answer", !line.is_empty(), || statements.to_owned())?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a writer was told is safe, and when it was told.
type Noted = Vec<(u64, Timestamp)>;

/// Writes until it is stopped: each transaction makes an order and its two lines, and is noted once it is acknowledged.
fn writes(
    mut session: Session,
    transaction: impl Fn(u64) -> String,
    stop: &AtomicBool,
    count: &AtomicU64,
) -> Result<Noted> {
    let mut noted = Noted::new();
    while !stop.load(Ordering::Relaxed) {
        let order = count.load(Ordering::Relaxed) + 1;
        let answer = session.ask(&transaction(order))?;
        claim("a transaction is acknowledged", answer == order.to_string(), || {
            answer.clone()
        })?;
        noted.push((order, Timestamp::now()));
        count.store(order, Ordering::Relaxed);
    }
    Ok(noted)
}

/// A point that is made while somebody writes, and what was acknowledged.
fn protected_while(
    world: &World,
    protect: Call,
    session: Session,
    transaction: impl Fn(u64) -> String + Sync,
) -> Result<(Timestamp, Noted)> {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let noted = std::thread::scope(|scope| {
        let writer = scope.spawn(|| writes(session, &transaction, &stop, &count));
        let reached = |number| {
            wait_until(PATIENCE, || {
                count.load(Ordering::Relaxed) >= number || writer.is_finished()
            })
        };
        reached(SOME);
        let made = protect.ok();
        reached(count.load(Ordering::Relaxed) + SOME);
        stop.store(true, Ordering::Relaxed);
        let noted = writer.join().map_err(|_| std::io::Error::other("it died"));
        let noted = noted.doing(|| "wait for the writer".to_owned())?;
        made?;
        noted
    })?;
    let points = json(world.dram().args(["points", "files"]))?;
    let frozen = points
        .as_array()
        .and_then(|points| points.last())
        .and_then(|point| point.get("frozenAt"))
        .and_then(Value::as_str)
        .and_then(|time| time.parse::<Timestamp>().ok());
    claim("the point says of when it is", frozen.is_some(), || points.to_string())?;
    let frozen = frozen.unwrap_or_default();
    let (before, after) = (noted.iter().filter(|(_, at)| *at < frozen).count(), noted.len());
    claim(
        "the writer wrote before and after",
        before > 0 && before < after,
        || format!("{before} of {after} before {frozen}"),
    )?;
    Ok((frozen, noted))
}

/// Nothing that was acknowledged before the point is missing, and nothing is half there.
fn is_whole(orders: &str, halves: &str, (frozen, noted): &(Timestamp, Noted)) -> Result<()> {
    let there: std::collections::BTreeSet<u64> = orders.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let promised = noted.iter().filter(|(_, at)| at < frozen);
    let missing: Vec<u64> = promised
        .map(|(order, _)| *order)
        .filter(|order| !there.contains(order))
        .collect();
    claim("no acknowledged order is missing", missing.is_empty(), || {
        format!("{missing:?}")
    })?;
    // Orders were written one after the other: what is there has no gaps.
    let last = there.last().copied().unwrap_or_default();
    claim("what is there is of one moment", there.len() as u64 == last, || {
        format!("{} orders, the last one {last}", there.len())
    })?;
    claim("no order is half there", halves.trim() == "0", || halves.to_owned())
}

/// Orders that do not have two lines, and lines without an order.
const HALVES: &str = "SELECT (SELECT count(*) FROM orders o WHERE (SELECT count(*) FROM lines l WHERE l.id = o.id) <> 2) \
                      + (SELECT count(*) FROM lines l WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.id));";
const ORDERS: &str = "SELECT id FROM orders ORDER BY id;";
const TABLES: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL); \
                      CREATE TABLE lines (id bigint NOT NULL, part int NOT NULL, PRIMARY KEY (id, part));";

fn order(number: u64) -> String {
    let note = "n".repeat(usize::try_from(number % 700).unwrap_or_default());
    format!(
        "BEGIN; INSERT INTO orders VALUES ({number}, '{note}'); INSERT INTO lines VALUES ({number}, 1), ({number}, 2); COMMIT;"
    )
}

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
    let session = Session::open(postgres.psql())?;
    let protect = postgres.dram(&["protect", "files"]);
    let transaction = |number| format!("{}\n\\echo {number}", order(number));
    let noted = protected_while(world, protect, session, transaction)?;

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
    let session = Session::open(Call::new(&program).args(["-bail", "-cmd", ".timeout 60000"]).arg(&file))?;
    let protect = world.dram().args(["protect", "files"]);
    let transaction = |number| format!("{}\n.print {number}", order(number));
    let noted = protected_while(&world, protect, session, transaction)?;

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
            sql(&file, "DELETE FROM orders; DELETE FROM lines;")?;
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
