//! What is asked for comes back; what is not asked for is as it was, to the inode.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use super::tree::{assert_same, is_root, set_mtime};
use super::*;

/// What a look from outside tells of an entry: inode, modification and change in nanoseconds, mode, owner, number of names.
type Trace = (u64, i128, i128, u32, u32, u64);

fn traces(top: &Path) -> BTreeMap<PathBuf, Trace> {
    let mut found = BTreeMap::new();
    let mut open = vec![top.to_owned()];
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let modified = nanoseconds(meta.mtime(), meta.mtime_nsec());
        let changed = nanoseconds(meta.ctime(), meta.ctime_nsec());
        if meta.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(
            path,
            (meta.ino(), modified, changed, meta.mode(), meta.uid(), meta.nlink()),
        );
    }
    found
}

fn only(patterns: &[&str]) -> Selection {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    Selection::new(&patterns).unwrap()
}

/// A captured shop, whose site then goes on to live.
fn lived_on() -> (Fixture, Captured) {
    let fixture = Fixture::new();
    for path in [
        "a.txt",
        "same.txt",
        "late.txt",
        "up/x.png",
        "up/y.png",
        "up/z.txt",
        "up/deep/w.png",
    ] {
        fixture.file(&format!("/srv/shop/{path}"), path);
    }
    fs::hard_link(at(&fixture, "up/z.txt"), at(&fixture, "up/z2.txt")).unwrap();
    symlink("a.txt", at(&fixture, "link")).unwrap();
    let captured = fixture.capture(POINT, &["/srv/shop"]).unwrap();
    fs::write(at(&fixture, "a.txt"), "AAAAA").unwrap();
    fs::remove_file(at(&fixture, "up/x.png")).unwrap();
    fs::set_permissions(at(&fixture, "up/y.png"), fs::Permissions::from_mode(0o600)).unwrap();
    set_mtime(&at(&fixture, "late.txt"), 1_700_000_000, 5);
    fixture.file("/srv/shop/mine.txt", "made since");
    fixture.file("/srv/shop/more/one", "made since");
    fs::hard_link(at(&fixture, "same.txt"), at(&fixture, "same-too")).unwrap();
    fixture.file("/srv/beside", "never captured");
    (fixture, captured)
}

fn at(fixture: &Fixture, path: &str) -> PathBuf {
    fixture.site().join("srv/shop").join(path)
}

fn in_place(fixture: &Fixture, captured: &Captured, patterns: &[&str]) -> Result<Restored, VaultError> {
    part(fixture, captured, &fixture.site(), patterns, &Owners::default())
}

/// Restores a part over what is there.
pub(super) fn part(
    fixture: &Fixture,
    captured: &Captured,
    into: &Path,
    patterns: &[&str],
    owners: &Owners,
) -> Result<Restored, VaultError> {
    with(captured, into, patterns, owners, |what| {
        fixture
            .repository
            .restore_files(what, &Silent::shared(), &Cancel::new())
    })
}

fn with<T>(
    captured: &Captured,
    into: &Path,
    patterns: &[&str],
    owners: &Owners,
    act: impl FnOnce(&RestoreFiles<'_>) -> T,
) -> T {
    let paths: Vec<PathBuf> = captured.paths.iter().map(PathBuf::from).collect();
    let selection = only(patterns);
    act(&RestoreFiles {
        tree: &captured.tree,
        paths: &paths,
        target: into,
        map: &|path| path.to_owned(),
        only: Some(&selection).filter(|selection| !selection.is_all()),
        owners: Some(owners),
        overwrite: true,
        compare: true,
    })
}

fn told(fixture: &Fixture, captured: &Captured, into: &Path, patterns: &[&str]) -> BTreeMap<PathBuf, Fate> {
    let mut told = BTreeMap::new();
    let mut tell = |change: Change| {
        let path = change.path.strip_prefix(into).unwrap().to_owned();
        assert_eq!(told.insert(path, change.fate), None, "each entry is told once");
    };
    with(captured, into, patterns, &Owners::default(), |what| {
        fixture
            .repository
            .preview_files(what, &Cancel::new(), &mut tell)
            .unwrap()
    });
    told
}

#[test]
fn what_is_not_asked_for_keeps_inode_times_and_content() {
    let (fixture, captured) = lived_on();
    let before = traces(&fixture.site());
    let restored = in_place(&fixture, &captured, &["/srv/shop/a.txt", "/srv/shop/**/*.png"]).unwrap();
    assert_eq!(restored.files, 2, "the one that differs and the one that is gone");
    let after = traces(&fixture.site());
    let mut touched: Vec<PathBuf> = Vec::new();
    for (path, trace) in &after {
        if before.get(path) != Some(trace) {
            touched.push(path.strip_prefix(fixture.site()).unwrap().to_owned());
        }
    }
    // The directories in which a name was made have another time; nobody asked for theirs.
    let expected = [
        "srv/shop",
        "srv/shop/a.txt",
        "srv/shop/up",
        "srv/shop/up/x.png",
        "srv/shop/up/y.png",
    ];
    assert_eq!(touched, expected.map(PathBuf::from));
    assert_eq!(fs::read(at(&fixture, "a.txt")).unwrap(), b"a.txt");
    let (old, new) = (&before[&at(&fixture, "up/y.png")], &after[&at(&fixture, "up/y.png")]);
    assert_eq!((old.0, old.1), (new.0, new.1), "only its mode was set");
    assert_eq!(before.len() + 1, after.len());
}

#[test]
fn what_is_equal_is_not_touched_and_what_differs_in_metadata_keeps_its_inode() {
    let (fixture, captured) = lived_on();
    in_place(&fixture, &captured, &[]).unwrap();
    let settled = traces(&fixture.site());
    let again = in_place(&fixture, &captured, &[]).unwrap();
    assert_eq!(again.files, 0);
    assert_eq!(
        traces(&fixture.site()),
        settled,
        "a second restore touches nothing at all"
    );
    for stays in ["mine.txt", "more/one", "same-too"] {
        assert!(at(&fixture, stays).exists(), "{stays}");
    }
    // Another time alone is set and nothing is written.
    let inode = fs::metadata(at(&fixture, "late.txt")).unwrap().ino();
    set_mtime(&at(&fixture, "late.txt"), 1_600_000_000, 0);
    in_place(&fixture, &captured, &["/srv/shop/late.txt"]).unwrap();
    assert_eq!(traces(&fixture.site())[&at(&fixture, "late.txt")].0, inode);
    let into = fixture.target("elsewhere");
    fixture.restore(&captured, &into).unwrap();
    for name in ["mine.txt", "same-too"] {
        fs::remove_file(at(&fixture, name)).unwrap();
    }
    fs::remove_dir_all(at(&fixture, "more")).unwrap();
    in_place(&fixture, &captured, &[]).unwrap();
    assert_same(&into.join("srv/shop"), &fixture.site().join("srv/shop"));
}

#[test]
fn another_name_of_a_file_keeps_its_metadata() {
    let (fixture, captured) = lived_on();
    fs::set_permissions(at(&fixture, "same-too"), fs::Permissions::from_mode(0o640)).unwrap();
    in_place(&fixture, &captured, &["/srv/shop/same.txt"]).unwrap();
    let mode = |name: &str| fs::metadata(at(&fixture, name)).unwrap().mode() & 0o7777;
    assert_eq!(mode("same-too"), 0o640, "nobody asked for this name");
    assert_eq!(mode("same.txt"), 0o644);
    assert_eq!(fs::read(at(&fixture, "same.txt")).unwrap(), b"same.txt");
}

#[test]
fn a_look_tells_what_would_change_and_changes_nothing() {
    let (fixture, captured) = lived_on();
    let before = traces(fixture.dir.path());
    let fates = told(&fixture, &captured, &fixture.site(), &[]);
    assert_eq!(traces(fixture.dir.path()), before, "not one time of change");
    let fate = |path: &str| fates.get(&Path::new("srv/shop").join(path)).cloned();
    let of = |aspect| Some(Fate::Metadata(vec![aspect]));
    for (path, expected) in [
        ("a.txt", Some(Fate::Content)),
        ("up/x.png", Some(Fate::New)),
        ("up/y.png", of(Aspect::Mode)),
        ("late.txt", of(Aspect::Times)),
        ("up/z.txt", Some(Fate::Same)),
        ("up/z2.txt", Some(Fate::Same)),
        ("link", Some(Fate::Same)),
        ("same.txt", Some(Fate::Same)),
        ("up/deep/w.png", Some(Fate::Same)),
        ("", of(Aspect::Times)),
        ("mine.txt", Some(Fate::Stays)),
        ("same-too", Some(Fate::Stays)),
        ("more", Some(Fate::Stays)),
        ("more/one", None),
        ("../beside", None),
    ] {
        assert_eq!(fate(path), expected, "{path}");
    }
    // The look does not promise too much.
    in_place(&fixture, &captured, &[]).unwrap();
    let fates = told(&fixture, &captured, &fixture.site(), &[]);
    let settled = |fate: &Fate| matches!(fate, Fate::Same | Fate::Stays);
    assert!(fates.values().all(settled), "{fates:?}");
}

#[test]
fn a_look_at_a_target_that_is_not_there_does_not_make_it() {
    let (fixture, captured) = lived_on();
    let into = fixture.target("none");
    let fates = told(&fixture, &captured, &into, &["*.png"]);
    let pngs = ["srv/shop/up/deep/w.png", "srv/shop/up/x.png", "srv/shop/up/y.png"];
    assert_eq!(fates.keys().collect::<Vec<_>>(), pngs.map(Path::new));
    assert!(fates.values().all(|fate| *fate == Fate::New));
    assert!(!into.exists());
}

#[test]
fn what_no_restore_replaces_is_told() {
    let (fixture, captured) = lived_on();
    let into = fixture.target("into");
    fs::create_dir_all(into.join("srv/shop/a.txt")).unwrap();
    fs::write(into.join("srv/shop/up"), "a file").unwrap();
    let fates = told(&fixture, &captured, &into, &[]);
    assert_eq!(fates[Path::new("srv/shop/a.txt")], Fate::InTheWay);
    assert_eq!(fates[Path::new("srv/shop/up")], Fate::Content);
}

#[test]
fn a_survey_says_which_patterns_match() {
    let (fixture, captured) = lived_on();
    let paths = [PathBuf::from("/srv/shop")];
    let survey = |patterns: &[&str]| {
        let survey = fixture
            .repository
            .survey(&captured.tree, &paths, &only(patterns), &Owners::default())
            .unwrap();
        (survey.patterns, survey.is_any)
    };
    assert_eq!(
        survey(&["/srv", "*.png", "/srv/shop/none"]),
        (vec![true, true, false], true)
    );
    assert_eq!(survey(&["/srv/beside"]), (vec![false], false));
    assert_eq!(survey(&["/srv/shop/up", "!*.txt"]), (vec![true, true], true));
}

#[test]
fn owners_are_mapped_by_name_and_by_number() {
    if !is_root() {
        dram_skips::skip("only root gives files away");
        return;
    }
    let fixture = Fixture::new();
    for (path, id) in [("a", 4711), ("b", 4712), ("c", 1)] {
        fixture.file(&format!("/srv/{path}"), path);
        chown(fixture.site().join("srv").join(path), Some(id), Some(id)).unwrap();
    }
    let captured = fixture.capture(POINT, &["/srv"]).unwrap();
    let daemon = Accounts::of_this_machine(AccountKind::User)
        .name(1)
        .unwrap_or_default()
        .to_owned();
    let rule = |from: &str, to| OwnerRule {
        from: from.to_owned(),
        to,
    };
    let owners = Owners {
        by_name: false,
        users: vec![rule("4711", 5000), rule(&daemon, 5001)],
        groups: vec![rule("4712", 5002)],
    };
    let into = fixture.target("into");
    part(&fixture, &captured, &into, &[], &owners).unwrap();
    let of = |path: &str| {
        let meta = fs::metadata(into.join("srv").join(path)).unwrap();
        (meta.uid(), meta.gid())
    };
    assert_eq!([of("a"), of("b"), of("c")], [(5000, 4711), (4712, 5002), (5001, 1)]);
    let paths = [PathBuf::from("/srv")];
    let unknown = Owners {
        users: vec![rule("4711", 1), rule("nobody-of-this-name", 1)],
        ..Owners::default()
    };
    let survey = fixture
        .repository
        .survey(&captured.tree, &paths, &only(&[]), &unknown)
        .unwrap();
    assert_eq!(survey.users, [true, false]);
}
