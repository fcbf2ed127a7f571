//! What people say about a point: it is held, or not to be restored without asking.

use super::closure::Closure;
use super::points::Source;
use super::{Engine, application_name};
use crate::error::Error;
use crate::opening;
use crate::runbook::CopyRef;
use crate::vault::{Attestation, Origin, Statement, VaultError};
use dram_catalog::Name;
use dram_catalog::record::lease::{Lease, LeaseError};
use dram_storage::crash;
use schemars::JsonSchema;
use serde::Serialize;

/// What is said about which point.
#[derive(Debug, Clone)]
pub struct MarkRequest {
    /// The point.
    pub point: String,
    /// Only in this vault of the policy; in all that hold the point when not named.
    pub vault: Option<String>,
    /// What is said.
    pub statement: Statement,
}

/// What came of it in one vault.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Marked {
    /// The point.
    pub point: String,
    /// The vault.
    pub vault: String,
    /// What is said now of the point there.
    pub statement: Statement,
    /// Why it could not be written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Engine {
    /// Attests something about a point in every vault that holds it, or in one. A vault that cannot be asked does not keep the
    /// others from knowing.
    ///
    /// # Errors
    /// No vault holds the point, or none could be asked; a prune is at work, which may have decided about the point already.
    pub fn mark(&self, request: &MarkRequest) -> Result<Vec<Marked>, Error> {
        let point = request.point.to_ascii_uppercase();
        let source = Source {
            vault: request.vault.as_deref(),
            as_of: None,
        };
        let application = self.application_of(&point, source)?;
        let closure = self.closure(&application)?.reading_from(request.vault.as_deref())?;
        let lease = self.beside_runs(&application_name(&application)?)?;
        let mut marked = Vec::new();
        let mut first_failure = None;
        let wanted = |copy: &&CopyRef| request.vault.as_ref().is_none_or(|name| *name == copy.vault.name);
        for copy in closure.vaults.iter().filter(wanted) {
            crash::point(crash::Kind::Step);
            let done = self.mark_in(&closure, copy, &point, &request.statement);
            let failed = match done {
                Ok(false) => continue,
                Ok(true) => None,
                Err(error) => {
                    let text = error.to_string();
                    first_failure.get_or_insert(error);
                    Some(text)
                }
            };
            marked.push(Marked {
                point: point.clone(),
                vault: copy.vault.name.clone(),
                statement: request.statement.clone(),
                failed,
            });
        }
        crash::point(crash::Kind::Step);
        if let Some(lease) = lease {
            lease.release()?;
        }
        match first_failure {
            _ if marked.iter().any(|one| one.failed.is_none()) => Ok(marked),
            Some(error) => Err(error),
            None => Err(VaultError::UnknownPoint { point }.into()),
        }
    }

    /// Whether the vault holds the point, about which it knows the statement then.
    fn mark_in(&self, closure: &Closure, copy: &CopyRef, point: &str, statement: &Statement) -> Result<bool, Error> {
        let vault = opening::vault(&copy.vault)?;
        let place = vault.repository(self.catalog.tenant().as_str(), &closure.name)?;
        if !place.exists()? {
            return Ok(false);
        }
        let repository = self.repository_in(closure, &vault, &copy.vault)?;
        let Some(sealed) = repository.points()?.into_iter().find(|sealed| sealed.point == point) else {
            return Ok(false);
        };
        let time = self.clock().now();
        let attestation = Attestation {
            point: point.to_owned(),
            by: self.who.clone(),
            at: time.to_string(),
            statement: statement.clone(),
        };
        let host = sealed.manifest.map(|manifest| manifest.site).unwrap_or_default();
        repository.attest(&attestation, &Origin { host, time })?;
        Ok(true)
    }

    /// The application's lease, so that no prune begins; nothing while a run has it, which removes no points and may take
    /// hours.
    fn beside_runs(&self, application: &Name) -> Result<Option<Lease>, Error> {
        match self.lease(application) {
            Ok(lease) => Ok(Some(lease)),
            Err(Error::Lease(LeaseError::Held { .. })) if !self.live_points(application)?.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
