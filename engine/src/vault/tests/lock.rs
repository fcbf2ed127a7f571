//! Locks that a real server enforces.

use dram_storage::{Bucket, Options, Version};

use super::lab::{Keeps, Lab};
use super::s3::seal_point;
use super::tree::{assert_same, noise};
use super::*;

/// Longer than any test takes, on however busy a machine. Nobody waits for its end.
const LONG: Duration = Duration::from_secs(3600);
/// Short enough to be waited for. Nothing that is looked at depends on being done before its end.
const SHORT: Duration = Duration::from_secs(5);
const MODES: [LockMode; 2] = [LockMode::Governance, LockMode::Compliance];

fn locked(lab: &Lab, mode: LockMode) -> Vault {
    locked_for(lab, mode, LONG)
}

fn locked_for(lab: &Lab, mode: LockMode, period: Duration) -> Vault {
    lab.vault(&VaultOptions {
        lock: Some(Lock { mode, period }),
        ..VaultOptions::default()
    })
}

/// Every version of everything that readers see, which somebody tries to remove: what is removed nevertheless.
fn removed_by(attacker: &Bucket, lab: &Lab) -> Vec<Version> {
    let versions = lab.bucket.list_versions("").unwrap();
    assert!(versions.len() > 8, "{}", versions.len());
    versions
        .into_iter()
        .filter(|version| attacker.delete(&version.key, Some(&version.id)).is_ok())
        .collect()
}

fn wait_for(time: Timestamp, store: &Arc<dyn Store>) {
    wait_until("the end of a lock", || store.locks().unwrap().now().unwrap() > time);
}

fn bytes(lab: &Lab) -> u64 {
    lab.bucket
        .list_versions("")
        .unwrap()
        .iter()
        .map(|version| version.size)
        .sum()
}

/// Two points, of which the first holds what goes, in packs of its own.
fn seal_two(repository: &Repository, fixture: &Fixture) {
    fixture.file("/srv/stays", noise(5 << 20, 1));
    seal_point(repository, fixture, "P0");
    fixture.file("/srv/goes", noise(5 << 20, 2));
    seal_point(repository, fixture, "P1");
}

#[test]
fn nothing_of_a_locked_point_is_removed_before_its_time() {
    for mode in MODES {
        let (Some(lab), Some(limited)) = (lab::bucket("lock", Keeps::Locks), lab::limited()) else {
            return;
        };
        // Under governance the writer, with every right but that of the bypass; under compliance the owner of all.
        let attacker = match mode {
            LockMode::Governance => {
                lab.allow(&[
                    "GetObject",
                    "GetObjectVersion",
                    "PutObject",
                    "DeleteObject",
                    "DeleteObjectVersion",
                ]);
                Bucket::new(lab.place.address.clone(), limited, Options::default())
            }
            LockMode::Compliance => lab.bucket.clone(),
        };
        let fixture = Fixture::new();
        let location = locked(&lab, mode).repository("default", "shop").unwrap();
        let store = location.stores().writer.clone();
        let locks = store.locks().unwrap();
        let repository = location.init_and_open_raw(&fixture.key).unwrap();
        seal_two(&repository, &fixture);
        let packs: Vec<rustic_core::Id> = store.list(Kind::Pack).unwrap().into_iter().map(|(id, _)| id).collect();
        let until = |id: &rustic_core::Id| locks.until(Kind::Pack, id).unwrap().unwrap();
        let first: Vec<Timestamp> = packs.iter().map(until).collect();
        std::fs::remove_file(fixture.site().join("srv/goes")).unwrap();
        // Stores keep whole seconds.
        wait_for(locks.now().unwrap() + jiff::SignedDuration::from_millis(1100), &store);
        seal_point(&repository, &fixture, "P2");
        // Packs that the second point shares have its life now, the others their own.
        let moved = packs
            .iter()
            .zip(&first)
            .filter(|(id, first)| until(id) > **first)
            .count();
        assert!(moved > 0 && moved < packs.len(), "{moved} of {}", packs.len());

        assert_eq!(removed_by(&attacker, &lab), vec![], "{mode:?}");
        let plan = repository
            .plan_prune(&["P1".to_owned()], &[], &[], origin().time)
            .unwrap();
        assert!(
            plan.is_empty() && plan.locked.len() == 1 && plan.locked[0].point == "P1",
            "{plan:?}"
        );
        // A prune that would tidy the index leaves what is locked, and locks what it writes.
        let pruned = repository.prune(&Cancel::new()).unwrap();
        assert!(pruned.locked_files > 0, "{pruned:?}");
        assert_eq!(removed_by(&attacker, &lab), vec![], "{mode:?} after a prune");
        let item = repository.find_item("P1", "data").unwrap().unwrap();
        restore(&repository, &item, &fixture.target("first"), |_| {}).unwrap();
    }
}

#[test]
fn after_its_time_a_point_is_removed_and_its_space_comes_back() {
    for mode in MODES {
        let Some(lab) = lab::bucket("unlock", Keeps::Locks) else {
            return;
        };
        let fixture = Fixture::new();
        let location = locked_for(&lab, mode, SHORT).repository("default", "shop").unwrap();
        let store = location.stores().writer.clone();
        let locks = store.locks().unwrap();
        let repository = location.init_and_open_raw(&fixture.key).unwrap();
        seal_two(&repository, &fixture);
        std::fs::remove_file(fixture.site().join("srv/goes")).unwrap();
        seal_point(&repository, &fixture, "P2");
        let seal = &repository.points().unwrap()[2].seal.parse().unwrap();
        wait_for(locks.until(Kind::Snapshot, seal).unwrap().unwrap(), &store);
        let before = bytes(&lab);
        let plan = repository
            .plan_prune(&["P1".to_owned()], &[], &[], origin().time)
            .unwrap();
        assert_eq!((plan.points.len(), plan.locked.len()), (1, 0));
        repository.forget(&plan, &Cancel::new()).unwrap();
        repository.prune(&Cancel::new()).unwrap();
        repository.prune_marked_for(0, &Cancel::new()).unwrap();
        let after = bytes(&lab);
        assert!(after + (4 << 20) < before, "{before} bytes became {after}");
        let verdict = repository.verify("P2", &Silent::shared(), &Cancel::new()).unwrap();
        assert_eq!(verdict.damages, vec![]);
        let item = repository.find_item("P2", "data").unwrap().unwrap();
        restore(&repository, &item, &fixture.target("second"), |_| {}).unwrap();
        assert_same(&fixture.site().join("srv"), &fixture.target("second").join("srv"));
    }
}

/// What a sealing leaves that was killed before its last write: all of the seal but the snapshot that makes it one.
fn half_seal(repository: &Repository, manifest: &Manifest) {
    let bytes = serde_json::to_vec_pretty(manifest).unwrap();
    let until = repository.lock_ends().unwrap();
    repository
        .retaining(until)
        .store_log("manifest.json", bytes, &[], &origin())
        .unwrap();
}

#[test]
fn a_seal_that_was_begun_under_an_earlier_lock_is_locked_whole() {
    let Some(lab) = lab::bucket("resealed", Keeps::Locks) else {
        return;
    };
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(1 << 20, 1));
    let location = locked(&lab, LockMode::Governance)
        .repository("default", "shop")
        .unwrap();
    let store = location.stores().writer.clone();
    let locks = store.locks().unwrap();
    let repository = location.init_and_open_raw(&fixture.key).unwrap();
    let captured = capture(&repository, &fixture.site(), "P1", &["/srv"], &[]).unwrap();
    let manifest = manifest("P1", 1, vec![Item::of_files("data", "web", &captured)]);
    half_seal(&repository, &manifest);
    let blobs = store.list(Kind::Pack).unwrap().len();
    // Stores keep whole seconds.
    wait_for(locks.now().unwrap() + jiff::SignedDuration::from_millis(1100), &store);
    let seal: rustic_core::Id = repository.seal(&manifest, &origin()).unwrap().parse().unwrap();
    assert_eq!(
        store.list(Kind::Pack).unwrap().len(),
        blobs,
        "the seal's bytes were there already"
    );
    let until = locks.until(Kind::Snapshot, &seal).unwrap().unwrap();
    for kind in [Kind::Pack, Kind::Index, Kind::Key, Kind::Config] {
        for (id, _) in store.list(kind).unwrap() {
            let locked = locks.until(kind, &id).unwrap();
            assert!(locked >= Some(until), "{kind:?}: {locked:?} is before {until}");
        }
    }
}

#[test]
fn a_diagnosis_says_what_is_enforced() {
    let (Some(plain), Some(mut lab), Some(limited)) = (
        lab::bucket("diagnosed", Keeps::Plain),
        lab::bucket("diagnosed-locked", Keeps::Locks),
        lab::limited(),
    ) else {
        return;
    };
    let mode = LockMode::Governance;
    let found = locked(&plain, mode).diagnose();
    assert!(found.reached.is_ok());
    assert_eq!((found.writer.write, found.writer.remove), (Right::Yes, Right::Yes));
    assert!(matches!(found.lock, LockCheck::Broken(_)), "{:?}", found.lock);
    assert_eq!(found.versioning, Some(Versioning::Never));
    assert_eq!(found.used, Some(Used::default()));
    assert!(found.skew.unwrap().abs() < jiff::SignedDuration::from_secs(5));
    assert_eq!(plain.bucket.list("").unwrap(), vec![]);

    lab.allow(&["GetObject", "PutObject"]);
    lab.place.prune_credentials = Some(std::mem::replace(&mut lab.place.credentials, limited));
    let found = locked(&lab, mode).diagnose();
    assert_eq!(found.lock, LockCheck::Holds);
    assert_eq!(found.versioning, Some(Versioning::Enabled));
    let rights = |remove| Rights {
        list: Right::Yes,
        read: Right::Yes,
        write: Right::Yes,
        remove,
    };
    assert_eq!(found.writer, rights(Right::No));
    assert_eq!(found.pruner, Some(rights(Right::Yes)));
    // Only what is locked stays of the probes, until the next look: that one is the first in the listing.
    let left = lab.bucket.list_versions(".dram-probe/").unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    wait_for(
        Timestamp::now() + jiff::SignedDuration::from_secs(6),
        &lab.location().stores().writer,
    );
    assert_eq!(locked(&lab, mode).diagnose().lock, LockCheck::Holds);
    let left = lab.bucket.list_versions(".dram-probe/").unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    lab.place.address.bucket.push_str("-not");
    let found = locked(&lab, mode).diagnose();
    assert!(matches!(found.reached, Err(VaultError::MissingVault { .. })));
}

#[test]
fn a_key_can_be_added_and_not_removed_where_points_are_locked() {
    let Some(lab) = lab::bucket("lock-key", Keeps::Locks) else {
        return;
    };
    let fixture = Fixture::new();
    let location = locked(&lab, LockMode::Governance)
        .repository("default", "shop")
        .unwrap();
    let password = Password::from_bytes(b"correct horse").unwrap();
    location.init(&password).unwrap();
    let repository = location.open(&password).unwrap();
    fixture.file("/srv/a", "a");
    seal_point(&repository, &fixture, "P0");
    let (label, kit) = (
        KeyLabel {
            user: "dram-kit".to_owned(),
            host: "KIT".to_owned(),
        },
        Password::from_bytes(b"of the kit").unwrap(),
    );
    let added = repository.add_key(&kit, Some(&label)).unwrap();
    location.open(&kit).unwrap();
    // The next point needs the vault to be opened, so it locks every way to do that.
    seal_point(&repository, &fixture, "P1");
    let refused = repository.remove_key(&added).unwrap_err();
    assert!(
        matches!(&refused, VaultError::KeyStays { reason, .. } if reason.contains("locked until")),
        "{refused}"
    );
    location.open(&kit).unwrap();
    let keys = repository.keys().unwrap();
    let labels: Vec<_> = keys.iter().filter_map(|key| key.label.clone()).collect();
    assert_eq!((keys.len(), labels), (2, vec![label]));
}
