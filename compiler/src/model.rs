//! The model: what has been checked. A value of these types cannot be built wrong from text, because decoding is the
//! check, and [`Model`] cannot be built with parts that do not fit, because [`crate::check`] is its only door.

mod alert;
mod application;
mod automation;
mod catalog;
mod catalog_url;
mod command;
mod cron;
mod declaration;
mod drill;
mod driver;
mod hook;
mod kubernetes;
mod method;
mod observed;
mod openstack;
mod pair;
mod plan;
mod policy;
mod profile;
mod secret;
mod site;
mod timezone;
mod traffic;
mod vault;
mod whole;

pub use alert::{Alerts, Email, Notify, NotifyBy, Webhook};
pub use application::{
    Application, Body, Component, DataHints, DefinitionFiles, DefinitionLanguage, Dump, Health, Host, Http, Images,
    MultiWriter, Probe, Protect, Ready, Service, Tcp,
};
pub use automation::{Automation, AutomationMode, Detect, Limits};
pub use catalog::Catalog;
pub use catalog_url::{BadCatalogUrl, CatalogUrl};
pub use command::{Action, Command};
pub use cron::Cron;
pub use declaration::{API_VERSION, Declaration, KindName, Labels, Metadata, Reference, Spec, references};
pub use dram_fields::{
    AbsolutePath, Bucket, Bytes, CloudName, Container, Duration, Endpoint, HostAndPort, LogicalPath, MemberName, Name,
    Percent, Prefix, ProfileName, Rate, Region, Scalar, SshAddress, Whole,
};
pub use drill::{Drill, DrillApart, DrillPlace};
pub use driver::DriverSite;
pub use hook::{ConsistencyGroup, Hook, HookDeed, HookRequest, HttpMethod, Moment, OnError, Place, Pods, Scale};
pub use kubernetes::{Claims, Kubernetes, KubernetesSite, Resources, Selector};
pub use method::{
    CinderBackupMethod, CsiSnapshotMethod, DataKind, DefinitionMethod, DumpMethod, Durability, FilesMethod,
    ImageMethod, MethodMatch, MethodOptions, MethodRule, Tracking, VeleroMethod, VolsyncMethod,
};
pub use observed::{Observed, ObservedApplication, ObservedComponent, ObservedSite, Unknown};
pub use openstack::{CloudExclude, CloudItem, CloudItemBy, Openstack, OpenstackSite};
pub use pair::{InitialSync, Journal, OnOverflow, PairState, ReplicationMode, ReplicationPair, Via};
pub use plan::{
    ApplicationChoice, Applications, Approvals, Failback, FailbackMode, FailbackWhen, Mapping, Mappings, OnMissing,
    RecoveryPlan, Strategy, Target, Wave, has_labels,
};
pub use policy::{
    Anomaly, AnomalyAction, AppliesTo, Consistency, Missed, Objectives, ProtectionPolicy, Retention, Schedule,
    Transfer, VaultUse, Verify, VerifyLevel, When, Window,
};
pub use profile::{Parameter, ParameterType, Profile, ProfileComponent, ProfileUse};
pub use secret::{KubernetesSecret, SecretRef, SecretSource};
pub use site::{Capacity, Fencing, FencingBy, FencingCommand, Guard, HostSite, ManualFencing, Platform, RecoverySite};
pub use timezone::{TimeOfDay, Timezone};
pub use traffic::{Dns, DnsRecord, DnsServer, RecordType, Rfc2136, Route53, Traffic, TrafficBy};
pub use vault::{AccessKeys, CredentialSource, Credentials, Directory, Lock, LockMode, S3, Store, Swift, Vault};
pub use whole::{Model, after_order};
