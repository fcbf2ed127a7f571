//! How an application comes back elsewhere.

use dram_fields::{Fields, Name};
use std::collections::BTreeMap;

/// How applications come back elsewhere.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct RecoveryPlan {
    /// The applications that come back by this plan.
    pub applications: Applications,
    /// The sites where they can come back, the preferred one first.
    #[field(block = "target", key = "site", min = 1)]
    pub targets: Vec<Target>,
    /// What is named differently there.
    pub mappings: Option<Mappings>,
}

/// A choice of applications.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Applications {
    /// Their names.
    #[field(refers = "Application", min = 1)]
    pub names: Vec<Name>,
}

/// A site where applications can come back.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the site.
    #[field(refers = "RecoverySite")]
    pub site: Name,
}

/// What is named differently at the targets.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Mappings {
    /// Paths of components. The longest key that a path begins with is replaced, before the site's root is put
    /// before it.
    pub path: Option<PathMapping>,
}

/// How paths are mapped.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct PathMapping {
    /// From the path at the preferred site to the path at the targets.
    pub values: BTreeMap<String, String>,
    /// What happens to a path that no key matches.
    #[field(default = OnMissing::Keep)]
    pub on_missing: OnMissing,
}

/// What happens to a value without a mapping.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// The recovery is refused.
    Fail,
    /// It stays as it is.
    Keep,
}
