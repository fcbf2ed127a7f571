//! Snapshots: the application goes on as soon as they are made, and its data is read from them.
//!
//! Flow: what will be made is written down → the freezer makes it while the application is at rest → data is read → it is removed,
//! and so is what was written down. Guarantees: whatever is killed, what is left is known to whoever comes next.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::error::SiteError;
use super::super::fence::plain;
use super::super::{HostSite, Site, btrfs};
use super::Freeze;

/// How the names of snapshots begin.
const PREFIX: &str = ".dram-snapshot-";

/// A snapshot that is taken for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The top folder of what it is one of, without links in its name.
    pub of: PathBuf,
    /// Where it is.
    pub at: PathBuf,
}

impl Snapshot {
    /// Where a path is in the snapshot; nothing for one that it does not hold.
    #[must_use]
    pub fn place_of(&self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.of).ok()?;
        Some(match rest.as_os_str().is_empty() {
            true => self.at.clone(),
            false => self.at.join(rest),
        })
    }
}

/// How the files of a freeze are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By these snapshots.
    Snapshots(Vec<Snapshot>),
    /// They are read while the application is at rest; for this reason, where there is one to tell.
    Reading(Option<String>),
}

/// How the files at these logical paths can be held for a freeze.
pub(in super::super) fn way(site: &HostSite, what: &Freeze, read: &[PathBuf]) -> Result<Way, SiteError> {
    let looked = |path: &Path, error| site.file_error("look at", path, error);
    let mut found: Vec<PathBuf> = Vec::new();
    let mut frozen: Vec<PathBuf> = Vec::new();
    for logical in read {
        let path = plainly(site, logical)?;
        let Some(top) = btrfs::subvolume_of(&path).map_err(|error| looked(&path, error))? else {
            return Ok(Way::Reading(None));
        };
        if what.paths.contains(logical) && !frozen.contains(&top) {
            frozen.push(top.clone());
        }
        if !found.contains(&top) {
            found.push(top);
        }
    }
    let no = |why: String| Ok(Way::Reading(Some(format!("no snapshots are used: {why}"))));
    if frozen.len() > 1 {
        return no(
            "what no hook brings to rest lies in several subvolumes, whose snapshots are not of one moment".to_owned(),
        );
    }
    if !frozen.is_empty() && !what.devices.is_empty() {
        return no("a device belongs to the same moment".to_owned());
    }
    for top in &found {
        if btrfs::holds_others(top).map_err(|error| looked(top, error))? {
            return no(format!(
                "other subvolumes lie in `{}`, and a snapshot does not hold them",
                top.display()
            ));
        }
    }
    let name = format!(
        "{PREFIX}{}-{}-{}",
        what.tenant, what.around.application, what.around.run
    );
    let snapshots = found.into_iter().map(|of| Snapshot { at: of.join(&name), of });
    Ok(Way::Snapshots(snapshots.collect()))
}

/// Where a logical path lies, with no links above its last name.
pub(in super::super) fn plainly(site: &HostSite, logical: &Path) -> Result<PathBuf, SiteError> {
    let path = site.locate(logical)?;
    let plain = || -> io::Result<PathBuf> {
        Ok(match (path.parent(), path.file_name()) {
            (Some(above), Some(name)) => fs::canonicalize(above)?.join(name),
            _ => fs::canonicalize(&path)?,
        })
    };
    plain().map_err(|error| site.file_error("look at", &path, error))
}

/// Writes down what is about to be made, so that it lasts.
pub(super) fn note(site: &HostSite, tenant: &str, application: &str, snapshots: &[Snapshot]) -> Result<(), SiteError> {
    let path = record(site, tenant, application)?;
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)?;
        let part = path.with_extension("part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        serde_json::to_writer(&mut file, snapshots)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| site.file_error("write", &path, error))
}

/// Removes the snapshots that are written down; the answer is how many there were.
pub(in super::super) fn drop_all(site: &HostSite, tenant: &str, application: &str) -> Result<usize, SiteError> {
    let path = record(site, tenant, application)?;
    let failed = |action, error| site.file_error(action, &path, error);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed("read", error)),
    };
    let snapshots: Vec<Snapshot> =
        serde_json::from_slice(&text).map_err(|error| failed("read", io::Error::new(ErrorKind::InvalidData, error)))?;
    let mut removed = 0;
    for Snapshot { at, .. } in &snapshots {
        let is_ours = at
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if is_ours && at.exists() {
            btrfs::remove(at).map_err(|error| site.file_error("remove", at, error))?;
            removed += 1;
        }
    }
    fs::remove_file(&path).map_err(|error| failed("remove", error))?;
    Ok(removed)
}

fn record(site: &HostSite, tenant: &str, application: &str) -> Result<PathBuf, SiteError> {
    let folder = site.private().join("freeze").join(plain(tenant)?);
    Ok(folder.join(format!("{}.snapshots", plain(application)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_the_snapshot_that_holds_it() {
        let snapshot = Snapshot {
            of: "/mnt/data".into(),
            at: "/mnt/data/.dram-snapshot-1".into(),
        };
        let cases = [
            ("/mnt/data", Some("/mnt/data/.dram-snapshot-1")),
            ("/mnt/data/srv/a", Some("/mnt/data/.dram-snapshot-1/srv/a")),
            ("/mnt/database", None),
            ("/mnt", None),
        ];
        for (path, expected) in cases {
            assert_eq!(
                snapshot.place_of(Path::new(path)),
                expected.map(PathBuf::from),
                "{path}"
            );
        }
    }
}
