//! Places where a process may be killed, so that a test can kill it at each of them.
//!
//! Nothing at all in a release build. In a debug build `DRAM_CRASH` is looked at once:
//!
//! - `write:17` ends the process at its 17th point of that kind as the kernel ends one that is out of memory: with SIGKILL, no
//!   destructor, nothing flushed;
//! - `count:FILE` appends a line to the file for each point: its kind and where it stands. So a test knows how many there are.

/// What may be cut off at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The boundary of a step, or of what a verb without steps does.
    Step,
    /// A file that a vault, a catalog or a spool gets or loses: before it happens, and after.
    Write,
    /// A block of content that was read or written.
    Byte,
}

impl Kind {
    /// The word for it in `DRAM_CRASH`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Write => "write",
            Self::Byte => "byte",
        }
    }
}

/// The name of the variable.
pub const VARIABLE: &str = "DRAM_CRASH";

/// The process may be killed here.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_kind: Kind) {}

#[cfg(debug_assertions)]
pub use debug::point;

#[cfg(debug_assertions)]
mod debug {
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::panic::Location;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Kind, VARIABLE};

    /// What the variable asks for.
    enum Wish {
        Nothing,
        Count(File),
        Kill { kind: String, at: u64, seen: AtomicU64 },
    }

    /// The process may be killed here.
    #[track_caller]
    pub fn point(kind: Kind) {
        static WISH: OnceLock<Wish> = OnceLock::new();
        match WISH.get_or_init(wish) {
            Wish::Nothing => {}
            Wish::Count(file) => count(file, kind, Location::caller()),
            Wish::Kill { kind: wanted, at, seen } => {
                if wanted == kind.as_str() && seen.fetch_add(1, Ordering::SeqCst) + 1 == *at {
                    die();
                }
            }
        }
    }

    fn wish() -> Wish {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let Some((word, value)) = text.split_once(':') else {
            return Wish::Nothing;
        };
        if word == "count" {
            let opened = OpenOptions::new().create(true).append(true).open(value);
            return opened.map_or(Wish::Nothing, Wish::Count);
        }
        let kind = word.to_owned();
        let seen = AtomicU64::new(0);
        value.parse().map_or(Wish::Nothing, |at| Wish::Kill { kind, at, seen })
    }

    /// One call of the kernel a line, so that threads do not mix them.
    fn count(mut file: &File, kind: Kind, place: &Location<'_>) {
        let line = format!("{} {}:{}\n", kind.as_str(), place.file(), place.line());
        // A test that misses points says so.
        let _ = file.write_all(line.as_bytes());
    }

    fn die() {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        // The signal is on its way; this thread does nothing more.
        loop {
            std::thread::park();
        }
    }
}
