//! Bringing an application back with nothing but a vault and its key.

use super::Watch;
use super::alone::applications;
use super::points::{Pick, PointRow, pick};
use super::protect::take_inventory;
use super::restore::{Preview, directory_site, holding, show};
use crate::error::Error;
use crate::inventory::Presence;
use crate::opening;
use crate::run::{Authority, Driver, FileLog, Log, keep_log};
use crate::runbook::{Destination, Restore, Runbook, Scope, VaultRef, Verb, restore};
use crate::vault::{Cancel, Item, Owners, Repository};
use dram_catalog::SystemClock;
use dram_compiler::model::{Application, Declaration, Metadata, Name, Spec};
use jiff::Timestamp;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to recover from a vault alone.
#[derive(Debug, Clone)]
pub struct RecoverRequest {
    /// The application; may be left out when the vault holds one.
    pub application: Option<String>,
    /// The tenant.
    pub tenant: String,
    /// The vault's address: a directory, `s3://…` or `swift://…`.
    pub vault: String,
    /// The file with its password.
    pub password_file: PathBuf,
    /// The directory that becomes the root.
    pub into: PathBuf,
    /// Which point.
    pub point: Pick,
    /// The moment whose vault is read, where its store keeps versions.
    pub as_of: Option<Timestamp>,
    /// What a person attests: that the application runs nowhere else.
    pub attested: Option<String>,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
    /// Whose files become whose.
    pub owners: Owners,
    /// Who asks.
    pub who: String,
}

/// Recovers an application into a directory, which becomes the root of a host site without a name.
///
/// # Errors
/// What failed, or what a rule refuses.
pub fn recover(request: &RecoverRequest, watch: &Watch<'_>) -> Result<Runbook, Error> {
    let (runbook, _) = decide(request)?;
    let name = runbook.name();
    let clock: Arc<dyn dram_catalog::Clock> = Arc::new(SystemClock);
    let private = crate::run::host_site(&runbook.site)?.private();
    let mut log = unfinished(
        &private.join("runs"),
        &format!("recover-{name}-{}-{}", runbook.point, runbook.epoch),
        &clock,
    )?;
    let driver = Driver::new(
        &runbook,
        Authority::Vault,
        watch.observer,
        &watch.cancel,
        clock,
        request.who.clone(),
    );
    log.append("runbook", serde_json::to_value(&runbook).unwrap_or_default(), false)?;
    driver.drive(&mut log)?;
    keep_log(&driver, log.lines());
    Ok(runbook)
}

/// Decides as [`recover`] does, and looks what that would change among files; nothing is changed. Answers what has to be said
/// beside it.
///
/// # Errors
/// What a rule refuses; the vault or the target cannot be read.
pub fn recover_preview(
    request: &RecoverRequest,
    cancel: &Cancel,
    told: &mut dyn FnMut(Preview<'_>),
) -> Result<Vec<String>, Error> {
    let (runbook, repository) = decide(request)?;
    show(&runbook, &repository, cancel, told)
}

fn decide(request: &RecoverRequest) -> Result<(Runbook, Repository), Error> {
    let (vault, name, repository) = open(
        &request.vault,
        &request.password_file,
        &request.tenant,
        request.application.as_deref(),
        request.as_of,
    )?;
    let manifest = pick(&repository.points()?, &request.point, &name, &[])?;
    let application = declared(&manifest.declarations, &name)?;
    let items: Vec<&Item> = manifest.items.iter().collect();
    holding(&repository, &items, &[], &request.owners)?;
    let site = directory_site(&request.into)?;
    let root = Path::new(&site.root);
    let reachable = root.is_dir() || root.parent().is_some_and(Path::is_dir);
    let mut inventory = take_inventory(&site, &application)?;
    if reachable {
        inventory.root = Presence::Known;
    }
    // A recovery that was interrupted goes on under the epoch that it took.
    let now = || -> Result<Repository, Error> {
        let place = opening::vault(&vault)?.repository(&request.tenant, &name)?;
        Ok(place.open(&opening::password(&vault)?)?)
    };
    let present = match request.as_of {
        Some(_) => now().unwrap_or_else(|_| repository.clone()),
        None => repository.clone(),
    };
    let known = present.takeovers()?;
    let highest = present.highest_epoch()?.max(manifest.epoch);
    let epoch = match known.iter().max_by_key(|takeover| takeover.epoch) {
        Some(last) if last.site == site.name && last.epoch == highest => last.epoch,
        _ => highest.saturating_add(1),
    };
    let runbook = restore(Restore {
        verb: Verb::Recover,
        scope: Scope {
            tenant: &request.tenant,
            name: &name,
            application: &application,
            site,
            vault,
            copies: Vec::new(),
            only: &[],
        },
        inventory: &inventory,
        manifest: &manifest,
        destination: Destination::TakeOver {
            epoch,
            from: manifest.site.clone(),
            attested: request.attested.clone(),
        },
        epoch,
        overwrite: request.overwrite,
        owners: request.owners.clone(),
    })?;
    let runbook = Runbook {
        as_of: request.as_of,
        ..runbook
    };
    Ok((runbook, repository))
}

/// The log of an attempt that was interrupted, else of a new one.
fn unfinished(folder: &Path, name: &str, clock: &Arc<dyn dram_catalog::Clock>) -> Result<FileLog, Error> {
    let mut attempt = 1u32;
    loop {
        let log = FileLog::open(&folder.join(format!("{name}-{attempt}.jsonl")), Arc::clone(clock))?;
        if log.get("ended").is_none() {
            return Ok(log);
        }
        attempt = attempt.saturating_add(1);
    }
}

/// The points of an application, from the vault alone.
///
/// # Errors
/// The vault cannot be read.
pub fn vault_points(
    vault: &str,
    password_file: &Path,
    tenant: &str,
    application: Option<&str>,
    as_of: Option<Timestamp>,
) -> Result<(String, Vec<PointRow>), Error> {
    let (_, name, repository) = open(vault, password_file, tenant, application, as_of)?;
    let now = dram_catalog::Clock::now(&SystemClock);
    let points = repository.points()?;
    Ok((
        name.to_string(),
        points.iter().map(|point| PointRow::of(point, now)).collect(),
    ))
}

fn open(
    vault: &str,
    password_file: &Path,
    tenant: &str,
    application: Option<&str>,
    as_of: Option<Timestamp>,
) -> Result<(VaultRef, Name, Repository), Error> {
    let vault = opening::undeclared(vault, password_file)?;
    let mut found = applications(&vault, tenant, as_of)?;
    let names = || found.keys().cloned().collect::<Vec<_>>().join(", ");
    let name = match (application, found.len()) {
        (Some(name), _) if found.contains_key(name) => name.to_owned(),
        (wanted, 0) => {
            return Err(Error::NoPoint {
                what: match wanted {
                    Some(name) => format!("vault `{}` holds nothing of application `{name}`", vault.name),
                    None => format!("vault `{}` holds no application of tenant `{tenant}`", vault.name),
                },
                help: "look at the path and at `--tenant`".to_owned(),
            });
        }
        (None, 1) => names(),
        (Some(name), _) => {
            return Err(Error::NoPoint {
                what: format!("vault `{}` holds nothing of application `{name}`", vault.name),
                help: format!("it holds {}", names()),
            });
        }
        (None, _) => {
            return Err(Error::Usage {
                why: format!("vault `{}` holds several applications", vault.name),
                help: format!("name one: {}", names()),
            });
        }
    };
    let parsed: Name = name.parse().map_err(|why| Error::Usage {
        why: format!("`{name}` is not a name: {why}"),
        help: "look at the vault".to_owned(),
    })?;
    let vault = found.remove(&name).unwrap_or(vault);
    let password = opening::password(&vault)?;
    let repository = opening::vault_as_of(&vault, as_of)?
        .repository(tenant, &name)?
        .open(&password)?;
    Ok((vault, parsed, repository))
}

/// The application's declaration as its point holds it.
fn declared(records: &[Value], name: &Name) -> Result<Application, Error> {
    for record in records {
        let Some(json) = record.get("declaration") else {
            continue;
        };
        if let Ok(Declaration {
            metadata: Metadata { name: found, .. },
            spec: Spec::Application(application),
        }) = Declaration::from_json(json)
            && found == *name
        {
            return Ok(application);
        }
    }
    Err(Error::NoPoint {
        what: format!("the point does not hold the declaration of application `{name}`"),
        help: "restore its files with stock `restic`, or take another point".to_owned(),
    })
}
