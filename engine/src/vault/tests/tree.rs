//! A directory tree with everything that a file system can hold, and a comparison of two trees that owes nothing to the code
//! under test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The length of the sparse file, in bytes.
const SPARSE: u64 = 3 << 30;

pub(super) fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Bytes that do not compress and differ everywhere.
pub(in crate::vault) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Builds `<root>/srv/shop` and `<root>/var/lib/shop`.
pub(super) fn build(root: &Path) {
    let shop = root.join("srv/shop");
    let state = root.join("var/lib/shop");
    fs::create_dir_all(shop.join("deep/er/est")).unwrap();
    fs::create_dir_all(&state).unwrap();
    fs::create_dir(shop.join("empty")).unwrap();
    fs::write(shop.join("zero"), b"").unwrap();
    fs::write(shop.join("small"), b"hello").unwrap();
    fs::write(shop.join("large"), noise(40 << 20, 7)).unwrap();
    fs::write(shop.join("deep/er/est/file"), noise(100_000, 9)).unwrap();
    for number in 0..300 {
        fs::write(
            shop.join("deep").join(format!("many-{number:03}")),
            noise(number * 37, number as u64),
        )
        .unwrap();
    }
    let odd: [&[u8]; 6] = [
        b"not \xff\xfe utf8",
        b"back\\slash",
        b"quote\"s",
        b"new\nline",
        b" blank ",
        "schön".as_bytes(),
    ];
    for name in odd {
        fs::write(shop.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(shop.join(OsStr::from_bytes(&[b'n'; 255])), b"long name").unwrap();

    // One file under three names, across both paths of the item.
    fs::write(shop.join("linked"), b"one inode").unwrap();
    fs::hard_link(shop.join("linked"), shop.join("deep/linked-again")).unwrap();
    fs::hard_link(shop.join("linked"), state.join("linked-far")).unwrap();

    symlink("small", shop.join("link")).unwrap();
    symlink("deep/er", shop.join("link-to-folder")).unwrap();
    symlink("/nowhere/at/all", shop.join("dangling")).unwrap();
    symlink(OsStr::from_bytes(b"to-\xff"), shop.join("link-not-utf8")).unwrap();
    rustix::fs::mknodat(CWD, shop.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();

    let sparse = File::create(shop.join("sparse")).unwrap();
    sparse.set_len(SPARSE).unwrap();
    sparse.write_all_at(b"island", 1 << 30).unwrap();
    sparse.write_all_at(&noise(9_000, 3), (2 << 30) + 123).unwrap();
    drop(sparse);

    fs::write(shop.join("set-id"), b"#!").unwrap();
    fs::write(shop.join("secret"), b"nobody reads this").unwrap();
    fs::create_dir(shop.join("sticky")).unwrap();
    xattr::set(shop.join("small"), "user.note", b"value \x00 with a zero").unwrap();
    xattr::set(shop.join("empty"), "user.empty", b"").unwrap();
    // A list of access rights with an entry for user 33: version 2, then tag, rights and id of each entry.
    let list = acl(&[
        (1, 6, u32::MAX),
        (2, 4, 33),
        (4, 4, u32::MAX),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ]);
    xattr::set(shop.join("small"), "system.posix_acl_access", &list).unwrap();
    let default = acl(&[(1, 7, u32::MAX), (4, 5, u32::MAX), (32, 0, u32::MAX)]);
    xattr::set(shop.join("deep/er"), "system.posix_acl_default", &default).unwrap();

    if is_root() {
        for (name, uid, gid) in [
            ("small", 33, 33),
            ("zero", 1000, 1000),
            ("link", 12345, 54321),
            ("empty", 5, 6),
        ] {
            rustix::fs::chownat(
                CWD,
                shop.join(name),
                Some(rustix::fs::Uid::from_raw(uid)),
                Some(rustix::fs::Gid::from_raw(gid)),
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .unwrap();
        }
        rustix::fs::mknodat(
            CWD,
            shop.join("null"),
            FileType::CharacterDevice,
            Mode::from_raw_mode(0o666),
            rustix::fs::makedev(1, 3),
        )
        .unwrap();
        rustix::fs::mknodat(
            CWD,
            shop.join("disk"),
            FileType::BlockDevice,
            Mode::from_raw_mode(0o660),
            rustix::fs::makedev(7, 200),
        )
        .unwrap();
        // Version 2 of the format: magic with the effective flag, then permitted and inheritable sets.
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0_u8];
        xattr::set(shop.join("set-id"), "security.capability", &capability).unwrap();
        mode(&shop.join("secret"), 0o000);
    }
    mode(&shop.join("set-id"), 0o6755);
    mode(&shop.join("sticky"), 0o1777);
    mode(&shop.join("deep/er/est"), 0o500);
    mode(&root.join("srv"), 0o751);

    set_mtime(&shop.join("zero"), -86_400, 5);
    set_mtime(&shop.join("link"), 1_000_000_000, 123_456_789);
    set_mtime(&shop.join("dangling"), 4_102_444_800, 1);
    set_mtime(&shop.join("pipe"), 1_234_567_890, 987_654_321);
    set_mtime(&shop.join("empty"), 1_500_000_000, 999_999_999);
    set_mtime(&shop.join("deep"), 1_400_000_000, 111);
    set_mtime(&shop, 1_300_000_000, 222);
}

fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&rights.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

/// Everything about an entry that a restore has to bring back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    kind: u32,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    size: u64,
    device: u64,
    target: Option<PathBuf>,
    attributes: Vec<(std::ffi::OsString, Vec<u8>)>,
    content: Option<u64>,
    /// The first path with the same inode.
    same_as: Option<PathBuf>,
}

/// Describes all that lies below `top`, `top` itself included, by path relative to it.
pub(super) fn facts(top: &Path) -> BTreeMap<PathBuf, Facts> {
    let mut found = BTreeMap::new();
    let mut inodes: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let rel = path.strip_prefix(top).unwrap().to_owned();
        let kind = meta.mode() & 0o170_000;
        if meta.is_dir() {
            let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect();
            names.sort();
            todo.extend(names);
        }
        let mut attributes: Vec<_> = xattr::list(&path)
            .unwrap()
            .map(|name| (name.clone(), xattr::get(&path, &name).unwrap().unwrap()))
            .collect();
        attributes.sort();
        let linked = meta.is_file() && meta.nlink() > 1;
        let same_as = linked.then(|| inodes.entry(meta.ino()).or_insert_with(|| rel.clone()).clone());
        let facts = Facts {
            kind,
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            size: if meta.is_dir() { 0 } else { meta.size() },
            device: meta.rdev(),
            target: meta.is_symlink().then(|| fs::read_link(&path).unwrap()),
            attributes,
            content: meta.is_file().then(|| digest(&path)),
            same_as,
        };
        found.insert(rel, facts);
    }
    found
}

/// A sum over the content and the positions of its non-zero words; long holes cost little.
fn digest(path: &Path) -> u64 {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let (mut sum, mut at) = (0_u64, 0_u64);
    let zeros = vec![0; 1 << 20];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).unwrap() {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return sum ^ at;
        }
        if buffer[..filled] != zeros[..filled] {
            for (index, byte) in buffer[..filled].iter().enumerate().filter(|(_, byte)| **byte != 0) {
                let place = (at + index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                sum = sum.wrapping_add((place ^ u64::from(*byte)).wrapping_mul(0x2545_f491_4f6c_dd1d));
            }
        }
        at += filled as u64;
    }
}

/// Fails with the names of what differs.
pub(in crate::vault) fn assert_same(left: &Path, right: &Path) {
    let (mut one, mut other) = (facts(left), facts(right));
    let mut differences = Vec::new();
    for (path, facts) in &one {
        match other.get(path) {
            None => differences.push(format!("{path:?} is missing")),
            Some(there) if there != facts => {
                differences.push(format!("{path:?} differs:\n  {facts:?}\n  {there:?}"));
            }
            Some(_) => {}
        }
    }
    other.retain(|path, _| !one.contains_key(path));
    differences.extend(other.keys().map(|path| format!("{path:?} is too much")));
    one.clear();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The number of 512-byte blocks that a file takes.
pub(super) fn blocks(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().blocks()
}
