//! Why a declaration was refused.

use jiff::Timestamp;

use super::{Manager, ManagerKind, Subject};
use crate::BadName;
use crate::error::CatalogError;

/// A declaration or its withdrawal was refused.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// Somebody else manages it.
    #[error("{subject} is managed by {manager}")]
    Managed {
        /// The object.
        subject: Subject,
        /// Its manager.
        manager: Manager,
        /// Who was refused.
        asked: ManagerKind,
    },
    /// It was to be created, and exists.
    #[error("{subject} exists already, managed by {manager}")]
    Exists {
        /// The object.
        subject: Subject,
        /// Its manager.
        manager: Manager,
    },
    /// It was changed since the writer saw it last.
    #[error("{subject} was changed since number {base}: number {number} was written by {by} at {at}")]
    Changed {
        /// The object.
        subject: Subject,
        /// What the writer had seen.
        base: u64,
        /// What stands.
        number: u64,
        /// Who wrote that.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// It was destroyed since the writer saw it last.
    #[error("{subject} was destroyed since number {base}, by {by} at {at}")]
    Destroyed {
        /// The object.
        subject: Subject,
        /// What the writer had seen.
        base: u64,
        /// Who destroyed it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The writer had seen it, and the catalog has never held it.
    #[error("{subject} was never declared in this catalog, although number {base} of it was seen")]
    Unheard {
        /// The object.
        subject: Subject,
        /// What the writer had seen.
        base: u64,
    },
    /// It refers to what is not declared.
    #[error("{subject} refers to {missing}, which is not declared")]
    Dangling {
        /// The object.
        subject: Subject,
        /// What it refers to.
        missing: Subject,
    },
    /// It cannot be withdrawn while others refer to it.
    #[error("{subject} is in use: {} to it", refer(referrers))]
    Referred {
        /// The object.
        subject: Subject,
        /// Who refers to it.
        referrers: Vec<Subject>,
    },
    /// It cannot be withdrawn while a run works on it.
    #[error("run `{run}` is working on {subject}")]
    Working {
        /// The object.
        subject: Subject,
        /// The run.
        run: String,
    },
    /// It kept changing under the writer's hands.
    #[error("{subject} is being changed by others faster than it can be declared")]
    Contended {
        /// The object.
        subject: Subject,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<BadName> for DeclareError {
    fn from(error: BadName) -> Self {
        DeclareError::Catalog(error.into())
    }
}

impl DeclareError {
    /// The way out.
    pub fn help(&self) -> String {
        match self {
            DeclareError::Managed { manager, asked, .. } => match (asked, manager.kind) {
                (ManagerKind::Cli, _) => {
                    "change it there, or take it over with `dram apply --take-over`; its manager will then see it changed".to_owned()
                }
                (ManagerKind::Terraform, _) => {
                    "import it into this resource, or remove it where it is managed".to_owned()
                }
                (ManagerKind::Api, _) => "change it where it is managed".to_owned(),
            },
            DeclareError::Exists { subject, .. } => {
                format!("import it instead of creating it: its id is `{}`", subject.name)
            }
            DeclareError::Changed { .. } => "refresh, look at the difference, and apply again".to_owned(),
            DeclareError::Destroyed { .. } => "refresh; applying again declares it anew".to_owned(),
            DeclareError::Unheard { .. } => {
                "see that this is the right catalog and tenant; a lost one comes back with `dram catalog rebuild`".to_owned()
            }
            DeclareError::Dangling { missing, .. } => format!("declare {missing} first, or correct the name"),
            DeclareError::Referred { .. } => "change or remove what refers to it first".to_owned(),
            DeclareError::Working { run, .. } => {
                format!("wait until it has ended (`dram log {run}`), or stop it with `dram cancel {run}`")
            }
            DeclareError::Contended { .. } => "run the same command again".to_owned(),
            DeclareError::Catalog(error) => error.help(),
        }
    }
}

fn refer(referrers: &[Subject]) -> String {
    let mut text = referrers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    text.push_str(if referrers.len() == 1 { " refers" } else { " refer" });
    text
}
