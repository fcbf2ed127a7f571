//! A tree that is hard to restore: one of everything that backups are known to lose.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};

use crate::error::{Doing as _, Result};

/// What this machine or file system cannot hold, and the tree therefore lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Nasty {
    /// One sentence for each thing.
    pub lacks: Vec<String>,
}

const SPARSE_BYTES: u64 = 3 << 30;
/// `cap_net_bind_service=ep`, in the kernel's form, revision 2.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// A time with all its nanoseconds.
const NANOSECONDS: (i64, i64) = (1_700_000_000, 123_456_789);
/// A time before 1970.
const BEFORE_1970: (i64, i64) = (-12_345, 678);
/// A time that 32 bits cannot hold.
const AFTER_2038: (i64, i64) = (3_000_000_000, 1);

/// Fills an existing, empty folder.
///
/// # Errors
/// Something that every file system should hold cannot be made.
pub fn make_nasty(root: &Path) -> Result<Nasty> {
    let mut nasty = Nasty::default();
    contents(root).doing(|| format!("fill `{}`", root.display()))?;
    names(root).doing(|| format!("make odd names in `{}`", root.display()))?;
    links(root).doing(|| format!("make links in `{}`", root.display()))?;
    attributes(root, &mut nasty).doing(|| format!("set attributes in `{}`", root.display()))?;
    modes(root, &mut nasty).doing(|| format!("set modes in `{}`", root.display()))?;
    times(root).doing(|| format!("set times in `{}`", root.display()))?;
    Ok(nasty)
}

fn contents(root: &Path) -> std::io::Result<()> {
    std::fs::write(root.join("empty-file"), b"")?;
    std::fs::create_dir_all(root.join("empty-folder"))?;
    std::fs::create_dir_all(root.join("deep/er/and/deeper"))?;
    std::fs::write(root.join("deep/er/and/deeper/file"), b"found\n")?;
    // Longer than one chunk of the repository format, without repetition.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(3 << 17)
    .flatten()
    .collect();
    std::fs::write(root.join("noise"), noise)?;
    std::fs::create_dir_all(root.join("sparse"))?;
    let sparse = std::fs::File::create(root.join("sparse/3GiB"))?;
    sparse.set_len(SPARSE_BYTES)?;
    sparse.write_all_at(b"begin", 0)?;
    sparse.write_all_at(b"middle", SPARSE_BYTES / 2 + 7)?;
    sparse.write_all_at(b"end", SPARSE_BYTES - 3)?;
    std::fs::File::create(root.join("sparse/all-hole"))?.set_len(64 << 20)?;
    // Longer than a blob, so that the holes lie in blobs of their own.
    let late = std::fs::File::create(root.join("sparse/hole-first"))?;
    late.write_all_at(b"end", 20 << 20)?;
    let early = std::fs::File::create(root.join("sparse/hole-last"))?;
    early.write_all_at(b"begin", 0)?;
    early.set_len(20 << 20)?;
    rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::from(0o640), 0)?;
    Ok(())
}

fn names(root: &Path) -> std::io::Result<()> {
    let folder = root.join("names");
    std::fs::create_dir_all(&folder)?;
    let long = [b'n'; 255];
    let odd: [&[u8]; 9] = [
        b"not utf-8 \xff\xfe\x80",
        b"new\nline",
        b"tab\tand \\ backslash",
        b" leading and trailing ",
        b"-rf",
        b"*?[glob]{a,b}",
        "größe, 大きさ, ﷽".as_bytes(),
        b"\x01\x7f control",
        &long,
    ];
    for name in odd {
        std::fs::write(folder.join(OsStr::from_bytes(name)), name)?;
    }
    let bytes = folder.join(OsStr::from_bytes(b"folder \xc3\x28"));
    std::fs::create_dir_all(&bytes)?;
    std::fs::write(bytes.join("inside"), b"1")
}

fn links(root: &Path) -> std::io::Result<()> {
    let folder = root.join("links");
    std::fs::create_dir_all(folder.join("elsewhere"))?;
    std::fs::write(folder.join("hard-1"), b"one file, three names\n")?;
    std::fs::hard_link(folder.join("hard-1"), folder.join("hard-2"))?;
    std::fs::hard_link(folder.join("hard-1"), folder.join("elsewhere/hard-3"))?;
    symlink("hard-1", folder.join("to-file"))?;
    symlink("elsewhere", folder.join("to-folder"))?;
    symlink("/nowhere/at/all", folder.join("dangling"))?;
    symlink("../../../..", folder.join("upwards"))?;
    symlink(OsStr::from_bytes(b"target \xff"), folder.join("to-bytes"))?;
    symlink("itself", folder.join("itself"))
}

fn attributes(root: &Path, nasty: &mut Nasty) -> std::io::Result<()> {
    let folder = root.join("attributes");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("file");
    std::fs::write(&file, b"")?;
    for path in [&file, &folder] {
        match xattr::set(path, "user.dram.text", b"kept") {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                nasty
                    .lacks
                    .push("the file system knows no extended attributes".to_owned());
                return Ok(());
            }
            done => done?,
        }
        xattr::set(path, "user.dram.bytes", &[0, 255, 10, 0])?;
        xattr::set(path, "user.dram.empty", b"")?;
    }
    match xattr::set(&file, "system.posix_acl_access", &access_list(4, 0)) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            nasty
                .lacks
                .push("the file system knows no access control lists".to_owned());
            return Ok(());
        }
        done => done?,
    }
    let inherited = folder.join("inherited");
    std::fs::create_dir_all(&inherited)?;
    xattr::set(&inherited, "system.posix_acl_default", &access_list(6, 4))?;
    // What is made inside gets the list; what is restored there must get its own.
    std::fs::write(inherited.join("inside"), b"")?;
    std::fs::write(inherited.join("without"), b"")?;
    xattr::remove(inherited.join("without"), "system.posix_acl_access")?;
    if rustix::process::geteuid().is_root() {
        let of_root = folder.join("of-root");
        std::fs::write(&of_root, b"")?;
        xattr::set(&of_root, "trusted.dram", b"root sees it")?;
        xattr::set(&of_root, "security.capability", &CAPABILITY)?;
    }
    Ok(())
}

/// An access control list in the kernel's form: version 2; user::rw-, user:1234, group::r--, mask::rw-, other.
fn access_list(named: u16, others: u16) -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in [
        (1_u16, 6_u16, u32::MAX),
        (2, named, 1234),
        (4, 4, u32::MAX),
        (16, named, u32::MAX),
        (32, others, u32::MAX),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    list
}

fn modes(root: &Path, nasty: &mut Nasty) -> std::io::Result<()> {
    let folder = root.join("modes");
    std::fs::create_dir_all(&folder)?;
    for mode in [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o6711] {
        let file = folder.join(format!("file-{mode:04o}"));
        std::fs::write(&file, format!("{mode:o}"))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
    }
    for mode in [0o500, 0o1777, 0o2770] {
        let inner = folder.join(format!("folder-{mode:04o}"));
        std::fs::create_dir(&inner)?;
        std::fs::write(inner.join("inside"), b"")?;
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(mode))?;
    }
    if !rustix::process::geteuid().is_root() {
        nasty
            .lacks
            .push("owners are those of this user, who is not root".to_owned());
        std::fs::set_permissions(folder.join("file-0000"), std::fs::Permissions::from_mode(0o400))?;
        return Ok(());
    }
    // Changing the owner clears setuid, so these are files of their own.
    std::fs::write(folder.join("owned"), b"by a number without a name")?;
    std::os::unix::fs::lchown(folder.join("owned"), Some(12_345), Some(54_321))?;
    symlink("owned", folder.join("owned-link"))?;
    std::os::unix::fs::lchown(folder.join("owned-link"), Some(1), Some(2))?;
    rustix::fs::mknodat(
        CWD,
        folder.join("null"),
        FileType::CharacterDevice,
        Mode::from(0o666),
        rustix::fs::makedev(1, 3),
    )?;
    Ok(())
}

fn times(root: &Path) -> std::io::Result<()> {
    let folder = root.join("times");
    std::fs::create_dir_all(folder.join("old-folder"))?;
    for (name, time) in [
        ("nanoseconds", NANOSECONDS),
        ("before-1970", BEFORE_1970),
        ("after-2038", AFTER_2038),
    ] {
        std::fs::write(folder.join(name), name)?;
        set_time(&folder.join(name), time)?;
    }
    symlink("nanoseconds", folder.join("old-link"))?;
    // Folders last: whatever is made inside changes them.
    for name in [
        "times/old-link",
        "times/old-folder",
        "pipe",
        "links",
        "names",
        "attributes",
        "modes",
        "times",
        "sparse",
        "",
    ] {
        set_time(&root.join(name), NANOSECONDS)?;
    }
    Ok(())
}

fn set_time(path: &Path, (seconds, nanos): (i64, i64)) -> std::io::Result<()> {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanos,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}
