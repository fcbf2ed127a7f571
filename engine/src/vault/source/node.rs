//! Metadata of a file as the repository's format holds them.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustix::fs::{FileType, Stat};

use super::super::accounts::{AccountKind, Accounts};
use super::super::beneath::{attributes, attributes_at, kind_of};

// The modes of the format are those of Go's `io/fs` package, as restic writes them.
const GO_DIR: u32 = 1 << 31;
const GO_SYMLINK: u32 = 1 << 27;
const GO_DEVICE: u32 = 1 << 26;
const GO_FIFO: u32 = 1 << 25;
const GO_SOCKET: u32 = 1 << 24;
const GO_SETUID: u32 = 1 << 23;
const GO_SETGID: u32 = 1 << 22;
const GO_CHAR: u32 = 1 << 21;
const GO_STICKY: u32 = 1 << 20;

/// The format's mode of a file: permissions, kind, and the three special bits.
pub(in super::super) fn mode_to_format(mode: u32) -> u32 {
    let mut out = mode & 0o777;
    out |= match kind_of(mode) {
        FileType::Directory => GO_DIR,
        FileType::Symlink => GO_SYMLINK,
        FileType::BlockDevice => GO_DEVICE,
        FileType::CharacterDevice => GO_DEVICE | GO_CHAR,
        FileType::Fifo => GO_FIFO,
        FileType::Socket => GO_SOCKET,
        FileType::RegularFile | FileType::Unknown => 0,
    };
    for (bit, go) in [(0o4000, GO_SETUID), (0o2000, GO_SETGID), (0o1000, GO_STICKY)] {
        if mode & bit != 0 {
            out |= go;
        }
    }
    out
}

/// The twelve permission bits of a mode of the format.
pub(in super::super) fn permissions_from_format(mode: u32) -> u32 {
    let mut out = mode & 0o777;
    for (bit, go) in [(0o4000, GO_SETUID), (0o2000, GO_SETGID), (0o1000, GO_STICKY)] {
        if mode & go != 0 {
            out |= bit;
        }
    }
    out
}

/// Names of users and groups of this machine. They are kept for the reader, and for a restore where numbers differ.
#[derive(Debug)]
pub(super) struct Names {
    users: Accounts,
    groups: Accounts,
}

impl Names {
    pub(super) fn of_this_machine() -> Self {
        Self {
            users: Accounts::of_this_machine(AccountKind::User),
            groups: Accounts::of_this_machine(AccountKind::Group),
        }
    }
}

/// A node, and what of it the format cannot hold.
pub(super) struct Described {
    pub(super) node: Node,
    pub(super) lost: Vec<String>,
}

/// How an object is reached.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    /// It is open (`O_PATH` is enough).
    Opened(BorrowedFd<'a>),
    /// By its name in an open directory, itself and not what it may point to.
    Named(BorrowedFd<'a>, &'a OsStr),
}

/// How much of an object is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All that a snapshot keeps.
    Full,
    /// What one call tells.
    Size,
}

/// Describes an object by its metadata.
pub(super) fn describe(name: &OsStr, at: At<'_>, stat: &Stat, names: &Names, detail: Detail) -> io::Result<Described> {
    let mut lost = Vec::new();
    let kind = kind_of(stat.st_mode);
    let node_type = match kind {
        FileType::Directory => NodeType::Dir,
        FileType::Symlink => {
            let target = match at {
                _ if detail == Detail::Size => c"".to_owned(),
                At::Opened(fd) => rustix::fs::readlinkat(fd, "", Vec::new())?,
                At::Named(directory, name) => rustix::fs::readlinkat(directory, name, Vec::new())?,
            };
            NodeType::from_link(Path::new(OsStr::from_bytes(target.as_bytes())))
        }
        FileType::BlockDevice => NodeType::Dev { device: stat.st_rdev },
        FileType::CharacterDevice => NodeType::Chardev { device: stat.st_rdev },
        FileType::Fifo => NodeType::Fifo,
        FileType::Socket => NodeType::Socket,
        FileType::RegularFile | FileType::Unknown => NodeType::File,
    };
    let is_dir = kind == FileType::Directory;
    let links = if is_dir { 0 } else { stat.st_nlink };
    let mtime = time(stat.st_mtime, stat.st_mtime_nsec);
    if mtime.is_none() {
        lost.push("its modification time is out of range".to_owned());
    }
    let mut meta = Metadata {
        mode: Some(mode_to_format(stat.st_mode)),
        mtime,
        // The access time changes by reading; keeping it would make every snapshot differ.
        atime: mtime,
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        uid: Some(stat.st_uid),
        gid: Some(stat.st_gid),
        user: names.users.name(stat.st_uid).map(str::to_owned),
        group: names.groups.name(stat.st_gid).map(str::to_owned),
        inode: stat.st_ino,
        // Only names of one inode need it, and it changes with every mount.
        device_id: if links > 1 { stat.st_dev } else { 0 },
        size: if is_dir {
            0
        } else {
            u64::try_from(stat.st_size).unwrap_or(0)
        },
        links,
        extended_attributes: Vec::new(),
    };
    let found = match at {
        _ if detail == Detail::Size => Vec::new(),
        At::Opened(fd) => attributes(fd)?,
        At::Named(directory, name) => attributes_at(directory, name)?,
    };
    for (key, value) in found {
        match key.into_string() {
            Ok(name) => {
                // The library does not export the type of an attribute, so an empty one is read and filled.
                let empty = serde_json::json!({ "name": name, "value": null });
                meta.extended_attributes.push(serde_json::from_value(empty)?);
                if let Some(attribute) = meta.extended_attributes.last_mut() {
                    attribute.value = Some(value);
                }
            }
            Err(key) => {
                lost.push(format!(
                    "its attribute `{}` is not named in UTF-8",
                    key.to_string_lossy()
                ));
            }
        }
    }
    Ok(Described {
        node: Node::new_node(name, node_type, meta),
        lost,
    })
}

/// A directory that has no counterpart at the site, because a mapping put what is below it elsewhere.
pub(super) fn invented_directory(name: &OsStr) -> Node {
    let meta = Metadata {
        mode: Some(GO_DIR | 0o755),
        mtime: Some(Timestamp::UNIX_EPOCH),
        atime: Some(Timestamp::UNIX_EPOCH),
        uid: Some(0),
        gid: Some(0),
        ..Metadata::default()
    };
    Node::new_node(name, NodeType::Dir, meta)
}

fn time(seconds: i64, nanoseconds: impl TryInto<i32>) -> Option<Timestamp> {
    Timestamp::new(seconds, nanoseconds.try_into().ok()?).ok()
}
