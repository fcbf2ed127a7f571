//! A vault in a container: what every store does, a point from its capture to its restore, and the stock program as judge.

use rustic_core::Id;
use rustic_core::repofile::MasterKey;

use super::super::super::address::VaultOptions;
use super::super::super::diagnose::Right;
use super::super::super::ground::Ground;
use super::super::super::store::{Kind, Store, suite};
use super::super::super::tests::restic::{PASSWORD, Stock};
use super::super::super::tests::{self as vault, tree};
use super::super::super::{Item, Password, Place, Silent, Vault, VaultError};
use super::super::account::Limits;
use super::super::container::Listed;
use super::super::ground::SwiftGround;
use super::super::place::SwiftPlace;
use super::*;

/// A ground in a fresh container of the lab.
fn ground(prefix: &str) -> Option<(Fresh, Arc<SwiftGround>)> {
    Some(ground_in(lab()?, prefix))
}

/// A ground in a fresh container of a cloud.
fn ground_in(cloud: Cloud, prefix: &str) -> (Fresh, Arc<SwiftGround>) {
    let fresh = Fresh::new(cloud.clone());
    let place = SwiftPlace {
        cloud: "lab".into(),
        container: fresh.name().to_owned(),
        prefix: prefix.into(),
    };
    let ground = SwiftGround::of(&place, &VaultOptions::default(), Account::of(cloud).unwrap());
    (fresh, Arc::new(ground))
}

#[test]
fn a_container_does_what_every_store_does() {
    for prefix in ["", "some/where"] {
        let Some((_fresh, ground)) = ground(prefix) else { return };
        let store: Arc<dyn Store> = Arc::new(ground.store(&["default", "shop"]));
        suite::run(&store);
    }
}

#[test]
fn a_store_of_segments_does_what_every_store_does() {
    let Some((fresh, ground)) = ground("some") else { return };
    ground.container.account.set_limits(Limits {
        object: 30_000,
        segments: 100,
    });
    let store: Arc<dyn Store> = Arc::new(ground.store(&["default", "shop"]));
    suite::run(&store);
    let mut left = 0;
    let count = &mut |_| {
        left += 1;
        Ok(())
    };
    fresh.list("some/default/shop/segments/", None, count).unwrap();
    assert_eq!(left, 0, "what is removed is removed with its segments");
}

#[test]
fn a_container_that_is_not_there_is_no_empty_vault_and_is_made_when_asked() {
    let Some(cloud) = lab() else { return };
    let place = SwiftPlace {
        cloud: "lab".into(),
        container: format!("f-not-yet-{}", std::process::id()),
        prefix: String::new(),
    };
    let vault = |cloud: &Cloud| SwiftGround::of(&place, &VaultOptions::default(), Account::of(cloud.clone()).unwrap());
    let error = vault(&cloud).require().unwrap_err();
    assert!(matches!(error, VaultError::MissingVault { .. }), "{error:?}");
    assert!(matches!(
        vault(&cloud).folders(&[]),
        Err(VaultError::MissingVault { .. })
    ));
    let store = vault(&cloud).store(&["t", "a"]);
    for error in [
        store.list(Kind::Config).unwrap_err(),
        store.list(Kind::Pack).unwrap_err(),
        store.write(Kind::Pack, &Id::default(), &[]).unwrap_err(),
    ] {
        assert!(format!("{error}").contains("bucket is not there"), "{error:?}");
    }
    let made = vault(&cloud);
    made.prepare().unwrap();
    assert_eq!(made.folders(&[]).unwrap(), Vec::<String>::new());
    made.container.remove().unwrap();
}

#[test]
fn a_point_goes_in_and_comes_out_and_the_stock_program_agrees() {
    let Some(cloud) = lab() else { return };
    let names = [("ST_AUTH", "AUTH"), ("ST_USER", "USER"), ("ST_KEY", "KEY")];
    let stock = names.map(|(name, end)| (name, variable(&format!("DRAM_LAB_SWIFT_{end}")).unwrap()));
    round_trip(cloud, &stock);
}

#[test]
fn a_point_goes_by_way_of_keystone_as_well() {
    let Some(cloud) = keystone::keystone() else { return };
    let names = [
        ("OS_AUTH_URL", ""),
        ("OS_REGION_NAME", "_REGION"),
        ("OS_APPLICATION_CREDENTIAL_ID", "_APPLICATION"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "_APPLICATION_SECRET"),
    ];
    let stock = names.map(|(name, end)| (name, variable(&format!("DRAM_LAB_KEYSTONE{end}")).unwrap()));
    round_trip(cloud, &stock);
}

/// A repository in a cloud from its making to a point that is forgotten; the stock program finds its way with variables of
/// its own.
fn round_trip(cloud: Cloud, stock: &[(&'static str, String)]) {
    let (fresh, ground) = ground_in(cloud, "some/where");
    let site = tempfile::tempdir().unwrap();
    let shop = site.path().join("srv/shop");
    std::fs::create_dir_all(&shop).unwrap();
    std::fs::write(shop.join("large"), tree::noise(11 << 20, 1)).unwrap();
    std::fs::write(shop.join("small"), "small").unwrap();
    let place = ground.place.clone();
    let vault = Vault::on(ground);
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    let location = vault.repository("default", "shop").unwrap();
    location.init(&password).unwrap();
    let repository = location.open(&password).unwrap();
    let captured = vault::capture(&repository, site.path(), vault::POINT, &["/srv/shop"], &[]).unwrap();
    let items = vec![Item::of_files("data", "web", &captured)];
    repository
        .seal(&vault::manifest(vault::POINT, 1, items), &vault::origin())
        .unwrap();
    assert_eq!(vault.tenants().unwrap(), ["default"]);
    assert_eq!(vault.applications("default").unwrap(), ["shop"]);
    assert_eq!(repository.points().unwrap().len(), 1);
    let verdict = repository
        .verify(vault::POINT, &Silent::shared(), &Cancel::new())
        .unwrap();
    assert_eq!(verdict.damages, vec![]);
    let into = site.path().join("into");
    vault::restore(&repository, &captured, &into, |_| {}).unwrap();
    tree::assert_same(&shop, &into.join("srv/shop"));
    check_with_stock(&place, stock, &captured.snapshot, &shop);

    std::fs::write(shop.join("large"), tree::noise(11 << 20, 2)).unwrap();
    let second = vault::capture(&repository, site.path(), "P2", &["/srv/shop"], &[]).unwrap();
    let items = vec![Item::of_files("data", "web", &second)];
    repository
        .seal(&vault::manifest("P2", 1, items), &vault::origin())
        .unwrap();
    let before = bytes(&fresh);
    let going = [vault::POINT.to_owned()];
    let plan = repository.plan_prune(&going, &[], &[], vault::origin().time).unwrap();
    repository.forget(&plan, &Cancel::new()).unwrap();
    repository.prune(&Cancel::new()).unwrap();
    repository.prune_marked_for(0, &Cancel::new()).unwrap();
    let after = bytes(&fresh);
    // Of 11 MiB; a prune leaves a twentieth of what is used as it lies, rather than write it again.
    assert!(after + (9 << 20) < before, "{before} bytes became {after}");
    let into = site.path().join("second");
    vault::restore(&repository, &second, &into, |_| {}).unwrap();
    tree::assert_same(&shop, &into.join("srv/shop"));
}

/// How much lies in a container.
fn bytes(container: &Container) -> u64 {
    let mut sum = 0;
    let add = &mut |listed| {
        if let Listed::Object { bytes, .. } = listed {
            sum += bytes;
        }
        Ok(())
    };
    container.list("", None, add).unwrap();
    sum
}

/// The stock program finds no error in the repository, and restores from it what `expected` holds.
fn check_with_stock(
    place: &SwiftPlace,
    variables: &[(&'static str, String)],
    snapshot: &str,
    expected: &std::path::Path,
) {
    let folder = tempfile::tempdir().unwrap();
    let stock = Stock {
        repository: format!("swift:{}:/{}/default/shop", place.container, place.prefix),
        variables: variables.to_vec(),
    };
    let Some(check) = stock.run(&["check", "--read-data"]) else {
        return;
    };
    assert!(check.contains("no errors were found"), "{check}");
    let target = folder.path().to_str().unwrap();
    stock.run(&["restore", snapshot, "--target", target]);
    tree::assert_same(expected, &folder.path().join("srv/shop"));
}

#[test]
fn a_second_maker_finds_the_first_ones_repository() {
    let Some((_fresh, ground)) = ground("") else { return };
    let location = Vault::on(ground).repository("default", "shop").unwrap();
    let key = MasterKey::new();
    let first = location.init_and_open_raw(&key).unwrap();
    let second = location.init_and_open_raw(&key).unwrap();
    assert_eq!(first.id(), second.id());
}

#[test]
fn a_probe_tells_what_may_be_done_and_leaves_nothing() {
    let Some((fresh, ground)) = ground("deep/down") else {
        return;
    };
    let found = ground.diagnose();
    assert!(found.reached.is_ok());
    for right in [
        &found.writer.list,
        &found.writer.read,
        &found.writer.write,
        &found.writer.remove,
    ] {
        assert_eq!(*right, Right::Yes, "{found:?}");
    }
    assert!(found.pruner.is_none() && found.used.is_some(), "{found:?}");
    // The same machine: what is seen is the header's whole seconds and the time of the question.
    assert!(
        found.skew.unwrap().abs() < jiff::SignedDuration::from_secs(10),
        "{found:?}"
    );
    let mut left = 0;
    let count = &mut |_| {
        left += 1;
        Ok(())
    };
    fresh.list("", None, count).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_lock_and_a_time_in_the_past_are_refused_where_they_would_have_no_effect() {
    let place: Place = "swift://prod/vault/some".parse().unwrap();
    assert_eq!(place.to_string(), "swift://prod/vault/some");
    let past = VaultOptions {
        as_of: Some(jiff::Timestamp::UNIX_EPOCH),
        ..VaultOptions::default()
    };
    let error = Vault::open(&place, &past).unwrap_err();
    assert!(matches!(error, VaultError::UselessOption { .. }), "{error:?}");
}
