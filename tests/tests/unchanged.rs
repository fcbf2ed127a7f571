//! A run reads what changed and nothing else: its cost is one walk, and the files that are new or differ.
//!
//! What is read is seen from outside: the kernel tells of every file that is opened or read below the data, and how many bytes
//! the process has read and written in all.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use dram_tests::call::Call;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::world::{FILES, World};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

const COUNT: usize = 1_200;
const OF_FOLDER: usize = 100;
/// What each file holds, in bytes, and one file that is cut into several blobs.
const SMALL: usize = 24 << 10;
const LARGE: usize = 24 << 20;
/// All that a walk, the catalog and the vault's own files may cost, in bytes: little beside the data of 52 MB.
const WALK: u64 = 1 << 20;
/// So much may be written down about a run that found nothing new, in bytes.
const RECORDS: u64 = 64 << 10;

/// Sees which files below a folder are opened or read.
struct Eyes {
    told: OwnedFd,
    folders: BTreeMap<i32, PathBuf>,
}

impl Eyes {
    fn on(folder: &Path) -> Result<Eyes> {
        let told = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        let mut eyes = Eyes {
            told: told.map_err(std::io::Error::from).doing(|| "watch files".to_owned())?,
            folders: BTreeMap::new(),
        };
        eyes.watch(folder)?;
        Ok(eyes)
    }

    fn watch(&mut self, folder: &Path) -> Result<()> {
        let doing = || format!("watch `{}`", folder.display());
        let seen = inotify::add_watch(&self.told, folder, WatchFlags::OPEN | WatchFlags::ACCESS);
        let number = seen.map_err(std::io::Error::from).doing(doing)?;
        self.folders.insert(number, folder.to_owned());
        for entry in std::fs::read_dir(folder).doing(doing)? {
            let path = entry.doing(doing)?.path();
            if path.is_dir() {
                self.watch(&path)?;
            }
        }
        Ok(())
    }

    /// The files that were opened or read since it was asked last. Directories are not files: a walk reads them.
    fn seen(&self) -> Result<BTreeSet<PathBuf>> {
        let mut buffer = [MaybeUninit::uninit(); 64 << 10];
        let mut reader = Reader::new(&self.told, &mut buffer);
        let mut files = BTreeSet::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(files),
                Err(error) => return Err(std::io::Error::from(error)).doing(|| "hear of files".to_owned()),
            };
            let is_whole = !event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            claim("the kernel told of everything", is_whole, String::new)?;
            if event.events().contains(ReadFlags::ISDIR) {
                continue;
            }
            if let (Some(folder), Some(name)) = (self.folders.get(&event.wd()), event.file_name()) {
                files.insert(folder.join(std::ffi::OsStr::from_bytes(name.to_bytes())));
            }
        }
    }
}

/// What a process moved through its system calls, in bytes, and what a vault got.
#[derive(Debug, Clone, Copy)]
struct Cost {
    read: u64,
    written: u64,
    /// Packs, which hold data and directories.
    packs: u64,
    /// Everything that is in the vault and was not.
    stored: u64,
}

/// Runs a command to its end; the bytes that it read and wrote.
fn moved(call: Call) -> Result<(u64, u64)> {
    let line = call.line();
    let doing = || format!("run `{line}`");
    let mut child = call
        .into_command()
        .stdout(std::process::Stdio::null())
        .spawn()
        .doing(doing)?;
    // It has ended, and the kernel still has its account.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let waited = waitid(WaitId::Pid(Pid::from_child(&child)), ended);
    let account = std::fs::read_to_string(format!("/proc/{}/io", child.id()));
    let status = child.wait().doing(doing)?;
    waited.map_err(std::io::Error::from).doing(doing)?;
    claim(format!("`{line}` succeeds"), status.success(), || status.to_string())?;
    let account = account.doing(doing)?;
    let of = |name: &str| {
        let line = account.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse().ok())
    };
    match (of("rchar:"), of("wchar:")) {
        (Some(read), Some(written)) => Ok((read, written)),
        _ => Err(std::io::Error::other(account.clone())).doing(doing),
    }
}

/// Makes a point; what that cost.
fn protect(world: &World) -> Result<Cost> {
    let before: BTreeSet<(String, u64)> = world.raw_vault().list("")?.into_iter().collect();
    let (read, written) = moved(world.dram().args(["protect", "files"]))?;
    let after = world.raw_vault().list("")?;
    let new: Vec<(String, u64)> = after.into_iter().filter(|object| !before.contains(object)).collect();
    let bytes = |packs: bool| {
        let counted = new.iter().filter(|(name, _)| !packs || name.contains("/data/"));
        counted.map(|(_, bytes)| bytes).sum()
    };
    let cost = Cost {
        read,
        written,
        packs: bytes(true),
        stored: bytes(false),
    };
    println!("{cost:?}");
    Ok(cost)
}

fn at_most(what: &str, found: u64, most: u64) -> Result<()> {
    claim(format!("{what}: at most {most} bytes"), found <= most, || {
        found.to_string()
    })
}

/// The path of a file of the world.
fn small(data: &Path, number: usize) -> PathBuf {
    data.join(format!("folder-{:02}", number / OF_FOLDER))
        .join(format!("file-{number:04}"))
}

/// A world of many small files and a large one, of which one point is made; the folder of its data.
fn protected(bytes: usize) -> Result<(World, PathBuf)> {
    let world = World::temporary(FILES)?;
    let data = world.dir().join("office/data");
    let mut chance = Chance::of(7);
    for number in 0..COUNT {
        let path = small(&data, number);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
        }
        std::fs::write(&path, chance.noise(bytes)).doing(|| format!("write `{}`", path.display()))?;
    }
    let large = data.join("large");
    std::fs::write(&large, chance.noise(bytes * (LARGE / SMALL))).doing(|| "write the large file".to_owned())?;
    world.declare()?;
    let eyes = Eyes::on(&data)?;
    protect(&world)?;
    let seen = eyes.seen()?.len();
    // Else these eyes see nothing, and all that follows is empty words.
    claim("the first run reads every file", seen == COUNT + 1, || seen.to_string())?;
    Ok((world, data))
}

#[test]
fn an_unchanged_run_reads_no_file_and_stores_no_data() -> Result<()> {
    let (world, data) = protected(SMALL)?;
    let eyes = Eyes::on(&data)?;
    let unchanged = protect(&world)?;
    let seen = eyes.seen()?;
    claim("no file is opened", seen.is_empty(), || format!("{seen:?}"))?;
    at_most("what it reads in all", unchanged.read, WALK)?;
    at_most("what it writes in all", unchanged.written, RECORDS)?;
    at_most("what the vault gets", unchanged.stored, RECORDS)?;

    // The same files with next to nothing in them cost the same: it is the walk that is paid for.
    let (empty, _) = protected(1)?;
    let walk = protect(&empty)?;
    at_most("what data adds to a walk", unchanged.read.abs_diff(walk.read), WALK / 4)?;
    at_most(
        "what data adds to the vault",
        unchanged.stored.abs_diff(walk.stored),
        RECORDS / 4,
    )?;

    // However often: the third costs what the second did.
    let third = protect(&world)?;
    at_most(
        "what a point more adds",
        third.read.saturating_sub(unchanged.read),
        WALK / 4,
    )?;
    let point = world.points("files")?;
    claim("each is a point of its own", point.len() == 3, || format!("{point:?}"))
}

#[test]
fn a_run_reads_the_files_that_changed_and_stores_what_is_new_in_them() -> Result<()> {
    let (world, data) = protected(SMALL)?;
    let mut chance = Chance::of(8);
    let doing = || "change files".to_owned();
    let mut changed = BTreeSet::new();
    for number in (0..COUNT).step_by(COUNT / 6) {
        let path = small(&data, number);
        std::fs::write(&path, chance.noise(SMALL)).doing(doing)?;
        changed.insert(path);
    }
    let new = data.join("folder-00/new");
    std::fs::write(&new, chance.noise(SMALL)).doing(doing)?;
    changed.insert(new);
    // Its bytes are the same and its time is not, so it has to be looked at, and nothing of it is stored.
    let touched = small(&data, 1);
    let same = std::fs::read(&touched).doing(doing)?;
    std::fs::write(&touched, same).doing(doing)?;
    changed.insert(touched);
    std::fs::remove_file(small(&data, 2)).doing(doing)?;
    let eyes = Eyes::on(&data)?;
    let cost = protect(&world)?;
    let seen = eyes.seen()?;
    claim("exactly what changed is read", seen == changed, || {
        format!("{seen:?}\nexpected {changed:?}")
    })?;
    let bytes = (changed.len() * SMALL) as u64;
    at_most("what it reads in all", cost.read, WALK + bytes)?;
    at_most("what the vault gets", cost.stored, RECORDS + bytes)?;
    let least = bytes - SMALL as u64;
    claim("the vault gets what is new", cost.packs >= least, || {
        cost.packs.to_string()
    })?;

    // A MiB in the middle of a large file: all of it is read, and little is stored.
    let large = data.join("large");
    let file = std::fs::File::options().write(true).open(&large).doing(doing)?;
    std::os::unix::fs::FileExt::write_all_at(&file, &chance.noise(1 << 20), 9 << 20).doing(doing)?;
    drop(file);
    eyes.seen()?;
    let cost = protect(&world)?;
    let seen = eyes.seen()?;
    claim("the large file is read", seen == BTreeSet::from([large]), || {
        format!("{seen:?}")
    })?;
    at_most("what it reads in all", cost.read, WALK + LARGE as u64)?;
    // Blobs are cut by content; the two that reach into what did not change are at most eight MiB each.
    at_most("what the vault gets", cost.stored, RECORDS + (17 << 20))
}
