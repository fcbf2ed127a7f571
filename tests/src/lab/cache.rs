//! The cache of what labs install and build.

use std::path::{Path, PathBuf};

use crate::error::{Doing as _, Error, Result};

/// How one thing is made: its name, and a text of everything that it depends on.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What it is, for people.
    pub name: String,
    /// Versions, flags, sources: when it changes, the thing is made anew.
    pub depends_on: String,
}

/// The cache's folder: `DRAM_LAB_CACHE`, else below the user's cache folder.
///
/// # Errors
/// No folder is known.
pub fn root() -> Result<PathBuf> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("DRAM_LAB_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|cache| cache.join("dram-lab")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/dram-lab")))
        .ok_or_else(|| Error::Unavailable {
            lab: "the cache of the labs".to_owned(),
            reason: "neither DRAM_LAB_CACHE nor HOME is set".to_owned(),
        })
}

impl Recipe {
    /// A recipe.
    pub fn new(name: impl Into<String>, depends_on: impl Into<String>) -> Recipe {
        Recipe {
            name: name.into(),
            depends_on: depends_on.into(),
        }
    }

    /// The folder in which the thing lies once it is made.
    ///
    /// # Errors
    /// There is no cache.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(root()?.join(format!("{}-{:016x}", self.name, fnv1a(self.depends_on.as_bytes()))))
    }

    /// The thing's folder; made by `make` in a folder beside it if it is not there. Begin or continue: a making that
    /// was killed leaves nothing that passes for the thing.
    ///
    /// # Errors
    /// Those of `make`, and of the disk.
    pub fn made(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.folder()?;
        if folder.is_dir() {
            return Ok(folder);
        }
        let name = folder.display().to_string();
        if let Some(cache) = folder.parent() {
            std::fs::create_dir_all(cache).doing(|| format!("make `{}`", cache.display()))?;
        }
        let lock = std::fs::File::create(format!("{name}.lock")).doing(|| format!("lock `{name}`"))?;
        lock.lock().doing(|| format!("lock `{name}`"))?;
        if folder.is_dir() {
            return Ok(folder);
        }
        let part = PathBuf::from(format!("{name}.part"));
        if part.exists() {
            std::fs::remove_dir_all(&part).doing(|| format!("remove `{}`", part.display()))?;
        }
        std::fs::create_dir_all(&part).doing(|| format!("make `{}`", part.display()))?;
        make(&part)?;
        std::fs::rename(&part, &folder).doing(|| format!("finish `{name}`"))?;
        Ok(folder)
    }
}

/// A hash that is the same for ever, which the standard library's need not be.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_stable_and_follows_the_recipe() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(fnv1a(b"terraform 1.15.5"), fnv1a(b"terraform 1.15.6"));
    }
}
