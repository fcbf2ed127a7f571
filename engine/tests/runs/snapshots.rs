//! Snapshots: the application goes on before its data is read, and nothing is left of them, whoever is killed.

use super::filesystem::rounds_are_of_one_moment;
use super::kills::{Running, freezer, let_go};
use super::*;
use rustix::process::{Signal, kill_process};
use std::sync::Mutex;

/// A btrfs in a file, mounted at a folder for as long as this is there.
struct Btrfs(PathBuf);

impl Btrfs {
    fn make(world: &World) -> Option<Self> {
        let (image, at) = (world.path("image"), world.path("office/srv"));
        fs::File::create(&image).unwrap().set_len(160 << 20).unwrap();
        let run = |words: &[&str]| {
            let done = Command::new(words[0]).args(&words[1..]).output();
            done.is_ok_and(|done| done.status.success())
        };
        let (image, place) = (image.to_str().unwrap(), at.to_str().unwrap());
        let made = run(&["mkfs.btrfs", "-q", image]) && run(&["mount", "-o", "loop", image, place]);
        if !made {
            dram_skips::skip_even_in_ci("a btrfs in a file needs root, loop devices, its driver and `mkfs.btrfs`");
        }
        made.then_some(Self(at))
    }

    fn snapshots(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(".dram-snapshot-")).collect()
    }
}

impl Drop for Btrfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

const POLICY: &str = "  objectives: { rpo: 75m }\n  consistency: filesystem";
const WEB: &str = "
  components: [{ name: web, host: { paths: [/srv] } }]
";

/// What a protect said, in one text.
fn told(world: &World) -> String {
    let said = Mutex::new(String::new());
    let observer = Tell(|event: &Event| match event {
        Event::Note { text } => said.lock().unwrap().push_str(&format!("{text}\n")),
        Event::Done { detail, .. } => said.lock().unwrap().push_str(&format!("{detail}\n")),
        _ => {}
    });
    world.protect(&observer, &Cancel::new()).unwrap();
    said.into_inner().unwrap()
}

#[test]
fn files_of_a_snapshot_stem_from_one_moment() {
    let world = World::new(POLICY, WEB);
    let Some(mounted) = Btrfs::make(&world) else { return };
    rounds_are_of_one_moment(&world, &mounted.0);
    assert!(world.points().iter().all(|point| point.consistency == "filesystem"));
    assert_eq!(mounted.snapshots(), Vec::<String>::new());
    let said = told(&world);
    assert!(said.contains("1 snapshot made"), "{said}");
}

#[test]
fn an_application_goes_on_before_its_data_is_read() {
    let world = World::new(
        "  objectives: { rpo: 75m }\n  consistency: application",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, shell: 'echo rest > srv/state' }
    - { at: after-thaw, shell: 'echo gone > srv/state; find $(dirname {log})/vault $DRAM_ROOT/var -path \"*/data/*\" -type f | wc -l >> {log}' }
",
    );
    let Some(mounted) = Btrfs::make(&world) else { return };
    noise(&mounted.0.join("noise"), 4 << 20);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    // At the thaw neither the vault nor the spool had any of it.
    assert_eq!(world.log().trim(), "0");
    assert_eq!(world.points()[0].consistency, "application");
    let back = world.look("back").join("srv");
    assert_eq!(fs::read_to_string(back.join("state")).unwrap(), "rest\n");
    assert!(fs::read(back.join("noise")).unwrap() == fs::read(mounted.0.join("noise")).unwrap());
    let names = fs::read_dir(&back).unwrap().count();
    assert_eq!(names, 2, "a snapshot holds a part of itself");
    assert_eq!(mounted.snapshots(), Vec::<String>::new());
}

#[test]
fn what_a_snapshot_does_not_hold_is_read_in_a_freeze() {
    let world = World::new(POLICY, WEB);
    let Some(mounted) = Btrfs::make(&world) else { return };
    let inner = mounted.0.join("inner");
    let made = Command::new("btrfs")
        .args(["subvolume", "create"])
        .arg(&inner)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::write(inner.join("a"), "one").unwrap();
    let said = told(&world);
    assert!(
        said.contains("no snapshots are used: other subvolumes lie in"),
        "{said}"
    );
    assert_eq!(world.points()[0].consistency, "filesystem");
    let back = world.look("back").join("srv/inner/a");
    assert_eq!(fs::read_to_string(back).unwrap(), "one");
}

#[test]
fn wherever_the_engine_is_killed_the_next_run_leaves_no_snapshot() {
    let world = World::new(POLICY, WEB);
    let Some(mounted) = Btrfs::make(&world) else { return };
    let mut left = 0;
    for at in 1.. {
        fs::write(mounted.0.join("a"), at.to_string()).unwrap();
        let run = world
            .dram(&["protect", "shop"])
            .env("DRAM_CRASH", format!("step:{at}"))
            .output()
            .unwrap();
        if run.status.success() {
            assert!(at > 8, "it was killed at {at} places only");
            break;
        }
        assert_eq!(run.status.code(), None, "{run:?}");
        left += mounted.snapshots().len();
        // The lease of a process that is gone is free at once, or after its time.
        until("the next run", || {
            world.dram(&["protect", "shop"]).output().unwrap().status.success()
        });
        assert_eq!(mounted.snapshots(), Vec::<String>::new(), "killed at {at}");
        assert!(!world.is_marked_frozen());
    }
    assert!(left > 0, "it was never killed while there was a snapshot");
}

/// While this one's dump waits, the application is at rest and its snapshot is made.
const WAITING: &str = "
  components:
    - name: web
      host: { paths: [/srv] }
    - name: db
      host: { dump: { command: { shell: 'echo begun > {log}.begun; while ! test -e {log}.go; do sleep 0.01; done; echo data' }, restore: { run: [cat] } } }
  hooks:
    - { at: before-freeze, shell: 'echo $PPID > {log}.freezer; echo freeze >> {log}' }
    - { at: after-thaw, shell: 'echo thaw >> {log}' }
";

#[test]
fn a_freezer_that_is_killed_leaves_no_snapshot() {
    let world = World::new("  objectives: { rpo: 75m }\n  consistency: application", WAITING);
    let Some(mounted) = Btrfs::make(&world) else { return };
    let mut running = Running::protect(&world);
    assert_eq!(mounted.snapshots().len(), 1);
    kill_process(freezer(&world), Signal::KILL).unwrap();
    let_go(&world);
    assert!(!running.0.wait().unwrap().success());
    assert_eq!(world.log(), "freeze\nthaw\n");
    assert_eq!(mounted.snapshots(), Vec::<String>::new());
    assert!(world.points().is_empty());
}

#[test]
fn when_both_are_killed_the_next_run_removes_the_snapshot() {
    let world = World::new("  objectives: { rpo: 75m }\n  consistency: application", WAITING);
    let Some(mounted) = Btrfs::make(&world) else { return };
    let mut running = Running::protect(&world);
    kill_process(freezer(&world), Signal::STOP).unwrap();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    kill_process(freezer(&world), Signal::KILL).unwrap();
    assert_eq!(mounted.snapshots().len(), 1);
    let_go(&world);
    until("the next run", || {
        world.dram(&["protect", "shop"]).output().unwrap().status.success()
    });
    assert_eq!(mounted.snapshots(), Vec::<String>::new());
    assert_eq!(world.log(), "freeze\nthaw\nfreeze\nthaw\n");
    assert_eq!(world.points().len(), 1);
}

#[test]
fn a_run_that_does_not_freeze_any_more_removes_the_snapshot_too() {
    let world = World::new("  objectives: { rpo: 75m }\n  consistency: application", WAITING);
    let Some(mounted) = Btrfs::make(&world) else { return };
    let mut running = Running::protect(&world);
    kill_process(freezer(&world), Signal::STOP).unwrap();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    kill_process(freezer(&world), Signal::KILL).unwrap();
    assert_eq!(mounted.snapshots().len(), 1);
    let_go(&world);
    world.declare("  objectives: { rpo: 75m }\n  consistency: crash", WEB);
    let said = told(&world);
    assert!(said.contains("that an earlier run had left is removed"), "{said}");
    assert_eq!(mounted.snapshots(), Vec::<String>::new());
    // A hook that thaws may come twice.
    assert!(world.log().ends_with("thaw\n"), "{}", world.log());
    assert!(!world.is_marked_frozen());
}
