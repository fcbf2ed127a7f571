use dram_compiler::model::{Declaration, KindName};
use serde_json::json;

use super::*;
use crate::record::declaration::ManagerKind;
use crate::testing;

fn declaration(json: Value) -> Declaration {
    Declaration::from_json(&json).unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"))
}

fn vault(path: &str) -> Declaration {
    declaration(json!({
        "apiVersion": "dram.dev/v1",
        "kind": "Vault",
        "metadata": {"name": "nas"},
        "spec": {"directory": {"path": path}, "failureDomain": "nas", "password": {"file": "/etc/dram/key"}},
    }))
}

fn policy() -> Declaration {
    declaration(json!({
        "apiVersion": "dram.dev/v1",
        "kind": "ProtectionPolicy",
        "metadata": {"name": "hourly"},
        "spec": {
            "objectives": {"rpo": "75m"},
            "vaults": [{"name": "nas"}],
        },
    }))
}

#[test]
fn what_is_declared_comes_back_as_it_was() {
    let catalog = testing::catalog("acme");
    let me = Manager {
        kind: ManagerKind::Cli,
        id: "ann@desk".to_owned(),
    };
    let error = catalog.declare(&policy(), &me, None, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ProtectionPolicy `hourly` refers to Vault `nas`, which is not declared"
    );

    let declared = catalog.declare(&vault("/mnt/nas"), &me, None, false).unwrap();
    assert_eq!(
        declared,
        Declared {
            number: 1,
            manager: me.clone(),
            changed: true
        }
    );
    assert!(!catalog.declare(&vault("/mnt/nas"), &me, None, false).unwrap().changed);
    catalog.declare(&policy(), &me, None, false).unwrap();

    let standing = catalog.declared(KindName::Vault, "nas").unwrap().unwrap();
    assert_eq!(standing.declaration, vault("/mnt/nas"));
    assert_eq!(catalog.declared(KindName::Vault, "other").unwrap(), None);
    assert!(catalog.declared(KindName::Vault, "../nas").is_err());
    let all = catalog.declarations().unwrap().whole().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].references, vec![subject(KindName::Vault, "nas").unwrap()]);

    assert!(catalog.withdraw(KindName::Vault, "nas", &me, None).is_err());
    catalog
        .withdraw(KindName::ProtectionPolicy, "hourly", &me, None)
        .unwrap();
    assert_eq!(
        catalog.withdraw(KindName::Vault, "nas", &me, Some(1)).unwrap(),
        Withdrawn::Now { number: 2 }
    );
    assert_eq!(catalog.declared(KindName::Vault, "nas").unwrap(), None);
    assert_eq!(
        catalog.tombstone(KindName::Vault, "nas").unwrap().unwrap().declaration,
        vault("/mnt/nas")
    );
}

#[test]
fn an_observation_belongs_to_its_object() {
    let catalog = testing::catalog("acme");
    let seen = Observation {
        ready: false,
        reason: "the directory is read-only".to_owned(),
        declaration: Some(1),
    };
    assert!(catalog.observe(KindName::Vault, "nas", &seen).unwrap());
    assert_eq!(
        catalog.observed(KindName::Vault, "nas").unwrap().unwrap().observation,
        seen
    );
    assert_eq!(catalog.observed(KindName::RecoverySite, "nas").unwrap(), None);
}

#[test]
fn the_last_words_of_what_was_withdrawn_are_listed_until_it_is_declared_again() {
    let catalog = testing::catalog("acme");
    let me = Manager {
        kind: ManagerKind::Cli,
        id: "ann@desk".to_owned(),
    };
    let declared = catalog.declare(&vault("/mnt/nas"), &me, None, false).unwrap();
    assert_eq!(catalog.tombstones().unwrap().live, []);
    catalog
        .withdraw(KindName::Vault, "nas", &me, Some(declared.number))
        .unwrap();
    let gone = catalog.tombstones().unwrap().live;
    let gone: Vec<&Declaration> = gone.iter().map(|standing| &standing.declaration).collect();
    assert_eq!(gone, [&vault("/mnt/nas")]);
    assert_eq!(catalog.declarations().unwrap().live, []);
    catalog.declare(&vault("/mnt/other"), &me, None, false).unwrap();
    assert_eq!(catalog.tombstones().unwrap().live, []);
}
