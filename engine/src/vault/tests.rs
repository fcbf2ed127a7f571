//! Tests of the vault as a whole: what goes in comes out, or nobody is told that it would.

mod archive;
mod cached;
mod capture;
mod copies;
mod crash;
mod diff;
mod directory;
mod faulty;
mod killed;
mod lab;
mod lock;
mod mend;
mod part;
mod points;
pub(super) mod restic;
mod restore;
mod rights;
mod round_trip;
mod s3;
mod sample;
mod spool;
pub(super) mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustic_core::repofile::MasterKey;
use tempfile::TempDir;

use super::*;

/// A vault in a temporary directory with one open repository, and the root of a site beside it.
struct Fixture {
    dir: TempDir,
    key: MasterKey,
    repository: Repository,
}

pub(super) const POINT: &str = "01J0000000000000000000000A";

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = MasterKey::new();
        std::fs::create_dir(dir.path().join("vault")).unwrap();
        std::fs::create_dir(dir.path().join("site")).unwrap();
        let location = Vault::directory(dir.path().join("vault"))
            .repository("default", "shop")
            .unwrap();
        let repository = location.init_and_open_raw(&key).unwrap();
        Self { dir, key, repository }
    }

    fn location(&self) -> Location {
        Vault::directory(self.dir.path().join("vault"))
            .repository("default", "shop")
            .unwrap()
    }

    fn reopen(&self) -> Repository {
        self.location().open_raw(&self.key).unwrap()
    }

    fn site(&self) -> PathBuf {
        self.dir.path().join("site")
    }

    fn file(&self, logical: &str, content: impl AsRef<[u8]>) {
        let path = self.site().join(logical.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn capture(&self, point: &str, paths: &[&str]) -> Result<Captured, VaultError> {
        self.capture_excluding(point, paths, &[])
    }

    fn capture_excluding(&self, point: &str, paths: &[&str], exclude: &[&str]) -> Result<Captured, VaultError> {
        capture(&self.repository, &self.site(), point, paths, exclude)
    }

    fn restore(&self, captured: &Captured, into: &Path) -> Result<Restored, VaultError> {
        self.restore_with(captured, into, |_| {})
    }

    fn restore_with(
        &self,
        captured: &Captured,
        into: &Path,
        change: impl for<'a> FnOnce(&mut RestoreFiles<'a>),
    ) -> Result<Restored, VaultError> {
        restore(&self.repository, captured, into, change)
    }

    fn target(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Looks until something is so, for a minute at the most.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: a minute was not enough");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(super) fn origin() -> Origin {
    Origin {
        host: "site-a".into(),
        time: "2025-01-02T03:04:05Z".parse::<Timestamp>().unwrap(),
    }
}

pub(super) fn capture(
    repository: &Repository,
    root: &Path,
    point: &str,
    paths: &[&str],
    exclude: &[&str],
) -> Result<Captured, VaultError> {
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let exclude: Vec<String> = exclude.iter().map(|pattern| (*pattern).to_owned()).collect();
    let what = CaptureFiles {
        point,
        item: "data",
        root,
        paths: &paths,
        physical: &[],
        exclude: &exclude,
        skip: &[],
        origin: origin(),
    };
    repository.capture_files(&what, &Silent::shared(), &Cancel::new())
}

pub(super) fn restore(
    repository: &Repository,
    captured: &Captured,
    into: &Path,
    change: impl for<'a> FnOnce(&mut RestoreFiles<'a>),
) -> Result<Restored, VaultError> {
    let paths: Vec<PathBuf> = captured.paths.iter().map(PathBuf::from).collect();
    let mut what = RestoreFiles {
        tree: &captured.tree,
        paths: &paths,
        target: into,
        map: &|path| path.to_owned(),
        only: None,
        owners: None,
        overwrite: false,
        compare: false,
    };
    change(&mut what);
    repository.restore_files(&what, &Silent::shared(), &Cancel::new())
}

/// A dump as an item of a point.
fn dump_of(point: &str) -> CaptureStream<'_> {
    CaptureStream {
        point,
        item: "dump",
        file_name: "dump.sql",
        origin: origin(),
    }
}

fn stream(repository: &Repository, point: &str, content: &[u8]) -> Captured {
    let what = dump_of(point);
    let reader = std::io::Cursor::new(content.to_vec());
    let finish = || Ok::<(), String>(());
    repository
        .capture_stream(&what, reader, finish, &Silent::shared(), &Cancel::new())
        .unwrap()
}

pub(super) fn manifest(point: &str, epoch: u64, items: Vec<Item>) -> Manifest {
    Manifest {
        format: MANIFEST_FORMAT,
        min_reader: 1,
        point: point.into(),
        tenant: "default".into(),
        application: "shop".into(),
        epoch,
        site: "site-a".into(),
        class: Class::Manual,
        frozen_at: "2025-01-02T03:04:05Z".into(),
        consistency: super::Consistency::Crash,
        writer: Writer { epoch, lease: 1 },
        items,
        declarations: vec![serde_json::json!({ "kind": "Application", "name": "shop" })],
        mappings: std::collections::BTreeMap::new(),
        more: serde_json::Map::new(),
    }
}

/// The snapshot ids in the vault, straight from the disk.
fn snapshots(fixture: &Fixture) -> Vec<String> {
    let folder = fixture.location().path().join("snapshots");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The pack files in the vault, straight from the disk.
fn packs(fixture: &Fixture) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(fixture.location().path().join("data")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            found.push(file.unwrap().path());
        }
    }
    found
}
