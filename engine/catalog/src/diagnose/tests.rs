//! Against real servers where the environment gives their addresses, and a directory everywhere.

use std::sync::Arc;

use aws_sdk_s3::types::BucketVersioningStatus;
use dram_storage::{Bucket, Credentials, Secret};

use super::*;
use crate::catalog::Catalog;
use crate::clock::SystemClock;
use crate::store::lab::{LabBucket, LabSchema, options};

fn init(store: impl Store + 'static) {
    let store: Arc<dyn Store> = Arc::new(store);
    Catalog::init_in(&store, &SystemClock, &SystemChance, "test").unwrap();
}

fn grade(findings: &[Finding], about: About) -> Option<Grade> {
    findings
        .iter()
        .find(|finding| finding.about == about)
        .map(|finding| finding.grade)
}

fn all_good(findings: &[Finding]) {
    for finding in findings {
        assert_eq!(finding.grade, Grade::Good, "{finding:?}");
    }
    for about in [
        About::Reach,
        About::Read,
        About::List,
        About::Create,
        About::Remove,
        About::Verdict,
    ] {
        assert!(grade(findings, about).is_some(), "{about:?} was asked");
    }
}

#[test]
fn a_directory_is_diagnosed() {
    let home = tempfile::tempdir().unwrap();
    let url = CatalogUrl::File(home.path().join("catalog"));
    let findings = diagnose(&url);
    assert_eq!(findings.len(), 1);
    assert_eq!(grade(&findings, About::Reach), Some(Grade::Bad));
    std::fs::create_dir(home.path().join("catalog")).unwrap();
    let findings = diagnose(&url);
    assert_eq!(grade(&findings, About::Verdict), Some(Grade::Bad), "{findings:?}");
    Catalog::init(&url).unwrap();
    all_good(&diagnose(&url));
}

#[test]
fn an_s3_bucket_is_diagnosed() {
    let Some(bucket) = LabBucket::fresh("doctor") else {
        return;
    };
    init(bucket.store("c"));
    let mut findings = Vec::new();
    ask_s3(&mut findings, &bucket.store("c"));
    all_good(&findings);
    assert_eq!(grade(&findings, About::Versions), Some(Grade::Good));
    assert_eq!(grade(&findings, About::Clock), Some(Grade::Good));
    bucket.set_versioning(BucketVersioningStatus::Enabled);
    let mut findings = Vec::new();
    ask_s3(&mut findings, &bucket.store("c"));
    assert_eq!(grade(&findings, About::Versions), Some(Grade::Bad));
    let wrong = Credentials::Keys {
        access: "NOBODY".to_owned(),
        secret: Secret::new("hunter2".to_owned()),
    };
    let mut findings = Vec::new();
    ask_s3(
        &mut findings,
        &S3Store::within(Bucket::new(bucket.address("c"), wrong, options())),
    );
    assert_eq!(grade(&findings, About::Credentials), Some(Grade::Bad));
    assert_eq!(
        grade(&findings, About::Clock),
        Some(Grade::Good),
        "the clock may be why, so it is told"
    );
    assert!(!format!("{findings:?}").contains("hunter2"));
}

#[test]
fn a_postgres_schema_is_diagnosed() {
    let Some(schema) = LabSchema::fresh("doctor") else {
        return;
    };
    let ask = || {
        let mut findings = Vec::new();
        ask_postgres(&mut findings, &schema.store(), SslMode::Prefer, "127.0.0.1");
        findings
    };
    assert_eq!(grade(&ask(), About::Verdict), Some(Grade::Bad));
    init(schema.prepared());
    let mut findings = ask();
    // A laboratory's server may be allowed to forget; then that must be told.
    let is_durable = schema.store().session().unwrap().unwrap().is_durable;
    let durability = if is_durable { Grade::Good } else { Grade::Bad };
    assert_eq!(grade(&findings, About::Durability), Some(durability));
    findings.retain(|finding| finding.about != About::Durability);
    all_good(&findings);
    assert_eq!(grade(&findings, About::Clock), Some(Grade::Good));
    let mut far = Vec::new();
    ask_postgres(&mut far, &schema.store(), SslMode::Prefer, "db.example");
    assert_eq!(grade(&far, About::Encryption), Some(Grade::Look));
}

#[test]
fn clocks_that_are_far_apart_are_told() {
    for (seconds, wanted) in [
        (0, Grade::Good),
        (-20, Grade::Good),
        (60, Grade::Look),
        (-3600, Grade::Bad),
    ] {
        let told = clock(SignedDuration::from_secs(seconds));
        assert_eq!(told.grade, wanted, "{seconds}");
        assert_eq!(told.detail.contains("behind"), seconds < 0);
    }
}

#[test]
fn this_machine_is_told_from_others() {
    for here in ["127.0.0.1:7480", "localhost", "[::1]:80", "127.9.9.9"] {
        assert!(is_here(host_of(here)), "{here}");
    }
    for far in ["10.0.0.1:80", "localhost.example", "[fe80::1]:80"] {
        assert!(!is_here(host_of(far)), "{far}");
    }
}
