//! Kubernetes: clusters as sites, workloads as components.

use super::SecretRef;
use dram_fields::{Fields, Name, Scalar};
use std::collections::BTreeMap;

/// A Kubernetes cluster as a site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct KubernetesSite {
    /// The configuration by which it is reached. Without it: the cluster in which the engine runs.
    pub kubeconfig: Option<SecretRef>,
    /// The context of that configuration. Without it: its current one.
    pub context: Option<String>,
}

/// A component in a Kubernetes cluster: the objects that a choice finds in a namespace, and the data of their claims.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// The namespace.
    pub namespace: Name,
    /// Which of its objects. Without it: all.
    pub selector: Option<Selector>,
    /// Which kinds of objects. Without it: all that hold intent; what controllers make anew is left out.
    pub resources: Option<Resources>,
    /// How the data of volume claims is captured.
    #[field(default = Claims::Snapshot)]
    pub claims: Claims,
}

/// A choice of objects.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Selector {
    /// Labels that an object must have, with these values.
    pub labels: BTreeMap<String, Scalar>,
}

/// A choice of kinds of objects, by plural name and group: `deployments.apps`, `secrets`, `*.example.com`.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Resources {
    /// Only these.
    pub include: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
}

/// How the data of volume claims is captured.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// By a snapshot of the volume, from which the data moves into the vault.
    Snapshot,
    /// As files, read where the volume is mounted.
    Files,
    /// Not at all: the data is of no worth, or protected in another way.
    Exclude,
}
