//! An open repository. Each operation works through a guard and a library handle of its own, so that its cancelling and its
//! failure are its own too.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::repofile::{ConfigFile, IndexFile, MasterKey, SnapshotFile, SnapshotId};
use rustic_core::{
    Credentials, Id, IndexedIdsStatus, OpenStatus, Repository as Library, RusticError, RusticResult, SnapshotOptions,
};

use super::error::{VaultError, contained, plain};
use super::ground::Stores;
use super::guard::Guard;
use super::key;
use super::pack::{Cipher, Codec, Index};
use super::place::{library, library_with};
use super::progress::{Cancel, Progress, Relay};
use super::snapshots::Snapshots;
use super::store::{Kind, Store};

/// Every snapshot of ours carries this tag.
pub(super) const TAG: &str = "dram";
/// What stands in a snapshot as the command that made it. The library would write the process's arguments, which may hold
/// secrets.
const COMMAND: &str = "dram";

/// An open repository of one application.
#[derive(Clone)]
pub struct Repository {
    stores: Stores,
    key: Credentials,
    config: ConfigFile,
    cipher: Cipher,
    /// The index as it was last read or written, for all operations.
    index: Arc<Mutex<Option<Arc<Index>>>>,
    /// Packs that are not there although the index names them, as the last comparison found.
    lost: Arc<Mutex<Arc<HashSet<Id>>>>,
    snapshots: Arc<Snapshots>,
    /// Whether other programs work here too.
    is_shared: bool,
    /// The application whose seals count, where another's may lie beside them.
    of: Option<Arc<str>>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("location", &self.stores.writer.location())
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens what lies in a store.
    pub(super) fn open(stores: Stores, credentials: &Credentials) -> Result<Self, VaultError> {
        Self::open_by(stores, credentials, None)
    }

    /// Opens what lies in a store by one of its keys alone.
    pub(super) fn open_by(
        stores: Stores,
        credentials: &Credentials,
        key: Option<(Id, u32)>,
    ) -> Result<Self, VaultError> {
        let guard = Arc::new(Guard::new(Arc::clone(&stores.writer), Cancel::new()));
        if let Some(key) = key {
            guard.show(Kind::Key, vec![key]);
        }
        let place = stores.writer.location();
        let known = key::known(&guard, credentials)?;
        let with = known.as_ref().unwrap_or(credentials);
        let opened = contained("open the repository", || library(&guard).map(|l| l.open(with)))??;
        let library = opened.map_err(|error| match guard.take_error() {
            Some(store) => store.into(),
            None if error.is_incorrect_password() => VaultError::WrongPassword { place: place.clone() },
            None => VaultError::Library {
                action: "open the repository",
                place: place.clone(),
                reason: plain(&error),
            },
        })?;
        let key: MasterKey = library.key();
        if known.is_none() {
            key::remember(&guard, credentials, library.key_id().map(|id| *id), &key);
        }
        let config = library.config().clone();
        let cipher = Cipher::of(&key).ok_or_else(|| VaultError::Library {
            action: "open the repository",
            place,
            reason: "its key has another length than the format says".into(),
        })?;
        Ok(Self {
            stores,
            key: Credentials::Masterkey(key),
            snapshots: Arc::new(Snapshots::new(cipher.clone(), config.clone())),
            config,
            cipher,
            index: Arc::default(),
            lost: Arc::default(),
            is_shared: false,
            of: None,
        })
    }

    /// The same, where another program made it: that one may come back, and another application's points may be there.
    pub(super) fn adopted(self, of: Option<Arc<str>>) -> Self {
        Self {
            is_shared: true,
            of,
            ..self
        }
    }

    /// Whether other programs work here too.
    pub(super) const fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The application whose seals count, where another's may lie beside them.
    pub(super) fn of(&self) -> Option<&str> {
        self.of.as_deref()
    }

    /// Where this is, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        self.stores.writer.location()
    }

    /// The random id that the repository was made with, 64 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.config.id.to_hex().to_string()
    }

    pub(super) fn config(&self) -> &ConfigFile {
        &self.config
    }

    pub(super) fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// A codec for one thread.
    pub(super) fn codec(&self) -> Result<Codec, VaultError> {
        Codec::new(self.cipher.clone(), &self.config).map_err(|reason| VaultError::Library {
            action: "prepare to read or write",
            place: self.location(),
            reason,
        })
    }

    /// The index as it is in the store now. What is known of it already is not read again.
    pub(super) fn index(&self, guard: &Guard) -> Result<Arc<Index>, VaultError> {
        let mut known = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Index::current(known.take(), guard, &|| self.codec())?;
        *known = Some(Arc::clone(&now));
        let lost = guard.lost();
        if lost.is_empty() {
            return Ok(now);
        }
        Ok(Arc::new(now.without(lost)))
    }

    /// Keeps the index that an operation added to.
    pub(super) fn keep_index(&self, index: Arc<Index>) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(index);
    }

    pub(super) fn master(&self) -> Result<&MasterKey, VaultError> {
        match &self.key {
            Credentials::Masterkey(master) => Ok(master),
            Credentials::Password(_) => Err(VaultError::Library {
                action: "use the key",
                place: self.location(),
                reason: "it is not known".into(),
            }),
        }
    }

    /// Remembers which packs are lost: nothing in them counts as stored from now on.
    pub(super) fn lose(&self, packs: HashSet<Id>) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(packs);
    }

    fn guard(&self, store: &Arc<dyn Store>, cancel: &Cancel) -> Arc<Guard> {
        let lost = Arc::clone(&self.lost.lock().unwrap_or_else(PoisonError::into_inner));
        Arc::new(Guard::new(Arc::clone(store), cancel.clone()).without(lost))
    }

    pub(super) fn session(&self, cancel: &Cancel) -> Result<Session, VaultError> {
        let guard = self.guard(&self.stores.writer, cancel);
        let library = library(&guard)?;
        self.session_with(guard, library)
    }

    /// A session with the credentials that may remove.
    pub(super) fn pruning(&self, cancel: &Cancel) -> Result<Session, VaultError> {
        self.through(Arc::clone(&self.stores.pruner), cancel)
    }

    /// A session through another way to the same files.
    pub(super) fn through(&self, store: Arc<dyn Store>, cancel: &Cancel) -> Result<Session, VaultError> {
        let guard = self.guard(&store, cancel);
        let library = library(&guard)?;
        self.session_with(guard, library)
    }

    /// The same repository, written another way.
    pub(super) fn with_writer(&self, writer: Arc<dyn Store>) -> Self {
        let mut other = self.clone();
        other.stores.writer = writer;
        other
    }

    /// The same repository written another way, which keeps for itself what it adds to the index and to the snapshots.
    pub(super) fn apart(&self, writer: Arc<dyn Store>) -> Self {
        let mut other = self.with_writer(writer);
        other.snapshots = Arc::new(self.snapshots.copy());
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        other.index = Arc::new(Mutex::new(index));
        other
    }

    /// The same repository as its store alone has it: no copy of a file counts, and nothing that was read before.
    #[must_use]
    pub fn direct(&self) -> Self {
        let mut other = self.clone();
        if let Some(store) = self.stores.writer.direct() {
            other.stores.writer = store;
            other.snapshots = Arc::new(Snapshots::new(self.cipher.clone(), self.config.clone()));
            other.index = Arc::default();
        }
        other
    }

    #[cfg(test)]
    pub(super) fn with_pruner(&self, pruner: Arc<dyn Store>) -> Self {
        let mut other = self.clone();
        other.stores.pruner = pruner;
        other
    }

    pub(super) fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(super) fn watched(&self, cancel: &Cancel, progress: &Arc<dyn Progress>) -> Result<Session, VaultError> {
        let guard = self.guard(&self.stores.writer, cancel);
        let library = library_with(&guard, Relay::new(Arc::clone(progress)))?;
        self.session_with(guard, library)
    }

    fn session_with(&self, guard: Arc<Guard>, library: Library<()>) -> Result<Session, VaultError> {
        let action = "open the repository";
        match contained(action, || library.open(&self.key))? {
            Ok(library) => Ok(Session {
                guard,
                library,
                known: Arc::clone(&self.snapshots),
            }),
            Err(error) => Err(explain(&guard, action, &error)),
        }
    }
}

/// One operation's view of the repository.
pub(super) struct Session<S = OpenStatus> {
    pub(super) guard: Arc<Guard>,
    pub(super) library: Library<S>,
    known: Arc<Snapshots>,
}

impl Session {
    /// The packs that the index names, with their sizes in bytes.
    pub(super) fn named_packs(&self) -> Result<HashMap<Id, u32>, VaultError> {
        self.run("read the index", |library| {
            let mut named = HashMap::new();
            for file in library.stream_files::<IndexFile>()? {
                for pack in file?.1.packs {
                    named.insert(*pack.id, pack.pack_size());
                }
            }
            Ok(named)
        })
    }

    /// The packs that the index names, those marked for their removal too.
    pub(super) fn all_packs(&self) -> Result<HashSet<Id>, VaultError> {
        self.run("read the index", |library| {
            let mut named = HashSet::new();
            for file in library.stream_files::<IndexFile>()? {
                let IndexFile {
                    packs, packs_to_delete, ..
                } = file?.1;
                named.extend(packs.iter().chain(&packs_to_delete).map(|pack| *pack.id));
            }
            Ok(named)
        })
    }

    /// Shows the library all packs of the index but the lost ones, if there are any: a checked index has no others then.
    pub(super) fn hide_lost(&self) -> Result<bool, VaultError> {
        if self.guard.lost().is_empty() {
            return Ok(false);
        }
        let mut packs: Vec<(Id, u32)> = self.named_packs()?.into_iter().collect();
        packs.retain(|(id, _)| !self.guard.lost().contains(id));
        self.guard.show(Kind::Pack, packs);
        Ok(true)
    }

    pub(super) fn indexed_ids(self) -> Result<Session<IndexedIdsStatus>, VaultError> {
        let hides = self.hide_lost()?;
        let Self { guard, library, known } = self;
        let read = || match hides {
            true => library.to_indexed_ids_checked(),
            false => library.to_indexed_ids(),
        };
        match contained("read the index", read)? {
            Ok(library) => Ok(Session { guard, library, known }),
            Err(error) => Err(explain(&guard, "read the index", &error)),
        }
    }

    pub(super) fn indexed(self) -> Result<Session<rustic_core::IndexedFullStatus>, VaultError> {
        let hides = self.hide_lost()?;
        let Self { guard, library, known } = self;
        let read = || match hides {
            true => library.to_indexed_checked(),
            false => library.to_indexed(),
        };
        match contained("read the index", read)? {
            Ok(library) => Ok(Session { guard, library, known }),
            Err(error) => Err(explain(&guard, "read the index", &error)),
        }
    }
}

impl<S: rustic_core::Open> Session<S> {
    /// Calls the library: panics and errors become ours, and the store's own words replace the library's.
    pub(super) fn run<T>(
        &self,
        action: &'static str,
        call: impl FnOnce(&Library<S>) -> RusticResult<T>,
    ) -> Result<T, VaultError> {
        match contained(action, || call(&self.library)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(explain(&self.guard, action, &error)),
            // A store that fails can make the library panic; the store's error is the cause.
            Err(broken) => Err(self.guard.take_error().map_or(broken, VaultError::from)),
        }
    }

    /// All snapshots that carry every one of these tags, oldest first.
    pub(super) fn snapshots(&self, tags: &[&str]) -> Result<Vec<SnapshotFile>, VaultError> {
        let mut found = self.known.current(&self.guard)?;
        found.retain(|snapshot| tags.iter().all(|tag| snapshot.tags.contains(tag)));
        let mut found: Vec<SnapshotFile> = found.into_iter().map(Arc::unwrap_or_clone).collect();
        found.sort_by(|a, b| (&a.time, a.id).cmp(&(&b.time, b.id)));
        Ok(found)
    }

    /// Writes a snapshot file and tells its id.
    pub(super) fn save(&self, snapshot: SnapshotFile) -> Result<Id, VaultError> {
        self.guard.withhold(false);
        self.guard.take_written();
        self.run("write the snapshot", |library| library.save_snapshots(vec![snapshot]))?;
        self.guard
            .take_written()
            .first()
            .copied()
            .ok_or_else(|| VaultError::Library {
                action: "write the snapshot",
                place: rustic_core::ReadBackend::location(&*self.guard),
                reason: "it was not written".into(),
            })
    }

    pub(super) fn snapshot(&self, id: &str) -> Result<SnapshotFile, VaultError> {
        let unknown = || VaultError::UnknownSnapshot {
            snapshot: id.to_owned(),
        };
        let parsed: SnapshotId = id.parse::<Id>().map_err(|_| unknown())?.into();
        let mut snapshot: SnapshotFile = self
            .run("read the snapshot", |library| library.get_file(&parsed))
            .map_err(|error| match error {
                VaultError::Store(super::store::StoreError::Missing { .. }) => unknown(),
                other => other,
            })?;
        snapshot.id = parsed;
        Ok(snapshot)
    }
}

/// The words of the store, if it failed, else those of the library.
pub(super) fn explain(guard: &Guard, action: &'static str, error: &RusticError) -> VaultError {
    if guard.is_canceled() {
        return VaultError::Canceled;
    }
    guard.take_error().map_or_else(
        || VaultError::Library {
            action,
            place: rustic_core::ReadBackend::location(guard),
            reason: plain(error),
        },
        VaultError::from,
    )
}

/// A snapshot to be filled by the library, with nothing of the process in it.
pub(super) fn blank(
    action: &'static str,
    host: &str,
    time: jiff::Timestamp,
    tags: &[String],
) -> Result<SnapshotFile, VaultError> {
    let options = SnapshotOptions::default()
        .host(host.to_owned())
        .command(COMMAND.to_owned())
        .time(time.to_zoned(jiff::tz::TimeZone::UTC));
    let mut snapshot = options.to_snapshot().map_err(|error| VaultError::Library {
        action,
        place: String::new(),
        reason: plain(&error),
    })?;
    snapshot.program_version = concat!("dram ", env!("CARGO_PKG_VERSION")).to_owned();
    snapshot.tags.add(TAG.to_owned());
    for tag in tags {
        snapshot.tags.add(tag.clone());
    }
    Ok(snapshot)
}
