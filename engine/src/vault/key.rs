//! Key files: the master key of a repository, sealed under what a password is derived to.
//!
//! The library derives with 128 MiB of memory, which would be the peak of every command on small data. Here it is a quarter
//! of that, three times over: as hard to guess by the usual recommendations for scrypt, quicker, and close to what the stock
//! program chooses. A key file tells its own parameters, so each program opens the keys of the others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::RngCore as _;
use rustic_core::repofile::{KeyFile, MasterKey};
use rustic_core::{Credentials, FileType, Id, ReadBackend, WriteBackend};

use super::error::{VaultError, contained};
use super::guard::Guard;
use super::pack::{Cipher, id_of};
use super::repository::explain;

const ACTION: &str = "add a key";
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 3;
const SALT: usize = 64;

/// Writes a key file for the master key.
///
/// # Errors
/// If it cannot be written.
pub(super) fn add(guard: &Guard, master: &MasterKey, password: &str) -> Result<(), VaultError> {
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
        hostname: None,
        username: None,
        created: Some(jiff::Zoned::now()),
        kdf: "scrypt".into(),
        n: 1 << LOG_N,
        r: R,
        p: P,
        data: cipher.seal(&json),
        salt,
    };
    let json = serde_json::to_vec(&file).map_err(|error| broken(error.to_string()))?;
    guard
        .write_bytes(FileType::Key, &id_of(&json), false, json.into())
        .map_err(|error| explain(guard, ACTION, &error))
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
    add(guard, &master, password)?;
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
