//! Captures a stream, such as the output of a dump command, as one file.
//!
//! The library takes a reader's error for the end of that file and goes on. Here a reader that fails, or a command that
//! ends badly, spoils the guard before the library sees it, and no snapshot follows.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustic_core::repofile::{Metadata, Node, NodeType, SnapshotFile};

use super::archive;
use super::capture::{Captured, Draft, Origin, commit, item_tags};
use super::error::{VaultError, contained};
use super::progress::{Cancel, Progress};
use super::repository::{Repository, Session, blank};
use super::source::{Faults, mode_to_format, paths_of, stream_path};

/// What to capture as one item of a stream.
#[derive(Debug)]
pub struct CaptureStream<'a> {
    /// The point that it belongs to.
    pub point: &'a str,
    /// The item's name, equal in every point.
    pub item: &'a str,
    /// The name of the one file that the snapshot holds, at its root.
    pub file_name: &'a str,
    /// Who and when.
    pub origin: Origin,
}

impl Repository {
    /// Captures a stream to its end. `finish` is called then, and says whether the stream was complete: the exit of the
    /// command that wrote it.
    ///
    /// # Errors
    /// If the reader or `finish` fails, if the store fails, or if canceled; there is no snapshot then.
    pub fn capture_stream<R, F, E>(
        &self,
        what: &CaptureStream<'_>,
        reader: R,
        finish: F,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Captured, VaultError>
    where
        R: Read + Send + 'static,
        F: FnOnce() -> Result<(), E> + Send + 'static,
        E: std::fmt::Display,
    {
        let tags = item_tags(what.point, what.item)?;
        let path = stream_path(what.file_name);
        if path.parent() != Some(Path::new("/")) || path.file_name().is_none() {
            let name = what.file_name.to_owned();
            return Err(VaultError::InvalidName { what: "a stream", name });
        }
        let session = self.watched(cancel, progress)?;
        let faults = Arc::new(Faults::new(Some(Arc::clone(&session.guard))));
        let ended = Arc::new(AtomicBool::new(false));
        let length = Arc::new(AtomicU64::new(0));
        let mut reader = Tap {
            inner: reader,
            finish: Some(move || finish().map_err(|error| error.to_string())),
            path: path.clone(),
            faults: Arc::clone(&faults),
            ended: Arc::clone(&ended),
            length: Arc::clone(&length),
        };
        let snapshot = blank("capture a stream", &what.origin.host, what.origin.time, &tags)?;
        let result = self.store_file(&session, snapshot, &path, &mut reader, what.origin.time, progress);
        if cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        faults.verdict(what.item)?;
        let snapshot = result?;
        if session.guard.is_spoiled() {
            return Err(session
                .guard
                .take_error()
                .map_or(VaultError::Canceled, VaultError::from));
        }
        let bytes = length.load(Ordering::SeqCst);
        let stored = snapshot.summary.as_ref().map_or(0, |s| s.total_bytes_processed);
        if !ended.load(Ordering::SeqCst) || stored != bytes {
            let item = what.item.to_owned();
            return Err(VaultError::Incomplete {
                item,
                expected: bytes,
                stored,
            });
        }
        let notes = faults.notes.take();
        commit(
            &session,
            Draft {
                snapshot,
                bytes,
                files: 1,
                notes,
            },
        )
    }
}

impl Repository {
    /// Stores one file at the root of a new tree. The caller writes the snapshot.
    pub(super) fn store_file(
        &self,
        session: &Session,
        mut snapshot: SnapshotFile,
        path: &Path,
        reader: &mut (dyn Read + Send),
        time: jiff::Timestamp,
        progress: &Arc<dyn Progress>,
    ) -> Result<SnapshotFile, VaultError> {
        let meta = Metadata {
            mode: Some(mode_to_format(0o100_600)),
            // The stock program shows the year 1 for a file without times.
            mtime: Some(time),
            atime: Some(time),
            ctime: Some(time),
            uid: Some(0),
            gid: Some(0),
            links: 1,
            ..Metadata::default()
        };
        let node = Node::new_node(path.file_name().unwrap_or_default(), NodeType::File, meta);
        let archived = contained("store a file", || {
            archive::stream(self, session, node, reader, progress)
        })??;
        snapshot.paths = paths_of(&[path.to_owned()]);
        archived.fill(&mut snapshot);
        Ok(snapshot)
    }
}

/// Watches a reader: counts, notices errors, and asks at the end whether it was the end.
struct Tap<R, F> {
    inner: R,
    finish: Option<F>,
    path: PathBuf,
    faults: Arc<Faults>,
    ended: Arc<AtomicBool>,
    length: Arc<AtomicU64>,
}

impl<R: Read, F: FnOnce() -> Result<(), String>> Read for Tap<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.faults.is_canceled() {
            return Err(io::Error::other("the operation was canceled"));
        }
        if buffer.is_empty() || self.ended.load(Ordering::SeqCst) {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Ok(0) => match self.finish.take().map_or(Ok(()), |finish| finish()) {
                Ok(()) => {
                    self.ended.store(true, Ordering::SeqCst);
                    Ok(0)
                }
                Err(reason) => {
                    self.faults.fault(&self.path, reason.clone());
                    Err(io::Error::other(reason))
                }
            },
            Ok(count) => {
                self.length
                    .fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::SeqCst);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.faults.fault(&self.path, format!("the stream broke off: {error}"));
                Err(error)
            }
        }
    }
}
