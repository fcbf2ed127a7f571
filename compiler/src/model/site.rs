//! Where applications run.

use dram_fields::{AbsolutePath, Fields, Name, Rate};

/// A place that runs or can run an application.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct RecoverySite {
    /// What kind of place it is.
    #[field(one_of)]
    pub platform: Platform,
    /// What fails together with this site: a building, a region, a power feed. Two sites or vaults with the same
    /// failure domain are lost together.
    pub failure_domain: Name,
    /// How fast data leaves and reaches the site. Without it the proof of an objective rests on an assumption.
    pub bandwidth: Option<Rate>,
}

/// What kind of place a site is.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Platform {
    /// A host: directories, dumps and services of the machine where the engine runs.
    Host(HostSite),
}

/// A host as a site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct HostSite {
    /// Put before every path of a component, so that one application can live below different roots.
    #[field(default = AbsolutePath::root())]
    pub root: AbsolutePath,
}
