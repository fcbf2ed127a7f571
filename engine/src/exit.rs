//! How the program ends. One table in docs/exit-codes.md, one enum here.

/// The exit code of `dram`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Done = 0,
    /// Failed; the message says why and what to do.
    Failed = 1,
    /// Wrong usage: what the command line says cannot be meant; `--help` says what can.
    Usage = 2,
    /// Refused by a rule: an objective, a protection, an owner, a missing attestation.
    Refused = 3,
    /// Part of it was done; the rest is said.
    Partial = 4,
    /// Interrupted; the same command, or `dram resume`, goes on.
    Interrupted = 5,
    /// The catalog or a vault cannot be reached.
    Unreachable = 6,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_the_table_of_the_docs() {
        let table = include_str!("../../docs/exit-codes.md");
        let codes = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Refused,
            Exit::Partial,
            Exit::Interrupted,
            Exit::Unreachable,
        ];
        for code in codes {
            assert!(table.contains(&format!("| {} |", code as u8)), "{code:?}");
        }
    }
}
