//! The model: what has been checked. A value of these types cannot be built wrong from text, because decoding is the
//! check, and [`Model`] cannot be built with parts that do not fit, because [`crate::check`] is its only door.

mod application;
mod catalog;
mod command;
mod declaration;
mod plan;
mod policy;
mod secret;
mod site;
mod vault;
mod whole;

pub use application::{Application, Body, Component, DataHints, Dump, Health, Host, Http, Probe, Service};
pub use catalog::Catalog;
pub use command::{Action, Command};
pub use declaration::{API_VERSION, Declaration, KindName, Metadata, Reference, Spec, references};
pub use dram_fields::{AbsolutePath, Bytes, Duration, LogicalPath, Name, Rate};
pub use plan::{Applications, Mappings, OnMissing, PathMapping, RecoveryPlan, Target};
pub use policy::{Objectives, ProtectionPolicy, Retention, Schedule, VaultUse, When};
pub use secret::{SecretRef, SecretSource};
pub use site::{HostSite, Platform, RecoverySite};
pub use vault::{Directory, Store, Vault};
pub use whole::{Model, after_order};
