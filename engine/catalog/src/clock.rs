//! Time, passed in: wall time for what people read, a monotonic clock for whatever waits.

use std::time::Duration;

use jiff::Timestamp;

/// What this crate asks of time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall time. It is written into records for people; two machines' wall clocks are never compared.
    fn now(&self) -> Timestamp;

    /// Time since a fixed moment, never going back, counting the time that the machine was suspended.
    fn monotonic(&self) -> Duration;

    /// Returns after `span` has passed.
    fn sleep(&self, span: Duration);
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        // `Instant` stops while a machine is suspended: a laptop that wakes would believe that its lease still holds.
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(id);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanos)
    }

    fn sleep(&self, span: Duration) {
        std::thread::sleep(span);
    }
}
