//! Writes blobs: gathers them in packs, packs in index files. Blobs come from several threads; what the repository has, or
//! another thread is about to write, is not written again.
//!
//! Order: packs, then the index files that name them, then (elsewhere) the snapshot. A process that dies in between leaves
//! packs that no index names, which a prune takes, or blobs that the next capture finds and does not write again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustic_core::repofile::{BlobType, ConfigFile};
use rustic_core::{FileType, Id, WriteBackend};
use serde::Serialize;

use super::super::error::VaultError;
use super::super::guard::Guard;
use super::super::repository::explain;
use super::cipher::Cipher;
use super::codec::{Codec, Sealed};
use super::id_of;
use super::index::{BlobKind, BlobRecord, Index, PackRecord};

/// Packs on their way at a time: a store answers late, and syncing a file takes a while.
const UPLOADS: usize = 3;
/// A pack does not hold more blobs than this.
const BLOBS_OF_PACK: usize = 10_000;
/// An index file is written when it names so many blobs,
const BLOBS_OF_INDEX: usize = 50_000;
/// or when the last one was written so long ago.
const INDEX_EVERY: Duration = Duration::from_secs(300);
/// No pack is larger, whatever the configuration says.
const LARGEST: u64 = 4076 << 20;

const ACTION: &str = "write packs";

/// What was added to the repository.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Added {
    pub(in super::super) data_blobs: u64,
    pub(in super::super) data_bytes: u64,
    pub(in super::super) data_packed: u64,
    pub(in super::super) tree_blobs: u64,
    pub(in super::super) tree_bytes: u64,
    pub(in super::super) tree_packed: u64,
}

#[derive(Default)]
struct Count {
    blobs: AtomicU64,
    bytes: AtomicU64,
    packed: AtomicU64,
}

/// A pack that is being filled.
#[derive(Default)]
struct Filling {
    bytes: Vec<u8>,
    blobs: Vec<BlobRecord>,
}

/// Takes blobs from several threads.
pub(in super::super) struct Writer {
    pub(in super::super) index: Arc<Index>,
    claimed: Mutex<HashSet<(BlobKind, Id)>>,
    data: (Mutex<Filling>, usize, Count),
    trees: (Mutex<Filling>, usize, Count),
    full: Sender<Filling>,
    failed: Arc<AtomicBool>,
}

/// What the uploading threads share.
struct Uploads<'a> {
    guard: &'a Guard,
    cipher: &'a Cipher,
    codec: Mutex<Codec>,
    records: Mutex<Records>,
    failed: Arc<AtomicBool>,
    failure: Mutex<Option<VaultError>>,
}

struct Records {
    /// Packs that no index file names yet.
    packs: Vec<PackRecord>,
    blobs: usize,
    since: Instant,
    written: Vec<(Id, Vec<PackRecord>)>,
}

/// Runs `fill` with a writer, then writes what is left and the index, and tells the index with it.
///
/// # Errors
/// That of `fill`, or the first of the store. What was written is named by the index all the same, if that can be written.
pub(in super::super) fn with_writer<T>(
    guard: &Guard,
    config: &ConfigFile,
    cipher: &Cipher,
    index: Arc<Index>,
    fill: impl FnOnce(&Writer) -> Result<T, VaultError>,
) -> Result<(T, Added, Arc<Index>), VaultError> {
    let failed = Arc::new(AtomicBool::new(false));
    let codec = Codec::new(cipher.clone(), config).map_err(|reason| broken(guard, reason))?;
    let uploads = Uploads {
        guard,
        cipher,
        codec: Mutex::new(codec),
        records: Mutex::new(Records {
            packs: Vec::new(),
            blobs: 0,
            since: Instant::now(),
            written: Vec::new(),
        }),
        failed: Arc::clone(&failed),
        failure: Mutex::new(None),
    };
    let (full, packs) = bounded(0);
    let (result, added) = std::thread::scope(|scope| {
        for _ in 0..UPLOADS {
            let (uploads, packs) = (&uploads, packs.clone());
            scope.spawn(move || uploads.run(&packs));
        }
        drop(packs);
        let target = |kind, blob_type| pack_size(config, blob_type, index.bytes(kind));
        let writer = Writer {
            claimed: Mutex::default(),
            data: (
                Mutex::default(),
                target(BlobKind::Data, BlobType::Data),
                Count::default(),
            ),
            trees: (
                Mutex::default(),
                target(BlobKind::Tree, BlobType::Tree),
                Count::default(),
            ),
            index: Arc::clone(&index),
            full,
            failed,
        };
        let result = fill(&writer);
        writer.flush();
        (result, writer.added())
    });
    let saved = uploads.save_index(true);
    if let Some(error) = lock(&uploads.failure).take() {
        return Err(error);
    }
    let value = result?;
    saved?;
    let written = std::mem::take(&mut lock(&uploads.records).written);
    Ok((value, added, index.with(&written)))
}

impl Writer {
    /// Whether the repository lacks a blob. Whoever is told so writes it: nobody else is asked to.
    pub(in super::super) fn wants(&self, kind: BlobKind, id: &Id) -> bool {
        !self.index.has(kind, id) && lock(&self.claimed).insert((kind, *id))
    }

    /// Whether the store failed: nothing more comes of this.
    pub(in super::super) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Takes a blob of `size` bytes that [`Self::wants`] asked for.
    pub(in super::super) fn add(&self, kind: BlobKind, id: Id, size: usize, sealed: &Sealed) {
        let (filling, target, count) = match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        };
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        count.blobs.fetch_add(1, Ordering::Relaxed);
        count.bytes.fetch_add(wide(size), Ordering::Relaxed);
        count.packed.fetch_add(wide(sealed.bytes.len()), Ordering::Relaxed);
        let full = {
            let mut filling = lock(filling);
            if filling.bytes.capacity() == 0 {
                filling.bytes.reserve(target.saturating_add(target / 8));
            }
            let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
            let offset = narrow(filling.bytes.len());
            filling.bytes.extend_from_slice(&sealed.bytes);
            filling.blobs.push(BlobRecord {
                id,
                kind: match kind {
                    BlobKind::Data => BlobType::Data,
                    BlobKind::Tree => BlobType::Tree,
                },
                offset,
                length: narrow(sealed.bytes.len()),
                uncompressed_length: sealed.unpacked,
            });
            let is_full = filling.bytes.len() >= *target || filling.blobs.len() >= BLOBS_OF_PACK;
            is_full.then(|| std::mem::take(&mut *filling))
        };
        if let Some(full) = full {
            self.hand_over(full);
        }
    }

    fn hand_over(&self, full: Filling) {
        // The threads take packs until the writer is gone.
        if self.full.send(full).is_err() {
            self.failed.store(true, Ordering::SeqCst);
        }
    }

    fn flush(&self) {
        for (filling, _, _) in [&self.data, &self.trees] {
            let rest = std::mem::take(&mut *lock(filling));
            if !rest.blobs.is_empty() {
                self.hand_over(rest);
            }
        }
    }

    fn added(&self) -> Added {
        let told = |count: &Count| {
            (
                count.blobs.load(Ordering::Relaxed),
                count.bytes.load(Ordering::Relaxed),
                count.packed.load(Ordering::Relaxed),
            )
        };
        let (data_blobs, data_bytes, data_packed) = told(&self.data.2);
        let (tree_blobs, tree_bytes, tree_packed) = told(&self.trees.2);
        Added {
            data_blobs,
            data_bytes,
            data_packed,
            tree_blobs,
            tree_bytes,
            tree_packed,
        }
    }
}

impl Uploads<'_> {
    fn run(&self, packs: &Receiver<Filling>) {
        for pack in packs {
            if self.failed.load(Ordering::SeqCst) {
                continue;
            }
            if let Err(error) = self.upload(pack).and_then(|()| self.save_index(false)) {
                self.failed.store(true, Ordering::SeqCst);
                self.guard.spoil();
                lock(&self.failure).get_or_insert(error);
            }
        }
    }

    fn upload(&self, pack: Filling) -> Result<(), VaultError> {
        let Filling { mut bytes, blobs } = pack;
        let header = self.cipher.seal(&header(&blobs));
        let length = u32::try_from(header.len()).map_err(|error| broken(self.guard, error.to_string()))?;
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&length.to_le_bytes());
        let id = id_of(&bytes);
        self.guard
            .write_bytes(FileType::Pack, &id, false, bytes.into())
            .map_err(|error| explain(self.guard, ACTION, &error))?;
        let mut records = lock(&self.records);
        records.blobs += blobs.len();
        records.packs.push(PackRecord { id, blobs });
        Ok(())
    }

    /// Writes an index file of the packs that none names yet, if it is time or `last`.
    fn save_index(&self, last: bool) -> Result<(), VaultError> {
        let packs = {
            let mut records = lock(&self.records);
            let due = last || records.blobs >= BLOBS_OF_INDEX || records.since.elapsed() >= INDEX_EVERY;
            if !due || records.packs.is_empty() {
                return Ok(());
            }
            records.blobs = 0;
            records.since = Instant::now();
            std::mem::take(&mut records.packs)
        };
        let broken = |reason: String| broken(self.guard, reason);
        let json = index_json(&packs).map_err(|error| broken(error.to_string()))?;
        let sealed = lock(&self.codec).seal_file(&json).map_err(broken)?;
        let id = id_of(&sealed);
        self.guard
            .write_bytes(FileType::Index, &id, false, sealed.into())
            .map_err(|error| explain(self.guard, "write the index", &error))?;
        lock(&self.records).written.push((id, packs));
        Ok(())
    }
}

/// What is at the end of a pack: its blobs, in order.
fn header(blobs: &[BlobRecord]) -> Vec<u8> {
    let mut header = Vec::with_capacity(blobs.len() * 41);
    for blob in blobs {
        let kind = match (blob.kind, blob.uncompressed_length) {
            (BlobType::Data, None) => 0_u8,
            (BlobType::Tree, None) => 1,
            (BlobType::Data, Some(_)) => 2,
            (BlobType::Tree, Some(_)) => 3,
        };
        header.push(kind);
        header.extend_from_slice(&blob.length.to_le_bytes());
        if let Some(length) = blob.uncompressed_length {
            header.extend_from_slice(&length.get().to_le_bytes());
        }
        header.extend_from_slice(&bytes_of(&blob.id));
    }
    header
}

/// The bytes of an id. The library shows them as digits only.
fn bytes_of(id: &Id) -> [u8; 32] {
    let mut bytes = [0; 32];
    let hex = id.to_hex();
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    bytes
}

fn index_json(packs: &[PackRecord]) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct File<'a> {
        packs: Vec<Pack<'a>>,
    }
    #[derive(Serialize)]
    struct Pack<'a> {
        id: Id,
        blobs: &'a [BlobRecord],
        /// The library's prune takes it for the age of the pack.
        time: jiff::Timestamp,
    }
    let time = jiff::Timestamp::now();
    let packs = packs.iter().map(|pack| Pack {
        id: pack.id,
        blobs: &pack.blobs,
        time,
    });
    serde_json::to_vec(&File { packs: packs.collect() })
}

/// How large packs are to be, as the library reckons it from the configuration and from what is there.
fn pack_size(config: &ConfigFile, kind: BlobType, there: u64) -> usize {
    let (size, factor, limit) = config.packsize(kind);
    let size = if factor == 0 {
        u64::from(size)
    } else {
        there.isqrt() * u64::from(factor) + u64::from(size)
    };
    usize::try_from(size.min(u64::from(limit)).min(LARGEST)).unwrap_or(usize::MAX)
}

fn broken(guard: &Guard, reason: String) -> VaultError {
    VaultError::Library {
        action: ACTION,
        place: rustic_core::ReadBackend::location(guard),
        reason,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
