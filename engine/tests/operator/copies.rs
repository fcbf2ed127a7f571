//! Further vaults, and what is removed from each.

use super::*;

#[test]
fn a_protect_seals_in_both_vaults_and_either_of_them_restores() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    let first = protect(&engine).unwrap();
    fs::write(folder.path().join("office/srv/a"), "two").unwrap();
    let second = protect(&engine).unwrap();
    for vault in ["near", "far"] {
        assert_eq!(points(&engine, vault), [first.clone(), second.clone()], "{vault}");
    }
    fs::remove_dir_all(folder.path().join("near")).unwrap();
    let into = folder.path().join("look");
    look(&engine, "far", &into).unwrap();
    assert_eq!(fs::read(into.join("srv/a")).unwrap(), b"two");
    let unknown = look(&engine, "moon", &into).unwrap_err();
    assert!(unknown.help().unwrap().contains("near, far"), "{unknown}");
}

#[test]
fn a_point_is_looked_into_in_the_vault_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    let point = protect(&engine).unwrap();
    fs::remove_dir_all(folder.path().join("near")).unwrap();
    let far = Source {
        vault: Some("far"),
        as_of: None,
    };
    let listed = |source| engine.list(&point, Path::new("/srv"), true, source);
    let items = listed(far).unwrap();
    assert!(
        items[0].1.iter().any(|entry| entry.path == Path::new("/srv/a")),
        "{items:?}"
    );
    let mut read = Vec::new();
    engine.cat(&point, "/srv/a", far, &mut read).unwrap();
    assert_eq!(read, b"one");
    assert!(listed(Source::default()).is_err(), "the first vault is gone");
    let moon = Source {
        vault: Some("moon"),
        ..far
    };
    let unknown = listed(moon).unwrap_err();
    assert!(unknown.help().unwrap().contains("near, far"), "{unknown}");
    let past = Source {
        as_of: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..far
    };
    let refused = engine.cat(&point, "/srv/a", past, &mut read).unwrap_err();
    assert!(refused.to_string().contains("has no effect"), "{refused}");
    // What no index knows is looked for in the vault that is named.
    let id = point.parse().unwrap();
    let shop = dram_catalog::Name::application("shop").unwrap();
    engine.catalog().drop_point(&shop, id).unwrap();
    assert_eq!(listed(far).unwrap(), items);
    assert!(listed(moon).unwrap_err().help().unwrap().contains("near, far"));
}

#[test]
fn a_delayed_copy_waits_for_its_time_and_then_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let delayed = |delay: &str| format!("vaults: [{{ name: near }}, {{ name: far, delay: {delay} }}]");
    let engine = world(folder.path(), &delayed("1d"));
    let point = protect(&engine).unwrap();
    engine.copy("shop", false, &watch()).unwrap();
    assert_eq!(points(&engine, "near"), std::slice::from_ref(&point));
    assert_eq!(points(&engine, "far"), Vec::<String>::new());

    declare(&engine, folder.path(), &delayed("1s"));
    let end = Instant::now() + Duration::from_secs(60);
    while points(&engine, "far").is_empty() {
        assert!(Instant::now() < end, "the copy never arrives");
        engine.copy("shop", false, &watch()).unwrap();
    }
    let arrived = Timestamp::now();
    assert_eq!(points(&engine, "far"), [point]);
    let rows = engine.points("shop", Some("far"), None).unwrap();
    let frozen: Timestamp = rows[0].frozen_at.parse().unwrap();
    assert!(arrived >= frozen + SignedDuration::from_secs(1), "{frozen}, {arrived}");
}

#[test]
fn a_far_vault_that_is_away_leaves_the_point_and_gets_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    engine.reconcile(KindName::Application, "shop").unwrap();
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (far, away) = (folder.path().join("far"), folder.path().join("away"));
    fs::rename(&far, &away).unwrap();
    let behind = protect(&engine).unwrap_err();
    assert_eq!(behind.exit(), Exit::Partial, "{behind}");
    assert!(behind.help().unwrap().contains("dram copy shop"), "{behind}");
    assert_eq!(points(&engine, "near").len(), 1);
    assert_eq!(engine.runs(1).unwrap()[0].state.to_string(), "partial");

    fs::rename(&away, &far).unwrap();
    engine.copy("shop", false, &watch()).unwrap();
    assert_eq!(points(&engine, "far"), points(&engine, "near"));
}

#[test]
fn each_vault_is_pruned_by_its_own_retention_and_nothing_pruned_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 2, keepVerified: 1 }\n  \
                  vaults: [{ name: near }, { name: far, retention: { last: 1, keepVerified: 1 } }]";
    let engine = world(folder.path(), policy);
    let all: Vec<String> = (0..3).map(|_| protect(&engine).unwrap()).collect();
    let reports = prune(&engine);
    assert_eq!(reports.len(), 2);
    assert_eq!(points(&engine, "near"), all[1..]);
    assert_eq!(points(&engine, "far"), all[2..]);
    engine.copy("shop", false, &watch()).unwrap();
    assert_eq!(points(&engine, "far"), all[2..]);
    assert_eq!(
        engine.status(None).unwrap()[0].points,
        2,
        "the index forgets what no vault holds"
    );
}

#[test]
fn a_policy_with_one_vault_has_nowhere_to_copy_to() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let refused = engine.copy("shop", false, &watch()).unwrap_err();
    assert_eq!(refused.exit(), Exit::Refused, "{refused}");
}

/// The packs of the shop in a vault.
fn packs(folder: &Path, vault: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for part in fs::read_dir(folder.join(vault).join("default/shop/data")).unwrap() {
        found.extend(
            fs::read_dir(part.unwrap().path())
                .unwrap()
                .map(|file| file.unwrap().path()),
        );
    }
    found
}

#[test]
fn a_pack_that_a_far_vault_has_lost_travels_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    fs::write(folder.path().join("office/srv/a"), noise()).unwrap();
    protect(&engine).unwrap();
    lose_data(folder.path(), "far");
    protect(&engine).unwrap();
    let into = folder.path().join("look");
    look(&engine, "far", &into).unwrap();
    assert!(fs::read(into.join("srv/a")).unwrap() == noise());
    // Without any pack it is rather not mounted than lost.
    for pack in packs(folder.path(), "far") {
        fs::remove_file(pack).unwrap();
    }
    let behind = protect(&engine).unwrap_err();
    assert_eq!(behind.exit(), Exit::Partial, "{behind}");
    assert!(behind.to_string().contains("holds none of the"), "{behind}");
}

#[test]
fn a_far_vault_that_is_not_mounted_gets_no_new_history() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    protect(&engine).unwrap();
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (far, away) = (folder.path().join("far"), folder.path().join("away"));
    fs::rename(&far, &away).unwrap();
    fs::create_dir(&far).unwrap();
    let behind = protect(&engine).unwrap_err();
    assert_eq!(behind.exit(), Exit::Partial, "{behind}");
    assert_eq!(fs::read_dir(&far).unwrap().count(), 0);
}

#[test]
fn the_first_vault_keeps_what_a_delayed_copy_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 1, keepVerified: 1 }\n  \
                  vaults: [{ name: near }, { name: far, delay: 1d, retention: { last: 10, keepVerified: 1 } }]";
    let engine = world(folder.path(), policy);
    let all: Vec<String> = (0..3).map(|_| protect(&engine).unwrap()).collect();
    prune(&engine);
    assert_eq!(points(&engine, "near"), all);
}

#[test]
fn a_takeover_that_a_far_vault_missed_is_told_with_the_next_copy() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "vaults: [{ name: near }, { name: far }]";
    let engine = world(folder.path(), policy);
    protect(&engine).unwrap();
    let shop = dram_catalog::Name::application("shop").unwrap();
    let takeover = dram_engine::vault::Takeover {
        epoch: 1,
        site: "office".to_owned(),
        by: "ann".to_owned(),
        reason: "a test".to_owned(),
        at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let origin = dram_engine::vault::Origin {
        host: "desk".to_owned(),
        time: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let open = |vault: &str, key: &[u8]| {
        let password = dram_engine::vault::Password::from_bytes(key).unwrap();
        let vault = dram_engine::vault::Vault::directory(folder.path().join(vault));
        vault.repository("default", "shop").unwrap().open(&password).unwrap()
    };
    open("near", b"key").attest_takeover(&takeover, &origin).unwrap();
    engine.catalog().take_over(&shop, 1, "office", "a test", "ann").unwrap();
    protect(&engine).unwrap();
    let told = open("far", b"another").takeovers().unwrap();
    assert_eq!(told, [takeover]);
    assert_eq!(points(&engine, "far").len(), 2);
}

#[test]
fn reconciling_a_policy_makes_the_repositories_of_its_applications_in_every_vault() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    let observed = engine.reconcile(KindName::ProtectionPolicy, "hourly").unwrap();
    assert!(observed.ready, "{}", observed.reason);
    for vault in ["near", "far"] {
        assert!(
            folder.path().join(vault).join("default/shop/config").is_file(),
            "{vault}"
        );
    }
}

/// Bytes that no compression shrinks, more than all records of a point take.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..100_000).map(|_| next()).collect()
}

/// Removes the largest pack of the shop in a vault: that of the noise.
fn lose_data(folder: &Path, vault: &str) {
    let size = |path: &std::path::PathBuf| fs::metadata(path).unwrap().len();
    let largest = packs(folder, vault).into_iter().max_by_key(size).unwrap();
    fs::remove_file(largest).unwrap();
}

#[test]
fn a_point_that_cannot_be_copied_keeps_none_of_the_others_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (far, away) = (folder.path().join("far"), folder.path().join("away"));
    fs::rename(&far, &away).unwrap();
    fs::write(folder.path().join("office/srv/a"), noise()).unwrap();
    assert_eq!(protect(&engine).unwrap_err().exit(), Exit::Partial);
    lose_data(folder.path(), "near");
    fs::rename(&away, &far).unwrap();
    fs::write(folder.path().join("office/srv/a"), "something else").unwrap();
    let told = protect(&engine).unwrap_err();
    assert_eq!(told.exit(), Exit::Partial, "{told}");
    let near = points(&engine, "near");
    assert_eq!(points(&engine, "far"), near[1..], "the second one has arrived");
}

#[test]
fn a_damaged_point_stays_until_somebody_discards_it_and_then_space_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "retention: { last: 9, keepVerified: 1 }\n  vaults: [{ name: near }]";
    let engine = world(folder.path(), policy);
    fs::write(folder.path().join("office/srv/a"), noise()).unwrap();
    let first = protect(&engine).unwrap();
    lose_data(folder.path(), "near");
    let verified = engine.verify("shop", None, Level::Checksum, &watch()).unwrap();
    assert_eq!(verified.damages.len(), 1, "{:?}", verified.damages);
    fs::write(folder.path().join("office/srv/a"), "something else").unwrap();
    let second = protect(&engine).unwrap();
    let prune = |discard: &[&String]| {
        let request = PruneRequest {
            application: "shop".to_owned(),
            vault: None,
            dry_run: false,
            acknowledged: false,
            discard: discard.iter().map(|point| (*point).clone()).collect(),
        };
        engine.prune(&request, &watch())
    };
    let report = prune(&[]).unwrap().remove(0);
    let because: Vec<&str> = report.kept.iter().map(|(_, because)| because.as_str()).collect();
    assert_eq!(because, ["held, last", "newest, last"]);
    assert!(report.failed.is_some(), "what the damaged point needs is not there");
    for wrong in [&second, &"01JAAAAAAAAAAAAAAAAAAAAAAA".to_owned()] {
        assert!(prune(&[wrong]).is_err(), "{wrong}");
    }
    let report = prune(&[&first]).unwrap().remove(0);
    assert_eq!((report.removed, report.failed), (vec![first], None));
    assert_eq!(points(&engine, "near"), [second]);
}

/// What the doctor says of the shop.
fn answer(engine: &Engine) -> Answer {
    let findings = engine.doctor().unwrap();
    let about = findings.iter().find(|finding| finding.subject == "Application shop");
    about.unwrap().answer
}

#[test]
fn a_vault_that_is_not_mounted_gets_no_new_history() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    assert_eq!(answer(&engine), Answer::Look, "nothing was protected yet");
    protect(&engine).unwrap();
    assert_eq!(answer(&engine), Answer::Good);

    let (near, away) = (folder.path().join("near"), folder.path().join("away"));
    fs::rename(&near, &away).unwrap();
    fs::create_dir(&near).unwrap();
    assert_eq!(answer(&engine), Answer::Bad);
    let refused = protect(&engine).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(Refusal::VaultEmptied { points: 1, .. })),
        "{refused}"
    );
    assert_eq!(fs::read_dir(&near).unwrap().count(), 0);

    // Somebody says that it is lost for good.
    engine.reconcile(KindName::Application, "shop").unwrap();
    protect(&engine).unwrap();
}
