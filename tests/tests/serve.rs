//! `dram serve` makes the points that the policy asks for, each once, whoever of several engines lives.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::world::{FILES, Stores, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// No engine of this scenario is needed for longer.
const LONGEST: Duration = Duration::from_secs(240);

dram_tests::over_stores!(several_engines_serve_each_firing_once);

/// An engine that serves, and what it tells.
struct Engine {
    child: Child,
    /// Dropped when nobody waits for the engine any more.
    _awaited: Sender<()>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Engine {
    fn start(world: &World, name: &str) -> Result<Engine> {
        let call = world.dram().args(["serve", "--json", "--as", name]);
        let mut child = call
            .into_command()
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .doing(|| "start `dram serve`".into())?;
        let out = child
            .stdout
            .take()
            .ok_or_else(|| std::io::Error::other("it has no output"));
        let lines = BufReader::new(out.doing(|| "read what `dram serve` tells".into())?).lines();
        // An event that never comes must not be waited for without end.
        let (_awaited, gone) = channel::<()>();
        let pid = pid(&child)?;
        std::thread::spawn(move || {
            if gone.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Ok(Engine { child, _awaited, lines })
    }

    /// Reads until it tells of this.
    fn until(&mut self, event: &str) -> Result<Value> {
        let told = || format!("wait until it tells `{event}`");
        loop {
            let line = self
                .lines
                .next()
                .ok_or_else(|| std::io::Error::other("it ended"))
                .doing(told)?;
            let line: Value = serde_json::from_str(&line.doing(told)?)
                .map_err(std::io::Error::other)
                .doing(told)?;
            eprintln!("{line}");
            if text(&line, "event") == "failed" {
                return Err(std::io::Error::other(line.to_string())).doing(told);
            }
            if text(&line, "event") == event {
                return Ok(line);
            }
        }
    }

    /// Stops as a service is stopped.
    fn stop(mut self) -> Result<()> {
        let doing = || "stop `dram serve`".to_owned();
        kill_process(pid(&self.child)?, Signal::TERM)
            .map_err(std::io::Error::from)
            .doing(doing)?;
        self.until("stops")?;
        let status = self.child.wait().doing(doing)?;
        claim("a stopped engine ends well", status.success(), || status.to_string())
    }
}

fn pid(child: &Child) -> Result<Pid> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| std::io::Error::other("it has none"))
        .doing(|| "tell its process id".into())
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn several_engines_serve_each_firing_once(stores: Stores) -> Result<()> {
    let world = World::on(FILES, stores)?;
    // As often as the proof allows, for a test that waits for firings.
    world.change_model(&[
        ("every: 1h", "every: 9s"),
        ("changeRate: 100Mi/d", "changeRate: 1Ki/d"),
        ("last: 100", "last: 2"),
        (
            "  vaults: [{ name: nas }]",
            "  vaults: [{ name: nas }]\n  verify: { level: restore, every: 20s }",
        ),
    ])?;
    dram_tests::world::write(&world.dir().join("office/data/notes"), "a note\n")?;
    world.declare()?;
    let mut acting = Engine::start(&world, "first")?;
    acting.until("protected")?;
    acting.until("verified")?;
    let mut waiting = Engine::start(&world, "second")?;
    waiting.until("waiting")?;
    // The oldest is the last that was verified, and stays: retention has one to take only when there are four.
    acting.until("protected")?;
    acting.until("protected")?;
    // A process that is gone cannot give its lease back.
    acting.child.kill().doing(|| "kill the engine that acts".into())?;
    waiting.until("serving")?;
    let fires = waiting.until("fires")?;
    waiting.until("protected")?;
    waiting.until("pruned")?;
    waiting.until("protected")?;
    waiting.stop()?;

    let runs = world.dram().args(["runs", "--json", "--most", "1000"]).text()?;
    let runs: Vec<Value> = serde_json::from_str(&runs)
        .map_err(std::io::Error::other)
        .doing(|| "read the runs".into())?;
    let firings: Vec<&str> = runs.iter().filter_map(|run| run.get("firing")?.as_str()).collect();
    let distinct: BTreeSet<&str> = firings.iter().copied().collect();
    claim(
        "each firing has one run",
        firings.len() == distinct.len() && firings.len() >= 4,
        || format!("{runs:?}"),
    )?;
    for firing in &firings {
        let time: jiff::Timestamp = firing
            .parse()
            .map_err(std::io::Error::other)
            .doing(|| "read a firing".into())?;
        claim(
            "a firing is a multiple of its interval",
            time.as_second() % 9 == 0,
            || firing.to_string(),
        )?;
    }
    claim(
        "the engine that took over fired what was due",
        distinct.contains(text(&fires, "firing")),
        || fires.to_string(),
    )?;
    claim(
        "retention was carried out",
        world.points("files")?.len() < firings.len(),
        || format!("{runs:?}"),
    )
}

/// A text of an object; an empty one where it has none.
fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
