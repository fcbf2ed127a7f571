//! The step that brings points into a further vault.

use super::drive::{Driver, vault_error};
use super::event::Event;
use super::outcome::Outcome;
use super::terms::candidate;
use super::vaults::agree;
use crate::error::Error;
use crate::opening;
use crate::runbook::{Candidate, CopyRef, worth_copying};
use crate::vault::{Repository, SealedPoint, Takeover, VaultError, copy_point};
use dram_storage::crash;
use indicatif::HumanBytes;
use jiff::SignedDuration;

/// Copies what is due, oldest point first, each sealed there before the next begins: an interruption costs at most the point
/// at work, and what of it has arrived is not sent again.
pub(super) fn copy(driver: &Driver<'_>, vault: &str) -> Result<Outcome, Error> {
    let Some(copy) = driver.runbook.copy(vault) else {
        return Err(Error::NotResumable {
            run: driver.runbook.point.clone(),
            why: format!("its runbook has no further vault `{vault}`"),
        });
    };
    let from = driver.repository()?;
    let to = further(driver, copy, from)?;
    let now = driver.clock.now();
    let (first, there) = (from.points()?, to.points()?);
    let candidates = |points: &[SealedPoint], lock| -> Vec<Candidate> {
        points.iter().map(|point| candidate(point, lock, now)).collect()
    };
    let healthy: Vec<SealedPoint> = first.into_iter().filter(|point| point.quarantined.is_none()).collect();
    let worth = worth_copying(
        &candidates(&healthy, None),
        &candidates(&there, copy.vault.lock),
        copy.retention.as_ref(),
        SignedDuration::from_secs(i64::try_from(copy.delay).unwrap_or(i64::MAX)),
        now,
    );
    let (mut bytes, mut new_bytes) = (0_u64, 0_u64);
    let mut left = None;
    let (origin, progress) = (driver.origin(), driver.observer.progress());
    for point in &worth {
        let Some(sealed) = healthy.iter().find(|sealed| sealed.point == *point) else {
            continue;
        };
        driver.entitled()?;
        let copied = copy_point(
            from,
            &to,
            sealed,
            driver.runbook.epoch,
            &origin,
            &progress,
            &driver.cancel,
        );
        match copied {
            Ok(copied) => {
                crash::point(crash::Kind::Step);
                bytes = bytes.saturating_add(copied.bytes);
                new_bytes = new_bytes.saturating_add(copied.new_bytes);
            }
            // One that the first vault cannot give keeps none of the others from being copied.
            Err(error @ (VaultError::Damaged { .. } | VaultError::UnknownSnapshot { .. })) => {
                let text = format!("point {point} cannot be copied: {error}; `dram verify {point}` says more");
                driver.observer.event(&Event::Note { text });
                left.get_or_insert(error);
            }
            Err(error) => return Err(vault_error(error)),
        }
    }
    if let Some(error) = left {
        return Err(vault_error(error));
    }
    Ok(Outcome {
        detail: match worth.len() {
            0 => "nothing is due".to_owned(),
            1 => format!("1 point, {}, {} new", HumanBytes(bytes), HumanBytes(new_bytes)),
            count => format!("{count} points, {}, {} new", HumanBytes(bytes), HumanBytes(new_bytes)),
        },
        bytes,
        ..Outcome::default()
    })
}

/// The application's repository in a further vault; made, with the first one's chunks, as long as nothing was ever protected.
fn further(driver: &Driver<'_>, copy: &CopyRef, first: &Repository) -> Result<Repository, Error> {
    let password = opening::password(&copy.vault)?;
    let location = driver
        .vault(&copy.vault, None)?
        .repository(&driver.runbook.tenant, driver.runbook.name())?;
    // This run's own point is indexed by now, and says nothing about what the vault held before.
    driver.is_no_loss(&location, &copy.vault.name, 1)?;
    location.init_like(&password, first)?;
    let opened = location.open(&password)?;
    driver.announce(&opened, &copy.vault.name)?;
    agree(&opened, driver.runbook.name(), driver.runbook.epoch)?;
    driver.compare(&opened, &copy.vault.name)?;
    tell_what_it_missed(driver, first, &opened)?;
    Ok(opened)
}

/// A vault that was away during a takeover, or came into the policy later, hears of it before anything is copied there.
fn tell_what_it_missed(driver: &Driver<'_>, first: &Repository, to: &Repository) -> Result<(), Error> {
    let highest = to.highest_epoch()?;
    for takeover in first.takeovers()? {
        if takeover.epoch > highest {
            to.attest_takeover(&takeover, &driver.origin()).map_err(vault_error)?;
        }
    }
    Ok(())
}

/// Tells the further vaults of a takeover, so that what the old writer copies there late is not offered either. One that
/// cannot be told does not keep the application down; what it misses is said.
pub(super) fn tell_of_takeover(driver: &Driver<'_>, takeover: &Takeover) -> Vec<String> {
    let mut notes = Vec::new();
    for copy in &driver.runbook.copies {
        let told = || -> Result<(), Error> {
            let password = opening::password(&copy.vault)?;
            let location = driver
                .vault(&copy.vault, None)?
                .repository(&driver.runbook.tenant, driver.runbook.name())?;
            if location.exists()? {
                let repository = location.open(&password)?;
                repository
                    .attest_takeover(takeover, &driver.origin())
                    .map_err(vault_error)?;
            }
            Ok(())
        };
        if let Err(error) = told() {
            notes.push(format!(
                "the takeover is not recorded in vault `{}` ({error}): what its old writer copies there late is not refused",
                copy.vault.name
            ));
        }
    }
    notes
}
