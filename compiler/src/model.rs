//! The model: what has been checked. A value of these types cannot be built wrong from text, because decoding is the
//! check, and [`Model`] cannot be built with parts that do not fit, because [`crate::check`] is its only door.

mod application;
mod catalog;
mod catalog_url;
mod command;
mod cron;
mod declaration;
mod hook;
mod plan;
mod policy;
mod profile;
mod secret;
mod site;
mod timezone;
mod vault;
mod whole;

pub use application::{Application, Body, Component, DataHints, Dump, Health, Host, Http, Probe, Service};
pub use catalog::Catalog;
pub use catalog_url::{BadCatalogUrl, CatalogUrl};
pub use command::{Action, Command};
pub use cron::Cron;
pub use declaration::{API_VERSION, Declaration, KindName, Metadata, Reference, Spec, references};
pub use dram_fields::{
    AbsolutePath, Bucket, Bytes, CloudName, Container, Duration, Endpoint, LogicalPath, Name, Percent, Prefix,
    ProfileName, Rate, Region, Whole,
};
pub use hook::{ConsistencyGroup, Hook, HookDeed, HookRequest, HttpMethod, Moment, OnError, Place};
pub use plan::{Applications, Mappings, OnMissing, PathMapping, RecoveryPlan, Target};
pub use policy::{
    Anomaly, AnomalyAction, Consistency, Missed, Objectives, ProtectionPolicy, Retention, Schedule, Transfer, VaultUse,
    Verify, VerifyLevel, When, Window,
};
pub use profile::{Parameter, ParameterType, Profile, ProfileComponent, ProfileUse};
pub use secret::{SecretRef, SecretSource};
pub use site::{HostSite, Platform, RecoverySite};
pub use timezone::{TimeOfDay, Timezone};
pub use vault::{AccessKeys, CredentialSource, Credentials, Directory, Lock, LockMode, S3, Store, Swift, Vault};
pub use whole::{Model, after_order};
