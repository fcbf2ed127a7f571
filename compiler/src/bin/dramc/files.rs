//! Reading models and writing artifacts: the program's only contact with files.
#![expect(clippy::disallowed_methods, reason = "the program may do what its library must not")]

use dram_compiler::backend::Artifacts;
use dram_compiler::source::Sources;
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// A file that cannot be read or written.
#[derive(Debug)]
pub(crate) enum FileError {
    Read(PathBuf, io::Error),
    Write(PathBuf, io::Error),
    NotText(PathBuf, usize),
    NoModel(PathBuf),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, why) => write!(f, "cannot read `{}`: {why}", path.display()),
            Self::Write(path, why) => write!(f, "cannot write `{}`: {why}", path.display()),
            Self::NotText(path, byte) => {
                write!(
                    f,
                    "`{}` is not UTF-8 text from byte {byte} on: save it as UTF-8",
                    path.display()
                )
            }
            Self::NoModel(path) => {
                write!(
                    f,
                    "`{}` holds no model: no `*.yaml`, `*.yml` or `*.json` below it",
                    path.display()
                )
            }
        }
    }
}

/// Reads files, and the models in directories, in an order that does not depend on the file system.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Sources, FileError> {
    let mut sources = Sources::new();
    for path in paths {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|why| FileError::Read(path.clone(), why))?;
            sources.add("<standard input>", text(path, bytes)?);
        } else if path.is_dir() {
            let mut found = Vec::new();
            models(path, &mut found)?;
            if found.is_empty() {
                return Err(FileError::NoModel(path.clone()));
            }
            found.sort();
            for path in found {
                add(&mut sources, &path)?;
            }
        } else {
            add(&mut sources, path)?;
        }
    }
    Ok(sources)
}

fn models(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let failed = |why| FileError::Read(directory.to_owned(), why);
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
        let kind = kind.map_err(|why| FileError::Read(path.clone(), why))?;
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

fn add(sources: &mut Sources, path: &Path) -> Result<(), FileError> {
    let bytes = std::fs::read(path).map_err(|why| FileError::Read(path.to_owned(), why))?;
    sources.add(path.display().to_string(), text(path, bytes)?);
    Ok(())
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|why| FileError::NotText(path.to_owned(), why.utf8_error().valid_up_to()))
}

/// Writes artifacts below a directory. Each file is written beside its place and renamed into it, so that nobody ever
/// reads half of one.
pub(crate) fn write(directory: &Path, artifacts: &Artifacts) -> Result<(), FileError> {
    std::fs::create_dir_all(directory).map_err(|why| FileError::Write(directory.to_owned(), why))?;
    for (name, text) in artifacts {
        let path = directory.join(name);
        let beside = directory.join(format!(".{name}.{}", std::process::id()));
        let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &path));
        if let Err(why) = written {
            let _ = std::fs::remove_file(&beside);
            return Err(FileError::Write(path, why));
        }
    }
    Ok(())
}

/// Prints to standard output. A reader that went away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Result<(), FileError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            Err(FileError::Write(PathBuf::from("<standard output>"), why))
        }
        _ => Ok(()),
    }
}

/// Whether standard error is a terminal whose user wants colours (<https://no-color.org>).
pub(crate) fn shows_color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal()
}

/// Prints to standard error. Where nobody can read it, the exit code still tells.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
