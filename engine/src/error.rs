//! What can go wrong, and the way out of it.

use crate::exit::Exit;
use crate::runbook::Refusal;
use crate::site::SiteError;
use crate::vault::{StoreError, VaultError};
use dram_catalog::CatalogError;
use dram_catalog::record::declaration::DeclareError;
use dram_catalog::record::lease::LeaseError;
use std::io;

/// Why the engine could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A declaration was not accepted.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The lease of an application.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A model file.
    #[error(transparent)]
    Read(#[from] dram_files::ReadError),
    /// A site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A secret could not be read.
    #[error("{what} of vault `{vault}` cannot be read from {place}: {why}")]
    Secret {
        /// The vault.
        vault: String,
        /// Which secret.
        what: &'static str,
        /// The reference, never the secret.
        place: String,
        /// Why.
        why: String,
    },
    /// The declarations do not make a model.
    #[error("the declarations do not fit together: {why}")]
    Model {
        /// The first reason.
        why: String,
    },
    /// An address or name that cannot be used.
    #[error("{why}")]
    Usage {
        /// What is wrong.
        why: String,
        /// The way out.
        help: String,
    },
    /// Something that is not declared.
    #[error("{kind} `{name}` is not declared")]
    NotDeclared {
        /// What kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is declared instead, or what to do.
        help: String,
    },
    /// Something that the language can say and this engine does not carry out yet.
    #[error("{what} is not carried out by this version of dram")]
    NotYet {
        /// The field, and of which declaration.
        what: String,
    },
    /// No point to restore.
    #[error("{what}")]
    NoPoint {
        /// What was looked for and not found.
        what: String,
        /// The way out.
        help: String,
    },
    /// Another writer took over.
    #[error("application `{application}` was taken over under epoch {epoch} by site `{site}`")]
    Superseded {
        /// The application.
        application: String,
        /// The epoch that holds now.
        epoch: u64,
        /// Its site.
        site: String,
    },
    /// Vault and catalog disagree about who writes.
    #[error(
        "the vault knows epoch {vault} of application `{application}` (site `{site}`), the catalog only epoch {catalog}"
    )]
    SplitBrain {
        /// The application.
        application: String,
        /// The vault's epoch.
        vault: u64,
        /// The site that the vault names.
        site: String,
        /// The catalog's epoch.
        catalog: u64,
    },
    /// The point is made, and a further vault did not get it.
    #[error("{what}")]
    Partial {
        /// What is missing, and why.
        what: String,
        /// The way out.
        help: String,
    },
    /// A run was interrupted.
    #[error("interrupted")]
    Interrupted {
        /// The run, when it can be resumed by its id.
        run: Option<String>,
    },
    /// Somebody wished that a run pauses.
    #[error("run {run} is paused, as {by} wished")]
    Paused {
        /// The run.
        run: String,
        /// Who wished it.
        by: String,
    },
    /// Somebody wished that a run ends.
    #[error("run {run} is canceled, as {by} wished")]
    Canceled {
        /// The run.
        run: String,
        /// Who wished it.
        by: String,
    },
    /// A run's record cannot be used.
    #[error("run {run} cannot be resumed: {why}")]
    NotResumable {
        /// The run.
        run: String,
        /// Why.
        why: String,
    },
    /// A local file.
    #[error("cannot {what} `{path}`: {source}")]
    File {
        /// `read`, `write`.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// The way out.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Catalog(error) => error.help(),
            Self::Declare(error) => error.help(),
            Self::Lease(error) => error.help(),
            Self::Vault(error) => return error.help(),
            Self::Site(error) => error.help(),
            Self::Refused(refusal) => refusal.help(),
            Self::Secret { .. } => "set the variable, or give the file to the user that runs the engine".to_owned(),
            Self::Model { .. } => "`dramc check` shows every finding at its line".to_owned(),
            Self::Partial { help, .. }
            | Self::Usage { help, .. }
            | Self::NotDeclared { help, .. }
            | Self::NoPoint { help, .. } => help.clone(),
            Self::NotYet { .. } => {
                "`dramc` checks, proves and compiles it; leave it out of what this engine is to carry out".to_owned()
            }
            Self::Superseded { site, .. } => {
                format!("it runs at `{site}` now; nothing was sealed under the older epoch")
            }
            Self::SplitBrain { site, .. } => format!(
                "if it really runs at `{site}`, say so with `dram adopt`; otherwise restore it where it should run"
            ),
            Self::Interrupted { run: Some(run) } => {
                format!("`dram resume {run}` goes on, or the same command begins anew")
            }
            Self::Paused { run, .. } => {
                format!(
                    "`dram resume {run}` goes on, `dram cancel {run}` ends it; until then no other run of it begins"
                )
            }
            Self::Canceled { .. } => {
                "what it stored is not offered, and goes with the next prune; the same command begins anew".to_owned()
            }
            Self::Interrupted { run: None } => "the same command goes on".to_owned(),
            Self::NotResumable { .. } => "`dram runs` lists the runs; start the command itself again".to_owned(),
            Self::File { .. } | Self::Read(_) => return None,
        })
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::Superseded { .. } | Self::SplitBrain { .. } | Self::NotYet { .. } => Exit::Refused,
            Self::Catalog(CatalogError::NotAtomic { .. }) => Exit::Refused,
            // A schedule that overlaps itself is no failure.
            Self::Lease(LeaseError::Held { .. }) => Exit::Refused,
            Self::Catalog(error)
            | Self::Declare(DeclareError::Catalog(error))
            | Self::Lease(LeaseError::Catalog(error))
                if error.is_unreachable() =>
            {
                Exit::Unreachable
            }
            Self::Declare(DeclareError::Catalog(_)) => Exit::Failed,
            Self::Declare(_) => Exit::Refused,
            Self::Interrupted { .. } | Self::Paused { .. } => Exit::Interrupted,
            Self::Vault(error) if error.is_canceled() => Exit::Interrupted,
            Self::Vault(VaultError::InUse { .. } | VaultError::KeyStays { .. }) => Exit::Refused,
            Self::Vault(VaultError::Store(StoreError::Storage(error))) if error.is_transient() => Exit::Unreachable,
            Self::Usage { .. } => Exit::Usage,
            Self::Partial { .. } => Exit::Partial,
            _ => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_has_its_code() {
        let usage = Error::Usage {
            why: "no catalog is named".to_owned(),
            help: "give `--catalog URL`".to_owned(),
        };
        let cases = [
            (usage, Exit::Usage),
            (Error::Interrupted { run: None }, Exit::Interrupted),
            (Error::Vault(VaultError::Canceled), Exit::Interrupted),
            (Error::Model { why: String::new() }, Exit::Failed),
        ];
        for (error, exit) in cases {
            assert_eq!(error.exit(), exit, "{error}");
        }
    }
}
