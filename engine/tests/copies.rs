//! Further vaults, as an operator meets them: two directories here, any two stores elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::path::Path;

use dram_catalog::{Catalog, CatalogUrl};
use dram_compiler::check::check;
use dram_compiler::model::KindName;
use dram_compiler::source::Sources;
use dram_engine::engine::{Apply, Engine, Pick, ProtectRequest, PruneRequest, RestoreRequest, Watch, Where};
use dram_engine::error::Error;
use dram_engine::exit::Exit;
use dram_engine::run::Quiet;
use dram_engine::vault::{Cancel, Class};

/// A site with one file and two vaults; `policy` goes on after the first vault.
fn world(folder: &Path, policy: &str) -> Engine {
    let at = folder.display();
    let text = format!(
        "\
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: {{ name: office }}
spec: {{ host: {{ root: {at}/office }}, failureDomain: office }}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {{ name: near }}
spec: {{ directory: {{ path: {at}/near }}, failureDomain: near, password: {{ file: {at}/key }} }}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {{ name: far }}
spec: {{ directory: {{ path: {at}/far }}, failureDomain: far, password: {{ file: {at}/far-key }} }}
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: {{ name: hourly }}
spec:
  objectives: {{ rpo: 75m }}
  schedule: [{{ every: 1h }}]
  {policy}
---
apiVersion: dram.dev/v1
kind: Application
metadata: {{ name: shop }}
spec: {{ site: office, policy: hourly, components: [{{ name: web, host: {{ paths: [/srv] }} }}] }}
"
    );
    fs::create_dir_all(folder.join("office/srv")).unwrap();
    for vault in ["near", "far"] {
        fs::create_dir(folder.join(vault)).unwrap();
    }
    fs::write(folder.join("office/srv/a"), "one").unwrap();
    fs::write(folder.join("key"), "key\n").unwrap();
    fs::write(folder.join("far-key"), "another\n").unwrap();
    let url = format!("file://{at}/catalog");
    Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
    let engine = Engine::open(&url, "default", "ann@desk").unwrap();
    let mut sources = Sources::new();
    sources.add("model.yaml".to_owned(), text);
    let checked = check(&sources);
    let model = checked.model.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let what = Apply {
        model: &model,
        take_over: false,
        prune: false,
        dry_run: false,
    };
    engine.apply(&what).unwrap();
    engine
}

fn watch() -> Watch<'static> {
    Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    }
}

fn protect(engine: &Engine) -> Result<String, Error> {
    let request = ProtectRequest {
        application: "shop".to_owned(),
        components: Vec::new(),
        class: Class::Scheduled,
        dry_run: false,
    };
    engine.protect(&request, &watch()).map(|runbook| runbook.point)
}

fn points(engine: &Engine, vault: &str) -> Vec<String> {
    let rows = engine.points("shop", Some(vault), None).unwrap();
    assert!(rows.iter().all(|row| row.offered));
    rows.into_iter().map(|row| row.point).collect()
}

fn look(engine: &Engine, from: &str, into: &Path) -> Result<(), Error> {
    let request = RestoreRequest {
        application: "shop".to_owned(),
        point: Pick::Latest,
        from: Some(from.to_owned()),
        as_of: None,
        to: Where::Directory(into.to_owned()),
        components: Vec::new(),
        path: None,
        overwrite: false,
        attested: None,
        dry_run: false,
    };
    engine.restore(&request, &watch()).map(drop)
}

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
fn a_delayed_copy_waits_for_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far, delay: 1d }]");
    protect(&engine).unwrap();
    engine.copy("shop", false, &watch()).unwrap();
    assert_eq!(points(&engine, "near").len(), 1);
    assert_eq!(points(&engine, "far"), Vec::<String>::new());
}

#[test]
fn a_far_vault_that_is_away_leaves_the_point_and_gets_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    engine.reconcile(KindName::Application, "shop").unwrap();
    let (far, away) = (folder.path().join("far"), folder.path().join("away"));
    fs::rename(&far, &away).unwrap();
    let behind = protect(&engine).unwrap_err();
    assert_eq!(behind.exit(), Exit::Partial, "{behind}");
    assert!(behind.help().unwrap().contains("dram copy shop"), "{behind}");
    assert_eq!(points(&engine, "near").len(), 1);
    assert_eq!(engine.runs(1).unwrap()[0].state, "partial");

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
    let request = PruneRequest {
        application: "shop".to_owned(),
        vault: None,
        dry_run: false,
        acknowledged: false,
    };
    let reports = engine.prune(&request, &watch()).unwrap();
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
    protect(&engine).unwrap();
    for pack in packs(folder.path(), "far") {
        fs::remove_file(pack).unwrap();
    }
    protect(&engine).unwrap();
    let into = folder.path().join("look");
    look(&engine, "far", &into).unwrap();
    assert_eq!(fs::read(into.join("srv/a")).unwrap(), b"one");
}

#[test]
fn a_far_vault_that_is_not_mounted_gets_no_new_history() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    protect(&engine).unwrap();
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
    let request = PruneRequest {
        application: "shop".to_owned(),
        vault: None,
        dry_run: false,
        acknowledged: false,
    };
    engine.prune(&request, &watch()).unwrap();
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
