//! Against a real gateway, whose address the environment gives (`DRAM_LAB_S3`), and against servers in this process that have
//! bad manners. The latter prove nothing about real stores; they show that we notice.

mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::types::BucketVersioningStatus;
use dram_storage::Secret;

use self::server::{Instance, Manners, Mishap, Server};
use super::*;
use crate::catalog::{Catalog, Initialised};
use crate::chance::SystemChance;
use crate::clock::SystemClock;
use crate::error::CatalogError;
use crate::name::{LeaseName, Name};
use crate::store::lab::{LabBucket, options};
use crate::store::suite;
use crate::testing::Shared;

fn lease() -> Folder {
    Folder::lease(&LeaseName::new("prune").unwrap())
}

/// The store at an endpoint, over connections of its own.
fn at(endpoint: &str, patience: Patience) -> S3Store {
    let address = format!("s3://bucket/prefix?endpoint={endpoint}&pathStyle=true")
        .parse()
        .unwrap();
    let keys = Credentials::Keys {
        access: "access".to_owned(),
        secret: Secret::new("wrong-secret".to_owned()),
    };
    let options = Options { patience, ..options() };
    S3Store::within(Bucket::new(address, keys, options))
}

fn init(another: impl Fn() -> S3Store) -> Result<Initialised, CatalogError> {
    let store: Arc<dyn Store> = Arc::new(another());
    Catalog::init_by(|| Ok(Arc::new(another())), &store, &SystemClock, &SystemChance, "test")
}

#[test]
fn s3_store_does_what_every_store_must() {
    let Some(bucket) = LabBucket::fresh("suite") else {
        return;
    };
    suite::run(Arc::new(bucket.store("a/prefix")));
}

#[test]
fn s3_store_at_the_top_of_its_bucket_does_too() {
    let Some(bucket) = LabBucket::fresh("top") else { return };
    suite::run(Arc::new(bucket.store("")));
}

#[test]
fn s3_catalogs_below_prefixes_do_not_see_each_other() {
    let Some(bucket) = LabBucket::fresh("apart") else {
        return;
    };
    let (a, ab, inner) = (bucket.store("a"), bucket.store("ab"), bucket.store("a/leases"));
    for store in [&ab, &inner] {
        store.create(&lease().number(1), b"x").unwrap();
    }
    assert_eq!(a.read(&lease().number(1)).unwrap(), None);
    assert_eq!(a.list(&Folder::below_root("leases/leases")).unwrap().folders, ["prune"]);
    assert_eq!(a.list(&Folder::root()).unwrap().folders, ["leases"]);
    assert_eq!(a.list(&lease()).unwrap(), Listing::default());
}

#[test]
fn s3_bucket_without_versions_is_accepted_by_init() {
    let Some(bucket) = LabBucket::fresh("plain") else {
        return;
    };
    assert!(matches!(init(|| bucket.store("c")).unwrap(), Initialised::Created(_)));
    assert!(matches!(init(|| bucket.store("c")).unwrap(), Initialised::Already(_)));
    let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemChance));
    let tenant = Name::tenant("acme").unwrap();
    let catalog = Catalog::open_in(Arc::new(bucket.store("c")), clock, chance, &tenant, "test");
    assert!(catalog.may_change().is_ok());
}

#[test]
fn s3_catalog_is_made_once_by_many() {
    let Some(bucket) = LabBucket::fresh("race") else { return };
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| init(|| bucket.store("c")).unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    crate::store::postgres::tests::one_was_made(&made);
    let left = bucket.store("c").list(&Folder::root()).unwrap();
    assert_eq!((left.folders, left.records), (vec![], vec!["dram.json".to_owned()]));
}

#[test]
fn s3_objects_of_others_do_not_disturb() {
    let Some(bucket) = LabBucket::fresh("odd") else { return };
    let store = bucket.store("c");
    store.create(&lease().number(1), b"x").unwrap();
    let empty = [Bytes::new()];
    for key in [
        "leases/prune/",
        "leases/",
        "leases/prune/\u{e4} b%20+&<>\"'",
        "leases/pru\u{1f980}ne/x",
        "leases//x",
    ] {
        store.bucket().put(key, &empty, Condition::None, None).unwrap();
    }
    let records = store.list(&lease()).unwrap().records;
    assert_eq!(records, ["00000000000000000001", "\u{e4} b%20+&<>\"'"]);
    assert_eq!(
        store.list(&Folder::below_root("leases")).unwrap().folders,
        ["prune", "pru\u{1f980}ne"]
    );
    assert_eq!(store.list(&Folder::root()).unwrap().folders, ["leases"]);
    assert_eq!(store.list_after(&lease(), "", 1).unwrap(), ["00000000000000000001"]);
}

#[test]
fn s3_bucket_with_versions_is_refused_by_init() {
    let Some(bucket) = LabBucket::fresh("versions") else {
        return;
    };
    bucket.set_versioning(BucketVersioningStatus::Enabled);
    let error = init(|| bucket.store("c")).unwrap_err();
    let CatalogError::NotAtomic { seen, .. } = &error else {
        panic!("{error}")
    };
    assert!(seen.contains("use an unversioned bucket"), "{seen}");
    assert!(error.help().contains("PostgreSQL"));
    assert_eq!(
        bucket.store("c").list(&Folder::root()).unwrap(),
        Listing::default(),
        "nothing is left"
    );
    // Without the direct question the probe sees it, too.
    let unasked = |_| Arc::new(Shared(Arc::new(bucket.store("c")))) as _;
    let writers: Vec<Arc<dyn Store>> = (0..16).map(unasked).collect();
    match crate::store::probe_by(&writers, &SystemChance).unwrap() {
        crate::store::Verdict::NotAtomic { seen } => assert!(!seen.contains("unversioned"), "{seen}"),
        crate::store::Verdict::Atomic => panic!("a bucket with versions passed for atomic"),
    }
}

#[test]
fn s3_faults_are_sorted() {
    let Some(lab) = LabBucket::fresh("faults") else { return };
    let mut address = lab.address("c");
    let fault = |address: &dram_storage::Address, access: &str| {
        let keys = Credentials::Keys {
            access: access.to_owned(),
            secret: Secret::new("wrong-secret".to_owned()),
        };
        let impatient = Options {
            patience: Patience {
                within: Duration::from_secs(1),
                ..Patience::SHORT
            },
            ..options()
        };
        let begun = Instant::now();
        let error = S3Store::within(Bucket::new(address.clone(), keys, impatient))
            .read(&Key::header())
            .unwrap_err();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{error}: {:?}",
            begun.elapsed()
        );
        let text = format!("{error} {} {}", error.source, error.help());
        assert!(!text.contains("wrong-secret"), "{text}");
        error.fault
    };
    assert_eq!(fault(&address, "NOBODY"), Fault::Credentials);
    assert_eq!(
        fault(&address, &std::env::var("DRAM_LAB_S3_ACCESS").unwrap()),
        Fault::Credentials
    );
    address.endpoint = Some("http://127.0.0.1:9".to_owned());
    assert_eq!(fault(&address, "A"), Fault::Unreachable);
    address.endpoint = Some("http://no-such-host.invalid".to_owned());
    assert_eq!(fault(&address, "A"), Fault::Unreachable);
}

#[test]
fn s3_bucket_that_is_not_there_is_not_an_empty_one() {
    let Some(bucket) = LabBucket::fresh("absent") else {
        return;
    };
    let store = bucket.store("c");
    drop(bucket);
    for error in [
        store.read(&Key::header()).unwrap_err(),
        store.list(&Folder::root()).unwrap_err(),
        store.create(&lease().number(1), b"x").unwrap_err(),
        store.remove(&lease().number(1)).unwrap_err(),
    ] {
        assert_eq!(error.fault, Fault::NoPlace, "{error}");
    }
}

#[test]
fn s3_servers_with_bad_manners_are_refused_by_init() {
    for (manners, words) in [
        (Manners::Overwrites, "were told that they were the one"),
        (Manners::ChecksThenWrites, "were told that they were the one"),
    ] {
        let server = Server::start(manners);
        let error = init(|| at(&server.endpoint, Patience::SHORT)).unwrap_err();
        assert!(
            matches!(&error, CatalogError::NotAtomic { seen, .. } if seen.contains(words)),
            "{manners:?}: {error}"
        );
        let left = at(&server.endpoint, Patience::SHORT).list(&Folder::root()).unwrap();
        assert_eq!(left, Listing::default(), "{manners:?} leaves no half catalog");
    }
}

#[test]
fn s3_server_with_good_manners_passes_over_connections_of_their_own() {
    let server = Server::start(Manners::Atomic);
    assert!(init(|| at(&server.endpoint, Patience::SHORT)).is_ok());
    assert!(server.state.connections() >= 16, "{}", server.state.connections());
}

#[test]
fn s3_probe_passes_over_a_few_failures() {
    let server = Server::start(Manners::Atomic);
    let store = at(&server.endpoint, Patience::NONE);
    server.state.befall(&[Mishap::Answers(503, "SlowDown"); 3]);
    assert_eq!(store.read(&Key::header()).unwrap_err().fault, Fault::Busy);
    assert!(init(|| at(&server.endpoint, Patience::SHORT)).is_ok());
}

#[test]
fn s3_create_is_tried_again_and_the_nonce_tells() {
    let server = Server::start(Manners::Atomic);
    let store: Arc<dyn Store> = Arc::new(at(&server.endpoint, Patience::SHORT));
    // Amazon's answer to two conditional writes at once.
    server.state.befall(&[
        Mishap::Answers(409, "ConditionalRequestConflict"),
        Mishap::Answers(500, "InternalError"),
    ]);
    assert_eq!(store.create(&lease().number(1), b"x").unwrap(), Creation::Won);
    // Carried out, answer lost, tried again: the store can only say that it exists.
    server.state.befall(&[Mishap::AnswerLost]);
    assert_eq!(store.create(&lease().number(2), b"x").unwrap(), Creation::Exists);
    // One level up the writer knows its own record.
    Catalog::init_in(&store, &SystemClock, &SystemChance, "test").unwrap();
    let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemChance));
    let tenant = Name::tenant("acme").unwrap();
    let catalog = Catalog::open_in(Arc::clone(&store), clock, chance, &tenant, "test");
    let key = lease().number(3);
    let mine = catalog.fresh(None, serde_json::json!({}));
    server.state.befall(&[Mishap::AnswerLost]);
    assert!(matches!(
        catalog.place(&key, &mine).unwrap(),
        crate::record::Placed::Won
    ));
}

#[test]
fn s3_strangers_at_the_endpoint_are_not_believed() {
    let server = Server::start(Manners::Atomic);
    let store = at(&server.endpoint, Patience::NONE);
    // A proxy that does not know where the store is answers 404, too. That is no word about the record.
    for status in [404, 301, 400, 502] {
        server.state.befall(&[Mishap::Stranger(status)]);
        assert!(store.read(&Key::header()).is_err(), "{status}");
        server.state.befall(&[Mishap::Stranger(status)]);
        assert!(store.list(&lease()).is_err(), "{status}");
        server.state.befall(&[Mishap::Stranger(status)]);
        assert!(store.create(&lease().number(1), b"x").is_err(), "{status}");
    }
    assert_eq!(store.read(&Key::header()).unwrap(), None);
    assert_eq!(store.list(&lease()).unwrap(), Listing::default());
}

#[test]
fn s3_store_connects_only_when_it_is_asked() {
    let server = Server::start(Manners::Atomic);
    let store = at(&server.endpoint, Patience::NONE);
    assert!(store.location().starts_with("s3://bucket/prefix"));
    assert_eq!(server.state.connections(), 0);
    store.read(&Key::header()).unwrap();
    assert_eq!((server.state.connections(), server.state.requests()), (1, 1));
}

#[test]
fn s3_server_that_never_answers_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let address = format!("s3://bucket?endpoint={endpoint}&pathStyle=true")
        .parse()
        .unwrap();
    let keys = Credentials::Keys {
        access: "a".to_owned(),
        secret: Secret::new("b".to_owned()),
    };
    let options = Options {
        patience: Patience {
            within: Duration::from_secs(1),
            ..Patience::SHORT
        },
        attempt: Duration::from_millis(400),
    };
    let store = S3Store::within(Bucket::new(address, keys, options));
    let begun = Instant::now();
    assert_eq!(store.read(&Key::header()).unwrap_err().fault, Fault::Unreachable);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Asks the address in `DRAM_TEST_ASK`, with the keys of its own environment.
#[test]
#[ignore = "it is a child of the test below"]
fn s3_child_that_asks() {
    let url = std::env::var("DRAM_TEST_ASK").unwrap();
    let answer = S3Store::new(&url.parse().unwrap()).read(&Key::header());
    println!("{:?}", answer.map_err(|error| (error.fault, error.source.to_string())));
}

#[test]
fn s3_credentials_come_from_where_users_expect() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials");
    let profile = |name: &str| format!("[{name}]\naws_access_key_id = of-{name}\naws_secret_access_key = hunter2\n");
    std::fs::write(&file, format!("{}{}", profile("default"), profile("backup"))).unwrap();
    let server = Server::start(Manners::Atomic);
    let ask = |query: &str, environment: &[(&str, &str)]| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.env_clear();
        let output = child
            .args([
                "--exact",
                "store::s3::tests::s3_child_that_asks",
                "--ignored",
                "--nocapture",
            ])
            .env(
                "DRAM_TEST_ASK",
                format!("s3://bucket/c?endpoint={}{query}", server.endpoint),
            )
            .env("HOME", home.path())
            .env("AWS_SHARED_CREDENTIALS_FILE", &file)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !text.contains("hunter2"), "{text}");
        (server.state.signers().last().cloned(), text)
    };
    let signer = |query: &str, environment: &[(&str, &str)]| ask(query, environment).0.unwrap();
    let keys = [
        ("AWS_ACCESS_KEY_ID", "of-environment"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ];
    assert_eq!(signer("", &[]), "of-default");
    assert_eq!(signer("", &[("AWS_PROFILE", "backup")]), "of-backup");
    assert_eq!(signer("", &keys), "of-environment");
    // A profile that the address names is meant, whatever keys the environment holds.
    assert_eq!(signer("&profile=backup", &keys), "of-backup");
    let before = server.state.requests();
    let (_, text) = ask("&profile=nobody", &keys);
    assert!(text.contains("Credentials") && text.contains("nobody"), "{text}");
    let (_, text) = ask("", &[("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")]);
    assert!(text.contains("Credentials"), "{text}");
    assert_eq!(server.state.requests(), before, "nothing is asked without keys");
    // The machine itself is asked last.
    let instance = Instance::start();
    let of_machine = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.endpoint.as_str()),
    ];
    assert_eq!(signer("", &of_machine), "of-default");
    assert_eq!(instance.asked(), Vec::<String>::new());
    let nowhere = ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    assert_eq!(signer("", &[of_machine[0], of_machine[1], nowhere]), "of-instance");
    let roles = "/latest/meta-data/iam/security-credentials/";
    let expected = [
        "PUT /latest/api/token".to_owned(),
        format!("GET {roles}"),
        format!("GET {roles}writer"),
    ];
    assert_eq!(instance.asked(), expected);
}
