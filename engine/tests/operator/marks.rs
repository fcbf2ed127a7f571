//! Points that people hold or quarantine.

use super::*;

fn mark(engine: &Engine, point: &str, vault: Option<&str>, statement: Statement) -> Result<Vec<String>, Error> {
    let request = MarkRequest {
        point: point.to_lowercase(),
        vault: vault.map(str::to_owned),
        statement,
    };
    let marked = engine.mark(&request)?;
    assert!(marked.iter().all(|one| one.failed.is_none()), "{marked:?}");
    Ok(marked.into_iter().map(|one| one.vault).collect())
}

fn state(engine: &Engine, vault: &str, point: &str) -> String {
    let rows = engine.points("shop", Some(vault), None).unwrap();
    rows.into_iter().find(|row| row.point == point).unwrap().state
}

#[test]
fn a_held_point_outlives_its_retention_until_the_hold_ends() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 1, keepVerified: 1 }\n  vaults: [{ name: near }, { name: far }]";
    let engine = world(folder.path(), policy);
    let all: Vec<String> = (0..4).map(|_| protect(&engine).unwrap()).collect();
    let held = |reason: &str, until| Statement::Held {
        reason: reason.to_owned(),
        until,
    };
    let ended = Timestamp::now() - SignedDuration::from_mins(1);
    let ends = Timestamp::now() + SignedDuration::from_hours(1);
    assert_eq!(
        mark(&engine, &all[0], None, held("audit", None)).unwrap(),
        ["near", "far"]
    );
    assert_eq!(
        mark(&engine, &all[1], Some("far"), held("case", Some(ends))).unwrap(),
        ["far"]
    );
    mark(&engine, &all[2], None, held("too late", Some(ended))).unwrap();
    assert_eq!(state(&engine, "near", &all[0]), "held: audit");
    assert_eq!(state(&engine, "far", &all[1]), format!("held: case, until {ends}"));
    assert_eq!(state(&engine, "near", &all[1]), "sealed");
    assert_eq!(state(&engine, "near", &all[2]), "sealed");
    prune(&engine);
    assert_eq!(points(&engine, "near"), [&*all[0], &all[3]]);
    assert_eq!(points(&engine, "far"), [&*all[0], &all[1], &all[3]]);

    mark(&engine, &all[0], None, Statement::Released).unwrap();
    prune(&engine);
    assert_eq!(points(&engine, "near"), all[3..]);
    let gone = mark(&engine, &all[0], None, held("too late", None)).unwrap_err();
    assert!(gone.to_string().contains(&all[0]), "{gone}");
}

#[test]
fn a_quarantined_point_is_passed_over_until_that_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 1, keepVerified: 1 }\n  vaults: [{ name: near }]";
    let engine = world(folder.path(), policy);
    let all: Vec<String> = (0..3).map(|_| protect(&engine).unwrap()).collect();
    let reason = "encrypted by an intruder".to_owned();
    mark(&engine, &all[2], None, Statement::Quarantined { reason }).unwrap();
    assert_eq!(state(&engine, "near", &all[2]), "quarantined: encrypted by an intruder");
    let into = folder.path().join("look");
    look(&engine, "near", &into).unwrap();
    let newest = |engine: &Engine| {
        engine
            .points("shop", None, None)
            .unwrap()
            .into_iter()
            .rfind(|row| row.offered)
    };
    assert_eq!(newest(&engine).unwrap().point, all[1]);
    mark(&engine, &all[2], None, Statement::Cleared).unwrap();
    assert_eq!(newest(&engine).unwrap().point, all[2]);
}

#[test]
fn what_somebody_attests_counts_for_retention_and_is_shown_as_his_word() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 1, keepVerified: 1 }\n  vaults: [{ name: near }, { name: far }]";
    let engine = world(folder.path(), policy);
    let all: Vec<String> = (0..3).map(|_| protect(&engine).unwrap()).collect();
    let attested = |level: &str| Statement::Verified {
        level: level.to_owned(),
        reason: Some("booted in the lab".to_owned()),
    };
    assert_eq!(
        mark(&engine, &all[1], Some("near"), attested("boot")).unwrap(),
        ["near"]
    );
    let word = "verified (boot), attested by ann@desk: booted in the lab";
    assert_eq!(state(&engine, "near", &all[1]), word);
    assert_eq!(state(&engine, "far", &all[1]), "sealed");
    // Ours is ours.
    engine.verify(&all[2], Some("near"), Level::Checksum, &watch()).unwrap();
    assert_eq!(state(&engine, "near", &all[2]), "verified (checksum)");
    mark(
        &engine,
        &all[2],
        None,
        Statement::Quarantined {
            reason: "odd".to_owned(),
        },
    )
    .unwrap();
    mark(&engine, &all[2], None, attested("health")).unwrap();
    assert_eq!(
        state(&engine, "near", &all[2]),
        "quarantined: odd",
        "no word lifts that"
    );
    mark(&engine, &all[2], None, Statement::Cleared).unwrap();
    let newest = protect(&engine).unwrap();
    mark(&engine, &all[0], Some("far"), attested("restore")).unwrap();
    prune(&engine);
    assert_eq!(points(&engine, "near"), [&*all[2], &newest]);
    assert_eq!(
        points(&engine, "far"),
        [&*all[2], &newest],
        "the newest that counts as verified"
    );
}

/// A prune may have decided already about the point: a hold that nobody heeds would be worse than none.
#[test]
fn nothing_is_held_while_a_prune_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let point = protect(&engine).unwrap();
    let url: CatalogUrl = format!("file://{}/catalog", folder.path().display()).parse().unwrap();
    let catalog = Catalog::open(&url, &dram_catalog::Name::tenant("default").unwrap()).unwrap();
    let shop = dram_catalog::Name::application("shop").unwrap();
    let name = LeaseName::application(catalog.tenant(), &shop);
    let pruner = Holder::this_process(&SystemChance);
    let lease = Lease::acquire(&catalog, &name, &pruner, Duration::from_secs(30), Duration::ZERO).unwrap();
    let released = mark(&engine, &point, None, Statement::Released).unwrap_err();
    assert_eq!(released.exit(), Exit::Refused, "{released}");
    lease.release().unwrap();
    mark(&engine, &point, None, Statement::Released).unwrap();
}
