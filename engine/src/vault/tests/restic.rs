//! The stock `restic` program, where it is installed, as an independent judge.

use std::process::Command;

use super::tree::{assert_same, noise, skip};
use super::*;

const PASSWORD: &str = "correct horse";

fn restic(repository: &Path, arguments: &[&str]) -> Option<std::process::Output> {
    let output = Command::new("restic")
        .arg("--no-cache")
        .arg("-r")
        .arg(repository)
        .args(arguments)
        .env("RESTIC_PASSWORD", PASSWORD)
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip("`restic` is not installed, so it cannot check the repository");
            None
        }
        Err(error) => panic!("{error}"),
    }
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

    let Some(check) = restic(location.path(), &["check", "--read-data"]) else {
        return;
    };
    let said = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{said}");
    assert!(said.contains("no errors were found"), "{said}");

    let into = fixture.target("by-restic");
    let into_text = into.to_str().unwrap().to_owned();
    let restored = restic(
        location.path(),
        &["restore", &captured.snapshot, "--target", &into_text],
    )
    .unwrap();
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );
    assert_same(&shop, &into.join("srv/shop"));
    let dumped = restic(location.path(), &["dump", &dump.snapshot, "/dump.sql"]).unwrap();
    assert!(dumped.stdout == noise(5 << 20, 2));

    // And the other way: what restic wrote is restored here.
    let shop_text = shop.to_str().unwrap().to_owned();
    let backup = restic(location.path(), &["backup", &shop_text, "--json"]).unwrap();
    assert!(backup.status.success());
    let last = String::from_utf8_lossy(&backup.stdout)
        .lines()
        .last()
        .unwrap()
        .to_owned();
    let summary: serde_json::Value = serde_json::from_str(&last).unwrap();
    let listed = restic(location.path(), &["snapshots", "--json"]).unwrap();
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
