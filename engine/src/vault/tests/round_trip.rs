//! What is captured comes back as it was.

use super::tree::{assert_same, blocks, build, set_mtime};
use super::*;

#[test]
fn a_tree_with_everything_comes_back() {
    let fixture = Fixture::new();
    build(&fixture.site());
    let captured = fixture.capture(POINT, &["/var/lib/shop", "/srv/shop"]).unwrap();
    assert_eq!(captured.notes, vec![]);
    assert_eq!(captured.paths, ["/srv/shop", "/var/lib/shop"]);

    let into = fixture.target("restored");
    let restored = fixture.restore(&captured, &into).unwrap();
    assert_eq!(restored.notes, vec![]);
    for path in ["srv/shop", "var/lib/shop"] {
        // Hard links go across both paths, so both are compared from one top too.
        assert_same(&fixture.site().join(path), &into.join(path));
    }
    let (old, new) = (fixture.site().join("srv/shop/sparse"), into.join("srv/shop/sparse"));
    assert!(
        blocks(&new) <= blocks(&old) + 8,
        "{} against {}",
        blocks(&new),
        blocks(&old)
    );
    let mode = |path: &Path| std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(
        mode(&into.join("srv")) & 0o7777,
        0o751,
        "a directory above is made like its counterpart"
    );

    // Once more: everything is there, nothing is written.
    let again = fixture.restore(&captured, &into).unwrap();
    assert_eq!((again.files, again.bytes), (0, 0));
    assert_eq!(again.skipped_identical, captured.files);
    assert_same(&fixture.site().join("srv/shop"), &into.join("srv/shop"));
}

#[test]
fn unchanged_files_come_from_the_parent_and_changed_ones_do_not() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "one");
    fixture.file("/srv/b", "two");
    let first = fixture.capture("P1", &["/srv"]).unwrap();
    set_mtime(&fixture.site().join("srv/b"), 1_000, 0);
    fixture.file("/srv/c", "three");
    let second = fixture.capture("P2", &["/srv"]).unwrap();
    assert_ne!(first.tree, second.tree);
    assert_eq!(second.files, 3);
    let third = fixture.capture("P3", &["/srv"]).unwrap();
    assert_eq!((third.tree, third.new_bytes), (second.tree, 0));
}

#[test]
fn a_mapping_is_captured_from_and_restored_to_another_place() {
    let fixture = Fixture::new();
    fixture.file("/mnt/disk/x", "far");
    fixture.file("/srv/shop/y", "near");
    let paths = [PathBuf::from("/srv/shop")];
    let what = CaptureFiles {
        point: POINT,
        item: "data",
        root: &fixture.site(),
        paths: &paths,
        physical: &[(PathBuf::from("/srv/shop/data"), fixture.site().join("mnt/disk"))],
        exclude: &[],
        skip: &[],
        origin: origin(),
    };
    let captured = fixture
        .repository
        .capture_files(&what, &Silent::shared(), &Cancel::new())
        .unwrap();
    let into = fixture.target("restored");
    fixture
        .restore_with(&captured, &into, |what| {
            what.map = &|path| match path.strip_prefix("/srv/shop/data") {
                Ok(rest) => Path::new("/data").join(rest),
                Err(_) => path.to_owned(),
            };
        })
        .unwrap();
    assert_eq!(std::fs::read(into.join("data/x")).unwrap(), b"far");
    assert_eq!(std::fs::read(into.join("srv/shop/y")).unwrap(), b"near");
    assert!(!into.join("srv/shop/data").exists());
}

#[test]
fn a_stream_comes_back_whole_and_its_length_is_known() {
    let fixture = Fixture::new();
    let content = super::tree::noise(23 << 20, 5);
    let captured = stream(&fixture.repository, POINT, &content);
    assert_eq!(captured.bytes, content.len() as u64);
    assert_eq!(
        fixture.repository.find_item(POINT, "dump").unwrap().as_ref(),
        Some(&captured)
    );
    assert_eq!(fixture.repository.find_item(POINT, "other").unwrap(), None);
    let mut out = Vec::new();
    let length = fixture
        .repository
        .dump_stream(&captured.tree, &mut out, &Silent::shared(), &Cancel::new())
        .unwrap();
    assert_eq!(length, captured.bytes);
    assert!(out == content);
}

#[test]
fn an_item_can_be_listed_and_one_path_of_it_restored() {
    let fixture = Fixture::new();
    fixture.file("/srv/shop/a/one", "1");
    fixture.file("/srv/shop/a/two", "22");
    fixture.file("/srv/shop/b", "3");
    let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
    let list = |path: &str, recursive| -> Vec<(PathBuf, u64)> {
        let entries = fixture
            .repository
            .list(&captured.tree, Path::new(path), recursive)
            .unwrap();
        entries.into_iter().map(|entry| (entry.path, entry.size)).collect()
    };
    assert_eq!(
        list("/srv/shop", false),
        [
            ("/srv/shop".into(), 0),
            ("/srv/shop/a".into(), 0),
            ("/srv/shop/b".into(), 1)
        ]
    );
    assert_eq!(list("/srv/shop/a", true).len(), 3);
    let into = fixture.target("restored");
    super::part::part(&fixture, &captured, &into, &["/srv/shop/a/two"], &Owners::default()).unwrap();
    assert_eq!(std::fs::read(into.join("srv/shop/a/two")).unwrap(), b"22");
    assert!(!into.join("srv/shop/a/one").exists());
    let error = super::part::part(&fixture, &captured, &into, &["/srv/none"], &Owners::default());
    assert!(matches!(error, Err(VaultError::UnknownPath { .. })));
}
