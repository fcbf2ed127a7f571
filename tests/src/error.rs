//! What can go wrong around the product.

use std::process::ExitStatus;
use std::{fmt, io};

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something around the product did not work.
///
/// Its `Debug` is its `Display`: a test that returns it fails with words and not with a structure.
#[derive(thiserror::Error)]
pub enum Error {
    /// The machine refused something.
    #[error("cannot {doing}: {source}")]
    Machine {
        /// What was being done, as it follows "cannot".
        doing: String,
        /// What the machine said.
        source: io::Error,
    },
    /// A program ended otherwise than it should.
    #[error("`{line}` ended with {status}, expected {expected}\n{output}")]
    Program {
        /// The command line.
        line: String,
        /// How it ended.
        status: ExitStatus,
        /// How it should have ended.
        expected: String,
        /// What it printed, both streams.
        output: String,
    },
    /// What is claimed does not hold.
    #[error("the claim does not hold: {claim}\n  found: {found}")]
    Claim {
        /// The claim, as a sentence.
        claim: String,
        /// What was found instead.
        found: String,
    },
    /// A server answered otherwise than it should, or with something that cannot be read.
    #[error("`{url}` answered {answer}")]
    Answer {
        /// What was asked.
        url: String,
        /// What came back.
        answer: String,
    },
    /// A lab cannot be had on this machine.
    #[error("{lab} cannot be had here: {reason}")]
    Unavailable {
        /// The lab or the tool.
        lab: String,
        /// Why, and what would help.
        reason: String,
    },
    /// A person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Says what was being done when the machine refused.
pub trait Doing<T> {
    /// `doing` follows the word "cannot".
    ///
    /// # Errors
    /// Those of the result, with the words.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Machine {
            doing: doing(),
            source: source.into(),
        })
    }
}

/// Holds a claim against what was found.
///
/// # Errors
/// [`Error::Claim`] when `holds` is false.
pub fn claim(claim: impl Into<String>, holds: bool, found: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::Claim {
            claim: claim.into(),
            found: found(),
        })
    }
}
