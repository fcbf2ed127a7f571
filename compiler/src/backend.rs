//! From a blueprint to files. No backend knows another.

pub mod json;
pub mod terraform;

use std::collections::BTreeMap;

/// Files that leave the compiler: path to text.
pub type Artifacts = BTreeMap<String, String>;
