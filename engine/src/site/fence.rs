//! The fence record: the highest epoch that a host has accepted for an application, in
//! `<root>/var/lib/dram/fence/<tenant>/<application>.json`.
//!
//! It is changed by compare-and-set under a lock on a file beside it, and it never goes down.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dram_storage::crash;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::error::SiteError;

/// The format that this release writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// What a site remembers of an application's writers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceRecord {
    /// The application.
    pub application: String,
    /// The highest epoch accepted for it.
    pub epoch: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    format: u32,
    application: String,
    epoch: u64,
}

/// The files of one record.
struct Place {
    site: String,
    folder: PathBuf,
    record: PathBuf,
    lock: PathBuf,
    part: PathBuf,
    application: String,
}

/// A name that cannot leave its folder.
pub(super) fn plain(name: &str) -> Result<&str, SiteError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.len() <= 128 && name.bytes().all(allowed) {
        Ok(name)
    } else {
        let why = "a name of letters, digits and hyphens is needed";
        Err(SiteError::Path {
            path: PathBuf::from(name),
            why,
        })
    }
}

impl Place {
    fn new(site: &str, private: &Path, tenant: &str, application: &str) -> Result<Self, SiteError> {
        let folder = private.join("fence").join(plain(tenant)?);
        let file = |ending: &str| plain(application).map(|name| folder.join(format!("{name}{ending}")));
        Ok(Place {
            site: site.to_owned(),
            record: file(".json")?,
            lock: file(".lock")?,
            part: file(".part")?,
            folder,
            application: application.to_owned(),
        })
    }

    fn error(&self, action: &'static str, path: &Path, source: io::Error) -> SiteError {
        SiteError::File {
            site: self.site.clone(),
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    fn read(&self) -> Result<Option<FenceRecord>, SiteError> {
        let bytes = match fs::read(&self.record) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error("read", &self.record, error)),
        };
        let corrupt = |why: String| SiteError::CorruptFence {
            site: self.site.clone(),
            path: self.record.clone(),
            why,
        };
        let wire: Wire = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        if wire.format > FORMAT {
            return Err(corrupt(format!(
                "it has format {}, and this release reads up to {FORMAT}",
                wire.format
            )));
        }
        if wire.application != self.application {
            return Err(corrupt(format!("it belongs to `{}`", wire.application.escape_debug())));
        }
        Ok(Some(FenceRecord {
            application: wire.application,
            epoch: wire.epoch,
        }))
    }

    fn write(&self, record: &FenceRecord) -> Result<(), SiteError> {
        let wire = Wire {
            format: FORMAT,
            application: record.application.clone(),
            epoch: record.epoch,
        };
        let written = serde_json::to_vec(&wire).map_err(io::Error::from).and_then(|bytes| {
            let mut file = File::create(&self.part)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            crash::point(crash::Kind::Write);
            fs::rename(&self.part, &self.record)?;
            crash::point(crash::Kind::Write);
            File::open(&self.folder)?.sync_all()
        });
        written.map_err(|error| self.error("write", &self.record, error))
    }

    /// Makes the folder.
    fn prepare(&self) -> Result<(), SiteError> {
        fs::create_dir_all(&self.folder).map_err(|error| self.error("create", &self.folder, error))
    }

    /// Syncs the names of the folder's parents up to the root: any of them may be new, and a crash that took the first record
    /// back would let an older epoch in again.
    fn sync_parents(&self) -> Result<(), SiteError> {
        for folder in self.folder.ancestors().skip(1).take(5) {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| self.error("sync", folder, error))?;
        }
        Ok(())
    }
}

/// The record of an application; `None` when there is none.
pub(super) fn read(
    site: &str,
    private: &Path,
    tenant: &str,
    application: &str,
) -> Result<Option<FenceRecord>, SiteError> {
    Place::new(site, private, tenant, application)?.read()
}

/// Accepts `epoch` unless a higher one was accepted before.
pub(super) fn accept(
    site: &str,
    private: &Path,
    tenant: &str,
    application: &str,
    epoch: u64,
) -> Result<FenceRecord, SiteError> {
    let place = Place::new(site, private, tenant, application)?;
    place.prepare()?;
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&place.lock);
    let lock = opened.map_err(|error| place.error("open", &place.lock, error))?;
    // Released when the file is closed, also by a kill.
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| place.error("lock", &place.lock, error.into()))?;
    let record = FenceRecord {
        application: application.to_owned(),
        epoch,
    };
    match place.read()? {
        Some(seen) if seen.epoch > epoch => Err(SiteError::Fenced {
            site: place.site.clone(),
            application: application.to_owned(),
            epoch,
            seen: seen.epoch,
        }),
        Some(seen) if seen.epoch == epoch => Ok(seen),
        Some(_) => place.write(&record).map(|()| record),
        None => {
            place.write(&record)?;
            place.sync_parents()?;
            Ok(record)
        }
    }
}

#[cfg(test)]
mod tests;
