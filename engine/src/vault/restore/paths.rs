//! Many paths in few bytes: each is a name in a folder, and a folder is another path.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path among others, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathId(u32);

impl PathId {
    /// What all others lie below; its path is empty.
    pub(super) const TOP: Self = Self(0);

    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// There are no numbers left.
#[derive(Debug)]
pub(super) struct Full;

/// Paths of normal components, each after the one that it lies in.
#[derive(Debug)]
pub(super) struct Paths {
    above: Vec<PathId>,
    /// Where each name ends in `names`; it begins where the one before it ends.
    ends: Vec<usize>,
    names: Vec<u8>,
}

impl Paths {
    pub(super) fn new() -> Self {
        Self {
            above: vec![PathId::TOP],
            ends: vec![0],
            names: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, above: PathId, name: &OsStr) -> Result<PathId, Full> {
        let id = PathId(u32::try_from(self.above.len()).map_err(|_| Full)?);
        self.names.extend_from_slice(name.as_bytes());
        self.ends.push(self.names.len());
        self.above.push(above);
        Ok(id)
    }

    /// The path that one lies in; of the top none.
    pub(super) fn above(&self, id: PathId) -> Option<PathId> {
        self.above.get(id.index()).copied().filter(|_| id != PathId::TOP)
    }

    pub(super) fn name(&self, id: PathId) -> &OsStr {
        let index = id.index();
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(index).copied().unwrap_or_default();
        OsStr::from_bytes(self.names.get(start.unwrap_or_default()..end).unwrap_or_default())
    }

    /// The whole path, relative to the top.
    pub(super) fn path(&self, id: PathId) -> PathBuf {
        let mut ways = vec![id];
        let mut here = id;
        while let Some(above) = self.above(here) {
            ways.push(above);
            here = above;
        }
        let mut path = PathBuf::new();
        for way in ways.iter().rev().skip(1) {
            path.push(self.name(*way));
        }
        path
    }
}

/// Where entries go below a target: each place once, with the places above it.
#[derive(Debug)]
pub(super) struct Places {
    paths: Paths,
    /// By a hash of folder and name, or by the first free number after it.
    known: HashMap<u32, PathId>,
    hashes: RandomState,
    /// Whether an entry goes there.
    claimed: Vec<bool>,
    /// The folder of the last entry, which most often is that of the next one too.
    last: (PathBuf, PathId),
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            paths: Paths::new(),
            known: HashMap::new(),
            hashes: RandomState::new(),
            claimed: vec![false],
            last: (PathBuf::new(), PathId::TOP),
        }
    }

    /// How many there are, with the top.
    pub(super) fn count(&self) -> usize {
        self.claimed.len()
    }

    pub(super) fn above(&self, id: PathId) -> Option<PathId> {
        self.paths.above(id)
    }

    pub(super) fn name(&self, id: PathId) -> &OsStr {
        self.paths.name(id)
    }

    pub(super) fn path(&self, id: PathId) -> PathBuf {
        self.paths.path(id)
    }

    /// The place of an entry, with those above it; nothing if another entry goes there.
    pub(super) fn claim(&mut self, rel: &Path) -> Result<Option<PathId>, Full> {
        let id = match (rel.parent(), rel.file_name()) {
            (Some(above), Some(name)) => {
                let above = self.folder(above)?;
                self.add(above, name)?
            }
            _ => PathId::TOP,
        };
        let claimed = self
            .claimed
            .get_mut(id.index())
            .map(|claimed| std::mem::replace(claimed, true));
        Ok((claimed == Some(false)).then_some(id))
    }

    /// The place of a path, if an entry goes there or below it.
    pub(super) fn find(&self, rel: &Path) -> Option<PathId> {
        rel.iter()
            .try_fold(PathId::TOP, |above, name| self.search(above, name).ok())
    }

    /// What is above entries and is none itself, without the top.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = PathId> {
        let numbered = (0_u32..).map(PathId).zip(&self.claimed).skip(1);
        numbered.filter(|(_, claimed)| !**claimed).map(|(id, _)| id)
    }

    fn folder(&mut self, path: &Path) -> Result<PathId, Full> {
        if self.last.0 == path {
            return Ok(self.last.1);
        }
        let mut id = PathId::TOP;
        for name in path {
            id = self.add(id, name)?;
        }
        self.last = (path.to_owned(), id);
        Ok(id)
    }

    fn add(&mut self, above: PathId, name: &OsStr) -> Result<PathId, Full> {
        match self.search(above, name) {
            Ok(known) => Ok(known),
            Err(free) => {
                let id = self.paths.push(above, name)?;
                self.known.insert(free, id);
                self.claimed.push(false);
                Ok(id)
            }
        }
    }

    /// What has this name in a folder, or the key under which it can be put.
    fn search(&self, above: PathId, name: &OsStr) -> Result<PathId, u32> {
        let hash = self.hashes.hash_one((above, name)) >> 32;
        let mut key = u32::try_from(hash).unwrap_or_default();
        while let Some(id) = self.known.get(&key) {
            if self.paths.above(*id) == Some(above) && self.paths.name(*id) == name {
                return Ok(*id);
            }
            key = key.wrapping_add(1);
        }
        Err(key)
    }
}

#[cfg(test)]
impl Paths {
    /// The bytes that they hold.
    pub(super) fn held(&self) -> usize {
        self.above.len() * size_of::<PathId>() + self.ends.len() * size_of::<usize>() + self.names.len()
    }
}

#[cfg(test)]
impl Places {
    /// The bytes that they hold.
    pub(super) fn held(&self) -> usize {
        // A table is filled to seven eighths and has a byte of its own for each of its places.
        let table = (self.known.capacity() * 8 / 7) * (size_of::<(u32, PathId)>() + 1);
        self.paths.held() + table + self.claimed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_claimed_once_and_told_whole() {
        let mut places = Places::new();
        let paths = ["a/b/c", "a", "a/b/d", "x", "a/c", ""];
        let ids: Vec<PathId> = paths
            .iter()
            .map(|path| places.claim(Path::new(path)).unwrap().unwrap())
            .collect();
        for (path, id) in paths.iter().zip(&ids) {
            assert_eq!(places.path(*id), Path::new(path));
            assert_eq!(places.find(Path::new(path)), Some(*id));
            assert!(places.claim(Path::new(path)).unwrap().is_none(), "{path}");
        }
        let above: Vec<PathBuf> = places.unclaimed().map(|id| places.path(id)).collect();
        assert_eq!(above, [Path::new("a/b")]);
        for other in ["b", "a/x", "c", "x/a"] {
            assert_eq!(places.find(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn keys_that_collide_lead_to_both() {
        let mut places = Places::new();
        let one = places.claim(Path::new("one")).unwrap();
        // Whatever `two` hashes to has another's place already.
        let key = places.search(PathId::TOP, OsStr::new("two")).unwrap_err();
        places.known.insert(key, one.unwrap());
        let two = places.claim(Path::new("two")).unwrap();
        assert_ne!(one, two);
        assert_eq!(places.find(Path::new("one")), one);
        assert_eq!(places.find(Path::new("two")), two);
    }

    #[test]
    fn names_that_are_no_text_stay_what_they_are() {
        let name = OsStr::from_bytes(b"\xff\xfe");
        let mut paths = Paths::new();
        let folder = paths.push(PathId::TOP, name).unwrap();
        let file = paths.push(folder, OsStr::new("b")).unwrap();
        assert_eq!(paths.path(file), Path::new(name).join("b"));
        assert_eq!(paths.path(PathId::TOP), Path::new(""));
    }
}
