//! Who is told when protection is at risk.

use super::{Command, SecretRef};
use dram_fields::{Duration, Fields, Percent};

/// When somebody is told, and who.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Alerts {
    /// When the newest point is older than this part of the RPO.
    #[field(default = Percent::clamped(80))]
    pub rpo_at: Percent,
    /// When nothing was heard of the protection for so long: neither success nor failure. Without it: after three times the RPO.
    pub silence: Option<Duration>,
    /// Who is told.
    pub notify: Vec<Notify>,
}

/// Somebody who is told.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Notify {
    /// By which means.
    #[field(one_of)]
    pub by: NotifyBy,
}

/// Means to tell somebody.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum NotifyBy {
    /// A JSON document is sent over HTTP.
    Webhook(Webhook),
    /// A mail is sent.
    Email(Email),
    /// A command is run where the engine runs; it reads a JSON document from its standard input.
    Command(Command),
}

/// An address that takes JSON documents.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The address, `https://` or `http://`.
    pub url: String,
    /// What signs each document (HMAC-SHA-256), so that its reader knows who wrote it.
    pub secret: Option<SecretRef>,
}

/// People who get mail.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Email {
    /// Their addresses.
    #[field(min = 1)]
    pub to: Vec<String>,
    /// Who writes. Without it: `dram@` and the name of the machine.
    pub from: Option<String>,
    /// The mail server, `host` or `host:port`. Without it: the machine's own.
    pub server: Option<String>,
}
