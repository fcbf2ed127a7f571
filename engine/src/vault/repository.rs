//! An open repository. Each operation works through a guard and a library handle of its own, so that its cancelling and its
//! failure are its own too.

use std::fmt;
use std::sync::Arc;

use rustic_core::repofile::{ConfigFile, MasterKey, SnapshotFile, SnapshotId};
use rustic_core::{
    Credentials, Id, IndexedIdsStatus, OpenStatus, Repository as Library, RusticError, RusticResult, SnapshotOptions,
};

use super::error::{VaultError, contained, plain};
use super::guard::Guard;
use super::password::Password;
use super::place::{library, library_with};
use super::progress::{Cancel, Progress, Relay};
use super::store::Store;

/// Every snapshot of ours carries this tag.
pub(super) const TAG: &str = "dram";
/// What stands in a snapshot as the command that made it. The library would write the process's arguments, which may hold
/// secrets.
const COMMAND: &str = "dram";

/// An open repository of one application.
#[derive(Clone)]
pub struct Repository {
    store: Arc<dyn Store>,
    key: Credentials,
    config: ConfigFile,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("location", &self.store.location())
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens what lies in a store.
    pub(super) fn open(store: Arc<dyn Store>, credentials: &Credentials) -> Result<Self, VaultError> {
        let guard = Arc::new(Guard::new(Arc::clone(&store), Cancel::new()));
        let place = store.location();
        let opened = contained("open the repository", || library(&guard).map(|l| l.open(credentials)))??;
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
        let config = library.config().clone();
        Ok(Self {
            store,
            key: Credentials::Masterkey(key),
            config,
        })
    }

    /// Where this is, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// The random id that the repository was made with, 64 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.config.id.to_hex().to_string()
    }

    pub(super) fn config(&self) -> &ConfigFile {
        &self.config
    }

    /// Adds a second password, for a recovery kit. Both open the repository, here and in the stock program.
    ///
    /// # Errors
    /// If the key cannot be written.
    pub fn add_key(&self, password: &Password) -> Result<(), VaultError> {
        let session = self.session(&Cancel::new())?;
        let options = rustic_core::KeyOptions::default().with_created(true);
        session
            .run("add a key", |library| library.add_key(password.reveal(), &options))
            .map(|_| ())
    }

    pub(super) fn session(&self, cancel: &Cancel) -> Result<Session, VaultError> {
        let guard = Arc::new(Guard::new(Arc::clone(&self.store), cancel.clone()));
        let library = library(&guard)?;
        Session::open(guard, library, &self.key)
    }

    pub(super) fn watched(&self, cancel: &Cancel, progress: &Arc<dyn Progress>) -> Result<Session, VaultError> {
        let guard = Arc::new(Guard::new(Arc::clone(&self.store), cancel.clone()));
        let library = library_with(&guard, Relay::new(Arc::clone(progress)))?;
        Session::open(guard, library, &self.key)
    }
}

/// One operation's view of the repository.
pub(super) struct Session<S = OpenStatus> {
    pub(super) guard: Arc<Guard>,
    pub(super) library: Library<S>,
}

impl Session {
    fn open(guard: Arc<Guard>, library: Library<()>, key: &Credentials) -> Result<Self, VaultError> {
        let opened = contained("open the repository", || library.open(key))?;
        match opened {
            Ok(library) => Ok(Self { guard, library }),
            Err(error) => Err(explain(&guard, "open the repository", &error)),
        }
    }

    pub(super) fn indexed_ids(self) -> Result<Session<IndexedIdsStatus>, VaultError> {
        let Self { guard, library } = self;
        match contained("read the index", || library.to_indexed_ids())? {
            Ok(library) => Ok(Session { guard, library }),
            Err(error) => Err(explain(&guard, "read the index", &error)),
        }
    }

    pub(super) fn indexed(self) -> Result<Session<rustic_core::IndexedFullStatus>, VaultError> {
        let Self { guard, library } = self;
        match contained("read the index", || library.to_indexed())? {
            Ok(library) => Ok(Session { guard, library }),
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
        let mut found = self.run("list the snapshots", |library| {
            library.get_matching_snapshots(|snapshot| tags.iter().all(|tag| snapshot.tags.contains(tag)))
        })?;
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
