//! A vault, and the repositories of applications in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustic_core::repofile::ConfigFile;
#[cfg(test)]
use rustic_core::repofile::MasterKey;
use rustic_core::{
    ConfigOptions, Credentials, Id, KeyOptions, Repository as Library, RepositoryBackends, RepositoryOptions,
};

use super::directory::{Directory, LAYOUT, make_folder};
use super::error::{VaultError, contained, plain};
use super::guard::Guard;
use super::password::Password;
use super::progress::Cancel;
use super::repository::Repository;
use super::store::{Kind, Store, StoreError};

/// Packs of this size restored fastest, in a quarter of the memory that the library's default needs.
const PACK_SIZE: bytesize::ByteSize = bytesize::ByteSize::mib(4);

/// A place for repositories: `<vault>/<tenant>/<application>`.
#[derive(Debug, Clone)]
pub struct Vault {
    root: PathBuf,
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
    /// The vault in a directory. Nothing is touched yet.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self { root: path.into() }
    }

    /// The vault's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The tenants that have repositories here, sorted.
    ///
    /// # Errors
    /// If the vault is missing or cannot be listed.
    pub fn tenants(&self) -> Result<Vec<String>, VaultError> {
        self.require()?;
        let mut tenants = Vec::new();
        for tenant in folders(&self.root)? {
            if !self.applications(&tenant)?.is_empty() {
                tenants.push(tenant);
            }
        }
        Ok(tenants)
    }

    /// The applications of a tenant that have repositories here, sorted.
    ///
    /// # Errors
    /// If the vault is missing or cannot be listed.
    pub fn applications(&self, tenant: &str) -> Result<Vec<String>, VaultError> {
        check_name("a tenant", tenant)?;
        self.require()?;
        let folder = self.root.join(tenant);
        let mut found = Vec::new();
        for name in folders(&folder)? {
            if folder.join(&name).join("config").is_file() {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// The place of an application's repository, whether it exists or not.
    ///
    /// # Errors
    /// If a name cannot be a folder's.
    pub fn repository(&self, tenant: &str, application: &str) -> Result<Location, VaultError> {
        check_name("a tenant", tenant)?;
        check_name("an application", application)?;
        let path = self.root.join(tenant).join(application);
        Ok(Location {
            vault: self.clone(),
            store: Arc::new(Directory::new(path.clone())),
            path,
        })
    }

    fn require(&self) -> Result<(), VaultError> {
        match fs::metadata(&self.root) {
            Ok(meta) if meta.is_dir() => Ok(()),
            Ok(_) => Err(VaultError::NotADirectory {
                path: self.root.clone(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::MissingVault {
                path: self.root.clone(),
            }),
            Err(error) => Err(answer("open", &self.root, error)),
        }
    }
}

/// The place of one application's repository.
#[derive(Debug, Clone)]
pub struct Location {
    vault: Vault,
    path: PathBuf,
    store: Arc<Directory>,
}

impl Location {
    /// The repository's folder, which the stock `restic` program opens too.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a repository, made to the end, is there.
    ///
    /// # Errors
    /// If the vault is missing or cannot be read.
    pub fn exists(&self) -> Result<bool, VaultError> {
        self.vault.require()?;
        match fs::metadata(self.path.join("config")) {
            Ok(meta) => Ok(meta.is_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(answer("open", &self.path.join("config"), error)),
        }
    }

    /// Makes the repository, begin or continue: what a killed process left half made is made anew, what is there stays.
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
        if self.exists()? {
            return Ok(Init::Existed);
        }
        make_folder(&self.path)?;
        self.require_own()?;
        let _lock = self.store.lock()?;
        if self.exists()? {
            return Ok(Init::Existed);
        }
        self.clear_half_made()?;
        let guard = Arc::new(Guard::new(Arc::clone(&self.store) as Arc<dyn Store>, Cancel::new()));
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

    /// Opens the repository. Takes about 0.3 s and 130 MB for deriving the key from the password.
    ///
    /// # Errors
    /// If it is missing, cannot be read, or the password does not open it.
    pub fn open(&self, password: &Password) -> Result<Repository, VaultError> {
        self.open_with(&Credentials::password(password.reveal()))
    }

    fn open_with(&self, credentials: &Credentials) -> Result<Repository, VaultError> {
        if !self.exists()? {
            let has_data = self.path.is_dir() && self.has_data()?;
            return Err(if has_data {
                VaultError::MissingConfig { place: self.place() }
            } else {
                VaultError::NoRepository { place: self.place() }
            });
        }
        self.store.sweep(SystemTime::now());
        Repository::open(Arc::clone(&self.store) as Arc<dyn Store>, credentials)
    }

    /// Makes and opens the repository under a key without a password: the derivation of keys would take most of a test.
    #[cfg(test)]
    pub(super) fn init_and_open_raw(&self, key: &MasterKey) -> Result<Repository, VaultError> {
        let credentials = Credentials::Masterkey(key.clone());
        self.init_with(&credentials, None)?;
        self.open_with(&credentials)
    }

    #[cfg(test)]
    pub(super) fn open_raw(&self, key: &MasterKey) -> Result<Repository, VaultError> {
        self.open_with(&Credentials::Masterkey(key.clone()))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn require_own(&self) -> Result<(), VaultError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|error| answer("list", &self.path, error))? {
            let entry = entry.map_err(|error| answer("list", &self.path, error))?;
            let name = entry.file_name();
            if !name.to_str().is_some_and(|name| LAYOUT.contains(&name)) {
                found.push(format!("`{}`", name.to_string_lossy()));
            }
        }
        found.sort();
        if found.is_empty() {
            Ok(())
        } else {
            Err(VaultError::ForeignDirectory {
                path: self.path.clone(),
                found,
            })
        }
    }

    fn has_data(&self) -> Result<bool, VaultError> {
        for kind in [Kind::Pack, Kind::Index, Kind::Snapshot] {
            if !self.store.list(kind)?.is_empty() {
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
        for (id, _) in self.store.list(Kind::Key)? {
            self.store.remove(Kind::Key, &id)?;
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

fn answer(action: &'static str, path: &Path, error: io::Error) -> VaultError {
    StoreError::of(action, path.display().to_string(), error).into()
}

fn folders(path: &Path) -> Result<Vec<String>, VaultError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| answer("list", path, error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| answer("list", path, error))?;
        if let Some(name) = entry.file_name().to_str()
            && check_name("a folder", name).is_ok()
            && entry.path().is_dir()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
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
