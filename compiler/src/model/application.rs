//! What is protected.

use super::{Command, ConsistencyGroup, Hook, Moment, ProfileUse};
use dram_fields::{Bytes, Duration, Fields, LogicalPath, Name, Rate};

/// What is protected: components with their data, order and health.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Application {
    /// The site where it runs by preference. Where it runs now is observed.
    #[field(refers = "RecoverySite")]
    pub site: Name,
    /// The policy that protects it.
    #[field(refers = "ProtectionPolicy")]
    pub policy: Name,
    /// Its parts.
    #[field(block = "component", key = "name", min = 1)]
    pub components: Vec<Component>,
    /// Components whose data must stem from one moment.
    #[field(block = "consistency_group", key = "name")]
    pub consistency_groups: Vec<ConsistencyGroup>,
    /// What is done at the moments of a run.
    #[field(block = "hook")]
    pub hooks: Vec<Hook>,
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
        matches!(&self.body, Some(Body::Host(host)) if !host.paths.is_empty())
    }

    /// Whether it has a device to protect.
    #[must_use]
    pub fn has_device(&self) -> bool {
        matches!(&self.body, Some(Body::Host(host)) if host.device.is_some())
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
    /// What is known of its data before anything was observed. The proof uses it.
    pub data: Option<DataHints>,
    /// How to tell that it is up. It counts as up when every check passes.
    pub health: Vec<Health>,
}

/// What a component consists of.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Body {
    /// Directories, a device, a dump and a service of a host.
    Host(Host),
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

/// What is known of a component's data.
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
    /// Runs a command, which must exit with 0.
    Exec(Command),
}

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
