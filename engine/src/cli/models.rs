//! Reading model files for `dram apply`.

use crate::error::Error;
use dram_compiler::source::Sources;
use std::path::{Path, PathBuf};

/// Reads files, and the models in directories, in an order that does not depend on the file system.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Sources, Error> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut below = Vec::new();
            models(path, &mut below)?;
            below.sort();
            found.extend(below);
        } else {
            found.push(path.clone());
        }
    }
    let mut sources = Sources::new();
    for path in found {
        let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
        sources.add(path.display().to_string(), text);
    }
    Ok(sources)
}

fn models(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in std::fs::read_dir(directory).map_err(|source| failed(directory, source))? {
        let path = entry.map_err(|source| failed(directory, source))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            models(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        what: "read",
        path: path.display().to_string(),
        source,
    }
}
