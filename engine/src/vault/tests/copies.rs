//! Points in further vaults.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::*;

/// A second vault for the fixture's application, with its chunks.
fn second(fixture: &Fixture) -> Repository {
    let path = fixture.target("second");
    std::fs::create_dir(&path).unwrap();
    let location = Vault::directory(path).repository("default", "shop").unwrap();
    location.init_like(&password(), &fixture.repository).unwrap();
    location.open(&password()).unwrap()
}

fn password() -> Password {
    Password::from_bytes(b"another one").unwrap()
}

fn protect(fixture: &Fixture, point: &str, epoch: u64) -> Manifest {
    let mut noise = StdRng::seed_from_u64(1);
    let mut content = vec![0_u8; 3 << 20];
    noise.fill_bytes(&mut content);
    fixture.file("/srv/a", content);
    fixture.file("/srv/deep/b", point);
    let captured = fixture.capture(point, &["/srv"]).unwrap();
    let dump = stream(&fixture.repository, point, point.as_bytes());
    let items = vec![
        Item::of_files("data", "web", &captured),
        Item::of_stream("dump", "db", "dump.sql", &dump),
    ];
    let manifest = manifest(point, epoch, items);
    fixture.repository.seal(&manifest, &origin()).unwrap();
    manifest
}

fn copy(fixture: &Fixture, to: &Repository, point: &str, under: u64) -> Result<Copied, VaultError> {
    let (progress, cancel) = (Silent::shared(), Cancel::new());
    let points = fixture.repository.points()?;
    let sealed = points.iter().find(|sealed| sealed.point == point);
    let sealed = sealed.ok_or_else(|| VaultError::UnknownPoint { point: point.into() })?;
    copy_point(&fixture.repository, to, sealed, under, &origin(), &progress, &cancel)
}

#[test]
fn a_copy_is_complete_without_the_first_vault() {
    let fixture = Fixture::new();
    let manifest = protect(&fixture, "P1", 0);
    let to = second(&fixture);
    let first = copy(&fixture, &to, "P1", 0).unwrap();
    assert!(first.new_bytes > 0 && first.bytes > 3 << 20, "{first:?}");
    std::fs::remove_dir_all(fixture.target("vault")).unwrap();

    let points = to.points().unwrap();
    assert!(points[0].is_restorable(), "{:?}", points[0].state);
    assert_eq!(
        points[0].manifest.as_ref(),
        Some(&manifest),
        "one manifest serves all copies"
    );
    let verdict = to.verify("P1", &Silent::shared(), &Cancel::new()).unwrap();
    assert!(verdict.damages.is_empty(), "{:?}", verdict.damages);
    let mut dump = Vec::new();
    let tree = &manifest.items[1].tree;
    to.dump_stream(tree, &mut dump, &Silent::shared(), &Cancel::new())
        .unwrap();
    assert_eq!(dump, b"P1");
    let captured = Captured {
        snapshot: String::new(),
        tree: manifest.items[0].tree.clone(),
        bytes: 0,
        files: 0,
        new_bytes: 0,
        paths: manifest.items[0].paths.clone(),
        notes: Vec::new(),
    };
    let into = fixture.target("out");
    restore(&to, &captured, &into, |_| {}).unwrap();
    assert_eq!(std::fs::read(into.join("srv/deep/b")).unwrap(), b"P1");
}

#[test]
fn only_what_is_missing_travels_and_copying_again_changes_nothing() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 0);
    let to = second(&fixture);
    let first = copy(&fixture, &to, "P1", 0).unwrap();
    assert_eq!(copy(&fixture, &to, "P1", 0).unwrap().new_bytes, 0);
    assert_eq!(to.points().unwrap().len(), 1);
    protect(&fixture, "P2", 0);
    let later = copy(&fixture, &to, "P2", 0).unwrap();
    assert!(later.new_bytes * 4 < first.new_bytes, "{later:?} after {first:?}");
    assert_eq!(to.points().unwrap().len(), 2);
}

#[test]
fn a_hold_travels_and_a_point_that_is_not_offered_does_not() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 0);
    let held = Attestation {
        point: "P1".into(),
        by: "tester".into(),
        at: "2025-01-02T03:04:05Z".into(),
        statement: Statement::Held {
            reason: "audit".into(),
            until: None,
        },
    };
    fixture.repository.attest(&held, &origin()).unwrap();
    let to = second(&fixture);
    copy(&fixture, &to, "P1", 0).unwrap();
    copy(&fixture, &to, "P1", 0).unwrap();
    assert_eq!(
        to.points().unwrap()[0].held.as_ref().map(Hold::to_string),
        Some("audit".to_owned())
    );
    let error = copy(&fixture, &to, "P2", 0).unwrap_err();
    assert!(matches!(error, VaultError::UnknownPoint { .. }), "{error}");
}

#[test]
fn after_a_takeover_the_new_writer_copies_old_points_and_the_old_one_copies_nothing_that_counts() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 0);
    protect(&fixture, "P2", 0);
    let to = second(&fixture);
    let takeover = Takeover {
        epoch: 1,
        site: "branch".into(),
        by: "tester".into(),
        reason: "office burnt".into(),
        at: "2025-01-02T03:04:05Z".into(),
    };
    fixture.repository.attest_takeover(&takeover, &origin()).unwrap();
    to.attest_takeover(&takeover, &origin()).unwrap();
    copy(&fixture, &to, "P1", 1).unwrap();
    copy(&fixture, &to, "P2", 0).unwrap();
    let states: Vec<PointState> = to.points().unwrap().into_iter().map(|point| point.state).collect();
    assert_eq!(states, [PointState::Restorable, PointState::Superseded { by: 1 }]);
}

#[test]
fn a_source_with_a_missing_pack_is_not_copied_half() {
    let fixture = Fixture::new();
    protect(&fixture, "P1", 0);
    let to = second(&fixture);
    let largest = packs(&fixture)
        .into_iter()
        .max_by_key(|path| std::fs::metadata(path).unwrap().len());
    std::fs::remove_file(largest.unwrap()).unwrap();
    let error = copy(&fixture, &to, "P1", 0).unwrap_err();
    assert!(error.to_string().contains("is not there"), "{error:?}");
    assert_eq!(to.points().unwrap(), []);
}
