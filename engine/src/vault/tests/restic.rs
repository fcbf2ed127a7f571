//! The stock `restic` program, where it is installed, as an independent judge.

use std::process::Command;

use super::tree::{assert_same, noise};
use super::*;

pub(in crate::vault) const PASSWORD: &str = "correct horse";

/// What the stock program is told to find a repository.
pub(in crate::vault) struct Stock {
    pub(in crate::vault) repository: String,
    pub(in crate::vault) variables: Vec<(&'static str, String)>,
}

impl Stock {
    /// What the program did; nothing, with the test skipped, where it is not installed.
    fn call(&self, arguments: &[&str]) -> Option<std::process::Output> {
        let output = Command::new("restic")
            .args(["--no-cache", "-r", &self.repository])
            .args(arguments)
            .env("RESTIC_PASSWORD", PASSWORD)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output();
        match output {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                dram_skips::skip("`restic` is not installed, so it cannot judge");
                None
            }
            output => Some(output.unwrap()),
        }
    }

    /// What it said when it succeeded, which it must.
    pub(in crate::vault) fn run(&self, arguments: &[&str]) -> Option<String> {
        let output = self.call(arguments)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{complained}");
        Some(said)
    }
}

fn restic(repository: &Path, arguments: &[&str]) -> Option<std::process::Output> {
    let stock = Stock {
        repository: repository.to_str().unwrap().to_owned(),
        variables: Vec::new(),
    };
    stock.call(arguments)
}

#[test]
fn restic_checks_and_restores_what_we_wrote() {
    let fixture = Fixture::new();
    let shop = fixture.site().join("srv/shop");
    fixture.file("/srv/shop/large", noise(20 << 20, 1));
    fixture.file("/srv/shop/sub/small", "small");
    fixture.file("/srv/shop/zero", "");
    std::fs::hard_link(shop.join("large"), shop.join("sub/again")).unwrap();
    std::os::unix::fs::symlink("nowhere", shop.join("link")).unwrap();
    super::tree::set_mtime(&shop.join("zero"), 1_000_000_000, 123_456_789);
    super::tree::set_mtime(&shop, 1_100_000_000, 5);

    let location = Vault::directory(fixture.target("vault"))
        .repository("default", "judged")
        .unwrap();
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    location.init(&password).unwrap();
    let repository = location.open(&password).unwrap();
    let captured = capture(&repository, &fixture.site(), POINT, &["/srv/shop"], &[]).unwrap();
    let dump = stream(&repository, POINT, &noise(5 << 20, 2));
    let what = CaptureStream {
        point: POINT,
        item: "bad",
        file_name: "bad",
        origin: origin(),
    };
    let failed = repository.capture_stream(
        &what,
        std::io::Cursor::new(noise(5 << 20, 3)),
        || Err("it failed"),
        &Silent::shared(),
        &Cancel::new(),
    );
    assert!(failed.is_err());
    let items = vec![
        Item::of_files("data", "web", &captured),
        Item::of_stream("dump", "db", "dump.sql", &dump),
    ];
    repository.seal(&manifest(POINT, 1, items), &origin()).unwrap();

    let Some(check) = restic(&location.path(), &["check", "--read-data"]) else {
        return;
    };
    let said = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{said}");
    assert!(said.contains("no errors were found"), "{said}");

    let into = fixture.target("by-restic");
    let into_text = into.to_str().unwrap().to_owned();
    let restored = restic(
        &location.path(),
        &["restore", &captured.snapshot, "--target", &into_text],
    )
    .unwrap();
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );
    assert_same(&shop, &into.join("srv/shop"));
    let dumped = restic(&location.path(), &["dump", &dump.snapshot, "/dump.sql"]).unwrap();
    assert!(dumped.stdout == noise(5 << 20, 2));

    // And the other way: what restic wrote is restored here.
    let shop_text = shop.to_str().unwrap().to_owned();
    let backup = restic(&location.path(), &["backup", &shop_text, "--json"]).unwrap();
    assert!(backup.status.success());
    let last = String::from_utf8_lossy(&backup.stdout)
        .lines()
        .last()
        .unwrap()
        .to_owned();
    let summary: serde_json::Value = serde_json::from_str(&last).unwrap();
    let listed = restic(&location.path(), &["snapshots", "--json"]).unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let short = summary["snapshot_id"].as_str().unwrap();
    let full = listed
        .iter()
        .map(|snapshot| snapshot["id"].as_str().unwrap())
        .find(|id| id.starts_with(short))
        .unwrap();
    let theirs = repository.item(full).unwrap();
    let into = fixture.target("by-us");
    restore(&repository, &theirs, &into, |_| {}).unwrap();
    assert_same(&shop, &into.join(shop.strip_prefix("/").unwrap()));
}

/// The stock program makes a repository, we add points to it and prune, and it still holds what it held.
fn adopt(vault: &Vault, stock: &Stock, fixture: &Fixture) {
    fixture.file("/srv/theirs", noise(5 << 20, 7));
    let theirs = fixture.site().join("srv");
    if stock.run(&["init"]).is_none() {
        return;
    }
    stock.run(&["backup", theirs.to_str().unwrap()]);
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    let wrong = vault.itself().adopt(&Password::from_bytes(b"wrong").unwrap());
    assert!(matches!(wrong, Err(VaultError::WrongPassword { .. })), "{wrong:?}");
    let adopted = vault.itself().adopt(&password).unwrap();
    assert_eq!((adopted.foreign, adopted.ours), (1, 0));
    let repository = adopted.repository;
    for (point, seed) in [("P1", 1), ("P2", 2)] {
        fixture.file("/srv/ours", noise(3 << 20, seed));
        super::s3::seal_point(&repository, fixture, point);
    }
    let plan = repository
        .plan_prune(&["P1".to_owned()], &[], &[], origin().time)
        .unwrap();
    repository.forget(&plan, &Cancel::new()).unwrap();
    repository.prune(&Cancel::new()).unwrap();
    repository.prune_marked_for(0, &Cancel::new()).unwrap();
    let adopted = vault.itself().adopt(&password).unwrap();
    assert_eq!((adopted.foreign, adopted.ours), (1, 2));
    let check = stock.run(&["check", "--read-data"]).unwrap();
    assert!(check.contains("no errors were found"), "{check}");
    let into = fixture.target("theirs");
    stock.run(&[
        "restore",
        "latest",
        "--path",
        theirs.to_str().unwrap(),
        "--target",
        into.to_str().unwrap(),
    ]);
    let restored = into.join(theirs.strip_prefix("/").unwrap()).join("theirs");
    assert!(std::fs::read(restored).unwrap() == noise(5 << 20, 7));
    let item = repository.find_item("P2", "data").unwrap().unwrap();
    restore(&repository, &item, &fixture.target("ours"), |_| {}).unwrap();
    assert_same(&theirs, &fixture.target("ours/srv"));
}

#[test]
fn nothing_is_made_where_a_repository_should_be_adopted() {
    let fixture = Fixture::new();
    let path = fixture.target("stock");
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    let vault = Vault::directory(&path).adopting("shop").unwrap();
    assert!(matches!(vault.prepare(), Err(VaultError::MissingVault { .. })));
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(vault.prepare(), Err(VaultError::NothingToAdopt { .. })));
    let location = vault.repository("default", "shop").unwrap();
    let made = location.init(&password);
    assert!(matches!(made, Err(VaultError::NothingToAdopt { .. })), "{made:?}");
    let opened = location.open(&password);
    assert!(matches!(opened, Err(VaultError::NothingToAdopt { .. })), "{opened:?}");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    assert_eq!(vault.applications("default").unwrap(), Vec::<String>::new());
    let other = vault.repository("default", "mail");
    assert!(matches!(other, Err(VaultError::AdoptedForAnother { .. })), "{other:?}");
}

/// A repository that lies at a place itself, and opens there.
fn itself(fixture: &Fixture, application: &str) -> Repository {
    let vault = Vault::directory(fixture.location().path());
    let location = vault.adopting(application).unwrap().repository("default", application);
    location.unwrap().open_raw(&fixture.key).unwrap()
}

#[test]
fn another_applications_points_are_neither_offered_nor_pruned_where_one_is_adopted() {
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(1 << 20, 1));
    super::s3::seal_point(&fixture.repository, &fixture, "P1");
    let own = itself(&fixture, "shop").points().unwrap();
    assert_eq!(own[0].state, PointState::Restorable);
    let mail = itself(&fixture, "mail");
    let points = mail.points().unwrap();
    let PointState::Unreadable { reason, .. } = &points[0].state else {
        panic!("{points:?}");
    };
    assert!(reason.contains("`shop`") && points[0].manifest.is_none(), "{points:?}");
    let plan = mail.plan_prune(&["P1".to_owned()], &[], &[], origin().time);
    assert!(matches!(plan, Err(VaultError::Protected { .. })), "{plan:?}");
}

#[test]
fn who_works_in_a_shared_repository_says_so_and_does_not_disturb_others() {
    let fixture = Fixture::new();
    assert!(
        fixture.repository.announce(true).unwrap().is_none(),
        "nobody else works in our own"
    );
    let (ours, theirs) = (itself(&fixture, "shop"), itself(&fixture, "shop"));
    let locks = fixture.location().path().join("locks");
    let count = || std::fs::read_dir(&locks).unwrap().count();
    let shared = theirs.announce(false).unwrap().unwrap();
    let notices = ours.notices().unwrap();
    assert_eq!(
        (notices.len(), notices[0].pid, notices[0].is_stale),
        (1, std::process::id(), false)
    );
    let second = ours.announce(false).unwrap().unwrap();
    second.end().unwrap();
    let refused = ours.announce(true).unwrap_err();
    assert!(matches!(refused, VaultError::InUse { .. }), "{refused}");
    assert_eq!(count(), 1, "who is refused leaves nothing");
    drop(shared);
    assert_eq!(count(), 0);

    let alone = theirs.announce(true).unwrap().unwrap();
    for exclusive in [false, true] {
        let refused = ours.announce(exclusive).unwrap_err();
        let VaultError::InUse { notice, .. } = &refused else {
            panic!("{refused}");
        };
        assert!(notice.exclusive && !notice.is_stale, "{notice:?}");
        let said = refused.to_string();
        assert!(
            said.contains(&format!("process {} of `dram`", std::process::id())),
            "{said}"
        );
    }
    alone.end().unwrap();
    assert_eq!(count(), 0);
}

#[test]
fn the_stock_program_waits_for_who_says_so() {
    let fixture = Fixture::new();
    let path = fixture.target("stock");
    let stock = Stock {
        repository: path.to_str().unwrap().to_owned(),
        variables: Vec::new(),
    };
    if stock.run(&["init"]).is_none() {
        return;
    }
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    let repository = Vault::directory(&path).itself().adopt(&password).unwrap().repository;
    let announced = repository.announce(false).unwrap().unwrap();
    let pruned = restic(&path, &["prune"]).unwrap();
    let said = String::from_utf8_lossy(&pruned.stderr).into_owned();
    let locked = format!("locked by PID {}", std::process::id());
    assert!(!pruned.status.success() && said.contains(&locked), "{said}");
    announced.end().unwrap();
    stock.run(&["prune"]);
}

#[test]
fn a_lock_that_its_writer_cannot_take_back_is_told() {
    let (Some(mut lab), Some(limited)) = (lab::bucket("noticed", lab::Keeps::Plain), lab::limited()) else {
        return;
    };
    lab.allow(&["GetObject", "PutObject"]);
    let owner = std::mem::replace(&mut lab.place.credentials, limited);
    let fixture = Fixture::new();
    let location = lab.location();
    location.init_and_open_raw(&fixture.key).unwrap();
    lab.place.address.prefix.push_str("/default/shop");
    let open = |lab: &lab::Lab| {
        let vault = lab.vault(&VaultOptions::default()).adopting("shop").unwrap();
        let location = vault.repository("default", "shop").unwrap();
        location.open_raw(&fixture.key).unwrap()
    };
    let announced = open(&lab).announce(false).unwrap().unwrap();
    let left = announced.end();
    assert!(
        matches!(left, Err(VaultError::Store(StoreError::Denied { .. }))),
        "{left:?}"
    );
    // It hinders nobody who shares; who works alone waits as long as its process lives.
    let again = open(&lab).announce(false).unwrap().unwrap();
    drop(again);
    lab.place.prune_credentials = Some(owner);
    assert!(matches!(open(&lab).announce(true), Err(VaultError::InUse { .. })));
}

#[test]
fn a_repository_of_the_stock_program_is_adopted_in_a_directory() {
    let fixture = Fixture::new();
    let path = fixture.target("stock");
    let stock = Stock {
        repository: path.to_str().unwrap().to_owned(),
        variables: Vec::new(),
    };
    adopt(&Vault::directory(&path), &stock, &fixture);
}

#[test]
fn a_repository_of_the_stock_program_is_adopted_in_a_bucket() {
    let Some(lab) = lab::bucket("adopted", lab::Keeps::Plain) else {
        return;
    };
    adopt(
        &lab.vault(&VaultOptions::default()),
        &stock_of(&lab, ""),
        &Fixture::new(),
    );
}

fn stock_of(lab: &lab::Lab, folder: &str) -> Stock {
    let address = &lab.place.address;
    let endpoint = address.endpoint.clone().unwrap();
    let S3Credentials::Keys { access, secret } = &lab.place.credentials else {
        panic!("the lab gives keys");
    };
    Stock {
        repository: format!("s3:{endpoint}/{}/{}{folder}", address.bucket, address.prefix),
        variables: vec![
            ("AWS_ACCESS_KEY_ID", access.clone()),
            ("AWS_SECRET_ACCESS_KEY", secret.reveal().to_owned()),
        ],
    }
}

#[test]
fn the_stock_program_checks_and_restores_what_we_wrote_into_a_bucket() {
    let Some(lab) = lab::bucket("judged", lab::Keeps::Plain) else {
        return;
    };
    let fixture = Fixture::new();
    fixture.file("/srv/a", noise(9 << 20, 7));
    let password = Password::from_bytes(PASSWORD.as_bytes()).unwrap();
    let location = lab.location();
    location.init(&password).unwrap();
    super::s3::seal_point(&location.open(&password).unwrap(), &fixture, "P1");
    let stock = stock_of(&lab, "/default/shop");
    let Some(check) = stock.run(&["check", "--read-data"]) else {
        return;
    };
    assert!(check.contains("no errors were found"), "{check}");
    let into = fixture.target("by-restic");
    stock.run(&[
        "restore",
        "latest",
        "--tag",
        "item=data",
        "--target",
        into.to_str().unwrap(),
    ]);
    assert_same(&fixture.site().join("srv"), &into.join("srv"));
}
