//! Reads the trees of an item and puts into a plan what is asked for.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use rustic_core::repofile::Node;

use super::super::super::blob::Blobs;
use super::super::super::error::VaultError;
use super::super::RestoreFiles;
use super::super::entry::{Entry, Meta, number};
use super::super::owners::{Owners, Ownership};
use super::super::paths::{Full, PathId};
use super::super::selection::Trail;
use super::{Action, Plan};

/// A directory that the walk is in.
struct Level {
    /// What the selection says about it.
    takes: bool,
    folder: PathId,
    /// Its node if it is not restored.
    node: Option<Node>,
}

/// A plan that grows while the trees are read.
pub(super) struct Gather<'a> {
    blobs: &'a Blobs,
    what: &'a RestoreFiles<'a>,
    owners: Ownership<'a>,
    trail: Trail<Level>,
    /// Directories that are not restored and hold what is.
    ancestors: BTreeMap<PathId, Meta>,
    plan: Plan,
}

impl<'a> Gather<'a> {
    pub(super) fn new(blobs: &'a Blobs, what: &'a RestoreFiles<'a>, owners: &'a Owners) -> Self {
        Self {
            blobs,
            what,
            owners: Ownership::new(owners),
            trail: Trail::new(),
            ancestors: BTreeMap::new(),
            plan: Plan::new(),
        }
    }

    /// Takes an entry if it is asked for; whether to go into it.
    pub(super) fn see(&mut self, path: &Path, node: &Node) -> Result<bool, VaultError> {
        let what = self.what;
        let above = self.trail.above(path).map(|level| (level.takes, level.folder));
        let folder = above.map_or(PathId::TOP, |(_, folder)| folder);
        let above = above.map(|(takes, _)| takes);
        let takes = what.only.is_none_or(|only| only.takes(path, node.is_dir(), above));
        let inside = what.paths.iter().any(|top| path.starts_with(top));
        if !(takes && inside) {
            let way = inside || what.paths.iter().any(|top| top.starts_with(path));
            let leads = node.is_dir() && way && (takes || what.only.is_none_or(|only| only.leads(path)));
            if leads {
                self.enter(path, folder, takes, Some(node.clone()))?;
            }
            return Ok(leads);
        }
        let rel = place(what, path)?;
        let Some(place) = self
            .plan
            .places
            .claim(&rel)
            .map_err(|full| too_many(full, path, what))?
        else {
            return Err(VaultError::BadTarget {
                path: path.to_owned(),
                target: what.target.join(rel),
                reason: "another path is mapped there too".into(),
            });
        };
        self.keep_ancestors().map_err(|full| too_many(full, path, what))?;
        if node.is_dir() {
            self.enter(path, folder, true, None)?;
        }
        self.keep(path, node, (place, folder))?;
        Ok(true)
    }

    /// The plan, when all was seen.
    pub(super) fn end(self) -> Result<Plan, VaultError> {
        let Self {
            what,
            owners,
            ancestors,
            mut plan,
            ..
        } = self;
        if plan.entries.is_empty()
            && let Some(only) = what.only
        {
            let path = only.texts().next().unwrap_or_default().into();
            return Err(VaultError::UnknownPath { path });
        }
        plan.above = above(what, &plan, &ancestors)?;
        plan.strangers = owners.strangers();
        Ok(plan)
    }

    fn enter(&mut self, path: &Path, above: PathId, takes: bool, node: Option<Node>) -> Result<(), VaultError> {
        let name = path.file_name().unwrap_or_default();
        let folder = self.plan.folders.push(above, name);
        let folder = folder.map_err(|full| too_many(full, path, self.what))?;
        self.trail.enter(path, Level { takes, folder, node });
        Ok(())
    }

    fn keep_ancestors(&mut self) -> Result<(), Full> {
        for (_, level) in self.trail.levels() {
            if let Some(node) = &level.node
                && !self.ancestors.contains_key(&level.folder)
            {
                let mut meta = node.meta.clone();
                self.owners.apply(&mut meta);
                self.ancestors.insert(level.folder, self.plan.looks.meta(meta)?);
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: &Path, node: &Node, at: (PathId, PathId)) -> Result<(), VaultError> {
        let size = self.keep_content(path, node)?;
        let name = path.file_name().unwrap_or_default();
        self.keep_entry(name, node, at, size)
            .map_err(|full| too_many(full, path, self.what))
    }

    /// A file's length in bytes: the recorded one is that of the listing, and nothing for a stream; the content counts.
    fn keep_content(&mut self, path: &Path, node: &Node) -> Result<u64, VaultError> {
        let mut size = 0_u64;
        for id in node.content.iter().flatten() {
            let spot = self.blobs.spot(id).map_err(|fault| fault.of(Some(path.to_owned())))?;
            size = size.saturating_add(u64::from(spot.size()));
            self.plan.content.push((*id, spot.size()));
        }
        Ok(size)
    }

    fn keep_entry(
        &mut self,
        name: &OsStr,
        node: &Node,
        (place, folder): (PathId, PathId),
        size: u64,
    ) -> Result<(), Full> {
        let plan = &mut self.plan;
        let mut meta = node.meta.clone();
        self.owners.apply(&mut meta);
        let number = number(plan.entries.len())?;
        if node.is_file() && meta.links > 1 && meta.inode != 0 {
            plan.several.push((number, (meta.device_id, meta.inode)));
        }
        if plan.places.name(place) != name {
            plan.renamed.push((number, name.to_owned()));
        }
        plan.entries.push(Entry {
            place,
            folder,
            meta: plan.looks.meta(meta)?,
            kind: plan.looks.kind(node.node_type.clone())?,
            action: Action::Make,
            size,
            content_end: plan.content.len(),
        });
        Ok(())
    }
}

fn too_many(_: Full, path: &Path, what: &RestoreFiles<'_>) -> VaultError {
    VaultError::BadTarget {
        path: path.to_owned(),
        target: what.target.to_owned(),
        reason: "there are more entries than one restore can count; restore a part of them at a time".into(),
    }
}

/// Where a logical path goes, as a path of normal components below the target.
fn place(what: &RestoreFiles<'_>, path: &Path) -> Result<PathBuf, VaultError> {
    let mapped = (what.map)(path);
    let mut rel = PathBuf::new();
    for component in mapped.components() {
        match component {
            Component::Normal(name) => rel.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(VaultError::BadTarget {
                    path: path.to_owned(),
                    target: mapped.clone(),
                    reason: "it leaves the target".into(),
                });
            }
        }
    }
    Ok(rel)
}

/// The directories that must be there for the restored paths, with the metadata of their counterparts in the snapshot.
fn above(
    what: &RestoreFiles<'_>,
    plan: &Plan,
    ancestors: &BTreeMap<PathId, Meta>,
) -> Result<Vec<(PathId, Option<Meta>)>, VaultError> {
    let mut known: HashMap<PathId, Meta> = HashMap::new();
    for (folder, meta) in ancestors {
        let path = Path::new("/").join(plan.folders.path(*folder));
        if let Some(id) = plan.places.find(&place(what, &path)?) {
            known.insert(id, *meta);
        }
    }
    let mut needed: Vec<PathId> = plan.places.unclaimed().collect();
    needed.sort_by_cached_key(|id| plan.places.path(*id));
    Ok(needed.into_iter().map(|id| (id, known.get(&id).copied())).collect())
}
