//! Snapshots of btrfs, made through the kernel's own calls. They are described in its header `linux/btrfs.h`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::ioctl::{Setter, Updater, ioctl, opcode};

/// The kind of file system, as `statfs` tells it.
const MAGIC: u32 = 0x9123_683E;
/// The number of the folder at the top of every subvolume.
const TOP: u64 = 256;
const GROUP: u8 = 0x94;
const READ_ONLY: u64 = 1 << 1;

/// `struct btrfs_ioctl_vol_args_v2`
#[repr(C)]
struct MakeArguments {
    source: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

/// `struct btrfs_ioctl_vol_args`
#[repr(C)]
struct RemoveArguments {
    unused: i64,
    name: [u8; 4088],
}

/// `struct btrfs_ioctl_get_subvol_rootref_args`
#[repr(C)]
struct InsideArguments {
    from: u64,
    found: [[u64; 2]; 255],
    count: u8,
    align: [u8; 7],
}

type Make = Setter<{ opcode::write::<MakeArguments>(GROUP, 23) }, MakeArguments>;
type Remove = Setter<{ opcode::write::<RemoveArguments>(GROUP, 15) }, RemoveArguments>;
type Inside<'a> = Updater<'a, { opcode::read_write::<InsideArguments>(GROUP, 61) }, InsideArguments>;

/// The top folder of the subvolume that a path lies in, itself and not what it may point to; nothing where it lies on another
/// kind of file system, or where only a part of the subvolume is mounted. The folder above the path has no links in its name.
///
/// # Errors
/// If it cannot be looked at.
pub(super) fn subvolume_of(path: &Path) -> io::Result<Option<PathBuf>> {
    let device = fs::symlink_metadata(path)?.dev();
    let is_same = |above: &&Path| fs::symlink_metadata(above).is_ok_and(|meta| meta.dev() == device);
    let Some(top) = path.ancestors().take_while(is_same).last() else {
        return Ok(None);
    };
    Ok(is_top(top)?.then(|| top.to_owned()))
}

fn is_top(path: &Path) -> io::Result<bool> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() || meta.ino() != TOP {
        return Ok(false);
    }
    // The field has another width on every kind of machine.
    let kind = rustix::fs::statfs(path)?.f_type.to_le_bytes();
    Ok(kind.starts_with(&MAGIC.to_le_bytes()))
}

/// Whether other subvolumes lie in a subvolume: a snapshot does not hold them.
///
/// # Errors
/// If the file system does not tell.
pub(super) fn holds_others(subvolume: &Path) -> io::Result<bool> {
    let mut inside = InsideArguments {
        from: 0,
        found: [[0; 2]; 255],
        count: 0,
        align: [0; 7],
    };
    let top = File::open(subvolume)?;
    #[expect(unsafe_code, reason = "the kernel's call has no safe form")]
    // SAFETY: the structure is the one that this call takes and fills, of the length that its number says.
    let told = unsafe { ioctl(&top, Inside::new(&mut inside)) };
    match told {
        // There are more than it could name.
        Err(rustix::io::Errno::OVERFLOW) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(inside.count > 0),
    }
}

/// Makes a snapshot of a subvolume that cannot be written to. All that programs had written is in it.
///
/// # Errors
/// If the file system refuses, or the name is taken.
pub(super) fn snapshot(subvolume: &Path, place: &Path) -> io::Result<()> {
    let (folder, name) = parts(place)?;
    let source = File::open(subvolume)?;
    let folder = File::open(folder)?;
    let arguments = MakeArguments {
        source: i64::from(source.as_raw_fd()),
        transaction: 0,
        flags: READ_ONLY,
        unused: [0; 4],
        name: terminated(name)?,
    };
    #[expect(unsafe_code, reason = "the kernel's call has no safe form")]
    // SAFETY: the structure is the one that this call takes, of the length that its number says, and the descriptor in it is
    // open until the call has returned.
    let made = unsafe { ioctl(&folder, Make::new(arguments)) };
    Ok(made?)
}

/// Removes a snapshot. One that is not there is removed.
///
/// # Errors
/// If it is no snapshot, or the file system refuses.
pub(super) fn remove(place: &Path) -> io::Result<()> {
    match is_top(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(true) => {}
        Ok(false) => return Err(io::Error::other("it is no snapshot")),
        Err(error) => return Err(error),
    }
    let (folder, name) = parts(place)?;
    let folder = File::open(folder)?;
    let arguments = RemoveArguments {
        unused: 0,
        name: terminated(name)?,
    };
    #[expect(unsafe_code, reason = "the kernel's call has no safe form")]
    // SAFETY: the structure is the one that this call takes, of the length that its number says.
    let removed = unsafe { ioctl(&folder, Remove::new(arguments)) };
    Ok(removed?)
}

fn parts(place: &Path) -> io::Result<(&Path, &OsStr)> {
    let parts = place.parent().zip(place.file_name());
    parts.ok_or_else(|| io::Error::other("it names no snapshot"))
}

/// A name as the kernel takes it.
fn terminated<const LENGTH: usize>(name: &OsStr) -> io::Result<[u8; LENGTH]> {
    let mut text = [0; LENGTH];
    let bytes = name.as_bytes();
    match text.get_mut(..bytes.len()) {
        Some(start) if bytes.len() < LENGTH => start.copy_from_slice(bytes),
        _ => return Err(io::Error::other("its name is too long")),
    }
    Ok(text)
}
