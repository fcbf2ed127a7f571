//! Retention, carried out.

use super::points::PointRow;
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::run::{agree, is_partial};
use crate::runbook::{Candidate, Kept, Pruning, prune};
use crate::vault::SealedPoint;
use jiff::Timestamp;
use serde::Serialize;

/// What to prune.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// The application.
    pub application: String,
    /// Decide and show, but do nothing.
    pub dry_run: bool,
    /// Whether it is known that much will go.
    pub acknowledged: bool,
}

/// What pruning did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// The application.
    pub application: String,
    /// Points that stay, each with the rule that keeps it.
    pub kept: Vec<(String, String)>,
    /// Points that went.
    pub removed: Vec<String>,
    /// Whether the policy has a retention at all.
    pub retention: bool,
}

impl Engine {
    /// Prunes the points of an application by its policy's retention.
    ///
    /// # Errors
    /// What a rule refuses, or what failed; nothing half forgotten is offered.
    pub fn prune(&self, request: &PruneRequest, watch: &Watch<'_>) -> Result<PruneReport, Error> {
        let closure = self.closure(&request.application)?;
        let application = application_name(&request.application)?;
        let lease = if request.dry_run {
            None
        } else {
            Some(self.lease(&application)?)
        };
        let repository = self.repository(&closure)?;
        agree(&repository, &closure.name, closure.epoch_number())?;
        let points = repository.points()?;
        let Some(retention) = &closure.policy.retention else {
            let kept = points
                .into_iter()
                .map(|point| (point.point, "no retention".to_owned()))
                .collect();
            return Ok(PruneReport {
                application: request.application.clone(),
                kept,
                removed: Vec::new(),
                retention: false,
            });
        };
        let candidates: Vec<Candidate> = points.iter().map(candidate).collect();
        let Pruning { kept, removed } = prune(&candidates, retention, request.acknowledged || request.dry_run)?;
        if let Some(lease) = lease {
            let plan = repository.plan_prune(&removed, &self.live_points(&application)?, self.clock().now())?;
            lease.check()?;
            repository.forget(&plan, &watch.cancel)?;
            for point in &removed {
                if let Ok(id) = point.parse() {
                    self.catalog.drop_point(&application, id)?;
                }
            }
            lease.check()?;
            repository.prune(&watch.cancel)?;
            lease.release()?;
        }
        let kept = kept
            .into_iter()
            .map(|Kept { point, because }| (point, because.to_owned()))
            .collect();
        Ok(PruneReport {
            application: request.application.clone(),
            kept,
            removed,
            retention: true,
        })
    }
}

fn candidate(point: &SealedPoint) -> Candidate {
    let frozen = point
        .manifest
        .as_ref()
        .map_or(point.sealed_at.as_str(), |manifest| manifest.frozen_at.as_str());
    Candidate {
        point: point.point.clone(),
        class: PointRow::of(point).class,
        // A time that cannot be read counts as the newest: it is not the reason to remove anything.
        frozen_at: frozen.parse().unwrap_or(Timestamp::MAX),
        verified: !point.verified.is_empty(),
        held: point.held.is_some() || point.quarantined.is_some(),
        offered: point.is_offered(),
        whole: point.manifest.as_ref().is_some_and(|manifest| !is_partial(manifest)),
    }
}
