//! How a caller watches a long operation, and how it stops one.

use std::fmt;
use std::sync::Arc;

use rustic_core::{Progress as Bar, ProgressBars, ProgressType, RusticProgress};

/// Where a total comes from, so that a display can say how far it may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Counted from what is there: a scan of the source, or the recorded sizes of a point.
    Counted,
    /// Taken over from the previous snapshot of the same item; today's may be larger or smaller.
    Parent,
}

/// Receives the progress of one operation. Called from several threads.
pub trait Progress: Send + Sync {
    /// The expected number of bytes. May be called again when it is known better.
    fn total(&self, bytes: u64, basis: Basis);
    /// So many more bytes are done.
    fn advance(&self, bytes: u64);
}

/// For callers that do not watch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn total(&self, _bytes: u64, _basis: Basis) {}
    fn advance(&self, _bytes: u64) {}
}

impl Silent {
    /// The silent progress in the form that operations take.
    #[must_use]
    pub fn shared() -> Arc<dyn Progress> {
        Arc::new(Self)
    }
}

pub use crate::cancel::Cancel;

/// Hands the library's byte counters on to our [`Progress`]; its other bars stay hidden.
pub(super) struct Relay {
    to: Arc<dyn Progress>,
}

impl Relay {
    pub(super) fn new(to: Arc<dyn Progress>) -> Self {
        Self { to }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl ProgressBars for Relay {
    fn progress(&self, kind: ProgressType, _prefix: &str) -> Bar {
        match kind {
            ProgressType::Bytes => Bar::new(Counter {
                to: Arc::clone(&self.to),
            }),
            ProgressType::Spinner | ProgressType::Counter => Bar::hidden(),
        }
    }
}

struct Counter {
    to: Arc<dyn Progress>,
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

impl RusticProgress for Counter {
    fn is_hidden(&self) -> bool {
        // The library scans a source for its size only for a bar that is shown.
        false
    }
    fn set_length(&self, len: u64) {
        self.to.total(len, Basis::Counted);
    }
    fn set_title(&self, _title: &str) {}
    fn inc(&self, inc: u64) {
        self.to.advance(inc);
    }
    fn finish(&self) {}
}
