//! A store in a directory.
//!
//! A record is written to a hidden file beside its place, synced, and then linked to its name: link(2) refuses a name that
//! exists, on local file systems and on NFS, so it decides who won. Only then is the folder synced and the hidden file removed.
//! Killed at any point, a writer leaves at most a hidden file, which is never read as a record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use dram_storage::crash;

use super::error::{Action, Fault, StoreError, fault_of};
use super::{Creation, Listing, RECORD_LIMIT, Store};
use crate::layout::{Folder, Key};

/// Tells the hidden files of one process apart.
static NEXT_PART: AtomicU64 = AtomicU64::new(0);

/// A store in a directory of this machine, or one mounted here.
#[derive(Debug)]
pub struct FileStore {
    root: PathBuf,
    /// Whether the catalog's header was there on opening. If so, a folder that is not there is believed only while the header
    /// is: an unmounted directory is empty too, and must not pass for an empty catalog.
    initialised: bool,
}

impl FileStore {
    /// Opens the store in the directory `root`, which must exist.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let fail = |source: io::Error| {
            let fault = if source.kind() == io::ErrorKind::NotADirectory {
                Fault::Failed
            } else {
                fault_of(&source)
            };
            StoreError {
                fault,
                action: Action::Open,
                place: root.display().to_string(),
                source,
            }
        };
        let meta = fs::metadata(root).map_err(fail)?;
        if !meta.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        let initialised = match fs::symlink_metadata(root.join(Key::header().as_str())) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(fail(error)),
        };
        Ok(FileStore {
            root: root.to_path_buf(),
            initialised,
        })
    }

    /// Makes the directory `root` durably if it is not there, and opens the store in it.
    pub fn prepare(root: &Path) -> Result<Self, StoreError> {
        make_folders(Path::new("/"), root).map_err(|source| StoreError {
            fault: fault_of(&source),
            action: Action::Create,
            place: root.display().to_string(),
            source,
        })?;
        FileStore::open(root)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn error(&self, action: Action, key: &str, source: io::Error) -> StoreError {
        StoreError {
            fault: fault_of(&source),
            action,
            place: self.path(key).display().to_string(),
            source,
        }
    }

    /// Answers whether something that was not found is truly absent: an error when the whole store is gone.
    fn still_here(&self, action: Action) -> Result<(), StoreError> {
        let sign = if self.initialised {
            self.path(Key::header().as_str())
        } else {
            self.root.clone()
        };
        match fs::symlink_metadata(&sign) {
            Ok(_) => Ok(()),
            Err(source) => Err(StoreError {
                fault: fault_of(&source),
                action,
                place: self.root.display().to_string(),
                source,
            }),
        }
    }

    /// Links a synced hidden file to `target`.
    fn create_in(&self, folder: &Path, target: &Path, bytes: &[u8]) -> io::Result<Creation> {
        if fs::symlink_metadata(target).is_ok() {
            // The other writer may not have synced the folder yet, and whoever is told "exists" builds on it.
            sync_folder(folder)?;
            return Ok(Creation::Exists);
        }
        crash::point(crash::Kind::Write);
        let part = Part::write(folder, bytes)?;
        crash::point(crash::Kind::Write);
        let creation = match fs::hard_link(&part.path, target) {
            Ok(()) => Creation::Won,
            // On NFS the answer to a link that succeeded may get lost, and its repetition then says "exists": the count of
            // links of our own file tells the truth.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::symlink_metadata(&part.path)?.nlink() > 1 {
                    Creation::Won
                } else {
                    Creation::Exists
                }
            }
            Err(error) => return Err(error),
        };
        crash::point(crash::Kind::Write);
        drop(part);
        sync_folder(folder)?;
        Ok(creation)
    }
}

impl Store for FileStore {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let fail = |source| self.error(Action::Read, key.as_str(), source);
        let mut file = match File::open(self.path(key.as_str())) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.still_here(Action::Read)?;
                return Ok(None);
            }
            Err(error) => return Err(fail(error)),
        };
        let mut bytes = Vec::new();
        let limit = u64::try_from(RECORD_LIMIT).unwrap_or(u64::MAX);
        let read = Read::by_ref(&mut file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        if read > RECORD_LIMIT {
            let source = io::Error::other(format!("it is larger than {RECORD_LIMIT} bytes"));
            return Err(StoreError {
                fault: Fault::Corrupt,
                ..fail(source)
            });
        }
        Ok(Some(bytes))
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let fail = |source| self.error(Action::Create, key.as_str(), source);
        let target = self.path(key.as_str());
        let Some(folder) = target.parent() else {
            return Err(fail(io::Error::from(io::ErrorKind::InvalidInput)));
        };
        match self.create_in(folder, &target, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The folder is missing. If the whole store is, making it again would write to the wrong disk.
                self.still_here(Action::Create)?;
                make_folders(&self.root, folder).map_err(fail)?;
                self.create_in(folder, &target, bytes).map_err(fail)
            }
            other => other.map_err(fail),
        }
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let fail = |source| self.error(Action::List, folder.as_str(), source);
        let entries = match fs::read_dir(self.path(folder.as_str())) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.still_here(Action::List)?;
                return Ok(Listing::default());
            }
            Err(error) => return Err(fail(error)),
        };
        let mut listing = Listing::default();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // Hidden names are unfinished records. No key begins with a dot.
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() {
                listing.folders.push(name);
            } else if kind.is_file() {
                listing.records.push(name);
            }
        }
        if listing == Listing::default() {
            self.still_here(Action::List)?;
        }
        listing.folders.sort();
        listing.records.sort();
        Ok(listing)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        crash::point(crash::Kind::Write);
        match fs::remove_file(self.path(key.as_str())) {
            Ok(()) => {
                crash::point(crash::Kind::Write);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.still_here(Action::Remove),
            Err(error) => Err(self.error(Action::Remove, key.as_str(), error)),
        }
    }

    fn location(&self) -> String {
        crate::CatalogUrl::File(self.root.clone()).to_string()
    }
}

/// A hidden file that holds a whole record, removed when this is dropped.
struct Part {
    path: PathBuf,
}

impl Part {
    /// Writes and syncs `bytes` to a new hidden file in `folder`.
    fn write(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        let number = NEXT_PART.fetch_add(1, Ordering::Relaxed);
        // Process ids are reused and are the same on two machines that share the directory; chance is neither.
        let name = format!(".{}-{number}-{:016x}.part", std::process::id(), rand::random::<u64>());
        let path = folder.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let part = Part { path };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(part)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A hidden file that stays behind is only litter.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes `folder` and its parents up to `top`, which must exist; each new name is synced in its parent.
fn make_folders(top: &Path, folder: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for ancestor in folder.ancestors() {
        if ancestor == top || fs::metadata(ancestor).is_ok() {
            break;
        }
        missing.push(ancestor);
    }
    for path in missing.into_iter().rev() {
        match fs::create_dir(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if let Some(parent) = path.parent() {
            sync_folder(parent)?;
        }
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder and say so; they order names by themselves.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
