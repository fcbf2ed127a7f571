//! What a capture consists of: paths, where they lie, and what is left out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{OFlags, Stat};

use super::super::beneath::Root;
use super::super::error::VaultError;
use super::node::Names;

/// Where something lies on disk: below a directory that stays open.
#[derive(Debug, Clone)]
pub(in super::super) struct Place {
    pub(super) root: Arc<Root>,
    pub(super) rel: PathBuf,
}

impl Place {
    /// The place of a path that the user or a mapping named; links above its last component are the site's own.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let (parent, rel) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => (parent, PathBuf::from(name)),
            _ => (path, PathBuf::new()),
        };
        Ok(Self {
            root: Arc::new(Root::open(parent)?),
            rel,
        })
    }

    pub(super) fn child(&self, name: &OsStr) -> Self {
        Self {
            root: Arc::clone(&self.root),
            rel: self.rel.join(name),
        }
    }

    pub(super) fn open(&self, flags: OFlags) -> io::Result<OwnedFd> {
        self.root.open_at(&self.rel, flags)
    }

    pub(super) fn physical(&self) -> PathBuf {
        self.root.physical(&self.rel)
    }
}

/// What to walk; cheap to walk twice.
#[derive(Debug)]
pub(in super::super) struct Plan {
    root: PathBuf,
    /// Logical paths, sorted, none below another.
    pub(super) paths: Vec<PathBuf>,
    /// Logical paths as they were named, those below another too.
    named: Vec<PathBuf>,
    /// Logical to physical.
    pub(super) mapped: Vec<(PathBuf, PathBuf)>,
    pub(super) excludes: Vec<Arc<Gitignore>>,
    skip: Vec<PathBuf>,
    skip_inodes: HashSet<(u64, u64)>,
    pub(super) names: Names,
}

impl Plan {
    pub(in super::super) fn new(
        root: &Path,
        paths: &[PathBuf],
        mapped: &[(PathBuf, PathBuf)],
        exclude: &[String],
        skip: &[PathBuf],
    ) -> Result<Self, VaultError> {
        let mut sorted: Vec<PathBuf> = paths.to_vec();
        sorted.sort();
        sorted.dedup();
        let mut kept: Vec<PathBuf> = Vec::new();
        for path in sorted {
            let normal = path.is_absolute()
                && path
                    .components()
                    .all(|c| matches!(c, Component::Normal(_) | Component::RootDir));
            if !normal || path.to_str().is_none() {
                return Err(VaultError::BadTarget {
                    path: path.clone(),
                    target: root.to_owned(),
                    reason: "a component's path is absolute, without `..`, and UTF-8".into(),
                });
            }
            // What lies below a captured path is captured with it.
            if !kept.iter().any(|above| path.starts_with(above)) {
                kept.push(path);
            }
        }
        let excludes = kept
            .iter()
            .map(|path| matcher(path, exclude))
            .collect::<Result<_, _>>()?;
        let mut skip_inodes = HashSet::new();
        for path in skip {
            if let Ok(stat) = rustix::fs::stat(path) {
                skip_inodes.insert((stat.st_dev, stat.st_ino));
            }
        }
        Ok(Self {
            root: root.to_owned(),
            paths: kept,
            named: paths.to_vec(),
            mapped: mapped.to_vec(),
            excludes,
            skip: skip.to_vec(),
            skip_inodes,
            names: Names::of_this_machine(),
        })
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Whether somebody named this path, or something below it.
    pub(super) fn leads_to_named(&self, logical: &Path) -> bool {
        let mapped = self.mapped.iter().map(|(from, _)| from);
        self.named.iter().chain(mapped).any(|named| named.starts_with(logical))
    }

    pub(in super::super) fn physical(&self, logical: &Path) -> PathBuf {
        let best = self
            .mapped
            .iter()
            .filter_map(|(from, to)| Some((from, logical.strip_prefix(from).ok()?, to)))
            .max_by_key(|(from, _, _)| from.components().count());
        match best {
            Some((_, rest, to)) if rest.as_os_str().is_empty() => to.clone(),
            Some((_, rest, to)) => to.join(rest),
            None => self.root.join(logical.strip_prefix("/").unwrap_or(logical)),
        }
    }

    pub(super) fn is_skipped(&self, stat: &Stat, place: &Place) -> bool {
        let named = || {
            let name = place.rel.file_name();
            self.skip
                .iter()
                .any(|skipped| name.is_none() || skipped.file_name() == name)
        };
        self.skip_inodes.contains(&(stat.st_dev, stat.st_ino)) || (named() && self.skip.contains(&place.physical()))
    }
}

fn matcher(path: &Path, patterns: &[String]) -> Result<Arc<Gitignore>, VaultError> {
    let mut builder = GitignoreBuilder::new(path);
    // An unclosed `[` would silently exclude nothing.
    builder.allow_unclosed_class(false);
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(|error| VaultError::InvalidPattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            })?;
    }
    builder
        .build()
        .map(Arc::new)
        .map_err(|error| VaultError::InvalidPattern {
            pattern: patterns.join(", "),
            reason: error.to_string(),
        })
}
