//! Reading the passwords that declarations refer to. They are read when a vault is opened, and never printed.

use crate::error::Error;
use crate::runbook::{PasswordRef, VaultRef};
use crate::vault::Password;

/// The password of a vault.
///
/// # Errors
/// The variable is not set, or the file cannot be read; the message names the reference, never the content.
pub fn password(vault: &VaultRef) -> Result<Password, Error> {
    let (bytes, place) = match &vault.password {
        PasswordRef::Env(name) => {
            let place = format!("the variable `{name}`");
            match std::env::var_os(name) {
                Some(value) => (Ok(std::os::unix::ffi::OsStringExt::into_vec(value)), place),
                None => (Err("it is not set".to_owned()), place),
            }
        }
        PasswordRef::File(path) => (
            std::fs::read(path).map_err(|why| why.to_string()),
            format!("the file `{path}`"),
        ),
    };
    let failed = |why: String| Error::Secret {
        vault: vault.name.clone(),
        place: place.clone(),
        why,
    };
    let bytes = bytes.map_err(failed)?;
    Password::from_bytes(&bytes).map_err(|why| failed(why.to_string()))
}
