//! What a restore would do, by looking alone: nothing is made, written or set.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rustic_core::repofile::Node;
use rustix::fs::{FileType, Stat};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::beneath::kind_of;
use super::super::error::VaultError;
use super::super::list::tree_id;
use super::super::progress::Cancel;
use super::super::repository::Repository;
use super::metadata::Aspect;
use super::owners::Owners;
use super::plan::{Plan, Step, is_same_thing};
use super::selection::{Selection, Trail};
use super::target::Target;
use super::{RestoreFiles, stop_if};

/// What a restore would do about one entry at its target.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Where it is, or would be.
    #[serde(serialize_with = "shown")]
    #[schemars(with = "String")]
    pub path: PathBuf,
    /// The bytes of the content that would be written there; those that are there for what stays.
    pub bytes: u64,
    /// What would become of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What would become of an entry.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "change", content = "of", rename_all = "kebab-case")]
pub enum Fate {
    /// It is not there, and would be made.
    New,
    /// Its content differs, or what it is.
    Content,
    /// These of its metadata differ, and nothing else.
    Metadata(Vec<Aspect>),
    /// It would not be touched.
    Same,
    /// It is there and in no part of the point that is asked for: it stays, with all that is below it.
    Stays,
    /// It is in the way, and would not be replaced.
    InTheWay,
}

/// JSON is text, and a path may be none: what is not is shown as such.
fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Which of what was asked for a tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// For each pattern whether it matches anything.
    pub patterns: Vec<bool>,
    /// For each rule about users whether it fits anybody.
    pub users: Vec<bool>,
    /// For each rule about groups whether it fits anybody.
    pub groups: Vec<bool>,
    /// Whether anything at all is taken.
    pub is_any: bool,
}

impl Repository {
    /// Looks for what is asked for in an item's tree. Reads no more of it than it needs to know.
    ///
    /// # Errors
    /// If the tree cannot be read.
    pub fn survey(
        &self,
        tree: &str,
        paths: &[PathBuf],
        only: &Selection,
        owners: &Owners,
    ) -> Result<Survey, VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        let mut survey = Survey {
            patterns: vec![false; only.texts().count()],
            users: vec![false; owners.users.len()],
            groups: vec![false; owners.groups.len()],
            is_any: false,
        };
        let mut trail: Trail<bool> = Trail::new();
        blobs.walk(tree_id(tree)?, &mut |path, node| {
            let inside = paths.iter().any(|top| path.starts_with(top));
            let way = inside || paths.iter().any(|top| top.starts_with(path));
            let above = trail.above(path).copied();
            let takes = only.takes(path, node.is_dir(), above);
            if way {
                only.mark(path, node.is_dir(), &mut survey.patterns);
            }
            if inside && takes {
                survey.is_any = true;
                survey.mark_owners(node, owners);
            }
            if survey.is_complete() {
                return Ok(false);
            }
            if node.is_dir() {
                trail.enter(path, takes);
            }
            Ok(way && (takes || only.leads(path)))
        })?;
        Ok(survey)
    }

    /// Tells of each entry what [`Repository::restore_files`] would do at the target, in the order of the tree, and what is
    /// there beside it and stays. Nothing is written anywhere; files of the size that is restored are read.
    ///
    /// # Errors
    /// If the trees or the target cannot be read; if canceled.
    pub fn preview_files(
        &self,
        what: &RestoreFiles<'_>,
        cancel: &Cancel,
        tell: &mut dyn FnMut(Change),
    ) -> Result<Vec<String>, VaultError> {
        let blobs = self.blobs(cancel)?;
        let plan = Plan::gather(&blobs, tree_id(what.tree)?, what)?;
        let target = Target::there(what.target)?;
        let mut look = Preview::new(&plan, target.as_ref(), what);
        for step in plan.steps(|_| true) {
            stop_if(cancel)?;
            look.at(&step, tell)?;
        }
        Ok(plan.strangers)
    }
}

impl Survey {
    fn mark_owners(&mut self, node: &Node, owners: &Owners) {
        let meta = &node.meta;
        let sides = [
            (&mut self.users, &owners.users, meta.uid, &meta.user),
            (&mut self.groups, &owners.groups, meta.gid, &meta.group),
        ];
        for (marks, rules, id, name) in sides {
            for (mark, rule) in marks.iter_mut().zip(rules) {
                *mark = *mark || id.is_some_and(|id| rule.fits(id, name.as_deref()));
            }
        }
    }

    fn is_complete(&self) -> bool {
        let all = |marks: &[bool]| marks.iter().all(|mark| *mark);
        self.is_any && all(&self.patterns) && all(&self.users) && all(&self.groups)
    }
}

struct Preview<'a> {
    target: Option<&'a Target>,
    what: &'a RestoreFiles<'a>,
    plan: &'a Plan,
    /// Where the first name of a file that has several is, by what it was at its source.
    first: HashMap<(u64, u64), PathBuf>,
}

impl<'a> Preview<'a> {
    fn new(plan: &'a Plan, target: Option<&'a Target>, what: &'a RestoreFiles<'a>) -> Self {
        Self {
            target,
            what,
            plan,
            first: HashMap::new(),
        }
    }

    fn at(&mut self, step: &Step<'_>, tell: &mut dyn FnMut(Change)) -> Result<(), VaultError> {
        let found = match self.target {
            Some(target) => target.look(&step.rel)?,
            None => None,
        };
        let fate = match (self.target, &found) {
            (Some(target), Some(found)) => self.fate(target, step, found)?,
            _ => Fate::New,
        };
        let bytes = match fate {
            Fate::New | Fate::Content => step.size,
            _ => 0,
        };
        let path = self.what.target.join(&step.rel);
        tell(Change { path, bytes, fate });
        let is_dir = found.is_some_and(|found| kind_of(found.st_mode) == FileType::Directory);
        match self.target {
            Some(target) if is_dir && step.node.is_dir() => self.beside(target, &step.rel, tell),
            _ => Ok(()),
        }
    }

    fn fate(&mut self, target: &Target, step: &Step<'_>, found: &Stat) -> Result<Fate, VaultError> {
        let is_dir = kind_of(found.st_mode) == FileType::Directory;
        let is_same = is_same_thing(target, step, found)?;
        if is_dir != step.node.is_dir() && (is_dir || !self.what.overwrite) {
            return Ok(Fate::InTheWay);
        }
        if !is_same {
            return Ok(Fate::Content);
        }
        let mut aspects = target.aspects(step, found)?;
        if !self.is_first_or_linked(target, step, found)? {
            aspects.push(Aspect::Names);
        }
        Ok(match aspects.is_empty() {
            true => Fate::Same,
            false => Fate::Metadata(aspects),
        })
    }

    /// Whether a further name of a file is one at the target too.
    fn is_first_or_linked(&mut self, target: &Target, step: &Step<'_>, found: &Stat) -> Result<bool, VaultError> {
        let Some(file) = step.several() else {
            return Ok(true);
        };
        let first = self.first.entry(file).or_insert_with(|| step.rel.clone());
        let first = target.look(first)?;
        Ok(first.is_some_and(|first| (first.st_dev, first.st_ino) == (found.st_dev, found.st_ino)))
    }

    /// Tells what is in a directory and not restored.
    fn beside(&self, target: &Target, rel: &Path, tell: &mut dyn FnMut(Change)) -> Result<(), VaultError> {
        for name in target.entries(rel)? {
            let other = rel.join(&name);
            if self.plan.goes_to(&other) {
                continue;
            }
            // It may have gone since it was listed.
            let Some(found) = target.look(&other)? else { continue };
            let is_file = kind_of(found.st_mode) == FileType::RegularFile;
            tell(Change {
                path: self.what.target.join(&other),
                bytes: u64::try_from(found.st_size).unwrap_or(0) * u64::from(is_file),
                fate: Fate::Stays,
            });
        }
        Ok(())
    }
}
