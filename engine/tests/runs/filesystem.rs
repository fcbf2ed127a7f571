//! File systems at rest: their files stem from one moment, however long reading them takes.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file system in a file, mounted for as long as this is there.
struct Mounted(PathBuf);

impl Mounted {
    fn make(image: &Path, at: &Path) -> Option<Self> {
        fs::File::create(image).unwrap().set_len(64 << 20).unwrap();
        let run = |program: &str, words: &[&std::ffi::OsStr]| {
            Command::new(program)
                .args(words)
                .output()
                .is_ok_and(|done| done.status.success())
        };
        fs::create_dir_all(at).unwrap();
        let made = run("mkfs.ext4", &["-q".as_ref(), image.as_os_str()])
            && run(
                "mount",
                &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), at.as_os_str()],
            );
        made.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("--unfreeze").arg(&self.0).output();
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

const FILES: usize = 300;

#[test]
fn files_of_a_frozen_file_system_stem_from_one_moment() {
    let world = World::new(
        "  objectives: { rpo: 75m }\n  consistency: filesystem",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
",
    );
    let srv = world.path("office/srv");
    let Some(_mounted) = Mounted::make(&world.path("image"), &srv) else {
        return dram_skips::skip_even_in_ci(
            "mounting a file system in a file needs root, loop devices and `mkfs.ext4`",
        );
    };
    rounds_are_of_one_moment(&world, &srv);
    assert!(world.points().iter().all(|point| point.consistency == "filesystem"));
}

#[test]
fn a_file_system_that_must_go_on_is_not_frozen() {
    let world = World::new(
        "  objectives: { rpo: 75m }\n  consistency: crash",
        "
  components: [{ name: web, host: { paths: [/srv] } }]
",
    );
    let error = world.protect(&Quiet, &Cancel::new()).unwrap_err();
    let text = format!("{error} {}", error.help().unwrap());
    assert!(
        text.contains("cannot be frozen") && text.contains("before-freeze"),
        "{text}"
    );
    assert!(world.points().is_empty());
}

/// Protects while a program writes one round after the other into many files; what is restored is of one moment.
pub(super) fn rounds_are_of_one_moment(world: &World, srv: &Path) {
    let rounds = |folder: &Path| -> Vec<u64> {
        let read = |number| fs::read_to_string(folder.join(format!("{number:04}"))).unwrap();
        (0..FILES)
            .map(|number| read(number).trim().parse().unwrap_or(0))
            .collect()
    };
    let write = |round: u64| {
        for number in 0..FILES {
            // Renamed into place, so that no file is ever half written.
            let part = srv.join("part");
            fs::write(&part, round.to_string()).unwrap();
            fs::rename(&part, srv.join(format!("{number:04}"))).unwrap();
        }
    };
    write(1);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 2;
            while !over.load(Ordering::SeqCst) {
                write(round);
                round += 1;
            }
        });
        for _ in 0..3 {
            world.protect(&Quiet, &Cancel::new()).unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    let found = rounds(&world.look("back").join("srv"));
    // The writer goes from the first to the last: at any moment some have the newest round, the rest the one before.
    let (newest, oldest) = (found[0], found[FILES - 1]);
    assert!(newest - oldest <= 1, "{newest} and {oldest}");
    assert!(found.windows(2).all(|two| two[0] >= two[1]), "{found:?}");
}
