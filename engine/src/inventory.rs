//! What a site says is there now. Data only: drivers fill it in, decisions read it.

use std::path::PathBuf;

/// Whether something is there. What cannot be told is unknown, and never passes for absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Known,
    /// It is surely not there.
    Absent,
    /// It cannot be told, for a reason in words.
    Unknown(String),
}

/// One path of an application at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathState {
    /// As the application sees it.
    pub logical: PathBuf,
    /// Where it lies at this site.
    pub physical: PathBuf,
    /// Whether it is there.
    pub presence: Presence,
}

/// What a site says is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Whether the site's root is there.
    pub root: Presence,
    /// Each path that was asked about, in that order.
    pub paths: Vec<PathState>,
}
