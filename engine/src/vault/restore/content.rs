//! Writes the contents of files, several at a time, reading packs in long pieces.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dram_storage::crash;
use rustic_core::DataId;
use rustix::fs::{Advice, Mode, OFlags};

use super::super::blob::{BlobFault, Blobs, Stopped};
use super::super::error::VaultError;
use super::super::progress::{Cancel, Progress};
use super::super::source::Notes;
use super::holes::Holes;
use super::parts::{UNIT, parts};
use super::plan::{Action, Plan, Step};
use super::target::{Target, remove_if_there, temporary};

/// Files are written by so many threads.
const WORKERS: usize = 6;
/// A unit does not hold more files than this.
const UNIT_FILES: usize = 256;
/// Aligned blocks of zeros of this size become holes.
const BLOCK: usize = 4096;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// What one thread does in one go: whole small files, or a part of a large one.
enum Unit {
    Files(Range<usize>),
    Part {
        index: usize,
        parts: Range<usize>,
        offset: u64,
    },
}

/// A large file while several threads fill it.
struct Pending {
    /// Written by one thread at a time: the kernel lets no two write one file, and lets who comes second spin until its turn.
    file: Mutex<File>,
    /// Bytes that are not written yet.
    left: AtomicU64,
}

struct Work<'a> {
    blobs: &'a Blobs,
    plan: &'a Plan,
    /// The numbers of the files to write.
    files: Vec<u32>,
    target: &'a Target,
    notes: &'a Notes,
    progress: &'a Arc<dyn Progress>,
    pending: Mutex<HashMap<usize, Arc<Pending>>>,
    done: &'a AtomicU64,
    holes: Holes,
}

pub(super) fn restore(
    blobs: &Blobs,
    plan: &Plan,
    target: &Target,
    notes: &Notes,
    progress: &Arc<dyn Progress>,
    cancel: &Cancel,
    done: &AtomicU64,
) -> Result<(), VaultError> {
    let work = Work {
        blobs,
        plan,
        files: plan.numbers(|action| action == Action::Write).collect(),
        target,
        notes,
        progress,
        pending: Mutex::default(),
        done,
        holes: Holes::default(),
    };
    let units = Mutex::new(work.units().into_iter());
    let stop = AtomicBool::new(false);
    let failure: Mutex<Option<VaultError>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut desk = Desk::default();
                while !stop.load(Ordering::SeqCst) {
                    if cancel.is_canceled() {
                        break;
                    }
                    let unit = units.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(unit) = unit else { break };
                    if let Err(error) = work.run(&mut desk, &unit) {
                        stop.store(true, Ordering::SeqCst);
                        failure
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .get_or_insert(error);
                    }
                }
            });
        }
    });
    work.discard();
    if cancel.is_canceled() {
        return Err(VaultError::Canceled);
    }
    failure
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

impl Work<'_> {
    fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut start = 0;
        let mut bytes = 0;
        for (index, number) in self.files.iter().enumerate() {
            let size = self.plan.size(*number);
            let large = size > UNIT;
            if index > start && (large || bytes + size > UNIT || index - start >= UNIT_FILES) {
                units.push(Unit::Files(start..index));
                start = index;
                bytes = 0;
            }
            if large {
                let pack_of = |id: &DataId| self.blobs.spot(id).ok().map(|spot| spot.pack);
                units.extend(
                    parts(self.plan.content(*number), &pack_of)
                        .into_iter()
                        .map(|part| Unit::Part {
                            index,
                            parts: part.blobs,
                            offset: part.offset,
                        }),
                );
                start = index + 1;
            } else {
                bytes += size;
            }
        }
        if start < self.files.len() {
            units.push(Unit::Files(start..self.files.len()));
        }
        units
    }

    fn file(&self, index: usize) -> Option<Step<'_>> {
        self.plan.step(*self.files.get(index)?)
    }

    fn run(&self, desk: &mut Desk, unit: &Unit) -> Result<(), VaultError> {
        match unit {
            Unit::Files(range) => {
                let numbers = self.files.get(range.clone()).unwrap_or_default();
                let files: Vec<Step<'_>> = numbers.iter().filter_map(|number| self.plan.step(*number)).collect();
                let ids: Vec<DataId> = files
                    .iter()
                    .flat_map(|step| step.content.iter().map(|(id, _)| *id))
                    .collect();
                let found = self.read(&ids, &files)?;
                for step in &files {
                    self.whole(desk, step, &found)
                        .inspect_err(|_| self.remove_temporary(step))?;
                }
                Ok(())
            }
            Unit::Part { index, parts, offset } => {
                let Some(step) = self.file(*index) else {
                    return Ok(());
                };
                let content = step.content.get(parts.clone()).unwrap_or_default();
                let pending = self.pending(desk, *index, &step)?;
                let length = self.part(&step, &pending, content, *offset)?;
                if pending.left.fetch_sub(length, Ordering::SeqCst) == length {
                    self.pending
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(index);
                    self.finish(desk, &step, &pending.lock())?;
                }
                Ok(())
            }
        }
    }

    /// Writes a part of a large file, each blob where it belongs as soon as it was opened; tells how long the part is.
    fn part(
        &self,
        step: &Step<'_>,
        pending: &Pending,
        content: &[(DataId, u32)],
        offset: u64,
    ) -> Result<u64, VaultError> {
        let mut places: HashMap<DataId, Vec<u64>> = HashMap::with_capacity(content.len());
        let mut ids = Vec::with_capacity(content.len());
        let mut length = 0;
        for (id, size) in content {
            if self.holes.is_hole(self.blobs, *id, *size) {
                // The file has its length already.
                self.progress.advance(u64::from(*size));
            } else {
                ids.push(*id);
                places.entry(*id).or_default().push(offset + length);
            }
            length += u64::from(*size);
        }
        let sizes: HashMap<DataId, u32> = content.iter().copied().collect();
        let read = self.blobs.each(&ids, |id, bytes| {
            require_length(step, bytes, sizes.get(&id).copied())?;
            let file = pending.lock();
            for at in places.get(&id).into_iter().flatten() {
                write_sparse(&file, bytes, *at).map_err(|error| self.target.failed("write", &step.rel, error))?;
                self.progress.advance(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            }
            Ok(())
        });
        read.map_err(|stopped| match stopped {
            Stopped::Unread(id, fault) => unread(id.into(), fault, std::slice::from_ref(step)),
            Stopped::Visitor(error) => error,
        })?;
        write_back(&pending.lock(), offset, length);
        Ok(length)
    }

    fn whole(&self, desk: &mut Desk, step: &Step<'_>, found: &HashMap<DataId, Bytes>) -> Result<(), VaultError> {
        let file = self.create(desk, step)?;
        let ends_in_data = self.write(step, &file, step.content, 0, found)?;
        if !ends_in_data && step.size > 0 {
            self.lengthen(step, &file)?;
        }
        self.finish(desk, step, &file)
    }

    /// The full length, all of it a hole so far.
    fn lengthen(&self, step: &Step<'_>, file: &File) -> Result<(), VaultError> {
        file.set_len(step.size)
            .map_err(|error| self.target.failed("write", &step.rel, error))
    }

    /// Unfinished files do not take up space until somebody runs the restore again. Without this they would be replaced then.
    fn discard(&self) {
        for (index, _) in self.pending.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            if let Some(step) = self.file(index) {
                self.remove_temporary(&step);
            }
        }
    }

    fn remove_temporary(&self, step: &Step<'_>) {
        if let Ok((parent, name)) = self.target.parent(&step.rel)
            && let Err(error) = remove_if_there(&parent, &temporary(name))
        {
            tracing::debug!(%error, "an unfinished file cannot be removed");
        }
    }

    /// Reads blobs; a failure names the first file that needs the blob and how many more do.
    fn read(&self, ids: &[DataId], files: &[Step<'_>]) -> Result<HashMap<DataId, Bytes>, VaultError> {
        self.blobs.batch(ids).map_err(|(id, fault)| unread(id, fault, files))
    }

    fn pending(&self, desk: &mut Desk, index: usize, step: &Step<'_>) -> Result<Arc<Pending>, VaultError> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pending.get(&index) {
            return Ok(Arc::clone(known));
        }
        let file = self.create(desk, step)?;
        self.lengthen(step, &file)?;
        let new = Arc::new(Pending {
            file: Mutex::new(file),
            left: AtomicU64::new(step.size),
        });
        pending.insert(index, Arc::clone(&new));
        Ok(new)
    }

    /// A new file under its temporary name.
    fn create(&self, desk: &mut Desk, step: &Step<'_>) -> Result<File, VaultError> {
        let (parent, name) = desk.parent(self.target, &step.rel)?;
        let temporary = temporary(name);
        let make = || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::openat(parent, &temporary, flags, Mode::from_raw_mode(0o600))
        };
        let made = match make() {
            // Of a restore that was killed.
            Err(rustix::io::Errno::EXIST) => remove_if_there(parent, &temporary).and_then(|()| make()),
            other => other,
        };
        made.map(File::from)
            .map_err(|error| self.target.failed("write", &step.rel, error))
    }

    /// Writes a part of a file; whether its last bytes were written, and not left as a hole.
    fn write(
        &self,
        step: &Step<'_>,
        file: &File,
        content: &[(DataId, u32)],
        mut offset: u64,
        found: &HashMap<DataId, Bytes>,
    ) -> Result<bool, VaultError> {
        let mut ends_in_data = false;
        for (id, size) in content {
            let bytes = found.get(id).map(|bytes| &**bytes).unwrap_or_default();
            require_length(step, bytes, Some(*size))?;
            ends_in_data =
                write_sparse(file, bytes, offset).map_err(|error| self.target.failed("write", &step.rel, error))?;
            offset += u64::from(*size);
            self.progress.advance(u64::from(*size));
        }
        Ok(ends_in_data)
    }

    fn finish(&self, desk: &mut Desk, step: &Step<'_>, file: &File) -> Result<(), VaultError> {
        self.target.dress_file(file.as_fd(), step, self.notes)?;
        let (parent, name) = desk.parent(self.target, &step.rel)?;
        self.target
            .reveal(parent, &temporary(name), name)
            .map_err(|error| self.target.failed("write", &step.rel, error))?;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a blob that could not be read: it names the first of the files that need it and how many more do.
fn unread(id: DataId, fault: BlobFault, files: &[Step<'_>]) -> VaultError {
    let mut needy = files
        .iter()
        .filter(|step| step.content.iter().any(|(part, _)| *part == id));
    let first = needy.next().map(Step::logical);
    let others = needy.count();
    match fault.of(first) {
        VaultError::Damaged { file, pack, reason, .. } => VaultError::Damaged {
            file,
            pack,
            reason,
            more: others,
        },
        other => other,
    }
}

/// The tree says how long the blobs of a file are, too.
fn require_length(step: &Step<'_>, bytes: &[u8], size: Option<u32>) -> Result<(), VaultError> {
    if u32::try_from(bytes.len()).ok() == size {
        return Ok(());
    }
    let reason = "a blob has another length than the index says".to_owned();
    Err(VaultError::Damaged {
        file: Some(step.logical()),
        pack: None,
        reason,
        more: 0,
    })
}

/// What a thread has at hand: the directory that it wrote to last, which most often is the next one too.
#[derive(Default)]
struct Desk {
    parent: Option<(PathBuf, OwnedFd)>,
}

impl Desk {
    fn parent<'a>(&'a mut self, target: &Target, rel: &'a Path) -> Result<(&'a OwnedFd, &'a OsStr), VaultError> {
        let above = rel.parent().unwrap_or(Path::new(""));
        let name = rel.file_name().unwrap_or_default();
        let known = self.parent.take().filter(|(path, _)| path == above);
        let (path, fd) = match known {
            Some(known) => known,
            None => (above.to_owned(), target.parent(rel)?.0),
        };
        let (_, fd) = self.parent.insert((path, fd));
        Ok((fd, name))
    }
}

/// Lets the kernel begin to write these bytes to the disk while others are still to come, so that little is left for the sync
/// at the end. That is what Linux does for dirty pages that are not needed any more; it does not wait for them.
fn write_back(file: &File, offset: u64, length: u64) {
    if let Err(error) = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed) {
        tracing::debug!(%error, "the kernel does not write back early");
    }
}

/// Writes what is not zero. Blocks count from the file's beginning, so that the file system can leave them out. Tells whether
/// the last bytes were written.
fn write_sparse(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<bool> {
    let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
    let mut at = offset;
    let mut rest = bytes;
    // Blocks with data that follow each other are written in one go.
    let mut run_at = offset;
    let mut run: &[u8] = bytes;
    let mut length = 0;
    while !rest.is_empty() {
        let to_boundary = usize::try_from(block - at % block).unwrap_or(BLOCK);
        let (now, later) = rest.split_at(to_boundary.min(rest.len()));
        at += u64::try_from(now.len()).unwrap_or(0);
        if ZEROS.get(..now.len()) == Some(now) {
            if length > 0 {
                file.write_all_at(run.get(..length).unwrap_or_default(), run_at)?;
                crash::point(crash::Kind::Byte);
            }
            (run_at, run, length) = (at, later, 0);
        } else {
            length += now.len();
        }
        rest = later;
    }
    let last = run.get(..length).unwrap_or_default();
    if !last.is_empty() {
        file.write_all_at(last, run_at)?;
        crash::point(crash::Kind::Byte);
    }
    Ok(!last.is_empty())
}
