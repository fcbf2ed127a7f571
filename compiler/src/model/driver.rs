//! Drivers of users: the docking port for other platforms.

use dram_fields::{Fields, Name, Scalar};
use std::collections::BTreeMap;

/// A place that a driver of yours knows.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DriverSite {
    /// Name of the driver: the engine runs the program `dram-driver-NAME`.
    pub name: Name,
    /// What the driver is told. Secrets reach it by its own environment, never by these.
    pub options: BTreeMap<String, Scalar>,
}
