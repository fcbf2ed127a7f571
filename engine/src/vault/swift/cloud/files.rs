//! Finding and reading `clouds.yaml`, and what `secure.yaml` adds to it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::yaml::{self, Value};
use super::{CloudError, Surroundings};

/// More than this, in bytes, is no such file.
const LIMIT: u64 = 1 << 20;

/// The description of the cloud that is wanted, or of the only one, and its name.
pub(super) fn find(wanted: Option<&str>, around: &Surroundings<'_>) -> Result<(String, Value), CloudError> {
    let places = places("clouds", "OS_CLIENT_CONFIG_FILE", around);
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let searched: Vec<String> = places.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(CloudError::NoFile {
            searched: searched.join(", "),
        });
    };
    let mut value = read(path)?;
    let secure = self::places("secure", "OS_CLIENT_SECURE_FILE", around);
    // As OpenStack's clients: the secrets may lie beside the file that was named.
    let beside = path.parent().map(|folder| folder.join("secure.yaml"));
    if let Some(secure) = secure.iter().chain(&beside).find(|path| path.is_file()) {
        value.overlay(read(secure)?);
    }
    choose(wanted, &value, path)
}

fn choose(wanted: Option<&str>, value: &Value, path: &Path) -> Result<(String, Value), CloudError> {
    let empty = std::collections::BTreeMap::new();
    let clouds = match value.get("clouds") {
        Some(Value::Map(clouds)) => clouds,
        _ => &empty,
    };
    let known = || {
        clouds
            .keys()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let path = || path.display().to_string();
    match wanted {
        Some(cloud) => match clouds.get(cloud) {
            Some(value) => Ok((cloud.to_owned(), value.clone())),
            None => Err(CloudError::UnknownCloud {
                path: path(),
                cloud: cloud.to_owned(),
                known: known(),
            }),
        },
        None => match (clouds.iter().next(), clouds.len()) {
            (Some((name, value)), 1) => Ok((name.clone(), value.clone())),
            _ => Err(CloudError::Unnamed {
                path: path(),
                known: known(),
            }),
        },
    }
}

/// Where a file may lie, in the order in which it is looked for.
fn places(name: &str, variable: &str, around: &Surroundings<'_>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = around.get(variable).map(PathBuf::from).into_iter().collect();
    let home = around.get("HOME").map(PathBuf::from);
    let mut folders = vec![PathBuf::from(".")];
    folders.extend(
        around
            .get("XDG_CONFIG_HOME")
            .map(|folder| PathBuf::from(folder).join("openstack")),
    );
    folders.extend(home.map(|home| home.join(".config/openstack")));
    folders.push(PathBuf::from("/etc/openstack"));
    for folder in folders {
        for ending in ["yaml", "yml", "json"] {
            let place = folder.join(format!("{name}.{ending}"));
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

fn read(path: &Path) -> Result<Value, CloudError> {
    let failed = |why: String| CloudError::Unreadable {
        path: path.display().to_string(),
        why,
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|error| failed(error.to_string()))?;
    yaml::read(&text).map_err(failed)
}
