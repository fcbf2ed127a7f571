//! Whoever is killed or stopped: the application is thawed.

use super::*;
use dram_engine::engine::Answer;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Mutex;

/// A dump that says that it has begun and waits until it is let go; the freezer's number is written down before.
const WAITING: &str = "
  components:
    - name: db
      host: { dump: { command: { shell: 'echo begun > {log}.begun; while ! test -e {log}.go; do sleep 0.01; done; echo data' }, restore: { run: [cat] } } }
  hooks:
    - { at: before-freeze, shell: 'echo $PPID > {log}.freezer; echo freeze >> {log}' }
    - { at: after-thaw, shell: 'echo thaw >> {log}' }
";

/// A run of the program, killed where the test leaves it.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(super) fn protect(world: &World) -> Self {
        let child = world
            .dram(&["protect", "shop"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = world.path("log.begun");
        until("the dump begins", || begun.exists());
        Self(child)
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

pub(super) fn freezer(world: &World) -> Pid {
    let text = fs::read_to_string(world.path("log.freezer")).unwrap();
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

fn thawed(world: &World) -> bool {
    world.log().ends_with("thaw\n")
}

/// Lets dumps of this world come to their end from now on.
pub(super) fn let_go(world: &World) {
    fs::write(world.path("log.go"), "").unwrap();
}

fn whole(world: &World) -> bool {
    let points = world.points();
    points.len() == 1 && points[0].offered && points[0].consistency == "application"
}

#[test]
fn an_engine_that_is_killed_leaves_nothing_frozen_and_its_run_is_resumed() {
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 10m }", WAITING);
    let mut running = Running::protect(&world);
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    until("the freezer thaws", || thawed(&world) && !world.is_marked_frozen());
    assert!(world.points().is_empty());
    let_go(&world);
    let run = world.engine.runs(1).unwrap().remove(0).run;
    // The lease of a process that is gone is free at once, or after its time.
    until("the run is resumed", || {
        world.dram(&["resume", &run]).output().unwrap().status.success()
    });
    assert_eq!(world.log(), "freeze\nthaw\nfreeze\nthaw\n");
    assert!(whole(&world));
}

#[test]
fn a_run_that_is_resumed_at_once_waits_until_the_earlier_freezer_has_thawed() {
    // The hook after says when it begins, and thaws when it is let go.
    let waiting = WAITING.replace(
        "shell: 'echo thaw >> {log}'",
        "shell: 'touch {log}.thawing; while ! test -e {log}.go; do sleep 0.01; done; echo thaw >> {log}'",
    );
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 10m }", &waiting);
    let mut running = Running::protect(&world);
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    let thawing = world.path("log.thawing");
    until("the freezer begins to thaw", || thawing.exists());
    let run = world.engine.runs(1).unwrap().remove(0).run;
    let mut resuming = world.dram(&["resume", &run]);
    let mut resumed = resuming.stderr(Stdio::piped()).spawn().unwrap();
    // It says what it is about to do: from here on it may freeze.
    let mut words = BufReader::new(resumed.stderr.take().unwrap()).lines();
    assert!(words.next().unwrap().unwrap().contains("protect shop"));
    assert_eq!(world.log(), "freeze\n", "nothing is thawed or frozen yet");
    let_go(&world);
    words.for_each(drop);
    assert!(resumed.wait().unwrap().success());
    assert_eq!(world.log(), "freeze\nthaw\nfreeze\nthaw\n");
    assert!(whole(&world));
}

#[test]
fn an_engine_that_is_stopped_is_thawed_behind_its_back_and_makes_no_point() {
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 1s }", WAITING);
    let mut running = Running::protect(&world);
    running.send(Signal::STOP);
    until("the freezer thaws", || thawed(&world));
    let_go(&world);
    running.send(Signal::CONT);
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    assert!(world.points().is_empty());
    assert_eq!(world.log(), "freeze\nthaw\n");
}

#[test]
fn a_freezer_that_is_killed_is_noticed_and_its_work_is_done() {
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 10m }", WAITING);
    let mut running = Running::protect(&world);
    kill_process(freezer(&world), Signal::KILL).unwrap();
    // Nobody would thaw at the deadline: what is being read is given up.
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(running.0.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert!(said.contains("was killed, so it was thawed at once"), "{said}");
    assert!(thawed(&world));
    assert!(!world.is_marked_frozen());
    assert!(world.points().is_empty());
}

#[test]
fn when_both_are_killed_doctor_and_status_say_so_and_a_restore_thaws() {
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 10m }", WAITING);
    let_go(&world);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    fs::remove_file(world.path("log.go")).unwrap();
    for said in ["log", "log.begun", "log.freezer"] {
        fs::remove_file(world.path(said)).unwrap();
    }
    let frozen = || {
        let status = world.engine.status(None).unwrap().remove(0);
        let told = |text: &str| text.contains("it may still be frozen at site `office`");
        let found = world.engine.doctor().unwrap();
        let found = found
            .iter()
            .any(|found| told(&found.detail) && found.answer == Answer::Bad);
        assert_eq!(found, told(&status.reason), "{status:?}");
        found
    };
    let mut running = Running::protect(&world);
    assert!(!frozen(), "those that will thaw it live");
    running.send(Signal::STOP);
    kill_process(freezer(&world), Signal::KILL).unwrap();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    until("it is seen", frozen);
    let row = world.engine.status(None).unwrap().remove(0);
    assert_eq!(row.ready, Some(false));
    assert_eq!(row.waits[0].state.to_string(), "interrupted", "{row:?}");
    let request = world.in_place(true);
    let notes = Mutex::new(String::new());
    let tell = Tell(|event: &Event| {
        if let Event::Note { text } = event {
            notes.lock().unwrap().push_str(text);
        }
    });
    let watch = Watch {
        observer: &tell,
        cancel: Cancel::new(),
    };
    world.engine.restore(&request, &watch).unwrap();
    assert!(notes.into_inner().unwrap().contains("it is thawed now"));
    assert_eq!(world.log(), "freeze\nthaw\n");
    assert!(!frozen());
}

#[test]
fn when_both_are_killed_the_next_run_thaws() {
    let world = World::new("  objectives: { rpo: 75m, maxFreeze: 10m }", WAITING);
    let mut running = Running::protect(&world);
    // First the one that would notice.
    running.send(Signal::STOP);
    kill_process(freezer(&world), Signal::KILL).unwrap();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    assert!(world.is_marked_frozen());
    assert_eq!(world.log(), "freeze\n");
    let_go(&world);
    until("another run is made", || {
        let done = world.dram(&["protect", "shop"]).output().unwrap();
        done.status.success()
    });
    assert_eq!(world.log(), "freeze\nthaw\nfreeze\nthaw\n");
    assert!(whole(&world));
}

/// Nobody can tell a stopped process from one that will go on in a moment, but by its silence.
#[test]
fn a_holder_that_was_stopped_beyond_its_lease_wakes_and_offers_nothing() {
    let world = World::new(
        "  objectives: { rpo: 75m }",
        "
  components:
    - name: db
      host: { dump: { command: { shell: 'echo begun > {log}.begun; while ! test -e {log}.go; do sleep 0.01; done; echo data' }, restore: { run: [cat] } } }
",
    );
    let mut stopped = Running::protect(&world);
    stopped.send(Signal::STOP);
    let_go(&world);
    // It is outlasted: one and a half times the duration of its lease.
    let next = world.dram(&["protect", "shop"]).output().unwrap();
    let said = String::from_utf8_lossy(&next.stderr);
    assert!(next.status.success(), "{said}");
    assert_eq!(
        said.matches("shows no life: its lease is waited for").count(),
        1,
        "{said}"
    );
    let point = String::from_utf8(next.stdout).unwrap().trim().to_owned();
    stopped.send(Signal::CONT);
    assert!(!stopped.0.wait().unwrap().success());
    let points: Vec<String> = world.points().into_iter().map(|row| row.point).collect();
    assert_eq!(points, [point]);
    let states: Vec<String> = world
        .engine
        .runs(9)
        .unwrap()
        .into_iter()
        .map(|run| run.state.to_string())
        .collect();
    assert_eq!(states, ["success", "abandoned"]);
}
