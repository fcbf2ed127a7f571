//! What stands on sheets.

use super::sheet::WIDTH;
use super::*;
use crate::runbook::{CredentialsRef, PlaceRef, S3Ref, SecretPlace, SiteRef, TransferRef, VaultRef};
use dram_compiler::model::{Application, Declaration, Spec};
use jiff::Timestamp;
use serde_json::json;

fn vault(name: &str, place: PlaceRef) -> VaultRef {
    VaultRef {
        name: name.to_owned(),
        place,
        password: SecretPlace::File("/etc/dram/key".to_owned()),
        adopts: None,
        lock: None,
        transfer: TransferRef::default(),
    }
}

fn bucket(address: &str, credentials: Option<CredentialsRef>) -> PlaceRef {
    PlaceRef::S3(S3Ref {
        address: address.to_owned(),
        credentials,
        prune_credentials: None,
    })
}

fn shop() -> Application {
    let declaration = Declaration::from_json(&json!({
        "apiVersion": "dram.dev/v1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {"site": "office", "policy": "hourly", "components": [
            {"name": "web", "after": ["db"],
             "host": {"paths": ["/srv/my shop"], "service": {"start": {"shell": "echo 'up'\nshopd &"}}},
             "health": [{"http": {"url": "http://127.0.0.1/up?a=1&b", "body": "at ${DRAM_SITE}"}, "startPeriod": "20s"},
                        {"exec": {"run": ["shopctl", "ping"], "dir": "/srv/my shop"}}]},
            {"name": "db", "host": {"device": "/dev/my data/db", "dump": {"command": {"run": ["dump"]}, "restore": {"run": ["load", "--all tables"]}}}},
        ]},
    }));
    match declaration {
        Ok(Declaration {
            spec: Spec::Application(application),
            ..
        }) => application,
        other => panic!("{other:?}"),
    }
}

fn text(vaults: &[VaultRef], tenant: &str) -> String {
    let (application, site) = (
        shop(),
        SiteRef {
            name: "office".to_owned(),
            root: "/srv/the office".to_owned(),
            mappings: Vec::new(),
            fail_on_missing: false,
        },
    );
    let about = About {
        kit: "01JD8Z00000000000000000000",
        tenant,
        name: "shop",
        application: &application,
        site: &site,
        vaults,
        missed: &[],
        at: Timestamp::UNIX_EPOCH,
        who: "ann@desk",
    };
    Sheet::new(&about, &Passphrase::new()).unwrap().text()
}

#[test]
fn components_come_in_the_order_of_their_start() {
    let sheet = text(&[vault("nas", PlaceRef::Directory("/mnt/nas".to_owned()))], "default");
    let expected = [
        "    export RESTIC_REPOSITORY=/mnt/nas/default/shop",
        "    ROOT='/srv/the office'",
        "Component db:",
        "    restic dump latest --tag \"dram,point=$POINT,item=db.image\" /image > \\\n        \
         \"$ROOT\"'/dev/my data/db'",
        "    (umask 077; restic dump latest --tag \"dram,point=$POINT,item=db.dump\" /dump \\\n        > dump.tmp) && \
         (cd \"$ROOT\" && load '--all tables') < dump.tmp && rm dump.tmp",
        "Component web:",
        "    restic restore latest --tag \"dram,point=$POINT,item=web.files\" --target \"$ROOT\"",
        "    (cd \"$ROOT\" && sh -c 'echo '\\''up'\\''\n    shopd &')",
        "    curl -fsS --max-time 5 --retry 20 --retry-delay 1 --retry-connrefused \\\n        \
         'http://127.0.0.1/up?a=1&b' | grep -F 'at '\"$DRAM_SITE\"",
        "    (cd \"$ROOT\"'/srv/my shop' && shopctl ping)",
    ];
    let mut rest = sheet.as_str();
    for line in expected {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("{line}\nis not in the rest of\n{sheet}");
        };
        rest = after;
    }
    assert!(!sheet.contains("--tenant"), "{sheet}");
    for line in sheet.lines() {
        assert!(line.chars().count() <= WIDTH + 8, "{line}");
    }
}

#[test]
fn every_store_is_named_as_both_programs_take_it_and_no_secret_is() {
    let keys = CredentialsRef::Keys {
        access: SecretPlace::Env("VAULT_ACCESS".to_owned()),
        secret: SecretPlace::File("/etc/dram/s3".to_owned()),
    };
    let adopted = VaultRef {
        adopts: Some("shop".to_owned()),
        ..vault("old", PlaceRef::Directory("/mnt/old".to_owned()))
    };
    let cases = [
        (
            vault("aws", bucket("s3://points/dram?region=eu-central-1", None)),
            vec![
                "RESTIC_REPOSITORY=s3:https://s3.eu-central-1.amazonaws.com/points/dram/acme/shop",
                "AWS_DEFAULT_REGION=eu-central-1",
                "--vault 's3://points/dram?region=eu-central-1'",
                "--tenant acme",
                "AWS_ACCESS_KEY_ID and",
            ],
        ),
        (
            vault(
                "ceph",
                bucket("s3://points?endpoint=http://10.0.0.1:7480&pathStyle=true", Some(keys)),
            ),
            vec![
                "RESTIC_REPOSITORY=s3:http://10.0.0.1:7480/points/acme/shop",
                "the variable VAULT_ACCESS",
                "the file /etc/dram/s3",
            ],
        ),
        (
            vault(
                "virtual",
                bucket("s3://points?endpoint=https://s3.example&pathStyle=false", None),
            ),
            vec!["restic() { command restic -o s3.bucket-lookup=dns \"$@\"; }"],
        ),
        (
            vault(
                "swift",
                PlaceRef::Swift {
                    cloud: "lab".to_owned(),
                    container: "dram".to_owned(),
                    prefix: "points".to_owned(),
                },
            ),
            vec![
                "RESTIC_REPOSITORY=swift:dram:/points/acme/shop",
                "entry lab of clouds.yaml",
            ],
        ),
        (adopted, vec!["RESTIC_REPOSITORY=/mnt/old\n"]),
    ];
    for (vault, expected) in cases {
        let sheet = text(std::slice::from_ref(&vault), "acme");
        let filled = sheet.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in expected {
            assert!(sheet.contains(words) || filled.contains(words), "{words}: {sheet}");
        }
        assert!(!sheet.contains("/etc/dram/key"), "{sheet}");
    }
}
