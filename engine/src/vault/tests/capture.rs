//! A capture that did not read everything leaves no snapshot behind.

use std::io::{self, Read};
use std::os::unix::net::UnixListener;

use super::*;

fn expect_source(result: Result<Captured, VaultError>, named: &str, fixture: &Fixture) {
    match result {
        Err(VaultError::Source { faults, .. }) => {
            assert!(faults.iter().any(|fault| fault.path == Path::new(named)), "{faults:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(snapshots(fixture), Vec::<String>::new());
}

#[test]
fn a_missing_path_fails_with_its_name() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "x");
    expect_source(fixture.capture(POINT, &["/srv", "/var/none"]), "/var/none", &fixture);
}

#[test]
fn a_path_that_is_a_link_fails_with_its_name() {
    let fixture = Fixture::new();
    fixture.file("/real/a", "x");
    std::os::unix::fs::symlink("real", fixture.site().join("srv")).unwrap();
    expect_source(fixture.capture(POINT, &["/srv"]), "/srv", &fixture);
}

#[test]
fn a_file_that_cannot_be_read_fails_with_its_name() {
    // The kernel has files that refuse root too: they can only be written to.
    let refusing = [
        "/sys/bus/platform/drivers_probe",
        "/sys/bus/cpu/drivers_probe",
        "/sys/bus/pci/rescan",
    ];
    let Some(refusing) = refusing
        .into_iter()
        .find(|path| Path::new(path).exists() && std::fs::read(path).is_err())
    else {
        return dram_skips::skip_even_in_ci("this kernel shows no file that cannot be read");
    };
    let fixture = Fixture::new();
    fixture.file("/srv/fine", "x");
    let paths = [PathBuf::from("/srv")];
    let what = CaptureFiles {
        point: POINT,
        item: "data",
        root: &fixture.site(),
        paths: &paths,
        physical: &[("/srv/refusing".into(), refusing.into())],
        exclude: &[],
        skip: &[],
        origin: origin(),
    };
    let result = fixture
        .repository
        .capture_files(&what, &Silent::shared(), &Cancel::new());
    expect_source(result, "/srv/refusing", &fixture);
}

#[test]
fn a_tree_deeper_than_any_path_may_be_long_comes_back() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.site().join("srv")).unwrap();
    let mut here = rustix::fs::open(
        fixture.site().join("srv"),
        rustix::fs::OFlags::PATH,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    let name = "a-name-of-thirty-two-characters-x";
    for _ in 0..200 {
        rustix::fs::mkdirat(&here, name, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        here = rustix::fs::openat(&here, name, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    }
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let file = rustix::fs::openat(&here, "file", flags, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    rustix::io::write(&file, b"deep down").unwrap();
    let captured = fixture.capture(POINT, &["/srv"]).unwrap();
    assert_eq!((captured.files, captured.bytes), (1, 9));
    let into = fixture.target("restored");
    assert_eq!(fixture.restore(&captured, &into).unwrap().files, 1);
    assert_eq!(fixture.restore(&captured, &into).unwrap().skipped_identical, 1);
    let entries = fixture
        .repository
        .list(&captured.tree, Path::new("/srv"), true)
        .unwrap();
    assert_eq!(entries.len(), 202);
}

#[test]
fn sockets_and_skipped_places_are_said() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "x");
    fixture.file("/srv/vault/secret", "x");
    let _listener = UnixListener::bind(fixture.site().join("srv/socket")).unwrap();
    let paths = [PathBuf::from("/srv")];
    let skip = [fixture.site().join("srv/vault")];
    let what = CaptureFiles {
        point: POINT,
        item: "data",
        root: &fixture.site(),
        paths: &paths,
        physical: &[],
        exclude: &[],
        skip: &skip,
        origin: origin(),
    };
    let captured = fixture
        .repository
        .capture_files(&what, &Silent::shared(), &Cancel::new())
        .unwrap();
    let kinds: Vec<_> = captured
        .notes
        .iter()
        .map(|note| (note.kind, note.path.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [(NoteKind::Socket, "/srv/socket"), (NoteKind::Skipped, "/srv/vault")]
    );
    assert_eq!(captured.files, 1);
    let found = fixture.reopen().find_item(POINT, "data").unwrap().unwrap();
    assert_eq!(found, captured, "a resumed run reads back the notes too");
}

/// Changes the site when the capture has read so many bytes.
struct Meddler {
    at: u64,
    seen: std::sync::atomic::AtomicU64,
    act: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Progress for Meddler {
    fn total(&self, _bytes: u64, _basis: Basis) {}
    fn advance(&self, bytes: u64) {
        let before = self.seen.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
        if before + bytes >= self.at
            && let Some(act) = self.act.lock().unwrap().take()
        {
            act();
        }
    }
}

fn meddle(fixture: &Fixture, at: u64, act: impl FnOnce() + Send + 'static) -> Captured {
    let meddler: Arc<dyn Progress> = Arc::new(Meddler {
        at,
        seen: 0.into(),
        act: std::sync::Mutex::new(Some(Box::new(act))),
    });
    let paths = [PathBuf::from("/srv")];
    let what = CaptureFiles {
        point: POINT,
        item: "data",
        root: &fixture.site(),
        paths: &paths,
        physical: &[],
        exclude: &[],
        skip: &[],
        origin: origin(),
    };
    fixture
        .repository
        .capture_files(&what, &meddler, &Cancel::new())
        .unwrap()
}

#[test]
fn a_file_that_grows_while_it_is_read_is_kept_to_its_listed_size_and_said() {
    let fixture = Fixture::new();
    let path = fixture.site().join("srv/log");
    let content = super::tree::noise(30 << 20, 11);
    fixture.file("/srv/log", &content);
    let captured = meddle(&fixture, 1 << 20, move || {
        use std::io::Write;
        std::fs::OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b"more")
            .unwrap();
    });
    assert_eq!(captured.notes.len(), 1, "{:?}", captured.notes);
    assert_eq!(captured.notes[0].kind, NoteKind::Changed);
    let into = fixture.target("restored");
    fixture.restore(&captured, &into).unwrap();
    assert!(std::fs::read(into.join("srv/log")).unwrap() == content);
}

#[test]
fn a_file_that_vanishes_is_left_out_and_said() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", super::tree::noise(30 << 20, 13));
    // Many files between, so that the last is not opened ahead.
    for number in 0..2_000 {
        fixture.file(&format!("/srv/b{number:04}"), "");
    }
    fixture.file("/srv/z", "gone");
    let path = fixture.site().join("srv/z");
    let captured = meddle(&fixture, 1 << 19, move || std::fs::remove_file(path).unwrap());
    assert_eq!(captured.files, 2_001);
    assert_eq!(captured.notes.len(), 1, "{:?}", captured.notes);
    assert_eq!(captured.notes[0].kind, NoteKind::Vanished);
    assert_eq!(captured.notes[0].path, "/srv/z");
}

struct Breaks(u64);

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the line went dead"));
        }
        let count = buffer.len().min(usize::try_from(self.0).unwrap());
        buffer[..count].fill(7);
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_stream_that_breaks_off_or_ends_badly_leaves_no_snapshot() {
    let fixture = Fixture::new();
    let what = dump_of(POINT);
    let fine = || Ok::<(), String>(());
    let (silent, cancel) = (Silent::shared(), Cancel::new());
    let result = fixture
        .repository
        .capture_stream(&what, Breaks(3 << 20), fine, &silent, &cancel);
    match result {
        Err(error @ VaultError::Source { .. }) => assert!(error.to_string().contains("the line went dead")),
        other => panic!("{other:?}"),
    }
    let bad = || Err("`pg_dump` ended with exit code 1".to_owned());
    let reader = io::Cursor::new(vec![1; 5 << 20]);
    let result = fixture.repository.capture_stream(&what, reader, bad, &silent, &cancel);
    match result {
        Err(error @ VaultError::Source { .. }) => assert!(error.to_string().contains("exit code 1")),
        other => panic!("{other:?}"),
    }
    assert_eq!(snapshots(&fixture), Vec::<String>::new());
    assert_eq!(fixture.repository.find_item(POINT, "dump").unwrap(), None);
    // The same handle works on.
    assert_eq!(stream(&fixture.repository, POINT, b"fine").bytes, 4);
}

#[test]
fn a_canceled_capture_ends_and_leaves_no_snapshot() {
    let fixture = Fixture::new();
    let what = dump_of(POINT);
    let cancel = Cancel::new();
    let meddler: Arc<dyn Progress> = Arc::new(Meddler {
        at: 1 << 20,
        seen: 0.into(),
        act: std::sync::Mutex::new(Some(Box::new({
            let cancel = cancel.clone();
            move || cancel.cancel()
        }))),
    });
    let fine = || Ok::<(), String>(());
    // Endless, so only the cancelling ends it.
    let result = fixture
        .repository
        .capture_stream(&what, io::repeat(3), fine, &meddler, &cancel);
    assert!(matches!(result, Err(VaultError::Canceled)), "{result:?}");
    assert_eq!(snapshots(&fixture), Vec::<String>::new());
}

#[test]
fn excludes_mean_what_gitignore_means() {
    // Patterns, and the files of the tree below that remain.
    let all = [
        "a.log",
        "cache/x",
        "deep/a.log",
        "deep/cache/y",
        "keep.log",
        "src/tmp/z",
        "tmp/z",
    ];
    let table: [(&[&str], &[&str]); 8] = [
        (&[], &all),
        (&["*.log"], &["cache/x", "deep/cache/y", "src/tmp/z", "tmp/z"]),
        (
            &["*.log", "!keep.log"],
            &["cache/x", "deep/cache/y", "keep.log", "src/tmp/z", "tmp/z"],
        ),
        (
            &["/a.log"],
            &[
                "cache/x",
                "deep/a.log",
                "deep/cache/y",
                "keep.log",
                "src/tmp/z",
                "tmp/z",
            ],
        ),
        (&["cache/"], &["a.log", "deep/a.log", "keep.log", "src/tmp/z", "tmp/z"]),
        (
            &["/tmp"],
            &[
                "a.log",
                "cache/x",
                "deep/a.log",
                "deep/cache/y",
                "keep.log",
                "src/tmp/z",
            ],
        ),
        (&["deep/**"], &["a.log", "cache/x", "keep.log", "src/tmp/z", "tmp/z"]),
        // What lies in an excluded directory is not taken back.
        (
            &["deep/", "!deep/a.log", "# a comment", ""],
            &["a.log", "cache/x", "keep.log", "src/tmp/z", "tmp/z"],
        ),
    ];
    let fixture = Fixture::new();
    for name in all {
        fixture.file(&format!("/srv/shop/{name}"), name);
    }
    for (index, (patterns, remain)) in table.into_iter().enumerate() {
        let captured = fixture
            .capture_excluding(&format!("P{index}"), &["/srv/shop"], patterns)
            .unwrap();
        let entries = fixture
            .repository
            .list(&captured.tree, Path::new("/srv/shop"), true)
            .unwrap();
        let files: Vec<_> = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::File)
            .map(|entry| entry.path.strip_prefix("/srv/shop").unwrap().to_str().unwrap())
            .collect();
        assert_eq!(files, remain, "{patterns:?}");
    }
    let bad = fixture.capture_excluding("P9", &["/srv/shop"], &["a[z"]);
    assert!(matches!(bad, Err(VaultError::InvalidPattern { .. })), "{bad:?}");
}
