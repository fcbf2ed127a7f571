//! A vault in a bucket of a real store.

use super::lab::{Keeps, Lab};
use super::tree::{assert_same, noise};
use super::*;
use crate::vault::store::suite;

fn store(lab: &Lab) -> Arc<dyn Store> {
    lab.location().stores().writer.clone()
}

#[test]
fn a_bucket_does_what_every_store_does() {
    for keeps in [Keeps::Plain, Keeps::Versions] {
        let Some(lab) = lab::bucket("suite", keeps) else { return };
        suite::run(&store(&lab));
        let options = VaultOptions {
            flow: suite::gauge(),
            ..VaultOptions::default()
        };
        let location = lab.vault(&options).repository("default", "other").unwrap();
        suite::counts_what_moves(&options.flow, &location.stores().writer);
    }
}

#[test]
fn a_bucket_that_is_not_there_is_no_empty_vault_and_one_that_does_not_answer_no_missing_one() {
    let Some(mut lab) = lab::bucket("missing", Keeps::Plain) else {
        return;
    };
    let vault = lab.vault(&VaultOptions::default());
    assert_eq!(vault.tenants().unwrap(), Vec::<String>::new());
    assert!(!lab.location().exists().unwrap());
    lab.place.address.bucket.push_str("-not");
    for error in [
        lab.vault(&VaultOptions::default()).tenants().unwrap_err(),
        lab.location().exists().unwrap_err(),
    ] {
        assert!(matches!(error, VaultError::MissingVault { .. }), "{error:?}");
        assert!(error.help().is_some());
    }
    let missing = store(&lab).list(Kind::Config).unwrap_err();
    assert!(!matches!(missing, StoreError::Missing { .. }), "{missing:?}");
    lab.place.credentials = S3Credentials::Keys {
        access: "NOBODY".into(),
        secret: Secret::new("hunter2".into()),
    };
    let stranger = lab.location().exists().unwrap_err();
    assert!(
        matches!(stranger, VaultError::Store(StoreError::Storage(_))),
        "{stranger:?}"
    );
    assert!(!format!("{stranger} {stranger:?}").contains("hunter2"));
}

#[test]
fn a_store_that_never_answers_is_given_up_when_the_flag_is_raised() {
    // Accepts connections by the system's own backlog and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = S3Place {
        address: format!(
            "s3://some-bucket/x?endpoint=http://{}&pathStyle=true",
            silent.local_addr().unwrap()
        )
        .parse()
        .unwrap(),
        credentials: S3Credentials::Keys {
            access: "A".into(),
            secret: Secret::new("B".into()),
        },
        prune_credentials: None,
    };
    let vault = Vault::open(&Place::S3(place), &VaultOptions::default()).unwrap();
    let store = vault.repository("t", "a").unwrap().stores().writer.clone();
    let cancel = Cancel::new();
    let view = store.under(&cancel).unwrap();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| view.read(Kind::Config, &rustic_core::Id::default()));
        // The call is in flight when its connection is there.
        let (connection, _) = silent.accept().unwrap();
        cancel.cancel();
        assert!(matches!(waiting.join().unwrap(), Err(StoreError::Canceled)));
        drop(connection);
    });
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn points_are_protected_listed_restored_and_pruned() {
    for keeps in [Keeps::Plain, Keeps::Versions] {
        let Some(lab) = lab::bucket("points", keeps) else {
            return;
        };
        let fixture = Fixture::new();
        fixture.file("/srv/large", noise(9 << 20, 5));
        fixture.file("/srv/small", "small");
        let location = lab.location();
        let repository = location.init_and_open_raw(&fixture.key).unwrap();
        for point in ["P1", "P2"] {
            fixture.file(
                "/srv/changes",
                noise(3 << 20, point.len() as u64 + u64::from(point.as_bytes()[1])),
            );
            seal_point(&repository, &fixture, point);
        }
        let vault = lab.vault(&VaultOptions::default());
        assert_eq!(vault.tenants().unwrap(), ["default"]);
        assert_eq!(vault.applications("default").unwrap(), ["shop"]);
        let points = repository.points().unwrap();
        assert_eq!(points.iter().filter(|point| point.is_restorable()).count(), 2);

        let now = origin().time;
        let plan = repository.plan_prune(&["P1".to_owned()], &[], &[], now).unwrap();
        repository.forget(&plan, &Cancel::new()).unwrap();
        let before = lab.bucket.list_versions("").unwrap().len();
        repository.prune(&Cancel::new()).unwrap();
        assert!(repository.prune_marked_for(0, &Cancel::new()).unwrap().removed_packs > 0);
        let after = lab.bucket.list_versions("").unwrap();
        assert!(after.len() < before, "{} of {before} versions are left", after.len());
        assert!(after.iter().all(|version| !version.is_marker), "nothing is only hidden");

        let item = repository.find_item("P2", "data").unwrap().unwrap();
        let into = fixture.target("into");
        restore(&repository, &item, &into, |_| {}).unwrap();
        assert_same(&fixture.site().join("srv"), &into.join("srv"));
        let verdict = repository.verify("P2", &Silent::shared(), &Cancel::new()).unwrap();
        assert_eq!(verdict.damages, vec![]);
    }
}

pub(super) fn seal_point(repository: &Repository, fixture: &Fixture, point: &str) {
    let captured = capture(repository, &fixture.site(), point, &["/srv"], &[]).unwrap();
    let items = vec![Item::of_files("data", "web", &captured)];
    repository.seal(&manifest(point, 1, items), &origin()).unwrap();
}

#[test]
fn a_writer_that_cannot_remove_protects_restores_verifies_and_attests() {
    let (Some(mut lab), Some(limited)) = (lab::bucket("apart", Keeps::Plain), lab::limited()) else {
        return;
    };
    lab.allow(&["GetObject", "PutObject"]);
    lab.place.prune_credentials = Some(std::mem::replace(&mut lab.place.credentials, limited));
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(5 << 20, 1));
    let repository = lab.location().init_and_open_raw(&fixture.key).unwrap();
    seal_point(&repository, &fixture, "P1");
    fixture.file("/srv/a", noise(5 << 20, 2));
    seal_point(&repository, &fixture, "P2");
    let held = Attestation {
        point: "P2".into(),
        by: "tester".into(),
        at: "2025-01-02T03:04:05Z".into(),
        statement: Statement::Held {
            reason: "audit".into(),
            until: None,
        },
    };
    repository.attest(&held, &origin()).unwrap();
    let item = repository.find_item("P2", "data").unwrap().unwrap();
    restore(&repository, &item, &fixture.target("into"), |_| {}).unwrap();
    assert_same(&fixture.site().join("srv"), &fixture.target("into").join("srv"));
    let verdict = repository.verify("P1", &Silent::shared(), &Cancel::new()).unwrap();
    assert_eq!(verdict.damages, vec![]);

    // The server refuses the writer every removal.
    let writer = store(&lab);
    for kind in [Kind::Pack, Kind::Index, Kind::Snapshot] {
        for (id, _) in writer.list(kind).unwrap() {
            let refused = writer.remove(kind, &id);
            assert!(
                matches!(refused, Err(StoreError::Denied { .. })),
                "{kind:?}: {refused:?}"
            );
        }
    }
    let plan = repository
        .plan_prune(&["P1".to_owned()], &[], &[], origin().time)
        .unwrap();
    // Without credentials of its own a prune is refused, in words.
    let mut without = lab.place.clone();
    without.prune_credentials = None;
    let vault = Vault::open(&Place::S3(without), &VaultOptions::default()).unwrap();
    let alone = vault
        .repository("default", "shop")
        .unwrap()
        .open_raw(&fixture.key)
        .unwrap();
    let refused = alone.forget(&plan, &Cancel::new()).unwrap_err();
    assert!(
        matches!(refused, VaultError::Store(StoreError::Denied { .. })),
        "{refused:?}"
    );
    assert!(refused.help().is_some());
    assert_eq!(repository.points().unwrap().len(), 2);
    // With them it works.
    repository.forget(&plan, &Cancel::new()).unwrap();
    repository.prune(&Cancel::new()).unwrap();
    assert!(repository.prune_marked_for(0, &Cancel::new()).unwrap().removed_packs > 0);
    assert_eq!(repository.points().unwrap().len(), 1);
}

#[test]
fn the_past_is_read_behind_removals_and_overwritten_objects() {
    let Some(lab) = lab::bucket("past", Keeps::Versions) else {
        return;
    };
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(5 << 20, 1));
    let repository = lab.location().init_and_open_raw(&fixture.key).unwrap();
    seal_point(&repository, &fixture, "P1");
    let newest = lab
        .bucket
        .list_versions("")
        .unwrap()
        .into_iter()
        .filter_map(|version| version.modified);
    let then = newest.max().unwrap();
    // The store's clock goes on before the damage is done: stores may keep whole seconds.
    let later = then + jiff::SignedDuration::from_millis(1100);
    wait_until("the next second", || Timestamp::now() >= later);
    for (number, object) in lab.bucket.list("").unwrap().into_iter().enumerate() {
        if number % 2 == 0 {
            lab.bucket.delete(&object.key, None).unwrap();
        } else {
            let junk = [bytes::Bytes::from_static(b"encrypted by somebody else")];
            lab.bucket
                .put(&object.key, &junk, dram_storage::Condition::None, None)
                .unwrap();
        }
    }
    assert!(
        lab.location()
            .open_raw(&fixture.key)
            .and_then(|open| open.points())
            .is_err()
    );
    let options = VaultOptions {
        as_of: Some(then),
        ..VaultOptions::default()
    };
    let vault = lab.vault(&options);
    assert_eq!(vault.tenants().unwrap(), ["default"]);
    assert_eq!(vault.applications("default").unwrap(), ["shop"]);
    let repository = vault
        .repository("default", "shop")
        .unwrap()
        .open_raw(&fixture.key)
        .unwrap();
    let points = repository.points().unwrap();
    assert!(points.len() == 1 && points[0].is_restorable());
    let item = repository.find_item("P1", "data").unwrap().unwrap();
    restore(&repository, &item, &fixture.target("into"), |_| {}).unwrap();
    assert_same(&fixture.site().join("srv"), &fixture.target("into").join("srv"));
    // The past is not written.
    let error = capture(&repository, &fixture.site(), "P2", &["/srv"], &[]).unwrap_err();
    assert!(
        matches!(error, VaultError::Store(StoreError::ReadOnly { .. })),
        "{error:?}"
    );
}

/// What is changed on its way is refused by the server and sent again.
#[test]
fn a_byte_that_flips_on_its_way_is_never_stored() {
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const MARK: &[u8] = b"here one byte flips";
    let Some(mut lab) = lab::bucket("flips", Keeps::Plain) else {
        return;
    };
    let server = lab.place.address.endpoint.clone().unwrap();
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    lab.place.address.endpoint = Some(format!("http://{}", proxy.local_addr().unwrap()));
    let flips = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&flips);
    std::thread::spawn(move || {
        for client in proxy.incoming() {
            let (mut client, counted) = (client.unwrap(), Arc::clone(&counted));
            let mut up = std::net::TcpStream::connect(&server).unwrap();
            let (mut back, mut down) = (client.try_clone().unwrap(), up.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut down, &mut back));
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    let length = match client.read(&mut buffer) {
                        Ok(0) | Err(_) => return up.shutdown(std::net::Shutdown::Write),
                        Ok(length) => length,
                    };
                    let found = buffer[..length].windows(MARK.len()).position(|window| window == MARK);
                    if let Some(at) = found
                        && counted.fetch_add(1, Ordering::SeqCst) == 0
                    {
                        buffer[at] ^= 1;
                    }
                    up.write_all(&buffer[..length])?;
                }
            });
        }
    });
    let id = rustic_core::Id::random();
    let content = [bytes::Bytes::from_static(MARK)];
    store(&lab).write(Kind::Pack, &id, &content).unwrap();
    assert_eq!(flips.load(Ordering::SeqCst), 2, "it was sent once more");
    assert_eq!(store(&lab).read(Kind::Pack, &id).unwrap(), MARK);
}
