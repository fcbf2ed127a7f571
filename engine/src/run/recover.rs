//! The steps that bring an application back.

use super::copy::tell_of_takeover;
use super::drive::{Authority, Driver, vault_error};
use super::event::Event;
use super::outcome::Outcome;
use super::terms;
use crate::error::Error;
use crate::site::{HostSite, Site, SystemClock};
use crate::vault::{
    Item, Method, Owners, Repository, RestoreFiles, RestoreImage, Selection, SourceFault, StoreError, Takeover,
    VaultError,
};
use dram_catalog::Appended;
use dram_storage::crash;
use indicatif::HumanBytes;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The vault hears of the takeover first: a seal that the old writer adds after this is not offered, even if it asked
/// the catalog a moment before.
pub(super) fn take_over(driver: &Driver<'_>, epoch: u64, reason: &str) -> Result<Outcome, Error> {
    let site = driver.runbook.site.name.clone();
    let mut notes = Vec::new();
    let takeover = Takeover {
        epoch,
        site: site.clone(),
        by: driver.who.clone(),
        reason: reason.to_owned(),
        at: driver.clock.now().to_string(),
    };
    match driver.present().and_then(|present| attest(&present, driver, &takeover)) {
        Ok(()) => {}
        // The last vault may be a copy that nobody can change. That must not keep the application down: a person has
        // attested that nobody else runs it, and what cannot be written here is said.
        Err(error) if matches!(driver.authority, Authority::Vault) && cannot_be_written(driver, &error) => {
            notes.push(format!(
                "the takeover is not recorded in the vault ({error}): should its old writer come back, nothing there \
                     refuses what it adds; protect the application into another vault"
            ));
        }
        Err(error) => return Err(error),
    }
    notes.extend(tell_of_takeover(driver, &takeover));
    if let Authority::Catalog { catalog, .. } = driver.authority {
        let application = driver.catalog_name()?;
        let standing = catalog.epoch(&application)?;
        let ours = standing.is_some_and(|standing| standing.number == epoch && standing.site == site);
        if !ours
            && let Appended::Superseded { number, .. } =
                catalog.take_over(&application, epoch, &site, reason, &driver.who)?
        {
            let site = catalog.epoch(&application)?.map(|epoch| epoch.site).unwrap_or_default();
            return Err(Error::Superseded {
                application: application.to_string(),
                epoch: number,
                site,
            });
        }
    }
    Ok(Outcome {
        detail: format!("site {site} is the writer now"),
        notes,
        ..Outcome::default()
    })
}

/// Writes a takeover into a vault that does not know of it yet.
fn attest(repository: &Repository, driver: &Driver<'_>, takeover: &Takeover) -> Result<(), Error> {
    let known = repository.takeovers()?;
    let is_known = known
        .iter()
        .any(|known| known.epoch == takeover.epoch && known.site == takeover.site);
    if !is_known {
        repository
            .attest_takeover(takeover, &driver.origin())
            .map_err(vault_error)?;
    }
    Ok(())
}

/// Whether a vault is there to read only, or only its past is: another mode, mount or key would be needed to write.
fn cannot_be_written(driver: &Driver<'_>, error: &Error) -> bool {
    let is_past = driver.runbook.as_of.is_some();
    match error {
        // It was read and says no, or it may answer a moment later: neither is a vault that cannot be written.
        Error::Vault(VaultError::Record { .. }) => false,
        Error::Vault(VaultError::Store(StoreError::Storage(error))) if error.is_transient() => false,
        error => is_past || is_read_only(error),
    }
}

const fn is_read_only(error: &Error) -> bool {
    matches!(
        error,
        Error::Vault(VaultError::Store(
            StoreError::ReadOnly { .. } | StoreError::Denied { .. }
        ))
    )
}

/// Writes the epoch down at the site, whose root is made if it is not there yet.
pub(super) fn fence(driver: &Driver<'_>, epoch: u64) -> Result<Outcome, Error> {
    let site = driver.site()?;
    site.prepare_root()?;
    site.accept(&driver.runbook.tenant, driver.runbook.name(), epoch)?;
    Ok(Outcome::default())
}

pub(super) fn stop(driver: &Driver<'_>, component: &str, required: bool) -> Result<Outcome, Error> {
    let host = driver.host(component)?;
    let Some(stop) = host.service.as_ref().and_then(|service| service.stop.as_ref()) else {
        return Ok(Outcome::default());
    };
    match driver
        .site()?
        .stop(&terms::command(stop), &driver.around(component), &driver.cancel)
    {
        Err(error) if !required && !driver.cancel.is_canceled() => Ok(Outcome {
            notes: vec![format!(
                "{component} could not be stopped, as if it did not run: {error}"
            )],
            ..Outcome::default()
        }),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(Outcome::default()),
    }
}

pub(super) fn start(driver: &Driver<'_>, component: &str) -> Result<Outcome, Error> {
    let host = driver.host(component)?;
    if let Some(service) = &host.service {
        driver.site()?.start(
            &terms::command(&service.start),
            &driver.around(component),
            &driver.cancel,
        )?;
    }
    Ok(Outcome::default())
}

/// Nothing of others is in the way of any item: seen before anything is stopped, taken over or written.
pub(super) fn preflight(
    driver: &Driver<'_>,
    items: &[Item],
    overwrite: bool,
    owners: &Owners,
) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    let site = driver.site()?;
    site.prepare_root()?;
    for item in items {
        if item.method == Method::Image {
            preflight_image(driver, item, overwrite)?;
            continue;
        }
        let part = Part::new(item, overwrite, &[], owners);
        with_target(&site, &part, |what| {
            repository.preflight_files(what, &driver.cancel).map_err(vault_error)
        })?;
    }
    Ok(Outcome::default())
}

/// A device that nothing stops is looked at for who uses it before anything else is done, too.
fn preflight_image(driver: &Driver<'_>, item: &Item, overwrite: bool) -> Result<(), Error> {
    let site = driver.site()?;
    let target = image_place(&site, item)?;
    let stops = driver
        .host(&item.component)?
        .service
        .as_ref()
        .is_some_and(|service| service.stop.is_some());
    if !stops {
        site.need_idle(&target)?;
    }
    let what = RestoreImage {
        tree: &item.tree,
        target: &target,
        overwrite,
    };
    let repository = driver.repository()?;
    repository.preflight_image(&what, &driver.cancel).map_err(vault_error)
}

/// Where the image of an item goes at a site.
pub(super) fn image_place(site: &HostSite, item: &Item) -> Result<PathBuf, Error> {
    let device = item.paths.first().map(PathBuf::from).unwrap_or_default();
    Ok(site.locate(&device)?)
}

/// Writes an image where the application has its device.
pub(super) fn image(driver: &Driver<'_>, item: &Item, overwrite: bool) -> Result<Outcome, Error> {
    let site = driver.site()?;
    let target = image_place(&site, item)?;
    site.need_idle(&target)?;
    imaged(driver, item, &target, overwrite)
}

/// Writes an image as a file below the destination.
pub(super) fn write_image(driver: &Driver<'_>, item: &Item, file: &str, overwrite: bool) -> Result<Outcome, Error> {
    let target = driver.site()?.root().join(file);
    imaged(driver, item, &target, overwrite)
}

fn imaged(driver: &Driver<'_>, item: &Item, target: &Path, overwrite: bool) -> Result<Outcome, Error> {
    let what = RestoreImage {
        tree: &item.tree,
        target,
        overwrite,
    };
    let repository = driver.repository()?;
    let imaged = repository
        .restore_image(&what, &driver.observer.progress(), &driver.cancel)
        .map_err(vault_error)?;
    Ok(Outcome {
        detail: format!("{}, {} differed", HumanBytes(imaged.bytes), HumanBytes(imaged.written)),
        bytes: imaged.bytes,
        notes: imaged.notes.iter().map(ToString::to_string).collect(),
        ..Outcome::default()
    })
}

pub(super) fn files(
    driver: &Driver<'_>,
    item: &Item,
    overwrite: bool,
    only: &[String],
    owners: &Owners,
) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    let part = Part::new(item, overwrite, only, owners);
    let restored = with_target(&driver.site()?, &part, |what| {
        repository
            .restore_files(what, &driver.observer.progress(), &driver.cancel)
            .map_err(vault_error)
    })?;
    let already = match restored.skipped_identical {
        0 => String::new(),
        count => format!(", {count} were there already"),
    };
    let mut notes: Vec<String> = restored.notes.iter().map(ToString::to_string).collect();
    notes.extend(restored.strangers);
    Ok(Outcome {
        detail: format!("{} in {} files{already}", HumanBytes(restored.bytes), restored.files),
        bytes: restored.bytes,
        notes,
        ..Outcome::default()
    })
}

/// What of an item is restored, and how.
pub(super) struct Part<'a> {
    item: &'a Item,
    overwrite: bool,
    only: &'a [String],
    owners: &'a Owners,
}

impl<'a> Part<'a> {
    pub(super) const fn new(item: &'a Item, overwrite: bool, only: &'a [String], owners: &'a Owners) -> Self {
        Self {
            item,
            overwrite,
            only,
            owners,
        }
    }
}

/// Says where the files of an item go at a site.
pub(super) fn with_target<T>(
    site: &HostSite,
    part: &Part<'_>,
    act: impl FnOnce(&RestoreFiles<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    // Every path is mapped before the first byte is written: one without a mapping refuses the whole step.
    let paths: Vec<PathBuf> = part.item.paths.iter().map(PathBuf::from).collect();
    for path in &paths {
        site.locate(path)?;
    }
    let root = site.root().to_owned();
    // What lies above an item's paths has no mapping of its own; it stays below the root as it is.
    let map = |logical: &Path| {
        let place = site
            .locate(logical)
            .unwrap_or_else(|_| root.join(logical.strip_prefix("/").unwrap_or(logical)));
        place.strip_prefix(&root).map(Path::to_owned).unwrap_or_default()
    };
    let only = Selection::new(part.only)?;
    act(&RestoreFiles {
        tree: &part.item.tree,
        paths: &paths,
        target: &root,
        map: &map,
        only: Some(&only).filter(|only| !only.is_all()),
        owners: Some(part.owners),
        overwrite: part.overwrite,
        compare: part.overwrite,
    })
}

pub(super) fn load_dump(driver: &Driver<'_>, component: &str, item: &Item) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    let host = driver.host(component)?;
    let Some(dump) = &host.dump else {
        return Err(Error::NotResumable {
            run: driver.runbook.point.clone(),
            why: format!("component `{component}` has no command that loads a dump"),
        });
    };
    let site = driver.site()?;
    let mut stream = site.load(
        &terms::command(&dump.restore),
        &driver.around(component),
        &driver.cancel,
    )?;
    let poured = repository.dump_stream(&item.tree, &mut stream, &driver.observer.progress(), &driver.cancel);
    match poured {
        // Dropping the stream stops the command, so that half a dump never counts as loaded.
        Err(error) if !matches!(error, VaultError::Sink { .. }) => Err(vault_error(error)),
        // The command went away while it was fed: how it ended says why.
        Err(error) => match stream.finish() {
            Err(site) => Err(site.into()),
            Ok(_) => Err(vault_error(error)),
        },
        Ok(_) => {
            stream.finish()?;
            Ok(Outcome {
                detail: HumanBytes(item.bytes).to_string(),
                bytes: item.bytes,
                ..Outcome::default()
            })
        }
    }
}

/// Writes a dump as a file below the destination, beside its place first, so that half of one is never taken for it.
pub(super) fn write_dump(driver: &Driver<'_>, item: &Item, file: &str, overwrite: bool) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    let site = driver.site()?;
    let path = site.root().join(file);
    let beside = site.root().join(format!(".{file}.part"));
    let failed = |source| Error::File {
        what: "write",
        path: path.display().to_string(),
        source,
    };
    fs::create_dir_all(site.root()).map_err(failed)?;
    let mut out = fresh(&beside).map_err(failed)?;
    repository
        .dump_stream(&item.tree, &mut out, &driver.observer.progress(), &driver.cancel)
        .map_err(vault_error)?;
    let is_there = fs::symlink_metadata(&path).is_ok();
    let is_in_the_way = is_there && is_in_the_way(&path, &mut out).map_err(failed)?;
    if is_there && !is_in_the_way {
        fs::remove_file(&beside).map_err(failed)?;
        return Ok(Outcome {
            detail: format!("{} was there already", path.display()),
            ..Outcome::default()
        });
    }
    if is_in_the_way && !overwrite {
        fs::remove_file(&beside).map_err(failed)?;
        return Err(Error::Vault(VaultError::Conflicts {
            paths: vec![SourceFault {
                path,
                reason: "a file that is not the one to restore".to_owned(),
            }],
            more: 0,
        }));
    }
    crash::point(crash::Kind::Byte);
    out.sync_all()
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(failed)?;
    crash::point(crash::Kind::Byte);
    Ok(Outcome {
        detail: path.display().to_string(),
        bytes: item.bytes,
        ..Outcome::default()
    })
}

/// A new file in the place of what an interrupted attempt left there, for the owner alone: a dump may hold what nobody else
/// may read. No link is followed.
fn fresh(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Whether something else than the bytes of `new` lies at `path`.
fn is_in_the_way(path: &Path, new: &mut File) -> io::Result<bool> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    if !there.is_file() || there.len() != new.metadata()?.len() {
        return Ok(true);
    }
    new.rewind()?;
    let (old, new) = (BufReader::new(File::open(path)?), BufReader::new(new));
    for (old, new) in old.bytes().zip(new.bytes()) {
        if old? != new? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn health(driver: &Driver<'_>, name: &str) -> Result<Outcome, Error> {
    let component = driver.component(name)?;
    let (site, around) = (driver.site()?, driver.around(name));
    for health in &component.health {
        site.await_healthy(&terms::check(health)?, &around, &SystemClock::default(), &driver.cancel)?;
    }
    Ok(Outcome {
        detail: "healthy".to_owned(),
        ..Outcome::default()
    })
}

/// Keeps the log of a run that had no catalog beside what it did, in the vault. The run is over by then and the application
/// runs: a log that cannot be kept is said and fails nothing. It lies below the root too.
pub(crate) fn keep_log(driver: &Driver<'_>, lines: Vec<u8>) {
    let tags = [format!("run={}", driver.runbook.point), "log".to_owned()];
    let kept = driver.repository().and_then(|repository| {
        repository
            .store_log("run.jsonl", lines, &tags, &driver.origin())
            .map_err(vault_error)
    });
    if let Err(error) = kept {
        let text = format!("the log of this run is not kept in the vault: {error}");
        driver.observer.event(&Event::Note { text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn a_dump_is_written_for_its_owner_and_through_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, beside) = (folder.path().join("elsewhere"), folder.path().join(".db.dump.part"));
        fs::write(&elsewhere, "mine").unwrap();
        symlink(&elsewhere, &beside).unwrap();
        let mut out = fresh(&beside).unwrap();
        out.write_all(b"secret").unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"mine");
        assert_eq!(fs::symlink_metadata(&beside).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn only_a_vault_that_nobody_can_write_is_recovered_from_without_a_record() {
        let place = || "snapshots/1".to_owned();
        let action = "write";
        let cases = [
            (StoreError::ReadOnly { place: place() }, true),
            (StoreError::Denied { action, place: place() }, true),
            (StoreError::NoSpace { place: place() }, false),
            (StoreError::Missing { place: place() }, false),
        ];
        for (error, expected) in cases {
            let error = Error::Vault(VaultError::Store(error));
            assert_eq!(is_read_only(&error), expected, "{error}");
        }
    }

    #[test]
    fn only_other_bytes_are_in_the_way_of_a_dump() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("db.dump"), folder.path().join("part"));
        let mut out = fresh(&beside).unwrap();
        out.write_all(b"same").unwrap();
        assert!(!is_in_the_way(&path, &mut out).unwrap(), "nothing is there");
        for (there, expected) in [("same", false), ("else", true), ("longer", true)] {
            fs::write(&path, there).unwrap();
            assert_eq!(is_in_the_way(&path, &mut out).unwrap(), expected, "{there}");
        }
        fs::remove_file(&path).unwrap();
        symlink(&beside, &path).unwrap();
        assert!(is_in_the_way(&path, &mut out).unwrap(), "a link");
    }
}
