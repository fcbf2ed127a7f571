//! An index that names what is not there, and stores that say too little about it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::tree::{assert_same, noise};
use super::*;

fn nothing() -> Mended {
    Mended {
        lost: Vec::new(),
        is_mended: true,
    }
}

#[test]
fn what_the_vault_lost_is_stored_again_and_said() {
    for cut in [false, true] {
        let fixture = Fixture::new();
        fixture.file("/srv/a", noise(9 << 20, 1));
        let seal = |point: &str| {
            let captured = fixture.capture(point, &["/srv"]).unwrap();
            let items = vec![Item::of_files("data", "web", &captured)];
            fixture.repository.seal(&manifest(point, 1, items), &origin()).unwrap();
            captured
        };
        let first = seal("P1");
        assert_eq!(fixture.repository.mend(&Cancel::new()).unwrap(), nothing());
        let victim = packs(&fixture)
            .into_iter()
            .max_by_key(|path| path.metadata().unwrap().len())
            .unwrap();
        if cut {
            let file = std::fs::OpenOptions::new().write(true).open(&victim).unwrap();
            file.set_len(1000).unwrap();
        } else {
            std::fs::remove_file(&victim).unwrap();
        }
        // A pack that no index names is that of somebody who still writes: it stays out.
        let stray = victim.with_file_name("ff".repeat(32));
        std::fs::write(&stray, noise(100, 3)).unwrap();
        let mended = fixture.repository.mend(&Cancel::new()).unwrap();
        assert_eq!(mended.lost, [victim.file_name().unwrap().to_str().unwrap()]);
        assert!(mended.is_mended);
        assert_eq!(fixture.reopen().compare(&Cancel::new()).unwrap(), nothing());
        let second = seal("P2");
        assert!(second.new_bytes > 1 << 20 && second.new_bytes < first.new_bytes + (1 << 20));
        assert_eq!(first.tree, second.tree);
        for point in ["P1", "P2"] {
            let verdict = fixture
                .repository
                .verify(point, &Silent::shared(), &Cancel::new())
                .unwrap();
            assert_eq!(verdict.damages, vec![], "{point}");
        }
        fixture.restore(&second, &fixture.target("into")).unwrap();
        assert_same(&fixture.site().join("srv"), &fixture.target("into").join("srv"));
    }
}

/// A vault whose writer cannot remove, and that nobody else prunes.
#[test]
fn an_index_that_cannot_be_mended_is_not_believed() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(9 << 20, 1));
    seal(&fixture.repository, &fixture, "P1");
    let victim = packs(&fixture)
        .into_iter()
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    std::fs::remove_file(&victim).unwrap();
    let keeps = Odd::over(&fixture, |store, kind| store.list(kind));
    let repository = fixture.reopen().with_pruner(keeps);
    let found = repository.mend(&Cancel::new()).unwrap();
    assert_eq!((found.lost.len(), found.is_mended), (1, false));
    let second = seal(&repository, &fixture, "P2");
    assert!(second.new_bytes > 1 << 20, "{}", second.new_bytes);
    // The index names both places of the data now, and whoever reads takes the one that is there.
    for point in ["P1", "P2"] {
        let reader = fixture.reopen();
        let verdict = reader.verify(point, &Silent::shared(), &Cancel::new()).unwrap();
        assert_eq!(verdict.damages, vec![], "{point}");
    }
    let into = fixture.target("into");
    restore(&fixture.reopen(), &second, &into, |_| {}).unwrap();
    assert_same(&fixture.site().join("srv"), &into.join("srv"));
}

/// Listings may lag behind what was written; nothing is lost because of that.
#[test]
fn a_pack_that_only_a_listing_misses_is_not_lost() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(9 << 20, 1));
    seal(&fixture.repository, &fixture, "P1");
    let lagging = Odd::over(&fixture, |store, kind| {
        let mut all = store.list(kind)?;
        if kind == Kind::Pack {
            all.sort_by_key(|(_, size)| *size);
            all.pop();
        }
        Ok(all)
    });
    let repository = fixture.reopen().with_writer(lagging);
    assert_eq!(repository.compare(&Cancel::new()).unwrap(), nothing());
}

/// A folder that is not mounted looks like that.
#[test]
fn a_vault_without_any_of_its_packs_is_an_error() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "content");
    seal(&fixture.repository, &fixture, "P1");
    for path in packs(&fixture) {
        std::fs::remove_file(path).unwrap();
    }
    let error = fixture.reopen().mend(&Cancel::new()).unwrap_err();
    assert!(matches!(error, VaultError::NothingLeft { packs: 1.., .. }), "{error}");
    assert!(error.help().unwrap().contains("mount"));
}

/// Who cannot be asked has said nothing about a point.
#[test]
fn a_store_that_goes_away_is_no_damage_and_no_state() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(9 << 20, 1));
    let captured = seal(&fixture.repository, &fixture, "P1");
    let away = Odd::over(&fixture, |store, kind| store.list(kind));
    away.reads_left.store(u64::MAX, Ordering::SeqCst);
    let reads = |repository: &Repository| {
        let verdict = repository.verify("P1", &Silent::shared(), &Cancel::new());
        let points = repository.points();
        let into = fixture.target("into");
        let restored = restore(repository, &captured, &into, |_| {});
        let _ = std::fs::remove_dir_all(into);
        (verdict.map(|verdict| verdict.damages), points, restored.map(drop))
    };
    let repository = fixture.reopen().with_writer(away.clone());
    let (damages, points, restored) = reads(&repository);
    assert_eq!(damages.unwrap(), vec![]);
    assert!(points.unwrap()[0].is_restorable());
    restored.unwrap();
    // After any number of calls it answers no more.
    let mut answered = 0;
    for left in 0.. {
        let repository = fixture.reopen().with_writer(away.clone());
        away.reads_left.store(left, Ordering::SeqCst);
        let verdict = repository.verify("P1", &Silent::shared(), &Cancel::new());
        if let Ok(verdict) = verdict {
            assert_eq!(verdict.damages, vec![], "after {left} calls");
            answered = left;
            break;
        }
        let error = verdict.unwrap_err();
        assert!(matches!(error, VaultError::Store(_)), "after {left} calls: {error}");
        away.reads_left.store(left, Ordering::SeqCst);
        match fixture.reopen().with_writer(away.clone()).points() {
            Ok(points) => assert!(points[0].is_restorable(), "after {left} calls: {:?}", points[0].state),
            Err(error) => assert!(matches!(error, VaultError::Store(_)), "after {left} calls: {error}"),
        }
    }
    assert!(answered > 5, "{answered}");
}

fn seal(repository: &Repository, fixture: &Fixture, point: &str) -> Captured {
    let captured = capture(repository, &fixture.site(), point, &["/srv"], &[]).unwrap();
    let items = vec![Item::of_files("data", "web", &captured)];
    repository.seal(&manifest(point, 1, items), &origin()).unwrap();
    captured
}

type Lists = fn(&dyn Store, Kind) -> Result<Vec<(rustic_core::Id, u32)>, StoreError>;

/// A store that lists as it likes, removes nothing, and answers only so many times.
struct Odd {
    inner: Arc<dyn Store>,
    lists: Lists,
    reads_left: AtomicU64,
}

impl Odd {
    fn over(fixture: &Fixture, lists: Lists) -> Arc<Self> {
        Arc::new(Self {
            inner: fixture.location().stores().writer.clone(),
            lists,
            reads_left: AtomicU64::new(u64::MAX),
        })
    }

    fn answers(&self) -> Result<(), StoreError> {
        let less = |left: u64| left.checked_sub(1);
        let left = self.reads_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        left.map(drop).map_err(|_| StoreError::Io {
            action: "reach",
            place: self.location(),
            source: std::io::ErrorKind::ConnectionReset.into(),
        })
    }
}

impl Store for Odd {
    fn location(&self) -> String {
        self.inner.location()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(rustic_core::Id, u32)>, StoreError> {
        self.answers()?;
        (self.lists)(&*self.inner, kind)
    }
    fn read(&self, kind: Kind, id: &rustic_core::Id) -> Result<bytes::Bytes, StoreError> {
        self.answers()?;
        self.inner.read(kind, id)
    }
    fn read_range(&self, kind: Kind, id: &rustic_core::Id, at: u32, length: u32) -> Result<bytes::Bytes, StoreError> {
        self.answers()?;
        self.inner.read_range(kind, id, at, length)
    }
    fn write(&self, kind: Kind, id: &rustic_core::Id, content: &[bytes::Bytes]) -> Result<(), StoreError> {
        self.inner.write(kind, id, content)
    }
    fn remove(&self, kind: Kind, id: &rustic_core::Id) -> Result<(), StoreError> {
        Err(StoreError::Denied {
            action: "remove",
            place: format!("{}/{id}", kind.folder()),
        })
    }
}
