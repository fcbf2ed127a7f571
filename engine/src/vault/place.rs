//! A vault, and the repositories of applications in it.

use std::path::PathBuf;
use std::sync::Arc;

use rustic_core::repofile::ConfigFile;
#[cfg(test)]
use rustic_core::repofile::MasterKey;
use rustic_core::{
    ConfigOptions, Credentials, Id, KeyOptions, Repository as Library, RepositoryBackends, RepositoryOptions,
};

use super::address::{Place, VaultOptions};
use super::error::{VaultError, contained, plain};
use super::ground::{DirectoryGround, Ground, S3Ground, Stores};
use super::guard::Guard;
use super::key;
use super::password::Password;
use super::progress::Cancel;
use super::repository::Repository;
use super::store::{Kind, StoreError};
use super::swift::SwiftGround;

/// Packs of this size restored fastest, in a quarter of the memory that the library's default needs.
const PACK_SIZE: bytesize::ByteSize = bytesize::ByteSize::mib(4);

/// The format of repositories that is written here.
const FORMAT: u32 = 2;

/// A place for repositories: `<vault>/<tenant>/<application>`; or one repository itself, which another program made.
#[derive(Debug, Clone)]
pub struct Vault {
    ground: Arc<dyn Ground>,
    /// The application that the repository at the place itself is adopted for.
    adopts: Option<Arc<str>>,
}

/// What [`Location::init`] found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// The repository was made now.
    Created,
    /// It was there already; its password was not tried.
    Existed,
}

impl Vault {
    /// The vault at a place. Nothing is touched and nothing connects yet.
    ///
    /// # Errors
    /// If an option has no effect at such a place.
    pub fn open(place: &Place, options: &VaultOptions) -> Result<Self, VaultError> {
        options.check(place)?;
        let ground: Arc<dyn Ground> = match place {
            Place::Directory(path) => Arc::new(DirectoryGround::new(path.clone(), options)),
            Place::S3(place) => Arc::new(S3Ground::new(place, options)),
            Place::Swift(place) => Arc::new(SwiftGround::new(place, options)),
        };
        Ok(Self { ground, adopts: None })
    }

    /// The vault in a directory. Nothing is touched yet.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self {
            ground: Arc::new(DirectoryGround::new(path.into(), &VaultOptions::default())),
            adopts: None,
        }
    }

    /// The same vault, whose place itself is a repository that another program made. It becomes that of one application, and
    /// nothing else lies in this vault.
    ///
    /// # Errors
    /// If the name cannot be an application's.
    pub fn adopting(self, application: &str) -> Result<Self, VaultError> {
        check_name("an application", application)?;
        Ok(Self {
            adopts: Some(application.into()),
            ..self
        })
    }

    /// The vault on a ground that a test has made.
    #[cfg(test)]
    pub(super) fn on(ground: Arc<dyn Ground>) -> Self {
        Self { ground, adopts: None }
    }

    /// The vault's address, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.ground.place()
    }

    /// That the vault is there and answers.
    ///
    /// # Errors
    /// If it is missing, or cannot be reached or read.
    pub fn require(&self) -> Result<(), VaultError> {
        self.ground.require()
    }

    /// Makes the vault's place as far as that is ours to do: a directory whose parent is there, a container. A bucket is made
    /// by its owner, and a repository that is adopted by whoever began it.
    ///
    /// # Errors
    /// If it is not there and cannot be made.
    pub fn prepare(&self) -> Result<(), VaultError> {
        match self.adopts {
            None => self.ground.prepare(),
            Some(_) => self.itself().require(),
        }
    }

    /// The tenants that have repositories here, sorted. A repository that is adopted lies in no tenant's folder, so there are
    /// none then.
    ///
    /// # Errors
    /// If the vault is missing or cannot be listed.
    pub fn tenants(&self) -> Result<Vec<String>, VaultError> {
        self.ground.require()?;
        if self.adopts.is_some() {
            return Ok(Vec::new());
        }
        let mut tenants = Vec::new();
        for tenant in self.folders(&[])? {
            if !self.with_repositories(&tenant)?.is_empty() {
                tenants.push(tenant);
            }
        }
        Ok(tenants)
    }

    /// The applications of a tenant that have repositories here, sorted; the one that the vault adopts for, if it does.
    ///
    /// # Errors
    /// If the vault is missing or cannot be listed.
    pub fn applications(&self, tenant: &str) -> Result<Vec<String>, VaultError> {
        check_name("a tenant", tenant)?;
        self.ground.require()?;
        if let Some(application) = &self.adopts {
            let there = self.itself().exists()?;
            return Ok(there.then(|| application.to_string()).into_iter().collect());
        }
        self.with_repositories(tenant)
    }

    fn with_repositories(&self, tenant: &str) -> Result<Vec<String>, VaultError> {
        let mut found = Vec::new();
        for name in self.folders(&[tenant])? {
            let stores = self.ground.stores(&[tenant, &name]);
            if !stores.writer.list(Kind::Config)?.is_empty() {
                found.push(name);
            }
        }
        Ok(found)
    }

    fn folders(&self, within: &[&str]) -> Result<Vec<String>, VaultError> {
        let mut names = self.ground.folders(within)?;
        names.retain(|name| check_name("a folder", name).is_ok());
        names.sort();
        Ok(names)
    }

    /// The place of an application's repository, whether it exists or not.
    ///
    /// # Errors
    /// If a name cannot be a folder's; if the vault adopts a repository for another application.
    pub fn repository(&self, tenant: &str, application: &str) -> Result<Location, VaultError> {
        check_name("a tenant", tenant)?;
        check_name("an application", application)?;
        match &self.adopts {
            None => Ok(self.location(&[tenant, application])),
            Some(adopts) if **adopts == *application => Ok(self.itself()),
            Some(adopts) => Err(VaultError::AdoptedForAnother {
                place: self.place(),
                adopts: adopts.to_string(),
                application: application.to_owned(),
            }),
        }
    }

    /// The repository that lies directly at the vault's place, and not in a tenant's folder there: where another program made
    /// it.
    #[must_use]
    pub fn itself(&self) -> Location {
        Location {
            is_adopted: true,
            of: self.adopts.clone(),
            ..self.location(&[])
        }
    }

    fn location(&self, folder: &[&str]) -> Location {
        Location {
            ground: Arc::clone(&self.ground),
            stores: self.ground.stores(folder),
            is_adopted: false,
            of: None,
        }
    }

    pub(super) fn ground(&self) -> &dyn Ground {
        &*self.ground
    }
}

/// The place of one application's repository.
#[derive(Debug, Clone)]
pub struct Location {
    ground: Arc<dyn Ground>,
    stores: Stores,
    /// Whether another program made what lies here: then it is never made by us.
    is_adopted: bool,
    /// The application that it is adopted for, if that is known.
    of: Option<Arc<str>>,
}

impl Location {
    /// Where the repository is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.stores.writer.location()
    }

    #[cfg(test)]
    pub(super) fn stores(&self) -> &Stores {
        &self.stores
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(self.place())
    }

    /// Whether a repository, made to the end, is there.
    ///
    /// # Errors
    /// If the vault is missing or cannot be read.
    pub fn exists(&self) -> Result<bool, VaultError> {
        self.ground.require()?;
        Ok(!self.stores.writer.list(Kind::Config)?.is_empty())
    }

    /// That a repository is there.
    ///
    /// # Errors
    /// If there is none, the vault is missing or cannot be read.
    pub(super) fn require(&self) -> Result<(), VaultError> {
        if self.exists()? {
            return Ok(());
        }
        let place = self.place();
        Err(if self.has_data()? {
            VaultError::MissingConfig { place }
        } else if self.is_adopted {
            VaultError::NothingToAdopt { place }
        } else {
            VaultError::NoRepository { place }
        })
    }

    /// Makes the repository, begin or continue: what a killed process left half made is made anew, what is there stays. One
    /// that is adopted must be there.
    ///
    /// # Errors
    /// If the folder holds anything that no repository holds, or data without a configuration; if it cannot be written.
    pub fn init(&self, password: &Password) -> Result<Init, VaultError> {
        self.init_with(&Credentials::password(password.reveal()), None)
    }

    /// As [`Self::init`], with the chunking of another repository of the application: equal data have equal tree ids then.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn init_like(&self, password: &Password, other: &Repository) -> Result<Init, VaultError> {
        self.init_with(&Credentials::password(password.reveal()), Some(other.config()))
    }

    fn init_with(&self, credentials: &Credentials, like: Option<&ConfigFile>) -> Result<Init, VaultError> {
        if self.is_adopted {
            return self.require().map(|()| Init::Existed);
        }
        if self.exists()? {
            return Ok(Init::Existed);
        }
        let _claim = self.stores.writer.claim()?;
        if self.exists()? {
            return Ok(Init::Existed);
        }
        self.clear_half_made()?;
        let guard = Arc::new(Guard::new(Arc::clone(&self.stores.writer), Cancel::new()));
        let credentials = &key::prepared(&guard, credentials)?;
        let library = library(&guard)?;
        let mut config = ConfigOptions::default();
        config = config
            .set_treepack_size(PACK_SIZE)
            .set_treepack_growfactor(0_u32)
            .set_datapack_size(PACK_SIZE)
            .set_datapack_growfactor(0_u32);
        let made = contained("make the repository", || match like {
            None => library.init(credentials, &KeyOptions::default(), &config),
            Some(like) => {
                let mut like = like.clone();
                like.id = Id::random().into();
                library.init_with_config(credentials, &KeyOptions::default(), like)
            }
        })?;
        match (made, guard.take_error()) {
            (Ok(_), _) => Ok(Init::Created),
            // Another process was faster on a file system without locks: its repository counts, our key is an orphan that
            // opens nothing, and opening tries the next.
            (Err(_), Some(StoreError::Exists { .. })) => Ok(Init::Existed),
            (Err(_), Some(error)) => Err(error.into()),
            (Err(error), None) => Err(VaultError::Library {
                action: "make the repository",
                place: self.place(),
                reason: plain(&error),
            }),
        }
    }

    /// Opens the repository. Takes about 0.2 s and 32 MiB for deriving the key from the password.
    ///
    /// # Errors
    /// If it is missing, cannot be read, or the password does not open it; if it is adopted and of an old format.
    pub fn open(&self, password: &Password) -> Result<Repository, VaultError> {
        self.open_with(&Credentials::password(password.reveal()))
    }

    fn open_with(&self, credentials: &Credentials) -> Result<Repository, VaultError> {
        let opened = self.open_any(credentials)?;
        if !self.is_adopted {
            return Ok(opened);
        }
        if opened.config().version < FORMAT {
            return Err(VaultError::OldFormat { place: self.place() });
        }
        Ok(opened.adopted(self.of.clone()))
    }

    fn open_any(&self, credentials: &Credentials) -> Result<Repository, VaultError> {
        self.require()?;
        match Repository::open(self.stores.clone(), credentials) {
            // Of two that made the repository at the same moment one key opens nothing but itself: the other may.
            Err(error @ VaultError::Library { .. }) => {
                let keys = self.stores.writer.list(Kind::Key)?;
                let mut others = keys.iter().filter(|_| keys.len() > 1);
                others
                    .find_map(|key| Repository::open_by(self.stores.clone(), credentials, Some(*key)).ok())
                    .ok_or(error)
            }
            other => other,
        }
    }

    /// Makes and opens the repository under a key without a password: the derivation of keys would take most of a test.
    #[cfg(test)]
    pub(super) fn init_and_open_raw(&self, key: &MasterKey) -> Result<Repository, VaultError> {
        let credentials = Credentials::Masterkey(key.clone());
        self.init_with(&credentials, None)?;
        self.open_with(&credentials)
    }

    /// As [`Self::init_and_open_raw`], with the chunking of another repository.
    #[cfg(test)]
    pub(super) fn init_and_open_raw_like(&self, key: &MasterKey, like: &Repository) -> Result<Repository, VaultError> {
        let credentials = Credentials::Masterkey(key.clone());
        self.init_with(&credentials, Some(like.config()))?;
        self.open_with(&credentials)
    }

    #[cfg(test)]
    pub(super) fn open_raw(&self, key: &MasterKey) -> Result<Repository, VaultError> {
        self.open_with(&Credentials::Masterkey(key.clone()))
    }

    fn has_data(&self) -> Result<bool, VaultError> {
        for kind in [Kind::Pack, Kind::Index, Kind::Snapshot] {
            if !self.stores.writer.list(kind)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A key without a configuration is what a killed process leaves: it wraps a master key that nothing was written with.
    fn clear_half_made(&self) -> Result<(), VaultError> {
        if self.has_data()? {
            return Err(VaultError::MissingConfig { place: self.place() });
        }
        for (id, _) in self.stores.writer.list(Kind::Key)? {
            match self.stores.pruner.remove(Kind::Key, &id) {
                // Whoever may not remove leaves it where it is: it opens nothing, and opening tries each key.
                Err(error @ StoreError::Denied { .. }) => {
                    tracing::debug!(%error, "the key of a repository that was never made stays");
                }
                removed => removed?,
            }
        }
        Ok(())
    }
}

/// The library over a guarded store. Its cache would be a second copy of the data beside the vault, so there is none.
pub(super) fn library(guard: &Arc<Guard>) -> Result<Library<()>, VaultError> {
    library_with(guard, rustic_core::NoProgressBars)
}

pub(super) fn library_with<P: rustic_core::ProgressBars>(
    guard: &Arc<Guard>,
    bars: P,
) -> Result<Library<()>, VaultError> {
    let backend: Arc<dyn rustic_core::WriteBackend> = Arc::clone(guard) as _;
    let backends = RepositoryBackends::new(backend, None);
    Library::new_with_progress(&RepositoryOptions::default().no_cache(true), &backends, bars).map_err(|error| {
        VaultError::Library {
            action: "open the repository",
            place: rustic_core::ReadBackend::location(&**guard),
            reason: plain(&error),
        }
    })
}

/// Names become folders and tags: they must neither climb nor split.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), VaultError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(VaultError::InvalidName {
            what,
            name: name.to_owned(),
        });
    }
    Ok(())
}
