//! How users reach what came back.

use super::{Command, HookRequest, SecretRef};
use dram_fields::{Duration, Fields};
use std::collections::BTreeMap;

/// How users are led to the site where an application came back.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Traffic {
    /// By which means.
    #[field(one_of)]
    pub by: TrafficBy,
    /// How long users may still go to the old place after it was switched. It counts in the RTO.
    #[field(default = Duration::seconds(0))]
    pub ttl: Duration,
}

/// Means to lead users to a site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum TrafficBy {
    /// Records of the domain name system.
    Dns(Dns),
    /// A request over HTTP, as to a load balancer.
    Http(HookRequest),
    /// A command of yours, where the engine runs.
    Command(Command),
}

/// Records of the domain name system that are changed.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Dns {
    /// Who keeps the records.
    #[field(one_of)]
    pub by: DnsServer,
    /// The records.
    #[field(block = "record", key = "name", min = 1)]
    pub records: Vec<DnsRecord>,
}

/// Who keeps records of the domain name system.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum DnsServer {
    /// A name server that takes dynamic updates (RFC 2136).
    Rfc2136(Rfc2136),
    /// Amazon Route 53.
    Route53(Route53),
}

/// A name server that takes dynamic updates, signed with TSIG (RFC 8945).
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Rfc2136 {
    /// Its address, `host` or `host:port`.
    pub server: String,
    /// The zone.
    pub zone: String,
    /// Name of the key that signs updates.
    pub key_name: Option<String>,
    /// The key.
    pub key: Option<SecretRef>,
}

/// A hosted zone of Amazon Route 53.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Route53 {
    /// Id of the hosted zone.
    pub zone_id: String,
}

/// A record, and what it says for each site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DnsRecord {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[field(default = RecordType::A)]
    pub r#type: RecordType,
    /// The value for each site, by the site's name.
    #[field(min = 1)]
    pub values: BTreeMap<String, String>,
}

/// What a record holds.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
}
