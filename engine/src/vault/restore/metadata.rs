//! Sets owner, mode, attributes and times of what was restored.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustix::fs::{AtFlags, Gid, Mode, Stat, Timespec, Timestamps, Uid};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::beneath::{attributes, proc_path, unsupported};
use super::super::source::{Note, NoteKind, Notes, permissions_from_format};

/// Labels of the security module belong to the machine's policy, not to the file.
const MACHINE_LABEL: &str = "security.selinux";

const SET_ID: u32 = 0o6000;

/// A part of an entry's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Aspect {
    /// Whom it belongs to: user or group.
    Owner,
    /// The twelve bits of its permissions.
    Mode,
    /// Its extended attributes, access lists among them.
    Attributes,
    /// When it was modified.
    Times,
    /// Of which other names it is the same file.
    Names,
}

/// The modification time of a file on disk.
pub(super) fn timestamp_of(stat: &Stat) -> Option<Timestamp> {
    let nanoseconds: i32 = stat.st_mtime_nsec.try_into().ok()?;
    Timestamp::new(stat.st_mtime, nanoseconds).ok()
}

/// What is set on an opened object (`O_PATH` is enough). `physical` is for messages.
pub(super) struct Object<'a> {
    pub(super) fd: BorrowedFd<'a>,
    pub(super) node: &'a Node,
    pub(super) physical: &'a Path,
    pub(super) is_root: bool,
    pub(super) notes: &'a Notes,
}

impl Object<'_> {
    fn meta(&self) -> &Metadata {
        &self.node.meta
    }

    fn note(&self, detail: String) {
        self.notes.add(Note::new(NoteKind::Metadata, self.physical, detail));
    }

    /// Owner first, for it clears the special bits; then mode; then attributes, of which the lists of access rights must come
    /// after the mode; then times.
    pub(super) fn set(&self) -> io::Result<()> {
        let owned = self.set_owner()?;
        self.set_mode(owned)?;
        self.set_attributes()?;
        self.set_times()
    }

    /// As [`Self::set`] for a regular file that is open, not only found: with fewer questions to the kernel.
    pub(super) fn set_file(&self) -> io::Result<()> {
        let owned = self.set_owner()?;
        self.set_mode_by(owned, |mode| Ok(rustix::fs::fchmod(self.fd, mode)?))?;
        let none = match rustix::fs::flistxattr(self.fd, &mut [0_u8; 0]) {
            Ok(length) => length == 0,
            Err(rustix::io::Errno::NOTSUP) => true,
            Err(_) => false,
        };
        if !none || !self.meta().extended_attributes.is_empty() {
            self.set_attributes()?;
        }
        match self.times() {
            Some(times) => Ok(rustix::fs::futimens(self.fd, &times)?),
            None => Ok(()),
        }
    }

    /// What of the metadata differs from `found`, sorted.
    pub(super) fn aspects(&self, found: &Stat) -> io::Result<Vec<Aspect>> {
        let mut differ = Vec::new();
        let owner = self.meta().uid.is_some_and(|uid| uid != found.st_uid)
            || self.meta().gid.is_some_and(|gid| gid != found.st_gid);
        if owner {
            differ.push(Aspect::Owner);
        }
        let is_link = matches!(self.node.node_type, NodeType::Symlink { .. });
        let mode = |mode: u32| permissions_from_format(mode) != found.st_mode & 0o7777;
        if !is_link && self.meta().mode.is_some_and(mode) {
            differ.push(Aspect::Mode);
        }
        let wanted = self.attributes_wanted();
        let there: BTreeMap<OsString, Vec<u8>> = attributes(self.fd)?
            .into_iter()
            .filter(|(name, _)| name != MACHINE_LABEL)
            .collect();
        let same = |(name, value): (&OsString, &&[u8])| there.get(name).is_some_and(|found| found == value);
        if there.len() != wanted.len() || !wanted.iter().all(same) {
            differ.push(Aspect::Attributes);
        }
        if self.meta().mtime.is_some() && timestamp_of(found) != self.meta().mtime {
            differ.push(Aspect::Times);
        }
        Ok(differ)
    }

    /// As [`Self::set`] for what differs from `found`; what does not is not touched.
    pub(super) fn adjust(&self, found: &Stat) -> io::Result<()> {
        let differ = self.aspects(found)?;
        let owner = differ.contains(&Aspect::Owner);
        let owned = !owner || self.set_owner()?;
        if owner || differ.contains(&Aspect::Mode) {
            self.set_mode(owned)?;
        }
        if owner || differ.contains(&Aspect::Attributes) {
            self.set_attributes()?;
        }
        if differ.contains(&Aspect::Times) {
            self.set_times()?;
        }
        Ok(())
    }

    /// Whether the owner is the recorded one now.
    fn set_owner(&self) -> io::Result<bool> {
        let stat = rustix::fs::fstat(self.fd)?;
        let uid = self.meta().uid.filter(|uid| *uid != stat.st_uid);
        let gid = self.meta().gid.filter(|gid| *gid != stat.st_gid);
        if uid.is_none() && gid.is_none() {
            return Ok(true);
        }
        let (user, group) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        match rustix::fs::chownat(self.fd, "", user, group, AtFlags::EMPTY_PATH) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::PERM) => {
                let who = if self.is_root {
                    "not permitted here"
                } else {
                    "the restore does not run as root"
                };
                self.note(format!(
                    "its owner {}:{} is not set: {who}",
                    self.meta().uid.unwrap_or(stat.st_uid),
                    self.meta().gid.unwrap_or(stat.st_gid)
                ));
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn set_mode(&self, owned: bool) -> io::Result<()> {
        self.set_mode_by(owned, |mode| Ok(rustix::fs::chmod(proc_path(self.fd), mode)?))
    }

    fn set_mode_by(&self, owned: bool, change: impl FnOnce(Mode) -> io::Result<()>) -> io::Result<()> {
        if matches!(self.node.node_type, NodeType::Symlink { .. }) {
            return Ok(());
        }
        let Some(mode) = self.meta().mode else { return Ok(()) };
        let mut mode = permissions_from_format(mode);
        if !owned && mode & SET_ID != 0 {
            // A program that runs as its owner must not run as somebody else.
            mode &= !SET_ID;
            self.note("it no longer runs as its owner, for that owner is not set".into());
        }
        change(Mode::from_raw_mode(mode))
    }

    fn attributes_wanted(&self) -> BTreeMap<OsString, &[u8]> {
        let all = self.meta().extended_attributes.iter();
        all.filter(|attribute| attribute.name != MACHINE_LABEL)
            .map(|a| (OsString::from(&a.name), a.value.as_deref().unwrap_or_default()))
            .collect()
    }

    fn set_attributes(&self) -> io::Result<()> {
        let wanted = self.attributes_wanted();
        let found: BTreeMap<OsString, Vec<u8>> = attributes(self.fd)?.into_iter().collect();
        let path = proc_path(self.fd);
        for (name, value) in &wanted {
            if found.get(name).map(Vec::as_slice) == Some(*value) {
                continue;
            }
            match xattr::set_deref(&path, name, value) {
                Ok(()) => {}
                Err(error) if unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
                    self.note(format!(
                        "its attribute `{}` is not set: {error}",
                        name.to_string_lossy()
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        // Among others what the directory's default access list gave to it.
        for name in found
            .keys()
            .filter(|name| !wanted.contains_key(*name) && *name != MACHINE_LABEL)
        {
            match xattr::remove_deref(&path, name) {
                Ok(()) => {}
                Err(error) if unsupported(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
                    self.note(format!(
                        "its attribute `{}` is not removed: {error}",
                        name.to_string_lossy()
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn set_times(&self) -> io::Result<()> {
        let Some(times) = self.times() else { return Ok(()) };
        // Following the handle's own path ends at the object itself, a link too.
        Ok(rustix::fs::utimensat(
            rustix::fs::CWD,
            proc_path(self.fd),
            &times,
            AtFlags::empty(),
        )?)
    }
}

impl Object<'_> {
    fn times(&self) -> Option<Timestamps> {
        let mtime = self.meta().mtime?;
        Some(Timestamps {
            last_access: timespec(self.meta().atime.unwrap_or(mtime)),
            last_modification: timespec(mtime),
        })
    }
}

fn timespec(time: Timestamp) -> Timespec {
    let (mut seconds, mut nanoseconds) = (time.as_second(), time.subsec_nanosecond());
    // Before 1970 both are negative here; the system counts nanoseconds forward.
    if nanoseconds < 0 {
        seconds -= 1;
        nanoseconds += 1_000_000_000;
    }
    Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    }
}
