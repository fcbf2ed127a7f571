//! How a person and the stock program come to a vault, without any secret.

use super::words::{quoted, words};
use crate::runbook::{CredentialsRef, PlaceRef, SecretPlace, VaultRef};
use dram_storage::Address;

/// Who must be let in, by name.
pub(super) fn needs(vault: &VaultRef) -> String {
    let found = |place: &SecretPlace| match place {
        SecretPlace::Env(name) => format!("its engine has it in the variable {name}"),
        SecretPlace::File(path) => format!("its engine has it in the file {path}"),
        SecretPlace::Kubernetes(key) => format!("its engine has it in the Kubernetes secret {key}"),
    };
    match &vault.place {
        PlaceRef::Directory(path) => format!("this machine to have {path}: mount what belongs there"),
        PlaceRef::S3(s3) => match &s3.credentials {
            None => "credentials that may read the bucket, as AWS programs find them: AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
                .to_owned(),
            Some(CredentialsRef::Profile(name)) => format!(
                "credentials that may read the bucket: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; its engine \
                 has them in the profile {name} of the AWS configuration files"
            ),
            Some(CredentialsRef::Keys { access, secret }) => format!(
                "credentials that may read the bucket: AWS_ACCESS_KEY_ID ({}) and AWS_SECRET_ACCESS_KEY ({})",
                found(access),
                found(secret)
            ),
        },
        PlaceRef::Swift { cloud, .. } => format!(
            "a login to the cloud: for dram the entry {cloud} of clouds.yaml (OS_CLIENT_CONFIG_FILE says where that is); for restic \
             the same in OS_AUTH_URL, OS_REGION_NAME and OS_APPLICATION_CREDENTIAL_ID with OS_APPLICATION_CREDENTIAL_SECRET or \
             OS_USERNAME with OS_PASSWORD and the names of project and domain, or in ST_AUTH, ST_USER and ST_KEY"
        ),
    }
}

/// The folder of the application's repository in a vault; nothing where the vault is that itself.
fn folder(vault: &VaultRef, tenant: &str, name: &str) -> Option<String> {
    vault.adopts.is_none().then(|| format!("{tenant}/{name}"))
}

/// The repository as the stock program takes it.
pub(super) fn repository(vault: &VaultRef, tenant: &str, name: &str) -> String {
    let folder = folder(vault, tenant, name);
    let below = |place: &str| match &folder {
        Some(folder) if place.is_empty() => folder.clone(),
        Some(folder) => format!("{}/{folder}", place.trim_end_matches('/')),
        None => place.to_owned(),
    };
    match &vault.place {
        PlaceRef::Directory(path) => below(path),
        PlaceRef::S3(s3) => match s3.address.parse::<Address>() {
            Ok(address) => {
                let endpoint = match (&address.endpoint, &address.region) {
                    (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
                    (None, Some(region)) => format!("https://s3.{region}.amazonaws.com"),
                    (None, None) => "https://s3.amazonaws.com".to_owned(),
                };
                let inside = below(&address.prefix);
                let inside = if inside.is_empty() {
                    inside
                } else {
                    format!("/{inside}")
                };
                format!("s3:{endpoint}/{}{inside}", address.bucket)
            }
            Err(_) => s3.address.clone(),
        },
        PlaceRef::Swift { container, prefix, .. } => format!("swift:{container}:/{}", below(prefix)),
    }
}

/// What the stock program is told to find a repository.
pub(super) fn environment(vault: &VaultRef, repository: &str) -> Vec<Vec<String>> {
    let mut lines = vec![words(["export", &format!("RESTIC_REPOSITORY={}", quoted(repository))])];
    if let PlaceRef::S3(s3) = &vault.place
        && let Ok(address) = s3.address.parse::<Address>()
    {
        if let Some(region) = &address.region {
            lines.push(words(["export", &format!("AWS_DEFAULT_REGION={}", quoted(region))]));
        }
        // Left to itself the program asks AWS by the bucket's name and all others by its path.
        let unusual = match (address.endpoint.is_some(), address.path_style) {
            (true, false) => Some("dns"),
            (false, true) => Some("path"),
            _ => None,
        };
        if let Some(lookup) = unusual {
            lines.push(words([
                "restic()",
                "{",
                "command",
                "restic",
                "-o",
                &format!("s3.bucket-lookup={lookup}"),
                "\"$@\";",
                "}",
            ]));
        }
    }
    lines
}
