//! The directory that is restored into. Everything goes through handles relative to it; no link is followed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dram_storage::crash;
use rustic_core::repofile::{Node, NodeType};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::super::beneath::{Root, kind_of};
use super::super::error::VaultError;
use super::super::source::{Note, NoteKind, Notes, permissions_from_format};
use super::metadata::{Aspect, Object};
use super::plan::Step;

/// The target of a restore.
pub(super) struct Target {
    root: Root,
    is_root: bool,
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::Target {
            action: "open",
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let root = Root::open(path).map_err(failed)?;
        Ok(Self {
            root,
            is_root: rustix::process::geteuid().is_root(),
        })
    }

    /// The same without making it; nothing if it is not there.
    pub(super) fn there(path: &Path) -> Result<Option<Self>, VaultError> {
        match Root::open(path) {
            Ok(root) => Ok(Some(Self {
                root,
                is_root: rustix::process::geteuid().is_root(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(VaultError::Target {
                action: "open",
                path: path.to_owned(),
                source,
            }),
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.is_root
    }

    pub(super) fn physical(&self, rel: &Path) -> PathBuf {
        self.root.physical(rel)
    }

    pub(super) fn failed(&self, action: &'static str, rel: &Path, source: impl Into<io::Error>) -> VaultError {
        VaultError::Target {
            action,
            path: self.physical(rel),
            source: source.into(),
        }
    }

    pub(super) fn open_at(&self, rel: &Path, flags: OFlags) -> Result<OwnedFd, VaultError> {
        self.root
            .open_at(rel, flags)
            .map_err(|error| self.failed("open", rel, error))
    }

    /// Opens a file to read what is in it, and leaves no trace of that where the kernel allows it.
    pub(super) fn open_to_compare(&self, rel: &Path) -> Result<OwnedFd, VaultError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        match self.root.open_at(rel, flags | OFlags::NOATIME) {
            // Only the owner may read without a trace.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => self.open_at(rel, flags),
            opened => opened.map_err(|error| self.failed("open", rel, error)),
        }
    }

    /// What of an entry's metadata differs from what is to be restored.
    pub(super) fn aspects(&self, step: &Step<'_>, found: &Stat) -> Result<Vec<Aspect>, VaultError> {
        let fd = self.open_at(&step.rel, OFlags::PATH)?;
        let (physical, notes) = (self.physical(&step.rel), Notes::default());
        self.object(fd.as_fd(), &step.node, &physical, &notes)
            .aspects(found)
            .map_err(|error| self.failed("look at", &step.rel, error))
    }

    /// What lies in a directory, by name, sorted.
    pub(super) fn entries(&self, rel: &Path) -> Result<Vec<OsString>, VaultError> {
        let failed = |error: Errno| self.failed("list", rel, error);
        let fd = self.open_at(rel, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&fd).map_err(failed)? {
            let name = OsStr::from_bytes(entry.map_err(failed)?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What is at a place, itself and not what it points to. Something else than a directory on the way there means that
    /// nothing is; that something is looked at by itself.
    pub(super) fn look(&self, rel: &Path) -> Result<Option<Stat>, VaultError> {
        match self.root.handle(rel) {
            Ok(fd) => rustix::fs::fstat(&fd)
                .map(Some)
                .map_err(|error| self.failed("look at", rel, error)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
                _ => Err(self.failed("look at", rel, error)),
            },
        }
    }

    pub(super) fn read_link(&self, rel: &Path) -> Result<PathBuf, VaultError> {
        let fd = self.root.handle(rel).map_err(|error| self.failed("read", rel, error))?;
        let target = rustix::fs::readlinkat(&fd, "", Vec::new()).map_err(|error| self.failed("read", rel, error))?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    /// The directory that holds an entry, and the entry's name in it.
    pub(super) fn parent<'a>(&self, rel: &'a Path) -> Result<(OwnedFd, &'a OsStr), VaultError> {
        let name = rel.file_name().unwrap_or_default();
        let parent = rel.parent().unwrap_or(Path::new(""));
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let fd = self
            .root
            .open_at(parent, flags)
            .map_err(|error| self.failed("open", parent, error))?;
        Ok((fd, name))
    }

    fn object<'a>(&'a self, fd: BorrowedFd<'a>, node: &'a Node, physical: &'a Path, notes: &'a Notes) -> Object<'a> {
        Object {
            fd,
            node,
            physical,
            is_root: self.is_root,
            notes,
        }
    }

    /// Sets all metadata of a regular file that is open for writing.
    pub(super) fn dress_file(&self, fd: BorrowedFd<'_>, step: &Step<'_>, notes: &Notes) -> Result<(), VaultError> {
        let physical = self.physical(&step.rel);
        self.object(fd, &step.node, &physical, notes)
            .set_file()
            .map_err(|error| self.failed("set the metadata of", &step.rel, error))
    }

    /// Sets all metadata of an opened object.
    pub(super) fn dress(&self, fd: BorrowedFd<'_>, step: &Step<'_>, notes: &Notes) -> Result<(), VaultError> {
        let physical = self.physical(&step.rel);
        self.object(fd, &step.node, &physical, notes)
            .set()
            .map_err(|error| self.failed("set the metadata of", &step.rel, error))
    }

    /// Makes a directory above what is restored, whole or not at all, if there is none.
    pub(super) fn make_above(&self, rel: &Path, node: Option<&Node>, notes: &Notes) -> Result<(), VaultError> {
        if self.look(rel)?.is_some() {
            return Ok(());
        }
        let (parent, name) = self.parent(rel)?;
        let temporary = temporary(name);
        let failed = |error: Errno| self.failed("make", rel, error);
        match rustix::fs::mkdirat(&parent, &temporary, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, &temporary, flags, Mode::empty()).map_err(failed)?;
        if let Some(node) = node {
            let physical = self.physical(rel);
            self.object(fd.as_fd(), node, &physical, notes)
                .set()
                .map_err(|error| self.failed("set the metadata of", rel, error))?;
        }
        rustix::fs::renameat(&parent, &temporary, &parent, name).map_err(failed)
    }

    /// Makes a directory for the owner alone; it gets its metadata when all is in it.
    pub(super) fn make_directory(&self, step: &Step<'_>) -> Result<(), VaultError> {
        if step.rel.as_os_str().is_empty() {
            return Ok(());
        }
        let (parent, name) = self.parent(&step.rel)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(self.failed("make", &step.rel, error)),
        }
        if self
            .look(&step.rel)?
            .is_some_and(|found| kind_of(found.st_mode) == FileType::Directory)
        {
            return Ok(());
        }
        // The plan allows only what is to be overwritten here.
        rustix::fs::unlinkat(&parent, name, AtFlags::empty())
            .and_then(|()| rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o700)))
            .map_err(|error| self.failed("make", &step.rel, error))
    }

    /// Compares the metadata of what was there already, and sets what differs.
    pub(super) fn adjust(&self, step: &Step<'_>, notes: &Notes) -> Result<(), VaultError> {
        let fd = self.open_at(&step.rel, OFlags::PATH)?;
        let physical = self.physical(&step.rel);
        let failed = |error| self.failed("set the metadata of", &step.rel, error);
        let found = rustix::fs::fstat(&fd).map_err(|error| failed(error.into()))?;
        self.object(fd.as_fd(), &step.node, &physical, notes)
            .adjust(&found)
            .map_err(failed)
    }

    /// Makes a symbolic link, pipe or device; whether it could be made.
    pub(super) fn make_special(&self, step: &Step<'_>, notes: &Notes) -> Result<bool, VaultError> {
        let (parent, name) = self.parent(&step.rel)?;
        let temporary = temporary(name);
        let failed = |error: Errno| self.failed("make", &step.rel, error);
        remove_if_there(&parent, &temporary).map_err(failed)?;
        let mode = Mode::from_raw_mode(permissions_from_format(step.node.meta.mode.unwrap_or(0o600)) & 0o777);
        let made = match &step.node.node_type {
            link @ NodeType::Symlink { .. } => rustix::fs::symlinkat(link.to_link(), &parent, &temporary),
            NodeType::Fifo => rustix::fs::mknodat(&parent, &temporary, FileType::Fifo, mode, 0),
            NodeType::Dev { device } => rustix::fs::mknodat(&parent, &temporary, FileType::BlockDevice, mode, *device),
            NodeType::Chardev { device } => {
                rustix::fs::mknodat(&parent, &temporary, FileType::CharacterDevice, mode, *device)
            }
            NodeType::Socket => {
                let detail = "a socket is not restored; the service makes it anew";
                notes.add(Note::new(NoteKind::NotRestored, &self.physical(&step.rel), detail));
                return Ok(false);
            }
            NodeType::File | NodeType::Dir => return Ok(false),
        };
        match made {
            Ok(()) => {}
            Err(Errno::PERM) if matches!(step.node.node_type, NodeType::Dev { .. } | NodeType::Chardev { .. }) => {
                let detail = "a device needs more rights than this restore has";
                notes.add(Note::new(NoteKind::NotRestored, &self.physical(&step.rel), detail));
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&parent, &temporary, flags, Mode::empty()).map_err(failed)?;
        self.dress(fd.as_fd(), step, notes)?;
        self.reveal(&parent, &temporary, name).map_err(failed)?;
        Ok(true)
    }

    /// Makes another name of a restored file; whether it was missing.
    pub(super) fn make_link(&self, step: &Step<'_>, first: &Path) -> Result<bool, VaultError> {
        let failed = |error: Errno| self.failed("link", &step.rel, error);
        let one = self.look(first)?.ok_or_else(|| failed(Errno::NOENT))?;
        if let Some(other) = self.look(&step.rel)?
            && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
        {
            return Ok(false);
        }
        let (from, from_name) = self.parent(first)?;
        let (parent, name) = self.parent(&step.rel)?;
        let temporary = temporary(name);
        remove_if_there(&parent, &temporary).map_err(failed)?;
        rustix::fs::linkat(&from, from_name, &parent, &temporary, AtFlags::empty()).map_err(failed)?;
        self.reveal(&parent, &temporary, name).map_err(failed)?;
        Ok(true)
    }

    /// Gives a finished object its name, in place of what has it.
    pub(super) fn reveal(&self, parent: &OwnedFd, temporary: &OsStr, name: &OsStr) -> Result<(), Errno> {
        crash::point(crash::Kind::Byte);
        match rustix::fs::renameat_with(parent, temporary, parent, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                crash::point(crash::Kind::Byte);
                return Ok(());
            }
            // Something has the name, or the file system knows only the plain way.
            Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => {}
            Err(error) => return Err(error),
        }
        rustix::fs::renameat(parent, temporary, parent, name)?;
        crash::point(crash::Kind::Byte);
        // Between two names of one file the rename does nothing and leaves both.
        remove_if_there(parent, temporary)
    }

    /// Everything written reaches the disk before the restore counts as done.
    pub(super) fn sync(&self) -> Result<(), VaultError> {
        let fd = self.open_at(Path::new(""), OFlags::RDONLY | OFlags::DIRECTORY)?;
        rustix::fs::syncfs(&fd).map_err(|error| self.failed("write", Path::new(""), error))
    }
}

pub(super) fn remove_if_there(parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // A directory of ours that was not given its name; it is empty.
        Err(Errno::ISDIR) => rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR),
        Err(error) => Err(error),
    }
}

/// The name under which an entry is made. The same entry always has the same, so that a second run takes up after a killed one
/// without leaving anything behind.
pub(in super::super) fn temporary(name: &OsStr) -> OsString {
    // FNV-1a over the name: short, and equal on every machine.
    let hash = name.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    OsString::from(format!(".dram-restore-{hash:016x}"))
}
