//! What is written down of a freeze, for whoever comes after a machine on which everything was killed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::super::error::SiteError;
use super::super::fence::plain;
use super::super::{HostSite, Site};
use super::Order;

/// The record of one application's freeze.
pub(super) struct Record {
    site: HostSite,
    path: PathBuf,
}

impl Record {
    pub(super) fn named(site: &HostSite, tenant: &str, application: &str) -> Result<Self, SiteError> {
        let folder = site.private().join("freeze").join(plain(tenant)?);
        Ok(Self {
            site: site.clone(),
            path: folder.join(format!("{}.json", plain(application)?)),
        })
    }

    /// That of an order whose names were checked when it was made.
    pub(super) fn of(order: &Order) -> Self {
        let folder = order.site.private().join("freeze").join(&order.tenant);
        Self {
            site: order.site.clone(),
            path: folder.join(format!("{}.json", order.around.application)),
        }
    }

    pub(super) fn read(&self) -> Result<Option<Order>, SiteError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", error)),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| self.failed("read", io::Error::new(ErrorKind::InvalidData, error)))
    }

    /// Writes it so that it lasts, before anything is frozen.
    pub(super) fn write(&self, order: &Order) -> Result<(), SiteError> {
        let write = || -> io::Result<()> {
            let folder = self.path.parent().unwrap_or(&self.path);
            fs::create_dir_all(folder)?;
            let part = self.path.with_extension("part");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)?;
            serde_json::to_writer(&mut file, order)?;
            file.sync_all()?;
            fs::rename(&part, &self.path)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(|error| self.failed("write", error))
    }

    pub(super) fn remove(&self) -> Result<(), SiteError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("remove", error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, action: &'static str, source: io::Error) -> SiteError {
        SiteError::File {
            site: self.site.name().to_owned(),
            action,
            path: self.path.clone(),
            source,
        }
    }
}
