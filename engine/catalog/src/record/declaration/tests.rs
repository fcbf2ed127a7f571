use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalog::Catalog;
use crate::record::run::Request;
use crate::store::{FileStore, Store};
use crate::testing::{self, Lossy, Manners, ManualClock, MemoryStore};

fn subject(kind: &str, name: &str) -> Subject {
    Subject::new(kind, name).unwrap()
}

fn vault(name: &str, body: u32) -> Stated {
    Stated {
        subject: subject("Vault", name),
        body: json!({"spec": body}),
        references: vec![],
    }
}

fn policy(name: &str, vault: &str) -> Stated {
    Stated {
        subject: subject("ProtectionPolicy", name),
        body: json!({"vault": vault}),
        references: vec![subject("Vault", vault)],
    }
}

fn manager(kind: ManagerKind, id: &str) -> Manager {
    Manager {
        kind,
        id: id.to_owned(),
    }
}

fn terraform(id: &str) -> Manager {
    manager(ManagerKind::Terraform, id)
}

fn cli() -> Manager {
    manager(ManagerKind::Cli, "ann@desk")
}

/// What declaring ended in, in a word, for tables.
fn word(result: &Result<Declared, DeclareError>) -> String {
    match result {
        Ok(Declared {
            number, changed: true, ..
        }) => format!("wrote {number}"),
        Ok(Declared {
            number, changed: false, ..
        }) => format!("unchanged {number}"),
        Err(DeclareError::Managed { .. }) => "managed".to_owned(),
        Err(DeclareError::Exists { .. }) => "exists".to_owned(),
        Err(DeclareError::Changed { number, .. }) => format!("changed {number}"),
        Err(DeclareError::Destroyed { .. }) => "destroyed".to_owned(),
        Err(DeclareError::Unheard { .. }) => "unheard".to_owned(),
        Err(DeclareError::Dangling { .. }) => "dangling".to_owned(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn ownership() {
    let api = manager(ManagerKind::Api, "k");
    // Who declared first, and then: who declares, what, with which base, taking over or not, and what comes of it.
    let cases = [
        (terraform("a"), terraform("a"), 1, None, false, "unchanged 1"),
        (terraform("a"), terraform("a"), 1, Some(1), false, "unchanged 1"),
        (terraform("a"), terraform("a"), 2, Some(1), false, "wrote 2"),
        (terraform("a"), terraform("a"), 2, None, false, "exists"),
        (terraform("a"), terraform("a"), 2, Some(9), false, "changed 1"),
        (terraform("a"), terraform("b"), 1, None, false, "exists"),
        (terraform("a"), terraform("b"), 2, Some(1), false, "managed"),
        (terraform("a"), terraform("b"), 2, Some(1), true, "wrote 2"),
        (terraform("a"), terraform("b"), 2, Some(7), true, "changed 1"),
        (terraform("a"), cli(), 1, None, false, "managed"),
        (terraform("a"), cli(), 2, None, false, "managed"),
        (terraform("a"), cli(), 1, None, true, "wrote 2"),
        (terraform("a"), cli(), 2, None, true, "wrote 2"),
        (cli(), manager(ManagerKind::Cli, "bob"), 1, None, false, "unchanged 1"),
        (cli(), manager(ManagerKind::Cli, "bob"), 2, None, false, "wrote 2"),
        (cli(), terraform("ann@desk"), 2, Some(1), false, "wrote 2"),
        (cli(), terraform("a"), 2, Some(1), false, "managed"),
        (cli(), terraform("a"), 1, None, false, "exists"),
        (cli(), api.clone(), 2, None, false, "managed"),
        (api.clone(), api.clone(), 2, None, false, "wrote 2"),
        (api.clone(), manager(ManagerKind::Api, "l"), 2, None, false, "managed"),
        (api, cli(), 2, None, false, "managed"),
    ];
    for (first, second, body, base, take_over, expected) in cases {
        let catalog = testing::catalog("acme");
        catalog.declare_stated(&vault("nas", 1), &first, None, false).unwrap();
        let result = catalog.declare_stated(&vault("nas", body), &second, base, take_over);
        assert_eq!(
            word(&result),
            expected,
            "{first} then {second}, {body}, {base:?}, {take_over}"
        );
        let head = catalog.head(&subject("Vault", "nas")).unwrap().unwrap();
        let written = expected.starts_with("wrote");
        assert_eq!(head.standing.manager, if written { second } else { first });
        assert_eq!(head.standing.number, if written { 2 } else { 1 });
        assert_eq!(
            head.standing.declaration,
            json!({"spec": if written { body } else { 1 }})
        );
    }
}

#[test]
fn refusals_say_who_and_the_way_out() {
    let catalog = testing::catalog("acme");
    catalog
        .declare_stated(&vault("nas", 1), &terraform("01H"), None, false)
        .unwrap();
    let error = catalog
        .declare_stated(&vault("nas", 2), &cli(), None, false)
        .unwrap_err();
    assert_eq!(error.to_string(), "Vault `nas` is managed by terraform (01H)");
    assert!(error.help().contains("--take-over"), "{}", error.help());
    let error = catalog
        .declare_stated(&vault("nas", 2), &terraform("02H"), None, false)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vault `nas` exists already, managed by terraform (01H)"
    );
    assert_eq!(error.help(), "import it instead of creating it: its id is `nas`");
    catalog
        .declare_stated(&vault("nas", 2), &terraform("01H"), Some(1), false)
        .unwrap();
    let error = catalog
        .declare_stated(&vault("nas", 3), &terraform("01H"), Some(1), false)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vault `nas` was changed since number 1: number 2 was written by test at 2023-11-14T22:13:20Z"
    );
    let error = catalog
        .declare_stated(&policy("hourly", "naz"), &cli(), None, false)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ProtectionPolicy `hourly` refers to Vault `naz`, which is not declared"
    );
    let error = catalog
        .declare_stated(&vault("other", 3), &terraform("01H"), Some(4), false)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vault `other` was never declared in this catalog, although number 4 of it was seen"
    );
}

#[test]
fn withdrawing_leaves_a_tombstone_that_can_be_built_upon() {
    let catalog = testing::catalog("acme");
    let nas = subject("Vault", "nas");
    let withdraw = |base| catalog.withdraw_subject(&nas, &terraform("a"), base);
    assert_eq!(withdraw(None).unwrap(), Withdrawn::Before);
    catalog
        .declare_stated(&vault("nas", 1), &terraform("a"), None, false)
        .unwrap();
    catalog
        .declare_stated(&policy("hourly", "nas"), &cli(), None, false)
        .unwrap();
    let error = withdraw(Some(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vault `nas` is in use: ProtectionPolicy `hourly` refers to it"
    );
    catalog
        .withdraw_subject(&subject("ProtectionPolicy", "hourly"), &cli(), None)
        .unwrap();
    assert!(matches!(withdraw(Some(7)), Err(DeclareError::Changed { .. })));
    let other = catalog.withdraw_subject(&nas, &terraform("b"), None);
    assert!(matches!(other, Err(DeclareError::Managed { .. })));

    assert_eq!(withdraw(Some(1)).unwrap(), Withdrawn::Now { number: 2 });
    assert_eq!(withdraw(Some(1)).unwrap(), Withdrawn::Before);
    let head = catalog.head(&nas).unwrap().unwrap();
    assert!(head.destroyed);
    assert_eq!(head.standing.declaration, json!({"spec": 1}));
    assert!(catalog.survey(false).unwrap().live.is_empty());
    assert_eq!(
        word(&catalog.declare_stated(&policy("hourly", "nas"), &cli(), None, false)),
        "dangling"
    );
    assert_eq!(
        word(&catalog.declare_stated(&vault("nas", 1), &terraform("a"), Some(1), false)),
        "destroyed"
    );
    assert_eq!(
        word(&catalog.declare_stated(&vault("nas", 1), &terraform("b"), None, false)),
        "wrote 3"
    );
}

#[test]
fn what_a_run_works_on_stays() {
    let catalog = testing::catalog("acme");
    catalog.declare_stated(&vault("nas", 1), &cli(), None, false).unwrap();
    let request = Request {
        verb: "protect".to_owned(),
        subjects: vec![subject("Vault", "nas")],
        lease: None,
        detail: json!({}),
    };
    let run = catalog.request(&request).unwrap();
    let error = catalog
        .withdraw_subject(&subject("Vault", "nas"), &cli(), None)
        .unwrap_err();
    assert_eq!(error.to_string(), format!("run `{run}` is working on Vault `nas`"));
    catalog.run_log(run).unwrap().append(vec![], true).unwrap();
    catalog
        .withdraw_subject(&subject("Vault", "nas"), &cli(), None)
        .unwrap();
}

#[test]
fn a_record_that_cannot_be_read_blocks_changing_and_not_the_others() {
    let store = Arc::new(MemoryStore::new(Manners::Atomic));
    let catalog = testing::catalog_in(store.clone(), Arc::new(ManualClock::default()), "acme", 1);
    catalog.declare_stated(&vault("nas", 1), &cli(), None, false).unwrap();
    catalog.declare_stated(&vault("new", 1), &cli(), None, false).unwrap();
    let folder = |name| {
        let Subject { kind, name } = subject("Vault", name);
        crate::Folder::declaration(catalog.tenant(), &kind, &name)
    };
    store.put(&folder("new").number(2), br#"{"format":3,"min_reader":3}"#);
    let survey = catalog.survey(false).unwrap();
    assert_eq!(survey.live.len(), 1);
    assert!(survey.unreadable[0].is_too_new());
    assert!(survey.whole().unwrap_err().is_too_new());
    let blocked = catalog
        .declare_stated(&vault("new", 2), &cli(), None, false)
        .unwrap_err();
    assert!(matches!(blocked, DeclareError::Catalog(error) if error.is_too_new()));
    let blocked = catalog
        .withdraw_subject(&subject("Vault", "nas"), &cli(), None)
        .unwrap_err();
    assert!(
        matches!(blocked, DeclareError::Catalog(error) if error.is_too_new()),
        "it might refer to the vault"
    );
    store.put(&folder("new").number(2), b"{");
    let error = catalog.head(&subject("Vault", "new")).unwrap_err();
    assert!(
        error.to_string().contains("declared/Vault/new/00000000000000000002"),
        "{error}"
    );
}

#[test]
fn tenants_do_not_see_each_other() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let open = |tenant, seed| testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), tenant, seed);
    let (foo, longer) = (open("foo", 1), open("foo-bar", 2));
    longer
        .declare_stated(&vault("nas", 1), &terraform("a"), None, false)
        .unwrap();
    assert!(foo.survey(false).unwrap().live.is_empty());
    assert!(foo.head(&subject("Vault", "nas")).unwrap().is_none());
    assert_eq!(
        word(&foo.declare_stated(&vault("nas", 2), &terraform("b"), None, false)),
        "wrote 1"
    );
    assert_eq!(longer.survey(false).unwrap().live[0].declaration, json!({"spec": 1}));
    assert_eq!(
        word(&foo.declare_stated(&policy("hourly", "other"), &cli(), None, false)),
        "dangling"
    );
}

/// Writers that add one to what they saw, each from the base they saw, as Terraform does.
fn increments(store: &Arc<dyn Store>, seed: u64, writers: u64, each: u32) {
    let setup = testing::catalog_in(Arc::clone(store), Arc::new(ManualClock::default()), "acme", seed);
    let nas = subject("Vault", "nas");
    loop {
        // The first declaration may meet a lost answer as well.
        if setup
            .declare_stated(&vault("nas", 0), &terraform("a"), None, false)
            .is_ok()
        {
            break;
        }
    }
    let wins: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..writers)
            .map(|writer| {
                let (store, nas) = (Arc::clone(store), nas.clone());
                scope.spawn(move || {
                    let catalog =
                        testing::catalog_in(store, Arc::new(ManualClock::default()), "acme", seed * 100 + writer + 1);
                    let mut wins = Vec::new();
                    let mut unknown: Option<(u64, u64)> = None;
                    while wins.len() < each as usize {
                        let head = catalog.head(&nas).unwrap().unwrap().standing;
                        if let Some((number, mark)) = unknown.take() {
                            // Whether the record landed whose answer got lost is told by the record itself.
                            let series =
                                catalog.series(crate::Folder::declaration(catalog.tenant(), &nas.kind, &nas.name));
                            let landed = series
                                .get(number)
                                .unwrap()
                                .is_some_and(|record| record.body["declaration"]["mark"] == mark);
                            if landed {
                                wins.push((number, mark));
                                continue;
                            }
                        }
                        let spec = head.declaration["spec"].as_u64().unwrap() + 1;
                        let mark = (writer << 32) | spec;
                        let stated = Stated {
                            subject: nas.clone(),
                            body: json!({"spec": spec, "mark": mark}),
                            references: vec![],
                        };
                        match catalog.declare_stated(&stated, &terraform("a"), Some(head.number), false) {
                            Ok(declared) => {
                                assert!(declared.changed);
                                assert_eq!(declared.number, head.number + 1, "it built on what it saw");
                                wins.push((declared.number, mark));
                            }
                            Err(DeclareError::Changed { .. }) => {}
                            Err(DeclareError::Catalog(error)) => {
                                assert!(error.is_unreachable(), "{error}");
                                unknown = Some((head.number + 1, mark));
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                    wins
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    let catalog: Catalog = setup;
    let series = catalog.series(crate::Folder::declaration(catalog.tenant(), &nas.kind, &nas.name));
    let mut numbers: Vec<u64> = wins.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    let total = writers * u64::from(each);
    assert_eq!(
        numbers,
        (2..=total + 1).collect::<Vec<u64>>(),
        "each number was won once, and none was left out"
    );
    for (number, mark) in wins {
        let record = series.get(number).unwrap().unwrap();
        assert_eq!(
            record.body["declaration"]["mark"],
            json!(mark),
            "the winner's record stands"
        );
        assert_eq!(record.base, Some(number - 1));
        assert_eq!(
            record.body["declaration"]["spec"],
            json!(number - 1),
            "no increment was lost or doubled"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn concurrent_declarations_are_linearizable(seed in 0..1_000_000_u64, writers in 2..6_u64, lost in 0..50_u32) {
        let store: Arc<dyn Store> = Arc::new(Lossy::new(MemoryStore::new(Manners::Atomic), seed, 0));
        // The catalog is made before answers begin to get lost.
        testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), "acme", seed);
        let lossy: Arc<dyn Store> = Arc::new(Lossy::new(testing::Shared(store), seed, lost));
        increments(&lossy, seed, writers, 6);
    }
}

#[test]
fn concurrent_declarations_in_a_directory() {
    let home = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::open(home.path()).unwrap());
    increments(&store, 1, 4, 8);
}

#[test]
fn a_reference_never_outlives_its_target() {
    for seed in 0..40 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
        let open = |seed| testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), "acme", seed);
        let (one, two) = (open(seed * 2 + 1), open(seed * 2 + 2));
        one.declare_stated(&vault("nas", 1), &cli(), None, false).unwrap();
        let (declared, withdrawn) = std::thread::scope(|scope| {
            let declaring = scope.spawn(|| one.declare_stated(&policy("hourly", "nas"), &cli(), None, false));
            let withdrawing = scope.spawn(|| two.withdraw_subject(&subject("Vault", "nas"), &cli(), None));
            (declaring.join().unwrap(), withdrawing.join().unwrap())
        });
        let live: Vec<Subject> = one
            .survey(false)
            .unwrap()
            .live
            .into_iter()
            .map(|standing| standing.subject)
            .collect();
        let (policy, vault) = (
            live.contains(&subject("ProtectionPolicy", "hourly")),
            live.contains(&subject("Vault", "nas")),
        );
        assert!(vault || !policy, "seed {seed}: {declared:?} {withdrawn:?}");
        assert_eq!(declared.is_ok(), policy, "seed {seed}");
        assert_eq!(withdrawn.is_ok(), !vault, "seed {seed}");
    }
}
