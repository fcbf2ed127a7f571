//! What came of the steps of a run.

use crate::site::Snapshot;
use crate::vault::Consistency;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// In words.
    pub detail: String,
    /// Bytes that it handled.
    #[serde(default)]
    pub bytes: u64,
    /// How long it took, in milliseconds; nothing where only an attempt after an interruption is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// Things that must not pass in silence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What a freeze brought about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// Snapshots that hold the files which are read after the thaw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshot>,
}

/// An application was at rest while its data was read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// When it was.
    pub at: Timestamp,
    /// For how long, in milliseconds.
    pub milliseconds: u64,
    /// How far the data belongs together.
    pub reached: Consistency,
}
