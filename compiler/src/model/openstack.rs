//! OpenStack: projects as sites, servers and what belongs to them as components.

use dram_fields::{CloudName, Fields, Region};

/// A project of an OpenStack cloud as a site. Two regions or two projects of a cloud are two sites.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct OpenstackSite {
    /// Name of the cloud in the engine's `clouds.yaml`, which says address and user.
    pub cloud: CloudName,
    /// The region of the cloud. Without it: what `clouds.yaml` says.
    pub region: Option<Region>,
    /// The project, by name or id. Without it: what `clouds.yaml` says.
    pub project: Option<String>,
}

/// A component in an OpenStack cloud, named as at the site where the application runs by preference. A server brings its
/// volumes and ports with it. Servers and volumes hold data; everything else is a definition, which is kept with each point.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Openstack {
    /// Servers.
    #[field(block = "server")]
    pub servers: Vec<CloudItem>,
    /// Volumes, beside those of the servers.
    #[field(block = "volume")]
    pub volumes: Vec<CloudItem>,
    /// Networks.
    #[field(block = "network")]
    pub networks: Vec<CloudItem>,
    /// Subnets.
    #[field(block = "subnet")]
    pub subnets: Vec<CloudItem>,
    /// Routers.
    #[field(block = "router")]
    pub routers: Vec<CloudItem>,
    /// Ports, beside those of the servers.
    #[field(block = "port")]
    pub ports: Vec<CloudItem>,
    /// Security groups.
    #[field(block = "security_group")]
    pub security_groups: Vec<CloudItem>,
    /// Key pairs.
    #[field(block = "key_pair")]
    pub key_pairs: Vec<CloudItem>,
    /// Floating addresses.
    #[field(block = "floating_address")]
    pub floating_addresses: Vec<CloudItem>,
    /// What servers do not bring with them.
    pub exclude: Option<CloudExclude>,
}

impl Openstack {
    /// Whether it holds data: servers and volumes do, networks and what stands around them are definitions.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        !(self.servers.is_empty() && self.volumes.is_empty())
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let lists = [
            &self.servers,
            &self.volumes,
            &self.networks,
            &self.subnets,
            &self.routers,
            &self.ports,
            &self.security_groups,
            &self.key_pairs,
            &self.floating_addresses,
        ];
        lists.into_iter().all(Vec::is_empty)
    }
}

/// Something of a cloud, or several: all that have a tag.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct CloudItem {
    /// How it is found.
    #[field(one_of)]
    pub by: CloudItemBy,
}

/// How something of a cloud is found.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum CloudItemBy {
    /// By its name, which must be unique in the project.
    Name(String),
    /// By its id.
    Id(String),
    /// All that have this tag.
    Tag(String),
}

/// What servers do not bring with them.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct CloudExclude {
    /// Volumes.
    #[field(block = "volume")]
    pub volumes: Vec<CloudItem>,
    /// Ports.
    #[field(block = "port")]
    pub ports: Vec<CloudItem>,
}
