//! The bytes of a vault as its keeper sees them: listed, read and damaged behind the programs' back.

use std::path::{Path, PathBuf};

use crate::error::{Doing as _, Result, claim};
use crate::s3::Client;

/// The objects of a vault, named by their paths inside.
#[derive(Debug, Clone)]
pub enum Raw {
    /// Files below a directory.
    Directory(PathBuf),
    /// Objects of a bucket below a prefix. RADOS gateway shows a container of Swift as a bucket, too.
    Bucket {
        /// The owner.
        client: Client,
        /// The bucket.
        bucket: String,
        /// What stands before the names, without a slash at its end.
        prefix: String,
    },
}

impl Raw {
    pub(super) fn of_bucket(client: Client, bucket: &str, prefix: &str) -> Raw {
        Raw::Bucket {
            client,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// All objects below a folder, with their sizes in bytes, sorted by name.
    ///
    /// # Errors
    /// The store refuses.
    pub fn list(&self, folder: &str) -> Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        match self {
            Raw::Directory(root) => list_directory(root, &root.join(folder), &mut found)?,
            Raw::Bucket { client, bucket, prefix } => {
                let begin = format!("{prefix}/");
                for version in client.objects(bucket, &format!("{begin}{folder}"))? {
                    let name = version.key.strip_prefix(&begin).unwrap_or(&version.key);
                    found.push((name.to_owned(), version.bytes));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Names and bytes of all objects, one after the other.
    ///
    /// # Errors
    /// The store refuses.
    pub fn all(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for (name, _) in self.list("")? {
            all.extend(name.as_bytes());
            all.extend(self.read(&name)?);
        }
        Ok(all)
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// The store refuses, or has none.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        match self {
            Raw::Directory(root) => {
                let file = root.join(name);
                std::fs::read(&file).doing(|| format!("read `{}`", file.display()))
            }
            Raw::Bucket { client, bucket, prefix } => client.get(bucket, &format!("{prefix}/{name}")),
        }
    }

    /// Replaces an object's bytes.
    ///
    /// # Errors
    /// The store refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self {
            Raw::Directory(root) => {
                let file = root.join(name);
                // Files of a vault may be read-only; their folder is not.
                let _ = std::fs::remove_file(&file);
                std::fs::write(&file, bytes).doing(|| format!("write `{}`", file.display()))
            }
            Raw::Bucket { client, bucket, prefix } => client.put(bucket, &format!("{prefix}/{name}"), bytes),
        }
    }

    /// Removes an object as anybody would who has the right.
    ///
    /// # Errors
    /// The store refuses.
    pub fn remove(&self, name: &str) -> Result<()> {
        match self {
            Raw::Directory(root) => {
                let file = root.join(name);
                std::fs::remove_file(&file).doing(|| format!("remove `{}`", file.display()))
            }
            Raw::Bucket { client, bucket, prefix } => {
                let answer = client.delete(bucket, &format!("{prefix}/{name}"))?;
                claim(format!("`{name}` is removed"), answer.status == 204, || answer.text())
            }
        }
    }
}

fn list_directory(root: &Path, folder: &Path, found: &mut Vec<(String, u64)>) -> Result<()> {
    let doing = || format!("list `{}`", folder.display());
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).doing(doing)? {
        let path = entry.doing(doing)?.path();
        if path.is_dir() {
            list_directory(root, &path, found)?;
        } else {
            let bytes = std::fs::metadata(&path).doing(doing)?.len();
            let name = path.strip_prefix(root).unwrap_or(&path);
            found.push((name.to_string_lossy().into_owned(), bytes));
        }
    }
    Ok(())
}
