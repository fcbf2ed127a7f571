//! Much more changed than usual: an intruder who encrypts everything, a disk that was exchanged, or nothing but a busy day.

use super::drive::{Driver, vault_error};
use crate::error::Error;
use crate::run::is_partial;
use crate::runbook::Unusual;
use crate::vault::{Attestation, Repository, SealedPoint, Statement};
use indicatif::HumanBytes;
use jiff::Timestamp;

const WEEK: u128 = 7 * 24 * 60 * 60;
/// Points that lie closer together than this, in seconds, are taken to be as far apart: a rate says nothing of a moment.
const SHORTEST: u64 = 60 * 60;

/// Compares what is new with what is usual since the point before, and holds that one where it is asked for. The answer is what has
/// to be said.
///
/// Begin or continue: what is held for this reason already is not held again.
pub(super) fn look(
    driver: &Driver<'_>,
    unusual: Unusual,
    new_bytes: u64,
    frozen_at: Timestamp,
) -> Result<Vec<String>, Error> {
    let repository = driver.repository()?;
    let Some((before, seconds)) = before(repository, &driver.runbook.point, frozen_at)? else {
        return Ok(Vec::new());
    };
    let usual = u128::from(unusual.bytes_a_week) * u128::from(seconds.max(SHORTEST)) / WEEK;
    if u128::from(new_bytes) <= usual {
        return Ok(Vec::new());
    }
    let usual = HumanBytes(u64::try_from(usual).unwrap_or(u64::MAX));
    let what = format!(
        "{} are new since point {}, more than the {usual} that `anomaly.changeRate` allows for the time",
        HumanBytes(new_bytes),
        before.point
    );
    if !unusual.holds {
        return Ok(vec![format!("{what}: see that the application is what it should be")]);
    }
    if before.held_at(driver.clock.now()).is_none() {
        let time = driver.clock.now();
        let attestation = Attestation {
            point: before.point.clone(),
            by: driver.who.clone(),
            at: time.to_string(),
            statement: Statement::Held {
                reason: format!(
                    "much more than usual changed after it, in point {}",
                    driver.runbook.point
                ),
                until: None,
            },
        };
        repository.attest(&attestation, &driver.origin()).map_err(vault_error)?;
    }
    let release = format!("`dram hold {} --release` lets it go", before.point);
    Ok(vec![format!("{what}: point {} is held, {release}", before.point)])
}

/// The newest whole point before this one, and how many seconds before.
fn before(repository: &Repository, point: &str, frozen_at: Timestamp) -> Result<Option<(SealedPoint, u64)>, Error> {
    let points = repository.points().map_err(vault_error)?;
    let frozen = |sealed: &SealedPoint| -> Option<Timestamp> {
        let manifest = sealed.manifest.as_ref().filter(|manifest| !is_partial(manifest))?;
        let at: Timestamp = manifest.frozen_at.parse().ok()?;
        (sealed.is_restorable() && sealed.point != point && at <= frozen_at).then_some(at)
    };
    let found = points
        .into_iter()
        .filter_map(|sealed| frozen(&sealed).map(|at| (sealed, at)));
    // Points of one moment have the order in which they were begun.
    let newest = found.max_by(|(one, at), (other, then)| (at, &one.point).cmp(&(then, &other.point)));
    Ok(newest.map(|(sealed, at)| {
        let seconds = u64::try_from(frozen_at.duration_since(at).as_secs()).unwrap_or_default();
        (sealed, seconds)
    }))
}
