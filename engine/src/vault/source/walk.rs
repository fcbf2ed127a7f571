//! Walks what an item consists of, in the order that the library needs: every directory before what it holds, names sorted
//! by their bytes. What is mounted below a path is kept as an empty directory, unless it was named.

use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::Gitignore;
use rustic_core::repofile::Node;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, StatxAttributes, StatxFlags};

use super::super::beneath::kind_of;
use super::faults::{Faults, Note, NoteKind};
use super::node::{At, Detail, describe, invented_directory};
use super::plan::{Place, Plan};

/// Directories deeper than this are opened again when the walk returns to them, so that depth does not use up handles.
const HELD_DEPTH: usize = 64;

/// How a directory is opened that is to be listed.
const LISTED: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// One thing that the walk came by.
pub(in super::super) struct Walked {
    pub(in super::super) path: PathBuf,
    pub(in super::super) node: Node,
    /// Where it lies; a directory that stands only for its name has none.
    pub(in super::super) place: Option<Place>,
}

struct Frame {
    logical: PathBuf,
    place: Place,
    fd: Option<OwnedFd>,
    names: std::vec::IntoIter<OsString>,
    excludes: Arc<Gitignore>,
}

/// The walk itself.
pub(in super::super) struct Walk {
    detail: Detail,
    plan: Arc<Plan>,
    faults: Arc<Faults>,
    next_path: usize,
    ancestors: HashSet<PathBuf>,
    ready: VecDeque<Walked>,
    stack: Vec<Frame>,
}

impl Walk {
    pub(in super::super) fn new(plan: Arc<Plan>, faults: Arc<Faults>) -> Self {
        Self::with(plan, faults, Detail::Full)
    }

    /// A walk for the sizes alone, with as little work as they take.
    pub(in super::super) fn sizes(plan: Arc<Plan>, faults: Arc<Faults>) -> Self {
        Self::with(plan, faults, Detail::Size)
    }

    fn with(plan: Arc<Plan>, faults: Arc<Faults>, detail: Detail) -> Self {
        Self {
            detail,
            plan,
            faults,
            next_path: 0,
            ancestors: HashSet::new(),
            ready: VecDeque::new(),
            stack: Vec::new(),
        }
    }

    /// Prepares the next path: the directories above it, then itself.
    fn begin(&mut self, index: usize) {
        let plan = Arc::clone(&self.plan);
        let (Some(path), Some(excludes)) = (plan.paths.get(index), plan.excludes.get(index)) else {
            return;
        };
        let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|p| p.file_name().is_some()).collect();
        above.reverse();
        for ancestor in above {
            if self.ancestors.insert(ancestor.to_owned()) {
                self.ancestor(ancestor);
            }
        }
        let physical = plan.physical(path);
        let place = match Place::of(&physical) {
            Ok(place) => place,
            Err(error) => return self.missing_or(path, &physical, &error),
        };
        if let Err(error) = place.open(OFlags::PATH) {
            return self.missing_or(path, &physical, &error);
        }
        self.enter(path.clone(), place, excludes, true);
    }

    fn missing_or(&self, path: &Path, physical: &Path, error: &io::Error) {
        let reason = if error.kind() == io::ErrorKind::NotFound {
            format!("it does not exist (looked at `{}`)", physical.display())
        } else {
            format!("it cannot be opened (`{}`): {error}", physical.display())
        };
        self.faults.fault(path, reason);
    }

    /// The directory above a path, for its metadata alone: whoever restores it elsewhere wants the same mode and owner.
    fn ancestor(&mut self, logical: &Path) {
        let Some(name) = logical.file_name() else { return };
        let physical = self.plan.physical(logical);
        let found = rustix::fs::open(
            &physical,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(io::Error::from)
        .and_then(|fd| {
            let stat = rustix::fs::fstat(&fd)?;
            describe(name, At::Opened(fd.as_fd()), &stat, &self.plan.names, self.detail)
        });
        let node = match found {
            Ok(described) => described.node,
            Err(error) if error.kind() == io::ErrorKind::NotFound => invented_directory(name),
            Err(error) => return self.faults.fault(logical, format!("it cannot be read: {error}")),
        };
        self.ready.push_back(Walked {
            path: logical.to_owned(),
            node,
            place: None,
        });
    }

    /// Takes in one entry. `top` is a path that the user named.
    fn enter(&mut self, logical: PathBuf, place: Place, excludes: &Arc<Gitignore>, top: bool) {
        if let Err(error) = self.try_enter(&logical, place, excludes, top) {
            if error.kind() == io::ErrorKind::NotFound && !top {
                self.faults.notes.add(Note::new(
                    NoteKind::Vanished,
                    &logical,
                    "it was removed while its directory was read",
                ));
            } else {
                self.faults.fault(&logical, format!("it cannot be read: {error}"));
            }
        }
    }

    fn try_enter(&mut self, logical: &Path, place: Place, excludes: &Arc<Gitignore>, top: bool) -> io::Result<()> {
        let parent = self
            .stack
            .last()
            .filter(|frame| Arc::ptr_eq(&frame.place.root, &place.root));
        // The directory is open: one step is enough, and only a directory has to be opened for it.
        let directory = parent.and_then(|frame| frame.fd.as_ref()).filter(|_| !top);
        let entry = place.rel.file_name().unwrap_or_default().to_owned();
        let handle = match directory {
            Some(_) => None,
            None => Some(place.open(OFlags::PATH)?),
        };
        let (at, stat) = match (&handle, directory) {
            (Some(handle), _) => (At::Opened(handle.as_fd()), rustix::fs::fstat(handle)?),
            (None, Some(directory)) => (
                At::Named(directory.as_fd(), &entry),
                rustix::fs::statat(directory, &entry, AtFlags::SYMLINK_NOFOLLOW)?,
            ),
            (None, None) => return Ok(()),
        };
        let kind = kind_of(stat.st_mode);
        let is_dir = kind == FileType::Directory;
        if !top && excludes.matched(logical, is_dir).is_ignore() {
            return Ok(());
        }
        if self.plan.is_skipped(&stat, &place) {
            if top {
                self.faults
                    .fault(logical, "it is never captured: it holds a vault or a catalog");
            } else {
                self.faults.notes.add(Note::new(
                    NoteKind::Skipped,
                    logical,
                    "it is never captured: it holds a vault or a catalog",
                ));
            }
            return Ok(());
        }
        match kind {
            FileType::Symlink if top => {
                self.faults.fault(
                    logical,
                    "it is a symbolic link, which is kept and not followed: name what it points to",
                );
                return Ok(());
            }
            FileType::Socket => {
                let detail = "a socket has no content; the service makes it anew";
                self.faults.notes.add(Note::new(NoteKind::Socket, logical, detail));
                return Ok(());
            }
            _ => {}
        }
        let name = logical.file_name().unwrap_or_default();
        let (described, opened) = if is_dir {
            let opened = match at {
                At::Opened(handle) => rustix::fs::openat(handle, ".", LISTED, rustix::fs::Mode::empty())?,
                At::Named(directory, name) => rustix::fs::openat(directory, name, LISTED, rustix::fs::Mode::empty())?,
            };
            // What was opened counts, if it is no longer what was looked at.
            let stat = rustix::fs::fstat(&opened)?;
            let at = At::Opened(opened.as_fd());
            let described = describe(name, at, &stat, &self.plan.names, self.detail)?;
            (described, Some(opened))
        } else {
            (describe(name, at, &stat, &self.plan.names, self.detail)?, None)
        };
        for lost in described.lost {
            self.faults.notes.add(Note::new(NoteKind::Metadata, logical, lost));
        }
        let frame = match opened {
            Some(opened) if is_foreign(&opened) && !self.plan.leads_to_named(logical) => {
                let detail = "something is mounted here, which is not captured: name it as a path of its own";
                self.faults.notes.add(Note::new(NoteKind::Skipped, logical, detail));
                None
            }
            Some(opened) => Some(self.list(logical, &place, opened, excludes)?),
            None => None,
        };
        if logical.file_name().is_some() {
            self.ready.push_back(Walked {
                path: logical.to_owned(),
                node: described.node,
                place: Some(place),
            });
        } else {
            let detail = "the metadata of the root itself have no place in a snapshot";
            self.faults.notes.add(Note::new(NoteKind::Metadata, logical, detail));
        }
        if let Some(frame) = frame {
            self.stack.push(frame);
        }
        Ok(())
    }

    fn list(&self, logical: &Path, place: &Place, fd: OwnedFd, excludes: &Arc<Gitignore>) -> io::Result<Frame> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        // A mapping may put something here that has no name on this disk.
        for (from, _) in &self.plan.mapped {
            if from.parent() == Some(logical)
                && let Some(name) = from.file_name()
                && !names.iter().any(|known| known == name)
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let held = self.stack.len() < HELD_DEPTH;
        Ok(Frame {
            logical: logical.to_owned(),
            place: place.clone(),
            fd: held.then_some(fd),
            names: names.into_iter(),
            excludes: Arc::clone(excludes),
        })
    }
}

/// Whether an open directory is where something is mounted. A kernel that cannot tell says no.
fn is_foreign(directory: &OwnedFd) -> bool {
    let told = rustix::fs::statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::empty());
    told.is_ok_and(|told| told.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

impl Iterator for Walk {
    type Item = Walked;

    fn next(&mut self) -> Option<Walked> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            if self.faults.is_canceled() {
                return None;
            }
            let Some(frame) = self.stack.last_mut() else {
                if self.next_path >= self.plan.paths.len() {
                    return None;
                }
                let index = self.next_path;
                self.next_path += 1;
                self.begin(index);
                continue;
            };
            let Some(name) = frame.names.next() else {
                self.stack.pop();
                continue;
            };
            let logical = frame.logical.join(&name);
            let excludes = Arc::clone(&frame.excludes);
            let mapped = self.plan.mapped.iter().find(|(from, _)| *from == logical);
            let place = match mapped {
                None => Ok(frame.place.child(&name)),
                Some((_, to)) => Place::of(to),
            };
            match place {
                Ok(place) => self.enter(logical, place, &excludes, false),
                Err(error) => self.faults.fault(&logical, format!("it cannot be opened: {error}")),
            }
        }
    }
}
