//! How the program ends. One table in docs/exit-codes.md, one enum here.

/// The exit code of `dram`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Done = 0,
    /// Failed; the message says why and what to do.
    Failed = 1,
    /// Refused by a rule: an objective, a protection, an owner, a missing attestation.
    Refused = 3,
    /// Part of it was done; the rest is said.
    Partial = 4,
    /// Interrupted; the same command, or `dram resume`, goes on.
    Interrupted = 5,
    /// A catalog, vault or site cannot be reached.
    Unreachable = 6,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
