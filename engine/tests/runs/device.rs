//! Devices and disk images: what was in them comes back, and nobody's device is written over by mistake.

use super::*;
use dram_engine::engine::Preview;
use dram_engine::vault::Fate;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};

/// The length of the devices, in bytes.
const LENGTH: u64 = 24 << 20;

const DEVICE: &str = "
  components: [{ name: db, host: { device: /dev/shop } }]
";
const POLICY: &str = "  objectives: { rpo: 75m }";

fn run(program: &str, words: &[&str]) -> Option<String> {
    let done = Command::new(program).args(words).output().ok()?;
    done.status
        .success()
        .then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// A loop device over a file, for as long as this is there.
struct Loop {
    device: String,
}

impl Loop {
    fn make(image: &Path, bytes: u64) -> Option<Self> {
        fs::File::create(image).unwrap().set_len(bytes).unwrap();
        let device = run("losetup", &["--find", "--show", image.to_str().unwrap()])?;
        Some(Self { device })
    }

    fn mount(&self, at: &Path) {
        fs::create_dir_all(at).unwrap();
        run("mount", &[&self.device, at.to_str().unwrap()]).unwrap();
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        while run("umount", &[&self.device]).is_some() {}
        let _ = run("losetup", &["--detach", &self.device]);
    }
}

fn unmount(at: &Path) {
    run("umount", &[at.to_str().unwrap()]).unwrap();
}

/// A world whose application has a device with a file system and a file in it, by a link as volume managers make them.
fn with_device(policy: &str) -> Option<(World, Loop)> {
    let world = World::new(policy, DEVICE);
    let made =
        Loop::make(&world.path("image"), LENGTH).filter(|made| run("mkfs.ext4", &["-q", &made.device]).is_some());
    let Some(made) = made else {
        dram_skips::skip_even_in_ci("a device with a file system needs root, loop devices and `mkfs.ext4`");
        return None;
    };
    fs::create_dir_all(world.path("office/dev")).unwrap();
    symlink(&made.device, world.path("office/dev/shop")).unwrap();
    Some((world, made))
}

fn restore(world: &World, overwrite: bool) -> Result<(), Error> {
    let watch = Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    };
    world
        .engine
        .restore(&request(Where::Active, overwrite), &watch)
        .map(drop)
}

fn request(to: Where, overwrite: bool) -> RestoreRequest {
    RestoreRequest {
        application: "shop".to_owned(),
        point: Pick::Latest,
        from: None,
        as_of: None,
        to,
        components: Vec::new(),
        paths: Vec::new(),
        items: Vec::new(),
        owners: Default::default(),
        overwrite,
        attested: None,
    }
}

/// What a restore in place would do about the device: how it stands, and how many bytes differ.
fn preview(world: &World) -> (Fate, u64) {
    let mut seen = Vec::new();
    let told = &mut |told: Preview<'_>| {
        if let Preview::Change(item, change) = told {
            assert_eq!(item, "db.image");
            seen.push((change.fate, change.bytes));
        }
    };
    let request = request(Where::Active, false);
    world.engine.preview(&request, &Cancel::new(), told).unwrap();
    seen.remove(0)
}

fn said(error: &Error) -> String {
    format!("{error} | {}", error.help().unwrap_or_default())
}

/// The bytes that the vault takes up for content: packs, without the small records.
fn packs(world: &World) -> u64 {
    let mut folders = vec![world.path("vault/default/shop/data")];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.metadata().unwrap() {
                meta if meta.is_dir() => folders.push(entry.path()),
                meta => bytes += meta.len(),
            }
        }
    }
    bytes
}

fn scribble(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn a_device_comes_back_in_place_and_only_what_differs_is_written() {
    let Some((world, made)) = with_device(POLICY) else {
        return;
    };
    let at = world.path("mounted");
    made.mount(&at);
    noise(&at.join("letters"), 3 << 20);
    let letters = fs::read(at.join("letters")).unwrap();
    unmount(&at);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    assert!(packs(&world) < 8 << 20, "zeros take up room: {} bytes", packs(&world));
    let before = packs(&world);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    // The seal is a file, too.
    assert!(packs(&world) - before < 32 << 10, "what did not change is stored again");
    assert_eq!(preview(&world), (Fate::Same, 0));

    scribble(Path::new(&made.device), 0, &[0x5a; 64 << 10]);
    scribble(Path::new(&made.device), (20 << 20) + 100, &[7; 9000]);
    let (fate, bytes) = preview(&world);
    assert!(
        fate == Fate::Content && (9000..=80 << 10).contains(&bytes),
        "{fate:?}, {bytes}"
    );
    let refused = said(&restore(&world, false).unwrap_err());
    assert!(
        refused.contains("replaces its data") && refused.contains("--overwrite"),
        "{refused}"
    );
    restore(&world, true).unwrap();
    assert_eq!(preview(&world), (Fate::Same, 0));
    made.mount(&at);
    assert_eq!(fs::read(at.join("letters")).unwrap(), letters);
}

#[test]
fn a_device_that_is_mounted_or_too_small_or_gone_is_not_written() {
    let Some((world, made)) = with_device(POLICY) else {
        return;
    };
    world.protect(&Quiet, &Cancel::new()).unwrap();
    let at = world.path("mounted here");
    made.mount(&at);
    fs::write(at.join("new"), "kept").unwrap();
    let refused = said(&restore(&world, true).unwrap_err());
    assert!(
        refused.contains("is in use: mounted at") && refused.contains("mounted here") && refused.contains("unmount"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(at.join("new")).unwrap(), "kept");
    unmount(&at);

    let link = world.path("office/dev/shop");
    fs::remove_file(&link).unwrap();
    let small = Loop::make(&world.path("small"), LENGTH / 2).unwrap();
    symlink(&small.device, &link).unwrap();
    let refused = said(&restore(&world, true).unwrap_err());
    assert!(
        refused.contains("it has 12582912 bytes, and the image has 25165824"),
        "{refused}"
    );

    fs::remove_file(&link).unwrap();
    symlink("/dev/no-such-device", &link).unwrap();
    let refused = said(&restore(&world, true).unwrap_err());
    assert!(refused.contains("a link that leads to nothing"), "{refused}");

    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    let refused = said(&restore(&world, true).unwrap_err());
    assert!(refused.contains("neither a block device nor a disk image"), "{refused}");
}

#[test]
fn a_restore_that_is_killed_in_the_middle_is_taken_up_again() {
    let Some((world, made)) = with_device(POLICY) else {
        return;
    };
    let device = Path::new(&made.device);
    noise(&world.path("noise"), 12 << 20);
    let noise = fs::read(world.path("noise")).unwrap();
    scribble(device, 8 << 20, &noise);
    world.protect(&Quiet, &Cancel::new()).unwrap();
    let look = |at: u64| {
        let mut file = fs::File::open(device).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        let mut bytes = vec![0; noise.len()];
        file.read_exact(&mut bytes).unwrap();
        bytes
    };
    scribble(device, 8 << 20, &vec![0; noise.len()]);
    let killed = world
        .dram(&["restore", "shop", "--overwrite"])
        .env("DRAM_CRASH", "byte:2")
        .output()
        .unwrap();
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert!(look(8 << 20) != noise, "it was killed when all was done");
    let run = world.engine.runs(1).unwrap().remove(0).run;
    // The lease of a process that is gone is free at once, or after its time.
    until("the run is resumed", || {
        world.dram(&["resume", &run]).output().unwrap().status.success()
    });
    assert!(look(8 << 20) == noise);
}

#[test]
fn a_frozen_device_holds_what_was_written_to_its_file_system() {
    let Some((world, made)) = with_device("  objectives: { rpo: 75m }\n  consistency: filesystem") else {
        return;
    };
    let refused = said(&world.protect(&Quiet, &Cancel::new()).unwrap_err());
    assert!(
        refused.contains("is mounted nowhere") && refused.contains("before-freeze"),
        "{refused}"
    );
    let at = world.path("mounted");
    made.mount(&at);
    for round in ["first", "second"] {
        // Nothing is synced: the freeze does that, and no cache shows what was there before.
        fs::write(at.join("note"), round).unwrap();
        world.protect(&Quiet, &Cancel::new()).unwrap();
        assert_eq!(world.points().last().unwrap().consistency, "filesystem");
        let image = world.look(round).join("db.image");
        let (copy, seen) = (world.path("copy"), world.path("seen"));
        fs::create_dir_all(&copy).unwrap();
        fs::create_dir_all(&seen).unwrap();
        let options = ["-o", "loop,ro,noload", image.to_str().unwrap(), seen.to_str().unwrap()];
        run("mount", &options).unwrap();
        let found = fs::read_to_string(seen.join("note"));
        unmount(&seen);
        assert_eq!(found.unwrap(), round);
    }
}

#[test]
fn a_disk_image_is_a_sparse_file_again() {
    let world = World::new(POLICY, DEVICE);
    fs::create_dir_all(world.path("office/dev")).unwrap();
    let image = world.path("office/dev/shop");
    noise(&world.path("noise"), 2 << 20);
    fs::File::create(&image).unwrap().set_len(LENGTH + 5).unwrap();
    scribble(&image, 5 << 20, &fs::read(world.path("noise")).unwrap());
    let whole = fs::read(&image).unwrap();
    world.protect(&Quiet, &Cancel::new()).unwrap();
    let is_sparse = |path: &Path| fs::metadata(path).unwrap().blocks() * 512 < 4 << 20;

    let back = world.look("back").join("db.image");
    assert!(fs::read(&back).unwrap() == whole && is_sparse(&back));
    // In place: what was written where nothing was becomes a hole again.
    scribble(&image, 12 << 20, &[1; 3 << 20]);
    assert_eq!(preview(&world), (Fate::Content, 3 << 20));
    restore(&world, true).unwrap();
    assert!(fs::read(&image).unwrap() == whole && is_sparse(&image));
    // Where nothing is left, it is made anew.
    fs::remove_file(&image).unwrap();
    restore(&world, false).unwrap();
    assert!(fs::read(&image).unwrap() == whole && is_sparse(&image));
    // An item alone is not written under a component that may run.
    let mut alone = request(Where::Active, true);
    alone.items = vec!["db.image".to_owned()];
    let watch = Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    };
    let refused = said(&world.engine.restore(&alone, &watch).unwrap_err());
    assert!(refused.contains("--component db --overwrite"), "{refused}");
    let point = world.points().last().unwrap().point.clone();
    let listed = world.dram(&["ls", &point]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("image"), "{listed:?}");
    let (key, vault, root) = (world.path("key"), world.path("vault"), world.path("recovered"));
    let recovered = world
        .dram(&["recover", "shop", "--attest-source-stopped", "--vault"])
        .arg(&vault)
        .arg("--password-file")
        .arg(&key)
        .arg("--into")
        .arg(&root)
        .output()
        .unwrap();
    assert!(recovered.status.success(), "{recovered:?}");
    let there = root.join("dev/shop");
    assert!(fs::read(&there).unwrap() == whole && is_sparse(&there));
    let verified = world.dram(&["verify", "shop", "--level", "restore"]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_disk_image_of_a_file_system_that_is_held_still_is_told_apart_from_one_at_rest() {
    let Some((world, made)) = with_device("  objectives: { rpo: 75m }\n  consistency: filesystem") else {
        return;
    };
    made.mount(&world.path("mounted"));
    let image = world.path("mounted/disk");
    fs::File::create(&image).unwrap().set_len(1 << 20).unwrap();
    fs::remove_file(world.path("office/dev/shop")).unwrap();
    symlink(&image, world.path("office/dev/shop")).unwrap();
    let notes = std::sync::Mutex::new(String::new());
    let observer = Tell(|event: &Event| {
        if let Event::Note { text } = event {
            notes.lock().unwrap().push_str(text);
        }
    });
    world.protect(&observer, &Cancel::new()).unwrap();
    assert_eq!(world.points().last().unwrap().consistency, "group");
    assert!(notes.lock().unwrap().contains("was not brought to rest"), "{notes:?}");
}

#[test]
fn who_may_not_read_a_device_is_told_so() {
    let Some((world, made)) = with_device(POLICY) else {
        return;
    };
    let open = world.folder.path().to_str().unwrap();
    run("chmod", &["-R", "a+rwX", open]).unwrap();
    run("chmod", &["0600", &made.device]).unwrap();
    let catalog = format!("file://{}", world.path("catalog").display());
    let as_nobody = |words: &[&str]| {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", DRAM])
            .args(words)
            .env("DRAM_CATALOG", &catalog)
            .output()
    };
    if !as_nobody(&["--version"]).is_ok_and(|done| done.status.success()) {
        return dram_skips::skip_even_in_ci("acting as another user needs `setpriv`, and a program that all may run");
    }
    let done = as_nobody(&["protect", "shop"]).unwrap();
    let text = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{text}");
    assert!(
        text.contains("/dev/shop") && text.contains("cannot be opened: Permission denied"),
        "{text}"
    );
}
