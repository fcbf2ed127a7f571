//! A vault in a directory of this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::diagnose::{Diagnosis, Right, Rights, Used};
use super::super::error::VaultError;
use super::super::store::{Directory, StoreError};
use super::{Ground, Stores};

/// The vault below a directory.
#[derive(Debug)]
pub(in super::super) struct DirectoryGround {
    root: PathBuf,
}

impl DirectoryGround {
    pub(in super::super) fn new(root: PathBuf) -> Self {
        Self { root }
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
        Stores::same(Arc::new(Directory::new(self.folder(folder))))
    }

    fn diagnose(&self) -> Diagnosis {
        let probe = self.root.join(format!(".dram-probe-{}", std::process::id()));
        let written = fs::write(&probe, b"probe");
        let mut rights = Rights {
            list: right(fs::read_dir(&self.root)),
            write: right(written),
            ..Rights::default()
        };
        if rights.write == Right::Yes {
            rights.read = right(fs::read(&probe));
            rights.remove = right(fs::remove_file(&probe));
        }
        let space = rustix::fs::statvfs(&self.root).ok();
        Diagnosis {
            writer: rights,
            used: used(&self.root).ok(),
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

fn used(root: &Path) -> io::Result<Used> {
    let mut used = Used::default();
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
                used.files += 1;
                used.bytes = used.bytes.saturating_add(meta.len());
            }
        }
    }
    Ok(used)
}

fn answer(action: &'static str, path: &Path, error: io::Error) -> VaultError {
    StoreError::of(action, path.display().to_string(), error).into()
}
