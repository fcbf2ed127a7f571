//! Reads the files of a model. A crate of its own, because the compiler's library does no IO
//! and two programs read models.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The path that stands for standard input.
pub const DASH: &str = "-";

/// The path of a file as messages show it, and its text.
pub type ModelFile = (String, String);

/// What messages call the text that was read from standard input.
pub const STANDARD_INPUT: &str = "<standard input>";

/// A model that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("cannot read `{}`: {why}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It is no text.
    #[error("`{}` is not UTF-8 text from byte {byte} on: save it as UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is none.
        byte: usize,
    },
    /// A directory without models.
    #[error("`{}` holds no model: no `*.yaml`, `*.yml` or `*.json` below it", path.display())]
    NoModel {
        /// The directory.
        path: PathBuf,
    },
}

/// Reads files, and the models in directories, in an order that does not depend on the file system. `-` is standard input.
///
/// # Errors
/// The first file that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<ModelFile>, ReadError> {
    find(paths)?.iter().map(|path| read_one(path)).collect()
}

/// The files that paths name: those given, and in the place of a directory the models in it.
///
/// # Errors
/// A directory cannot be read or holds no model.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    for path in paths {
        if path != Path::new(DASH) && path.is_dir() {
            let mut found = Vec::new();
            models(path, &mut found)?;
            if found.is_empty() {
                return Err(ReadError::NoModel { path: path.clone() });
            }
            found.sort();
            files.append(&mut found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Reads one file; `-` is standard input.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn read_one(path: &Path) -> Result<ModelFile, ReadError> {
    let failed = |why| ReadError::File {
        path: path.to_owned(),
        why,
    };
    if path != Path::new(DASH) {
        let bytes = std::fs::read(path).map_err(failed)?;
        return Ok((path.display().to_string(), text(path, bytes)?));
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    Ok((STANDARD_INPUT.to_owned(), text(path, bytes)?))
}

fn models(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let failed = |why| ReadError::File {
        path: directory.to_owned(),
        why,
    };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a file is the file, as in mounted configuration; a link to a directory could lead in a circle.
        let link = entry.file_type().map_err(failed)?.is_symlink();
        let kind = if link {
            std::fs::metadata(&path)
        } else {
            entry.metadata()
        };
        let kind = kind.map_err(|why| ReadError::File {
            path: path.clone(),
            why,
        })?;
        if kind.is_dir() && !link && !hidden {
            models(&path, found)?;
        } else if kind.is_file()
            && !hidden
            && path
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, ReadError> {
    String::from_utf8(bytes).map_err(|why| ReadError::NotText {
        path: path.to_owned(),
        byte: why.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_read_in_the_order_of_names_and_hidden_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["c.yaml", "b/x.yml", "a.json", ".hidden.yaml", "notes.txt"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        std::os::unix::fs::symlink("c.yaml", folder.path().join("link.yaml")).unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("circle")).unwrap();
        let files = read(&[folder.path().to_owned()]).unwrap();
        let names: Vec<&str> = files.iter().map(|(path, _)| path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["a.json", "x.yml", "c.yaml", "link.yaml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.yaml");
        std::fs::write(&path, b"ok\xff").unwrap();
        let error = read(&[path]).unwrap_err().to_string();
        assert!(
            error.ends_with("bad.yaml` is not UTF-8 text from byte 2 on: save it as UTF-8"),
            "{error}"
        );
        let error = read(&[folder.path().join("none.yaml")]).unwrap_err().to_string();
        assert!(error.contains("none.yaml"), "{error}");
        std::fs::remove_file(folder.path().join("bad.yaml")).unwrap();
        let error = read(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("holds no model"), "{error}");
    }
}
