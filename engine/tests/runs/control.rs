//! Runs that are told to wait, to end, or to go on.

use super::*;
use dram_catalog::record::run::Wish;
use dram_engine::exit::Exit;
use dram_engine::runbook::Refusal;
use dram_engine::state::RunState;
use std::sync::Mutex;

const FILES: &str = "
  components: [{ name: web, host: { paths: [/srv] } }]
";
const RPO: &str = "  objectives: { rpo: 75m }";

/// Has somebody wish something of the run when its step of this name begins; the run.
fn protect_with_wish(world: &World, step: &str, wish: Wish) -> (String, Error) {
    let run = Mutex::new(String::new());
    let watch = Tell(|event: &Event| match event {
        Event::Started { run: Some(id), .. } => *run.lock().unwrap() = id.clone(),
        Event::Step { text, .. } if text.starts_with(step) => {
            let run = run.lock().unwrap().parse().unwrap();
            world.engine.catalog().wish(run, wish).unwrap();
        }
        _ => {}
    });
    let error = world.protect(&watch, &Cancel::new()).unwrap_err();
    (run.into_inner().unwrap(), error)
}

fn state(world: &World, run: &str) -> String {
    world.engine.run_state(run).unwrap().to_string()
}

fn quiet() -> Watch<'static> {
    Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    }
}

#[test]
fn a_paused_run_waits_and_nothing_else_is_begun_until_it_is_resumed() {
    let world = World::new(RPO, FILES);
    let (run, error) = protect_with_wish(&world, "seal", Wish::Pause);
    assert!(matches!(error, Error::Paused { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Interrupted);
    assert_eq!(state(&world, &run), "paused");
    assert!(world.points().is_empty());
    let work = world.engine.at_work(Some("shop")).unwrap();
    assert_eq!(
        (work[0].step, work[0].of, work[0].text.as_str()),
        (2, 2, "seal the point")
    );
    let refused = world.protect(&Quiet, &Cancel::new()).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Paused { .. })), "{refused}");
    assert_eq!(refused.exit(), Exit::Refused);
    world.engine.resume(&run, &quiet()).unwrap();
    assert_eq!(state(&world, &run), "success");
    assert_eq!(world.points().len(), 1);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    assert!(world.engine.at_work(None).unwrap().is_empty());
}

#[test]
fn a_canceled_run_has_ended_and_the_next_one_begins_anew() {
    let world = World::new(RPO, FILES);
    let (run, error) = protect_with_wish(&world, "seal", Wish::Cancel);
    assert!(matches!(error, Error::Canceled { .. }), "{error}");
    assert_eq!(state(&world, &run), "canceled");
    assert!(world.points().is_empty());
    let again = world.engine.resume(&run, &quiet()).unwrap_err().to_string();
    assert!(again.contains("it has ended"), "{again}");
    assert!(world.engine.pause(&run, &Cancel::new()).is_err());
    world.protect(&Quiet, &Cancel::new()).unwrap();
    assert_eq!(world.points().len(), 1);
}

#[test]
fn what_an_interrupted_run_left_on_the_machine_goes_when_it_is_canceled() {
    let world = World::new(
        RPO,
        "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks: [{ at: before-freeze, run: ['true'] }]
",
    );
    let cancel = Cancel::new();
    let interrupt = Tell(|event: &Event| {
        if matches!(event, Event::Step { text, .. } if text.starts_with("move")) {
            cancel.cancel();
        }
    });
    let Error::Interrupted { run: Some(run) } = world.protect(&interrupt, &cancel).unwrap_err() else {
        panic!("it was not interrupted");
    };
    assert_eq!(state(&world, &run), "interrupted");
    assert_eq!(world.spooled().len(), 1);
    let state = world.engine.cancel(&run, &quiet()).unwrap();
    assert_eq!(state.to_string(), "canceled");
    assert!(world.spooled().is_empty());
    assert!(world.points().is_empty());
}

#[test]
fn whoever_works_at_a_run_hears_of_wishes_in_the_middle_of_a_step() {
    let world = World::new(
        RPO,
        "
  components:
    - name: db
      host: { dump: { command: { shell: 'echo half; echo begun > {log}; while ! test -e {log}.go; do sleep 0.01; done' }, restore: { run: [cat] } } }
",
    );
    std::thread::scope(|scope| {
        let working = scope.spawn(|| world.protect(&Quiet, &Cancel::new()));
        until("the dump begins", || !world.log().is_empty());
        let run = world.engine.runs(1).unwrap().remove(0).run;
        assert_eq!(state(&world, &run), "running");
        // It waits until the run has stopped.
        assert_eq!(world.engine.pause(&run, &Cancel::new()).unwrap(), RunState::Paused);
        let error = working.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::Paused { .. }), "{error}");
        fs::write(world.path("log.go"), "").unwrap();
        world.engine.resume(&run, &quiet()).unwrap();
    });
    assert_eq!(world.points().len(), 1);
}

#[test]
fn a_log_is_read_while_it_grows() {
    let world = World::new(RPO, FILES);
    let told = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let watch = Tell(|event: &Event| {
            if let Event::Started { run: Some(run), .. } = event {
                let run = run.clone();
                scope.spawn(|| {
                    let run = run;
                    let mut tell = |line: &str| told.lock().unwrap().push(line.to_owned());
                    world.engine.follow_run(&run, &mut tell, &Cancel::new()).unwrap();
                });
                until("what was written so far is told", || !told.lock().unwrap().is_empty());
            }
        });
        world.protect(&watch, &Cancel::new()).unwrap();
    });
    let told = told.into_inner().unwrap();
    let keys: Vec<String> = told
        .iter()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["key"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(keys, ["runbook", "begun", "step-1", "step-2", "ended"]);
}
