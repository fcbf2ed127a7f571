//! A restore writes where it should and nowhere else, and says what is wrong.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};

use super::tree::{assert_same, blocks, noise};
use super::*;
use crate::vault::guard::Guard;
use crate::vault::pack::{BlobKind, id_of};

fn simple() -> (Fixture, Captured) {
    let fixture = Fixture::new();
    fixture.file("/srv/shop/a", "aaaa");
    fixture.file("/srv/shop/d/b", noise(3 << 20, 21));
    fixture.file("/srv/shop/d/c", "cccc");
    fs::hard_link(fixture.site().join("srv/shop/a"), fixture.site().join("srv/shop/d/a2")).unwrap();
    symlink("a", fixture.site().join("srv/shop/link")).unwrap();
    let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
    (fixture, captured)
}

#[test]
fn a_symbolic_link_in_the_way_is_never_followed() {
    for (what, overwrite) in [
        ("srv", false),
        ("srv", true),
        ("srv/shop", false),
        ("srv/shop/d", false),
    ] {
        let (fixture, captured) = simple();
        let (into, outside) = (fixture.target("into"), fixture.target("outside"));
        fs::create_dir(&outside).unwrap();
        fs::create_dir_all(into.join(what).parent().unwrap()).unwrap();
        symlink(&outside, into.join(what)).unwrap();
        let result = fixture.restore_with(&captured, &into, |r| r.overwrite = overwrite);
        match result {
            Err(VaultError::Conflicts { paths, .. }) => assert_eq!(paths[0].path, into.join(what)),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{what}");
    }
    // Below the item and with `overwrite` the link itself is replaced.
    let (fixture, captured) = simple();
    let (into, outside) = (fixture.target("into"), fixture.target("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("victim"), "untouched").unwrap();
    fs::create_dir_all(into.join("srv/shop")).unwrap();
    symlink(&outside, into.join("srv/shop/d")).unwrap();
    symlink(outside.join("victim"), into.join("srv/shop/a")).unwrap();
    fixture.restore_with(&captured, &into, |r| r.overwrite = true).unwrap();
    assert_eq!(fs::read(outside.join("victim")).unwrap(), b"untouched");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_same(&fixture.site().join("srv/shop"), &into.join("srv/shop"));
}

#[test]
fn a_file_of_others_is_refused_before_anything_is_written() {
    let (fixture, captured) = simple();
    let into = fixture.target("into");
    fs::create_dir_all(into.join("srv/shop/d")).unwrap();
    fs::write(into.join("srv/shop/d/c"), "somebody's").unwrap();
    fs::create_dir(into.join("srv/shop/link")).unwrap();
    match fixture.restore(&captured, &into) {
        Err(VaultError::Conflicts { paths, more: 0 }) => {
            let named: Vec<_> = paths.iter().map(|fault| fault.path.clone()).collect();
            assert_eq!(named, [into.join("srv/shop/d/c"), into.join("srv/shop/link")]);
        }
        other => panic!("{other:?}"),
    }
    assert!(!into.join("srv/shop/a").exists());
    // A directory never makes room; a file does if asked.
    let refused = fixture.restore_with(&captured, &into, |r| r.overwrite = true);
    assert!(matches!(refused, Err(VaultError::Conflicts { .. })));
    fs::remove_dir(into.join("srv/shop/link")).unwrap();
    fixture.restore_with(&captured, &into, |r| r.overwrite = true).unwrap();
    assert_same(&fixture.site().join("srv/shop"), &into.join("srv/shop"));
}

#[test]
fn a_restore_that_was_cut_off_continues() {
    let (fixture, captured) = simple();
    let whole = fixture.target("whole");
    fixture.restore(&captured, &whole).unwrap();
    // Each state is one that a killed restore can leave: what has its final name is complete, the rest is temporary.
    for missing in ["a", "d/b", "d/c", "d/a2", "link", "d"] {
        let into = fixture.target(&format!("cut-{}", missing.replace('/', "-")));
        fixture.restore(&captured, &into).unwrap();
        let path = into.join("srv/shop").join(missing);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        let folder = path.parent().unwrap();
        let name = path.file_name().unwrap();
        if missing != "d" {
            fs::write(folder.join(temporary_name(name.to_str().unwrap())), "half").unwrap();
        }
        fixture.restore(&captured, &into).unwrap();
        assert_same(&fixture.site().join("srv/shop"), &into.join("srv/shop"));
    }
}

fn temporary_name(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!(".dram-restore-{hash:016x}")
}

#[test]
fn equal_size_and_time_hide_a_difference_only_without_comparing() {
    let (fixture, captured) = simple();
    let into = fixture.target("into");
    fixture.restore(&captured, &into).unwrap();
    let path = into.join("srv/shop/d/c");
    let meta = fs::metadata(&path).unwrap();
    fs::write(&path, "cccX").unwrap();
    super::tree::set_mtime(&path, meta.mtime(), meta.mtime_nsec());
    let kept = fixture.restore(&captured, &into).unwrap();
    assert_eq!(kept.files, 0);
    let found = fixture.restore_with(&captured, &into, |r| r.compare = true);
    assert!(matches!(found, Err(VaultError::Conflicts { .. })));
    fixture
        .restore_with(&captured, &into, |r| {
            r.compare = true;
            r.overwrite = true;
        })
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"cccc");
}

#[test]
fn a_mapping_never_leaves_the_target() {
    let (fixture, captured) = simple();
    let into = fixture.target("into");
    let result = fixture.restore_with(&captured, &into, |r| {
        r.map = &|path| Path::new("../outside").join(path.strip_prefix("/").unwrap());
    });
    assert!(matches!(result, Err(VaultError::BadTarget { .. })), "{result:?}");
    let result = fixture.restore_with(&captured, &into, |r| r.map = &|_| PathBuf::from("one"));
    assert!(matches!(result, Err(VaultError::BadTarget { .. })), "{result:?}");
}

#[test]
fn a_damaged_or_missing_pack_is_an_error_that_names_the_file() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 3] = [
        ("truncated", |path| {
            let length = fs::metadata(path).unwrap().len();
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(length / 2)
                .unwrap();
        }),
        ("flipped", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[20] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("missing", |path| fs::remove_file(path).unwrap()),
    ];
    for (name, harm) in harms {
        let fixture = Fixture::new();
        fixture.file("/srv/shop/only", noise(2 << 20, 31));
        let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
        let item = Item::of_files("data", "web", &captured);
        fixture
            .repository
            .seal(&manifest(POINT, 1, vec![item]), &origin())
            .unwrap();
        let sound = fixture
            .repository
            .verify(POINT, &Silent::shared(), &Cancel::new())
            .unwrap();
        assert_eq!(sound.damages, vec![]);
        assert_eq!(sound.checked.bytes, 2 << 20);
        // The data pack is the large one.
        let largest = packs(&fixture)
            .into_iter()
            .max_by_key(|path| fs::metadata(path).unwrap().len())
            .unwrap();
        harm(&largest);
        let pack = largest.file_name().unwrap().to_str().unwrap();

        let into = fixture.target("into");
        match fixture.restore(&captured, &into) {
            Err(VaultError::Damaged { file, pack: named, .. }) => {
                assert_eq!(file.as_deref(), Some(Path::new("/srv/shop/only")), "{name}");
                assert_eq!(named.as_deref(), Some(pack), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(!into.join("srv/shop/only").exists(), "{name}");
        let verdict = fixture
            .repository
            .verify(POINT, &Silent::shared(), &Cancel::new())
            .unwrap();
        assert!(!verdict.damages.is_empty(), "{name}");
        assert!(
            verdict
                .damages
                .iter()
                .all(|damage| damage.pack.as_deref() == Some(pack)),
            "{name}: {verdict:?}"
        );
        let file = ("data".to_owned(), PathBuf::from("/srv/shop/only"));
        assert!(
            verdict.damages.iter().all(|damage| damage.files == [file.clone()]),
            "{name}"
        );
    }
}

#[test]
fn damaged_trees_are_errors_too() {
    let fixture = Fixture::new();
    fixture.file("/srv/shop/only", noise(2 << 20, 33));
    let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
    let smallest = packs(&fixture)
        .into_iter()
        .min_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&smallest).unwrap();
    bytes[40] ^= 1;
    fs::write(&smallest, bytes).unwrap();
    let result = fixture.restore(&captured, &fixture.target("into"));
    assert!(
        matches!(result, Err(VaultError::Damaged { pack: Some(_), .. })),
        "{result:?}"
    );
}

#[test]
fn every_byte_of_every_pack_that_a_point_refers_to_counts() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "some content");
    let captured = fixture.capture("P1", &["/srv"]).unwrap();
    let sealed = manifest("P1", 1, vec![Item::of_files("data", "web", &captured)]);
    fixture.repository.seal(&sealed, &origin()).unwrap();
    let packs = packs(&fixture);
    let mut found = 0;
    for path in &packs {
        let good = std::fs::read(path).unwrap();
        // The last bytes are the list of what the pack holds, which no restore reads.
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        std::fs::write(path, &bad).unwrap();
        let verdict = fixture.reopen().verify("P1", &Silent::shared(), &Cancel::new());
        // The pack of the seal itself is not one of the point's data.
        found += usize::from(verdict.is_ok_and(|verdict| verdict.damages.len() == 1));
        std::fs::write(path, &good).unwrap();
    }
    assert_eq!(found, packs.len(), "data, trees and the seal");
}

#[test]
fn a_hole_is_not_read_back() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", "a");
    let path = fixture.site().join("srv/sparse");
    let file = fs::File::create(&path).unwrap();
    file.set_len(40 << 20).unwrap();
    file.write_all_at(&noise(5000, 1), 20 << 20).unwrap();
    let captured = fixture.capture(POINT, &["/srv"]).unwrap();

    // Nothing but a restore of zeros would read this blob.
    let zeros = id_of(&[0; 512 * 1024]);
    let guard = Guard::new(Arc::clone(&fixture.repository.stores().writer), Cancel::new());
    let spot = fixture
        .repository
        .index(&guard)
        .unwrap()
        .find(BlobKind::Data, &zeros)
        .unwrap();
    let hex = spot.pack.to_hex().to_string();
    let pack = fixture
        .location()
        .path()
        .join("data")
        .join(hex.split_at(2).0)
        .join(&hex);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[spot.offset as usize + 20] ^= 1;
    fs::write(&pack, bytes).unwrap();

    let into = fixture.target("into");
    fixture.restore(&captured, &into).unwrap();
    assert_same(&fixture.site().join("srv"), &into.join("srv"));
    assert!(blocks(&into.join("srv/sparse")) < 64, "the hole is one again");
}

/// So many bytes of an entry may a plan keep, for names like these: a million files are to fit beside all else in 400 MB.
const OF_AN_ENTRY: usize = 180;

#[test]
fn of_many_entries_little_is_kept() {
    let fixture = Fixture::new();
    for number in 0..3_000 {
        fixture.file(&format!("/srv/shop/{}/file-{number}", number / 500), number.to_string());
    }
    let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
    // What has the same name there and here costs as much as what has another path.
    let moved = |path: &Path| Path::new("/elsewhere").join(path.strip_prefix("/srv").unwrap());
    let same = |path: &Path| path.to_owned();
    let maps: [&(dyn Fn(&Path) -> PathBuf + Sync); 2] = [&same, &moved];
    for map in maps {
        let what = RestoreFiles {
            tree: &captured.tree,
            paths: &[PathBuf::from("/srv/shop")],
            target: &fixture.target("into"),
            map,
            only: None,
            owners: None,
            overwrite: false,
            compare: false,
        };
        let (entries, bytes) = fixture.repository.planned(&what).unwrap();
        assert_eq!(entries, 3_000 + 6 + 1);
        assert!(
            bytes / entries <= OF_AN_ENTRY,
            "{} bytes for each entry",
            bytes / entries
        );
    }
}
