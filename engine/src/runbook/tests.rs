//! Decisions: what is asked beside the steps that follow, as a person reads them.

use super::*;
use crate::inventory::{Inventory, PathState, Presence};
use crate::vault::{Class, Durability, Item, MANIFEST_FORMAT, Manifest, Method, Owners, Writer};
use dram_compiler::model::{Application, Declaration, Name, Spec};
use serde_json::json;

/// A database with a dump, a web service after it, and a monitor without data after that.
fn shop() -> (Name, Application) {
    let declaration = Declaration::from_json(&json!({
        "apiVersion": "dram.dev/v1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {"site": "office", "policy": "hourly", "components": [
            {"name": "web", "after": ["db"],
             "host": {"paths": ["/srv/shop"], "service": {"start": {"run": ["start"]}, "stop": {"run": ["stop"]}}},
             "health": [{"http": {"url": "http://127.0.0.1/up"}}]},
            {"name": "db", "host": {"dump": {"command": {"run": ["dump"]}, "restore": {"run": ["load"]}}}},
            {"name": "monitor", "after": ["web"], "host": {"service": {"start": {"shell": "watch"}}}},
        ]},
    }));
    match declaration {
        Ok(Declaration {
            metadata,
            spec: Spec::Application(application),
        }) => (metadata.name, application),
        other => panic!("{other:?}"),
    }
}

fn site(name: &str) -> SiteRef {
    SiteRef {
        name: name.to_owned(),
        root: format!("/{name}"),
        mappings: Vec::new(),
        fail_on_missing: false,
    }
}

fn scope<'a>(name: &'a Name, application: &'a Application, place: &str, only: &'a [String]) -> Scope<'a> {
    Scope {
        tenant: "default",
        name,
        application,
        site: site(place),
        vault: vault(),
        copies: Vec::new(),
        only,
    }
}

fn vault() -> VaultRef {
    VaultRef {
        name: "nas".to_owned(),
        place: PlaceRef::Directory("/nas".to_owned()),
        password: SecretPlace::File("/key".to_owned()),
        adopts: None,
        lock: None,
        transfer: TransferRef::default(),
    }
}

fn inventory(root: Presence, path: Presence) -> Inventory {
    let state = PathState {
        logical: "/srv/shop".into(),
        physical: "/office/srv/shop".into(),
        presence: path,
    };
    Inventory {
        root,
        paths: vec![state],
    }
}

fn manifest() -> Manifest {
    let item = |name: &str, component: &str, method, paths: &[&str]| Item {
        name: name.to_owned(),
        component: component.to_owned(),
        method,
        durability: Durability::Vault,
        snapshot: String::new(),
        tree: String::new(),
        bytes: 1,
        files: 1,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        file_name: None,
    };
    Manifest {
        format: MANIFEST_FORMAT,
        min_reader: MANIFEST_FORMAT,
        point: "01JD8Z00000000000000000000".to_owned(),
        tenant: "default".to_owned(),
        application: "shop".to_owned(),
        epoch: 0,
        site: "office".to_owned(),
        class: Class::Scheduled,
        frozen_at: "2026-01-01T00:00:00Z".to_owned(),
        consistency: crate::vault::Consistency::None,
        writer: Writer { epoch: 0, lease: 1 },
        items: vec![
            item("db.dump", "db", Method::Dump, &[]),
            item("web.files", "web", Method::Files, &["/srv/shop"]),
        ],
        declarations: Vec::new(),
        mappings: std::collections::BTreeMap::new(),
        more: serde_json::Map::new(),
    }
}

fn texts(runbook: Result<Runbook, Refusal>) -> Vec<String> {
    match runbook {
        Ok(runbook) => runbook.steps.iter().map(Step::text).collect(),
        Err(refusal) => vec![format!("refused: {refusal}")],
    }
}

fn decide_protect(only: &[&str], inventory: &Inventory) -> Vec<String> {
    let (name, application) = shop();
    let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
    texts(protect(Protect {
        scope: scope(&name, &application, "office", &only),
        inventory,
        epoch: 0,
        point: "01JD8Z00000000000000000000".to_owned(),
        class: Class::Manual,
        consistency: None,
        max_freeze: dram_compiler::model::Duration::seconds(60),
        anomaly: None,
        declarations: Vec::new(),
    }))
}

#[test]
fn a_point_captures_in_the_order_of_start_and_is_sealed_last() {
    let there = inventory(Presence::Known, Presence::Known);
    assert_eq!(
        decide_protect(&[], &there),
        ["capture the dump of db", "capture the files of web", "seal the point"]
    );
    assert_eq!(
        decide_protect(&["web"], &there),
        ["capture the files of web", "seal the point"]
    );
}

#[test]
fn what_is_absent_is_never_captured_as_empty() {
    assert_eq!(
        decide_protect(&[], &inventory(Presence::Absent, Presence::Absent)),
        ["refused: the directory `/office` of site `office` is not there"]
    );
    assert_eq!(
        decide_protect(&[], &inventory(Presence::Known, Presence::Absent)),
        ["refused: component `web` names `/office/srv/shop`, which is not there at site `office`"]
    );
    assert_eq!(
        decide_protect(&["wep"], &inventory(Presence::Known, Presence::Known)),
        ["refused: application `shop` has no component `wep`"]
    );
    assert_eq!(
        decide_protect(&["monitor"], &inventory(Presence::Known, Presence::Known)),
        ["refused: application `shop` has no paths, no devices and no dumps: there is nothing to protect"]
    );
}

fn decide_restore(destination: Destination, inventory: &Inventory, only: &[&str]) -> Result<Runbook, Refusal> {
    let (name, application) = shop();
    let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
    restore(Restore {
        verb: Verb::Restore,
        scope: scope(&name, &application, "branch", &only),
        inventory,
        manifest: &manifest(),
        destination,
        epoch: 4,
        overwrite: false,
        owners: Owners::default(),
    })
}

fn take_over(attested: bool) -> Destination {
    Destination::TakeOver {
        epoch: 5,
        from: "office".to_owned(),
        attested: attested.then(|| "ann".to_owned()),
    }
}

const WAVES: [&str; 5] = [
    "load the dump of db",
    "restore the files of web",
    "start web",
    "wait until web is healthy",
    "start monitor",
];

#[test]
fn a_takeover_fences_then_takes_over_then_goes_wave_by_wave() {
    let there = inventory(Presence::Known, Presence::Absent);
    let runbook = decide_restore(take_over(true), &there, &[]);
    assert_eq!(runbook.as_ref().map(|runbook| runbook.epoch), Ok(5));
    let expected = [
        &[
            "see that nothing is in the way",
            "fence the site with epoch 5",
            "take over under epoch 5",
        ][..],
        &WAVES,
    ]
    .concat();
    assert_eq!(texts(runbook), expected);
}

#[test]
fn without_attestation_nobody_is_taken_over() {
    let refused = decide_restore(take_over(false), &inventory(Presence::Known, Presence::Absent), &[]);
    assert!(matches!(refused, Err(Refusal::NeedsAttestation { .. })), "{refused:?}");
}

#[test]
fn at_the_active_site_what_runs_is_stopped_first() {
    let there = inventory(Presence::Known, Presence::Known);
    let expected = [
        &[
            "see that nothing is in the way",
            "stop web",
            "fence the site with epoch 4",
        ][..],
        &WAVES,
    ]
    .concat();
    assert_eq!(
        texts(decide_restore(Destination::Active { live: false }, &there, &[])),
        expected
    );
    // Nothing is there: nothing runs on it, and the commands may be gone with it.
    let gone = inventory(Presence::Known, Presence::Absent);
    let expected = [
        &["see that nothing is in the way", "fence the site with epoch 4"][..],
        &WAVES,
    ]
    .concat();
    assert_eq!(
        texts(decide_restore(Destination::Active { live: false }, &gone, &[])),
        expected
    );
    assert_eq!(
        texts(decide_restore(Destination::Active { live: false }, &gone, &["db"])),
        [
            "see that nothing is in the way",
            "fence the site with epoch 4",
            "load the dump of db"
        ]
    );
}

#[test]
fn live_data_is_replaced_only_when_somebody_says_so() {
    let there = inventory(Presence::Known, Presence::Known);
    let refused = decide_restore(Destination::Active { live: true }, &there, &[]);
    assert!(matches!(refused, Err(Refusal::ReplacesLiveData { .. })), "{refused:?}");
    let gone = inventory(Presence::Known, Presence::Absent);
    assert!(decide_restore(Destination::Active { live: true }, &gone, &[]).is_ok());
}

#[test]
fn where_data_is_lost_in_part_stopping_may_fail() {
    let required = |destination: Destination, presence: Presence| {
        let mut inventory = inventory(Presence::Known, Presence::Known);
        let mut second = inventory.paths[0].clone();
        second.presence = presence;
        inventory.paths.push(second);
        let runbook = decide_restore(destination, &inventory, &[]).unwrap();
        runbook.steps.iter().find_map(|step| match step {
            Step::Stop { required, .. } => Some(*required),
            _ => None,
        })
    };
    assert_eq!(
        required(Destination::Active { live: false }, Presence::Known),
        Some(true)
    );
    assert_eq!(
        required(Destination::Active { live: false }, Presence::Absent),
        Some(false)
    );
    // An instance of old that still runs at the target is stopped, if it can be.
    assert_eq!(required(take_over(true), Presence::Known), Some(false));
}

#[test]
fn files_alone_start_nothing() {
    let (name, application) = shop();
    let manifest = manifest();
    let only: Vec<String> = Vec::new();
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let decide = |landing, overwrite, items: &[&str], paths: &[&str], holding: &[&str]| {
        let (items, paths, holding) = (words(items), words(paths), words(holding));
        texts(files_only(FilesOnly {
            scope: scope(&name, &application, "scratch", &only),
            manifest: &manifest,
            epoch: 0,
            asked: Asked {
                items: &items,
                paths: &paths,
                holding: &holding,
            },
            landing,
            overwrite,
            owners: Owners::default(),
        }))
    };
    let elsewhere =
        |items: &[&str], paths: &[&str], holding: &[&str]| decide(Landing::Elsewhere, false, items, paths, holding);
    let uploads = &["/srv/shop/uploads", "*.png"];
    assert_eq!(
        elsewhere(&[], &[], &[]),
        ["write the dump of db to db.dump", "restore the files of web"]
    );
    let part = ["restore /srv/shop/uploads, *.png of the files of web"];
    assert_eq!(elsewhere(&[], uploads, &["web.files"]), part);
    assert_eq!(
        elsewhere(&[], &["/etc"], &[]),
        ["refused: the point does not hold `/etc`"]
    );
    assert_eq!(elsewhere(&["db.dump"], &[], &[]), ["write the dump of db to db.dump"]);
    assert_eq!(elsewhere(&["web.files"], &[], &[]), ["restore the files of web"]);
    assert_eq!(
        elsewhere(&["web.fles"], &[], &[]),
        ["refused: the point does not hold an item `web.fles`"]
    );
    assert_eq!(
        decide(Landing::InPlace, false, &[], uploads, &["web.files"]),
        ["refused: restoring application `shop` at site `scratch`, where it runs, replaces its data"]
    );
    assert_eq!(decide(Landing::InPlace, true, &[], uploads, &["web.files"]), part);
    assert_eq!(
        decide(Landing::InPlace, true, &["db.dump"], &[], &[]),
        ["refused: `db.dump` is a dump: it has no place among the files of the application"]
    );
}

#[test]
fn a_runbook_of_the_first_release_says_one_path_or_none() {
    for (written, expected) in [
        (r#""/srv""#, vec!["/srv"]),
        ("null", Vec::new()),
        (r#"["/srv","!x"]"#, vec!["/srv", "!x"]),
    ] {
        let item = serde_json::to_string(&manifest().items[1]).unwrap();
        let text =
            format!(r#"{{"step":"restore-files","component":"web","item":{item},"overwrite":true,"only":{written}}}"#);
        match serde_json::from_str(&text).unwrap() {
            Step::RestoreFiles { only, owners, .. } => {
                assert_eq!(only, expected);
                assert!(owners.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_point_that_does_not_fit_is_not_restored_in_part() {
    let (name, application) = shop();
    let decide = |manifest: &Manifest, only: &[&str]| {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        texts(restore(Restore {
            verb: Verb::Restore,
            scope: scope(&name, &application, "branch", &only),
            inventory: &inventory(Presence::Known, Presence::Absent),
            manifest,
            destination: take_over(true),
            epoch: 4,
            overwrite: false,
            owners: Owners::default(),
        }))
    };
    let mut more = manifest();
    more.items[0].component = "search".to_owned();
    assert_eq!(
        decide(&more, &[]),
        ["refused: the point holds component `search`, which application `shop` no longer has"]
    );
    let mut less = manifest();
    less.items.remove(0);
    assert_eq!(
        decide(&less, &[]),
        ["refused: the point does not hold the data of component `db`"]
    );
    assert_eq!(
        decide(&less, &["web"]),
        [
            "see that nothing is in the way",
            "fence the site with epoch 5",
            "take over under epoch 5",
            "restore the files of web",
            "start web",
            "wait until web is healthy"
        ]
    );
}

#[test]
fn a_runbook_survives_its_record() {
    let runbook = decide_restore(take_over(true), &inventory(Presence::Known, Presence::Absent), &[]).unwrap();
    let text = serde_json::to_string(&runbook).unwrap();
    assert_eq!(serde_json::from_str::<Runbook>(&text).unwrap(), runbook);
}
