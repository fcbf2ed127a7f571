//! Which file systems are frozen, and which must not be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::error::SiteError;
use super::super::{HostSite, Site, device};
use super::Freeze;

/// What is held still.
pub(super) struct Still {
    /// Mount points, in the order in which they are frozen: what is in a disk image before what it lies on.
    pub(super) mounts: Vec<PathBuf>,
    /// Of what is held still from outside only, in words.
    pub(super) outside: Vec<String>,
}

/// The mount points of the file systems of paths and devices, each once.
///
/// # Errors
/// If one cannot be looked at, if a device is mounted nowhere, or if what must go on writing lies on it.
pub(super) fn frozen(site: &HostSite, what: &Freeze) -> Result<Still, SiteError> {
    let (application, awake) = (&what.around.application, &what.awake);
    let (mut mounts, mut outside): (Vec<(u64, PathBuf)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut add = |found: (u64, PathBuf)| {
        if !mounts.iter().any(|(device, _)| *device == found.0) {
            mounts.push(found);
        }
    };
    let mut below = Vec::new();
    for logical in &what.devices {
        let path = site.locate(logical)?;
        let looked = |error| site.file_error("look at", &path, error);
        let uses = device::uses(&path).map_err(looked)?;
        let is_file = std::fs::metadata(&path).map_err(looked)?.is_file();
        match (uses.mounts.is_empty(), is_file) {
            (true, false) => return Err(unmounted(site, application, &path)),
            (true, true) => outside.push(format!(
                "what is in the disk image `{}` was not brought to rest: it is as after a loss of power",
                path.display()
            )),
            (false, _) => {}
        }
        for mount in uses.mounts {
            add(mount_of(&mount).map_err(|error| site.file_error("look at", &mount, error))?);
        }
        if is_file {
            below.push(path);
        }
    }
    for logical in &what.paths {
        below.push(site.locate(logical)?);
    }
    for path in below {
        add(mount_of(&path).map_err(|error| site.file_error("look at", &path, error))?);
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
            application: application.clone(),
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
    Ok(Still {
        mounts: mounts.into_iter().map(|(_, mount)| mount).collect(),
        outside,
    })
}

fn unmounted(site: &HostSite, application: &str, device: &Path) -> SiteError {
    SiteError::Freeze {
        site: site.name().to_owned(),
        application: application.to_owned(),
        what: "cannot be frozen",
        why: format!(
            "the device `{}` is mounted nowhere, so no file system can be brought to rest, and who writes to it is not known",
            device.display()
        ),
        help: "bring it to rest with hooks `at: before-freeze` and `at: after-thaw`, or leave `consistency` out of the policy"
            .to_owned(),
    }
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
