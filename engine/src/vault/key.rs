//! Key files: the master key of a repository, sealed under what a password is derived to.
//!
//! The library derives with 128 MiB of memory, which would be the peak of every command on small data. Here it is a quarter
//! of that, three times over: as hard to guess by the usual recommendations for scrypt, quicker, and close to what the stock
//! program chooses. A key file tells its own parameters, so each program opens the keys of the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rand::RngCore as _;
use rustic_core::repofile::{KeyFile, MasterKey};
use rustic_core::{Credentials, FileType, Id, ReadBackend, WriteBackend};

use super::error::{VaultError, contained};
use super::guard::Guard;
use super::lock::still_locked;
use super::pack::{Cipher, id_of};
use super::password::Password;
use super::progress::Cancel;
use super::repository::{Repository, explain};
use super::store::Kind;

const ACTION: &str = "add a key";
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 3;
const SALT: usize = 64;

/// What a key file says in the open about whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLabel {
    /// Shown by the stock program as the key's user.
    pub user: String,
    /// Shown by the stock program as the key's host.
    pub host: String,
}

/// A key file, as far as everybody who reads the vault may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Whom it is for, where it says so.
    pub label: Option<KeyLabel>,
    /// When it was made, where it says so.
    pub created: Option<Timestamp>,
}

impl Repository {
    /// Adds a second password, for a recovery kit. Both open the repository, here and in the stock program. Answers the id of
    /// its key file.
    ///
    /// # Errors
    /// If the key cannot be written; if another program works here that must not be disturbed.
    pub fn add_key(&self, password: &Password, label: Option<&KeyLabel>) -> Result<String, VaultError> {
        let announced = self.announce(false)?;
        let guard = Guard::new(Arc::clone(&self.stores().writer), Cancel::new());
        let id = add(&guard, self.master()?, password.reveal(), label)?;
        if let Some(announced) = announced {
            announced.end()?;
        }
        Ok(id.to_hex().to_string())
    }

    /// All key files, sorted by their ids.
    ///
    /// # Errors
    /// If one cannot be read, or is none.
    pub fn keys(&self) -> Result<Vec<Key>, VaultError> {
        let store = &self.stores().writer;
        let mut keys = Vec::new();
        for (id, _) in store.list(Kind::Key)? {
            let unusable = |reason: String| VaultError::Record {
                what: "the key",
                place: id.to_hex().to_string(),
                reason,
            };
            let file: KeyFile =
                serde_json::from_slice(&store.read(Kind::Key, &id)?).map_err(|error| unusable(error.to_string()))?;
            keys.push(Key {
                id: id.to_hex().to_string(),
                label: file
                    .username
                    .zip(file.hostname)
                    .map(|(user, host)| KeyLabel { user, host }),
                created: file.created.map(|created| created.timestamp()),
            });
        }
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(keys)
    }

    /// Removes a key file: its password opens the repository no more. Needs the credentials that may remove.
    ///
    /// # Errors
    /// If it is locked, or is the last one; if it cannot be removed; if another program works here.
    pub fn remove_key(&self, id: &str) -> Result<(), VaultError> {
        let stays = |reason: String| VaultError::KeyStays {
            key: id.to_owned(),
            place: self.location(),
            reason,
        };
        let parsed: Id = id.parse().map_err(|_| stays("it is no id".to_owned()))?;
        let store = &self.stores().pruner;
        if let Some(until) = still_locked(store, Kind::Key, &parsed)? {
            return Err(stays(format!(
                "it is locked until {until}, and every new point locks it anew"
            )));
        }
        if !store.list(Kind::Key)?.iter().any(|(other, _)| *other != parsed) {
            return Err(stays("it is the only one".to_owned()));
        }
        let announced = self.announce(true)?;
        store.remove(Kind::Key, &parsed)?;
        if let Some(announced) = announced {
            announced.end()?;
        }
        Ok(())
    }
}

/// Writes a key file for the master key; tells its id.
///
/// # Errors
/// If it cannot be written.
pub(super) fn add(
    guard: &Guard,
    master: &MasterKey,
    password: &str,
    label: Option<&KeyLabel>,
) -> Result<Id, VaultError> {
    let broken = |reason: String| VaultError::Library {
        action: ACTION,
        place: guard.location(),
        reason,
    };
    let mut salt = vec![0; SALT];
    rand::rng().fill_bytes(&mut salt);
    let mut derived = [0; 64];
    let params = scrypt::Params::new(LOG_N, R, P).map_err(|error| broken(error.to_string()))?;
    contained(ACTION, || {
        scrypt::scrypt(password.as_bytes(), &salt, &params, &mut derived)
    })?
    .map_err(|error| broken(error.to_string()))?;
    let cipher = Cipher::of_bytes(&derived).ok_or_else(|| broken("the derived key is too short".into()))?;
    let json = serde_json::to_vec(master).map_err(|error| broken(error.to_string()))?;
    let file = KeyFile {
        hostname: label.map(|label| label.host.clone()),
        username: label.map(|label| label.user.clone()),
        created: Some(jiff::Zoned::now()),
        kdf: "scrypt".into(),
        n: 1 << LOG_N,
        r: R,
        p: P,
        data: cipher.seal(&json),
        salt,
    };
    let json = serde_json::to_vec(&file).map_err(|error| broken(error.to_string()))?;
    let id = id_of(&json);
    guard
        .write_bytes(FileType::Key, &id, false, json.into())
        .map_err(|error| explain(guard, ACTION, &error))?;
    Ok(id)
}

/// What a repository is made with: a password gets a key file of a new master key first, and the library is given that.
///
/// # Errors
/// As [`add`].
pub(super) fn prepared(guard: &Guard, credentials: &Credentials) -> Result<Credentials, VaultError> {
    let Credentials::Password(password) = credentials else {
        return Ok(credentials.clone());
    };
    guard
        .create()
        .map_err(|error| explain(guard, "make the repository", &error))?;
    let master = MasterKey::new();
    add(guard, &master, password, None)?;
    Ok(Credentials::Masterkey(master))
}

/// A key that a password opened in this process. Deriving it takes the time and memory that guessing shall take; a command
/// that comes to the same repository twice pays once.
struct Known {
    place: String,
    /// The hash of the password.
    password: Id,
    /// The key file. While it is there, the password opens the repository.
    file: Id,
    master: MasterKey,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());
/// So many are kept.
const KEPT: usize = 64;

/// The credentials to open a repository with: the key itself, if this password opened it before in this process and would
/// still do so.
///
/// # Errors
/// If the keys cannot be listed.
pub(super) fn known(guard: &Guard, credentials: &Credentials) -> Result<Option<Credentials>, VaultError> {
    let Credentials::Password(password) = credentials else {
        return Ok(None);
    };
    let (place, hash) = (guard.location(), id_of(password.as_bytes()));
    let found = lock()
        .iter()
        .find(|known| known.place == place && known.password == hash)
        .map(|known| (known.file, known.master.clone()));
    let Some((file, master)) = found else {
        return Ok(None);
    };
    let files = guard
        .list_with_size(FileType::Key)
        .map_err(|error| explain(guard, "open the repository", &error))?;
    let stands = files.iter().any(|(id, _)| *id == file);
    if !stands {
        lock().retain(|known| known.file != file);
    }
    Ok(stands.then_some(Credentials::Masterkey(master)))
}

/// Remembers what a password opened.
pub(super) fn remember(guard: &Guard, credentials: &Credentials, file: Option<Id>, master: &MasterKey) {
    let (Credentials::Password(password), Some(file)) = (credentials, file) else {
        return;
    };
    let mut all = lock();
    if all.len() >= KEPT {
        all.remove(0);
    }
    all.push(Known {
        place: guard.location(),
        password: id_of(password.as_bytes()),
        file,
        master: master.clone(),
    });
}

fn lock() -> MutexGuard<'static, Vec<Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
