//! What was found, and what is said of it: a table.

use super::super::Answer;
use super::*;
use crate::vault::{Growth, Used};
use dram_compiler::check::check;
use dram_compiler::model::Spec;
use dram_compiler::source::Sources;

const S3: &str = "s3: { bucket: some-bucket }";
const SWIFT: &str = "swift: { cloud: lab, container: dram }";
const DIRECTORY: &str = "directory: { path: /mnt/nas }";
const GI: u64 = 1 << 30;

fn vault(store: &str, more: &str) -> Vault {
    let text = format!(
        "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: {{ name: some }}\nspec:\n  {store}\n  failureDomain: there\n  \
         password: {{ env: KEY }}\n  {more}\n"
    );
    let mut sources = Sources::new();
    sources.add("model.yaml".to_owned(), text);
    let model = check(&sources).model.expect("the model is right");
    let spec = model.declarations().next().map(|declaration| declaration.spec.clone());
    match spec {
        Some(Spec::Vault(vault)) => vault,
        other => panic!("{other:?}"),
    }
}

fn rights(remove: Right) -> Rights {
    Rights {
        list: Right::Yes,
        read: Right::Yes,
        write: Right::Yes,
        remove,
    }
}

/// What is found where nothing is wrong: whoever protects cannot remove, whoever prunes can.
fn sound() -> Diagnosis {
    Diagnosis {
        reached: Ok(()),
        writer: rights(Right::No),
        pruner: Some(rights(Right::Yes)),
        versioning: Some(Versioning::Enabled),
        lock: LockCheck::NotAsked,
        skew: Some(SignedDuration::ZERO),
        used: None,
        growth: None,
        free_bytes: None,
    }
}

fn unknown(why: &str) -> Right {
    Right::Unknown(why.to_owned())
}

/// A row: what is looked at, what was found, and each expected finding after the first, by grade and a part of its words.
type Row<'r> = (&'r str, Vault, Diagnosis, Pruner, &'r [(Answer, &'r str)]);

#[test]
fn what_is_found_is_judged_by_a_table() {
    use Answer::{Bad, Good, Look};
    let elsewhere = || Pruner::Elsewhere("`KEY` is not set".to_owned());
    let with_writer = |remove| Diagnosis {
        writer: rights(remove),
        pruner: None,
        ..sound()
    };
    let with_pruner = |pruner| Diagnosis {
        pruner: Some(pruner),
        ..sound()
    };
    let with_lock = |lock| Diagnosis { lock, ..sound() };
    let skewed = |seconds| Diagnosis {
        skew: Some(SignedDuration::from_secs(seconds)),
        ..sound()
    };
    let away = Rights {
        list: unknown("no such profile"),
        ..Rights::default()
    };
    let s3 = || vault(S3, "");
    let table: Vec<Row<'_>> = vec![
        ("all is well", s3(), sound(), Pruner::Here, &[]),
        // Who removes.
        (
            "a writer that removes beside a pruner",
            s3(),
            Diagnosis {
                writer: rights(Right::Yes),
                ..sound()
            },
            Pruner::Here,
            &[(Look, "take the right to delete from `credentials`")],
        ),
        (
            "a writer that removes, and a pruner of another machine",
            s3(),
            with_writer(Right::Yes),
            elsewhere(),
            &[
                (Look, "take the right to delete from `credentials`"),
                (Look, "not on this machine: ask there"),
            ],
        ),
        (
            "a writer that removes alone",
            s3(),
            with_writer(Right::Yes),
            Pruner::Writer,
            &[(Look, "and `pruneCredentials` that have it")],
        ),
        (
            "nobody removes",
            s3(),
            with_writer(Right::No),
            Pruner::Writer,
            &[(Look, "name `pruneCredentials`")],
        ),
        (
            "the pruner is elsewhere",
            s3(),
            with_writer(Right::No),
            elsewhere(),
            &[(
                Look,
                "not on this machine: ask there whether `dram prune` may remove (`KEY` is not set)",
            )],
        ),
        (
            "nobody knows whether the writer removes",
            s3(),
            with_writer(unknown("the store is busy")),
            Pruner::Writer,
            &[(
                Look,
                "cannot tell whether whoever protects can also remove points: the store is busy",
            )],
        ),
        (
            "the pruner may not remove",
            s3(),
            with_pruner(rights(Right::No)),
            Pruner::Here,
            &[(Bad, "may not remove anything for good")],
        ),
        (
            "the pruner's profile is not here",
            s3(),
            with_pruner(away),
            Pruner::Here,
            &[(
                Look,
                "cannot tell whether `pruneCredentials` may remove: no such profile",
            )],
        ),
        (
            "Swift",
            vault(SWIFT, ""),
            with_writer(Right::Yes),
            Pruner::Writer,
            &[(Look, "Swift cannot keep the two apart")],
        ),
        (
            "a directory",
            vault(DIRECTORY, ""),
            with_writer(Right::Yes),
            Pruner::Writer,
            &[],
        ),
        (
            "a directory that keeps everything",
            vault(DIRECTORY, ""),
            with_writer(Right::No),
            Pruner::Writer,
            &[(Look, "`dram prune` will be refused")],
        ),
        // Locks.
        (
            "a lock that holds",
            s3(),
            with_lock(LockCheck::Holds),
            Pruner::Here,
            &[(Good, "the lock holds")],
        ),
        (
            "a lock that does not",
            s3(),
            with_lock(LockCheck::Broken("it was removed".to_owned())),
            Pruner::Here,
            &[(Bad, "the lock does not hold: it was removed")],
        ),
        (
            "a lock that nobody could try",
            s3(),
            with_lock(LockCheck::Unknown("ask elsewhere".to_owned())),
            Pruner::Here,
            &[(Look, "cannot tell whether the lock holds: ask elsewhere")],
        ),
        (
            "no versions",
            s3(),
            Diagnosis {
                versioning: Some(Versioning::Never),
                ..sound()
            },
            Pruner::Here,
            &[(Look, "the bucket keeps no versions")],
        ),
        // Clocks.
        ("a clock that is nearly right", s3(), skewed(30), Pruner::Here, &[]),
        (
            "a clock ahead",
            s3(),
            skewed(31),
            Pruner::Here,
            &[(Look, "31 s ahead of ours")],
        ),
        (
            "a clock far behind",
            s3(),
            skewed(-601),
            Pruner::Here,
            &[(Bad, "601 s behind ours: calls will be refused")],
        ),
    ];
    for (name, vault, found, pruner, expected) in table {
        let findings = judge("vault", "s3://some-bucket", &vault, &found, &pruner);
        assert_eq!(findings[0].answer, Good, "{name}: {findings:?}");
        compare(name, &findings[1..], expected);
    }
}

fn compare(name: &str, findings: &[Finding], expected: &[(Answer, &str)]) {
    assert_eq!(findings.len(), expected.len(), "{name}: {findings:?}");
    for (finding, (answer, words)) in findings.iter().zip(expected) {
        assert_eq!(finding.answer, *answer, "{name}: {finding:?}");
        assert!(finding.detail.contains(words), "{name}: {finding:?} lacks `{words}`");
    }
}

#[test]
fn a_writer_that_lacks_a_right_is_bad_and_said_once() {
    let found = Diagnosis {
        writer: Rights {
            list: Right::Yes,
            write: Right::No,
            ..Rights::default()
        },
        ..sound()
    };
    let findings = judge("vault", "s3://some-bucket", &vault(S3, ""), &found, &Pruner::Here);
    compare("no right to write", &findings, &[(Answer::Bad, "may not write")]);
}

#[test]
fn room_is_judged_by_what_is_left_and_by_when_it_is_gone() {
    use Answer::{Bad, Good, Look};
    let growing = |bytes_per_day| {
        Some(Growth {
            bytes_per_day,
            days: 30,
        })
    };
    let bounded = "capacity: 100Gi\n  warnAt: 80%";
    // Capacity, GiB held, GiB free, growth a day, and what is said.
    let table = [
        ("", 10, None, growing(GI), Some((Good, "it holds 10.00 GiB in 3 files"))),
        ("", 10, Some(40), None, Some((Good, "too young for a forecast"))),
        (
            "",
            10,
            Some(40),
            growing(GI),
            Some((Good, "1.00 GiB a day in the last 30 days: full in about 40 days")),
        ),
        ("", 10, Some(14), growing(GI), Some((Look, "full in about 14 days"))),
        ("", 10, Some(1), growing(2 * GI), Some((Bad, "full within a day"))),
        ("", 10, Some(0), None, Some((Bad, "it is full"))),
        (
            "",
            10,
            Some(40),
            growing(0),
            Some((Good, "it did not grow in the last 30 days")),
        ),
        ("", 10, Some(40), growing(1), Some((Good, "not full for years"))),
        (bounded, 79, None, None, Some((Good, "79 % of its capacity"))),
        (bounded, 80, None, None, Some((Look, "80 % of its capacity"))),
        (bounded, 80, None, growing(GI), Some((Look, "full in about 20 days"))),
        (
            bounded,
            50,
            None,
            growing(5 * GI),
            Some((Look, "full in about 10 days")),
        ),
        (
            bounded,
            50,
            Some(10),
            growing(GI),
            Some((Look, "full in about 10 days")),
        ),
        (
            bounded,
            50,
            Some(500),
            growing(GI),
            Some((Good, "full in about 50 days")),
        ),
        (
            bounded,
            100,
            Some(500),
            None,
            Some((Bad, "100 % of its capacity; it is full")),
        ),
    ];
    for (capacity, held, free, growth, expected) in table {
        let found = Diagnosis {
            used: Some(Used {
                files: 3,
                bytes: held * GI,
            }),
            free_bytes: free.map(|free: u64| free * GI),
            growth,
            ..sound()
        };
        let finding = space::space("vault", &vault(S3, capacity), &found);
        let name = format!("{capacity}: {held} held, {free:?} free, {growth:?}");
        compare(&name, finding.as_slice(), expected.as_slice());
    }
    let nothing_known = |free_bytes, capacity| {
        let found = Diagnosis { free_bytes, ..sound() };
        space::space("vault", &vault(S3, capacity), &found)
    };
    assert_eq!(nothing_known(None, ""), None);
    compare(
        "unknown",
        nothing_known(None, bounded).as_slice(),
        &[(Look, "cannot be told")],
    );
    compare(
        "unknown and full",
        nothing_known(Some(0), "").as_slice(),
        &[(Bad, "nothing is free")],
    );
}

/// A store that knows no bucket.
fn empty_store() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 1 << 14]);
            let body = "<Error><Code>NoSuchBucket</Code><Message>there is none</Message></Error>";
            let _ = write!(
                client,
                "HTTP/1.1 404 Not Found\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn credentials_of_prune_that_are_not_here_are_told_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "some key\n").unwrap();
    let (key, endpoint) = (key.display(), empty_store());
    let named = |prune: &str| {
        let text = format!(
            "s3: {{ bucket: some-bucket, endpoint: \"{endpoint}\", credentials: {{ keys: {{ accessKey: {{ file: {key} }}, \
             secretKey: {{ file: {key} }} }} }}{prune} }}"
        );
        let mut vault = vault_ref(&"some".parse().unwrap(), &vault(&text, ""));
        vault.password = crate::runbook::SecretPlace::File(key.to_string());
        vault
    };
    let (_, pruner) = ask(&named("")).unwrap();
    assert_eq!(pruner, Pruner::Writer);
    let here =
        format!(", pruneCredentials: {{ keys: {{ accessKey: {{ file: {key} }}, secretKey: {{ file: {key} }} }} }}");
    let (_, pruner) = ask(&named(&here)).unwrap();
    assert_eq!(pruner, Pruner::Here);
    let away = format!(
        ", pruneCredentials: {{ keys: {{ accessKey: {{ file: {key} }}, secretKey: {{ env: DRAM_TEST_OF_ANOTHER_MACHINE }} }} }}"
    );
    let (diagnosis, pruner) = ask(&named(&away)).unwrap();
    assert!(diagnosis.reached.is_err());
    assert!(
        matches!(&pruner, Pruner::Elsewhere(why) if why.contains("DRAM_TEST_OF_ANOTHER_MACHINE")),
        "{pruner:?}"
    );
}
