//! Time for whatever waits at a site, passed in.

use std::time::{Duration, Instant};

/// A clock to wait by.
pub trait Clock: Send + Sync {
    /// Time since this clock began; never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns after `span` has passed.
    fn sleep(&self, span: Duration);
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, span: Duration) {
        std::thread::sleep(span);
    }
}
