//! Parts of an application, as an operator asks for them.

use super::*;
use std::os::unix::fs::MetadataExt;

fn request(to: Where, paths: &[&str], items: &[&str], overwrite: bool) -> RestoreRequest {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    RestoreRequest {
        application: "shop".to_owned(),
        point: Pick::Latest,
        from: None,
        as_of: None,
        to,
        components: Vec::new(),
        items: words(items),
        paths: words(paths),
        owners: Owners::default(),
        overwrite,
        attested: None,
    }
}

/// Steps and fates of a look, as text.
fn look_at(engine: &Engine, request: &RestoreRequest) -> Result<Vec<String>, Error> {
    let mut told = Vec::new();
    engine.preview(request, &Cancel::new(), &mut |what| {
        told.push(match what {
            Preview::Steps(runbook) => runbook.steps.iter().map(|step| step.text()).collect(),
            Preview::Change(item, change) => {
                let name = change.path.file_name().unwrap_or_default().display().to_string();
                format!("{item} {name} {:?}", change.fate)
            }
        });
    })?;
    Ok(told)
}

#[test]
fn a_file_in_place_is_looked_at_first_and_then_said_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    let srv = folder.path().join("office/srv");
    fs::write(srv.join("b"), "beside").unwrap();
    protect(&engine).unwrap();
    fs::write(srv.join("a"), "lived on").unwrap();
    fs::write(srv.join("b"), "lived on too").unwrap();
    let beside = || {
        let meta = fs::metadata(srv.join("b")).unwrap();
        (
            meta.ino(),
            meta.ctime(),
            meta.ctime_nsec(),
            fs::read(srv.join("b")).unwrap(),
        )
    };
    let before = beside();
    let look = look_at(&engine, &request(Where::Active, &["/srv/a"], &[], false)).unwrap();
    assert_eq!(look, ["restore /srv/a of the files of web", "web.files a Content"]);
    let refused = engine
        .restore(&request(Where::Active, &["/srv/a"], &[], false), &watch())
        .unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(Refusal::ReplacesLiveData { .. })),
        "{refused}"
    );
    assert_eq!(fs::read(srv.join("a")).unwrap(), b"lived on");
    engine
        .restore(&request(Where::Active, &["/srv/a"], &[], true), &watch())
        .unwrap();
    assert_eq!(fs::read(srv.join("a")).unwrap(), b"one");
    assert_eq!(beside(), before);
}

#[test]
fn what_the_point_does_not_hold_is_said_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }]");
    protect(&engine).unwrap();
    let into = folder.path().join("into");
    let to = || Where::Directory(into.clone());
    let owners = |rule: &str| Owners {
        users: vec![OwnerRule {
            from: rule.to_owned(),
            to: 0,
        }],
        ..Owners::default()
    };
    for (request, expected) in [
        (request(to(), &["/srv/a", "*.png"], &[], false), "does not hold `*.png`"),
        (
            request(to(), &[], &["web.dump"], false),
            "does not hold an item `web.dump`",
        ),
        (request(to(), &["[a"], &[], false), "the pattern `[a` is not valid"),
        (
            RestoreRequest {
                owners: owners("nobody-of-this-name"),
                ..request(to(), &[], &[], false)
            },
            "belongs to user `nobody-of-this-name`",
        ),
    ] {
        let looked = look_at(&engine, &request).unwrap_err().to_string();
        let refused = engine.restore(&request, &watch()).unwrap_err().to_string();
        assert_eq!(looked, refused);
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(!into.exists(), "nothing was done");
    engine
        .restore(&request(to(), &["/sr?/a"], &["web.files"], false), &watch())
        .unwrap();
    assert_eq!(fs::read(into.join("srv/a")).unwrap(), b"one");
}

#[test]
fn two_points_are_compared_item_by_item() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), "vaults: [{ name: near }, { name: far }]");
    let before = protect(&engine).unwrap();
    fs::write(folder.path().join("office/srv/a"), "three").unwrap();
    fs::write(folder.path().join("office/srv/b"), "new").unwrap();
    let after = protect(&engine).unwrap();
    fs::remove_dir_all(folder.path().join("near")).unwrap();
    let diff = |before: &str, after: &str, paths: &[&str], vault| {
        let request = DiffRequest {
            before: before.to_owned(),
            after: after.to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let source = Source { vault, as_of: None };
        let mut lines = 0;
        engine
            .diff(&request, source, &Cancel::new(), &mut |_| lines += 1)
            .map(|counts| (counts, lines))
    };
    let expected = DiffCounts {
        added: 1,
        added_bytes: 3,
        content: 1,
        content_bytes: 5,
        metadata: 1,
        ..DiffCounts::default()
    };
    assert_eq!(diff(&before, &after, &[], Some("far")).unwrap(), (expected, 3));
    let back = diff(&after, &before, &["/srv/b"], Some("far")).unwrap().0;
    assert_eq!((back.removed, back.removed_bytes, back.content), (1, 3, 0));
    assert_eq!(diff(&after, &after, &[], Some("far")).unwrap().1, 0);
    let none = diff(&before, &after, &["*.png"], Some("far")).unwrap_err();
    assert!(none.to_string().contains("does not hold `*.png`"), "{none}");
    assert!(diff(&before, &after, &[], None).is_err(), "the first vault is gone");
}
