//! An index that names what is not there.

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
    let seal = |repository: &Repository, point: &str| {
        let captured = capture(repository, &fixture.site(), point, &["/srv"], &[]).unwrap();
        let items = vec![Item::of_files("data", "web", &captured)];
        repository.seal(&manifest(point, 1, items), &origin()).unwrap();
        captured
    };
    seal(&fixture.repository, "P1");
    let victim = packs(&fixture)
        .into_iter()
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    std::fs::remove_file(&victim).unwrap();
    let keeps: Arc<dyn Store> = Arc::new(Unremovable(fixture.location().stores().writer.clone()));
    let repository = fixture.reopen().with_pruner(keeps);
    let found = repository.mend(&Cancel::new()).unwrap();
    assert_eq!((found.lost.len(), found.is_mended), (1, false));
    let second = seal(&repository, "P2");
    assert!(second.new_bytes > 1 << 20, "{}", second.new_bytes);
    // The index names both places of the data now. Who compares reads the one that is there.
    let reader = fixture.reopen();
    reader.compare(&Cancel::new()).unwrap();
    for point in ["P1", "P2"] {
        let verdict = reader.verify(point, &Silent::shared(), &Cancel::new()).unwrap();
        assert_eq!(verdict.damages, vec![], "{point}");
    }
}

struct Unremovable(Arc<dyn Store>);

impl Store for Unremovable {
    fn location(&self) -> String {
        self.0.location()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(rustic_core::Id, u32)>, StoreError> {
        self.0.list(kind)
    }
    fn read(&self, kind: Kind, id: &rustic_core::Id) -> Result<bytes::Bytes, StoreError> {
        self.0.read(kind, id)
    }
    fn read_range(&self, kind: Kind, id: &rustic_core::Id, at: u32, length: u32) -> Result<bytes::Bytes, StoreError> {
        self.0.read_range(kind, id, at, length)
    }
    fn write(&self, kind: Kind, id: &rustic_core::Id, content: &[bytes::Bytes]) -> Result<(), StoreError> {
        self.0.write(kind, id, content)
    }
    fn remove(&self, kind: Kind, id: &rustic_core::Id) -> Result<(), StoreError> {
        Err(StoreError::Denied {
            action: "remove",
            place: format!("{}/{id}", kind.folder()),
        })
    }
}
