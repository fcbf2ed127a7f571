//! Runs that are asked for and carried out by whichever engine serves.

use super::*;
use dram_catalog::record::run::Event;
use dram_engine::engine::{Ask, AskedRun};
use std::collections::BTreeMap;
use std::sync::Condvar;

fn protection(components: &[&str]) -> Ask {
    Ask::Protect(ProtectRequest {
        application: "shop".to_owned(),
        components: components.iter().map(|name| (*name).to_owned()).collect(),
        class: Class::Manual,
        dry_run: false,
        firing: None,
    })
}

fn restore_into(folder: &Path) -> Ask {
    Ask::Restore(Box::new(RestoreRequest {
        application: "shop".to_owned(),
        point: Pick::Latest,
        from: None,
        as_of: None,
        to: Where::Directory(folder.to_owned()),
        components: Vec::new(),
        items: Vec::new(),
        paths: Vec::new(),
        owners: Owners::default(),
        overwrite: false,
        attested: None,
    }))
}

fn ask(engine: &Engine, what: &Ask) -> String {
    engine.ask(what, None).unwrap().run
}

fn state(engine: &Engine, run: &str) -> String {
    engine.run_state(run).unwrap().to_string()
}

/// The keys of a run's log, without times, and its last body.
fn log(engine: &Engine, run: &str) -> (Vec<String>, serde_json::Value) {
    let log = engine.catalog().run_log(run.parse().unwrap()).unwrap();
    let word = |event: &Event| event.key.split(' ').next().unwrap().to_owned();
    let last = log.events().last().map(|event| event.body.clone());
    (log.events().iter().map(word).collect(), last.unwrap_or_default())
}

/// Serves until this has been told; all that was told.
fn serve(engine: &Engine, name: &str, until: impl Fn(&Told) -> bool + Sync) -> Vec<Told> {
    let what = Serve {
        name: name.to_owned(),
        at_once: 1,
        first_pause: Duration::from_secs(3600),
    };
    let (cancel, told) = (Cancel::new(), Mutex::new(Vec::new()));
    let tell = |event: &Told| {
        if until(event) {
            cancel.cancel();
        }
        told.lock().unwrap().push(event.clone());
    };
    engine.serve(&what, &tell, &cancel).unwrap();
    told.into_inner().unwrap()
}

fn is_over(event: &Told, run: &str) -> bool {
    matches!(event, Told::CarriedOut { run: done, .. } if done == run)
}

#[test]
fn what_is_asked_for_waits_for_an_engine_and_is_carried_out_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    let AskedRun { run, note } = engine.ask(&protection(&[]), Some("my word")).unwrap();
    assert!(note.unwrap().contains("no engine shows a heartbeat"));
    assert_eq!(state(&engine, &run), "requested");
    let work = engine.at_work(Some("shop")).unwrap();
    assert_eq!((work[0].step, work[0].of), (0, 0));
    assert_eq!(work[0].text, "waits for an engine that serves");
    // The answer got lost, and the call is repeated.
    assert_eq!(engine.ask(&protection(&[]), Some("my word")).unwrap().run, run);
    let other = engine.ask(&protection(&["web"]), Some("my word")).unwrap_err();
    assert_eq!(other.exit(), Exit::Usage, "{other}");
    // Somebody else's run does not close it.
    protect(&engine).unwrap();
    assert_eq!(state(&engine, &run), "requested");
    assert_eq!(engine.runs(9).unwrap().len(), 2);

    let back = folder.path().join("back");
    let (copied, restored) = (
        ask(
            &engine,
            &Ask::Copy {
                application: "shop".to_owned(),
            },
        ),
        ask(&engine, &restore_into(&back)),
    );
    let told = serve(&engine, "desk", |event| is_over(event, &restored));
    for run in [&run, &copied, &restored] {
        assert_eq!(state(&engine, run), "success", "{told:?}");
        let (keys, _) = log(&engine, run);
        assert_eq!(keys[..3], ["claimed", "runbook", "begun"], "{keys:?}");
    }
    assert_eq!(fs::read_to_string(back.join("srv/a")).unwrap(), "one");
    let order: Vec<&str> = told
        .iter()
        .filter_map(|event| match event {
            Told::Begins { run, by, .. } => {
                assert!(by.contains('@'), "{by}");
                Some(run.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(order, [&*run, &copied, &restored], "the oldest first");
    // It has long been done: the same word asks for nothing more, and nobody needs to serve for that.
    let again = engine.ask(&protection(&[]), Some("my word")).unwrap();
    assert_eq!((again.run, again.note), (run, None));
}

#[test]
fn an_engine_that_serves_hears_of_it_and_whoever_asks_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let asked = Mutex::new(None);
    // It has looked through everything by then: this is told by the feed.
    serve(&engine, "desk", |event| {
        let mut asked = asked.lock().unwrap();
        if asked.is_none() && matches!(event, Told::Protected { .. } | Told::Skipped { .. }) {
            *asked = Some(engine.ask(&protection(&[]), None).unwrap());
        }
        asked.as_ref().is_some_and(|asked| is_over(event, &asked.run))
    });
    let asked = asked.into_inner().unwrap().unwrap();
    assert_eq!(asked.note, None);
    assert_eq!(state(&engine, &asked.run), "success");
}

#[test]
fn of_two_engines_one_carries_each_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let runs: Vec<String> = (0..3).map(|_| ask(&engine, &protection(&[]))).collect();
    let (done, is_more) = (Mutex::new(BTreeMap::new()), Condvar::new());
    let serve_both = |name: &str| {
        let other = Engine::open(
            &format!("file://{}/catalog", folder.path().display()),
            "default",
            &format!("{name}@desk"),
        )
        .unwrap();
        let cancel = Cancel::new();
        let tell = |event: &Told| {
            let mut done = done.lock().unwrap();
            if let Told::CarriedOut { run, .. } = event {
                *done.entry(run.clone()).or_insert(0) += 1;
                is_more.notify_all();
            }
        };
        let what = Serve {
            name: name.to_owned(),
            at_once: 2,
            first_pause: Duration::from_secs(3600),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let are_open = |done: &mut BTreeMap<String, i32>| done.len() < runs.len();
                let waited = is_more.wait_timeout_while(done.lock().unwrap(), Duration::from_secs(60), are_open);
                drop(waited.unwrap());
                cancel.cancel();
            });
            other.serve(&what, &tell, &cancel).unwrap();
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| serve_both("first"));
        scope.spawn(|| serve_both("second"));
    });
    assert_eq!(
        done.into_inner().unwrap(),
        runs.iter().map(|run| (run.clone(), 1)).collect()
    );
    for run in &runs {
        let (keys, _) = log(&engine, run);
        assert_eq!(keys.iter().filter(|key| *key == "claimed").count(), 1, "{keys:?}");
        assert_eq!(state(&engine, run), "success");
    }
}

#[test]
fn what_a_rule_refuses_ends_with_the_reason_and_the_way_out_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let unknown = Ask::Copy {
        application: "none".to_owned(),
    };
    assert!(matches!(engine.ask(&unknown, None), Err(Error::NotDeclared { .. })));
    fs::remove_dir_all(folder.path().join("office/srv")).unwrap();
    let run = ask(&engine, &protection(&[]));
    let told = serve(&engine, "desk", |event| {
        matches!(event, Told::Failed { .. }) && state(&engine, &run) != "requested"
    });
    assert_eq!(state(&engine, &run), "failed", "{told:?}");
    let (keys, last) = log(&engine, &run);
    assert_eq!(keys, ["claimed", "ended"]);
    assert!(last["error"].as_str().unwrap().contains("which is not there"), "{last}");
    assert!(last["help"].as_str().unwrap().contains("bring the path back"), "{last}");
    assert_eq!(last["exit"], 3);
}

#[test]
fn what_is_asked_for_while_a_run_is_at_work_waits_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let shop = dram_catalog::Name::application("shop").unwrap();
    let name = LeaseName::application(engine.catalog().tenant(), &shop);
    let other = Holder::this_process(&SystemChance);
    let lease = Lease::acquire(engine.catalog(), &name, &other, Duration::from_secs(30), Duration::ZERO).unwrap();
    let lease = Mutex::new(Some(lease));
    let run = ask(&engine, &protection(&[]));
    assert_eq!(state(&engine, &run), "requested");
    let told = serve(&engine, "desk", |event| {
        if matches!(event, Told::Queued { .. }) {
            lease.lock().unwrap().take().unwrap().release().unwrap();
        }
        is_over(event, &run)
    });
    assert_eq!(state(&engine, &run), "success");
    let queued = |event: &&Told| matches!(event, Told::Queued { .. });
    assert_eq!(told.iter().filter(queued).count(), 1, "{told:?}");
}

#[test]
fn one_that_is_canceled_before_it_was_claimed_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let (canceled, paused, wanted) = (
        ask(&engine, &protection(&[])),
        ask(&engine, &protection(&[])),
        ask(&engine, &protection(&[])),
    );
    assert_eq!(engine.cancel(&canceled, &watch()).unwrap().to_string(), "canceled");
    assert_eq!(log(&engine, &canceled).0, ["ended"]);
    assert_eq!(engine.pause(&paused, &Cancel::new()).unwrap().to_string(), "paused");
    let refused = protect(&engine).unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Paused { .. })), "{refused}");
    // Whoever resumes it carries it out.
    engine.resume(&paused, &watch()).unwrap();
    assert_eq!(state(&engine, &paused), "success");
    // Whoever canceled this one was cut off before its end was written.
    let cut_off = ask(&engine, &protection(&[]));
    let wish = dram_catalog::record::run::Wish::Cancel;
    engine.catalog().wish(cut_off.parse().unwrap(), wish).unwrap();
    assert_eq!(state(&engine, &cut_off), "requested");
    let last = ask(&engine, &protection(&[]));
    serve(&engine, "desk", |event| is_over(event, &last));
    assert_eq!(state(&engine, &cut_off), "canceled");
    assert_eq!(state(&engine, &wanted), "success");
    assert_eq!(log(&engine, &canceled).0, ["ended"]);
}

#[test]
fn one_whose_engine_was_killed_after_the_claim_is_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let run = ask(&engine, &protection(&[]));
    let claimed = Event {
        key: "claimed by one that is gone".to_owned(),
        at: Timestamp::now(),
        body: serde_json::json!({"by": "bob@lost"}),
    };
    let mut claim = engine.catalog().run_log(run.parse().unwrap()).unwrap();
    claim.append(vec![claimed], false).unwrap();
    assert_eq!(state(&engine, &run), "requested");
    serve(&engine, "desk", |event| is_over(event, &run));
    assert_eq!(state(&engine, &run), "success");
    assert_eq!(log(&engine, &run).0[..3], ["claimed", "claimed", "runbook"]);
}
