use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;
use crate::name::LeaseName;
use crate::store::suite;

fn lease() -> Folder {
    Folder::lease(&LeaseName::new("prune").unwrap())
}

#[test]
fn does_what_every_store_must() {
    let home = tempfile::tempdir().unwrap();
    suite::run(Arc::new(FileStore::prepare(&home.path().join("a/b/catalog")).unwrap()));
}

#[test]
fn unfinished_files_are_never_records() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::open(home.path()).unwrap();
    store.create(&lease().number(1), b"whole").unwrap();
    let folder = home.path().join(lease().as_str());
    // What a writer leaves that was killed before writing, within, before linking, and before removing the hidden file.
    fs::write(folder.join(".1-0-a.part"), b"").unwrap();
    fs::write(folder.join(".1-1-a.part"), b"wh").unwrap();
    fs::write(folder.join(".1-2-a.part"), b"whole").unwrap();
    fs::hard_link(
        folder.join(".1-2-a.part"),
        folder.join(lease().number(2).as_str().rsplit_once('/').unwrap().1),
    )
    .unwrap();
    fs::create_dir(folder.join(".hidden")).unwrap();
    let names: Vec<String> = (1..=2).map(|number| format!("{number:020}")).collect();
    assert_eq!(
        store.list(&lease()).unwrap(),
        Listing {
            folders: vec![],
            records: names
        }
    );
    assert_eq!(store.create(&lease().number(2), b"other").unwrap(), Creation::Exists);
    assert_eq!(store.read(&lease().number(2)).unwrap().unwrap(), b"whole");
    assert_eq!(store.create(&lease().number(3), b"next").unwrap(), Creation::Won);
    let parts = fs::read_dir(&folder).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains(&format!(".{}-", std::process::id()))
    });
    assert_eq!(parts.count(), 0, "a writer that lives leaves nothing");
}

#[test]
fn a_store_that_is_gone_is_not_empty() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("catalog");
    FileStore::prepare(&root)
        .unwrap()
        .create(&Key::header(), b"{}")
        .unwrap();
    let store = FileStore::open(&root).unwrap();
    assert_eq!(store.read(&lease().number(1)).unwrap(), None);
    // An unmounted file system leaves an empty directory behind.
    fs::rename(&root, home.path().join("away")).unwrap();
    for bare in [false, true] {
        if bare {
            fs::create_dir(&root).unwrap();
        }
        let faults = [
            store.read(&lease().number(1)).unwrap_err(),
            store.list(&lease()).unwrap_err(),
            store.list(&Folder::root()).unwrap_err(),
            store.create(&lease().number(1), b"x").unwrap_err(),
            store.remove(&lease().number(1)).unwrap_err(),
        ];
        for error in faults {
            assert_eq!(error.fault, Fault::Unreachable, "{error}");
            assert!(error.help().contains("mounted"));
        }
    }
    assert_eq!(
        fs::read_dir(&root).unwrap().count(),
        0,
        "nothing was written to the wrong place"
    );
    assert!(FileStore::open(&home.path().join("nowhere")).is_err());
}

#[test]
fn what_cannot_be_a_record_is_named() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::open(home.path()).unwrap();
    let key = lease().number(1);
    let path = home.path().join(key.as_str());
    fs::create_dir_all(&path).unwrap();
    let error = store.read(&key).unwrap_err();
    assert_eq!(error.fault, Fault::Corrupt);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    fs::remove_dir(&path).unwrap();
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(
        store.read(&key).unwrap_err().fault,
        Fault::Corrupt,
        "a huge file is not read into memory"
    );
    // A file where a folder should be.
    fs::write(home.path().join("t"), b"").unwrap();
    let requests = Folder::requests(&crate::Name::tenant("acme").unwrap());
    assert_eq!(store.list(&requests).unwrap_err().fault, Fault::Corrupt);
}

#[test]
fn a_full_or_forbidden_disk_says_so() {
    for (kind, fault, help) in [
        (io::ErrorKind::StorageFull, Fault::NoSpace, "free space"),
        (io::ErrorKind::QuotaExceeded, Fault::NoSpace, "free space"),
        (io::ErrorKind::ReadOnlyFilesystem, Fault::Denied, "right to create"),
        (io::ErrorKind::PermissionDenied, Fault::Denied, "right to create"),
        (io::ErrorKind::StaleNetworkFileHandle, Fault::Unreachable, "mounted"),
    ] {
        let store = FileStore {
            root: "/catalog".into(),
            initialised: true,
        };
        let error = store.error(Action::Create, "dram.json", io::Error::from(kind));
        assert_eq!(error.fault, fault);
        assert!(
            error.to_string().starts_with("cannot create `/catalog/dram.json`: "),
            "{error}"
        );
        assert!(error.help().contains(help), "{}", error.help());
    }
    // The kernel's own words, where we are not above the law.
    if !rustix::process::geteuid().is_root() {
        let home = tempfile::tempdir().unwrap();
        let store = FileStore::open(home.path()).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(store.create(&lease().number(1), b"x").unwrap_err().fault, Fault::Denied);
    }
}

const WRITER: &str = "DRAM_TEST_CATALOG_WRITER";

/// Not a test by itself: the process that [`a_writer_killed_at_any_moment_leaves_whole_records`] kills.
#[test]
fn writer_to_be_killed() {
    let Ok(root) = std::env::var(WRITER) else { return };
    let store = FileStore::open(Path::new(&root)).unwrap();
    let mut out = io::stderr().lock();
    for number in 1.. {
        let bytes = number.to_string().repeat(3000);
        if store.create(&lease().number(number), bytes.as_bytes()).unwrap() == Creation::Won {
            writeln!(out, "won {number}").unwrap();
        }
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_whole_records() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::open(home.path()).unwrap();
    let mut won = Vec::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::file::tests::writer_to_be_killed",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(WRITER, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        // The moment differs from round to round: after so many more records, and somewhere within the next.
        for _ in 0..=round {
            line.clear();
            io::BufRead::read_line(&mut told, &mut line).unwrap();
            won.extend(
                line.strip_prefix("won ")
                    .and_then(|number| number.trim().parse::<u64>().ok()),
            );
        }
        std::thread::sleep(std::time::Duration::from_micros(round * 137));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        let whole = rest
            .lines()
            .filter_map(|line| line.strip_prefix("won ")?.parse::<u64>().ok());
        won.extend(whole);
        for name in store.list(&lease()).unwrap().records {
            let number = crate::layout::number_of(&name).unwrap();
            let bytes = store.read(&lease().number(number)).unwrap().unwrap();
            assert_eq!(bytes, number.to_string().repeat(3000).as_bytes(), "record {number}");
        }
    }
    let standing = store.list(&lease()).unwrap().records.len();
    assert!(won.len() >= 12, "{won:?}");
    assert!(
        standing >= won.len(),
        "{standing} stand, {} were acknowledged",
        won.len()
    );
    let distinct: std::collections::BTreeSet<u64> = won.iter().copied().collect();
    assert_eq!(distinct.len(), won.len(), "no number was won twice");
}
