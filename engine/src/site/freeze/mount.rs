//! Which file systems are frozen, and which must not be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::error::SiteError;
use super::super::{HostSite, Site};

/// The mount points of the file systems of these paths, each once.
///
/// # Errors
/// If one cannot be looked at, or if what must go on writing lies on it.
pub(super) fn frozen(
    site: &HostSite,
    application: &str,
    paths: &[PathBuf],
    awake: &[(&'static str, PathBuf)],
) -> Result<Vec<PathBuf>, SiteError> {
    let mut mounts: Vec<(u64, PathBuf)> = Vec::new();
    for logical in paths {
        let path = site.locate(logical)?;
        let found = mount_of(&path).map_err(|error| site.file_error("look at", &path, error))?;
        if !mounts.iter().any(|(device, _)| *device == found.0) {
            mounts.push(found);
        }
    }
    let root = ("the system itself", PathBuf::from("/"));
    for (what, path) in [root].iter().chain(awake) {
        // What is not there yet comes to lie where its folder does.
        let there = path.ancestors().find_map(|path| std::fs::metadata(path).ok());
        let Some(mount) = there.and_then(|meta| mounts.iter().find(|(device, _)| *device == meta.dev())) else {
            continue;
        };
        return Err(SiteError::Freeze {
            site: site.name().to_owned(),
            application: application.to_owned(),
            what: "cannot be frozen",
            why: format!(
                "its files lie on the file system at `{}`, and so does {what} (`{}`), which must go on meanwhile",
                mount.1.display(),
                path.display()
            ),
            help: "bring it to rest with hooks `at: before-freeze` and `at: after-thaw`, or give its files a file system of \
                   their own"
                .to_owned(),
        });
    }
    Ok(mounts.into_iter().map(|(_, mount)| mount).collect())
}

/// The device of a path, and the topmost folder above it on the same.
fn mount_of(path: &Path) -> std::io::Result<(u64, PathBuf)> {
    let path = std::fs::canonicalize(path)?;
    let device = std::fs::metadata(&path)?.dev();
    let on_it = |path: &&Path| std::fs::metadata(path).is_ok_and(|meta| meta.dev() == device);
    let top = path.ancestors().take_while(on_it).last().unwrap_or(&path);
    // A file's own file system is frozen by a folder of it.
    Ok((device, top.to_owned()))
}
