//! Writers who note what they were told is safe, and what must come back of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::shop::wait_until;
use dram_tests::world::{World, json};
use jiff::Timestamp;
use serde_json::Value;

/// Longer than any single answer of a database takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Transactions before a point is made, and again while it is made or after it.
const SOME: u64 = 200;

/// A program that takes statements and tells what it did, as a person at a terminal uses it.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Starts it.
    pub(crate) fn open(call: Call) -> Result<Session> {
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
    pub(crate) fn ask(&mut self, statements: &str) -> Result<String> {
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
pub(crate) type Noted = Vec<(u64, Timestamp)>;

/// Writes until it is stopped: each transaction makes an order and its two lines, and is noted once it is acknowledged.
fn writes(mut write: impl FnMut(u64) -> Result<String>, stop: &AtomicBool, count: &AtomicU64) -> Result<Noted> {
    let mut noted = Noted::new();
    while !stop.load(Ordering::Relaxed) {
        let order = count.load(Ordering::Relaxed) + 1;
        let answer = write(order)?;
        claim("a transaction is acknowledged", answer == order.to_string(), || {
            answer.clone()
        })?;
        noted.push((order, Timestamp::now()));
        count.store(order, Ordering::Relaxed);
    }
    Ok(noted)
}

/// A point that is made while somebody writes, and what was acknowledged. `write` carries a transaction out, and gives back
/// its number once that is safe.
pub(crate) fn protected_while(
    world: &World,
    protect: Call,
    write: impl FnMut(u64) -> Result<String> + Send,
) -> Result<(Timestamp, Noted)> {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let noted = std::thread::scope(|scope| {
        let writer = scope.spawn(|| writes(write, &stop, &count));
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
pub(crate) fn is_whole(orders: &str, halves: &str, (frozen, noted): &(Timestamp, Noted)) -> Result<()> {
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
pub(crate) const HALVES: &str = "SELECT (SELECT count(*) FROM orders o WHERE (SELECT count(*) FROM parts p WHERE p.id = o.id) <> 2) \
                      + (SELECT count(*) FROM parts p WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = p.id));";
/// The numbers of all orders.
pub(crate) const ORDERS: &str = "SELECT id FROM orders ORDER BY id;";
/// The tables of orders.
pub(crate) const TABLES: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL); \
                      CREATE TABLE parts (id bigint NOT NULL, part int NOT NULL, PRIMARY KEY (id, part));";

/// A transaction of SQL that makes an order.
pub(crate) fn order(number: u64) -> String {
    let note = "n".repeat(usize::try_from(number % 700).unwrap_or_default());
    format!(
        "BEGIN; INSERT INTO orders VALUES ({number}, '{note}'); INSERT INTO parts VALUES ({number}, 1), ({number}, 2); COMMIT;"
    )
}
