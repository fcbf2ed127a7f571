//! What the steps that make a point rest on.

use crate::vault::{Consistency, Method};
use serde::{Deserialize, Serialize};

/// What change is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusual {
    /// More new bytes in the vault than these in a week, in proportion.
    pub bytes_a_week: u64,
    /// Whether the point before is held then.
    pub holds: bool,
}

/// A piece of a component's data that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The component.
    pub component: String,
    /// The item's name.
    pub item: String,
    /// How it is read.
    pub method: Method,
}

/// What is frozen, and what is read meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// What is read, in this order.
    pub captures: Vec<Capture>,
    /// The components whose file systems are frozen.
    #[serde(default)]
    pub filesystems: Vec<String>,
    /// The hooks before, by their positions in the application.
    #[serde(default)]
    pub before: Vec<usize>,
    /// The hooks after.
    #[serde(default)]
    pub after: Vec<usize>,
    /// The longest that it may last, in seconds.
    pub seconds: u64,
    /// How far the data belongs together that is read so.
    pub reaches: Consistency,
}
