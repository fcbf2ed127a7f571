//! What a runbook would change among the files at its target, by looking alone.

use super::drive::vault_error;
use super::recover::{Part, image_place, with_target};
use super::terms;
use crate::error::Error;
use crate::runbook::{Runbook, Step};
use crate::vault::{Cancel, Change, Fate, Item, Repository, RestoreImage};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Tells what each step that writes files would do, with the item's name, in the order of the steps. Answers what has to be
/// said beside it, sorted.
///
/// # Errors
/// The vault or the target cannot be read; canceled.
pub(crate) fn preview(
    runbook: &Runbook,
    repository: &Repository,
    cancel: &Cancel,
    tell: &mut dyn FnMut(&str, Change),
) -> Result<Vec<String>, Error> {
    let site = terms::host_site(&runbook.site)?;
    let mut notes = BTreeSet::new();
    for step in &runbook.steps {
        match step {
            Step::RestoreFiles {
                item,
                overwrite,
                only,
                owners,
                ..
            } => {
                let part = Part::new(item, *overwrite, only, owners);
                let strangers = with_target(&site, &part, |what| {
                    repository
                        .preview_files(what, cancel, &mut |change| tell(&item.name, change))
                        .map_err(vault_error)
                })?;
                notes.extend(strangers);
            }
            Step::RestoreImage { item, .. } => {
                let target = image_place(&site, item)?;
                tell(&item.name, look_at_image(repository, item, target, cancel)?);
            }
            Step::WriteImage { item, file, .. } => {
                let target = site.root().join(file);
                tell(&item.name, look_at_image(repository, item, target, cancel)?);
            }
            Step::WriteDump { item, file, .. } => {
                let path = site.root().join(file);
                let is_file = fs::symlink_metadata(&path).map(|meta| meta.is_file());
                let fate = match is_file {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Fate::New,
                    Err(source) => {
                        return Err(Error::File {
                            what: "look at",
                            path: path.display().to_string(),
                            source,
                        });
                    }
                    Ok(true) if repository.is_stream(&item.tree, &path, cancel).map_err(vault_error)? => Fate::Same,
                    Ok(_) => Fate::Content,
                };
                let bytes = if fate == Fate::Same { 0 } else { item.bytes };
                tell(&item.name, Change { path, bytes, fate });
            }
            _ => {}
        }
    }
    Ok(notes.into_iter().collect())
}

/// What would become of a device or disk image, and how much of it differs.
fn look_at_image(repository: &Repository, item: &Item, target: PathBuf, cancel: &Cancel) -> Result<Change, Error> {
    let what = RestoreImage {
        tree: &item.tree,
        target: &target,
        overwrite: true,
    };
    let imaged = repository.preview_image(&what, cancel).map_err(vault_error)?;
    let fate = match (imaged.is_new, imaged.written) {
        (true, _) => Fate::New,
        (false, 0) => Fate::Same,
        (false, _) => Fate::Content,
    };
    Ok(Change {
        path: target,
        bytes: imaged.written,
        fate,
    })
}
