//! Objects of a container: what goes in comes out, whatever they are called and however many there are.

use bytes::Bytes;

use super::super::account::{Account, Limits};
use super::super::container::Listed;
use super::super::fault::Fault;
use super::super::large::{self, Place};
use super::*;

fn bytes(text: &str) -> [Bytes; 1] {
    [Bytes::copy_from_slice(text.as_bytes())]
}

fn names(container: &Container, prefix: &str, delimiter: Option<char>) -> Vec<String> {
    let mut names = Vec::new();
    container
        .list(prefix, delimiter, &mut |listed| {
            names.push(match listed {
                Listed::Object { name, bytes, .. } => format!("{name}={bytes}"),
                Listed::Folder(name) => name,
            });
            Ok(())
        })
        .unwrap();
    names
}

fn head(container: &Container, name: &str) -> Option<(u64, bool)> {
    container.head(name).unwrap().map(|head| (head.bytes, head.large))
}

#[test]
fn objects_come_back_as_they_were_whatever_they_are_called() {
    let Some(cloud) = lab() else { return };
    let container = Fresh::new(cloud);
    for name in ["plain", "a/b c", "a/ü?x=1&y#z%", "a/+ \"'<>/d"] {
        container
            .put(
                name,
                &[Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"cdef")],
            )
            .unwrap();
        assert_eq!(container.get(name).unwrap(), "abcdef", "{name}");
        assert_eq!(head(&container, name), Some((6, false)));
        assert_eq!(container.get_range(name, 2, 3).unwrap(), "cde", "{name}");
        assert_eq!(
            container.get_range(name, 4, 100).unwrap(),
            "ef",
            "what ends before is shorter"
        );
        assert!(matches!(container.get_range(name, 6, 1), Err(Fault::OutOfRange)));
    }
    container.put("plain", &[]).unwrap();
    assert_eq!(
        container.get("plain").unwrap(),
        "",
        "an object may be empty and be replaced"
    );
    assert_eq!(names(&container, "", Some('/')), ["a/", "plain=0"]);
    assert_eq!(
        names(&container, "a/", Some('/')),
        ["a/+ \"'<>/", "a/b c=6", "a/ü?x=1&y#z%=6"]
    );
    container.delete("plain").unwrap();
    assert!(matches!(container.get("plain"), Err(Fault::Missing)));
    assert!(matches!(container.delete("plain"), Err(Fault::Missing)));
    assert_eq!(container.head("plain").unwrap(), None);
    let used = container.used().unwrap();
    assert!(used.now.is_some(), "{used:?}");
}

#[test]
fn what_was_altered_on_its_way_is_refused_by_the_server() {
    let Some(cloud) = lab() else { return };
    let mut container = Fresh::new(cloud);
    container.0.patience = dram_storage::Patience::NONE;
    let other = super::super::container::checksum(&bytes("other"));
    let fault = container.put_with("x", "", &bytes("this"), Some(&other)).unwrap_err();
    assert!(matches!(fault, Fault::Altered { .. }), "{fault}");
    assert_eq!(container.head("x").unwrap(), None);
}

#[test]
fn a_container_that_is_not_there_is_an_error_and_not_an_empty_one() {
    let Some(cloud) = lab() else { return };
    let container = Container::new(Arc::new(Account::of(cloud).unwrap()), "f-none-of-this", Cancel::new());
    let list = container.list("", None, &mut |_| Ok(()));
    assert!(matches!(list, Err(Fault::Missing)));
    assert!(matches!(container.used(), Err(Fault::Missing)));
    assert!(matches!(container.put("x", &bytes("x")), Err(Fault::Missing)));
    assert!(matches!(container.get("x"), Err(Fault::Missing)));
}

#[test]
fn a_listing_goes_on_where_the_server_breaks_it_off() {
    let Some(cloud) = lab() else { return };
    let mut container = Fresh::new(cloud);
    container.0.page = 3;
    let mut expected = Vec::new();
    for number in 0..10 {
        container.put(&format!("n/{number}"), &bytes("x")).unwrap();
        container.put(&format!("n/{number}/below"), &bytes("x")).unwrap();
        expected.extend([format!("n/{number}=1"), format!("n/{number}/")]);
    }
    assert_eq!(names(&container, "n/", Some('/')), expected);
    assert_eq!(names(&container, "n/", None).len(), 20);
    assert_eq!(names(&container, "none", None), Vec::<String>::new());
}

#[test]
fn a_token_that_is_not_accepted_any_more_is_renewed_once_for_all() {
    let Some(cloud) = lab() else { return };
    let container = Fresh::new(cloud);
    container.put("x", &bytes("x")).unwrap();
    let before = container.account.token().unwrap();
    container.account.spoil_token();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let container = &container;
            // Larger than what fits into the buffers between here and there.
            let content = [Bytes::from(vec![number; 3 << 20])];
            scope.spawn(move || container.put(&format!("{number}"), &content).unwrap());
        }
    });
    let after = container.account.token().unwrap();
    assert_ne!(before, after);
    assert_eq!(names(&container, "", None).len(), 9);
}

#[test]
fn wrong_credentials_are_told_without_them() {
    let Some(mut cloud) = lab() else { return };
    if let Identity::V1 { key, .. } = &mut cloud.identity {
        *key = Secret::new("hunter2");
    }
    let container = Container::new(Arc::new(Account::of(cloud).unwrap()), "f-any", Cancel::new());
    let fault = container.get("x").unwrap_err();
    assert!(matches!(fault, Fault::Unauthenticated { .. }), "{fault}");
    let told = fault.told("read", "x");
    assert_eq!(told.fault, dram_storage::Fault::Credentials);
    let said = format!("{fault} {fault:?} {told} {told:?} {container:?}");
    assert!(said.contains("127.0.0.1") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_large_object_is_whole_or_not_there_and_leaves_nothing_behind() {
    let Some(cloud) = lab() else { return };
    let container = Fresh::new(cloud);
    let limits = container.account.limits(&Cancel::new()).unwrap();
    assert!(limits.object > 1 << 30 && limits.segments >= 100, "{limits:?}");
    let content: Vec<Bytes> = (0..25_u8).map(|number| Bytes::from(vec![number; 1000])).collect();
    let place = Place {
        object: "data/ab/abc",
        segments: "segments/abc/",
    };
    for _ in 0..2 {
        large::put(&container, &place, &content, 4096).unwrap();
        assert_eq!(head(&container, place.object), Some((25_000, true)));
        assert_eq!(container.get(place.object).unwrap(), content.concat());
        assert_eq!(
            container.get_range(place.object, 4000, 200).unwrap(),
            content.concat()[4000..4200]
        );
        assert_eq!(
            names(&container, "segments/", None).len(),
            7,
            "written again it is the same segments"
        );
    }
    large::delete(&container, &place).unwrap();
    assert_eq!(names(&container, "", None), Vec::<String>::new());
}

#[test]
fn segments_of_nothing_are_swept_when_they_are_old_and_others_are_not() {
    let Some(cloud) = lab() else { return };
    let container = Fresh::new(cloud);
    let content = [Bytes::from(vec![1; 10_000])];
    let place = Place {
        object: "data/kept",
        segments: "segments/kept/",
    };
    large::put(&container, &place, &content, 4096).unwrap();
    container.put("segments/left/0", &bytes("x")).unwrap();
    container.put("segments/left/1", &bytes("x")).unwrap();
    let object_of = |owner: &str| format!("data/{owner}");
    let sweep = |age| large::sweep(&container, "segments/", &object_of, age).unwrap();
    assert_eq!(
        sweep(jiff::SignedDuration::from_hours(24)),
        0,
        "its writer may be on its way"
    );
    assert_eq!(sweep(jiff::SignedDuration::from_secs(-60)), 2);
    assert_eq!(names(&container, "", None).len(), 4);
    assert_eq!(container.get("data/kept").unwrap(), content.concat());
}

#[test]
fn what_the_server_takes_neither_whole_nor_in_segments_is_refused() {
    let Some(cloud) = lab() else { return };
    let container = Fresh::new(cloud);
    container.account.set_limits(Limits {
        object: 10,
        segments: 2,
    });
    let place = Place {
        object: "x",
        segments: "segments/x/",
    };
    let fault = large::put(&container, &place, &[Bytes::from(vec![0; 21])], 10).unwrap_err();
    assert!(matches!(fault, Fault::TooLarge), "{fault}");
    assert_eq!(names(&container, "", None), Vec::<String>::new());
}
