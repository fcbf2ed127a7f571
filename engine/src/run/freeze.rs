//! The steps around a freeze: the application is at rest while its data is read, and goes on while it travels.

use super::capture::{capture_into, files};
use super::drive::{Driver, vault_error};
use super::outcome::{Outcome, Rest};
use super::terms;
use crate::error::Error;
use crate::runbook::{Capture, Freeze, Step};
use crate::site::{self, Ending, HostSite, Site, SiteError, Surroundings, Way};
use crate::vault::{Consistency, Method, Origin, Repository, Spool};
use dram_compiler::model::Application;
use dram_storage::crash;
use indicatif::{HumanBytes, HumanDuration};
use jiff::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

/// What was read so long ago is read again: what the vault had then, and the new data counts on, may be pruned by now.
const STALE: SignedDuration = SignedDuration::from_hours(20);
const SNAPSHOT_GONE: &str = "a snapshot that an earlier run had left is removed";

/// Brings the application to rest, reads its data into a folder of this machine, and lets it go on.
///
/// Begin or continue: what an interrupted attempt had read to the end is kept; what it left frozen is thawed, and it begins anew.
pub(super) fn freeze(driver: &Driver<'_>, what: &Freeze) -> Result<Outcome, Error> {
    let site = driver.site()?;
    let spool = spool(driver, &site);
    let mut notes = thaw_left(driver, &site)?;
    let is_there = |outcome: &Outcome| outcome.snapshots.iter().all(|snapshot| snapshot.at.exists());
    if let Some(outcome) = read_before(driver, &spool)?.filter(is_there) {
        return Ok(outcome);
    }
    if site.drop_snapshots(&driver.runbook.tenant, driver.runbook.name())? > 0 {
        notes.push(SNAPSHOT_GONE.to_owned());
    }
    discard_others(driver, &site)?;
    let (order, why) = order(driver, &site, &spool, what)?;
    notes.extend(why);
    let is_later = |capture: &&Capture| capture.method == Method::Files && !order.snapshots.is_empty();
    let now: Vec<&Capture> = what.captures.iter().filter(|capture| !is_later(capture)).collect();
    let repository = driver.repository()?;
    spool.begin()?;
    let items: Vec<&str> = now.iter().map(|capture| capture.item.as_str()).collect();
    let into = repository
        .spooling(&spool, &items, &driver.cancel)
        .map_err(vault_error)?;
    crash::point(crash::Kind::Step);
    let frozen = site.freeze(&order, &driver.cancel)?;
    crash::point(crash::Kind::Step);
    let at = driver.clock.now();
    let origin = Origin {
        time: at,
        ..driver.origin()
    };
    let over = frozen.over();
    let mut read = Outcome::default();
    let captured = now.into_iter().try_for_each(|capture| -> Result<(), Error> {
        let one = capture_into(&into, driver, capture, origin.clone(), &over)?;
        read.bytes = read.bytes.saturating_add(one.bytes);
        read.notes.extend(one.notes);
        Ok(())
    });
    let (failed_before, outside) = (frozen.failed().to_vec(), frozen.outside().to_vec());
    // Whatever became of the data: the application comes first.
    crash::point(crash::Kind::Step);
    let thawed = frozen.thaw()?;
    crash::point(crash::Kind::Step);
    if thawed.by != Ending::Asked && !driver.cancel.is_canceled() {
        return Err(ended_before(driver, what, thawed.by).into());
    }
    captured?;
    let reached = match (failed_before.is_empty(), outside.is_empty()) {
        (true, true) => what.reaches,
        // One moment for all, and not all of it at rest.
        (true, false) => what.reaches.min(Consistency::Group),
        (false, _) => Consistency::None,
    };
    notes.extend(outside);
    notes.extend(failed_before);
    notes.extend(thawed.failed);
    notes.extend(read.notes);
    let snapshots = match order.snapshots.len() {
        0 => String::new(),
        1 => "1 snapshot made, ".to_owned(),
        count => format!("{count} snapshots made, "),
    };
    let outcome = Outcome {
        detail: format!(
            "{snapshots}{} read, frozen for {}",
            HumanBytes(read.bytes),
            precisely(thawed.milliseconds)
        ),
        snapshots: order.snapshots,
        bytes: read.bytes,
        notes,
        rest: Some(Rest {
            at,
            milliseconds: thawed.milliseconds,
            reached,
        }),
        ..Outcome::default()
    };
    crash::point(crash::Kind::Step);
    spool.complete(&serde_json::to_vec(&outcome).unwrap_or_default())?;
    Ok(outcome)
}

/// Thaws what an earlier run left frozen, and says so.
pub(super) fn thaw_left(driver: &Driver<'_>, site: &HostSite) -> Result<Vec<String>, Error> {
    let Some(failed) = site.thaw_left(&driver.runbook.tenant, driver.runbook.name(), &driver.cancel)? else {
        return Ok(Vec::new());
    };
    let mut notes =
        vec!["an earlier run was killed with all that should have thawed the application: it is thawed now".to_owned()];
    notes.extend(failed);
    Ok(notes)
}

/// Removes the snapshots that an earlier run left, and says so, or why they stay.
pub(super) fn drop_left(driver: &Driver<'_>) -> Option<String> {
    let (tenant, name) = (&driver.runbook.tenant, driver.runbook.name());
    match driver.site().and_then(|site| Ok(site.drop_snapshots(tenant, name)?)) {
        Ok(0) => None,
        Ok(_) => Some(SNAPSHOT_GONE.to_owned()),
        Err(error) => Some(format!("a snapshot that an earlier run had left stays: {error}")),
    }
}

/// Brings what was read while the application was at rest into the vault.
pub(super) fn take_in(driver: &Driver<'_>, captures: &[Capture]) -> Result<Outcome, Error> {
    let site = driver.site()?;
    let spool = spool(driver, &site);
    let repository = driver.repository()?;
    let read = spool.completed()?;
    let read: Option<Outcome> = read.and_then(|read| serde_json::from_slice(&read).ok());
    let mut moved = match spool.completed()? {
        // What it counts on may be pruned since, as for a freeze that is taken up again.
        Some(_) if read_before(driver, &spool)?.is_none() => {
            return Err(Error::NoPoint {
                what: format!(
                    "what was read at rest was read more than {} hours ago, and the vault may no longer have what it counts on",
                    STALE.as_hours()
                ),
                help: format!("start it again: `dram protect {}`", driver.runbook.name()),
            });
        }
        Some(_) => repository
            .take_in(&spool, &driver.observer.progress(), &driver.cancel)
            .map_err(vault_error)?,
        // An earlier attempt of this run brought everything there, and could not say so any more.
        None => 0,
    };
    let mut notes = Vec::new();
    if let Some(read) = read.filter(|read| !read.snapshots.is_empty()) {
        let later = from_snapshots(driver, repository, captures, &read)?;
        moved = moved.saturating_add(later.bytes);
        notes.extend(later.notes);
        crash::point(crash::Kind::Step);
        site.drop_snapshots(&driver.runbook.tenant, driver.runbook.name())?;
        crash::point(crash::Kind::Step);
    }
    for capture in captures {
        if repository.find_item(&driver.runbook.point, &capture.item)?.is_none() {
            return Err(Error::NoPoint {
                what: format!(
                    "what was read of `{}` is neither in the vault nor in `{}` any more",
                    capture.item,
                    spool.folder().display()
                ),
                help: format!("start it again: `dram protect {}`", driver.runbook.name()),
            });
        }
    }
    spool.discard()?;
    Ok(Outcome {
        detail: HumanBytes(moved).to_string(),
        bytes: moved,
        notes,
        ..Outcome::default()
    })
}

/// Reads files from the snapshots that were made while the application was at rest, straight into the vault. The answer has the
/// bytes that were new.
fn from_snapshots(
    driver: &Driver<'_>,
    repository: &Repository,
    captures: &[Capture],
    read: &Outcome,
) -> Result<Outcome, Error> {
    let origin = Origin {
        time: read.rest.map_or_else(|| driver.clock.now(), |rest| rest.at),
        ..driver.origin()
    };
    let mut all = Outcome::default();
    for capture in captures.iter().filter(|capture| capture.method == Method::Files) {
        if repository.find_item(&driver.runbook.point, &capture.item)?.is_some() {
            continue;
        }
        let one = files(
            repository,
            driver,
            capture,
            origin.clone(),
            &read.snapshots,
            &driver.cancel,
        )?;
        let stored = repository.find_item(&driver.runbook.point, &capture.item)?;
        all.bytes = all.bytes.saturating_add(stored.map_or(0, |stored| stored.new_bytes));
        all.notes.extend(one.notes);
    }
    Ok(all)
}

/// Removes the snapshots of a run that came to an end without its point; what cannot be removed is said.
pub(super) fn drop_snapshots(driver: &Driver<'_>) -> Option<String> {
    let (tenant, name) = (&driver.runbook.tenant, driver.runbook.name());
    let has_frozen = driver.runbook.steps.iter().any(|step| matches!(step, Step::Freeze(_)));
    if !has_frozen {
        return None;
    }
    let dropped = driver.site().and_then(|site| Ok(site.drop_snapshots(tenant, name)?));
    dropped
        .err()
        .map(|error| format!("a snapshot stays, and is removed by the next run: {error}"))
}

/// Removes what was read and is not to be moved any more.
pub(super) fn forget(driver: &Driver<'_>) -> Result<(), Error> {
    let site = driver.site()?;
    site.drop_snapshots(&driver.runbook.tenant, driver.runbook.name())?;
    Ok(spool(driver, &site).discard()?)
}

/// Carries a hook of the application out.
pub(super) fn hook(driver: &Driver<'_>, position: usize) -> Result<Outcome, Error> {
    let hook = hook_of(driver, position)?;
    let mut outcome = Outcome::default();
    match driver.site()?.hook(&hook, &around(driver), &driver.cancel) {
        Ok(()) => {}
        Err(error) if hook.may_fail && !driver.cancel.is_canceled() => outcome.notes.push(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(outcome)
}

fn around(driver: &Driver<'_>) -> Surroundings {
    driver.around("")
}

fn hook_of(driver: &Driver<'_>, position: usize) -> Result<site::Hook, Error> {
    let found = driver
        .runbook
        .application()
        .and_then(|application: &Application| application.hooks.get(position));
    found.map(terms::hook).unwrap_or_else(|| {
        Err(Error::NotResumable {
            run: driver.runbook.point.clone(),
            why: format!("its application has no hook {position}"),
        })
    })
}

/// What the site is asked for, and what has to be said about how.
fn order(
    driver: &Driver<'_>,
    site: &HostSite,
    spool: &Spool,
    what: &Freeze,
) -> Result<(site::Freeze, Option<String>), Error> {
    let hooks = |positions: &[usize]| {
        positions
            .iter()
            .map(|position| hook_of(driver, *position))
            .collect::<Result<Vec<_>, Error>>()
    };
    let (mut paths, mut devices) = (Vec::new(), Vec::new());
    for component in &what.filesystems {
        let host = driver.host(component)?;
        paths.extend(host.paths.iter().map(|path| PathBuf::from(path.as_str())));
        devices.extend(host.device.iter().map(|device| PathBuf::from(device.as_str())));
    }
    let mut awake = vec![
        ("what is read meanwhile", spool.folder().to_owned()),
        ("the folder for temporary files", std::env::temp_dir()),
        ("what this driver keeps", site.private()),
    ];
    awake.extend(driver.catalog_folder().map(|folder| ("the catalog", folder)));
    let order = site::Freeze {
        tenant: driver.runbook.tenant.clone(),
        around: around(driver),
        before: hooks(&what.before)?,
        after: hooks(&what.after)?,
        paths,
        devices,
        snapshots: Vec::new(),
        awake,
        most: Duration::from_secs(what.seconds),
    };
    by_snapshots(driver, site, what, order)
}

/// The same by snapshots, where all files that are read lie on file systems that know them. A dump of what no hook brings to rest
/// has to be of the moment of the files beside it, so these are frozen then.
fn by_snapshots(
    driver: &Driver<'_>,
    site: &HostSite,
    what: &Freeze,
    order: site::Freeze,
) -> Result<(site::Freeze, Option<String>), Error> {
    let mut read = Vec::new();
    for capture in what.captures.iter().filter(|capture| capture.method == Method::Files) {
        let paths = &driver.host(&capture.component)?.paths;
        read.extend(paths.iter().map(|path| PathBuf::from(path.as_str())));
    }
    let application = driver.runbook.application();
    let is_restless = |capture: &&Capture| {
        let rests = application.zip(driver.runbook.component(&capture.component));
        !rests.is_some_and(|(application, component)| application.brings_to_rest(component))
    };
    let dumps = what.captures.iter().filter(|capture| capture.method == Method::Dump);
    if read.is_empty() || (!order.paths.is_empty() && dumps.filter(is_restless).count() > 0) {
        return Ok((order, None));
    }
    Ok(match site.way(&order, &read)? {
        Way::Reading(why) => (order, why),
        Way::Snapshots(snapshots) => {
            let order = site::Freeze {
                paths: Vec::new(),
                snapshots,
                ..order
            };
            (order, None)
        }
    })
}

fn ended_before(driver: &Driver<'_>, what: &Freeze, by: Ending) -> SiteError {
    let (why, help) = match by {
        Ending::Lost => (
            "the process that was to thaw it in time was killed, so it was thawed at once".to_owned(),
            "no point was made. See what ended it (the kernel's log names what it kills for want of memory), and start again",
        ),
        Ending::Asked | Ending::Deadline => (
            format!("it was frozen for `maxFreeze`, {} s, and was thawed then", what.seconds),
            "no point was made. Raise `objectives.maxFreeze`, exclude what need not be kept, or dump what is large and changes much",
        ),
    };
    SiteError::Freeze {
        site: driver.runbook.site.name.clone(),
        application: driver.runbook.name().to_string(),
        what: "was not read to the end",
        why,
        help: help.to_owned(),
    }
}

/// Where what is read of this run waits: `DRAM_SPOOL`, or the folder that the site keeps for us.
fn spool(driver: &Driver<'_>, site: &HostSite) -> Spool {
    Spool::new(spools(driver, site).join(&driver.runbook.point))
}

fn spools(driver: &Driver<'_>, site: &HostSite) -> PathBuf {
    let folder = std::env::var_os("DRAM_SPOOL").filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(|| site.private().join("spool"), PathBuf::from);
    folder
        .join(&driver.runbook.tenant)
        .join(driver.runbook.name().as_ref() as &str)
}

/// What an earlier attempt of this run read to the end.
fn read_before(driver: &Driver<'_>, spool: &Spool) -> Result<Option<Outcome>, Error> {
    let said = spool.completed()?;
    let read: Option<Outcome> = said.and_then(|said| serde_json::from_slice(&said).ok());
    let fresh = |outcome: &Outcome| {
        let at = outcome.rest.map(|rest| rest.at);
        at.is_some_and(|at| driver.clock.now().duration_since(at) < STALE)
    };
    Ok(read.filter(fresh))
}

/// What other runs of the application left: they are over, because this one has its lease.
fn discard_others(driver: &Driver<'_>, site: &HostSite) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(spools(driver, site)) else {
        return Ok(());
    };
    for entry in entries
        .flatten()
        .filter(|entry| *entry.file_name() != *driver.runbook.point)
    {
        Spool::new(entry.path()).discard()?;
    }
    Ok(())
}

fn precisely(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => HumanDuration(Duration::from_millis(milliseconds)).to_string(),
    }
}
