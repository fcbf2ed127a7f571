//! A repository in a directory, in restic's local layout, so that the stock program opens it too.
//!
//! `config`, `keys/`, `index/`, `snapshots/`, `locks/`, `data/<first byte of the id>/`. A file is written in `tmp/`, made
//! durable, and renamed: a reader sees it whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dram_storage::crash;
use rustic_core::Id;

use super::super::progress::Cancel;
use super::flow::Flow;
use super::{Claim, Kind, Store, StoreError};

/// Unfinished files of a writer that died are removed when they are older than this.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
const SCRATCH: &str = "tmp";
/// So many names are told of what is in the way.
const NAMED: usize = 8;
/// Every name that the layout knows; anything else in the folder is somebody else's.
const LAYOUT: [&str; 7] = ["config", "data", "index", "keys", "locks", "snapshots", SCRATCH];

/// The store of one repository below one directory.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
    flow: Arc<Flow>,
    cancel: Cancel,
    /// Distinguishes the unfinished files of this process.
    counter: Arc<AtomicU64>,
    tidied: Arc<Once>,
}

impl Directory {
    /// The repository at `root`, whose transfers go through `flow`. Nothing is touched yet.
    #[must_use]
    pub fn new(root: PathBuf, flow: Arc<Flow>) -> Self {
        Self {
            root,
            flow,
            cancel: Cancel::new(),
            counter: Arc::default(),
            tidied: Arc::new(Once::new()),
        }
    }

    fn path(&self, kind: Kind, id: &Id) -> PathBuf {
        let hex = id.to_hex();
        match kind {
            Kind::Config => self.root.join("config"),
            Kind::Pack => {
                let first: String = hex.chars().take(2).collect();
                self.root.join("data").join(first).join(hex.as_str())
            }
            Kind::Key | Kind::Snapshot | Kind::Index | Kind::Notice => self.root.join(kind.folder()).join(hex.as_str()),
        }
    }

    /// Holds the lock that serialises the making of this repository until the file is dropped.
    fn lock(&self) -> Result<File, StoreError> {
        let folder = self.root.join(SCRATCH);
        make_folder(&folder)?;
        let file = File::open(&folder).map_err(|error| failed("open", &folder, error))?;
        if let Err(error) = rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive) {
            tracing::debug!(%error, "the store knows no locks");
        }
        Ok(file)
    }

    fn require_own(&self) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(|error| failed("list", &self.root, error))? {
            let entry = entry.map_err(|error| failed("list", &self.root, error))?;
            let name = entry.file_name();
            if !name.to_str().is_some_and(|name| LAYOUT.contains(&name)) {
                found.push(format!("`{}`", name.to_string_lossy()));
            }
        }
        found.sort();
        found.truncate(NAMED);
        if found.is_empty() {
            Ok(())
        } else {
            let place = self.location();
            Err(StoreError::Foreign { place, found })
        }
    }

    fn scratch(&self) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let name = format!("{}-{:x}-{number:x}", std::process::id(), since.as_nanos());
        self.root.join(SCRATCH).join(name)
    }

    fn write_scratch(&self, scratch: &Path, content: &[Bytes]) -> Result<(), StoreError> {
        let open = || {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(scratch)
        };
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A repository that the stock program made has no such folder.
                self.require_root()?;
                make_folder(&self.root.join(SCRATCH))?;
                open()
            }
            other => other,
        }
        .map_err(|error| failed("write", scratch, error))?;
        for part in content {
            file.write_all(part).map_err(|error| failed("write", scratch, error))?;
        }
        file.sync_all().map_err(|error| failed("write", scratch, error))
    }

    fn require_root(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.root) {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("open", &self.root, error)),
        }
    }

    fn list_folder(&self, folder: &Path, found: &mut Vec<(Id, u32)>) -> Result<(), StoreError> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.require_root(),
            other => other.map_err(|error| failed("list", folder, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed("list", folder, error))?;
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<Id>().ok()) else {
                continue;
            };
            let size = match entry.metadata() {
                // Removed between the listing and the question by a prune: it is not there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| failed("read", &entry.path(), error))?.len(),
            };
            found.push((id, narrow(size, &entry.path())?));
        }
        Ok(())
    }
}

impl Store for Directory {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let _turn = self.flow.turn(&self.cancel)?;
        let mut found = Vec::new();
        match kind {
            Kind::Config => {
                let path = self.root.join("config");
                match fs::metadata(&path) {
                    // A tenant may have that name, too: then it is a folder.
                    Ok(meta) if meta.is_dir() => {}
                    Ok(meta) => found.push((Id::default(), narrow(meta.len(), &path)?)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed("read", &path, error)),
                }
            }
            Kind::Pack => {
                let data = self.root.join("data");
                let folders = match fs::read_dir(&data) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return self.require_root().map(|()| found);
                    }
                    other => other.map_err(|error| failed("list", &data, error))?,
                };
                for folder in folders {
                    let folder = folder.map_err(|error| failed("list", &data, error))?;
                    let is_folder = folder
                        .file_type()
                        .map_err(|error| failed("list", &folder.path(), error))?
                        .is_dir();
                    if is_folder {
                        self.list_folder(&folder.path(), &mut found)?;
                    }
                }
            }
            Kind::Key | Kind::Snapshot | Kind::Index | Kind::Notice => {
                self.list_folder(&self.root.join(kind.folder()), &mut found)?;
            }
        }
        Ok(found)
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        let path = self.path(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        let mut content = Vec::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_end(&mut content))
            .map_err(|error| failed("read", &path, error))?;
        self.flow.pass(content.len(), &self.cancel)?;
        Ok(content.into())
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        let path = self.path(kind, id);
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let _turn = self.flow.turn(&self.cancel)?;
        let file = File::open(&path).map_err(|error| failed("read", &path, error))?;
        self.flow.pass(wanted, &self.cancel)?;
        let mut content = Vec::with_capacity(wanted);
        while content.len() < wanted {
            let at = u64::from(offset) + u64::try_from(content.len()).unwrap_or(0);
            // The capacity may be more than was asked for.
            match rustix::io::pread(&file, rustix::buffer::spare_capacity(&mut content), at) {
                Ok(0) => {
                    return Err(StoreError::Truncated {
                        place: path.display().to_string(),
                        offset: u64::from(offset),
                        length: u64::from(length),
                    });
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed("read", &path, error.into())),
            }
        }
        content.truncate(wanted);
        Ok(content.into())
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        let _turn = self.flow.turn(&self.cancel)?;
        self.flow.pass(content.iter().map(Bytes::len).sum(), &self.cancel)?;
        self.tidied.call_once(|| self.tidy(SystemTime::now()));
        let path = self.path(kind, id);
        let scratch = self.scratch();
        crash::point(crash::Kind::Write);
        let written = self.write_scratch(&scratch, content).and_then(|()| {
            crash::point(crash::Kind::Write);
            let place = || match kind {
                // A link does not replace: of two that make the same repository, one wins.
                Kind::Config => place_new(&scratch, &path),
                _ => fs::rename(&scratch, &path),
            };
            match place() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if let Some(parent) = path.parent() {
                        make_folder(parent)?;
                    }
                    place()
                }
                other => other,
            }
            .map_err(|error| failed("write", &path, error))
        });
        if written.is_err() || kind == Kind::Config {
            // Nothing depends on it: the sweep would take it later.
            let _ = fs::remove_file(&scratch);
        }
        written?;
        crash::point(crash::Kind::Write);
        sync_parent(&path)
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        let path = self.path(kind, id);
        let _turn = self.flow.turn(&self.cancel)?;
        crash::point(crash::Kind::Write);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| failed("remove", &path, error))?,
        }
        crash::point(crash::Kind::Write);
        sync_parent(&path)
    }

    fn create(&self) -> Result<(), StoreError> {
        for folder in ["keys", "index", "snapshots", "locks", "data", SCRATCH] {
            make_folder(&self.root.join(folder))?;
        }
        for byte in 0..=255_u8 {
            make_folder(&self.root.join("data").join(format!("{byte:02x}")))?;
        }
        sync_folder(&self.root.join("data"))?;
        sync_folder(&self.root)?;
        sync_parent(&self.root)
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            cancel: cancel.clone(),
            ..self.clone()
        }))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        make_folder(&self.root)?;
        self.require_own()?;
        Ok(Claim {
            _lock: Some(self.lock()?),
        })
    }

    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        let path = self.path(kind, id);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => Ok(other.map_err(|error| failed("read", &path, error))?.modified().ok()),
        }
    }

    fn tidy(&self, now: SystemTime) {
        let Ok(entries) = fs::read_dir(self.root.join(SCRATCH)) else {
            return;
        };
        for entry in entries.flatten() {
            let old = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .ok()
                .and_then(|modified| now.duration_since(modified).ok())
                .is_some_and(|age| age > LEFTOVER_AGE);
            if old && let Err(error) = fs::remove_file(entry.path()) {
                tracing::debug!(path = %entry.path().display(), %error, "a leftover cannot be removed");
            }
        }
    }
}

/// Gives a file its name unless something has it.
fn place_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // Some file systems know no links: looking first is then the best that there is.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) && !to.try_exists()? =>
        {
            fs::rename(from, to)
        }
        other => other,
    }
}

fn failed(action: &'static str, path: &Path, error: io::Error) -> StoreError {
    StoreError::of(action, path.display().to_string(), error)
}

fn narrow(size: u64, path: &Path) -> Result<u32, StoreError> {
    u32::try_from(size).map_err(|_| {
        failed(
            "read",
            path,
            io::Error::other("it is larger than 4 GiB, which no repository file is"),
        )
    })
}

/// Makes a folder, and those above it, for the owner alone: the repository is encrypted, its structure is not.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| failed("make", path, error))
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed("write", path, error))
}
