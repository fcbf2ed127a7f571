//! Making, finding and opening repositories in a directory.

use std::fs;

use super::*;

fn password() -> Password {
    Password::from_bytes(b"correct horse\n").unwrap()
}

#[test]
fn a_password_is_one_line_and_never_shown() {
    assert_eq!(format!("{:?}", password()), "Password(redacted)");
    assert_eq!(
        Password::from_bytes(b"x\r\n").unwrap(),
        Password::from_bytes(b"x").unwrap()
    );
    for bad in [&b""[..], b"\n", b"\xff\xfe"] {
        assert!(matches!(
            Password::from_bytes(bad),
            Err(VaultError::InvalidPassword { .. })
        ));
    }
    let dir = tempfile::tempdir().unwrap();
    let location = Vault::directory(dir.path()).repository("t", "a").unwrap();
    assert_eq!(location.init(&password()).unwrap(), Init::Created);
    let open = location.open(&password()).unwrap();
    assert!(!format!("{open:?} {location:?}").contains("horse"));
    let error = location
        .open(&Password::from_bytes(b"battery staple").unwrap())
        .unwrap_err();
    assert!(matches!(error, VaultError::WrongPassword { .. }), "{error}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()));
    assert!(!format!("{error} {error:?}").contains("staple"));
    // A second key opens too.
    let second = Password::from_bytes(b"recovery").unwrap();
    let added = open.add_key(&second, None).unwrap();
    location.open(&second).unwrap();
    location.open(&password()).unwrap();
    // Until it is removed; the last one stays.
    open.remove_key(&added).unwrap();
    assert!(matches!(location.open(&second), Err(VaultError::WrongPassword { .. })));
    let [last] = &open.keys().unwrap()[..] else { panic!() };
    let stays = open.remove_key(&last.id).unwrap_err();
    assert!(matches!(stays, VaultError::KeyStays { .. }), "{stays}");
    location.open(&password()).unwrap();
}

#[test]
fn a_missing_vault_is_an_error_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::directory(dir.path().join("none"));
    let location = vault.repository("t", "a").unwrap();
    for error in [
        vault.tenants().unwrap_err(),
        location.exists().unwrap_err(),
        location.init(&password()).unwrap_err(),
        location.open(&password()).unwrap_err(),
    ] {
        assert!(matches!(error, VaultError::MissingVault { .. }), "{error}");
        assert!(error.help().is_some());
    }
    assert!(!dir.path().join("none").exists());
    fs::write(dir.path().join("file"), "").unwrap();
    let error = Vault::directory(dir.path().join("file")).tenants().unwrap_err();
    assert!(matches!(error, VaultError::NotADirectory { .. }));
}

#[test]
fn names_do_not_climb() {
    let vault = Vault::directory("/nowhere");
    for bad in ["", "..", ".hidden", "a/b", "a b", "ä", "a,b"] {
        assert!(
            matches!(vault.repository("t", bad), Err(VaultError::InvalidName { .. })),
            "{bad}"
        );
        assert!(
            matches!(vault.repository(bad, "a"), Err(VaultError::InvalidName { .. })),
            "{bad}"
        );
    }
}

#[test]
fn a_folder_of_others_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("t/a");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("holiday.jpg"), "").unwrap();
    let location = Vault::directory(dir.path()).repository("t", "a").unwrap();
    let error = location.init(&password()).unwrap_err();
    assert!(
        matches!(error, VaultError::Store(StoreError::Foreign { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("holiday.jpg"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let error = location.open(&password()).unwrap_err();
    assert!(matches!(error, VaultError::NoRepository { .. }), "{error}");
}

#[test]
fn a_half_made_repository_is_made_anew_but_never_over_data() {
    let dir = tempfile::tempdir().unwrap();
    let location = Vault::directory(dir.path()).repository("t", "a").unwrap();
    location.init(&password()).unwrap();
    assert_eq!(location.init(&password()).unwrap(), Init::Existed);
    // Killed between the key and the configuration: the key wraps a master key of nothing.
    fs::remove_file(location.path().join("config")).unwrap();
    assert_eq!(location.init(&password()).unwrap(), Init::Created);
    assert_eq!(fs::read_dir(location.path().join("keys")).unwrap().count(), 1);
    let open = location.open(&password()).unwrap();
    open.store_log("run.log", b"text".to_vec(), &["run=1".into()], &origin())
        .unwrap();
    // A configuration that was lost later is another matter.
    fs::remove_file(location.path().join("config")).unwrap();
    for error in [
        location.init(&password()).unwrap_err(),
        location.open(&password()).unwrap_err(),
    ] {
        assert!(matches!(error, VaultError::MissingConfig { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(location.path().join("keys")).unwrap().count(), 1);
}

#[test]
fn applications_and_tenants_are_those_with_repositories() {
    let fixture = Fixture::new();
    let vault = Vault::directory(fixture.target("vault"));
    fs::create_dir_all(fixture.target("vault/default/unfinished")).unwrap();
    fs::create_dir_all(fixture.target("vault/empty")).unwrap();
    assert_eq!(vault.tenants().unwrap(), ["default"]);
    assert_eq!(vault.applications("default").unwrap(), ["shop"]);
    assert_eq!(vault.applications("none").unwrap(), Vec::<String>::new());
}

#[test]
fn a_second_repository_of_an_application_has_the_same_tree_ids() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", super::tree::noise(12 << 20, 3));
    let second = Vault::directory(fixture.target("vault"))
        .repository("copy", "shop")
        .unwrap();
    second.init_like(&password(), &fixture.repository).unwrap();
    let second = second.open(&password()).unwrap();
    assert_ne!(second.id(), fixture.repository.id());
    let one = fixture.capture(POINT, &["/srv"]).unwrap();
    let other = capture(&second, &fixture.site(), POINT, &["/srv"], &[]).unwrap();
    assert_eq!(one.tree, other.tree);
}

#[test]
fn leftovers_are_swept_when_old() {
    let fixture = Fixture::new();
    let scratch = fixture.location().path().join("tmp");
    fs::write(scratch.join("old"), "").unwrap();
    fs::write(scratch.join("new"), "").unwrap();
    super::tree::set_mtime(&scratch.join("old"), 1_000_000, 0);
    let repository = fixture.reopen();
    repository
        .store_log("a.log", b"text".to_vec(), &["run=1".into()], &origin())
        .unwrap();
    assert!(!scratch.join("old").exists());
    assert!(scratch.join("new").exists());
}

#[test]
fn a_store_that_is_full_or_read_only_says_so() {
    let full = StoreError::of("write", "/v/x", std::io::ErrorKind::StorageFull.into());
    assert!(matches!(full, StoreError::NoSpace { .. }));
    assert!(full.help().is_some());
    let fixture = Fixture::new();
    fixture.file("/srv/a", "x");
    // A file where a folder belongs stops every writer, root too.
    let scratch = fixture.location().path().join("tmp");
    fs::remove_dir_all(&scratch).unwrap();
    fs::write(&scratch, "").unwrap();
    let error = fixture.capture(POINT, &["/srv"]).unwrap_err();
    assert!(matches!(error, VaultError::Store(_)), "{error:?}");
    assert_eq!(snapshots(&fixture), Vec::<String>::new());
}

/// A small file system of its own, where the machine allows that.
struct Small(PathBuf);

impl Small {
    fn mount(path: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let done = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&path)
            .output();
        match done {
            Ok(output) if output.status.success() => Some(Self(path)),
            _ => {
                dram_skips::skip_even_in_ci("file systems cannot be mounted here");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let done = std::process::Command::new("mount")
            .args(["-o", options])
            .arg(&self.0)
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn full_disks_give_errors_with_names_and_lose_nothing() {
    let fixture = Fixture::new();
    fixture.file("/srv/small", "x");
    let Some(small) = Small::mount(fixture.target("small"), "size=8m") else {
        return;
    };
    let location = Vault::directory(&small.0).repository("default", "shop").unwrap();
    let repository = location.init_and_open_raw(&fixture.key).unwrap();
    let first = capture(&repository, &fixture.site(), "P1", &["/srv"], &[]).unwrap();
    fixture.file("/srv/large", super::tree::noise(20 << 20, 3));
    let full = capture(&repository, &fixture.site(), "P2", &["/srv"], &[]);
    assert!(
        matches!(full, Err(VaultError::Store(StoreError::NoSpace { .. }))),
        "{full:?}"
    );
    assert_eq!(repository.find_item("P2", "data").unwrap(), None);
    restore(&repository, &first, &fixture.target("first"), |_| {}).unwrap();

    small.remount("remount,ro");
    let repository = location.open_raw(&fixture.key).unwrap();
    assert!(repository.find_item("P1", "data").unwrap().is_some());
    let read_only = capture(&repository, &fixture.site(), "P3", &["/srv"], &[]);
    assert!(
        matches!(read_only, Err(VaultError::Store(StoreError::ReadOnly { .. }))),
        "{read_only:?}"
    );

    // And the other way: a target that is too small.
    let large = fixture.capture("P4", &["/srv"]).unwrap();
    let Some(target) = Small::mount(fixture.target("narrow"), "size=6m") else {
        return;
    };
    match fixture.restore(&large, &target.0) {
        Err(VaultError::Target { path, source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
            assert_eq!(path, target.0.join("srv/large"));
        }
        other => panic!("{other:?}"),
    }
    target.remount("remount,size=64m");
    fixture.restore(&large, &target.0).unwrap();
    super::tree::assert_same(&fixture.site().join("srv"), &target.0.join("srv"));
}

#[test]
fn a_directory_does_what_every_store_does() {
    let dir = tempfile::tempdir().unwrap();
    let location = Vault::directory(dir.path()).repository("t", "a").unwrap();
    crate::vault::store::suite::run(&location.stores().writer);
}

#[test]
fn what_moves_to_and_from_directories_counts_against_the_agreed_rate_of_all_together() {
    use crate::vault::store::suite;
    let dir = tempfile::tempdir().unwrap();
    let flow = suite::gauge();
    let options = VaultOptions {
        flow: Arc::clone(&flow),
        ..VaultOptions::default()
    };
    for name in ["first", "second"] {
        let vault = Vault::open(&Place::Directory(dir.path().join(name)), &options).unwrap();
        let location = vault.repository("t", "a").unwrap();
        drop(location.stores().writer.claim().unwrap());
        suite::counts_what_moves(&flow, &location.stores().writer);
    }
}

#[test]
fn addresses_of_vaults_read_as_they_are_shown() {
    for text in [
        "/mnt/nas/dram",
        "relative/path",
        "s3://bucket/some/where?endpoint=http://127.0.0.1:80",
    ] {
        let place: Place = text.parse().unwrap();
        assert_eq!(place.to_string(), text);
    }
    assert_eq!("file:///mnt".parse::<Place>().unwrap(), Place::Directory("/mnt".into()));
    for (bad, why) in [
        ("", "is empty"),
        ("ftp://host/x", "no vault lies on `ftp`"),
        ("file://x", "whole path"),
        ("s3://KEY:hunter2@bucket", "keys do not stand"),
    ] {
        let error = bad.parse::<Place>().unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(error.help().is_some());
    }
    let options = VaultOptions {
        as_of: Some(Timestamp::UNIX_EPOCH),
        ..VaultOptions::default()
    };
    let error = Vault::open(&Place::Directory("/x".into()), &options).unwrap_err();
    assert!(matches!(error, VaultError::UselessOption { .. }), "{error}");
}

/// Two that make the same repository at the same moment, on a store that cannot tell which was first, leave two keys of the
/// same password: one of them opens nothing.
#[test]
fn a_key_that_opens_nothing_keeps_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::directory(dir.path());
    let (ours, other) = (vault.repository("t", "a").unwrap(), vault.repository("t", "b").unwrap());
    for location in [&ours, &other] {
        location.init(&password()).unwrap();
    }
    for entry in fs::read_dir(other.path().join("keys")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), ours.path().join("keys").join(entry.file_name())).unwrap();
    }
    // Which key is tried first is the order of their names: with both ways round one of the two is the wrong one.
    for entry in fs::read_dir(ours.path().join("keys")).unwrap() {
        let entry = entry.unwrap();
        let copy = other.path().join("keys").join(entry.file_name());
        if !copy.exists() {
            fs::copy(entry.path(), copy).unwrap();
        }
    }
    assert_ne!(
        ours.open(&password()).unwrap().id(),
        other.open(&password()).unwrap().id()
    );
    let wrong = Password::from_bytes(b"wrong").unwrap();
    assert!(matches!(ours.open(&wrong), Err(VaultError::WrongPassword { .. })));
}
