//! Retention, carried out in every vault of the policy by itself.

use super::closure::Closure;
use super::{Engine, Watch, application_name};
use crate::error::Error;
use crate::opening;
use crate::run::Event;
use crate::run::{agree, candidate};
use crate::runbook::{Candidate, CopyRef, Kept, Pruning, prune, worth_copying};
use crate::vault::{Repository, SealedPoint, VaultError};
use dram_catalog::Name;
use dram_catalog::record::lease::Lease;
use dram_storage::crash;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What to prune.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// The application.
    pub application: String,
    /// Only this vault of the policy; all of them when not named.
    pub vault: Option<String>,
    /// Decide and show, but do nothing.
    pub dry_run: bool,
    /// Whether it is known that much will go.
    pub acknowledged: bool,
    /// Points that are damaged and go whatever retention says: it never decides about what cannot be restored.
    pub discard: Vec<String>,
}

/// What pruning did, or would do, in one vault.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// The application.
    pub application: String,
    /// The vault.
    pub vault: String,
    /// Points that stay, each with all that keeps it.
    pub kept: Vec<(String, String)>,
    /// Points that went.
    pub removed: Vec<String>,
    /// Whether a retention holds there at all.
    pub retention: bool,
    /// Why nothing was done there, where the vault could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
    /// What kept it from being finished; the same call goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What was decided about one vault.
struct Decided {
    repository: Repository,
    report: PruneReport,
    discarded: Vec<String>,
}

/// What a vault holds, before anything is decided.
struct Held {
    repository: Repository,
    points: Vec<SealedPoint>,
}

impl Engine {
    /// Prunes the points of an application by the retention that holds in each vault. Everything is decided before anything is
    /// removed anywhere.
    ///
    /// # Errors
    /// What a rule refuses, or what failed; nothing half forgotten is offered.
    pub fn prune(&self, request: &PruneRequest, watch: &Watch<'_>) -> Result<Vec<PruneReport>, Error> {
        let closure = self
            .closure(&request.application)?
            .reading_from(request.vault.as_deref())?;
        let application = application_name(&request.application)?;
        let lease = if request.dry_run {
            None
        } else {
            Some(self.lease(&application)?)
        };
        let live = self.live_points(&application)?;
        let mut reports = Vec::new();
        let mut decided = Vec::new();
        let mut in_use = None;
        // All are asked before anything is decided: the first vault must know what the others wait for.
        let vaults = closure.vaults.iter();
        let held: Vec<Result<Option<Held>, Error>> = vaults.map(|copy| self.held(&closure, copy)).collect();
        for (copy, there) in closure.vaults.iter().zip(&held) {
            if request.vault.as_ref().is_some_and(|name| *name != copy.vault.name) {
                continue;
            }
            match there {
                Ok(Some(there)) => {
                    if !request.dry_run
                        && let Err(error) = there.repository.require_free(true).map_err(Error::from)
                    {
                        reports.push(PruneReport {
                            away: Some(told(&error)),
                            ..report(request, copy)
                        });
                        in_use.get_or_insert(error);
                        continue;
                    }
                    let awaited = self.awaited(&closure, copy, there, &held);
                    decided.push(self.decide_prune(copy, there, (&awaited, &live), request)?);
                }
                Ok(None) => {}
                // One that is away does not keep the others from giving space back.
                Err(error) => reports.push(PruneReport {
                    away: Some(error.to_string()),
                    ..report(request, copy)
                }),
            }
        }
        if decided.is_empty() {
            if let Some(error) = in_use {
                return Err(error);
            }
            if let Some(error) = held.into_iter().find_map(Result::err) {
                return Err(error);
            }
        }
        let unknown = |point: &&String| !decided.iter().any(|one| one.discarded.contains(*point));
        if let Some(point) = request.discard.iter().find(unknown) {
            return Err(VaultError::UnknownPoint { point: point.clone() }.into());
        }
        if let Some(lease) = lease {
            for one in &mut decided {
                match self.remove(one, &live, &lease, watch) {
                    Ok(()) => {}
                    // One vault that cannot does not keep the others from giving space back.
                    Err(error @ Error::Vault(_)) if !watch.cancel.is_canceled() => {
                        one.report.failed = Some(told(&error));
                    }
                    Err(error) => return Err(error),
                }
            }
            if request.vault.is_none() && reports.is_empty() {
                self.forget_in_index(&application, &decided)?;
            }
            lease.release()?;
        }
        reports.extend(decided.into_iter().map(|one| one.report));
        Ok(reports)
    }

    /// What a vault of the policy holds of the application; nothing for a further one that has no repository of it yet.
    fn held(&self, closure: &Closure, copy: &CopyRef) -> Result<Option<Held>, Error> {
        let vault = opening::vault_to_prune(&copy.vault)?;
        let place = vault.repository(self.catalog.tenant().as_str(), &closure.name)?;
        let may_be_missing = !is_first(closure, copy) && copy.vault.adopts.is_none();
        if may_be_missing && !place.exists()? {
            return Ok(None);
        }
        let repository = self.repository_in(closure, &vault, &copy.vault)?;
        agree(&repository, &closure.name, closure.epoch_number())?;
        let points = repository.points()?;
        Ok(Some(Held { repository, points }))
    }

    /// Points of the first vault that a further one will want when its delay is over. Of one that cannot be asked nobody knows
    /// what it wants, so it wants all.
    fn awaited(
        &self,
        closure: &Closure,
        copy: &CopyRef,
        first: &Held,
        held: &[Result<Option<Held>, Error>],
    ) -> BTreeSet<String> {
        if !is_first(closure, copy) {
            return BTreeSet::new();
        }
        let now = self.clock().now();
        let seen = |point: &SealedPoint| candidate(point, None, now);
        let healthy = first.points.iter().filter(|point| point.quarantined.is_none());
        let here: Vec<Candidate> = healthy.map(seen).collect();
        let mut awaited = BTreeSet::new();
        for (further, there) in closure.vaults.iter().zip(held).skip(1) {
            let there: Vec<Candidate> = match there {
                Ok(Some(there)) => there.points.iter().map(seen).collect(),
                Ok(None) => Vec::new(),
                Err(_) => {
                    awaited.extend(here.iter().map(|point| point.point.clone()));
                    continue;
                }
            };
            let retention = further.retention.as_ref();
            awaited.extend(worth_copying(&here, &there, retention, SignedDuration::ZERO, now));
        }
        awaited
    }

    fn decide_prune(
        &self,
        copy: &CopyRef,
        held: &Held,
        (awaited, live): (&BTreeSet<String>, &[String]),
        request: &PruneRequest,
    ) -> Result<Decided, Error> {
        let now = self.clock().now();
        let discarded = discarded(&held.points, live, &request.discard, now)?;
        let candidates: Vec<Candidate> = held
            .points
            .iter()
            .map(|point| Candidate {
                awaited: awaited.contains(&point.point),
                used: live.contains(&point.point),
                ..candidate(point, copy.vault.lock, now)
            })
            .collect();
        let mut report = report(request, copy);
        match &copy.retention {
            Some(retention) => {
                let acknowledged = request.acknowledged || request.dry_run;
                let Pruning { kept, removed } = prune(&candidates, retention, acknowledged)?;
                let because = |Kept { point, because }: Kept| (point, because.join(", "));
                report.kept = kept.into_iter().map(because).collect();
                report.removed = removed;
            }
            None => {
                let all = candidates
                    .into_iter()
                    .map(|point| (point.point, "no retention".to_owned()));
                report.kept = all.collect();
            }
        }
        report.kept.retain(|(point, _)| !discarded.contains(point));
        report.removed.extend(discarded.iter().cloned());
        Ok(Decided {
            repository: held.repository.clone(),
            report,
            discarded,
        })
    }

    fn remove(&self, one: &mut Decided, live: &[String], lease: &Lease, watch: &Watch<'_>) -> Result<(), Error> {
        if !one.report.retention && one.discarded.is_empty() {
            return Ok(());
        }
        // Programs that share the repository must not begin to rely on what goes now.
        let announced = one.repository.announce(true)?;
        let plan = one
            .repository
            .plan_prune(&one.report.removed, &one.discarded, live, self.clock().now())?;
        // The vault itself has the last word about its lock.
        for locked in &plan.locked {
            one.report.removed.retain(|point| *point != locked.point);
            one.report.kept.push((locked.point.clone(), "locked".to_owned()));
        }
        lease.check()?;
        crash::point(crash::Kind::Step);
        one.repository.forget(&plan, &watch.cancel)?;
        crash::point(crash::Kind::Step);
        lease.check()?;
        // The library refuses an index that names what is not there.
        let lost = one.repository.mend(&watch.cancel)?.lost;
        if !lost.is_empty() {
            let text = format!(
                "vault `{}` lost {} packs, which its index does not name any more; `dram verify` tells which points miss \
                 something",
                one.report.vault,
                lost.len()
            );
            watch.observer.event(&Event::Note { text });
        }
        crash::point(crash::Kind::Step);
        one.repository.prune(&watch.cancel)?;
        crash::point(crash::Kind::Step);
        drop(announced);
        Ok(())
    }

    /// The index forgets what no vault holds any more: what a killed prune removed and could not enter, too.
    fn forget_in_index(&self, application: &Name, decided: &[Decided]) -> Result<(), Error> {
        let held: BTreeSet<&str> = decided
            .iter()
            .flat_map(|one| one.report.kept.iter().map(|(point, _)| point.as_str()))
            .collect();
        for id in self.catalog.point_ids(application)? {
            if !held.contains(id.to_string().as_str()) {
                self.catalog.drop_point(application, id)?;
                crash::point(crash::Kind::Step);
            }
        }
        Ok(())
    }
}

fn is_first(closure: &Closure, copy: &CopyRef) -> bool {
    closure
        .vaults
        .first()
        .is_some_and(|first| first.vault.name == copy.vault.name)
}

/// Those of the points that are to be discarded and that this vault holds.
fn discarded(points: &[SealedPoint], live: &[String], wanted: &[String], now: Timestamp) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for point in points.iter().filter(|point| wanted.contains(&point.point)) {
        let is_damaged = point.quarantined.is_some() || !point.is_restorable();
        let reason = match point.held_at(now) {
            _ if live.contains(&point.point) => "a run works with it".to_owned(),
            Some(hold) if point.quarantined.as_ref() != Some(&hold.reason) => format!("it is held: {hold}"),
            _ if !is_damaged => "it can be restored, so retention decides about it".to_owned(),
            _ => {
                found.push(point.point.clone());
                continue;
            }
        };
        return Err(VaultError::Protected {
            point: point.point.clone(),
            reason,
        }
        .into());
    }
    Ok(found)
}

/// An error with its way out.
fn told(error: &Error) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

/// A report that says nothing yet.
fn report(request: &PruneRequest, copy: &CopyRef) -> PruneReport {
    PruneReport {
        application: request.application.clone(),
        vault: copy.vault.name.clone(),
        kept: Vec::new(),
        removed: Vec::new(),
        retention: copy.retention.is_some(),
        away: None,
        failed: None,
    }
}
