//! Firings of a schedule.

use super::*;

/// Two engines may believe that they act: one was stopped for longer than its lease, and woke.
#[test]
fn a_firing_is_served_once_and_a_skipped_one_is_served_too() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let at = |hour: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hour);
    fire(&engine, at(0)).unwrap();
    protect(&engine).unwrap();
    let again = fire(&engine, at(0)).unwrap_err();
    assert!(matches!(again, Error::Refused(Refusal::Served { .. })), "{again}");
    assert_eq!(points(&engine, "near").len(), 2);

    let url: CatalogUrl = format!("file://{}/catalog", folder.path().display()).parse().unwrap();
    let catalog = Catalog::open(&url, &dram_catalog::Name::tenant("default").unwrap()).unwrap();
    let shop = dram_catalog::Name::application("shop").unwrap();
    let name = LeaseName::application(catalog.tenant(), &shop);
    let other = Holder::this_process(&SystemChance);
    let lease = Lease::acquire(&catalog, &name, &other, Duration::from_secs(30), Duration::ZERO).unwrap();
    let skipped = fire(&engine, at(1)).unwrap_err();
    assert_eq!(skipped.exit(), Exit::Refused, "{skipped}");
    lease.release().unwrap();
    let newest = &engine.runs(1).unwrap()[0];
    assert_eq!(newest.firing, Some(at(1).to_string()));
    assert!(newest.error.contains("is held by"), "{newest:?}");
    let late = fire(&engine, at(1)).unwrap_err();
    assert!(matches!(late, Error::Refused(Refusal::Served { .. })), "{late}");
    fire(&engine, at(2)).unwrap();
}

#[test]
fn a_vault_that_was_away_for_a_moment_costs_no_firing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (near, away) = (folder.path().join("near"), folder.path().join("away"));
    fs::rename(&near, &away).unwrap();
    let what = Serve {
        name: "desk".to_owned(),
        at_once: 1,
        first_pause: Duration::from_millis(50),
    };
    let (cancel, told) = (Cancel::new(), Mutex::new(Vec::new()));
    // It fires every hour: what comes in this test's seconds is one firing, tried again.
    let tell = |event: &Told| {
        match event {
            Told::Failed { .. } if !near.exists() => fs::rename(&away, &near).unwrap(),
            Told::Protected { .. } => cancel.cancel(),
            _ => {}
        }
        told.lock().unwrap().push(event.clone());
    };
    engine.serve(&what, &tell, &cancel).unwrap();
    let told = told.into_inner().unwrap();
    let count = |is: fn(&Told) -> bool| told.iter().filter(|event| is(event)).count();
    // The hour may end just now.
    assert!(
        (1..=2).contains(&count(|event| matches!(event, Told::Fires { .. }))),
        "{told:?}"
    );
    assert_eq!(count(|event| matches!(event, Told::Failed { .. })), 1, "{told:?}");
    assert_eq!(count(|event| matches!(event, Told::Protected { .. })), 1, "{told:?}");
    assert_eq!(told.last(), Some(&Told::Stops));
    assert_eq!(points(&engine, "near").len(), 1);
    let states: Vec<String> = engine
        .runs(9)
        .unwrap()
        .into_iter()
        .map(|run| run.state.to_string())
        .collect();
    assert_eq!(states, ["success", "failed"]);
}

/// The engine that would have tried again was stopped: what it owed is not forgotten with it.
#[test]
fn a_firing_that_failed_is_tried_again_by_the_next_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (near, away) = (folder.path().join("near"), folder.path().join("away"));
    fs::rename(&near, &away).unwrap();
    let serve = |until: &(dyn Fn(&Told) -> bool + Sync)| {
        let what = Serve {
            name: "desk".to_owned(),
            at_once: 1,
            // Nothing is tried again in the time of a test but by an engine that begins.
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
    };
    serve(&|event| matches!(event, Told::Failed { .. }));
    assert_eq!(engine.runs(9).unwrap().len(), 1);
    fs::rename(&away, &near).unwrap();
    let told = serve(&|event| matches!(event, Told::Protected { .. }));
    assert_eq!(points(&engine, "near").len(), 1, "{told:?}");
    let states: Vec<String> = engine
        .runs(9)
        .unwrap()
        .into_iter()
        .map(|run| run.state.to_string())
        .collect();
    assert_eq!(states, ["success", "failed"]);
}

#[test]
fn an_engine_needs_a_name_that_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let what = Serve {
        name: "Not A Name".to_owned(),
        at_once: 1,
        first_pause: Duration::from_millis(50),
    };
    let refused = engine.serve(&what, &|_| {}, &Cancel::new()).unwrap_err();
    assert_eq!(refused.exit(), Exit::Usage, "{refused}");
}
