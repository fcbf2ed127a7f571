//! What changed between two points is told, and what is equal is not read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn told(fixture: &Fixture, before: Option<&Captured>, after: Option<&Captured>, patterns: &[&str]) -> Vec<String> {
    let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
    let only = Selection::new(&patterns).unwrap();
    let tree = |captured: Option<&Captured>| captured.map(|captured| captured.tree.clone());
    let (before, after) = (tree(before), tree(after));
    let mut found = Vec::new();
    fixture
        .repository
        .diff(before.as_deref(), after.as_deref(), &only, &Cancel::new(), &mut |one| {
            // Of a directory that something was made in, the time.
            if !matches!(&one.how, Differs::Metadata(of) if *of == [Aspect::Times]) {
                let path = one.path.display();
                found.push(format!("{:?} {path} {} {}", one.how, one.before, one.after));
            }
        })
        .unwrap();
    found
}

#[test]
fn each_difference_is_told_once_and_in_order() {
    let fixture = Fixture::new();
    for path in ["a", "b", "c", "d/e", "d/f", "gone/x", "kind"] {
        fixture.file(&format!("/srv/shop/{path}"), path);
    }
    let before = fixture.capture("P1", &["/srv/shop"]).unwrap();
    fixture.file("/srv/shop/a", "longer than before");
    let shop = fixture.site().join("srv/shop");
    fs::set_permissions(shop.join("b"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_dir_all(shop.join("gone")).unwrap();
    fs::remove_file(shop.join("kind")).unwrap();
    fixture.file("/srv/shop/kind/now", "a directory");
    fixture.file("/srv/shop/new/y", "y");
    let after = fixture.capture("P2", &["/srv/shop"]).unwrap();
    let all = [
        "Content /srv/shop/a 1 18",
        "Metadata([Mode]) /srv/shop/b 1 1",
        "Removed /srv/shop/gone 0 0",
        "Removed /srv/shop/gone/x 6 0",
        "Content /srv/shop/kind 4 0",
        "Added /srv/shop/kind/now 0 11",
        "Added /srv/shop/new 0 0",
        "Added /srv/shop/new/y 0 1",
    ];
    assert_eq!(told(&fixture, Some(&before), Some(&after), &[]), all);
    assert_eq!(
        told(&fixture, Some(&before), Some(&after), &["/srv/shop/new"]),
        all[6..]
    );
    assert_eq!(
        told(&fixture, Some(&before), Some(&after), &["x", "/srv/*/a"]),
        [all[0], all[3]]
    );
    assert_eq!(told(&fixture, Some(&after), Some(&after), &[]), Vec::<String>::new());
    let added = told(&fixture, None, Some(&after), &["/srv/shop/d"]);
    assert_eq!(
        added,
        [
            "Added /srv/shop/d 0 0",
            "Added /srv/shop/d/e 0 3",
            "Added /srv/shop/d/f 0 3"
        ]
    );
}

#[test]
fn what_is_equal_is_not_read() {
    let fixture = Fixture::new();
    fixture.file("/srv/equal/deep/file", "equal");
    fixture.capture("P0", &["/srv/equal"]).unwrap();
    let of_equal = packs(&fixture);
    fixture.file("/srv/other/file", "one");
    let before = fixture.capture("P1", &["/srv/equal", "/srv/other"]).unwrap();
    fixture.file("/srv/other/file", "other");
    let after = fixture.capture("P2", &["/srv/equal", "/srv/other"]).unwrap();
    for pack in of_equal {
        fs::remove_file(pack).unwrap();
    }
    let read = fixture.repository.list(&after.tree, Path::new("/srv/equal"), true);
    assert!(read.is_err(), "the trees of what is equal are lost");
    let found = told(&fixture, Some(&before), Some(&after), &[]);
    assert_eq!(found, ["Content /srv/other/file 3 5"]);
}
