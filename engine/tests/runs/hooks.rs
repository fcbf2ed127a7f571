//! Hooks around a freeze, and what travels after it.

use super::*;
use dram_catalog::store::FileStore;
use dram_catalog::{Clock, Name, SystemChance, SystemClock};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One component with files, brought to rest by hooks that write down what they do.
const QUIESCED: &str = "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, component: web, shell: 'touch srv/frozen; echo freeze >> {log}' }
    - { at: after-thaw, component: web, shell: 'rm -f srv/frozen; echo thaw >> {log}' }
";

/// Hooks that tell an [`Application`] to rest, and wait until it says that it does.
const HELD: &str = "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, component: web, shell: 'touch {log}.hold; while ! test -e {log}.held; do sleep 0.01; done' }
    - { at: after-thaw, component: web, shell: 'rm -f {log}.hold' }
";

/// What an application saw itself, whatever the engine says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Worked,
    Held,
    LetGo,
}

/// An application that counts what it does, and rests when it is told to.
#[derive(Default)]
struct Application {
    record: Mutex<Vec<Moment>>,
    ends: AtomicBool,
}

impl Application {
    fn works_in(&self, world: &World) {
        let (hold, held) = (world.path("log.hold"), world.path("log.held"));
        let note = |moment| self.record.lock().unwrap().push(moment);
        let mut works = 0_u64;
        while !self.ends.load(Ordering::SeqCst) {
            if hold.exists() {
                note(Moment::Held);
                fs::write(&held, "").unwrap();
                until("the application is let go", || !hold.exists());
                fs::remove_file(&held).unwrap();
                note(Moment::LetGo);
            }
            works += 1;
            fs::write(world.path("office/srv/works"), works.to_string()).unwrap();
            note(Moment::Worked);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn record(&self) -> Vec<Moment> {
        self.record.lock().unwrap().clone()
    }

    fn was_let_go(&self) -> bool {
        self.record.lock().unwrap().contains(&Moment::LetGo)
    }
}

#[test]
fn an_application_goes_on_while_its_data_travels() {
    let world = World::new("  objectives: { rpo: 75m }\n  transfer: { bandwidth: 1Mi/s }", HELD);
    noise(&world.path("office/srv/large"), 3 << 20);
    let application = Application::default();
    let seen = Mutex::new(Vec::new());
    let watch = Tell(|event: &Event| match event {
        Event::Step { text, .. } if text.starts_with("move") => {
            // Nothing travels before it says itself that it was let go.
            until("the application is let go", || application.was_let_go());
            seen.lock().unwrap().push(application.record());
        }
        Event::Done { text, .. } if text.starts_with("move") => seen.lock().unwrap().push(application.record()),
        _ => {}
    });
    std::thread::scope(|scope| {
        scope.spawn(|| application.works_in(&world));
        until("the application works", || !application.record().is_empty());
        let made = world.protect(&watch, &Cancel::new());
        application.ends.store(true, Ordering::SeqCst);
        made.unwrap();
    });
    let seen = seen.into_inner().unwrap();
    let [before, after] = &seen[..] else {
        panic!("{} moves", seen.len())
    };
    let worked = &after[before.len()..];
    assert!(
        worked.len() > 20,
        "it did {worked:?} while three seconds of data travelled"
    );
    assert!(worked.iter().all(|moment| *moment == Moment::Worked), "{worked:?}");
    let rests: Vec<Moment> = application
        .record()
        .into_iter()
        .filter(|moment| *moment != Moment::Worked)
        .collect();
    assert_eq!(rests, [Moment::Held, Moment::LetGo], "it is held once");
    let points = world.points();
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].consistency, "application");
    assert!(world.spooled().is_empty(), "{:?}", world.spooled());
    // The data is that of the rest.
    let back = world.look("back");
    let works = fs::read_to_string(back.join("srv/works")).unwrap();
    let done = before.iter().take_while(|moment| **moment != Moment::Held).count();
    assert_eq!(works, done.to_string());
    assert_eq!(
        fs::read(back.join("srv/large")).unwrap(),
        fs::read(world.path("office/srv/large")).unwrap()
    );
}

#[test]
fn an_unchanged_application_is_frozen_for_its_changes_only() {
    let world = World::new("  objectives: { rpo: 75m }", QUIESCED);
    noise(&world.path("office/srv/large"), 2 << 20);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    let read = Mutex::new(0);
    let watch = Tell(|event: &Event| {
        if let Event::Done { text, detail, .. } = event
            && text.starts_with("move")
        {
            let moved: bytes_of::Bytes = detail.parse().unwrap();
            *read.lock().unwrap() = moved.0;
        }
    });
    world.protect(&watch, &Cancel::new()).unwrap();
    let moved = read.into_inner().unwrap();
    assert!(
        moved > 0 && moved < 64 << 10,
        "{moved} bytes travelled for an unchanged application"
    );
    assert_eq!(world.points().len(), 2);
}

#[test]
fn an_application_that_takes_too_long_is_thawed_and_no_point_is_offered() {
    let world = World::new(
        "  objectives: { rpo: 75m, maxFreeze: 1s }",
        "
  components:
    - name: db
      host: { dump: { command: { shell: 'echo half; echo dumping >> {log}; sleep 600' }, restore: { run: [cat] } } }
  hooks:
    - { at: before-freeze, shell: 'echo freeze >> {log}' }
    - { at: after-thaw, shell: 'echo thaw >> {log}' }
",
    );
    let error = world.protect(&Quiet, &Cancel::new()).unwrap_err();
    let text = format!("{error} {}", error.help().unwrap());
    assert!(text.contains("maxFreeze"), "{text}");
    assert_eq!(world.log(), "freeze\ndumping\nthaw\n");
    assert!(world.points().is_empty());
    assert!(!world.is_marked_frozen());
}

#[test]
fn a_hook_that_fails_leaves_nothing_frozen() {
    let world = World::new(
        "  objectives: { rpo: 75m }",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, shell: 'echo first >> {log}' }
    - { at: before-freeze, component: web, shell: 'echo no >&2; exit 3' }
    - { at: before-freeze, shell: 'echo never >> {log}' }
    - { at: after-thaw, shell: 'echo thaw >> {log}' }
",
    );
    let error = world.protect(&Quiet, &Cancel::new()).unwrap_err().to_string();
    assert!(error.contains("exited with 3") && error.contains("no"), "{error}");
    let which = "hook 2 of the 3 before the freeze (a text for the shell of web) failed: the hook of `web`";
    assert!(error.contains(which), "{error}");
    assert_eq!(world.log(), "first\nthaw\n");
    assert!(world.points().is_empty());
}

#[test]
fn a_hook_that_may_fail_is_said_and_the_point_promises_less() {
    let world = World::new(
        "  objectives: { rpo: 75m }",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, shell: 'exit 3', onError: continue }
    - { at: after-thaw, run: [no-such-program], onError: continue }
",
    );
    let notes = Mutex::new(Vec::new());
    let watch = Tell(|event: &Event| {
        if let Event::Note { text } = event {
            notes.lock().unwrap().push(text.clone());
        }
    });
    world.protect(&watch, &Cancel::new()).unwrap();
    let notes = notes.into_inner().unwrap().join("\n");
    assert!(notes.contains("exited with 3"), "{notes}");
    assert!(notes.contains("no-such-program"), "{notes}");
    assert_eq!(world.points()[0].consistency, "none");
}

#[test]
fn an_application_that_cannot_be_thawed_is_told_and_thawed_by_the_next_run() {
    let world = World::new(
        "  objectives: { rpo: 75m }",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks:
    - { at: before-freeze, shell: 'echo freeze >> {log}' }
    - { at: after-thaw, shell: 'test ! -e {log}.stuck && echo thaw >> {log}' }
",
    );
    fs::write(world.path("log.stuck"), "").unwrap();
    let error = world.protect(&Quiet, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("could not be thawed"), "{error}");
    let which = "hook 1 of the 1 after the thaw (a text for the shell) failed";
    assert!(error.to_string().contains(which), "{error}");
    assert!(world.is_marked_frozen());
    fs::remove_file(world.path("log.stuck")).unwrap();
    world.protect(&Quiet, &Cancel::new()).unwrap();
    assert_eq!(world.log(), "freeze\nthaw\nfreeze\nthaw\n");
    assert!(!world.is_marked_frozen());
}

#[test]
fn what_was_read_at_rest_is_moved_by_whoever_resumes() {
    let world = World::new("  objectives: { rpo: 75m }", QUIESCED);
    noise(&world.path("office/srv/large"), 1 << 20);
    let cancel = Cancel::new();
    let interrupt = Tell(|event: &Event| {
        if matches!(event, Event::Step { text, .. } if text.starts_with("move")) {
            cancel.cancel();
        }
    });
    let error = world.protect(&interrupt, &cancel).unwrap_err();
    let Error::Interrupted { run: Some(run) } = error else {
        panic!("{error}")
    };
    assert_eq!(world.spooled().len(), 1);
    assert!(world.points().is_empty());
    let watch = Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    };
    world.engine.resume(&run, &watch).unwrap();
    assert_eq!(world.log(), "freeze\nthaw\n", "it is not frozen again");
    assert_eq!(world.points()[0].consistency, "application");
    assert!(world.spooled().is_empty());
    assert!(world.look("back").join("srv/frozen").exists());
}

/// The clock of this machine, so much later.
#[derive(Debug)]
struct Later(SignedDuration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn sleep(&self, span: Duration) {
        SystemClock.sleep(span);
    }
}

/// The engine of a world at a later time.
fn later(world: &World, by: SignedDuration) -> Engine {
    let folder = world.path("catalog");
    let url = format!("file://{}", folder.display()).parse().unwrap();
    let store = Arc::new(FileStore::open(&folder).unwrap());
    let tenant = Name::tenant("default").unwrap();
    let catalog = Catalog::open_in(store, Arc::new(Later(by)), Arc::new(SystemChance), &tenant, "ann@desk");
    Engine::of(catalog, url, "ann@desk")
}

/// What was read may count on blobs that a prune has removed since.
#[test]
fn what_was_read_at_rest_too_long_ago_is_not_moved() {
    let fresh = SignedDuration::from_mins(20 * 60 - 5);
    let stale = SignedDuration::from_mins(20 * 60 + 5);
    for (by, is_moved) in [(fresh, true), (stale, false)] {
        let world = World::new("  objectives: { rpo: 75m }", QUIESCED);
        let cancel = Cancel::new();
        let interrupt = Tell(|event: &Event| {
            if matches!(event, Event::Step { text, .. } if text.starts_with("move")) {
                cancel.cancel();
            }
        });
        let Error::Interrupted { run: Some(run) } = world.protect(&interrupt, &cancel).unwrap_err() else {
            panic!("it was not interrupted");
        };
        fs::write(world.path("office/srv/a"), "two").unwrap();
        let resumed = later(&world, by).resume(&run, &Watch::new(&Quiet, &Cancel::new()));
        assert_eq!(resumed.is_ok(), is_moved, "{by}: {resumed:?}");
        assert_eq!(world.points().len(), usize::from(is_moved));
        assert_eq!(world.log(), "freeze\nthaw\n", "it is not frozen again");
        if let Err(error) = resumed {
            let said = format!("{error} {}", error.help().unwrap());
            for words in ["more than 20 hours ago", "dram protect shop"] {
                assert!(said.contains(words), "{said}");
            }
            assert_eq!(world.engine.run_state(&run).unwrap().to_string(), "failed");
            world.protect(&Quiet, &Cancel::new()).unwrap();
        }
        assert!(world.spooled().is_empty());
        let held = fs::read_to_string(world.look("back").join("srv/a")).unwrap();
        assert_eq!(held, if is_moved { "one" } else { "two" });
    }
}

#[test]
fn what_a_dump_says_is_kept_and_its_secrets_are_not() {
    let dump = |end: &str| {
        let component = format!(
            "
  components:
    - name: db
      host: {{ dump: {{ command: {{ shell: 'cat {{log}}.words >&2; echo data; {end}' }}, restore: {{ run: [cat] }} }} }}
"
        );
        let world = World::new("  objectives: { rpo: 75m }", &component);
        fs::write(world.path("log.words"), "to db with password=hunter22 as ann\n").unwrap();
        world
    };
    let notes = Mutex::new(Vec::new());
    let watch = Tell(|event: &Event| {
        if let Event::Note { text } = event {
            notes.lock().unwrap().push(text.clone());
        }
    });
    let world = dump("exit 0");
    world.protect(&watch, &Cancel::new()).unwrap();
    let said = notes.into_inner().unwrap().join("\n");
    let run = world.engine.runs(1).unwrap().remove(0).run;
    let log = String::from_utf8(world.engine.run_log(&run).unwrap()).unwrap();
    let error = dump("exit 4").protect(&Quiet, &Cancel::new()).unwrap_err().to_string();
    for told in [said, log, error] {
        assert!(told.contains("to db with password=******* as ann"), "{told}");
        assert!(!told.contains("hunter22"), "{told}");
    }
}

#[test]
fn hooks_around_a_restore_come_at_their_moments() {
    let world = World::new(
        "  objectives: { rpo: 75m }",
        "
  components:
    - name: web
      host: { paths: [/srv], service: { start: { shell: 'echo start >> {log}' } } }
      health: [{ exec: { shell: 'echo health >> {log}' } }]
  hooks:
    - { at: before-restore, shell: 'echo before-restore >> {log}' }
    - { at: before-restore, component: web, shell: 'test ! -e srv/a && echo no files yet >> {log}' }
    - { at: after-restore, component: web, shell: 'test -e srv/a && echo files >> {log}' }
    - { at: before-start, component: web, shell: 'echo before-start $DRAM_COMPONENT >> {log}' }
    - { at: after-start, shell: 'echo after-start $DRAM_SITE >> {log}' }
    - { at: after-start, on: engine, shell: 'echo in $PWD >> {log}' }
",
    );
    world.protect(&Quiet, &Cancel::new()).unwrap();
    assert_eq!(world.points()[0].consistency, "none");
    fs::remove_dir_all(world.path("office/srv")).unwrap();
    let request = world.in_place(false);
    let watch = Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    };
    world.engine.restore(&request, &watch).unwrap();
    let expected = "before-restore\nno files yet\nbefore-start web\nstart\nfiles\nhealth\nafter-start office\nin /\n";
    assert_eq!(world.log(), expected);
}

mod bytes_of {
    /// A number of bytes as it is shown.
    pub(super) struct Bytes(pub(super) u64);

    impl std::str::FromStr for Bytes {
        type Err = std::num::ParseFloatError;

        fn from_str(text: &str) -> Result<Self, Self::Err> {
            let (number, unit) = text.split_once(' ').unwrap_or((text, "B"));
            let factor = match unit {
                "KiB" => 1024.0,
                "MiB" => 1024.0 * 1024.0,
                _ => 1.0,
            };
            Ok(Self((number.parse::<f64>()? * factor) as u64))
        }
    }
}
