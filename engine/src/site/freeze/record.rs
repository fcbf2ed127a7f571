//! What is written down of a freeze, for whoever comes after a machine on which everything was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::super::command::Cancel;
use super::super::error::SiteError;
use super::super::fence::plain;
use super::super::{HostSite, Site};
use super::Order;

/// How long is slept between two looks at who freezes.
const LOOK: Duration = Duration::from_millis(20);

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

    /// Whether it stands, and nobody lives who would thaw.
    pub(super) fn is_left(&self) -> Result<bool, SiteError> {
        let lock = match File::open(self.lock()) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.failed("read", error)),
        };
        match flock(&lock, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Ok(false),
            // Where the site knows no locks, the record is all that is known.
            Ok(()) | Err(_) => Ok(self.path.exists()),
        }
    }

    pub(super) fn remove(&self) -> Result<(), SiteError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("remove", error)),
            _ => Ok(()),
        }
    }

    /// Waits until nobody freezes or thaws the application any more, and keeps others from it as long as the file is open
    /// somewhere: the freezer inherits it, so it is free once that process has ended, however.
    pub(super) fn alone(&self, cancel: &Cancel) -> Result<File, SiteError> {
        let open = || -> io::Result<File> {
            fs::create_dir_all(self.path.parent().unwrap_or(&self.path))?;
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(self.lock())
        };
        let file = open().map_err(|error| self.failed("write", error))?;
        self.wait(&file, cancel)?;
        Ok(file)
    }

    /// The same where nothing may be made: nothing if nobody ever froze the application here.
    pub(super) fn alone_if_known(&self, cancel: &Cancel) -> Result<Option<File>, SiteError> {
        match File::open(self.lock()) {
            Ok(file) => self.wait(&file, cancel).map(|()| Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn lock(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    fn wait(&self, file: &File, cancel: &Cancel) -> Result<(), SiteError> {
        loop {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) if cancel.is_canceled() => {
                    return Err(self.failed("lock", ErrorKind::Interrupted.into()));
                }
                Err(Errno::WOULDBLOCK) => std::thread::sleep(LOOK),
                Err(error) => {
                    tracing::debug!(%error, "the site knows no locks");
                    return Ok(());
                }
            }
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
