//! Recovery kits: what is on the sheet opens the vaults, and nothing else holds it.

use super::*;
use dram_engine::engine::KitReport;
use dram_engine::kit::Sheet;
use dram_engine::vault::{Password, Vault};

const BOTH: &str = "vaults: [{ name: near }, { name: far }]";

/// A kit, with its sheet as it is printed.
fn kit(engine: &Engine, print: &dyn Fn(&Sheet) -> Result<Vec<u8>, Error>) -> Result<(KitReport, Vec<u8>), Error> {
    let mut sheet = Vec::new();
    let report = engine.make_kit("shop", print, &mut |bytes| {
        sheet = bytes.to_vec();
        Ok(())
    })?;
    Ok((report, sheet))
}

fn text(sheet: &Sheet) -> Result<Vec<u8>, Error> {
    Ok(sheet.text().into_bytes())
}

/// The passphrase as it stands below its heading.
fn passphrase(sheet: &str) -> String {
    let after = sheet.split_once("\nPassphrase\n").unwrap().1;
    after.lines().nth(1).unwrap().to_owned()
}

fn opens(folder: &Path, vault: &str, passphrase: &str) -> bool {
    let password = Password::from_bytes(passphrase.as_bytes()).unwrap();
    let vault = Vault::directory(folder.join(vault));
    vault.repository("default", "shop").unwrap().open(&password).is_ok()
}

/// Every byte below a folder.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(all_bytes(&path)),
            false => all.extend(fs::read(&path).unwrap()),
        }
    }
    all
}

fn stands_in(needle: &str, hay: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn one_passphrase_opens_every_vault_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), BOTH);
    protect(&engine).unwrap();
    let (report, sheet) = kit(&engine, &text).unwrap();
    let sheet = String::from_utf8(sheet).unwrap();
    let passphrase = passphrase(&sheet);
    assert_eq!(passphrase.len(), 39, "{sheet}");
    for vault in ["near", "far"] {
        assert!(opens(folder.path(), vault, &passphrase), "{vault}");
        assert!(
            sheet.contains(&format!("{}/{vault}", folder.path().display())),
            "{sheet}"
        );
    }
    // A protect goes on, and nothing that is kept holds the passphrase.
    protect(&engine).unwrap();
    assert!(!stands_in(&passphrase, &all_bytes(folder.path())));

    let (other, _) = kit(&engine, &text).unwrap();
    let listed = engine.kits("shop").unwrap();
    let kits: Vec<&str> = listed.keys.iter().map(|key| key.kit.as_str()).collect();
    let (first, second) = (report.keys[0].kit.as_str(), other.keys[0].kit.as_str());
    assert_eq!(kits, [first, first, second, second]);
    assert!(listed.keys.iter().all(|key| key.created.is_some()));
    assert_eq!(
        engine
            .revoke_kit("shop", &first.to_ascii_lowercase())
            .unwrap()
            .keys
            .len(),
        2
    );
    for vault in ["near", "far"] {
        assert!(!opens(folder.path(), vault, &passphrase), "{vault}");
    }
    let by_key = other.keys[0].key.split_at(12).0;
    assert_eq!(engine.revoke_kit("shop", by_key).unwrap().keys.len(), 1);
    assert_eq!(engine.kits("shop").unwrap().keys.len(), 1);
    let unknown = engine.revoke_kit("shop", first).unwrap_err();
    assert!(unknown.to_string().contains(first), "{unknown}");
    protect(&engine).unwrap();
}

#[test]
fn a_camera_reads_the_passphrase_from_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), BOTH);
    protect(&engine).unwrap();
    let (_, pdf) = kit(&engine, &Sheet::pdf).unwrap();
    let read = code_in(&String::from_utf8_lossy(&pdf));
    let lines: Vec<&str> = read.lines().collect();
    let passphrase = lines[0].strip_prefix("passphrase: ").unwrap();
    assert!(opens(folder.path(), "near", passphrase) && opens(folder.path(), "far", passphrase));
    let vault = |name: &str| format!("vault: {}/{name}", folder.path().display());
    assert_eq!(lines[1..], [vault("near"), vault("far")]);
}

/// What the dark boxes of the first page say to a reader of codes.
fn code_in(pdf: &str) -> String {
    const SCALE: f32 = 4.0;
    const PAGE: (usize, usize) = (595 * 4, 842 * 4);
    let page = pdf.split("endstream").next().unwrap();
    let mut dark = vec![false; PAGE.0 * PAGE.1];
    let mut boxes = 0;
    for line in page.lines().filter_map(|line| line.strip_suffix(" re")) {
        let numbers: Vec<f32> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [x, y, width, height] = numbers[..] else {
            panic!("{line}")
        };
        let pixel = |points: f32| (points * SCALE).round() as usize;
        for row in pixel(y)..pixel(y + height) {
            for column in pixel(x)..pixel(x + width) {
                // From the bottom there, from the top here.
                *dark.get_mut((PAGE.1 - 1 - row) * PAGE.0 + column).unwrap() = true;
            }
        }
        boxes += 1;
    }
    assert!(boxes > 100, "{boxes}");
    let shade = |x: usize, y: usize| {
        if dark.get(y * PAGE.0 + x) == Some(&true) {
            0
        } else {
            255
        }
    };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(PAGE.0, PAGE.1, shade);
    let grids = image.detect_grids();
    let [grid] = &grids[..] else {
        panic!("{} codes", grids.len())
    };
    grid.decode().unwrap().1
}

#[test]
fn a_vault_that_is_away_is_named_on_the_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), BOTH);
    protect(&engine).unwrap();
    fs::rename(folder.path().join("far"), folder.path().join("away")).unwrap();
    let (report, sheet) = kit(&engine, &text).unwrap();
    let sheet = String::from_utf8(sheet).unwrap();
    assert_eq!((report.keys.len(), report.missed.len()), (1, 1));
    assert!(sheet.contains("NOT OPENED BY THIS KIT: vault far"), "{sheet}");
    assert!(!sheet.contains("From vault far"), "{sheet}");
    fs::rename(folder.path().join("near"), folder.path().join("near-away")).unwrap();
    assert!(kit(&engine, &text).is_err());
}

#[test]
fn keys_of_a_sheet_that_nobody_has_are_removed_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), BOTH);
    protect(&engine).unwrap();
    let full = || Error::Usage {
        why: "no space".to_owned(),
        help: String::new(),
    };
    let failed = engine.make_kit("shop", &text, &mut |_| Err(full())).unwrap_err();
    assert_eq!(failed.to_string(), "no space");
    let failed = kit(&engine, &|_| Err(full())).unwrap_err();
    assert_eq!(failed.to_string(), "no space");
    assert_eq!(engine.kits("shop").unwrap().keys, []);
}

#[test]
fn without_a_repository_there_is_nothing_to_open() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(folder.path(), BOTH);
    // Declared and not reconciled.
    for vault in ["near", "far"] {
        let made = folder.path().join(vault).join("default");
        assert!(!made.exists() || fs::remove_dir_all(made).is_ok());
    }
    let refused = kit(&engine, &text).unwrap_err();
    assert!(refused.to_string().contains("has no repository"), "{refused}");
}
