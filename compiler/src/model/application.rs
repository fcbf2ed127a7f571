//! What is protected.

use super::{Claims, Command, ConsistencyGroup, DataKind, Hook, Kubernetes, Moment, Openstack, Platform, ProfileUse};
use dram_fields::{Bytes, Duration, Fields, HostAndPort, LogicalPath, Name, Rate};

/// What is protected: components with their data, order and health.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Application {
    /// The site where it runs by preference. Where it runs now is observed.
    #[field(refers = "RecoverySite")]
    pub site: Name,
    /// The policy that protects it. Without it: the one whose `appliesTo` fits its labels.
    #[field(refers = "ProtectionPolicy")]
    pub policy: Option<Name>,
    /// Its parts.
    #[field(block = "component", key = "name", min = 1)]
    pub components: Vec<Component>,
    /// Components whose data must stem from one moment.
    #[field(block = "consistency_group", key = "name")]
    pub consistency_groups: Vec<ConsistencyGroup>,
    /// What is done at the moments of a run.
    #[field(block = "hook")]
    pub hooks: Vec<Hook>,
    /// Files that define it for its platform. They are kept with each point.
    pub definition: Option<DefinitionFiles>,
}

/// Files that define an application for its platform.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DefinitionFiles {
    /// In which language.
    #[field(one_of)]
    pub files: DefinitionLanguage,
}

/// Languages in which applications are defined, with the files, beside the model.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum DefinitionLanguage {
    /// The Open Application Model.
    #[field(min = 1)]
    Oam(Vec<String>),
    /// Manifests of Kubernetes, as they are applied.
    #[field(min = 1)]
    Manifests(Vec<String>),
    /// Templates of OpenStack Heat.
    #[field(min = 1)]
    Heat(Vec<String>),
}

impl Application {
    /// Whether a hook brings a component to rest before its data is read.
    #[must_use]
    pub fn brings_to_rest(&self, component: &Component) -> bool {
        let mut before = self.hooks.iter().filter(|hook| hook.at == Moment::BeforeFreeze);
        before.any(|hook| hook.component.as_ref().is_none_or(|of| *of == component.name))
    }
}

impl Component {
    /// Whether it has files to protect.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.kinds_of_data().contains(&DataKind::Files)
    }

    /// Whether it has data to protect.
    #[must_use]
    pub fn has_data(&self) -> bool {
        !self.kinds_of_data().is_empty()
    }

    /// The kinds of data that it has and that are protected. Definitions are none.
    #[must_use]
    pub fn kinds_of_data(&self) -> Vec<DataKind> {
        if self.protect != Protect::Auto {
            return Vec::new();
        }
        let given: &[(bool, DataKind)] = match &self.body {
            Some(Body::Host(host)) => &[
                (!host.paths.is_empty(), DataKind::Files),
                (host.device.is_some(), DataKind::Device),
                (host.dump.is_some(), DataKind::Dump),
            ],
            Some(Body::Kubernetes(kubernetes)) => &[(kubernetes.claims != Claims::Exclude, DataKind::Claim)],
            Some(Body::Openstack(openstack)) => &[
                (!openstack.servers.is_empty(), DataKind::Server),
                (!openstack.volumes.is_empty(), DataKind::Volume),
            ],
            None => &[],
        };
        given.iter().filter(|(is, _)| *is).map(|(_, kind)| *kind).collect()
    }

    /// Whether its definition is protected: of a cluster or cloud everything but what is excluded in words.
    #[must_use]
    pub const fn has_definition(&self) -> bool {
        match (&self.body, self.protect) {
            (Some(Body::Kubernetes(_) | Body::Openstack(_)), Protect::Auto | Protect::Definition) => true,
            (Some(Body::Kubernetes(_) | Body::Openstack(_)), Protect::Exclude) | (Some(Body::Host(_)) | None, _) => {
                false
            }
        }
    }

    /// Whether it has a device to protect.
    #[must_use]
    pub fn has_device(&self) -> bool {
        self.kinds_of_data().contains(&DataKind::Device)
    }

    /// Whether it has data that may change while it is read: files or a device. A dump is a transaction of its own.
    #[must_use]
    pub fn may_change_while_read(&self) -> bool {
        self.has_files() || self.has_device()
    }
}

/// A part of an application with its data, order and health.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Component {
    /// Its name, unique in the application.
    pub name: Name,
    /// Components that must be healthy before this one starts.
    pub after: Vec<Name>,
    /// How it docks, in place of fields that every component of its kind would have. What stands beside it refines it:
    /// fields that are given win, lists replace, blocks merge.
    pub profile: Option<ProfileUse>,
    /// What it consists of.
    #[field(one_of)]
    pub body: Option<Body>,
    /// Whether the application counts as recovered only when this component is up.
    #[field(default = true)]
    pub critical: bool,
    /// How much of it is protected.
    #[field(default = Protect::Auto)]
    pub protect: Protect,
    /// What is known of its data before anything was observed. The proof uses it.
    pub data: Option<DataHints>,
    /// What is kept of the images from which its containers and servers are made.
    pub images: Option<Images>,
    /// Whether several sites write its data at once.
    pub multi_writer: Option<MultiWriter>,
    /// How to tell that it is up. It counts as up when every check passes.
    pub health: Vec<Health>,
}

/// How much of a component is protected.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protect {
    /// Everything that it consists of.
    Auto,
    /// Its definition, and no data.
    Definition,
    /// Nothing: it can be made anew.
    Exclude,
}

/// What is kept of the images from which containers and servers are made.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// Their digests, so that the same ones are fetched again.
    Record,
    /// The images themselves, so that their registry may be lost.
    Capture,
}

/// Whether several sites write data at once.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiWriter {
    /// They do, and the data replicates itself by means of its own.
    External,
}

/// What a component consists of.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Body {
    /// Directories, a device, a dump and a service of a host.
    Host(Host),
    /// Objects and volume claims of a Kubernetes cluster.
    Kubernetes(Kubernetes),
    /// Servers, volumes and networks of an OpenStack cloud.
    Openstack(Openstack),
}

impl Body {
    /// The word by which a document names it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Host(_) => Self::HOST.name,
            Self::Kubernetes(_) => Self::KUBERNETES.name,
            Self::Openstack(_) => Self::OPENSTACK.name,
        }
    }

    /// Whether a site of this kind can hold it. What a driver of yours takes, the driver says.
    #[must_use]
    pub const fn fits(&self, platform: &Platform) -> bool {
        match (self, platform) {
            (_, Platform::Driver(_))
            | (Self::Host(_), Platform::Host(_))
            | (Self::Kubernetes(_), Platform::Kubernetes(_))
            | (Self::Openstack(_), Platform::Openstack(_)) => true,
            (Self::Host(_), Platform::Kubernetes(_) | Platform::Openstack(_))
            | (Self::Kubernetes(_), Platform::Host(_) | Platform::Openstack(_))
            | (Self::Openstack(_), Platform::Host(_) | Platform::Kubernetes(_)) => false,
        }
    }
}

/// A component on a host.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Host {
    /// Files and directories that belong to it, with everything below them; what is mounted there only where it is named itself.
    pub paths: Vec<LogicalPath>,
    /// What is left out, in the patterns of `.gitignore`, relative to each path.
    pub exclude: Vec<String>,
    /// A block device or a disk image that belongs to it, read byte by byte. Links to it are followed, because device names of
    /// volume managers are links.
    pub device: Option<LogicalPath>,
    /// A dump of what cannot be captured as files, such as a running database.
    pub dump: Option<Dump>,
    /// How it is started and stopped.
    pub service: Option<Service>,
}

/// How data is dumped and loaded again.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Dump {
    /// Writes the dump to its standard output. If it fails there is no point.
    pub command: Command,
    /// Reads the dump from its standard input.
    pub restore: Command,
}

/// How a component is started and stopped.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Service {
    /// Returns once it is started; health says whether it is up. Starting what runs already must do nothing.
    pub start: Command,
    /// Returns once it is stopped. Stopping what does not run must do nothing.
    pub stop: Option<Command>,
}

/// What is known of a component's data. Without it, until something was observed, the proof of an objective rests on an
/// assumption.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DataHints {
    /// How much it is.
    pub size: Option<Bytes>,
    /// How much of it changes.
    pub change_rate: Option<Rate>,
}

/// How to tell that a component is up.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Health {
    /// What the check does.
    #[field(one_of)]
    pub probe: Probe,
    /// How long one attempt may take.
    #[field(default = Duration::seconds(5))]
    pub timeout: Duration,
    /// How long after its start it may take until the check passes.
    #[field(default = Duration::seconds(60))]
    pub start_period: Duration,
}

/// What a health check does.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Probe {
    /// Asks an address over HTTP.
    Http(Http),
    /// Opens a connection, and closes it.
    Tcp(Tcp),
    /// Runs a command, which must exit with 0.
    Exec(Command),
    /// Asks the platform: workloads of Kubernetes are ready, servers of a cloud are active.
    Ready(Ready),
}

/// A connection that must open.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Tcp {
    /// The address, `host:port`.
    pub address: HostAndPort,
}

/// The platform is asked.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Ready {}

/// A question over HTTP and the answer that counts as up.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Http {
    /// The address, `http://` or `https://`.
    pub url: String,
    /// The status that must be answered.
    #[field(default = 200)]
    pub status: u32,
    /// Text that the answer must contain. `${DRAM_SITE}`, `${DRAM_APPLICATION}`, `${DRAM_COMPONENT}` and
    /// `${DRAM_RUN}` stand for their values, so that another site's answer at the same address does not pass.
    pub body: Option<String>,
}
