//! Brings an image to where it belongs: what is there is compared first, and only what differs is written.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustic_core::DataId;

use super::super::blob::{Blobs, Stopped};
use super::super::error::VaultError;
use super::super::pack::id_of;
use super::super::parallel::each;
use super::super::progress::{Cancel, Progress, Silent};
use super::super::restore::{Holes, Part, parts};
use super::super::source::stream_path;
use super::raw::{Desk, Raw};
use super::{IMAGE_FILE, failed};

/// So many threads compare and write.
const WORKERS: usize = 4;
/// What differs is told apart in blocks of this size, in bytes, which count from the beginning.
const BLOCK: usize = 4096;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// An image on its way to a device or file.
pub(super) struct Copying<'a> {
    blobs: &'a Blobs,
    raw: &'a Raw,
    target: &'a Path,
    progress: Arc<dyn Progress>,
    cancel: &'a Cancel,
    holes: Holes,
    /// Bytes that differed.
    differing: AtomicU64,
    /// Ends at the first difference.
    asks: bool,
    differs: AtomicBool,
}

impl<'a> Copying<'a> {
    /// Nothing is written.
    pub(super) fn looking(blobs: &'a Blobs, raw: &'a Raw, target: &'a Path, cancel: &'a Cancel) -> Self {
        Self::writing(blobs, raw, target, &Silent::shared(), cancel)
    }

    /// Writes, if it was opened for that.
    pub(super) fn writing(
        blobs: &'a Blobs,
        raw: &'a Raw,
        target: &'a Path,
        progress: &Arc<dyn Progress>,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            blobs,
            raw,
            target,
            progress: Arc::clone(progress),
            cancel,
            holes: Holes::default(),
            differing: AtomicU64::new(0),
            asks: false,
            differs: AtomicBool::new(false),
        }
    }

    /// Whether nothing differs. Reads nothing of the vault.
    pub(super) fn matches(mut self, content: &[(DataId, u32)]) -> Result<bool, VaultError> {
        self.asks = true;
        self.run(content)?;
        Ok(!self.differs.load(Ordering::SeqCst))
    }

    /// Compares, and writes what differs; the answer are the bytes that did.
    pub(super) fn run(&self, content: &[(DataId, u32)]) -> Result<u64, VaultError> {
        let pack_of = |id: &DataId| self.blobs.spot(id).ok().map(|spot| spot.pack);
        let all = parts(content, &pack_of);
        each(
            &all,
            WORKERS,
            &|| Ok::<Desk, VaultError>(Desk::default()),
            |desk, part| self.part(desk, content, part),
        )?;
        Ok(self.differing.load(Ordering::SeqCst))
    }

    fn part(&self, desk: &mut Desk, content: &[(DataId, u32)], part: &Part) -> Result<(), VaultError> {
        if self.cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        if self.asks && self.differs.load(Ordering::SeqCst) {
            return Ok(());
        }
        let reading = |error| failed("read", self.target, error);
        let mut at = part.offset;
        let mut differing: Vec<(DataId, u64)> = Vec::new();
        for (id, size) in content.get(part.blobs.clone()).unwrap_or_default() {
            let (here, length) = (at, u64::from(*size));
            at = at.saturating_add(length);
            let is_hole = self.holes.is_hole(self.blobs, *id, *size);
            let is_same = (is_hole && self.raw.is_hole(here, length)) || {
                let there = self.raw.read(desk, here, wide(*size)).map_err(reading)?;
                match is_hole {
                    true => is_zeros(there),
                    // A blob is named by the hash of its bytes.
                    false => id_of(there) == **id,
                }
            };
            match is_same {
                true => self.progress.advance(length),
                false if is_hole => self.put(desk, here, &vec![0; wide(*size)])?,
                false => differing.push((*id, here)),
            }
        }
        if self.asks {
            self.differs.fetch_or(!differing.is_empty(), Ordering::SeqCst);
            return Ok(());
        }
        self.fetch(desk, &differing)
    }

    /// Reads what differs from the vault, each blob once, and brings it to its places.
    fn fetch(&self, desk: &mut Desk, differing: &[(DataId, u64)]) -> Result<(), VaultError> {
        let ids: Vec<DataId> = differing.iter().map(|(id, _)| *id).collect();
        let read = self.blobs.each(&ids, |id, bytes| {
            let mut places = differing.iter().filter(|(of, _)| *of == id);
            places.try_for_each(|(_, at)| self.put(desk, *at, bytes))
        });
        read.map_err(|stopped| match stopped {
            Stopped::Unread(_, fault) => fault.of(Some(stream_path(IMAGE_FILE))),
            Stopped::Visitor(error) => error,
        })
    }

    /// Writes the blocks that differ, those that follow each other in one go.
    fn put(&self, desk: &mut Desk, at: u64, new: &[u8]) -> Result<(), VaultError> {
        if self.asks {
            self.differs.store(true, Ordering::SeqCst);
            return Ok(());
        }
        let old = self
            .raw
            .read(desk, at, new.len())
            .map_err(|error| failed("read", self.target, error))?;
        let mut run = Run::default();
        let mut done = 0;
        while done < new.len() {
            let here = at.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
            let length = usize::try_from(block - here % block)
                .unwrap_or(BLOCK)
                .min(new.len() - done);
            let (is, was) = (new.get(done..done + length), old.get(done..done + length));
            let kind = match is {
                _ if is == was => Kind::Same,
                Some(is) if is_zeros(is) => Kind::Zeros,
                _ => Kind::Bytes,
            };
            if kind != run.kind {
                self.end(&run, at, new)?;
                run = Run {
                    kind,
                    from: done,
                    to: done,
                };
            }
            done += length;
            run.to = done;
        }
        self.end(&run, at, new)?;
        self.progress.advance(u64::try_from(new.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn end(&self, run: &Run, at: u64, new: &[u8]) -> Result<(), VaultError> {
        let bytes = new.get(run.from..run.to).unwrap_or_default();
        let here = at.saturating_add(u64::try_from(run.from).unwrap_or(u64::MAX));
        let written: io::Result<()> = match run.kind {
            Kind::Same => return Ok(()),
            Kind::Zeros => self.raw.clear(bytes, here),
            Kind::Bytes => self.raw.write(bytes, here),
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.differing.fetch_add(length, Ordering::SeqCst);
        written.map_err(|error| failed("write", self.target, error))
    }
}

/// How blocks stand to what is there.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Same,
    /// They differ, and are nothing but zeros.
    Zeros,
    /// They differ.
    Bytes,
}

/// Blocks of one kind that follow each other.
#[derive(Default)]
struct Run {
    kind: Kind,
    from: usize,
    to: usize,
}

fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(BLOCK).all(|block| ZEROS.get(..block.len()) == Some(block))
}

fn wide(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
