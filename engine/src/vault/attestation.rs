//! What is said about points after they were sealed.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something said about a point after it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Statement {
    /// It was verified.
    Verified {
        /// How deeply: `checksum`, `restore`, `boot`, `health`.
        level: String,
        /// Why somebody says so who verified it by other means than ours; nothing where we did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is held: retention does not take it.
    Held {
        /// Why.
        reason: String,
        /// Until when; for good where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// It is no longer held.
    Released,
    /// It is not to be restored without asking.
    Quarantined {
        /// Why.
        reason: String,
    },
    /// It is no longer quarantined.
    Cleared,
}

/// A statement about a point, with who and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The point.
    pub point: String,
    /// Who says it.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub statement: Statement,
}

/// A verification of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How deeply.
    pub level: String,
    /// When, RFC 3339.
    pub at: String,
    /// On whose word, where we did not verify it ourselves.
    pub word: Option<Word>,
}

/// What somebody says who verified a point by other means than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attested by {}: {}", self.by, self.reason)
    }
}

/// The level of a verification that read a part of the point.
pub(crate) const SAMPLED: &str = "sample";

impl Verification {
    /// Whether it read all of the point.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.level != SAMPLED
    }
}

/// Why a point is held, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Until when; for good where nothing is said.
    pub until: Option<Timestamp>,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "{}, until {until}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
