//! Devices and disk images: what they are part of, where they are mounted, who uses them. Read from what the kernel shows of
//! itself in `/proc` and `/sys`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, major, minor};

/// The number of a device.
type Number = (u32, u32);

/// What a device or disk image is mounted as, and what else uses it.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Where file systems on it are mounted; a file system in a disk image that a loop device shows, too.
    pub(super) mounts: Vec<PathBuf>,
    /// What else uses it, in words.
    pub(super) others: Vec<String>,
}

impl Uses {
    /// All of it in words.
    pub(super) fn told(&self) -> Vec<String> {
        let mounted = self.mounts.iter().map(|at| format!("mounted at `{}`", at.display()));
        mounted.chain(self.others.iter().cloned()).collect()
    }
}

/// Who uses a block device or a disk image, as far as the kernel tells. Links are followed.
///
/// # Errors
/// If it cannot be looked at.
pub(super) fn uses(path: &Path) -> io::Result<Uses> {
    let meta = fs::metadata(path)?;
    let mut uses = Uses::default();
    let mut numbers = BTreeSet::new();
    match meta.file_type().is_block_device() {
        true => family(number_of(meta.rdev()), &mut numbers),
        false => {
            for (name, number) in loops_of(&meta) {
                uses.others.push(format!("shown as `{name}`"));
                family(number, &mut numbers);
            }
        }
    }
    let own = number_of(meta.rdev());
    for number in numbers.iter().filter(|number| **number != own) {
        uses.others.extend(used_as(*number));
    }
    uses.mounts = mounts(&numbers)?;
    uses.others.extend(swaps(&numbers));
    Ok(uses)
}

fn number_of(device: u64) -> Number {
    (major(device), minor(device))
}

fn folder_of((major, minor): Number) -> PathBuf {
    PathBuf::from(format!("/sys/dev/block/{major}:{minor}"))
}

/// A device, its partitions, and what is made of them: volumes, encrypted devices, arrays.
fn family(device: Number, into: &mut BTreeSet<Number>) {
    if !into.insert(device) {
        return;
    }
    let folder = folder_of(device);
    for entry in entries(&folder).into_iter().chain(entries(&folder.join("holders"))) {
        if let Some(number) = fs::read_to_string(entry.join("dev"))
            .ok()
            .and_then(|text| number(&text))
        {
            // What a disk is made of has its number in the same folder.
            let is_part = entry.join("partition").exists() || entry.parent().is_some_and(|at| at.ends_with("holders"));
            if is_part {
                family(number, into);
            }
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    found.map(|entry| entry.path()).collect()
}

/// `8:1`
fn number(text: &str) -> Option<Number> {
    let (major, minor) = text.trim().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What is made of a device, by the name of what it is part of.
fn used_as(number: Number) -> Option<String> {
    let folder = folder_of(number);
    if folder.join("partition").exists() || folder.join("loop").exists() {
        return None;
    }
    let name = fs::read_link(&folder).ok()?;
    Some(format!("part of `{}`", name.file_name()?.to_string_lossy()))
}

/// The loop devices that show a file.
fn loops_of(file: &fs::Metadata) -> Vec<(String, Number)> {
    let is_it = |path: &str| {
        let meta = fs::metadata(path.trim_end());
        meta.is_ok_and(|meta| (meta.dev(), meta.ino()) == (file.dev(), file.ino()))
    };
    let mut found = Vec::new();
    for entry in entries(Path::new("/sys/block")) {
        let Ok(shown) = fs::read_to_string(entry.join("loop/backing_file")) else {
            continue;
        };
        let device = fs::read_to_string(entry.join("dev")).ok();
        if let (true, Some(number), Some(name)) =
            (is_it(&shown), device.and_then(|text| number(&text)), entry.file_name())
        {
            found.push((format!("/dev/{}", name.to_string_lossy()), number));
        }
    }
    found.sort();
    found
}

/// Whether another program locked a file, as those do that run a machine from it.
pub(super) fn is_locked(path: &Path) -> io::Result<bool> {
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        // Who may not write it cannot ask; what follows says so.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        Err(error) => return Err(error),
    };
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::ACCESS) => Ok(true),
        // It goes when the file is closed; a file system without locks has none that is held.
        _ => Ok(false),
    }
}

/// Where file systems of these devices are mounted, by `/proc/self/mountinfo`, the first mount first.
fn mounts(of: &BTreeSet<Number>) -> io::Result<Vec<PathBuf>> {
    let text = fs::read("/proc/self/mountinfo")?;
    let mut found = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let (Some(device), Some(at)) = (words.get(2), words.get(4)) else {
            continue;
        };
        let dash = words.iter().position(|word| *word == b"-");
        let source = dash.and_then(|dash| words.get(dash + 2));
        let by_number = || std::str::from_utf8(device).ok().and_then(number);
        // A file system that spans devices has a number of its own.
        let by_source = || {
            let source = unescaped(source.filter(|source| source.starts_with(b"/"))?);
            let meta = fs::metadata(source).ok()?;
            meta.file_type().is_block_device().then(|| number_of(meta.rdev()))
        };
        let is_ours = by_number().is_some_and(|number| of.contains(&number))
            || by_source().is_some_and(|number| of.contains(&number));
        if is_ours {
            found.push(unescaped(at));
        }
    }
    Ok(found)
}

fn swaps(of: &BTreeSet<Number>) -> Option<String> {
    let text = fs::read_to_string("/proc/swaps").ok()?;
    let mut devices = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let is_ours = |path: &&str| {
        let meta = fs::metadata(path);
        meta.is_ok_and(|meta| meta.file_type().is_block_device() && of.contains(&number_of(meta.rdev())))
    };
    devices.find(is_ours).map(|path| format!("swap space (`{path}`)"))
}

/// The kernel writes blanks and the like as `\040`.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, escaped) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mounts_are_read_as_the_kernel_writes_them() {
        let cases: [(&[u8], &str); 4] = [
            (br"/mnt", "/mnt"),
            (br"/mnt/a\040b", "/mnt/a b"),
            (br"/mnt/\134x", r"/mnt/\x"),
            (br"/mnt/\9", r"/mnt/\9"),
        ];
        for (written, meant) in cases {
            assert_eq!(unescaped(written), Path::new(meant));
        }
    }

    #[test]
    fn a_disk_image_that_nobody_shows_is_used_by_nobody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let found = uses(file.path()).unwrap();
        assert_eq!(found.told(), Vec::<String>::new());
    }
}
