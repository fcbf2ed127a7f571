//! Opens vaults: turns references into addresses, secrets and settings. Secrets are read here, when a vault is opened, and
//! nowhere kept.

use crate::error::Error;
use crate::runbook::{CredentialsRef, PlaceRef, SecretPlace, VaultRef};
use crate::vault::{
    Flow, Lock, LockMode, Password, Place, S3Address, S3Credentials, S3Place, Secret, SwiftPlace, Transfer, Vault,
    VaultOptions,
};
use jiff::Timestamp;
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The vault that a reference names, as it is now.
///
/// # Errors
/// A secret cannot be read, or the reference holds what is no address.
pub fn vault(reference: &VaultRef) -> Result<Vault, Error> {
    vault_as_of(reference, None)
}

/// The same as it was at a moment, where its store keeps versions.
///
/// # Errors
/// As [`vault`]; its store keeps no versions.
pub fn vault_as_of(reference: &VaultRef, as_of: Option<Timestamp>) -> Result<Vault, Error> {
    vault_through(&flow(reference), reference, as_of)
}

/// What the transfers to and from a vault go through, as its policy says it.
#[must_use]
pub fn flow(reference: &VaultRef) -> Arc<Flow> {
    Arc::new(Flow::new(Transfer {
        parallel: reference.transfer.parallel,
        bytes_per_second: reference.transfer.bytes_per_second.and_then(NonZeroU64::new),
    }))
}

/// One of several vaults whose transfers go through one flow: together they take what the policy allows.
///
/// # Errors
/// As [`vault_as_of`].
pub fn vault_through(flow: &Arc<Flow>, reference: &VaultRef, as_of: Option<Timestamp>) -> Result<Vault, Error> {
    open(flow, reference, as_of, false)
}

/// The vault for whoever removes: with the credentials of a prune, which nothing else asks for. They need to be there only
/// where pruning is done.
///
/// # Errors
/// As [`vault`].
pub fn vault_to_prune(reference: &VaultRef) -> Result<Vault, Error> {
    open(&flow(reference), reference, None, true)
}

fn open(flow: &Arc<Flow>, reference: &VaultRef, as_of: Option<Timestamp>, prunes: bool) -> Result<Vault, Error> {
    let options = VaultOptions {
        flow: Arc::clone(flow),
        // Nothing is written into the past, so there is nothing to lock.
        lock: reference.lock.filter(|_| as_of.is_none()).map(|lock| Lock {
            mode: if lock.compliance {
                LockMode::Compliance
            } else {
                LockMode::Governance
            },
            period: Duration::from_secs(lock.seconds),
        }),
        as_of,
        cache: match &reference.place {
            PlaceRef::Directory(_) => None,
            PlaceRef::S3(_) | PlaceRef::Swift { .. } => cache(&|name| std::env::var_os(name)),
        },
    };
    let vault = Vault::open(&place(reference, prunes)?, &options)?;
    Ok(match &reference.adopts {
        None => vault,
        Some(application) => vault.adopting(application)?,
    })
}

/// Where copies of small files of distant vaults are kept: in the folder that `DRAM_CACHE` names, in the one that systemd gives
/// a service, or in the user's cache folder. Nowhere if `DRAM_CACHE` is `off`, or no folder is known.
fn cache(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(chosen) = named("DRAM_CACHE") {
        return (chosen != "off").then(|| PathBuf::from(chosen));
    }
    // A service may have several, separated by colons.
    let of_service = named("CACHE_DIRECTORY").and_then(|folders| std::env::split_paths(&folders).next());
    let of_user = || {
        let cache = named("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || named("HOME").map(|home| Path::new(&home).join(".cache"));
        Some(cache.or_else(home)?.join("dram"))
    };
    of_service.or_else(of_user).filter(|folder| folder.is_absolute())
}

fn place(reference: &VaultRef, prunes: bool) -> Result<Place, Error> {
    Ok(match &reference.place {
        PlaceRef::Directory(path) => Place::Directory(PathBuf::from(path)),
        PlaceRef::S3(s3) => {
            let address = s3.address.parse::<S3Address>().map_err(|why| Error::Usage {
                why: why.to_string(),
                help: "an address is `s3://bucket/prefix?endpoint=…&region=…`".to_owned(),
            })?;
            let who = |credentials: &Option<CredentialsRef>| {
                credentials
                    .as_ref()
                    .map(|credentials| self::credentials(&reference.name, credentials))
                    .transpose()
            };
            Place::S3(S3Place {
                address,
                credentials: who(&s3.credentials)?.unwrap_or(S3Credentials::Chain),
                prune_credentials: if prunes { who(&s3.prune_credentials)? } else { None },
            })
        }
        PlaceRef::Swift {
            cloud,
            container,
            prefix,
        } => Place::Swift(SwiftPlace {
            cloud: cloud.clone(),
            container: container.clone(),
            prefix: prefix.clone(),
        }),
    })
}

fn credentials(vault: &str, credentials: &CredentialsRef) -> Result<S3Credentials, Error> {
    let text = |what, place: &SecretPlace| {
        let bytes = bytes(vault, what, place)?;
        String::from_utf8(bytes)
            .map(|text| text.trim().to_owned())
            .map_err(|_| unreadable(vault, what, place, "it is no text"))
    };
    Ok(match credentials {
        CredentialsRef::Profile(name) => S3Credentials::Profile(name.clone()),
        CredentialsRef::Keys { access, secret } => S3Credentials::Keys {
            access: text("the access key", access)?,
            secret: Secret::new(text("the secret key", secret)?),
        },
    })
}

/// The password of a vault.
///
/// # Errors
/// The variable is not set, or the file cannot be read; the message names the reference, never the content.
pub fn password(vault: &VaultRef) -> Result<Password, Error> {
    let what = "the password";
    let bytes = bytes(&vault.name, what, &vault.password)?;
    Password::from_bytes(&bytes).map_err(|why| unreadable(&vault.name, what, &vault.password, &why.to_string()))
}

fn bytes(vault: &str, what: &'static str, place: &SecretPlace) -> Result<Vec<u8>, Error> {
    match place {
        SecretPlace::Env(name) => std::env::var_os(name)
            .map(std::os::unix::ffi::OsStringExt::into_vec)
            .ok_or_else(|| unreadable(vault, what, place, "it is not set")),
        SecretPlace::File(path) => std::fs::read(path).map_err(|why| unreadable(vault, what, place, &why.to_string())),
        SecretPlace::Kubernetes(_) => {
            let why = "this version of dram does not read secrets of Kubernetes";
            Err(unreadable(vault, what, place, why))
        }
    }
}

fn unreadable(vault: &str, what: &'static str, place: &SecretPlace, why: &str) -> Error {
    Error::Secret {
        vault: vault.to_owned(),
        what,
        place: match place {
            SecretPlace::Env(name) => format!("the variable `{name}`"),
            SecretPlace::File(path) => format!("the file `{path}`"),
            SecretPlace::Kubernetes(key) => format!("the Kubernetes secret `{key}`"),
        },
        why: why.to_owned(),
    }
}

/// A vault that no declaration names: its address, and the file with its password. A path is taken from the current folder.
///
/// # Errors
/// It is no address, or a path is no text.
pub fn undeclared(address: &str, password_file: &Path) -> Result<VaultRef, Error> {
    let place = match address.parse::<Place>().map_err(|why| Error::Usage {
        why: why.to_string(),
        help: "a vault is a directory, `s3://bucket/prefix?endpoint=…` or `swift://cloud/container/prefix`".to_owned(),
    })? {
        Place::Directory(path) => PlaceRef::Directory(absolute(&path)?),
        Place::S3(place) => PlaceRef::S3(crate::runbook::S3Ref {
            address: place.address.to_string(),
            credentials: None,
            prune_credentials: None,
        }),
        Place::Swift(place) => PlaceRef::Swift {
            cloud: place.cloud,
            container: place.container,
            prefix: place.prefix,
        },
    };
    let vault = VaultRef {
        name: String::new(),
        place,
        password: SecretPlace::File(absolute(password_file)?),
        adopts: None,
        lock: None,
        transfer: Default::default(),
    };
    Ok(VaultRef {
        name: vault.address(),
        ..vault
    })
}

fn absolute(path: &Path) -> Result<String, Error> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_str().map(str::to_owned).ok_or_else(|| Error::Usage {
        why: format!("`{}` is not UTF-8 text", path.display()),
        help: "choose a path whose name is text".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::TransferRef;

    #[test]
    fn the_cache_is_where_its_user_says() {
        let of = |known: &[(&str, &str)]| {
            let found = cache(&|name| known.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()));
            found.map(|folder| folder.display().to_string()).unwrap_or_default()
        };
        let user = [("HOME", "/home/ann"), ("XDG_CACHE_HOME", "/big/cache")];
        for (expected, chosen) in [
            ("/home/ann/.cache/dram", &user[..1]),
            ("/big/cache/dram", &user[..]),
            ("", &[]),
            ("", &[("XDG_CACHE_HOME", "relative")]),
            (
                "/var/cache/dram",
                &[("CACHE_DIRECTORY", "/var/cache/dram:/var/cache/more"), user[0]],
            ),
            (
                "/tmp/c",
                &[("DRAM_CACHE", "/tmp/c"), ("CACHE_DIRECTORY", "/var/cache/dram")],
            ),
            ("", &[("DRAM_CACHE", "off"), user[0]]),
            ("/home/ann/.cache/dram", &[("DRAM_CACHE", ""), user[0]]),
        ] {
            assert_eq!(of(chosen), expected, "{chosen:?}");
        }
    }

    #[test]
    fn what_moves_to_several_vaults_counts_together() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "key\n").unwrap();
        let reference = |name: &str| {
            let place = folder.path().join(name);
            std::fs::create_dir(&place).unwrap();
            VaultRef {
                transfer: TransferRef {
                    parallel: None,
                    bytes_per_second: Some(1_000_000_000),
                },
                ..undeclared(place.to_str().unwrap(), &key).unwrap()
            }
        };
        let (first, second) = (reference("first"), reference("second"));
        let flow = flow(&first);
        for reference in [first, second] {
            let before = flow.passed();
            let vault = vault_through(&flow, &reference, None).unwrap();
            let location = vault.repository("default", "shop").unwrap();
            location.init(&password(&reference).unwrap()).unwrap();
            assert!(flow.passed() > before, "{}", reference.address());
        }
    }
}
