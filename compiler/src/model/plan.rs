//! How an application comes back elsewhere.

use super::{Automation, Drill, Traffic};
use dram_fields::{Fields, MemberName, Name, Scalar, Whole};
use std::collections::BTreeMap;

/// How applications come back elsewhere.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct RecoveryPlan {
    /// The applications that come back by this plan.
    pub applications: Applications,
    /// The sites where they can come back, the preferred one first.
    #[field(block = "target", key = "site", min = 1)]
    pub targets: Vec<Target>,
    /// How much stands ready at the targets.
    #[field(default = Strategy::BackupRestore)]
    pub strategy: Strategy,
    /// What is named differently there.
    pub mappings: Option<Mappings>,
    /// In which order things start, where that is not what `after` of the components says. What no wave names starts last.
    #[field(block = "wave")]
    pub waves: Vec<Wave>,
    /// How users reach what came back.
    pub traffic: Option<Traffic>,
    /// How the plan is tried.
    pub drill: Option<Drill>,
    /// How applications return to their preferred site.
    pub failback: Option<Failback>,
    /// What happens without a person.
    pub automation: Option<Automation>,
    /// How many persons must approve.
    pub approvals: Option<Approvals>,
}

/// A choice of applications.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Applications {
    /// How they are chosen.
    #[field(one_of)]
    pub choice: ApplicationChoice,
}

/// How applications are chosen.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum ApplicationChoice {
    /// By their names.
    #[field(refers = "Application", min = 1)]
    Names(Vec<Name>),
    /// All that have these labels, with these values.
    #[field(min = 1)]
    Labels(BTreeMap<String, Scalar>),
}

impl Applications {
    /// The names, where they are chosen by name.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        match &self.choice {
            ApplicationChoice::Names(names) => names,
            ApplicationChoice::Labels(_) => &[],
        }
    }

    /// Whether it chooses an application with these labels.
    #[must_use]
    pub fn chooses(&self, name: &str, labels: &BTreeMap<String, Scalar>) -> bool {
        match &self.choice {
            ApplicationChoice::Names(names) => names.iter().any(|chosen| chosen.as_ref() == name),
            ApplicationChoice::Labels(wanted) => has_labels(labels, wanted),
        }
    }
}

/// Whether something has all labels that are wanted, with their values.
#[must_use]
pub fn has_labels(labels: &BTreeMap<String, Scalar>, wanted: &BTreeMap<String, Scalar>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// A site where applications can come back.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the site.
    #[field(refers = "RecoverySite")]
    pub site: Name,
    /// Targets with a lower number are preferred. Without it: the order in which they are written.
    pub priority: Option<Whole<1, 1000>>,
}

impl RecoveryPlan {
    /// The targets, the preferred one first.
    #[must_use]
    pub fn preferred(&self) -> Vec<&Target> {
        let mut targets: Vec<&Target> = self.targets.iter().collect();
        // Stable: those without a number stay in their order, behind those that have one.
        targets.sort_by_key(|target| target.priority.map_or(u32::MAX, Whole::get));
        targets
    }
}

/// How much stands ready at the targets before it is needed.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing: data is restored from a vault.
    BackupRestore,
    /// The data is kept in step; services are started when needed.
    PilotLight,
    /// The data is kept in step, and services run on a small scale.
    WarmStandby,
    /// The data is kept in step, and services run.
    HotStandby,
    /// Applications run at several sites at once; their data replicates itself.
    ActiveActive,
}

/// What is named differently at the targets. What no mapping names keeps its name there: so do the networks, security
/// groups and key pairs that are components, because they come back too.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Mappings {
    /// Namespaces of Kubernetes.
    pub namespace: Option<Mapping>,
    /// Storage classes of Kubernetes, and volume types of OpenStack.
    pub storage_class: Option<Mapping>,
    /// Networks, by name or id: those that are there at both sites and are no components, such as a provider's.
    pub network: Option<Mapping>,
    /// Subnets, by name or id, as with networks.
    pub subnet: Option<Mapping>,
    /// Sizes of servers: flavors of OpenStack, by name or id.
    pub flavor: Option<Mapping>,
    /// Images of containers and servers.
    pub image: Option<Mapping>,
    /// Availability zones.
    pub zone: Option<Mapping>,
    /// Registries of container images. The longest key with which the name of an image begins is replaced.
    pub registry: Option<Mapping>,
    /// Paths of components. The longest key that a path begins with is replaced, before the site's root is put
    /// before it.
    pub path: Option<Mapping>,
    /// Ranges of addresses. An address keeps its place in the range.
    pub cidr: Option<Mapping>,
    /// Names by which things are found.
    pub dns: Option<Mapping>,
}

/// How names of one sort are mapped.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Mapping {
    /// From the name at the preferred site to the name at the targets.
    pub values: BTreeMap<String, String>,
    /// What happens to a name that no key matches.
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

/// What starts together, once everything of the waves before is healthy.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Wave {
    /// Applications (`shop`) or single components of them (`shop/db`).
    #[field(min = 1)]
    pub members: Vec<MemberName>,
}

/// How applications return to their preferred site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Failback {
    /// How much is sent back.
    #[field(default = FailbackMode::Delta)]
    pub mode: FailbackMode,
    /// When it happens.
    #[field(default = FailbackWhen::Manual)]
    pub when: FailbackWhen,
}

/// How much is sent back.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailbackMode {
    /// What changed, where the data of before is still there.
    Delta,
    /// Everything.
    Full,
}

/// When applications return.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailbackWhen {
    /// When a person asks for it.
    Manual,
    /// It is offered as soon as the preferred site is ready; a person agrees.
    Offered,
}

/// How many persons must approve before something is done.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Approvals {
    /// Before an application is taken over.
    pub failover: Option<Whole<1, 10>>,
    /// Before it returns.
    pub failback: Option<Whole<1, 10>>,
    /// Before a failover is committed.
    pub commit: Option<Whole<1, 10>>,
}
