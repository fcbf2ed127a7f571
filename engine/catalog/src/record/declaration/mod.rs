//! Declarations: what ought to be, and who manages it.
//!
//! Everyone declares through one door, [`Catalog::declare`](crate::Catalog::declare): `dram apply`, the provider, the API. It
//! knows one manager for each declaration and one order of changes, and refuses in words whoever does not fit.

mod decide;
mod door;
mod refusal;
mod typed;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::CatalogError;
use crate::name::{KindTag, Name};

pub use refusal::DeclareError;

/// An object that can be declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Its kind.
    pub kind: KindTag,
    /// Its name.
    pub name: Name,
}

impl Subject {
    /// Checks both words.
    pub fn new(kind: &str, name: &str) -> Result<Self, crate::BadName> {
        Ok(Subject {
            kind: KindTag::new(kind)?,
            name: Name::new("name", name)?,
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// The program that manages a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagerKind {
    /// A Terraform or OpenTofu resource. Its id is random, made when the resource is created; import adopts the one that
    /// stands in the record.
    Terraform,
    /// `dram apply`. All its users manage together; the id says who it was last.
    Cli,
    /// A client of the API.
    Api,
}

impl fmt::Display for ManagerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagerKind::Terraform => "terraform",
            ManagerKind::Cli => "dram apply",
            ManagerKind::Api => "the API",
        })
    }
}

/// Who manages a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// The program.
    pub kind: ManagerKind,
    /// Which one of them.
    pub id: String,
}

impl Manager {
    /// Whether this manager may change what `standing` manages.
    fn owns(&self, standing: &Manager) -> bool {
        match self.kind {
            ManagerKind::Terraform => self.id == standing.id,
            ManagerKind::Cli => standing.kind == ManagerKind::Cli,
            ManagerKind::Api => self == standing,
        }
    }

    /// Whether the record would name the same manager.
    fn stands_as(&self, standing: &Manager) -> bool {
        self == standing || (self.kind == ManagerKind::Cli && standing.kind == ManagerKind::Cli)
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.id.escape_debug())
    }
}

/// How declaring ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The number under which it stands: the base of the next change.
    pub number: u64,
    /// Who manages it.
    pub manager: Manager,
    /// Whether anything was written. `false`: it stood so already.
    pub changed: bool,
}

/// How withdrawing ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// A tombstone stands under this number now.
    Now {
        /// The number.
        number: u64,
    },
    /// It had been withdrawn before, or was never declared.
    Before,
}

/// A declaration as it stands, or stood last. `D` is what is declared: JSON inside, the compiler's type outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<D> {
    /// What it declares.
    pub subject: Subject,
    /// The number under which it stands.
    pub number: u64,
    /// Who manages it.
    pub manager: Manager,
    /// Who wrote it.
    pub by: String,
    /// When, by the writer's wall clock.
    pub at: Timestamp,
    /// What is declared.
    pub declaration: D,
    /// The objects that it refers to.
    pub references: Vec<Subject>,
}

/// All declarations of a tenant: those that can be read, and why others cannot.
#[derive(Debug)]
pub struct Survey<D> {
    /// What is declared, by kind and name.
    pub live: Vec<Standing<D>>,
    /// Why others cannot be read. Whoever only restores may go on without them; whoever changes anything may not.
    pub unreadable: Vec<CatalogError>,
}

impl<D> Survey<D> {
    /// All of them, or the first reason why not.
    pub fn whole(self) -> Result<Vec<Standing<D>>, CatalogError> {
        match self.unreadable.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(self.live),
        }
    }
}

/// What is to be declared, apart from the compiler's types.
#[derive(Debug, Clone)]
pub(crate) struct Stated {
    pub(crate) subject: Subject,
    pub(crate) body: Value,
    pub(crate) references: Vec<Subject>,
}

/// The last record of an object.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) standing: Standing<Value>,
    pub(crate) destroyed: bool,
}

/// A declaration's body as it is written. A tombstone holds the last declaration.
#[derive(Serialize, Deserialize)]
struct Wire {
    manager: Manager,
    destroyed: bool,
    declaration: Value,
    references: Vec<(String, String)>,
}

#[cfg(test)]
mod tests;
