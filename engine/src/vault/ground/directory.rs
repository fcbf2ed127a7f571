//! A vault in a directory of this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::address::VaultOptions;
use super::super::diagnose::{Diagnosis, Right, Rights};
use super::super::error::VaultError;
use super::super::growth::Tally;
use super::super::store::{Directory, Flow, StoreError};
use super::{Ground, Stores};

/// The name of the probe: no tenant can have it. It stays the same, so that what cannot be removed is overwritten next time.
const PROBE: &str = ".dram-probe";

/// The vault below a directory.
#[derive(Debug)]
pub(in super::super) struct DirectoryGround {
    root: PathBuf,
    flow: Arc<Flow>,
}

impl DirectoryGround {
    pub(in super::super) fn new(root: PathBuf, options: &VaultOptions) -> Self {
        Self {
            root,
            flow: Arc::clone(&options.flow),
        }
    }

    fn folder(&self, within: &[&str]) -> PathBuf {
        within.iter().fold(self.root.clone(), |path, name| path.join(name))
    }
}

impl Ground for DirectoryGround {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn require(&self) -> Result<(), VaultError> {
        match fs::metadata(&self.root) {
            Ok(meta) if meta.is_dir() => Ok(()),
            Ok(_) => Err(VaultError::NotADirectory {
                path: self.root.clone(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::MissingVault {
                place: self.place(),
                is_directory: true,
            }),
            Err(error) => Err(answer("open", &self.root, error)),
        }
    }

    /// The directory is made when its parent is there: a parent that is not is a mount that is missing.
    fn prepare(&self) -> Result<(), VaultError> {
        match fs::create_dir(&self.root) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.require(),
            Err(error) => Err(answer("make", &self.root, error)),
        }
    }

    fn folders(&self, within: &[&str]) -> Result<Vec<String>, VaultError> {
        let path = self.folder(within);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| answer("list", &path, error))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| answer("list", &path, error))?;
            if let Some(name) = entry.file_name().to_str()
                && entry.path().is_dir()
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn stores(&self, folder: &[&str]) -> Stores {
        Stores::same(Arc::new(Directory::new(self.folder(folder), Arc::clone(&self.flow))))
    }

    fn diagnose(&self) -> Diagnosis {
        let probe = self.root.join(PROBE);
        let written = fs::write(&probe, b"probe");
        let mut rights = Rights {
            list: right(fs::read_dir(&self.root)),
            write: right(written),
            ..Rights::default()
        };
        if rights.write == Right::Yes {
            rights.read = right(or_gone(fs::read(&probe).map(drop)));
            rights.remove = right(or_gone(fs::remove_file(&probe)));
        }
        let space = rustix::fs::statvfs(&self.root).ok();
        let tally = tally(&self.root).ok();
        Diagnosis {
            writer: rights,
            growth: tally.as_ref().and_then(|tally| tally.growth(Timestamp::now())),
            used: tally.map(|tally| tally.used),
            free_bytes: space.map(|space| space.f_bavail.saturating_mul(space.f_frsize)),
            ..Diagnosis::reached()
        }
    }
}

fn right<T>(answer: io::Result<T>) -> Right {
    match answer {
        Ok(_) => Right::Yes,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Right::No
        }
        Err(error) => Right::Unknown(error.to_string()),
    }
}

/// Somebody who looks at the same moment removes the same probe.
fn or_gone(answer: io::Result<()>) -> io::Result<()> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn tally(root: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let meta = match entry.metadata() {
                // A prune was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
                let written = meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
                tally.add(&name, meta.len(), written);
            }
        }
    }
    Ok(tally)
}

fn answer(action: &'static str, path: &Path, error: io::Error) -> VaultError {
    StoreError::of(action, path.display().to_string(), error).into()
}
