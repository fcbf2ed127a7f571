//! Where applications run.

use super::{Command, DriverSite, KubernetesSite, OpenstackSite, SecretRef};
use dram_fields::{AbsolutePath, Bytes, Duration, Fields, Name, Rate, Region, SshAddress, Whole};

/// A place that runs or can run an application.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct RecoverySite {
    /// What kind of place it is.
    #[field(one_of)]
    pub platform: Platform,
    /// What fails together with this site: a building, a region, a power feed. Two sites or vaults with the same
    /// failure domain are lost together.
    pub failure_domain: Name,
    /// The region in which it lies, for people who read plans and reports.
    pub region: Option<Region>,
    /// Name of the engine that reaches it, where several serve (`dram serve --as NAME`). Without it: whichever can.
    pub engine: Option<Name>,
    /// How much it can take in.
    pub capacity: Option<Capacity>,
    /// How fast data leaves and reaches the site. Without it the proof of an objective rests on an assumption.
    pub bandwidth: Option<Rate>,
    /// How the site is kept from running what was taken over elsewhere. Without it a person attests that it stopped.
    pub fencing: Option<Fencing>,
}

/// What kind of place a site is.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Platform {
    /// A host: directories, block devices, dumps and services.
    Host(HostSite),
    /// A Kubernetes cluster.
    Kubernetes(KubernetesSite),
    /// A project of an OpenStack cloud.
    Openstack(OpenstackSite),
    /// A place that a driver of yours knows: the program `dram-driver-NAME`.
    Driver(DriverSite),
}

impl Platform {
    /// The word by which a document names it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Host(_) => Self::HOST.name,
            Self::Kubernetes(_) => Self::KUBERNETES.name,
            Self::Openstack(_) => Self::OPENSTACK.name,
            Self::Driver(_) => Self::DRIVER.name,
        }
    }
}

/// A host as a site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct HostSite {
    /// Where it is reached. Without it: the machine where the engine runs.
    pub address: Option<SshAddress>,
    /// The private key by which it is reached.
    pub identity: Option<SecretRef>,
    /// Put before every path of a component, so that one application can live below different roots.
    #[field(default = AbsolutePath::root())]
    pub root: AbsolutePath,
}

/// How much a site can take in.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Processor cores.
    pub cpu: Option<Whole<1, 1_000_000>>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Storage. What can come back here at once must fit in it.
    pub storage: Option<Bytes>,
}

/// How a site is kept from running what was taken over elsewhere.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Fencing {
    /// By which means.
    #[field(one_of)]
    pub by: FencingBy,
}

/// Means to keep a site from running an application.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum FencingBy {
    /// A person attests that it stopped.
    Manual(ManualFencing),
    /// A small service at the site, `dram guard`, stops the application when it no longer hears of the catalog.
    Guard(Guard),
    /// Its power is cut.
    Power(FencingCommand),
    /// Its network is cut.
    Network(FencingCommand),
    /// A command of yours keeps it from running, from outside of the site.
    Command(Command),
}

impl FencingBy {
    /// The word by which a document names it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Manual(_) => Self::MANUAL.name,
            Self::Guard(_) => Self::GUARD.name,
            Self::Power(_) => Self::POWER.name,
            Self::Network(_) => Self::NETWORK.name,
            Self::Command(_) => Self::COMMAND.name,
        }
    }

    /// Whether no person is needed: what automation asks for.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        !matches!(self, Self::Manual(_))
    }

    /// The longest that it may take.
    #[must_use]
    pub const fn longest(&self) -> Option<Duration> {
        match self {
            Self::Manual(_) => None,
            // Who waits for an expiry waits for half as long again, on its own clock.
            Self::Guard(guard) => Some(Duration::seconds(
                guard.ttl.seconds.saturating_add(guard.ttl.seconds / 2),
            )),
            Self::Power(by) | Self::Network(by) => Some(by.command.timeout),
            Self::Command(command) => Some(command.timeout),
        }
    }
}

/// A person attests.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ManualFencing {}

/// A service at the site that stops the application by itself.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Guard {
    /// Without a sign from the catalog for so long the application is stopped.
    pub ttl: Duration,
}

/// A command that fences a site. It runs where the engine runs, and exits with 0 only when the site can no longer act.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct FencingCommand {
    /// The command.
    pub command: Command,
}
