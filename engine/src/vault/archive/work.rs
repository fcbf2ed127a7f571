//! What the workers do: read small files, hash blobs, and seal those that the repository lacks.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use rustic_core::DataId;
use rustic_core::repofile::Node;

use super::super::error::VaultError;
use super::super::guard::Guard;
use super::super::pack::{BlobKind, Codec, Cutter, Writer, id_of};
use super::super::progress::Progress;
use super::super::source::Opener;
use super::content::{Extents, Feed as _};
use super::parent::{Beneath, Standing};

/// What all threads of an archive share.
pub(super) struct Shared<'a> {
    pub(super) writer: &'a Writer,
    pub(super) guard: &'a Guard,
    pub(super) cutter: &'a Cutter,
    pub(super) progress: &'a Arc<dyn Progress>,
    /// The first failure that is neither the store's nor the source's.
    pub(super) failure: Mutex<Option<VaultError>>,
}

/// A step of the walk, as the trees are built of it.
pub(super) enum Step {
    /// Into a directory.
    Down {
        node: Node,
        standing: Standing,
        same: bool,
        beneath: Option<Beneath>,
    },
    /// Out of it.
    Up,
    /// Anything else than a directory, with the bytes of its content.
    Entry {
        node: Node,
        bytes: u64,
        standing: Standing,
        same: bool,
    },
}

/// A step that may have to be worked for.
pub(super) enum Task {
    Done(Step),
    /// A file that is one blob at most.
    Read {
        node: Node,
        standing: Standing,
        opener: Opener,
    },
}

/// A blob of a file, and how often it follows itself.
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) id: DataId,
    pub(super) bytes: u64,
    pub(super) times: u64,
}

/// What a worker takes.
pub(super) enum Job {
    Batch {
        tasks: Vec<Task>,
        to: Sender<Vec<Step>>,
    },
    Blob {
        bytes: Vec<u8>,
        number: u64,
        to: Sender<Piece>,
    },
}

impl Shared<'_> {
    /// Whether nothing more will come of this.
    pub(super) fn is_over(&self) -> bool {
        self.guard.is_canceled()
            || self.writer.is_failed()
            || self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn fail(&self, error: VaultError) {
        self.guard.spoil();
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }

    /// Stores a blob unless it is there, and tells its id.
    pub(super) fn store(&self, codec: &mut Codec, kind: BlobKind, plain: &[u8]) -> rustic_core::Id {
        let id = id_of(plain);
        if self.writer.wants(kind, &id) {
            match codec.seal(plain) {
                Ok(sealed) => self.writer.add(kind, id, plain.len(), &sealed),
                Err(reason) => self.fail(VaultError::Library {
                    action: "seal a blob",
                    place: rustic_core::ReadBackend::location(self.guard),
                    reason,
                }),
            }
        }
        id
    }
}

/// A worker's life.
pub(super) fn work(shared: &Shared<'_>, codec: Result<Codec, VaultError>, jobs: &Receiver<Job>) {
    let mut codec = match codec {
        Ok(codec) => codec,
        Err(error) => return shared.fail(error),
    };
    let mut buffer = Vec::new();
    for job in jobs {
        if shared.is_over() {
            // Emptied, so that whoever fills the queue comes to its end.
            continue;
        }
        match job {
            Job::Batch { tasks, to } => {
                let steps = tasks
                    .into_iter()
                    .filter_map(|task| match task {
                        Task::Done(step) => Some(step),
                        Task::Read { node, standing, opener } => {
                            read(shared, &mut codec, &mut buffer, node, standing, opener)
                        }
                    })
                    .collect();
                // Nobody waits for it any more when the trees failed.
                let _ = to.send(steps);
            }
            Job::Blob { bytes, number, to } => {
                let id = shared.store(&mut codec, BlobKind::Data, &bytes).into();
                let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                shared.progress.advance(bytes);
                let _ = to.send(Piece {
                    number,
                    id,
                    bytes,
                    times: 1,
                });
            }
        }
    }
}

/// Stores a file that is one blob at most; nothing if it vanished or cannot be read, which is said elsewhere.
fn read(
    shared: &Shared<'_>,
    codec: &mut Codec,
    buffer: &mut Vec<u8>,
    mut node: Node,
    standing: Standing,
    opener: Opener,
) -> Option<Step> {
    let opened = opener.open()?;
    buffer.clear();
    let stop = || shared.is_over();
    let mut feed = Extents::new(&opened.file, opened.size, &stop);
    loop {
        match feed.more(buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                opened.failed(&error);
                return None;
            }
        }
    }
    opened.ended(feed.at());
    let bytes = feed.at();
    let mut content = Vec::new();
    if !buffer.is_empty() {
        content.push(shared.store(codec, BlobKind::Data, buffer).into());
    }
    shared.progress.advance(bytes);
    node.content = Some(content);
    Some(Step::Entry {
        node,
        bytes,
        standing,
        same: false,
    })
}
