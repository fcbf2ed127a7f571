//! A device or disk image that is open.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use dram_storage::crash;
use rustix::fs::{Advice, FallocateFlags};

use super::super::archive::{Extents, Feed};

/// So much is read at a time.
const STEP: u64 = 1024 * 1024;
/// Reading past the kernel's cache begins, ends and lands at multiples of this.
const ALIGNED: u64 = 4096;

/// A device or disk image.
pub(super) struct Raw {
    /// To read with. A device is read past the kernel's cache: for one that is mounted that holds what was there when it was
    /// read last, because a file system writes its files' data through a cache of their own.
    file: File,
    /// To write with, where that is meant.
    out: Option<File>,
    is_block: bool,
    length: u64,
    mtime: (i64, i64),
}

impl Raw {
    /// Opens it to read. Links are followed.
    ///
    /// # Errors
    /// `InvalidInput` for what is neither a block device nor a regular file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Looked at before it is opened: opening some devices has effects.
        let is_block = is_block(&std::fs::metadata(path)?)?;
        let direct = if is_block { libc::O_DIRECT } else { 0 };
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | direct)
            .open(path)?;
        let meta = file.metadata()?;
        if self::is_block(&meta)? != is_block {
            return Err(io::Error::other("it was replaced while it was opened"));
        }
        let length = match is_block {
            true => file.seek(SeekFrom::End(0))?,
            false => meta.len(),
        };
        Ok(Self {
            file,
            out: None,
            is_block,
            length,
            mtime: (meta.mtime(), meta.mtime_nsec()),
        })
    }

    /// Opens it to write over it, which nobody else may do meanwhile, as far as the kernel knows.
    ///
    /// # Errors
    /// `ResourceBusy` when it is mounted or otherwise in use; as [`Self::open`].
    pub(super) fn open_to_write(path: &Path) -> io::Result<Self> {
        let mut raw = Self::open(path)?;
        let exclusive = if raw.is_block { libc::O_EXCL } else { 0 };
        let out = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(exclusive | libc::O_NONBLOCK)
            .open(path)?;
        let of = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino(), meta.rdev()));
        if of(&out)? != of(&raw.file)? {
            return Err(io::Error::other("it was replaced while it was opened"));
        }
        if raw.is_block {
            // What the cache holds of a file system that is unmounted by now may be old.
            rustix::fs::fadvise(&out, 0, None, Advice::DontNeed)?;
        }
        raw.out = Some(out);
        Ok(raw)
    }

    pub(super) const fn is_block(&self) -> bool {
        self.is_block
    }

    /// Its length when it was opened, in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether a disk image changed since it was opened.
    pub(super) fn was_written_to(&self) -> bool {
        let now = self.file.metadata().map(|meta| (meta.mtime(), meta.mtime_nsec()));
        !self.is_block && now.is_ok_and(|now| now != self.mtime)
    }

    pub(super) fn set_length(&self, length: u64) -> io::Result<()> {
        self.out.as_ref().map_or(Ok(()), |out| out.set_len(length))
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.out.as_ref().map_or(Ok(()), File::sync_all)
    }

    /// Its content, to be stored.
    pub(super) fn feed<'a>(&'a self, stop: &'a (dyn Fn() -> bool + Sync)) -> Box<dyn Feed + Send + 'a> {
        match self.is_block {
            true => Box::new(Past {
                raw: self,
                at: 0,
                desk: Desk::default(),
                stop,
            }),
            false => Box::new(Extents::new(&self.file, self.length, stop)),
        }
    }

    /// Whether nothing was ever written there: a hole of a file.
    pub(super) fn is_hole(&self, at: u64, length: u64) -> bool {
        if self.is_block {
            return false;
        }
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(at)) {
            Ok(data) => data >= at.saturating_add(length),
            Err(error) => error == rustix::io::Errno::NXIO,
        }
    }

    /// The bytes that are there; zeros behind the end of a file.
    pub(super) fn read<'d>(&self, desk: &'d mut Desk, at: u64, length: usize) -> io::Result<&'d [u8]> {
        let end = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let (from, to) = match self.is_block {
            true => (at - at % ALIGNED, end.next_multiple_of(ALIGNED)),
            false => (at, end),
        };
        let wanted = usize::try_from(to - from).unwrap_or(usize::MAX);
        let buffer = desk.room(wanted);
        let mut done = 0;
        while done < wanted {
            let rest = buffer.get_mut(done..).unwrap_or_default();
            let next = from.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match self.file.read_at(rest, next) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A read that would begin behind the last whole block of a device has nothing more to give.
                Err(error) if error.kind() == ErrorKind::InvalidInput && next >= self.length => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(missing) = buffer.get_mut(done..) {
            missing.fill(0);
        }
        let skipped = usize::try_from(at - from).unwrap_or(usize::MAX);
        Ok(buffer.get(skipped..skipped.saturating_add(length)).unwrap_or_default())
    }

    /// Writes.
    pub(super) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        out.write_all_at(bytes, at)?;
        crash::point(crash::Kind::Byte);
        Ok(())
    }

    /// Makes zeros of what is there: a hole in a file, as far as its file system knows holes.
    pub(super) fn clear(&self, zeros: &[u8], at: u64) -> io::Result<()> {
        let length = u64::try_from(zeros.len()).unwrap_or(u64::MAX);
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if let (Some(out), false) = (&self.out, self.is_block)
            && rustix::fs::fallocate(out, flags, at, length).is_ok()
        {
            crash::point(crash::Kind::Byte);
            return Ok(());
        }
        self.write(zeros, at)
    }
}

fn is_block(meta: &std::fs::Metadata) -> io::Result<bool> {
    match meta.file_type() {
        kind if kind.is_block_device() => Ok(true),
        kind if kind.is_file() => Ok(false),
        _ => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is neither a block device nor a disk image",
        )),
    }
}

/// What one thread reads into.
#[derive(Default)]
pub(super) struct Desk {
    buffer: Vec<u8>,
}

impl Desk {
    /// Room for so many bytes, at a place in memory that reading past the cache asks for.
    fn room(&mut self, length: usize) -> &mut [u8] {
        let aligned = usize::try_from(ALIGNED).unwrap_or(1);
        let needed = length.saturating_add(aligned);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        let skipped = self.buffer.as_ptr().align_offset(aligned);
        self.buffer
            .get_mut(skipped..skipped.saturating_add(length))
            .unwrap_or_default()
    }
}

/// A device that is read past the cache.
struct Past<'a> {
    raw: &'a Raw,
    at: u64,
    desk: Desk,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Feed for Past<'_> {
    fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if (self.stop)() {
            return Err(ErrorKind::Interrupted.into());
        }
        let length = usize::try_from(STEP.min(self.raw.length - self.at)).unwrap_or(usize::MAX);
        let at = self.at;
        let bytes = self
            .raw
            .read(&mut self.desk, at, length)
            .map_err(|error| io::Error::new(error.kind(), format!("at byte {at}: {error}")))?;
        buffer.extend_from_slice(bytes);
        crash::point(crash::Kind::Byte);
        self.at += u64::try_from(length).unwrap_or(0);
        Ok(length)
    }
}
