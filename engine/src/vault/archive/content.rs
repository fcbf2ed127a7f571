//! Reads content and cuts it. Holes are not read: a run of zeros is cut as soon as a blob may end, so what a hole holds is
//! known without looking.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use dram_storage::crash;
use rustix::buffer::spare_capacity;
use rustix::fs::SeekFrom;

use super::super::pack::Cutter;

/// So much is read at a time.
const STEP: usize = 512 * 1024;
/// So much of a hole is taken where it ends a blob that began with data.
const ZEROS: u64 = 64 * 1024;

/// Where content comes from.
pub(in super::super) trait Feed {
    /// Appends some bytes; none at the end. An error of the kind `Interrupted` means that nobody wants them any more.
    fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// So many bytes that follow are zeros, for all that is known without reading.
    fn zeros_ahead(&mut self) -> io::Result<u64> {
        Ok(0)
    }

    /// Passes over zeros that [`Self::zeros_ahead`] told of.
    fn skip(&mut self, _zeros: u64) {}

    /// Takes back bytes that were appended last, if they are zeros that need not be read again.
    fn take_back(&mut self, _bytes: usize) -> bool {
        false
    }
}

/// A part of content.
pub(super) enum Part {
    /// A blob.
    Bytes(Vec<u8>),
    /// So many blobs of nothing but zeros, each as short as a blob may be.
    Zeros(u64),
}

/// Cuts what a feed gives; `emit` says whether to go on.
///
/// # Errors
/// That of the feed.
pub(super) fn pour(feed: &mut dyn Feed, cutter: &Cutter, emit: &mut dyn FnMut(Part) -> bool) -> io::Result<()> {
    let min = u64::try_from(cutter.limits.min).unwrap_or(u64::MAX);
    let mut buffer: Vec<u8> = Vec::new();
    let mut tried = 0;
    loop {
        if buffer.is_empty() {
            let zeros = feed.zeros_ahead()? / min;
            if zeros > 0 {
                feed.skip(zeros * min);
                if !emit(Part::Zeros(zeros)) {
                    return Ok(());
                }
                continue;
            }
        }
        if let Some(length) = cutter.cut(&buffer, tried) {
            let mut rest = Vec::with_capacity(cutter.limits.min + 2 * STEP);
            rest.extend_from_slice(buffer.get(length..).unwrap_or_default());
            buffer.truncate(length);
            if !emit(Part::Bytes(std::mem::replace(&mut buffer, rest))) {
                return Ok(());
            }
            if feed.take_back(buffer.len()) {
                buffer.clear();
            }
            tried = 0;
            continue;
        }
        tried = buffer.len();
        if feed.more(&mut buffer)? == 0 {
            if !buffer.is_empty() {
                emit(Part::Bytes(buffer));
            }
            return Ok(());
        }
    }
}

/// A reader that knows of no holes.
pub(super) struct Stream<'a> {
    pub(super) reader: &'a mut (dyn Read + Send),
}

impl Feed for Stream<'_> {
    fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let length = buffer.len();
        buffer.resize(length + STEP, 0);
        let part = buffer.get_mut(length..).unwrap_or_default();
        let read = loop {
            match self.reader.read(part) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        buffer.truncate(length + read.as_ref().map_or(0, |count| *count));
        crash::point(crash::Kind::Byte);
        read
    }
}

/// A file up to the length that it was listed with.
pub(in super::super) struct Extents<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    /// A hole, as the file system told.
    hole: Range<u64>,
    /// Where the data that lie before `at` or around it end.
    data_end: u64,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Extents<'a> {
    pub(in super::super) fn new(file: &'a File, length: u64, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            file,
            at: 0,
            end: length,
            hole: 0..0,
            data_end: 0,
            stop,
        }
    }

    /// How far it was read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Asks the file system what lies here, where that is not known yet. One that does not know holes says that all is data.
    fn look(&mut self) -> io::Result<()> {
        if self.at < self.data_end || self.hole.contains(&self.at) || self.at >= self.end {
            return Ok(());
        }
        match rustix::fs::seek(self.file, SeekFrom::Data(self.at)) {
            Ok(data) if data <= self.at => {
                self.data_end = match rustix::fs::seek(self.file, SeekFrom::Hole(self.at)) {
                    Ok(hole) if hole > self.at => hole.min(self.end),
                    _ => self.end,
                };
            }
            Ok(data) => self.hole = self.at..data.min(self.end),
            // No data from here on, or the file is shorter by now.
            Err(rustix::io::Errno::NXIO) => {
                let length = u64::try_from(rustix::fs::fstat(self.file)?.st_size).unwrap_or(0);
                self.end = self.end.min(length.max(self.at));
                self.hole = self.at..self.end;
            }
            Err(_) => self.data_end = self.end,
        }
        Ok(())
    }
}

impl Feed for Extents<'_> {
    fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if (self.stop)() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.look()?;
        if self.at >= self.end {
            return Ok(0);
        }
        if self.hole.contains(&self.at) {
            let count = (self.hole.end - self.at).min(ZEROS);
            let length = usize::try_from(count).unwrap_or(0);
            buffer.resize(buffer.len() + length, 0);
            self.at += count;
            return Ok(length);
        }
        let there = usize::try_from(self.data_end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len();
        buffer.reserve(there.min(STEP));
        let wanted = there.min(buffer.capacity() - length);
        let read = loop {
            match rustix::io::pread(self.file, spare_capacity(buffer), self.at) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other?,
            }
        };
        // The buffer may have room for more than what is data, or was listed.
        let read = read.min(wanted);
        buffer.truncate(length + read);
        crash::point(crash::Kind::Byte);
        if read == 0 {
            self.end = self.at;
        }
        self.at += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }

    fn zeros_ahead(&mut self) -> io::Result<u64> {
        self.look()?;
        Ok(if self.hole.contains(&self.at) {
            self.hole.end - self.at
        } else {
            0
        })
    }

    fn skip(&mut self, zeros: u64) {
        self.at += zeros;
    }

    fn take_back(&mut self, bytes: usize) -> bool {
        let Some(from) = u64::try_from(bytes).ok().and_then(|bytes| self.at.checked_sub(bytes)) else {
            return false;
        };
        let inside = bytes > 0 && self.hole.start <= from && self.at <= self.hole.end;
        if inside {
            self.at = from;
        }
        inside
    }
}
