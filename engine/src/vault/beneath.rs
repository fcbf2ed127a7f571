//! Opens files relative to a directory without leaving it and without following any symbolic link.
//!
//! One `openat2` where the kernel has it, else one step a component. Both refuse a link anywhere in the path; only the last
//! component may be one, and then it is opened itself (`O_PATH`).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// Longer paths are refused by the kernel in one call, so they are walked.
const WHOLE_PATH: usize = 3_000;

static WALK: AtomicBool = AtomicBool::new(false);

/// A directory that paths are relative to.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens a directory that the user named; links in this path are followed, since it is the user's word.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The path on disk of something below.
    pub(super) fn physical(&self, rel: &Path) -> PathBuf {
        if rel.as_os_str().is_empty() {
            self.path.clone()
        } else {
            self.path.join(rel)
        }
    }

    /// Opens `rel`, which has only normal components; empty means the directory itself.
    pub(super) fn open_at(&self, rel: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        open_beneath(self.fd.as_fd(), rel, flags)
    }

    /// Opens what `rel` names without touching it: for its metadata, a link included.
    pub(super) fn handle(&self, rel: &Path) -> io::Result<OwnedFd> {
        self.open_at(rel, OFlags::PATH)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn open_beneath(dir: BorrowedFd<'_>, rel: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let name = if rel.as_os_str().is_empty() {
        Path::new(".")
    } else {
        rel
    };
    if !WALK.load(Ordering::Relaxed) && name.as_os_str().len() < WHOLE_PATH {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(dir, name, flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS) => WALK.store(true, Ordering::Relaxed),
            // A sandbox may forbid the call itself with the same answer: the walk finds the truth.
            Err(Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    walk(dir, rel, flags)
}

fn walk(dir: BorrowedFd<'_>, rel: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let mut names: Vec<&OsStr> = Vec::new();
    for component in rel.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                return Err(io::Error::from(Errno::XDEV));
            }
        }
    }
    let Some(last) = names.pop() else {
        return Ok(openat(dir, ".", flags, Mode::empty())?);
    };
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut current: Option<OwnedFd> = None;
    for name in names {
        let from = current.as_ref().map_or(dir, AsFd::as_fd);
        let next = openat(from, name, step, Mode::empty())?;
        match kind_of(rustix::fs::fstat(&next)?.st_mode) {
            rustix::fs::FileType::Directory => current = Some(next),
            rustix::fs::FileType::Symlink => return Err(io::Error::from(Errno::LOOP)),
            _ => return Err(io::Error::from(Errno::NOTDIR)),
        }
    }
    let from = current.as_ref().map_or(dir, AsFd::as_fd);
    Ok(openat(from, last, flags, Mode::empty())?)
}

pub(super) fn kind_of(mode: u32) -> rustix::fs::FileType {
    rustix::fs::FileType::from_raw_mode(mode)
}

/// The path under which the kernel shows an open handle; following it reaches exactly the opened object, links included.
pub(super) fn proc_path(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// All extended attributes of an opened object, sorted by name. A file system without them has none.
pub(super) fn attributes(fd: BorrowedFd<'_>) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let path = proc_path(fd);
    all(|| xattr::list_deref(&path), |name| xattr::get_deref(&path, name))
}

/// As [`attributes`], of what has a name in an open directory, itself and not what it may point to.
pub(super) fn attributes_at(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let path = proc_path(directory).join(name);
    all(|| xattr::list(&path), |name| xattr::get(&path, name))
}

fn all(
    list: impl Fn() -> io::Result<xattr::XAttrs>,
    get: impl Fn(&OsStr) -> io::Result<Option<Vec<u8>>>,
) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let names = match list() {
        Err(error) if unsupported(&error) => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for name in names {
        match get(&name) {
            Ok(Some(value)) => found.push((name, value)),
            // Removed since it was listed.
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort();
    Ok(found)
}

/// Whether an answer means that the file system has no such thing.
pub(super) fn unsupported(error: &io::Error) -> bool {
    let code = Errno::from_io_error(error);
    code == Some(Errno::NOTSUP) || code == Some(Errno::OPNOTSUPP)
}
