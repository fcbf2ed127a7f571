//! Copies on this machine of what a distant repository is asked for at every command: its snapshots, its index, and packs so
//! small that they hold little but manifests. Without them each of ten thousand points costs some five requests, every time.
//!
//! What is there is always asked of the store itself; only the content of a file that is there comes from here. Files are
//! encrypted as in the store, and named by their hash, which is compared at every reading: a copy that is not what was written
//! is removed, and the store is asked. Nothing depends on the copies, so no failure to keep one is an error, and none is
//! waited for to reach the disk.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustic_core::Id;

use super::super::pack::id_of;
use super::super::progress::Cancel;
use super::{Claim, Kind, Locks, SMALL_PACK, Store, StoreError};

/// Backup programs leave out folders that have this file: <https://bford.info/cachedir/>.
const TAG: &str = "CACHEDIR.TAG";
const TAG_CONTENT: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# Copies of files of DRAM vaults. All of it may be removed.\n";
/// An unfinished copy that is older than this was left by a process that died.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// A store, and the folder with the copies of its files.
pub(in super::super) struct Cached {
    inner: Arc<dyn Store>,
    folder: Arc<Path>,
    /// Distinguishes the unfinished files of this process.
    counter: Arc<AtomicU64>,
}

impl Cached {
    /// Keeps copies below `cache`, in a folder that is this repository's alone. Nothing is touched yet.
    pub(in super::super) fn new(inner: Arc<dyn Store>, cache: &Path) -> Self {
        let name = id_of(inner.location().as_bytes()).to_hex().to_string();
        Self {
            inner,
            folder: cache.join(name).into(),
            counter: Arc::default(),
        }
    }

    /// The folder of a kind of which copies are kept.
    fn folder(&self, kind: Kind) -> Option<PathBuf> {
        match kind {
            Kind::Snapshot | Kind::Index | Kind::Pack => Some(self.folder.join(kind.folder())),
            Kind::Config | Kind::Key | Kind::Notice => None,
        }
    }

    fn path(&self, kind: Kind, id: &Id) -> Option<PathBuf> {
        Some(self.folder(kind)?.join(id.to_hex().as_str()))
    }

    fn copy(&self, kind: Kind, id: &Id) -> Option<Bytes> {
        let path = self.path(kind, id)?;
        let content = fs::read(&path).ok()?;
        if id_of(&content) == *id {
            return Some(content.into());
        }
        tracing::debug!(path = %path.display(), "a copy is not what was written");
        forget(&path);
        None
    }

    fn keep(&self, kind: Kind, id: &Id, parts: &[Bytes]) {
        let length: usize = parts.iter().map(Bytes::len).sum();
        let Some(folder) = self.folder(kind) else { return };
        if kind == Kind::Pack && length > usize::try_from(SMALL_PACK).unwrap_or(usize::MAX) {
            return;
        }
        if let Err(error) = self.write_copy(&folder, id, parts) {
            tracing::debug!(folder = %folder.display(), %error, "a copy is not kept");
        }
    }

    fn write_copy(&self, folder: &Path, id: &Id, parts: &[Bytes]) -> std::io::Result<()> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let scratch = folder.join(format!("tmp-{}-{number:x}", std::process::id()));
        let open = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&scratch)
        };
        let mut file = match open() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                if let Some(cache) = self.folder.parent() {
                    tag(cache);
                }
                open()
            }
            other => other,
        }?;
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let placed = written.and_then(|()| fs::rename(&scratch, folder.join(id.to_hex().as_str())));
        if placed.is_err() {
            forget(&scratch);
        }
        placed
    }

    /// Removes copies of files that are not there any more.
    fn sweep(&self, kind: Kind, there: &[(Id, u32)]) {
        let Some(entries) = self.folder(kind).and_then(|folder| fs::read_dir(folder).ok()) else {
            return;
        };
        let there: HashSet<Id> = there.iter().map(|(id, _)| *id).collect();
        for entry in entries.flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<Id>().ok());
            let is_needed = match id {
                Some(id) => there.contains(&id),
                // Somebody may be writing it.
                None => is_young(&entry),
            };
            if !is_needed {
                forget(&entry.path());
            }
        }
    }
}

impl Store for Cached {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        let there = self.inner.list(kind)?;
        self.sweep(kind, &there);
        Ok(there)
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.inner.read(kind, id)
    }

    fn read_kept(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        if let Some(copy) = self.copy(kind, id) {
            return Ok(copy);
        }
        let content = self.inner.read_kept(kind, id)?;
        // What is damaged there is not worth keeping.
        if id_of(&content) == *id {
            self.keep(kind, id, std::slice::from_ref(&content));
        }
        Ok(content)
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        self.inner.read_range(kind, id, offset, length)
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        self.inner.write(kind, id, content)?;
        self.keep(kind, id, content);
        Ok(())
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        if let Some(path) = self.path(kind, id) {
            forget(&path);
        }
        self.inner.remove(kind, id)
    }

    fn create(&self) -> Result<(), StoreError> {
        self.inner.create()
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self {
            inner: self.inner.under(cancel)?,
            folder: Arc::clone(&self.folder),
            counter: Arc::clone(&self.counter),
        }))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        self.inner.claim()
    }

    fn tidy(&self, now: SystemTime) {
        self.inner.tidy(now);
    }

    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        self.inner.written(kind, id)
    }

    fn locks(&self) -> Option<&dyn Locks> {
        self.inner.locks()
    }

    fn direct(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::clone(&self.inner))
    }
}

fn is_young(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|meta| meta.modified()).ok();
    modified
        .and_then(|modified| SystemTime::now().duration_since(modified).ok())
        .is_none_or(|age| age < LEFTOVER_AGE)
}

fn tag(cache: &Path) {
    let tagged = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(cache.join(TAG))
        .and_then(|mut file| file.write_all(TAG_CONTENT.as_bytes()));
    match tagged {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            tracing::debug!(%error, "the cache has no tag");
        }
        _ => {}
    }
}

fn forget(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::debug!(path = %path.display(), %error, "a copy cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::tree::noise;
    use super::super::{Directory, Flow, suite};
    use super::*;
    use tempfile::TempDir;

    struct Folders {
        dir: TempDir,
        store: Arc<dyn Store>,
    }

    fn folders() -> Folders {
        let dir = tempfile::tempdir().unwrap();
        let inner = Directory::new(dir.path().join("there"), Arc::new(Flow::default()));
        let store: Arc<dyn Store> = Arc::new(Cached::new(Arc::new(inner), &dir.path().join("cache")));
        store.create().unwrap();
        Folders { dir, store }
    }

    impl Folders {
        /// A file of this length, written through the store.
        fn written(&self, kind: Kind, length: usize) -> (Id, Bytes) {
            let content = Bytes::from(noise(length, 7));
            let id = id_of(&content);
            self.store.write(kind, &id, std::slice::from_ref(&content)).unwrap();
            (id, content)
        }

        /// The copy of a file, whether it is there or not.
        fn copy(&self, kind: Kind, id: &Id) -> PathBuf {
            let folders = fs::read_dir(self.dir.path().join("cache")).unwrap().flatten();
            let mut own = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
            own.next().unwrap().join(kind.folder()).join(id.to_hex().as_str())
        }

        /// Overwrites a file behind the store.
        fn damage(&self, kind: Kind, id: &Id) {
            let hex = id.to_hex();
            let (folder, name) = (self.dir.path().join("there").join(kind.folder()), hex.as_str());
            let path = match kind {
                Kind::Pack => folder.join(name.split_at(2).0).join(name),
                _ => folder.join(name),
            };
            fs::write(path, "damaged").unwrap();
        }
    }

    #[test]
    fn it_does_what_every_store_does() {
        suite::run(&folders().store);
    }

    #[test]
    fn a_copy_serves_who_asks_for_one_and_nobody_else() {
        for kind in [Kind::Snapshot, Kind::Index, Kind::Pack] {
            let here = folders();
            let (id, content) = here.written(kind, 1000);
            here.damage(kind, &id);
            assert_eq!(here.store.read_kept(kind, &id).unwrap(), content, "{kind:?}");
            for store in [&here.store, &here.store.direct().unwrap()] {
                assert_eq!(store.read(kind, &id).unwrap(), "damaged", "{kind:?}");
            }
            assert_eq!(here.store.read_range(kind, &id, 0, 7).unwrap(), "damaged", "{kind:?}");
        }
    }

    #[test]
    fn a_copy_that_is_not_what_was_written_counts_for_nothing() {
        let here = folders();
        let (id, content) = here.written(Kind::Snapshot, 1000);
        let copy = here.copy(Kind::Snapshot, &id);
        for wrong in [&content[..999], &b""[..], &noise(1000, 8)] {
            fs::write(&copy, wrong).unwrap();
            assert_eq!(here.store.read_kept(Kind::Snapshot, &id).unwrap(), content);
            assert_eq!(fs::read(&copy).unwrap(), content);
        }
        // What is damaged there is given out as it is, for its reader to judge, and not kept.
        forget(&copy);
        here.damage(Kind::Snapshot, &id);
        assert_eq!(here.store.read_kept(Kind::Snapshot, &id).unwrap(), "damaged");
        assert!(!copy.exists());
    }

    #[test]
    fn copies_go_with_what_they_are_copies_of() {
        let here = folders();
        let (removed, _) = here.written(Kind::Index, 1000);
        let (taken, _) = here.written(Kind::Index, 2000);
        let (stays, content) = here.written(Kind::Index, 3000);
        here.store.remove(Kind::Index, &removed).unwrap();
        assert!(!here.copy(Kind::Index, &removed).exists());
        here.store.direct().unwrap().remove(Kind::Index, &taken).unwrap();
        assert_eq!(here.store.list(Kind::Index).unwrap(), [(stays, 3000)]);
        assert!(!here.copy(Kind::Index, &taken).exists());
        assert_eq!(here.store.read_kept(Kind::Index, &stays).unwrap(), content);
        assert!(matches!(
            here.store.read_kept(Kind::Index, &taken),
            Err(StoreError::Missing { .. })
        ));
    }

    #[test]
    fn only_small_packs_are_kept_and_a_full_disk_harms_nothing() {
        let here = folders();
        let small = usize::try_from(SMALL_PACK).unwrap();
        let (kept, _) = here.written(Kind::Pack, small);
        let (large, content) = here.written(Kind::Pack, small + 1);
        assert!(here.copy(Kind::Pack, &kept).exists());
        assert!(!here.copy(Kind::Pack, &large).exists());
        assert_eq!(here.store.read_kept(Kind::Pack, &large).unwrap(), content);
        // As if nothing could be written any more: a file has the folder's name.
        let folder = here.copy(Kind::Snapshot, &kept).parent().unwrap().to_owned();
        fs::write(&folder, "in the way").unwrap();
        let (id, content) = here.written(Kind::Snapshot, 1000);
        assert_eq!(here.store.read_kept(Kind::Snapshot, &id).unwrap(), content);
    }
}
