//! Where a logical path of an application lies at a site: first the plan's mapping, then the site's root before it.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::SiteError;

/// What becomes of a path that no entry of a mapping covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnMissing {
    /// It stays as it is.
    Keep,
    /// It is an error.
    Fail,
}

/// A mapping of paths, applied to whole components, the longest entry first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMappings {
    entries: Vec<(PathBuf, PathBuf)>,
    on_missing: OnMissing,
}

impl PathMappings {
    /// No mapping at all: every path stays as it is.
    pub fn none() -> Self {
        PathMappings {
            entries: Vec::new(),
            on_missing: OnMissing::Keep,
        }
    }

    /// A mapping of `(from, to)`, both logical paths.
    pub fn new(
        entries: impl IntoIterator<Item = (PathBuf, PathBuf)>,
        on_missing: OnMissing,
    ) -> Result<Self, SiteError> {
        let mut checked = Vec::new();
        for (from, to) in entries {
            checked.push((logical(&from)?, logical(&to)?));
        }
        // The entry with the most components is looked at first; equal ones cannot both begin the same path.
        checked.sort_by_key(|(from, _)| std::cmp::Reverse(from.components().count()));
        Ok(PathMappings {
            entries: checked,
            on_missing,
        })
    }

    /// The logical path that stands for `path` at the target.
    pub fn map(&self, path: &Path) -> Result<PathBuf, SiteError> {
        let path = logical(path)?;
        for (from, to) in &self.entries {
            if let Ok(rest) = path.strip_prefix(from) {
                // Joining an empty rest would add a slash.
                return Ok(if rest.as_os_str().is_empty() {
                    to.clone()
                } else {
                    to.join(rest)
                });
            }
        }
        match self.on_missing {
            OnMissing::Keep => Ok(path),
            OnMissing::Fail => Err(SiteError::Unmapped { path }),
        }
    }
}

/// Checks a logical path, and leaves out what says nothing (`//`, `.`, a slash at the end).
pub(super) fn logical(path: &Path) -> Result<PathBuf, SiteError> {
    let refuse = |why| {
        Err(SiteError::Path {
            path: path.to_path_buf(),
            why,
        })
    };
    if !path.is_absolute() {
        return refuse("it is not absolute");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return refuse("it holds `..`");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return refuse("it holds a zero byte");
    }
    Ok(path.components().collect())
}

/// Puts `root` before a logical path.
pub(super) fn below(root: &Path, path: &Path) -> Result<PathBuf, SiteError> {
    let path = logical(path)?;
    let rest: PathBuf = path
        .components()
        .filter(|part| !matches!(part, Component::RootDir))
        .collect();
    Ok(if rest.as_os_str().is_empty() {
        root.to_path_buf()
    } else {
        root.join(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mappings(on_missing: OnMissing) -> PathMappings {
        let entries = [("/srv", "/data"), ("/srv/shop", "/opt/shop"), ("/srv/shop/db", "/db")];
        PathMappings::new(entries.map(|(from, to)| (from.into(), to.into())), on_missing).unwrap()
    }

    #[test]
    fn the_longest_entry_wins_on_whole_components() {
        for (from, to) in [
            ("/srv/shop", "/opt/shop"),
            ("/srv/shop/", "/opt/shop"),
            ("/srv//shop/./up", "/opt/shop/up"),
            ("/srv/shop/db/x", "/db/x"),
            ("/srv/shop/dbx", "/opt/shop/dbx"),
            ("/srv/shopping", "/data/shopping"),
            ("/srvx", "/srvx"),
            ("/", "/"),
        ] {
            let mapped = mappings(OnMissing::Keep).map(Path::new(from)).unwrap();
            assert_eq!(mapped.as_os_str(), to, "{from}");
        }
    }

    #[test]
    fn what_no_entry_covers_fails_where_that_was_asked() {
        let error = mappings(OnMissing::Fail).map(Path::new("/etc/shop")).unwrap_err();
        assert_eq!(error.to_string(), "no mapping names a place for `/etc/shop`");
        assert!(error.help().contains("onMissing"));
        assert_eq!(
            PathMappings::none().map(Path::new("/etc/shop")).unwrap(),
            Path::new("/etc/shop")
        );
    }

    #[test]
    fn no_path_leaves_the_root() {
        for bad in ["srv", "", "/srv/../etc", "/..", "../x", "/srv/.."] {
            assert!(below(Path::new("/office"), Path::new(bad)).is_err(), "{bad}");
            assert!(PathMappings::none().map(Path::new(bad)).is_err(), "{bad}");
            assert!(
                PathMappings::new([("/a".into(), bad.into())], OnMissing::Keep).is_err(),
                "{bad}"
            );
        }
        assert_eq!(
            below(Path::new("/office"), Path::new("/srv/shop")).unwrap().as_os_str(),
            "/office/srv/shop"
        );
        assert_eq!(
            below(Path::new("/office"), Path::new("/")).unwrap().as_os_str(),
            "/office"
        );
        assert_eq!(below(Path::new("/"), Path::new("/srv")).unwrap().as_os_str(), "/srv");
    }
}
