//! What a vault offers, what is attested, and what is forgotten.

use jiff::ToSpan;

use super::*;

fn protect(fixture: &Fixture, point: &str, epoch: u64, content: &str) -> String {
    fixture.file("/srv/a", content);
    let captured = fixture.capture(point, &["/srv"]).unwrap();
    let dump = stream(&fixture.repository, point, content.as_bytes());
    let items = vec![
        Item::of_files("data", "web", &captured),
        Item::of_stream("dump", "db", "dump.sql", &dump),
    ];
    fixture
        .repository
        .seal(&manifest(point, epoch, items), &origin())
        .unwrap()
}

fn attest(fixture: &Fixture, point: &str, statement: Statement) {
    let attestation = Attestation {
        point: point.into(),
        by: "tester".into(),
        at: "2025-01-02T03:04:05Z".into(),
        statement,
    };
    fixture.repository.attest(&attestation, &origin()).unwrap();
}

fn states(fixture: &Fixture) -> Vec<(String, PointState)> {
    fixture
        .repository
        .points()
        .unwrap()
        .into_iter()
        .map(|p| (p.point, p.state))
        .collect()
}

#[test]
fn a_point_is_restorable_when_sealed_and_sealed_once() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "x");
    let captured = fixture.capture("P1", &["/srv"]).unwrap();
    assert_eq!(states(&fixture), []);
    let sealed = manifest("P1", 3, vec![Item::of_files("data", "web", &captured)]);
    let seal = fixture.repository.seal(&sealed, &origin()).unwrap();
    assert_eq!(
        fixture.repository.seal(&sealed, &origin()).unwrap(),
        seal,
        "sealing again changes nothing"
    );
    let mut other = sealed.clone();
    other.site = "elsewhere".into();
    let error = fixture.repository.seal(&other, &origin()).unwrap_err();
    assert!(matches!(error, VaultError::AlreadySealed { .. }));
    let points = fixture.repository.points().unwrap();
    assert_eq!(points.len(), 1);
    assert!(points[0].is_restorable());
    assert_eq!(points[0].manifest.as_ref(), Some(&sealed));
    assert_eq!(fixture.repository.highest_epoch().unwrap(), 3);
    // An item that is not in the vault is not sealed.
    let mut missing = sealed;
    missing.point = "P2".into();
    let error = fixture.repository.seal(&missing, &origin()).unwrap_err();
    assert!(matches!(error, VaultError::UnknownSnapshot { .. }));
}

#[test]
fn a_seal_of_a_newer_format_is_listed_as_unreadable() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "one");
    let mut newer = manifest("P2", 1, vec![]);
    newer.format = 2;
    newer.min_reader = 3;
    fixture.repository.seal(&newer, &origin()).unwrap();
    let states = states(&fixture);
    assert_eq!(states[0], ("P1".into(), PointState::Restorable));
    assert!(
        matches!(&states[1].1, PointState::Unreadable { reason, is_damaged: false } if reason.contains("format 2"))
    );
}

#[test]
fn attestations_are_merged_in_order() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "one");
    attest(
        &fixture,
        "P1",
        Statement::Held {
            reason: "audit".into(),
            until: None,
        },
    );
    attest(
        &fixture,
        "P1",
        Statement::Verified {
            level: "checksum".into(),
            reason: None,
        },
    );
    attest(
        &fixture,
        "P1",
        Statement::Quarantined {
            reason: "malware".into(),
        },
    );
    let point = fixture.repository.points().unwrap().remove(0);
    assert_eq!(point.held.as_ref().map(Hold::to_string), Some("audit".to_owned()));
    assert_eq!(point.quarantined.as_deref(), Some("malware"));
    assert_eq!(point.verified[0].level, "checksum");
}

#[test]
fn a_seal_written_after_a_takeover_is_not_offered() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "before");
    let takeover = Takeover {
        epoch: 2,
        site: "site-b".into(),
        by: "tester".into(),
        reason: "site-a burned".into(),
        at: "2025-01-02T03:04:05Z".into(),
    };
    let id = fixture.repository.attest_takeover(&takeover, &origin()).unwrap();
    assert_eq!(
        fixture.repository.attest_takeover(&takeover, &origin()).unwrap(),
        id,
        "begin or continue"
    );
    let mut other = takeover.clone();
    other.site = "site-c".into();
    assert!(matches!(
        fixture.repository.attest_takeover(&other, &origin()),
        Err(VaultError::Record { .. })
    ));
    // The old writer did not know.
    protect(&fixture, "P2", 1, "late");
    protect(&fixture, "P3", 2, "after");
    assert_eq!(
        states(&fixture),
        [
            ("P1".into(), PointState::Restorable),
            ("P2".into(), PointState::Superseded { by: 2 }),
            ("P3".into(), PointState::Restorable),
        ]
    );
    assert_eq!(fixture.repository.highest_epoch().unwrap(), 2);
    assert_eq!(fixture.repository.takeovers().unwrap(), [takeover]);
}

#[test]
fn forgetting_takes_what_was_planned_and_nothing_else() {
    let fixture = Fixture::new();
    for (point, content) in [("P1", "one"), ("P2", "two"), ("P3", "three")] {
        protect(&fixture, point, 1, content);
    }
    fixture.file("/srv/a", "never sealed");
    fixture.capture("P4", &["/srv"]).unwrap();
    fixture.capture("P5", &["/srv"]).unwrap();
    attest(
        &fixture,
        "P2",
        Statement::Held {
            reason: "audit".into(),
            until: None,
        },
    );
    let repository = &fixture.repository;
    let now = origin().time;
    let going = |points: &[&str]| -> Vec<String> { points.iter().map(|p| (*p).to_owned()).collect() };
    let held = repository.plan_prune(&going(&["P2"]), &[], &[], now);
    assert!(matches!(held, Err(VaultError::Protected { .. })), "{held:?}");
    let live = repository.plan_prune(&going(&["P1"]), &[], &going(&["P1"]), now);
    assert!(matches!(live, Err(VaultError::Protected { .. })), "{live:?}");

    let young = repository.plan_prune(&going(&["P1"]), &[], &[], now).unwrap();
    assert_eq!((young.points.clone(), young.unsealed.len()), (going(&["P1"]), 0));
    let later = now.checked_add((8 * 24).hours()).unwrap();
    let plan = repository
        .plan_prune(&going(&["P1"]), &[], &going(&["P5"]), later)
        .unwrap();
    assert_eq!(
        (plan.points.clone(), plan.unsealed.clone()),
        (going(&["P1"]), going(&["P4"]))
    );
    assert_eq!(plan.snapshots(), 4);
    repository.forget(&plan, &Cancel::new()).unwrap();
    repository.forget(&plan, &Cancel::new()).unwrap();
    assert_eq!(
        states(&fixture).iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>(),
        ["P2", "P3"]
    );
    assert!(
        repository
            .plan_prune(&going(&["P1"]), &[], &going(&["P5"]), later)
            .unwrap()
            .is_empty()
    );
    assert!(repository.find_item("P5", "data").unwrap().is_some());

    let pruned = repository.prune(&Cancel::new()).unwrap();
    assert!(pruned.marked_packs > 0);
    assert_eq!(pruned.removed_packs, 0, "the first phase only marks");
    let before = packs(&fixture).len();
    assert_eq!(
        repository.prune(&Cancel::new()).unwrap().removed_packs,
        0,
        "nothing is marked for long enough"
    );
    let removed = repository.prune_marked_for(0, &Cancel::new()).unwrap().removed_packs;
    assert!(removed > 0);
    assert!(packs(&fixture).len() < before);
    for (point, content) in [("P2", "two"), ("P3", "three")] {
        let item = repository.find_item(point, "data").unwrap().unwrap();
        let into = fixture.target(point);
        fixture.restore(&item, &into).unwrap();
        assert_eq!(std::fs::read_to_string(into.join("srv/a")).unwrap(), content);
        let verdict = repository.verify(point, &Silent::shared(), &Cancel::new()).unwrap();
        assert_eq!(verdict.damages, vec![]);
    }
}

#[test]
fn what_a_killed_prune_left_goes_although_nothing_else_does() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "one");
    let prune = |hours| fixture.repository.prune_marked_for(hours, &Cancel::new()).unwrap();
    prune(0);
    let before = packs(&fixture);
    // The index that named it was replaced, and it was not removed any more.
    let folder = before[0].parent().unwrap().with_file_name("ff");
    std::fs::create_dir_all(&folder).unwrap();
    let left = folder.join("ff".repeat(32));
    std::fs::write(&left, "left").unwrap();
    prune(23);
    assert!(left.exists(), "it is only marked: somebody may still write it");
    prune(23);
    assert!(left.exists(), "it is not marked for long enough");
    prune(0);
    assert_eq!(packs(&fixture), before);
}

#[test]
fn snapshots_hold_nothing_of_the_process() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "one");
    attest(&fixture, "P1", Statement::Released);
    let session = fixture.repository.session(&Cancel::new()).unwrap();
    let all = session.snapshots(&[]).unwrap();
    assert_eq!(all.len(), 4);
    for snapshot in all {
        assert_eq!(snapshot.hostname, "site-a");
        assert_eq!(snapshot.username, "");
        assert_eq!(snapshot.summary.unwrap().command, "dram");
    }
}

#[test]
fn a_point_that_lost_an_item_is_listed_and_not_offered() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 1, "one");
    let item = fixture.repository.find_item("P1", "dump").unwrap().unwrap();
    std::fs::remove_file(fixture.location().path().join("snapshots").join(&item.snapshot)).unwrap();
    assert_eq!(
        states(&fixture),
        [(
            "P1".into(),
            PointState::Incomplete {
                missing: vec!["dump".into()]
            }
        )]
    );
}

#[test]
fn no_snapshot_passes_a_spoiled_guard() {
    use rustic_core::{FileType, Id, WriteBackend};

    let fixture = Fixture::new();
    let session = fixture.repository.session(&Cancel::new()).unwrap();
    session.guard.spoil();
    let write = |kind| session.guard.write_bytes(kind, &Id::random(), false, vec![1].into());
    assert!(write(FileType::Snapshot).is_err());
    assert!(matches!(session.guard.take_error(), Some(StoreError::Withheld)));
    assert!(
        write(FileType::Pack).is_ok(),
        "what is stored already is of use to the next try"
    );
    assert_eq!(snapshots(&fixture), Vec::<String>::new());
}
