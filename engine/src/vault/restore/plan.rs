//! Decides for every entry what has to be done, before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use rustic_core::repofile::{Node, NodeType};
use rustic_core::{DataId, TreeId};
use rustix::fs::{FileType, Stat};

use super::super::beneath::kind_of;
use super::super::blob::Blobs;
use super::super::error::{SourceFault, VaultError};
use super::RestoreFiles;
use super::metadata::timestamp_of;
use super::owners::{Owners, Ownership};
use super::selection::Trail;
use super::target::Target;

/// So many things in the way are named.
const NAMED: usize = 20;

/// What has to be done for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A directory: made if missing, its metadata set at the end.
    Directory,
    /// A file: written.
    Write,
    /// Another name of the file at this index.
    Link(usize),
    /// A symbolic link, pipe or device: made.
    Make,
    /// It is there and identical; its metadata are compared.
    Keep,
}

/// One entry to restore.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) logical: PathBuf,
    /// Below the target.
    pub(super) rel: PathBuf,
    pub(super) node: Node,
    pub(super) action: Action,
    /// A file's content with the length of each part, in bytes.
    pub(super) content: Vec<(DataId, u32)>,
    pub(super) size: u64,
}

/// All that has to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every directory before what it holds.
    pub(super) steps: Vec<Step>,
    /// Directories above the restored paths, outermost first, with the metadata to make them with where they are known.
    pub(super) above: Vec<(PathBuf, Option<Node>)>,
    /// What has to be said about owners who are somebody else here.
    pub(super) strangers: Vec<String>,
}

impl Plan {
    pub(super) fn bytes(&self) -> u64 {
        self.steps
            .iter()
            .filter(|step| step.action == Action::Write)
            .map(|step| step.size)
            .sum()
    }

    /// What is asked for, and what has to be done about it at a target.
    pub(super) fn read(
        blobs: &Blobs,
        tree: TreeId,
        what: &RestoreFiles<'_>,
        target: &Target,
    ) -> Result<Self, VaultError> {
        let mut plan = Self::gather(blobs, tree, what)?;
        plan.decide(what, target)?;
        Ok(plan)
    }

    /// What is asked for, wherever it goes.
    pub(super) fn gather(blobs: &Blobs, tree: TreeId, what: &RestoreFiles<'_>) -> Result<Self, VaultError> {
        let mut steps: Vec<Step> = Vec::new();
        let mut ancestors: HashMap<PathBuf, Node> = HashMap::new();
        let mut places: HashMap<PathBuf, usize> = HashMap::new();
        // Of each directory that the walk is in: what the selection says, and its node if it is not restored.
        let mut trail: Trail<(bool, Option<Node>)> = Trail::new();
        let nothing = Owners::default();
        let mut owners = Ownership::new(what.owners.unwrap_or(&nothing));
        blobs.walk(tree, &mut |path, node| {
            let above = trail.above(path).map(|(takes, _)| *takes);
            let takes = what.only.is_none_or(|only| only.takes(path, node.is_dir(), above));
            let inside = what.paths.iter().any(|top| path.starts_with(top));
            if !(takes && inside) {
                let way = inside || what.paths.iter().any(|top| top.starts_with(path));
                let leads = node.is_dir() && way && (takes || what.only.is_none_or(|only| only.leads(path)));
                if leads {
                    trail.enter(path, (takes, Some(node.clone())));
                }
                return Ok(leads);
            }
            let rel = place(what, path)?;
            if places.insert(rel.clone(), steps.len()).is_some() {
                return Err(VaultError::BadTarget {
                    path: path.to_owned(),
                    target: what.target.join(rel),
                    reason: "another path is mapped there too".into(),
                });
            }
            for (way, (_, node)) in trail.levels() {
                if let Some(node) = node
                    && !ancestors.contains_key(way)
                {
                    let mut node = node.clone();
                    owners.apply(&mut node.meta);
                    ancestors.insert(way.to_owned(), node);
                }
            }
            if node.is_dir() {
                trail.enter(path, (true, None));
            }
            steps.push(step(blobs, path, rel, node, &mut owners)?);
            Ok(true)
        })?;
        if steps.is_empty()
            && let Some(only) = what.only
        {
            let path = only.texts().next().unwrap_or_default().into();
            return Err(VaultError::UnknownPath { path });
        }
        let above = above(what, &steps, &ancestors, &places)?;
        Ok(Self {
            steps,
            above,
            strangers: owners.strangers(),
        })
    }

    fn decide(&mut self, what: &RestoreFiles<'_>, target: &Target) -> Result<(), VaultError> {
        let mut conflicts = Vec::new();
        for (rel, _) in &self.above {
            match target.look(rel)? {
                None => {}
                Some(found) if kind_of(found.st_mode) == FileType::Directory => {}
                Some(found) => {
                    conflicts.push(conflict(target, rel, &found));
                }
            }
        }
        let mut links: HashMap<(u64, u64), usize> = HashMap::new();
        // Files that are there under several names: how many of them are restored.
        let mut names: HashMap<(u64, u64), u64> = HashMap::new();
        let mut several: Vec<(usize, Stat)> = Vec::new();
        // Nothing lies below what is not there.
        let mut absent: HashSet<PathBuf> = HashSet::new();
        for index in 0..self.steps.len() {
            let Some(step) = self.steps.get(index) else { break };
            let below_nothing = step.rel.parent().is_some_and(|above| absent.contains(above));
            let found = if below_nothing { None } else { target.look(&step.rel)? };
            if found.is_none() && step.node.is_dir() {
                absent.insert(step.rel.clone());
            }
            let identical = match &found {
                Some(found) => is_identical(target, step, found, what)?,
                None => false,
            };
            if let Some(found) = &found {
                let is_dir = kind_of(found.st_mode) == FileType::Directory;
                let fits = is_dir && step.node.is_dir();
                if !is_dir && found.st_nlink > 1 {
                    *names.entry((found.st_dev, found.st_ino)).or_default() += 1;
                    several.push((index, *found));
                }
                // A directory may hold anything, so nothing else ever takes its place.
                if !fits && !identical && (!what.overwrite || is_dir) {
                    conflicts.push(conflict(target, &step.rel, found));
                }
            }
            let meta = &step.node.meta;
            let linked = step.node.is_file() && meta.links > 1 && meta.inode != 0;
            let first = if linked {
                let first = *links.entry((meta.device_id, meta.inode)).or_insert(index);
                (first != index).then_some(first)
            } else {
                None
            };
            let action = match (&step.node.node_type, first) {
                (NodeType::Dir, _) => Action::Directory,
                (_, Some(first)) => Action::Link(first),
                _ if identical => Action::Keep,
                (NodeType::File, None) => Action::Write,
                _ => Action::Make,
            };
            if let Some(step) = self.steps.get_mut(index) {
                step.action = action;
            }
        }
        for (index, found) in several {
            let restored = names.get(&(found.st_dev, found.st_ino)).copied().unwrap_or_default();
            if let Some(step) = self.steps.get_mut(index)
                && restored < found.st_nlink
                && step.action == Action::Keep
                && step.node.is_file()
                && !target.aspects(step, &found)?.is_empty()
            {
                // A name that nobody asked for shows the same file: that one keeps its owner, mode and times.
                step.action = Action::Write;
            }
        }
        if conflicts.is_empty() {
            return Ok(());
        }
        let more = conflicts.len().saturating_sub(NAMED);
        conflicts.truncate(NAMED);
        Err(VaultError::Conflicts { paths: conflicts, more })
    }
}

fn conflict(target: &Target, rel: &Path, found: &Stat) -> SourceFault {
    let reason = match kind_of(found.st_mode) {
        FileType::Symlink => "a symbolic link, which is not followed",
        FileType::Directory => "a directory",
        FileType::RegularFile => "a file that is not the one to restore",
        _ => "a special file",
    };
    SourceFault {
        path: target.physical(rel),
        reason: reason.to_owned(),
    }
}

fn step(blobs: &Blobs, path: &Path, rel: PathBuf, node: &Node, owners: &mut Ownership<'_>) -> Result<Step, VaultError> {
    let mut node = node.clone();
    owners.apply(&mut node.meta);
    // Of many entries each byte counts: owners have their numbers now, and names are in the paths.
    (node.name, node.meta.user, node.meta.group) = (String::new(), None, None);
    let mut content = Vec::with_capacity(node.content.as_ref().map_or(0, Vec::len));
    let mut size = 0_u64;
    // The recorded size is that of the listing, and nothing for a stream; the content counts.
    for id in node.content.take().unwrap_or_default() {
        let spot = blobs.spot(&id).map_err(|fault| fault.of(Some(path.to_owned())))?;
        size = size.saturating_add(u64::from(spot.size()));
        content.push((id, spot.size()));
    }
    Ok(Step {
        logical: path.to_owned(),
        rel,
        node,
        action: Action::Make,
        content,
        size,
    })
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
    steps: &[Step],
    ancestors: &HashMap<PathBuf, Node>,
    places: &HashMap<PathBuf, usize>,
) -> Result<Vec<(PathBuf, Option<Node>)>, VaultError> {
    let mut known: HashMap<PathBuf, &Node> = HashMap::new();
    for (path, node) in ancestors {
        known.insert(place(what, path)?, node);
    }
    let mut needed: BTreeMap<PathBuf, Option<Node>> = BTreeMap::new();
    for step in steps {
        for parent in step.rel.ancestors().skip(1) {
            if parent.as_os_str().is_empty() || needed.contains_key(parent) || places.contains_key(parent) {
                continue;
            }
            needed.insert(parent.to_owned(), known.get(parent).map(|node| (*node).clone()));
        }
    }
    Ok(needed.into_iter().collect())
}

fn is_identical(target: &Target, step: &Step, found: &Stat, what: &RestoreFiles<'_>) -> Result<bool, VaultError> {
    let meta = &step.node.meta;
    let same_time = timestamp_of(found) == meta.mtime;
    // Who replaces what differs compares contents: a file that differs in its time alone only gets that.
    let fits_in_time = same_time || (what.compare && what.overwrite);
    Ok(match (&step.node.node_type, kind_of(found.st_mode)) {
        (NodeType::File, FileType::RegularFile) => {
            fits_in_time && has_size(step, found) && (!what.compare || same_content(target, step)?)
        }
        (NodeType::Symlink { .. }, FileType::Symlink) => {
            let fits = meta.uid.is_none_or(|uid| uid == found.st_uid || !target.is_root())
                && meta.gid.is_none_or(|gid| gid == found.st_gid || !target.is_root());
            fits && same_time && is_same_thing(target, step, found)?
        }
        (NodeType::File | NodeType::Symlink { .. }, _) => false,
        _ => same_time && is_same_thing(target, step, found)?,
    })
}

/// Whether what is there is what is to be restored, whatever its metadata are; content is compared byte for byte.
pub(super) fn is_same_thing(target: &Target, step: &Step, found: &Stat) -> Result<bool, VaultError> {
    Ok(match (&step.node.node_type, kind_of(found.st_mode)) {
        (NodeType::File, FileType::RegularFile) => has_size(step, found) && same_content(target, step)?,
        (link @ NodeType::Symlink { .. }, FileType::Symlink) => target.read_link(&step.rel)? == link.to_link(),
        (NodeType::Fifo, FileType::Fifo) | (NodeType::Dir, FileType::Directory) => true,
        (NodeType::Dev { device }, FileType::BlockDevice)
        | (NodeType::Chardev { device }, FileType::CharacterDevice) => *device == found.st_rdev,
        _ => false,
    })
}

fn has_size(step: &Step, found: &Stat) -> bool {
    u64::try_from(found.st_size).unwrap_or(0) == step.size
}

fn same_content(target: &Target, step: &Step) -> Result<bool, VaultError> {
    let mut file = File::from(target.open_to_compare(&step.rel)?);
    for (id, length) in &step.content {
        // A blob is named by the hash of its bytes.
        if !id.blob_matches_reader(u64::from(*length), &mut file.by_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}
