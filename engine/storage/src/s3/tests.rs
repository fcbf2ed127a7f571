//! Against a real server, whose address the environment gives (`DRAM_LAB_S3` and the keys beside it).

use super::*;
use crate::retry::Patience;

/// A fresh bucket of the lab; `None`, with the test skipped, where there is no lab.
fn fresh(name: &str, locked: bool) -> Option<Bucket> {
    let endpoint = dram_skips::variable("DRAM_LAB_S3")?;
    let nanos = Timestamp::now().as_nanosecond();
    let address = Address {
        bucket: format!("storage-{name}-{nanos}"),
        prefix: "below/here".to_owned(),
        region: None,
        endpoint: Some(endpoint),
        profile: None,
        path_style: true,
    };
    let keys = |secret: &str| Credentials::Keys {
        access: std::env::var("DRAM_LAB_S3_ACCESS").unwrap(),
        secret: Secret::new(secret.to_owned()),
    };
    let secret = std::env::var("DRAM_LAB_S3_SECRET").unwrap();
    let bucket = Bucket::new(address, keys(&secret), Options::default());
    let client = bucket.client("make").unwrap();
    let make = client
        .create_bucket()
        .bucket(bucket.bucket())
        .object_lock_enabled_for_bucket(locked);
    block_on(make.send()).unwrap().unwrap();
    Some(bucket)
}

fn bytes(text: &str) -> [Bytes; 1] {
    [Bytes::copy_from_slice(text.as_bytes())]
}

#[test]
fn objects_are_written_read_listed_and_removed() {
    let Some(bucket) = fresh("plain", false) else { return };
    assert_eq!(bucket.get("a", None).unwrap(), None);
    assert_eq!(bucket.head("a", None).unwrap(), None);
    assert_eq!(bucket.list("").unwrap(), []);
    bucket.put("a", &bytes("first"), Condition::Absent, None).unwrap();
    let again = bucket.put("a", &bytes("second"), Condition::Absent, None).unwrap_err();
    assert_eq!(again.fault, Fault::Exists);
    assert_eq!(bucket.get("a", None).unwrap().unwrap(), "first");
    bucket.put("a", &bytes("third"), Condition::None, None).unwrap();
    assert_eq!(bucket.get_range("a", None, 1, 3).unwrap().unwrap(), "hir");
    assert_eq!(bucket.head("a", None).unwrap().unwrap().size, 5);
    bucket
        .put(
            "b/c/d",
            &[Bytes::from_static(b"x"), Bytes::from_static(b"y")],
            Condition::None,
            None,
        )
        .unwrap();
    assert_eq!(bucket.get("b/c/d", None).unwrap().unwrap(), "xy");
    let folder = bucket.list_folder("").unwrap();
    assert_eq!(folder.folders, ["b"]);
    assert_eq!(folder.objects.len(), 1);
    assert_eq!(bucket.list_folder("b/").unwrap().folders, ["c"]);
    assert_eq!(bucket.list_after("", "a", 10).unwrap().objects.len(), 1);
    bucket.delete("a", None).unwrap();
    bucket.delete("a", None).unwrap();
    assert_eq!(bucket.get("a", None).unwrap(), None);
    assert_eq!(bucket.versioning().unwrap(), Versioning::Never);
    assert_eq!(bucket.lock_rule().unwrap(), LockRule::Off);
    let skew = bucket.clock_skew().unwrap();
    assert!(skew.abs() < jiff::SignedDuration::from_secs(5), "{skew:?}");
}

#[test]
fn a_listing_of_many_pages_is_whole() {
    let Some(bucket) = fresh("pages", false) else { return };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let bucket = &bucket;
            scope.spawn(move || {
                for number in 0..150 {
                    bucket
                        .put(&format!("k/{thread}-{number:04}"), &bytes("x"), Condition::None, None)
                        .unwrap();
                }
            });
        }
    });
    let keys: Vec<String> = bucket
        .list("k/")
        .unwrap()
        .into_iter()
        .map(|object| object.key)
        .collect();
    assert_eq!(keys.len(), 1200);
    assert!(keys.is_sorted());
    assert_eq!(bucket.list_folder("k/").unwrap().objects.len(), 1200);
}

#[test]
fn a_locked_version_outlives_every_removal() {
    let Some(bucket) = fresh("locked", true) else { return };
    assert_eq!(bucket.versioning().unwrap(), Versioning::Enabled);
    assert_eq!(bucket.lock_rule().unwrap(), LockRule::On);
    let version = bucket
        .put("a", &bytes("kept"), Condition::None, None)
        .unwrap()
        .version
        .unwrap();
    let until = Timestamp::now() + jiff::SignedDuration::from_secs(600);
    let retention = Retention {
        mode: Mode::Compliance,
        until,
    };
    bucket.retain("a", None, &retention).unwrap();
    let head = bucket.head("a", None).unwrap().unwrap();
    assert_eq!(head.retention.unwrap().mode, Mode::Compliance);
    assert!(head.retention.unwrap().until >= until);
    assert_eq!(bucket.delete("a", Some(&version)).unwrap_err().fault, Fault::Denied);
    bucket.delete("a", None).unwrap();
    assert_eq!(bucket.get("a", None).unwrap(), None, "a marker hides it");
    assert_eq!(bucket.get("a", Some(&version)).unwrap().unwrap(), "kept");
    let versions = bucket.list_versions("").unwrap();
    assert_eq!(versions.len(), 2);
    assert!(versions.iter().any(|version| version.is_marker && version.is_latest));
}

#[test]
fn what_cannot_be_reached_or_is_not_ours_is_told_apart() {
    let Some(bucket) = fresh("faults", false) else { return };
    let shared = &bucket.shared;
    let with = |address: Address, credentials: Credentials| {
        let patience = Patience::NONE;
        Bucket::new(
            address,
            credentials,
            Options {
                patience,
                ..Options::default()
            },
        )
    };
    let gone = with(
        Address {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..shared.address.clone()
        },
        shared.credentials.clone(),
    );
    assert_eq!(gone.get("a", None).unwrap_err().fault, Fault::Unreachable);
    let nowhere = with(
        Address {
            bucket: "storage-nowhere".to_owned(),
            ..shared.address.clone()
        },
        shared.credentials.clone(),
    );
    assert_eq!(nowhere.get("a", None).unwrap_err().fault, Fault::NoBucket);
    assert_eq!(nowhere.list("").unwrap_err().fault, Fault::NoBucket);
    let stranger = with(
        shared.address.clone(),
        Credentials::Keys {
            access: "NOBODY".to_owned(),
            secret: Secret::new("hunter2".to_owned()),
        },
    );
    let error = stranger.get("a", None).unwrap_err();
    assert_eq!(error.fault, Fault::Credentials);
    assert!(!format!("{error} {stranger:?}").contains("hunter2"));
}
