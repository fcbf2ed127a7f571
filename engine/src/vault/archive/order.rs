//! Turns the walk into orders: what can be answered at once is, small files go to the workers in batches, large ones are
//! read and cut here. The orders keep the order of the walk, whoever is ready first.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender};
use rustic_core::DataId;
use rustic_core::repofile::Node;

use super::super::error::VaultError;
use super::super::pack::{BlobKind, Codec};
use super::super::source::{Opener, Walked};
use super::content::{Extents, Feed, Part, pour};
use super::parent::{Parents, Standing};
use super::work::{Job, Piece, Shared, Step, Task};
use super::{Source, answers};

/// A batch has so many entries,
const ENTRIES: usize = 128;
/// or so many bytes to read.
const BYTES: u64 = 1024 * 1024;

/// What the trees are built of next.
#[expect(
    clippy::large_enum_variant,
    reason = "orders pass through a short channel one by one and are never kept"
)]
pub(super) enum Order {
    /// Steps that are known.
    Known(Vec<Step>),
    /// Steps that a worker will tell.
    Steps(Receiver<Vec<Step>>),
    /// A file whose pieces come one by one, until the sender is gone; `whole` tells whether it was read to its end.
    Content {
        node: Node,
        standing: Standing,
        pieces: Receiver<Piece>,
        whole: Receiver<()>,
    },
}

/// Gives orders.
pub(super) struct Orders<'a> {
    shared: &'a Shared<'a>,
    codec: Option<Codec>,
    jobs: Sender<Job>,
    to: Sender<Order>,
    tasks: Vec<Task>,
    bytes: u64,
    reads: bool,
    /// Directories that the walk is in.
    inside: Vec<PathBuf>,
    zeros: Option<DataId>,
    /// Nobody builds trees any more.
    closed: bool,
}

impl<'a> Orders<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        codec: Result<Codec, VaultError>,
        jobs: Sender<Job>,
        to: Sender<Order>,
    ) -> Self {
        let codec = codec.map_err(|error| shared.fail(error)).ok();
        Self {
            shared,
            codec,
            jobs,
            to,
            tasks: Vec::new(),
            bytes: 0,
            reads: false,
            inside: Vec::new(),
            zeros: None,
            closed: false,
        }
    }

    /// Takes what the walk came by; whether to go on.
    pub(super) fn take(&mut self, walked: Walked, parents: &mut Parents<'_>, source: &Source<'_>) -> bool {
        let Walked { path, mut node, place } = walked;
        while let Some(inside) = self.inside.last()
            && path.parent() != Some(inside)
        {
            self.inside.pop();
            parents.leave();
            self.done(Step::Up);
        }
        let (standing, same) = parents.compare(&mut node);
        if node.is_dir() {
            let beneath = parents.enter(&node);
            self.inside.push(path);
            self.done(Step::Down {
                node,
                standing,
                same,
                beneath,
            });
        } else {
            source.announced.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            match place.filter(|_| node.is_file() && standing != Standing::Unmodified) {
                None => {
                    let bytes = if node.is_file() { node.meta.size } else { 0 };
                    if bytes > 0 {
                        self.shared.progress.advance(bytes);
                    }
                    self.done(Step::Entry {
                        node,
                        bytes,
                        standing,
                        same,
                    });
                }
                Some(place) => {
                    let opener = Opener::new(place, path, &node, source.faults);
                    self.file(node, standing, opener);
                }
            }
        }
        if self.tasks.len() >= ENTRIES || self.bytes >= BYTES {
            self.flush();
        }
        !self.closed && !self.shared.is_over()
    }

    fn file(&mut self, node: Node, standing: Standing, opener: Opener) {
        let min = u64::try_from(self.shared.cutter.limits.min).unwrap_or(u64::MAX);
        let size = node.meta.size;
        if size <= min {
            self.bytes += size;
            self.reads = true;
            return self.tasks.push(Task::Read { node, standing, opener });
        }
        let Some(opened) = opener.open() else { return };
        let shared = self.shared;
        let stop = || shared.is_over();
        let mut feed = Extents::new(&opened.file, opened.size, &stop);
        let read = self.pieces(node, standing, &mut feed);
        match read {
            Ok(()) => opened.ended(feed.at()),
            Err(error) => opened.failed(&error),
        }
    }

    /// Stores one file of a stream.
    pub(super) fn content(&mut self, node: Node, feed: &mut dyn Feed, _inside: &Path) {
        // A reader that fails has told it already, and spoiled the guard.
        let _ = self.pieces(node, Standing::New, feed);
    }

    fn pieces(&mut self, node: Node, standing: Standing, feed: &mut dyn Feed) -> std::io::Result<()> {
        self.flush();
        let (pieces_to, pieces) = answers();
        let (whole_to, whole) = answers();
        let order = Order::Content {
            node,
            standing,
            pieces,
            whole,
        };
        if !self.order(order) {
            return Ok(());
        }
        let shared = self.shared;
        let min = shared.cutter.limits.min;
        let mut number = 0;
        let mut stopped = false;
        let read = pour(feed, shared.cutter, &mut |part| {
            number += 1;
            let sent = match part {
                Part::Bytes(bytes) => self
                    .jobs
                    .send(Job::Blob {
                        bytes,
                        number,
                        to: pieces_to.clone(),
                    })
                    .is_ok(),
                Part::Zeros(times) => {
                    let bytes = u64::try_from(min).unwrap_or(u64::MAX);
                    let codec = self.codec.as_mut();
                    let known = self
                        .zeros
                        .or_else(|| codec.map(|codec| shared.store(codec, BlobKind::Data, &vec![0; min]).into()));
                    self.zeros = known;
                    shared.progress.advance(bytes * times);
                    known.is_some_and(|id| {
                        pieces_to
                            .send(Piece {
                                number,
                                id,
                                bytes,
                                times,
                            })
                            .is_ok()
                    })
                }
            };
            stopped = !sent || shared.is_over();
            !stopped
        });
        if read.is_ok() && !stopped {
            let _ = whole_to.send(());
        }
        read
    }

    /// Gives an order; whether anybody takes it.
    fn order(&mut self, order: Order) -> bool {
        self.closed |= self.to.send(order).is_err();
        !self.closed
    }

    fn done(&mut self, step: Step) {
        self.tasks.push(Task::Done(step));
    }

    fn flush(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        let reads = std::mem::take(&mut self.reads);
        self.bytes = 0;
        if tasks.is_empty() {
            return;
        }
        if reads {
            let (to, steps) = answers();
            if self.order(Order::Steps(steps)) {
                // Without workers the trees miss the answer, and say so.
                let _ = self.jobs.send(Job::Batch { tasks, to });
            }
            return;
        }
        let steps = tasks
            .into_iter()
            .filter_map(|task| match task {
                Task::Done(step) => Some(step),
                Task::Read { .. } => None,
            })
            .collect();
        self.order(Order::Known(steps));
    }

    /// The walk is over.
    pub(super) fn finish(&mut self) {
        while self.inside.pop().is_some() {
            self.done(Step::Up);
        }
        self.flush();
    }
}
