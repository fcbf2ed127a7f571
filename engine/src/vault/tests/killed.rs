//! A capture and a restore that are killed at any moment are simply run again.

use std::process::{Child, Command, Stdio};

use super::tree::{assert_same, noise};
use super::*;

const TASK: &str = "DRAM_TEST_KILLED_TASK";
const FOLDER: &str = "DRAM_TEST_KILLED_FOLDER";
/// Set where the vault lies in a bucket of the lab.
const BUCKET: &str = "DRAM_TEST_KILLED_BUCKET";

/// What a child process does until it is killed; nothing in an ordinary run of the tests.
#[test]
fn child() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let key: MasterKey = serde_json::from_slice(&std::fs::read(folder.join("key")).unwrap()).unwrap();
    let vault = match std::env::var(BUCKET) {
        Ok(bucket) => lab::at(bucket).unwrap().vault(&VaultOptions::default()),
        Err(_) => Vault::directory(folder.join("vault")),
    };
    let location = vault.repository("default", "shop").unwrap();
    match task.as_str() {
        "capture" => {
            let repository = location.init_and_open_raw(&key).unwrap();
            capture(&repository, &folder.join("site"), POINT, &["/srv/shop"], &[]).unwrap();
        }
        "restore" => {
            let repository = location.open_raw(&key).unwrap();
            let captured = repository.find_item(POINT, "data").unwrap().unwrap();
            restore(&repository, &captured, &folder.join("into"), |_| {}).unwrap();
        }
        other => panic!("`{other}` is no task"),
    }
}

fn spawn(task: &str, folder: &Path, bucket: Option<&str>) -> Child {
    // The test's name is its path without the crate's.
    let path = concat!(module_path!(), "::child");
    let name = path.split_once("::").map_or(path, |(_, rest)| rest);
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(TASK, task)
        .env(FOLDER, folder)
        .envs(bucket.map(|bucket| (BUCKET, bucket)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a child run for ever longer times until one gets to its end; the number of those that did not.
fn kill_often(task: &str, folder: &Path, bucket: Option<&str>) -> usize {
    let mut killed = 0;
    let mut patience = Duration::from_millis(3);
    for _ in 0..60 {
        let mut child = spawn(task, folder, bucket);
        // Nothing is waited for: this is the moment at which it is killed.
        std::thread::sleep(patience);
        patience = patience.mul_f64(1.3);
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{task} fails after it was killed {killed} times");
                return killed;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
            }
        }
    }
    panic!("{task} never came to its end");
}

#[test]
fn whatever_is_killed_continues() {
    check_continues(None, 60 << 20);
}

#[test]
fn whatever_is_killed_continues_in_a_bucket() {
    let Some(lab) = lab::bucket("killed", lab::Keeps::Plain) else {
        return;
    };
    check_continues(Some(&lab.place.address.bucket), 30 << 20);
}

fn check_continues(bucket: Option<&str>, bytes: usize) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    std::fs::create_dir(folder.join("vault")).unwrap();
    std::fs::write(folder.join("key"), serde_json::to_vec(&MasterKey::new()).unwrap()).unwrap();
    let shop = folder.join("site/srv/shop");
    std::fs::create_dir_all(shop.join("many")).unwrap();
    std::fs::write(shop.join("large"), noise(bytes, 77)).unwrap();
    for number in 0..400 {
        std::fs::write(shop.join(format!("many/{number}")), noise(number * 50, number as u64)).unwrap();
    }
    std::fs::hard_link(shop.join("large"), shop.join("many/again")).unwrap();
    std::os::unix::fs::symlink("large", shop.join("link")).unwrap();

    let captures = kill_often("capture", folder, bucket);
    let restores = kill_often("restore", folder, bucket);
    assert!(captures > 2 && restores > 2, "{captures} and {restores} were killed");
    assert_same(&shop, &folder.join("into/srv/shop"));
}
