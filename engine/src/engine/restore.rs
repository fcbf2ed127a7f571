//! Bringing an application, or files of it, back with a living catalog.

use super::closure::Closure;
use super::points::{Pick, pick};
use super::protect::take_inventory;
use super::{Engine, Watch};
use crate::error::Error;
use crate::inventory::Presence;
use crate::run::preview;
use crate::runbook::{
    Asked, Destination, FilesOnly, Landing, Refusal, Restore, Runbook, SiteRef, Verb, asked_items, files_only, restore,
};
use crate::vault::{Cancel, Change, Item, Method, Owners, Repository, Selection};
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
    /// Only these items: then only files are written.
    pub items: Vec<String>,
    /// Only what these paths and patterns take: then only files are written.
    pub paths: Vec<String>,
    /// Whose files become whose.
    pub owners: Owners,
    /// Whether files that differ are replaced.
    pub overwrite: bool,
    /// What a person attests about the site that was active: that it no longer runs the application.
    pub attested: Option<String>,
}

/// Why something is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    /// To carry it out.
    Act,
    /// To show it.
    Look,
}

/// What was decided, and what of.
struct Decided {
    closure: Closure,
    repository: Repository,
    runbook: Runbook,
}

impl Engine {
    /// Restores.
    ///
    /// # Errors
    /// What failed, or what a rule refuses; the log of the failed run says so too.
    pub fn restore(&self, request: &RestoreRequest, watch: &Watch<'_>) -> Result<Runbook, Error> {
        let decided = self
            .decide_restore(request, Intent::Act)
            .map_err(|error| self.refused(Verb::Restore, &request.application, error, watch))?;
        self.carry_out(&decided.closure, &decided.runbook, watch)?;
        Ok(decided.runbook)
    }

    /// Decides as [`Self::restore`] does, and looks what that would change among files; nothing is changed. First `told` gets
    /// the runbook, then what would become of each entry, with its item's name. In place, files that differ are told as if they
    /// were replaced. Answers what has to be said beside it.
    ///
    /// # Errors
    /// What a rule refuses; the vault or the target cannot be read.
    pub fn preview(
        &self,
        request: &RestoreRequest,
        cancel: &Cancel,
        told: &mut dyn FnMut(Preview<'_>),
    ) -> Result<Vec<String>, Error> {
        let decided = self.decide_restore(request, Intent::Look)?;
        show(&decided.runbook, &decided.repository, cancel, told)
    }

    /// The steps of a restore that is to be carried out.
    pub(super) fn decided_restore(&self, request: &RestoreRequest) -> Result<(Closure, Runbook), Error> {
        let decided = self.decide_restore(request, Intent::Act)?;
        Ok((decided.closure, decided.runbook))
    }

    fn decide_restore(&self, request: &RestoreRequest, intent: Intent) -> Result<Decided, Error> {
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
        let is_part = !request.paths.is_empty() || !request.items.is_empty();
        let runbook = match (&request.to, is_part) {
            (Where::Directory(_), _) | (Where::Active, true) => {
                let (site, landing) = match &request.to {
                    Where::Directory(directory) => (directory_site(directory)?, Landing::Elsewhere),
                    _ => (closure.site(&closure.active())?, Landing::InPlace),
                };
                let scope = closure.scope(tenant, site, &request.components);
                let mut asked = Asked {
                    items: &request.items,
                    paths: &request.paths,
                    holding: &[],
                };
                let items = asked_items(&scope, &manifest, &asked)?;
                let holding = holding(&repository, &items, &request.paths, &request.owners)?;
                asked.holding = &holding;
                files_only(FilesOnly {
                    scope,
                    manifest: &manifest,
                    epoch: closure.epoch_number(),
                    asked,
                    landing,
                    // Who looks is told what would be replaced, and told to say that it may.
                    overwrite: request.overwrite || (intent == Intent::Look && landing == Landing::InPlace),
                    owners: request.owners.clone(),
                })?
            }
            (Where::Site(_), true) => {
                return Err(Error::Usage {
                    why: "`--path` and `--item` write files only and go with `--into DIR`, not with `--to SITE`"
                        .to_owned(),
                    help: "leave one of them out".to_owned(),
                });
            }
            (Where::Active | Where::Site(_), false) => {
                let active = closure.active();
                let target = match &request.to {
                    Where::Site(site) => site.clone(),
                    _ => active.clone(),
                };
                let is_home = target == active;
                let site = closure.site(&target)?;
                let items: Vec<&Item> = manifest.items.iter().collect();
                holding(&repository, &items, &[], &request.owners)?;
                let inventory = ready_root(&site, &closure)?;
                // A vault that knows of a later takeover says who writes: even at the catalog's active site this one
                // has to be taken over from there.
                let newest = present.takeovers()?.into_iter().max_by_key(|takeover| takeover.epoch);
                let ahead = newest.filter(|newest| newest.epoch > closure.epoch_number());
                let destination = if is_home && ahead.is_none() {
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
                    overwrite: request.overwrite || (intent == Intent::Look && is_home),
                    owners: request.owners.clone(),
                })?
            }
        };
        let runbook = Runbook {
            as_of: request.as_of,
            ..runbook
        };
        Ok(Decided {
            closure,
            repository,
            runbook,
        })
    }
}

/// What somebody who only looks is told.
#[derive(Debug)]
pub enum Preview<'a> {
    /// The steps.
    Steps(&'a Runbook),
    /// What would become of an entry of this item.
    Change(&'a str, Change),
}

/// Tells the steps, and what they would change.
pub(super) fn show(
    runbook: &Runbook,
    repository: &Repository,
    cancel: &Cancel,
    told: &mut dyn FnMut(Preview<'_>),
) -> Result<Vec<String>, Error> {
    told(Preview::Steps(runbook));
    preview(runbook, repository, cancel, &mut |item, change| {
        told(Preview::Change(item, change));
    })
}

/// The items in which the patterns take anything.
///
/// # Errors
/// A pattern matches nothing in any of them; a rule about owners fits nobody there.
pub(super) fn holding(
    repository: &Repository,
    items: &[&Item],
    patterns: &[String],
    owners: &Owners,
) -> Result<Vec<String>, Error> {
    if patterns.is_empty() && owners.users.is_empty() && owners.groups.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Selection::new(patterns)?;
    let mut matched = vec![false; patterns.len()];
    let (mut users, mut groups) = (vec![false; owners.users.len()], vec![false; owners.groups.len()]);
    let mut holding = Vec::new();
    for item in items.iter().filter(|item| item.method == Method::Files) {
        let paths: Vec<PathBuf> = item.paths.iter().map(PathBuf::from).collect();
        let survey = repository.survey(&item.tree, &paths, &selection, owners)?;
        for (all, here) in [
            (&mut matched, &survey.patterns),
            (&mut users, &survey.users),
            (&mut groups, &survey.groups),
        ] {
            for (all, here) in all.iter_mut().zip(here) {
                *all = *all || *here;
            }
        }
        if survey.is_any {
            holding.push(item.name.clone());
        }
    }
    if let Some((path, _)) = patterns.iter().zip(&matched).find(|(_, matched)| !**matched) {
        return Err(Refusal::NoPath { path: path.clone() }.into());
    }
    for (what, rules, fits) in [("user", &owners.users, users), ("group", &owners.groups, groups)] {
        if let Some((rule, _)) = rules.iter().zip(fits).find(|(_, fits)| !fits) {
            return Err(Refusal::NoOwner {
                what,
                from: rule.from.clone(),
            }
            .into());
        }
    }
    Ok(holding)
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
