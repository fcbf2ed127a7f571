//! Invariant 3: for every prefix of the writes to a vault, each point that is offered restores exactly what was frozen.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use rustic_core::{ConfigOptions, Credentials, Id, KeyOptions};

use super::super::ground::Stores;
use super::super::guard::Guard;
use super::super::place::library;
use super::tree::noise;
use super::*;

/// A store in memory that remembers the order of what was done to it.
#[derive(Default)]
struct Recorder {
    files: Mutex<BTreeMap<(Kind, Id), Bytes>>,
    log: Mutex<Vec<(Kind, Id, Bytes)>>,
}

fn missing(kind: Kind, id: &Id) -> StoreError {
    StoreError::Missing {
        place: format!("{}/{id}", kind.folder()),
    }
}

impl Store for Recorder {
    fn location(&self) -> String {
        "memory".into()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let files = self.files.lock().unwrap();
        let of_kind = files.iter().filter(|((k, _), _)| *k == kind);
        Ok(of_kind
            .map(|((_, id), bytes)| (*id, u32::try_from(bytes.len()).unwrap()))
            .collect())
    }
    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let id = if kind == Kind::Config { Id::default() } else { *id };
        self.files
            .lock()
            .unwrap()
            .get(&(kind, id))
            .cloned()
            .ok_or_else(|| missing(kind, &id))
    }
    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        let bytes = self.read(kind, id)?;
        let (from, to) = (offset as usize, offset as usize + length as usize);
        if to > bytes.len() {
            return Err(missing(kind, id));
        }
        Ok(bytes.slice(from..to))
    }
    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        let id = if kind == Kind::Config { Id::default() } else { *id };
        let bytes = Bytes::from(content.concat());
        self.log.lock().unwrap().push((kind, id, bytes.clone()));
        self.files.lock().unwrap().insert((kind, id), bytes);
        Ok(())
    }
    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        self.files.lock().unwrap().remove(&(kind, *id));
        Ok(())
    }
}

fn site(dir: &Path, seed: u64) {
    let shop = dir.join("srv/shop");
    std::fs::create_dir_all(shop.join("sub")).unwrap();
    std::fs::write(shop.join("same"), noise(6 << 20, 1)).unwrap();
    std::fs::write(shop.join("sub/changes"), noise(3 << 20, seed)).unwrap();
    std::fs::write(shop.join("small"), seed.to_le_bytes()).unwrap();
}

fn protect(repository: &Repository, dir: &Path, point: &str, seed: u64) {
    site(dir, seed);
    let captured = capture(repository, dir, point, &["/srv/shop"], &[]).unwrap();
    let dump = stream(repository, point, &noise(2 << 20, seed + 100));
    let items = vec![
        Item::of_files("data", "web", &captured),
        Item::of_stream("dump", "db", "dump.sql", &dump),
    ];
    repository.seal(&manifest(point, 1, items), &origin()).unwrap();
}

fn check(repository: &Repository, point: &SealedPoint, seed: u64) {
    let manifest = point.manifest.as_ref().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let item = repository.find_item(&point.point, "data").unwrap().unwrap();
    assert_eq!(item.tree, manifest.items[0].tree);
    restore(repository, &item, dir.path(), |_| {}).unwrap();
    let shop = dir.path().join("srv/shop");
    assert!(std::fs::read(shop.join("same")).unwrap() == noise(6 << 20, 1));
    assert!(std::fs::read(shop.join("sub/changes")).unwrap() == noise(3 << 20, seed));
    assert_eq!(std::fs::read(shop.join("small")).unwrap(), seed.to_le_bytes());
    let mut out = Vec::new();
    let dump = repository.find_item(&point.point, "dump").unwrap().unwrap();
    repository
        .dump_stream(&dump.tree, &mut out, &Silent::shared(), &Cancel::new())
        .unwrap();
    assert!(out == noise(2 << 20, seed + 100));
}

#[test]
fn every_prefix_of_the_writes_offers_only_what_restores() {
    let recorder = Arc::new(Recorder::default());
    let key = Credentials::Masterkey(MasterKey::new());
    let guard = Arc::new(Guard::new(Arc::clone(&recorder) as Arc<dyn Store>, Cancel::new()));
    let size = bytesize::ByteSize::mib(1);
    let config = ConfigOptions::default()
        .set_datapack_size(size)
        .set_datapack_growfactor(0_u32);
    library(&guard)
        .unwrap()
        .init(&key, &KeyOptions::default(), &config)
        .unwrap();
    let repository = Repository::open(Stores::same(Arc::clone(&recorder) as Arc<dyn Store>), &key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    protect(&repository, dir.path(), "P1", 41);
    protect(&repository, dir.path(), "P2", 42);

    let log = recorder.log.lock().unwrap().clone();
    assert!(log.len() > 15, "{} writes", log.len());
    let mut offered = Vec::new();
    for length in 1..=log.len() {
        // Packs may be under way at the same time, so of the last ones any may be missing: the first of them is here.
        let tail = log[..length]
            .iter()
            .rev()
            .take_while(|(kind, _, _)| *kind == Kind::Pack)
            .count();
        let orders = [0, usize::from(tail > 1)];
        for reordered in orders.iter().take(if tail > 1 { 2 } else { 1 }) {
            let replayed = Arc::new(Recorder::default());
            for (index, (kind, id, bytes)) in log[..length].iter().enumerate() {
                if *reordered == 1 && index == length - tail {
                    continue;
                }
                replayed.write(*kind, id, std::slice::from_ref(bytes)).unwrap();
            }
            let repository = Repository::open(Stores::same(replayed as Arc<dyn Store>), &key).unwrap();
            let points = repository.points().unwrap();
            let names: Vec<String> = points
                .iter()
                .filter(|p| p.is_restorable())
                .map(|p| p.point.clone())
                .collect();
            assert_eq!(points.len(), names.len(), "nothing is listed that is not whole");
            for point in &points {
                check(&repository, point, if point.point == "P1" { 41 } else { 42 });
            }
            offered.push(names.len());
        }
    }
    assert!(
        offered.contains(&0) && offered.contains(&1) && offered.last() == Some(&2),
        "{offered:?}"
    );
}
