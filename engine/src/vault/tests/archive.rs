//! What the archive stores is what the library's archiver stores, to the bit.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustic_core::{BackupOptions, ParentOptions, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult};

use super::super::repository::blank;
use super::super::source::{Faults, Plan, Walk};
use super::tree::noise;
use super::*;

/// The same walk, as the library takes it.
struct Library {
    plan: Arc<Plan>,
}

struct Open(PathBuf);

impl ReadSourceOpen for Open {
    type Reader = File;
    fn open(self) -> RusticResult<File> {
        Ok(File::open(self.0).unwrap())
    }
}

impl ReadSource for Library {
    type Open = Open;
    type Iter = Box<dyn Iterator<Item = RusticResult<ReadSourceEntry<Open>>> + Send>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let plan = Arc::clone(&self.plan);
        let walk = Walk::new(Arc::clone(&plan), Arc::new(Faults::new(None)));
        Box::new(walk.map(move |walked| {
            let physical = plan.physical(&walked.path);
            let open = walked.node.is_file().then_some(Open(physical));
            Ok(ReadSourceEntry {
                path: walked.path,
                node: walked.node,
                open,
            })
        }))
    }
}

/// The id of the tree that the library makes of it, in another repository that cuts the same.
fn by_the_library(fixture: &Fixture, number: usize, paths: &[PathBuf]) -> String {
    let folder = fixture.dir.path().join(format!("library-{number}"));
    std::fs::create_dir(&folder).unwrap();
    let location = Vault::directory(folder).repository("default", "shop").unwrap();
    let repository = location
        .init_and_open_raw_like(&fixture.key, &fixture.repository)
        .unwrap();
    let session = repository.session(&Cancel::new()).unwrap().indexed_ids().unwrap();
    let plan = Arc::new(Plan::new(&fixture.site(), paths, &[], &[], &[]).unwrap());
    let options = BackupOptions::default().parent_opts(ParentOptions::default().force(true));
    let snapshot = blank("test", "host", origin().time, &[]).unwrap();
    let made = session
        .library
        .archive(&options, &Library { plan }, snapshot, paths)
        .unwrap();
    made.tree.to_hex().to_string()
}

fn sparse(path: &Path, length: u64, islands: &[(u64, usize)]) {
    let file = File::create(path).unwrap();
    file.set_len(length).unwrap();
    for (number, (offset, bytes)) in islands.iter().enumerate() {
        file.write_all_at(&noise(*bytes, number as u64 + 5), *offset).unwrap();
    }
}

#[test]
fn the_same_source_makes_the_tree_that_the_library_makes() {
    let fixture = Fixture::new();
    const HALF: u64 = 512 * 1024;
    fixture.file("/srv/large", noise(7 << 20, 3));
    fixture.file("/srv/exact", noise(512 * 1024, 4));
    fixture.file("/srv/more", noise(512 * 1024 + 1, 4));
    fixture.file("/srv/zeros", vec![0; 3 << 20]);
    fixture.file("/srv/deep/er/empty", "");
    fixture.file("/srv/deep/a", "a");
    fixture.file("/srv/deep.er", "sorted between");
    fixture.file("/var/b", noise(100_000, 8));
    let srv = fixture.site().join("srv");
    sparse(
        &srv.join("sparse-1"),
        40 << 20,
        &[(0, 4096), (9 << 20, 3 << 20), (30 << 20, 10)],
    );
    sparse(&srv.join("sparse-2"), 20 * HALF, &[]);
    sparse(
        &srv.join("sparse-3"),
        20 * HALF + 4096,
        &[(HALF, 4096), (HALF * 2 - 4096, 4096), (7 * HALF + 8192, 700_000)],
    );
    sparse(&srv.join("sparse-4"), (64 << 20) + 17, &[(63 << 20, 1 << 20)]);
    std::os::unix::fs::symlink("deep", srv.join("link")).unwrap();
    std::fs::hard_link(srv.join("large"), srv.join("deep/hard")).unwrap();
    let paths: Vec<PathBuf> = vec!["/srv".into(), "/var".into()];
    let ours = fixture.capture("P1", &["/srv", "/var"]).unwrap();
    assert_eq!(ours.tree, by_the_library(&fixture, 1, &paths));
    // With a parent: what is as it was, what changed, what came and went.
    let again = fixture.capture("P2", &["/srv", "/var"]).unwrap();
    assert_eq!(again.tree, ours.tree);
    assert_eq!(again.files, ours.files);
    assert_eq!(again.bytes, ours.bytes);
    fixture.file("/srv/deep/a", "b");
    fixture.file("/srv/deep/c", "c");
    std::fs::remove_file(srv.join("exact")).unwrap();
    sparse(&srv.join("sparse-2"), 20 * HALF, &[(3 * HALF - 100, 200)]);
    let changed = fixture.capture("P3", &["/srv", "/var"]).unwrap();
    assert_ne!(changed.tree, ours.tree);
    assert_eq!(changed.tree, by_the_library(&fixture, 2, &paths));
}
