//! Images: a block device or a disk image, byte by byte, as one file of a snapshot.
//!
//! Capturing reads everything each time; what the vault has is not stored again, and the same content makes the same tree.
//! Holes of a file are not read, and zeros of whatever origin cost no room. Restoring compares what is there with the image and
//! writes only what differs, so it is *begin or continue* by itself; a place that does not exist yet becomes a sparse file,
//! which gets its name when it is whole. Both hold a few megabytes, beside the list of the image's parts.

mod copy;
mod raw;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use dram_storage::crash;
use rustic_core::DataId;
use rustic_core::repofile::{Metadata, Node, NodeType};

use super::archive::{self, Feed};
use super::blob::Blobs;
use super::capture::{Captured, Draft, Origin, commit, item_tags};
use super::error::{SourceFault, VaultError, contained};
use super::list::one_file;
use super::progress::{Basis, Cancel, Progress};
use super::repository::{Repository, blank};
use super::restore::temporary;
use super::source::{Faults, Note, NoteKind, mode_to_format, paths_of, stream_path};
use copy::Copying;
use raw::Raw;

/// The name of the one file that an image's snapshot holds.
pub(crate) const IMAGE_FILE: &str = "image";

/// What to capture as one item of an image.
#[derive(Debug)]
pub struct CaptureImage<'a> {
    /// The point that it belongs to.
    pub point: &'a str,
    /// The item's name, equal in every point.
    pub item: &'a str,
    /// The path by which the application knows it, for messages.
    pub logical: &'a Path,
    /// Where it is: a block device or a regular file, or a link to one.
    pub source: &'a Path,
    /// Who and when.
    pub origin: Origin,
}

/// Where an image is restored.
#[derive(Debug)]
pub struct RestoreImage<'a> {
    /// The id of the item's tree.
    pub tree: &'a str,
    /// A block device, a disk image, or a link to one; where nothing is, a file is made, but for places that hold devices.
    pub target: &'a Path,
    /// Whether what is there and differs is written over.
    pub overwrite: bool,
}

/// What restoring an image did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imaged {
    /// The image's length, in bytes.
    pub bytes: u64,
    /// Bytes that differ: they were written, or would be.
    pub written: u64,
    /// Whether nothing was there.
    pub is_new: bool,
    /// What has to be said about it.
    pub notes: Vec<Note>,
}

/// What lies where an image goes.
enum Place {
    /// Nothing: a file is made.
    Nothing,
    /// Something that is long enough, or can be made so.
    There(Raw),
}

/// The content of an image: blobs with their lengths, and its own length in bytes.
struct Content {
    parts: Vec<(DataId, u32)>,
    length: u64,
}

impl Repository {
    /// Captures a device or disk image as one snapshot, begin or continue: what an earlier try stored is not stored again.
    ///
    /// # Errors
    /// If it cannot be opened or read to its end, if the store fails, or if canceled; there is no snapshot then.
    pub fn capture_image(
        &self,
        what: &CaptureImage<'_>,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Captured, VaultError> {
        let tags = item_tags(what.point, what.item)?;
        let session = self.watched(cancel, progress)?;
        let faults = Faults::new(Some(Arc::clone(&session.guard)));
        let raw = Raw::open(what.source).map_err(|error| {
            faults.fault(what.logical, format!("it cannot be opened: {error}"));
            error
        });
        faults.verdict(what.item)?;
        let Ok(raw) = raw else { return Err(VaultError::Canceled) };
        progress.total(raw.length(), Basis::Counted);
        let path = stream_path(IMAGE_FILE);
        let stop = || cancel.is_canceled();
        let mut feed = Watched {
            inner: raw.feed(&stop),
            path: what.logical,
            faults: &faults,
        };
        let archived = contained("store an image", || {
            archive::content(self, &session, node(&path), &mut feed, progress)
        });
        if cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        faults.verdict(what.item)?;
        let archived = archived??;
        if session.guard.is_spoiled() {
            let error = session.guard.take_error();
            return Err(error.map_or(VaultError::Canceled, VaultError::from));
        }
        let stored = archived.summary.total_bytes_processed;
        if stored != raw.length() {
            let length = raw.length();
            let reason = format!("it became shorter while it was read: {stored} of {length} bytes were there");
            faults.fault(what.logical, reason);
        }
        faults.verdict(what.item)?;
        if raw.was_written_to() {
            let detail = "it was written to while it was read";
            faults.notes.add(Note::new(NoteKind::Changed, what.logical, detail));
        }
        let mut snapshot = blank("capture an image", &what.origin.host, what.origin.time, &tags)?;
        snapshot.paths = paths_of(&[path]);
        archived.fill(&mut snapshot);
        let notes = faults.notes.take();
        commit(
            &session,
            Draft {
                snapshot,
                bytes: stored,
                files: 1,
                notes,
            },
        )
    }

    /// Looks whether an image can be restored, and writes nothing. What is there and must not be written over is read.
    ///
    /// # Errors
    /// If the place cannot take it, or holds something else that must stay; if the image's list of parts cannot be read.
    pub fn preflight_image(&self, what: &RestoreImage<'_>, cancel: &Cancel) -> Result<(), VaultError> {
        let blobs = self.blobs(cancel)?;
        let content = Content::of(&blobs, what.tree)?;
        match place(what, content.length)? {
            Place::There(raw) if !what.overwrite => require_same(&blobs, &content, &raw, what, cancel),
            Place::There(_) | Place::Nothing => Ok(()),
        }
    }

    /// Tells what [`Self::restore_image`] would do, as if what differs may be written over. Nothing is written.
    ///
    /// # Errors
    /// If the place cannot take it or cannot be read; if the image cannot be read; if canceled.
    pub fn preview_image(&self, what: &RestoreImage<'_>, cancel: &Cancel) -> Result<Imaged, VaultError> {
        let blobs = self.blobs(cancel)?;
        let content = Content::of(&blobs, what.tree)?;
        let (bytes, is_new, written) = match place(what, content.length)? {
            Place::Nothing => (content.length, true, content.length),
            Place::There(raw) => {
                let copying = Copying::looking(&blobs, &raw, what.target, cancel);
                (content.length, false, copying.run(&content.parts)?)
            }
        };
        Ok(Imaged {
            bytes,
            written,
            is_new,
            notes: Vec::new(),
        })
    }

    /// Restores an image, begin or continue. Everything that was written is on the disk when it returns.
    ///
    /// # Errors
    /// If the place cannot take it or is in use, or holds something else that must stay; nothing is written then. If stored data
    /// are damaged, if the place cannot be written, or if canceled: doing it again goes on.
    pub fn restore_image(
        &self,
        what: &RestoreImage<'_>,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Imaged, VaultError> {
        let blobs = self.blobs(cancel)?;
        let content = Content::of(&blobs, what.tree)?;
        progress.total(content.length, Basis::Counted);
        let raw = match place(what, content.length)? {
            Place::Nothing => return made(&blobs, &content, what, progress, cancel),
            Place::There(raw) => raw,
        };
        let mut imaged = Imaged {
            bytes: content.length,
            written: 0,
            is_new: false,
            notes: Vec::new(),
        };
        if !what.overwrite {
            require_same(&blobs, &content, &raw, what, cancel)?;
            return Ok(imaged);
        }
        let failed = |source| failed("write", what.target, source);
        let raw = Raw::open_to_write(what.target).map_err(|source| match source.kind() {
            ErrorKind::ResourceBusy => no_place(
                what.target,
                "it is in use".to_owned(),
                "stop what uses it: unmount it, or stop the service that has it open",
            ),
            _ => failed(source),
        })?;
        if raw.is_block() && raw.length() > content.length {
            let more = raw.length() - content.length;
            let detail = format!("it is {more} bytes longer than the image: what lies behind stays as it is");
            imaged.notes.push(Note::new(NoteKind::More, what.target, detail));
        }
        if !raw.is_block() && raw.length() != content.length {
            raw.set_length(content.length).map_err(failed)?;
        }
        let copying = Copying::writing(&blobs, &raw, what.target, progress, cancel);
        imaged.written = copying.run(&content.parts)?;
        raw.flush().map_err(failed)?;
        Ok(imaged)
    }
}

/// The image as a new, sparse file: under another name until it is whole.
fn made(
    blobs: &Blobs,
    content: &Content,
    what: &RestoreImage<'_>,
    progress: &Arc<dyn Progress>,
    cancel: &Cancel,
) -> Result<Imaged, VaultError> {
    let failed = |source| failed("write", what.target, source);
    let folder = what.target.parent().unwrap_or(Path::new("/"));
    let part = folder.join(temporary(what.target.file_name().unwrap_or_default()));
    fs::create_dir_all(folder).map_err(failed)?;
    drop(unfinished(&part).map_err(failed)?);
    let raw = Raw::open_to_write(&part).map_err(failed)?;
    raw.set_length(content.length).map_err(failed)?;
    let written = Copying::writing(blobs, &raw, &part, progress, cancel).run(&content.parts)?;
    raw.flush().map_err(failed)?;
    crash::point(crash::Kind::Byte);
    fs::hard_link(&part, what.target)
        .and_then(|()| fs::remove_file(&part))
        .or_else(|error| match error.kind() {
            // It came to be there meanwhile.
            ErrorKind::AlreadyExists => Err(error),
            // The file system knows no further names.
            _ => fs::rename(&part, what.target),
        })
        .map_err(failed)?;
    crash::point(crash::Kind::Byte);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(Imaged {
        bytes: content.length,
        written,
        is_new: true,
        notes: Vec::new(),
    })
}

/// The file of an interrupted attempt, else a new one, for its owner alone. No link is followed.
fn unfinished(path: &Path) -> io::Result<File> {
    let open = |new| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(new)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
    };
    match open(false) {
        Ok(file) if file.metadata()?.is_file() => return Ok(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return open(true),
        _ => fs::remove_file(path)?,
    }
    open(true)
}

/// What lies where an image of this length goes.
fn place(what: &RestoreImage<'_>, length: u64) -> Result<Place, VaultError> {
    let target = what.target;
    match Raw::open(target) {
        Ok(raw) if raw.is_block() && raw.length() < length => Err(no_place(
            target,
            format!("it has {} bytes, and the image has {length}", raw.length()),
            "enlarge it, or write the image elsewhere with `--into DIR`",
        )),
        Ok(raw) => Ok(Place::There(raw)),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(target) {
            Ok(_) => Err(no_place(
                target,
                "it is a link that leads to nothing".to_owned(),
                "make what it leads to, of at least the image's length, or remove it",
            )),
            Err(_) if is_below_devices(target) => Err(no_place(
                target,
                "there is no such device".to_owned(),
                &format!("make it, with at least {length} bytes, or write the image elsewhere with `--into DIR`"),
            )),
            Err(_) => Ok(Place::Nothing),
        },
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(no_place(
            target,
            error.to_string(),
            "move it away, or write the image elsewhere with `--into DIR`",
        )),
        Err(source) => Err(failed("open", target, source)),
    }
}

/// Whether a place that is not there would come to lie among the machine's devices, where a file would take up memory.
fn is_below_devices(path: &Path) -> bool {
    let there = path.ancestors().skip(1).find_map(|above| fs::canonicalize(above).ok());
    there.is_some_and(|above| above.starts_with("/dev"))
}

fn require_same(
    blobs: &Blobs,
    content: &Content,
    raw: &Raw,
    what: &RestoreImage<'_>,
    cancel: &Cancel,
) -> Result<(), VaultError> {
    let is_longer = !raw.is_block() && raw.length() != content.length;
    if !is_longer && Copying::looking(blobs, raw, what.target, cancel).matches(&content.parts)? {
        return Ok(());
    }
    let reason = match raw.is_block() {
        true => "a device that does not hold the image to restore",
        false => "a file that is not the one to restore",
    };
    Err(VaultError::Conflicts {
        paths: vec![SourceFault {
            path: what.target.to_owned(),
            reason: reason.to_owned(),
        }],
        more: 0,
    })
}

impl Content {
    fn of(blobs: &Blobs, tree: &str) -> Result<Self, VaultError> {
        let node = one_file(blobs, tree)?;
        let path = stream_path(IMAGE_FILE);
        let ids = node.content.unwrap_or_default();
        let (mut parts, mut length) = (Vec::with_capacity(ids.len()), 0_u64);
        for id in ids {
            let spot = blobs.spot(&id).map_err(|fault| fault.of(Some(path.clone())))?;
            length = length.saturating_add(u64::from(spot.size()));
            parts.push((id, spot.size()));
        }
        Ok(Self { parts, length })
    }
}

/// The node of an image. It says nothing of when: the same content is the same tree.
fn node(path: &Path) -> Node {
    let time = Some(jiff::Timestamp::UNIX_EPOCH);
    let meta = Metadata {
        mode: Some(mode_to_format(0o100_600)),
        mtime: time,
        atime: time,
        ctime: time,
        uid: Some(0),
        gid: Some(0),
        links: 1,
        ..Metadata::default()
    };
    Node::new_node(path.file_name().unwrap_or_default(), NodeType::File, meta)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> VaultError {
    VaultError::Target {
        action,
        path: path.to_owned(),
        source,
    }
}

fn no_place(path: &Path, reason: String, help: &str) -> VaultError {
    VaultError::NoPlaceForImage {
        path: path.to_owned(),
        reason,
        help: help.to_owned(),
    }
}

/// Tells of a read that failed, and where.
struct Watched<'a> {
    inner: Box<dyn Feed + Send + 'a>,
    path: &'a Path,
    faults: &'a Faults,
}

impl Feed for Watched<'_> {
    fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.inner.more(buffer).inspect_err(|error| {
            if error.kind() != ErrorKind::Interrupted {
                self.faults.fault(self.path, format!("it cannot be read: {error}"));
            }
        })
    }

    fn zeros_ahead(&mut self) -> io::Result<u64> {
        self.inner.zeros_ahead()
    }

    fn skip(&mut self, zeros: u64) {
        self.inner.skip(zeros);
    }

    fn take_back(&mut self, bytes: usize) -> bool {
        self.inner.take_back(bytes)
    }
}
