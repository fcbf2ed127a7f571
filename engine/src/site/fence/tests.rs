use super::*;

#[test]
fn an_epoch_never_goes_down() {
    let root = tempfile::tempdir().unwrap();
    let private = root.path().join("var/lib/dram");
    let accept = |epoch| super::accept("office", &private, "acme", "shop", epoch);
    assert_eq!(read("office", &private, "acme", "shop").unwrap(), None);
    for epoch in [0, 3, 3, 7] {
        assert_eq!(accept(epoch).unwrap().epoch, epoch);
    }
    let error = accept(6).unwrap_err();
    assert_eq!(
        error.to_string(),
        "site `office` has accepted epoch 7 of `shop`, so epoch 6 may do nothing there any more"
    );
    assert!(error.help().contains("dram status shop"));
    assert_eq!(read("office", &private, "acme", "shop").unwrap().unwrap().epoch, 7);
    assert_eq!(read("office", &private, "acme", "other").unwrap(), None);
    assert_eq!(read("office", &private, "other", "shop").unwrap(), None);
    assert!(private.join("fence/acme/shop.json").is_file());
}

#[test]
fn of_many_who_accept_the_highest_stands() {
    let root = tempfile::tempdir().unwrap();
    let private = root.path().join("var/lib/dram");
    // Threads hold locks of their own, as each opens the file anew.
    std::thread::scope(|scope| {
        for start in 0..8_u64 {
            let private = &private;
            scope.spawn(move || {
                let mut highest = 0;
                for step in 0..25 {
                    let epoch = (start * 7 + step * 13) % 200;
                    match accept("office", private, "acme", "shop", epoch) {
                        Ok(record) => assert_eq!(record.epoch, epoch),
                        Err(SiteError::Fenced { seen, .. }) => assert!(seen > epoch),
                        Err(other) => unreachable!("{other}"),
                    }
                    let seen = read("office", private, "acme", "shop").unwrap().unwrap().epoch;
                    assert!(seen >= highest, "it went down from {highest} to {seen}");
                    highest = seen;
                }
            });
        }
    });
    let highest = (0..8_u64)
        .flat_map(|start| (0..25).map(move |step| (start * 7 + step * 13) % 200))
        .max()
        .unwrap();
    assert_eq!(
        read("office", &private, "acme", "shop").unwrap().unwrap().epoch,
        highest
    );
}

#[test]
fn a_broken_record_is_never_taken_for_none() {
    let root = tempfile::tempdir().unwrap();
    let private = root.path().join("var/lib/dram");
    accept("office", &private, "acme", "shop", 7).unwrap();
    let path = private.join("fence/acme/shop.json");
    for broken in [
        "",
        "{",
        "{}",
        r#"{"format":2,"application":"shop","epoch":1}"#,
        r#"{"format":1,"application":"x","epoch":1}"#,
    ] {
        fs::write(&path, broken).unwrap();
        let error = accept("office", &private, "acme", "shop", 9).unwrap_err();
        assert!(matches!(error, SiteError::CorruptFence { .. }), "{broken}: {error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
    // What a crash left behind before the rename changes nothing.
    fs::write(&path, r#"{"format":1,"application":"shop","epoch":7}"#).unwrap();
    fs::write(private.join("fence/acme/shop.part"), "{\"form").unwrap();
    assert_eq!(accept("office", &private, "acme", "shop", 8).unwrap().epoch, 8);
}

#[test]
fn names_stay_in_their_folder() {
    let root = tempfile::tempdir().unwrap();
    for bad in ["", "..", "../x", "a/b", "a.b", "a\0"] {
        assert!(accept("office", root.path(), bad, "shop", 1).is_err(), "{bad:?}");
        assert!(accept("office", root.path(), "acme", bad, 1).is_err(), "{bad:?}");
    }
}
