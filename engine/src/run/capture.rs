//! The steps that make a point.

use super::drive::{Authority, Driver, vault_error};
use super::outcome::Outcome;
use super::{anomaly, terms};
use crate::error::Error;
use crate::runbook::{Capture, Step, Unusual};
use crate::site::{DumpStream, Site, SiteError, Snapshot, Surroundings};
use crate::vault::{
    Cancel, CaptureFiles, CaptureImage, CaptureStream, Captured, Class, Consistency, Item, MANIFEST_FORMAT,
    MANIFEST_FORMAT_WITH_IMAGES, Manifest, Method, Origin, Repository, VaultError, Writer,
};
use dram_compiler::model::{Body, Component, Host};
use indicatif::HumanBytes;
use rustix::thread::CapabilitySet;
use serde_json::json;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of the one file that a dump's snapshot holds.
pub(crate) const DUMP_FILE: &str = "dump";

impl Driver<'_> {
    pub(super) fn component(&self, name: &str) -> Result<&Component, Error> {
        self.runbook.component(name).ok_or_else(|| Error::NotResumable {
            run: self.runbook.point.clone(),
            why: format!("its runbook has no component `{name}`"),
        })
    }

    pub(super) fn host(&self, name: &str) -> Result<&Host, Error> {
        match &self.component(name)?.body {
            Some(Body::Host(host)) => Ok(host),
            Some(Body::Kubernetes(_) | Body::Openstack(_)) | None => Err(Error::NotResumable {
                run: self.runbook.point.clone(),
                why: format!("its component `{name}` is none of a host"),
            }),
        }
    }

    /// The device of a component, as the application knows it.
    pub(super) fn device(&self, component: &str) -> Result<&str, Error> {
        let device = self.host(component)?.device.as_ref();
        device.map(|device| device.as_str()).ok_or_else(|| Error::NotResumable {
            run: self.runbook.point.clone(),
            why: format!("its component `{component}` has no device"),
        })
    }

    /// What commands of a component see.
    pub(super) fn around(&self, component: &str) -> Surroundings {
        Surroundings {
            application: self.runbook.name().to_string(),
            component: component.to_owned(),
            run: self.runbook.point.clone(),
        }
    }
}

/// Captures a piece of data into the vault, begin or continue.
pub(super) fn capture(driver: &Driver<'_>, what: &Capture) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    if let Some(captured) = repository.find_item(&driver.runbook.point, &what.item)? {
        return Ok(captured_outcome(&captured));
    }
    capture_into(repository, driver, what, driver.origin(), &driver.cancel)
}

/// Captures a piece of data into a repository, which may be a spool.
pub(super) fn capture_into(
    repository: &Repository,
    driver: &Driver<'_>,
    what: &Capture,
    origin: Origin,
    cancel: &Cancel,
) -> Result<Outcome, Error> {
    match what.method {
        Method::Files => files(repository, driver, what, origin, &[], cancel),
        Method::Image => image(repository, driver, what, origin, cancel),
        Method::Dump => dump(repository, driver, what, origin, cancel),
    }
}

fn image(
    repository: &Repository,
    driver: &Driver<'_>,
    what: &Capture,
    origin: Origin,
    cancel: &Cancel,
) -> Result<Outcome, Error> {
    let logical = PathBuf::from(driver.device(&what.component)?);
    let what = CaptureImage {
        point: &driver.runbook.point,
        item: &what.item,
        logical: &logical,
        source: &driver.site()?.locate(&logical)?,
        origin,
    };
    let captured = repository
        .capture_image(&what, &driver.observer.progress(), cancel)
        .map_err(vault_error)?;
    Ok(Outcome {
        detail: format!("{}, {} new", HumanBytes(captured.bytes), HumanBytes(captured.new_bytes)),
        ..captured_outcome(&captured)
    })
}

/// Captures a component's files, from snapshots where there are some.
pub(super) fn files(
    repository: &Repository,
    driver: &Driver<'_>,
    what: &Capture,
    origin: Origin,
    snapshots: &[Snapshot],
    cancel: &Cancel,
) -> Result<Outcome, Error> {
    let host = driver.host(&what.component)?;
    let site = driver.site()?;
    let paths: Vec<PathBuf> = host.paths.iter().map(|path| PathBuf::from(path.as_str())).collect();
    let mut physical = Vec::new();
    for path in &paths {
        let place = match snapshots {
            [] => site.locate(path)?,
            snapshots => held(snapshots, &site.plainly(path)?, driver)?,
        };
        physical.push((path.clone(), place));
    }
    let mut skip = driver.skip()?;
    let also: Vec<PathBuf> = skip
        .iter()
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .flat_map(|path| snapshots.iter().filter_map(move |snapshot| snapshot.place_of(&path)))
        .collect();
    skip.extend(also);
    let what = CaptureFiles {
        point: &driver.runbook.point,
        item: &what.item,
        root: site.root(),
        paths: &paths,
        physical: &physical,
        exclude: &host.exclude,
        skip: &skip,
        origin,
    };
    let captured = repository
        .capture_files(&what, &driver.observer.progress(), cancel)
        .map_err(vault_error)?;
    Ok(captured_outcome(&captured))
}

/// Where a path is in the snapshot that holds it.
fn held(snapshots: &[Snapshot], path: &Path, driver: &Driver<'_>) -> Result<PathBuf, Error> {
    let deepest = snapshots.iter().max_by_key(|snapshot| {
        let depth = snapshot.of.components().count();
        path.starts_with(&snapshot.of).then_some(depth)
    });
    let place = deepest.filter(|snapshot| snapshot.at.exists());
    place
        .and_then(|snapshot| snapshot.place_of(path))
        .ok_or_else(|| Error::NoPoint {
            what: format!("the snapshot that held `{}` is no longer there", path.display()),
            help: format!("start it again: `dram protect {}`", driver.runbook.name()),
        })
}

fn dump(
    repository: &Repository,
    driver: &Driver<'_>,
    what: &Capture,
    origin: Origin,
    cancel: &Cancel,
) -> Result<Outcome, Error> {
    let (point, component) = (&driver.runbook.point, &what.component);
    let host = driver.host(component)?;
    let Some(dump) = &host.dump else {
        return Err(Error::NotResumable {
            run: point.clone(),
            why: format!("component `{component}` has no dump"),
        });
    };
    let stream = driver
        .site()?
        .dump(&terms::command(&dump.command), &driver.around(component), cancel)?;
    let command = Arc::new(Mutex::new(Running {
        stream: Some(stream),
        failed: None,
        said: String::new(),
    }));
    let (reader, ending) = (Reader(Arc::clone(&command)), Arc::clone(&command));
    let what = CaptureStream {
        point,
        item: &what.item,
        file_name: DUMP_FILE,
        origin,
    };
    let finish = move || lock(&ending).finish();
    let captured = repository.capture_stream(&what, reader, finish, &driver.observer.progress(), cancel);
    let (failed, said) = {
        let mut command = lock(&command);
        (command.failed.take(), std::mem::take(&mut command.said))
    };
    // How the command ended says more than that its output broke off.
    match (captured, failed) {
        (Ok(captured), _) => {
            let mut outcome = captured_outcome(&captured);
            // It ended well, and had something to say: nobody should have to run it again to hear it.
            if !said.is_empty() {
                outcome
                    .notes
                    .push(format!("the dump command of {component} said: {said}"));
            }
            Ok(outcome)
        }
        (Err(_), Some(site)) if !cancel.is_canceled() => Err(site.into()),
        (Err(vault), _) => Err(vault_error(vault)),
    }
}

pub(super) fn seal(
    driver: &Driver<'_>,
    class: Class,
    consistency: Consistency,
    anomaly: Option<Unusual>,
) -> Result<Outcome, Error> {
    let repository = driver.repository()?;
    let runbook = driver.runbook;
    let (mut items, mut new_bytes) = (Vec::new(), 0_u64);
    for Capture {
        component,
        item: name,
        method,
    } in &runbook.steps.iter().flat_map(Step::captures).collect::<Vec<_>>()
    {
        let Some(captured) = repository.find_item(&runbook.point, name)? else {
            return Err(Error::NoPoint {
                what: format!("item `{name}` of point {} is no longer in the vault", runbook.point),
                help: format!("start it again: `dram protect {}`", runbook.name()),
            });
        };
        new_bytes = new_bytes.saturating_add(captured.new_bytes);
        items.push(match method {
            Method::Dump => Item::of_stream(name, component, DUMP_FILE, &captured),
            Method::Files => Item::of_files(name, component, &captured),
            Method::Image => Item::of_image(name, component, driver.device(component)?, &captured),
        });
    }
    let lease = match driver.authority {
        Authority::Catalog { lease, .. } => lease.number(),
        Authority::Vault => 0,
    };
    let bytes = items.iter().map(|item| item.bytes).sum();
    let format = match items.iter().any(|item| item.method == Method::Image) {
        true => MANIFEST_FORMAT_WITH_IMAGES,
        false => MANIFEST_FORMAT,
    };
    let rest = driver.rest();
    let begun = || point_time(&runbook.point).unwrap_or_else(|| driver.clock.now());
    let frozen_at = rest.as_ref().map_or_else(begun, |rest| rest.at);
    let manifest = Manifest {
        format,
        min_reader: format,
        point: runbook.point.clone(),
        tenant: runbook.tenant.clone(),
        application: runbook.name().to_string(),
        epoch: runbook.epoch,
        site: runbook.site.name.clone(),
        class,
        frozen_at: frozen_at.to_string(),
        consistency: rest.map_or(consistency, |rest| rest.reached),
        writer: Writer {
            epoch: runbook.epoch,
            lease,
        },
        items,
        declarations: runbook.declarations.clone(),
        mappings: runbook.site.mappings.iter().cloned().collect(),
        more: partial(runbook.partial),
    };
    // Before the point is there: what may be the last good one is held by then.
    let mut notes = match anomaly {
        Some(unusual) => anomaly::look(driver, unusual, new_bytes, frozen_at)?,
        None => Vec::new(),
    };
    let holds_files = manifest.items.iter().any(|item| item.method == Method::Files);
    notes.extend(unseen(holds_files, sees_everything()));
    // The last look before the point becomes visible.
    driver.entitled()?;
    let (seal, manifest) = match repository.seal(&manifest, &driver.origin()) {
        Ok(seal) => (seal, manifest),
        // An earlier attempt of this run sealed it, and could not say so any more.
        Err(VaultError::AlreadySealed { .. }) => sealed_before(repository, &runbook.point)?,
        Err(error) => return Err(vault_error(error)),
    };
    if let Authority::Catalog { catalog, .. } = driver.authority {
        let id = runbook.point.parse().map_err(|_| Error::NotResumable {
            run: runbook.point.clone(),
            why: "its point is no ULID".to_owned(),
        })?;
        let entry = index_entry(&manifest, &runbook.vault.name, &seal);
        catalog.index_point(&driver.catalog_name()?, id, entry)?;
    }
    Ok(Outcome {
        detail: format!("{} items, {}", manifest.items.len(), HumanBytes(bytes)),
        bytes,
        notes,
        ..Outcome::default()
    })
}

/// Whether the kernel hides no kind of metadata from this process.
fn sees_everything() -> bool {
    // A system that knows no such rights has no such attributes.
    rustix::thread::capabilities(None).map_or(true, |own| own.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// What nobody can say of a single file, because it cannot be seen: said once, of the whole point.
fn unseen(holds_files: bool, sees_everything: bool) -> Option<String> {
    (holds_files && !sees_everything).then(|| {
        "read without the rights of root: attributes `trusted.*` cannot be seen, so the point has none of them"
            .to_owned()
    })
}

fn sealed_before(repository: &Repository, point: &str) -> Result<(String, Manifest), Error> {
    let sealed = repository.points()?.into_iter().find(|sealed| sealed.point == point);
    let sealed = sealed.and_then(|sealed| Some((sealed.seal, sealed.manifest?)));
    sealed.ok_or_else(|| Error::NoPoint {
        what: format!("point {point} is sealed and its seal cannot be read"),
        help: "`dram points APP` says why; make a new point".to_owned(),
    })
}

/// What the catalog's index says of a point. The same from whoever enters it.
pub(crate) fn index_entry(manifest: &Manifest, vault: &str, seal: &str) -> serde_json::Value {
    let bytes: u64 = manifest.items.iter().map(|item| item.bytes).sum();
    json!({
        "vault": vault, "seal": seal, "site": manifest.site, "epoch": manifest.epoch,
        "class": manifest.class, "frozenAt": manifest.frozen_at, "bytes": bytes,
        "items": manifest.items.len(), "partial": is_partial(manifest),
    })
}

/// The word in a manifest for a point that holds only some components.
pub(crate) const PARTIAL: &str = "partial";

fn partial(partial: bool) -> serde_json::Map<String, serde_json::Value> {
    let mut more = serde_json::Map::new();
    if partial {
        more.insert(PARTIAL.to_owned(), json!(true));
    }
    more
}

/// Whether a point holds only some of its application's components.
pub(crate) fn is_partial(manifest: &Manifest) -> bool {
    manifest
        .more
        .get(PARTIAL)
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(false)
}

/// The moment of a point: it is made when the run is decided, before anything is captured.
fn point_time(point: &str) -> Option<jiff::Timestamp> {
    let id: ulid::Ulid = point.parse().ok()?;
    jiff::Timestamp::from_millisecond(i64::try_from(id.timestamp_ms()).ok()?).ok()
}

fn captured_outcome(captured: &Captured) -> Outcome {
    Outcome {
        detail: format!(
            "{} in {} files, {} new",
            HumanBytes(captured.bytes),
            captured.files,
            HumanBytes(captured.new_bytes)
        ),
        bytes: captured.bytes,
        notes: captured.notes.iter().map(ToString::to_string).collect(),
        ..Outcome::default()
    }
}

/// A dump command at work. Its output and its end are asked from different places.
struct Running {
    stream: Option<Box<dyn DumpStream>>,
    failed: Option<SiteError>,
    /// Its last words to standard error.
    said: String,
}

impl Running {
    /// Waits for the command's end. What failed is kept; the answer is its words.
    fn finish(&mut self) -> Result<(), String> {
        match self.stream.take().map(DumpStream::finish) {
            Some(Ok(finished)) => self.said = finished.said,
            Some(Err(error)) => self.failed = Some(error),
            None => {}
        }
        match &self.failed {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }
    }
}

/// The output of a dump command.
struct Reader(Arc<Mutex<Running>>);

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut running = lock(&self.0);
        let Some(stream) = running.stream.as_mut() else {
            return running.finish().map(|()| 0).map_err(std::io::Error::other);
        };
        match stream.read(buffer) {
            Err(broken) => Err(running.finish().map_or_else(std::io::Error::other, |()| broken)),
            read => read,
        }
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
