//! How a recovery plan is tried.

use super::Health;
use dram_fields::{AbsolutePath, Duration, Fields, MemberName, Name, Whole};

/// A recovery in isolation, to know that the plan works.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Drill {
    /// At this distance. Without it: when a person asks.
    pub every: Option<Duration>,
    /// How many reports are kept.
    #[field(default = Whole::clamped(12))]
    pub keep: Whole<1, 1000>,
    /// Where it happens, apart from everything that is in use. Derived from the target when absent.
    pub into: Option<DrillPlace>,
    /// What is started, applications or single components. Without it: everything, but nothing on hosts, where a started
    /// service could reach others.
    pub start: Vec<MemberName>,
    /// What must hold beside the health of what was started.
    #[field(block = "check")]
    pub checks: Vec<Health>,
}

/// Where a drill happens.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DrillPlace {
    /// Apart by which means.
    #[field(one_of)]
    pub apart: DrillApart,
}

/// How a drill is kept apart.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum DrillApart {
    /// In a namespace of its own.
    Namespace(Name),
    /// In a network of its own, by name.
    Network(String),
    /// Below a root of its own.
    Root(AbsolutePath),
}
