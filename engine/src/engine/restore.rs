//! Bringing an application, or files of it, back with a living catalog.

use super::closure::Closure;
use super::points::{Pick, pick};
use super::protect::take_inventory;
use super::{Engine, Watch};
use crate::error::Error;
use crate::inventory::Presence;
use crate::runbook::{Destination, FilesOnly, Restore, Runbook, SiteRef, Verb, files_only, restore};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Where to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// At the site where the application is active.
    Active,
    /// At this site: a takeover when it is another.
    Site(String),
    /// Only files, below this directory.
    Directory(PathBuf),
}

/// What to restore.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// The application.
    pub application: String,
    /// Which point.
    pub point: Pick,
    /// The vault of the policy to read from; the first one when not named.
    pub from: Option<String>,
    /// The moment whose vault is read, where its store keeps versions.
    pub as_of: Option<Timestamp>,
    /// Where.
    pub to: Where,
    /// Only these components; all when empty.
    pub components: Vec<String>,
    /// Only this path: then only files are written.
    pub path: Option<String>,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
    /// What a person attests about the site that was active: that it no longer runs the application.
    pub attested: Option<String>,
    /// Decide and show, but do nothing.
    pub dry_run: bool,
}

impl Engine {
    /// Restores.
    ///
    /// # Errors
    /// What failed, or what a rule refuses; the log of the failed run says so too.
    pub fn restore(&self, request: &RestoreRequest, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let decided = self.decide_restore(request);
        if request.dry_run {
            return decided.map(|(_, runbook)| runbook);
        }
        let (closure, runbook) =
            decided.map_err(|error| self.refused(Verb::Restore, &request.application, error, watch))?;
        self.carry_out(&closure, &runbook, watch)?;
        Ok(runbook)
    }

    fn decide_restore(&self, request: &RestoreRequest) -> Result<(Closure, Runbook), Error> {
        let closure = self
            .closure(&request.application)?
            .reading_from(request.from.as_deref())?;
        let repository = self.repository_as_of(&closure, request.as_of, closure.vault())?;
        let manifest = pick(
            &repository.points()?,
            &request.point,
            &request.application,
            &request.components,
        )?;
        // What is read may be the past; who writes is always asked of the present, as far as it still answers.
        let present = match request.as_of {
            Some(_) => self.repository(&closure).unwrap_or_else(|_| repository.clone()),
            None => repository.clone(),
        };
        let tenant = self.catalog.tenant().as_str();
        let runbook = match (&request.to, &request.path) {
            (Where::Directory(_), _) | (Where::Active, Some(_)) => {
                let site = match &request.to {
                    Where::Directory(directory) => directory_site(directory)?,
                    _ => closure.site(&closure.active())?,
                };
                files_only(FilesOnly {
                    scope: closure.scope(tenant, site, &request.components),
                    manifest: &manifest,
                    epoch: closure.epoch_number(),
                    path: request.path.as_deref(),
                    overwrite: request.overwrite,
                })?
            }
            (Where::Site(_), Some(_)) => {
                return Err(Error::Usage {
                    why: "`--path` writes files only and goes with `--into DIR`, not with `--to SITE`".to_owned(),
                    help: "leave one of them out".to_owned(),
                });
            }
            (Where::Active | Where::Site(_), None) => {
                let active = closure.active();
                let target = match &request.to {
                    Where::Site(site) => site.clone(),
                    _ => active.clone(),
                };
                let site = closure.site(&target)?;
                let inventory = ready_root(&site, &closure)?;
                // A vault that knows of a later takeover says who writes: even at the catalog's active site this one
                // has to be taken over from there.
                let newest = present.takeovers()?.into_iter().max_by_key(|takeover| takeover.epoch);
                let ahead = newest.filter(|newest| newest.epoch > closure.epoch_number());
                let destination = if target == active && ahead.is_none() {
                    Destination::Active {
                        live: !self.unfinished_restore(&closure, &target)?,
                    }
                } else {
                    let highest = closure.epoch_number().max(present.highest_epoch()?);
                    Destination::TakeOver {
                        epoch: highest.saturating_add(1),
                        from: ahead.map_or(active, |newest| newest.site),
                        attested: request.attested.clone(),
                    }
                };
                restore(Restore {
                    verb: Verb::Restore,
                    scope: closure.scope(tenant, site, &request.components),
                    inventory: &inventory,
                    manifest: &manifest,
                    destination,
                    epoch: closure.epoch_number(),
                    overwrite: request.overwrite,
                })?
            }
        };
        let runbook = Runbook {
            as_of: request.as_of,
            ..runbook
        };
        Ok((closure, runbook))
    }
}

/// A directory as a site without a name: it goes by its path.
pub(super) fn directory_site(directory: &Path) -> Result<SiteRef, Error> {
    let path = std::path::absolute(directory).map_err(|source| Error::File {
        what: "use",
        path: directory.display().to_string(),
        source,
    })?;
    let Some(root) = path.to_str() else {
        return Err(Error::Usage {
            why: format!("`{}` is not UTF-8 text", path.display()),
            help: "choose a directory whose name is text".to_owned(),
        });
    };
    Ok(SiteRef {
        name: root.to_owned(),
        root: root.to_owned(),
        mappings: Vec::new(),
        fail_on_missing: false,
    })
}

/// The inventory of a site to restore at. A root that is not there is fine as long as its parent is: restoring makes it.
fn ready_root(site: &SiteRef, closure: &Closure) -> Result<crate::inventory::Inventory, Error> {
    let mut inventory = take_inventory(site, &closure.application)?;
    if inventory.root == Presence::Absent && Path::new(&site.root).parent().is_some_and(Path::is_dir) {
        inventory.root = Presence::Known;
    }
    Ok(inventory)
}
