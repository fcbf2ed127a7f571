//! Decides for every entry what has to be done, before anything is written.

mod gather;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustic_core::repofile::{Node, NodeType};
use rustic_core::{DataId, TreeId};
use rustix::fs::{FileType, Stat};

use super::super::beneath::kind_of;
use super::super::blob::Blobs;
use super::super::error::{SourceFault, VaultError};
use super::RestoreFiles;
use super::entry::{Entry, Kind, Looks, Meta};
use super::metadata::timestamp_of;
use super::owners::Owners;
use super::paths::{PathId, Paths, Places};
use super::target::Target;
use gather::Gather;

/// So many things in the way are named.
const NAMED: usize = 20;

/// What has to be done for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A directory: made if missing, its metadata set at the end.
    Directory,
    /// A file: written.
    Write,
    /// Another name of the file with this number.
    Link(u32),
    /// A symbolic link, pipe or device: made.
    Make,
    /// It is there and identical; its metadata are compared.
    Keep,
}

/// One entry to restore, as long as somebody looks at it: the plan keeps less.
pub(super) struct Step<'a> {
    plan: &'a Plan,
    number: u32,
    /// Below the target.
    pub(super) rel: PathBuf,
    /// Without its name, content and owners' names, and without what it was on its source's disk.
    pub(super) node: Node,
    pub(super) action: Action,
    /// A file's content with the length of each part, in bytes.
    pub(super) content: &'a [(DataId, u32)],
    pub(super) size: u64,
}

impl Step<'_> {
    pub(super) fn logical(&self) -> PathBuf {
        self.plan.logical(self.number)
    }

    /// Device and number at its source of a file that has several names there.
    pub(super) fn several(&self) -> Option<(u64, u64)> {
        self.plan.several(self.number)
    }
}

/// All that has to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every directory before what it holds.
    entries: Vec<Entry>,
    /// The content of all files, one after the other.
    content: Vec<(DataId, u32)>,
    /// Where entries go, and what is above these places.
    places: Places,
    /// The directories of the item.
    folders: Paths,
    /// Names in the item of entries that get another one, by number.
    renamed: Vec<(u32, OsString)>,
    /// Device and number of files that have several names at their source, by number.
    several: Vec<(u32, (u64, u64))>,
    looks: Looks,
    /// Directories above the restored paths, outermost first, with the metadata to make them with where they are known.
    above: Vec<(PathId, Option<Meta>)>,
    /// What has to be said about owners who are somebody else here.
    pub(super) strangers: Vec<String>,
}

impl Plan {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            content: Vec::new(),
            places: Places::new(),
            folders: Paths::new(),
            renamed: Vec::new(),
            several: Vec::new(),
            looks: Looks::default(),
            above: Vec::new(),
            strangers: Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.entries
            .iter()
            .filter(|entry| entry.action == Action::Write)
            .map(|entry| entry.size)
            .sum()
    }

    /// The numbers of the entries for which this has to be done, in their order.
    pub(super) fn numbers(&self, is: impl Fn(Action) -> bool) -> impl DoubleEndedIterator<Item = u32> {
        let fits = move |number: &u32| self.entry(*number).is_some_and(|entry| is(entry.action));
        (0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).filter(fits)
    }

    /// The entries for which this has to be done, in their order.
    pub(super) fn steps(&self, is: impl Fn(Action) -> bool) -> impl DoubleEndedIterator<Item = Step<'_>> {
        self.numbers(is).filter_map(|number| self.step(number))
    }

    pub(super) fn step(&self, number: u32) -> Option<Step<'_>> {
        let entry = self.entry(number)?;
        Some(Step {
            plan: self,
            number,
            rel: self.places.path(entry.place),
            node: self.looks.node(entry.kind, entry.meta),
            action: entry.action,
            content: self.content(number),
            size: entry.size,
        })
    }

    /// How long an entry's content is, in bytes.
    pub(super) fn size(&self, number: u32) -> u64 {
        self.entry(number).map_or(0, |entry| entry.size)
    }

    /// A file's content with the length of each part, in bytes.
    pub(super) fn content(&self, number: u32) -> &[(DataId, u32)] {
        let end_of = |number| self.entry(number).map(|entry| entry.content_end);
        let start = number.checked_sub(1).and_then(end_of).unwrap_or_default();
        let end = end_of(number).unwrap_or_default();
        self.content.get(start..end).unwrap_or_default()
    }

    /// Where an entry goes, below the target.
    pub(super) fn rel(&self, number: u32) -> Option<PathBuf> {
        self.entry(number).map(|entry| self.places.path(entry.place))
    }

    /// Whether an entry goes to this place below the target, or below it.
    pub(super) fn goes_to(&self, rel: &Path) -> bool {
        self.places.find(rel).is_some()
    }

    /// Directories above the restored paths, outermost first, with the metadata to make them with where they are known.
    pub(super) fn above(&self) -> impl Iterator<Item = (PathBuf, Option<Node>)> {
        self.above.iter().map(|(place, meta)| {
            let node = meta.map(|meta| self.looks.node(Kind::Directory, meta));
            (self.places.path(*place), node)
        })
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(number).ok()?)
    }

    fn logical(&self, number: u32) -> PathBuf {
        let Some(entry) = self.entry(number) else {
            return PathBuf::new();
        };
        let renamed = known(&self.renamed, number).map(OsString::as_os_str);
        let name = renamed.unwrap_or_else(|| self.places.name(entry.place));
        Path::new("/").join(self.folders.path(entry.folder)).join(name)
    }

    fn several(&self, number: u32) -> Option<(u64, u64)> {
        known(&self.several, number).copied()
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
        let nothing = Owners::default();
        let mut gather = Gather::new(blobs, what, what.owners.unwrap_or(&nothing));
        blobs.walk(tree, &mut |path, node| gather.see(path, node))?;
        gather.end()
    }

    fn decide(&mut self, what: &RestoreFiles<'_>, target: &Target) -> Result<(), VaultError> {
        let mut conflicts = Conflicts::default();
        for (rel, _) in self.above() {
            match target.look(&rel)? {
                Some(found) if kind_of(found.st_mode) != FileType::Directory => conflicts.add(target, &rel, &found),
                _ => {}
            }
        }
        let mut links: HashMap<(u64, u64), u32> = HashMap::new();
        let mut names = Names::default();
        // Nothing lies below what is not there.
        let mut absent = vec![false; self.places.count()];
        for number in 0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX) {
            let Some(step) = self.step(number) else { break };
            let place = self.entry(number).map_or(PathId::TOP, |entry| entry.place);
            let is_absent = |above: PathId| absent.get(above.index()).is_some_and(|absent| *absent);
            let below_nothing = self.places.above(place).is_some_and(is_absent);
            let found = if below_nothing { None } else { target.look(&step.rel)? };
            if found.is_none()
                && step.node.is_dir()
                && let Some(absent) = absent.get_mut(place.index())
            {
                *absent = true;
            }
            let identical = match &found {
                Some(found) => is_identical(target, &step, found, what)?,
                None => false,
            };
            if let Some(found) = &found {
                let is_dir = kind_of(found.st_mode) == FileType::Directory;
                let fits = is_dir && step.node.is_dir();
                if !is_dir && found.st_nlink > 1 {
                    names.add(number, found);
                }
                // A directory may hold anything, so nothing else ever takes its place.
                if !fits && !identical && (!what.overwrite || is_dir) {
                    conflicts.add(target, &step.rel, found);
                }
            }
            let first = step.several().and_then(|file| {
                let first = *links.entry(file).or_insert(number);
                (first != number).then_some(first)
            });
            let action = match (&step.node.node_type, first) {
                (NodeType::Dir, _) => Action::Directory,
                (_, Some(first)) => Action::Link(first),
                _ if identical => Action::Keep,
                (NodeType::File, None) => Action::Write,
                _ => Action::Make,
            };
            self.set(number, action);
        }
        self.decide_about_names(&names, target)?;
        conflicts.end()
    }

    /// A name that nobody asked for shows the same file as one that is restored: that one keeps its owner, mode and times.
    fn decide_about_names(&mut self, names: &Names, target: &Target) -> Result<(), VaultError> {
        for number in names.not_all() {
            let Some(step) = self.step(number) else { continue };
            if step.action == Action::Keep
                && step.node.is_file()
                && let Some(found) = target.look(&step.rel)?
                && !target.aspects(&step, &found)?.is_empty()
            {
                self.set(number, Action::Write);
            }
        }
        Ok(())
    }

    fn set(&mut self, number: u32, action: Action) {
        let entry = usize::try_from(number)
            .ok()
            .and_then(|number| self.entries.get_mut(number));
        if let Some(entry) = entry {
            entry.action = action;
        }
    }
}

/// What is known of an entry, in a list that is sorted by number.
fn known<T>(list: &[(u32, T)], number: u32) -> Option<&T> {
    let at = list.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    list.get(at).map(|(_, known)| known)
}

/// Files that are there under several names.
#[derive(Default)]
struct Names {
    /// How many names of each are restored.
    restored: HashMap<(u64, u64), u64>,
    /// By the numbers of entries: the file that is there, and how many names it has.
    there: Vec<(u32, (u64, u64), u64)>,
}

impl Names {
    fn add(&mut self, number: u32, found: &Stat) {
        let file = (found.st_dev, found.st_ino);
        *self.restored.entry(file).or_default() += 1;
        self.there.push((number, file, found.st_nlink));
    }

    /// The entries whose files have names that are not restored.
    fn not_all(&self) -> impl Iterator<Item = u32> {
        let restored = |file| self.restored.get(file).copied().unwrap_or_default();
        let those = self
            .there
            .iter()
            .filter(move |(_, file, names)| restored(file) < *names);
        those.map(|(number, ..)| *number)
    }
}

/// What is in the way: the first of it, and how much more there is.
#[derive(Default)]
struct Conflicts {
    paths: Vec<SourceFault>,
    more: usize,
}

impl Conflicts {
    fn add(&mut self, target: &Target, rel: &Path, found: &Stat) {
        if self.paths.len() < NAMED {
            self.paths.push(conflict(target, rel, found));
        } else {
            self.more += 1;
        }
    }

    fn end(self) -> Result<(), VaultError> {
        match self.paths.is_empty() {
            true => Ok(()),
            false => Err(VaultError::Conflicts {
                paths: self.paths,
                more: self.more,
            }),
        }
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

fn is_identical(target: &Target, step: &Step<'_>, found: &Stat, what: &RestoreFiles<'_>) -> Result<bool, VaultError> {
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
pub(super) fn is_same_thing(target: &Target, step: &Step<'_>, found: &Stat) -> Result<bool, VaultError> {
    Ok(match (&step.node.node_type, kind_of(found.st_mode)) {
        (NodeType::File, FileType::RegularFile) => has_size(step, found) && same_content(target, step)?,
        (link @ NodeType::Symlink { .. }, FileType::Symlink) => target.read_link(&step.rel)? == link.to_link(),
        (NodeType::Fifo, FileType::Fifo) | (NodeType::Dir, FileType::Directory) => true,
        (NodeType::Dev { device }, FileType::BlockDevice)
        | (NodeType::Chardev { device }, FileType::CharacterDevice) => *device == found.st_rdev,
        _ => false,
    })
}

fn has_size(step: &Step<'_>, found: &Stat) -> bool {
    u64::try_from(found.st_size).unwrap_or(0) == step.size
}

fn same_content(target: &Target, step: &Step<'_>) -> Result<bool, VaultError> {
    let mut file = File::from(target.open_to_compare(&step.rel)?);
    for (id, length) in step.content {
        // A blob is named by the hash of its bytes.
        if !id.blob_matches_reader(u64::from(*length), &mut file.by_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
impl Plan {
    /// How many entries it has, and the bytes that it holds for them.
    pub(super) fn held(&self) -> (usize, usize) {
        fn of<T>(list: &[T]) -> usize {
            size_of_val(list)
        }
        // Whoever adds a field is asked what it holds.
        let Self {
            entries,
            content,
            places,
            folders,
            renamed,
            several,
            looks,
            above,
            strangers,
        } = self;
        let lists = of(entries) + of(content) + of(renamed) + of(several) + of(above) + of(strangers);
        (entries.len(), lists + places.held() + folders.held() + looks.held())
    }
}
