//! Against a real server, whose address the environment gives (`DRAM_LAB_POSTGRES`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::catalog::{Catalog, Initialised};
use crate::chance::SystemChance;
use crate::clock::SystemClock;
use crate::name::{LeaseName, Name};
use crate::store::lab::LabSchema;
use crate::store::{Verdict, probe_by, suite};

fn lease() -> Folder {
    Folder::lease(&LeaseName::new("prune").unwrap())
}

/// One value of the session that the store's calls run in.
fn asked(store: &PostgresStore, question: &str) -> String {
    let answer = store.link.call(Action::Read, "", async |client| {
        let row = client.query_typed_one(question, &[]).await?;
        row.try_get(0)
    });
    answer.unwrap().unwrap()
}

#[test]
fn postgres_store_does_what_every_store_must() {
    let Some(schema) = LabSchema::fresh("suite") else {
        return;
    };
    suite::run(Arc::new(schema.prepared()));
}

#[test]
fn postgres_writers_with_connections_of_their_own_are_atomic() {
    let Some(schema) = LabSchema::fresh("probe") else {
        return;
    };
    schema.prepared();
    let writers: Vec<Arc<dyn Store>> = (0..16).map(|_| Arc::new(schema.store()) as Arc<dyn Store>).collect();
    assert_eq!(probe_by(&writers, &SystemChance).unwrap(), Verdict::Atomic);
}

#[test]
fn postgres_catalog_is_missing_until_it_is_made() {
    let Some(schema) = LabSchema::fresh("missing") else {
        return;
    };
    let store = schema.store();
    let tenant = Name::tenant("acme").unwrap();
    let open = |store: PostgresStore| {
        let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemChance));
        Catalog::open_in(Arc::new(store), clock, chance, &tenant, "test")
    };
    assert!(matches!(
        open(schema.store()).header(),
        Err(CatalogError::Missing { .. })
    ));
    assert_eq!(store.read(&Key::header()).unwrap(), None);
    // Nothing else may take a catalog that is not there for an empty one.
    for error in [
        store.read(&lease().number(1)).unwrap_err(),
        store.list(&Folder::root()).unwrap_err(),
        store.create(&Key::header(), b"{}").unwrap_err(),
        store.remove(&lease().number(1)).unwrap_err(),
    ] {
        assert_eq!(error.fault, Fault::NoPlace, "{error}");
    }
    // Tables without a header are no catalog yet; and the store that looked before sees what is made later.
    schema.prepared();
    assert!(matches!(
        open(schema.store()).header(),
        Err(CatalogError::Missing { .. })
    ));
    let shared: Arc<dyn Store> = Arc::new(schema.store());
    let made = Catalog::init_in(&shared, &SystemClock, &SystemChance, "test").unwrap();
    assert!(matches!(made, Initialised::Created(_)));
    let again = Catalog::init_in(&shared, &SystemClock, &SystemChance, "test").unwrap();
    assert!(matches!(again, Initialised::Already(_)));
    assert!(store.read(&Key::header()).unwrap().is_some());
    assert!(open(store).may_change().is_ok());
}

#[test]
fn postgres_catalog_that_vanishes_is_not_empty() {
    let Some(schema) = LabSchema::fresh("gone") else { return };
    let store = schema.prepared();
    assert_eq!(store.read(&lease().number(1)).unwrap(), None);
    schema.run(r#"DROP SCHEMA "{schema}" CASCADE"#);
    for error in [
        store.read(&Key::header()).unwrap_err(),
        store.list(&lease()).unwrap_err(),
        store.create(&lease().number(1), b"x").unwrap_err(),
    ] {
        assert_eq!(error.fault, Fault::NoPlace, "{error}");
    }
}

#[test]
fn postgres_schema_is_made_once_by_many() {
    let Some(schema) = LabSchema::fresh("many") else { return };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| schema.prepared());
        }
    });
    let store = schema.store();
    let versions = format!(r#"SELECT count(*)::text FROM "{}".dram_schema"#, schema.address.schema);
    assert_eq!(asked(&store, &versions), "1");
}

#[test]
fn postgres_catalog_is_made_once_by_many() {
    let Some(schema) = LabSchema::fresh("race") else { return };
    let made = std::thread::scope(|scope| {
        let init = || {
            let store: Arc<dyn Store> = Arc::new(schema.prepared());
            Catalog::init_by(
                || Ok(Arc::new(schema.store())),
                &store,
                &SystemClock,
                &SystemChance,
                "test",
            )
            .unwrap()
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(init)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    one_was_made(&made);
}

/// Of several who made a catalog at once, one did, and all tell of the same.
pub(crate) fn one_was_made(all: &[Initialised]) {
    let header_of = |one: &Initialised| match one {
        Initialised::Created(header) | Initialised::Already(header) => header.clone(),
    };
    let created = all.iter().filter(|one| matches!(one, Initialised::Created(_)));
    assert_eq!(created.count(), 1, "{all:?}");
    let first = header_of(&all[0]);
    assert!(all.iter().all(|one| header_of(one) == first), "{all:?}");
}

#[test]
fn postgres_tables_of_other_releases_are_told_apart() {
    let Some(schema) = LabSchema::fresh("other") else {
        return;
    };
    let store = schema.prepared();
    store.create(&lease().number(1), b"x").unwrap();
    // A later step that older programs work with.
    schema.run(r#"UPDATE "{schema}".dram_schema SET version = 7"#);
    assert_eq!(schema.store().read(&lease().number(1)).unwrap().unwrap(), b"x");
    assert!(schema.store().prepared().is_ok(), "a newer version is left as it is");
    schema.run(r#"UPDATE "{schema}".dram_schema SET min_reader = 2"#);
    let error = schema.store().read(&lease().number(1)).unwrap_err();
    assert_eq!(error.fault, Fault::OtherRelease);
    assert!(error.source.to_string().contains("version 7"), "{}", error.source);
    schema.run(r#"UPDATE "{schema}".dram_schema SET version = 0, min_reader = 0"#);
    let error = schema.store().list(&lease()).unwrap_err();
    assert_eq!(error.fault, Fault::OtherRelease);
    assert!(error.help().contains("dram catalog init"));
}

#[test]
fn postgres_schema_of_others_is_left_alone() {
    let Some(schema) = LabSchema::fresh("foreign") else {
        return;
    };
    schema.run(r#"CREATE SCHEMA "{schema}"; CREATE TABLE "{schema}".bills (id int)"#);
    match schema.store().prepared() {
        Err(CatalogError::Foreign { found, .. }) => assert_eq!(found, "bills"),
        other => panic!("{other:?}"),
    }
    schema.run(r#"DROP TABLE "{schema}".bills"#);
    assert!(
        schema.store().prepared().is_ok(),
        "an empty schema that its owner made is taken"
    );
}

#[test]
fn postgres_lost_connections_are_made_again() {
    let Some(schema) = LabSchema::fresh("lost") else { return };
    let store = schema.prepared();
    for number in 1..=5 {
        let pid = asked(&store, "SELECT pg_backend_pid()::text");
        schema.run(&format!("SELECT pg_terminate_backend({pid})"));
        assert_eq!(store.create(&lease().number(number), b"x").unwrap(), Creation::Won);
    }
    assert_eq!(store.list(&lease()).unwrap().records.len(), 5);
}

#[test]
fn postgres_threads_share_a_connection() {
    let Some(schema) = LabSchema::fresh("shared") else {
        return;
    };
    let store = schema.prepared();
    let pid = asked(&store, "SELECT pg_backend_pid()::text");
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..25 {
                    let key = lease().number(thread * 100 + number);
                    assert_eq!(store.create(&key, &thread.to_le_bytes()).unwrap(), Creation::Won);
                    assert_eq!(store.read(&key).unwrap().unwrap(), thread.to_le_bytes());
                }
            });
        }
    });
    assert_eq!(store.list(&lease()).unwrap().records.len(), 200);
    assert_eq!(asked(&store, "SELECT pg_backend_pid()::text"), pid);
}

#[test]
fn postgres_session_keeps_its_promises_whatever_the_role_says() {
    let Some(mut schema) = LabSchema::fresh("role") else {
        return;
    };
    schema.prepared();
    let role = schema.address.schema.clone();
    schema.run(&format!(
        r#"CREATE ROLE "{role}" SUPERUSER LOGIN PASSWORD 'x';
           ALTER ROLE "{role}" SET synchronous_commit = off;
           ALTER ROLE "{role}" SET default_transaction_isolation = 'serializable';
           ALTER ROLE "{role}" SET search_path = nowhere"#
    ));
    let owner = schema.address.user.replace(role.clone());
    let store = PostgresStore::with_environment(&schema.address, |name| (name == "PGPASSWORD").then(|| "x".into()));
    let seen = asked(
        &store,
        "SELECT current_user || ' ' || current_setting('synchronous_commit') || ' ' || current_setting('transaction_isolation')",
    );
    assert_eq!(seen, format!("{role} on read committed"));
    assert_eq!(store.create(&lease().number(1), b"x").unwrap(), Creation::Won);
    schema.address.user = owner;
    schema.run(&format!(r#"DROP ROLE "{role}""#));
}

#[test]
fn postgres_faults_are_sorted() {
    let Some(schema) = LabSchema::fresh("faults") else {
        return;
    };
    let fault = |address: &PostgresAddress, environment: Environment| {
        let begun = Instant::now();
        let mut store = PostgresStore::with_environment(address, environment);
        store.link.patience.within = Duration::from_secs(1);
        let error = store.read(&Key::header()).unwrap_err();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{error}: {:?}",
            begun.elapsed()
        );
        let text = format!("{error} {} {}", error.source, error.help());
        assert!(!text.contains("wrong-secret"), "{text}");
        error.fault
    };
    let lab: Environment = |name| match name {
        "PGPASSWORD" => std::env::var_os("DRAM_LAB_POSTGRES_PASSWORD"),
        _ => None,
    };
    let wrong: Environment = |name| (name == "PGPASSWORD").then(|| "wrong-secret".into());
    assert_eq!(fault(&schema.address, wrong), Fault::Credentials);
    assert_eq!(fault(&schema.address, |_| None), Fault::Credentials);
    let other = |change: fn(&mut PostgresAddress)| {
        let mut address = schema.address.clone();
        change(&mut address);
        address
    };
    let nobody = other(|address| address.user = Some("nobody_at_all".to_owned()));
    assert_eq!(fault(&nobody, lab), Fault::Credentials);
    let nowhere = other(|address| address.database = "no_such_database".to_owned());
    assert_eq!(fault(&nowhere, lab), Fault::NoPlace);
    let closed = other(|address| address.port = 9);
    assert_eq!(fault(&closed, lab), Fault::Unreachable);
    let nameless = other(|address| address.host = "no-such-host.invalid".to_owned());
    assert_eq!(fault(&nameless, lab), Fault::Unreachable);
}

#[test]
fn postgres_server_that_never_answers_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Connections wait in the queue of the listener: they are made, and nobody ever speaks.
    let address = format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable")
        .parse()
        .unwrap();
    let mut store = PostgresStore::new(&address);
    store.link.answer = Duration::from_millis(300);
    store.link.patience.within = Duration::from_secs(1);
    let begun = Instant::now();
    let error = store.read(&Key::header()).unwrap_err();
    assert_eq!(error.fault, Fault::Unreachable);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn postgres_folders_are_listed_without_reading_what_is_in_them() {
    let Some(schema) = LabSchema::fresh("large") else {
        return;
    };
    let store = schema.prepared();
    schema.run(
        r#"INSERT INTO "{schema}".records (folder, name, bytes)
               SELECT 't/acme/runs/' || lpad(run::text, 26, '0') || '/', lpad(n::text, 20, '0'), ''
               FROM generate_series(1, 2000) run, generate_series(1, 20) n;
           INSERT INTO "{schema}".records (folder, name, bytes)
               SELECT 't/acme-x/requests/', lpad(n::text, 26, '0'), '' FROM generate_series(1, 10000) n;
           INSERT INTO "{schema}".records VALUES
               ('', 'dram.json', ''), ('t/acme.y/z/', 'n', ''), ('t/acme0/z/', 'n', ''), ('t/acme/z/', 'n', ''),
               ('t/', 'stray', ''), ('leases/a.b/', '1', '')"#,
    );
    let begun = Instant::now();
    let root = store.list(&Folder::root()).unwrap();
    assert_eq!(
        (root.folders, root.records),
        (vec!["leases".to_owned(), "t".to_owned()], vec!["dram.json".to_owned()])
    );
    let acme = Name::tenant("acme-x").unwrap();
    let requests = store.list(&Folder::requests(&acme)).unwrap();
    assert_eq!((requests.folders.len(), requests.records.len()), (0, 10_000));
    let tenants = store.list(&Folder::below_root("t")).unwrap();
    assert_eq!(tenants.folders, ["acme", "acme-x", "acme.y", "acme0"]);
    assert_eq!(tenants.records, ["stray"]);
    let runs = store.list(&Folder::below_root("t/acme/runs")).unwrap();
    assert_eq!(runs.folders.len(), 2000);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn postgres_huge_rows_are_not_read() {
    let Some(schema) = LabSchema::fresh("huge") else { return };
    let store = schema.prepared();
    schema.run(r#"INSERT INTO "{schema}".records VALUES ('', 'dram.json', decode(repeat('00', 17000000), 'hex'))"#);
    assert_eq!(store.read(&Key::header()).unwrap_err().fault, Fault::Corrupt);
}
