//! Writing artifacts and printing: with `dram-files`, the program's only contact with the world.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the program may do what its library must not"
)]

use dram_compiler::backend::Artifacts;
use dram_files::ReadError;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A file that cannot be read or written.
#[derive(Debug)]
pub(crate) enum FileError {
    Read(ReadError),
    Write(PathBuf, io::Error),
    /// Somebody else wrote it in the meantime.
    Changed(PathBuf),
}

impl From<ReadError> for FileError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(path, why) => write!(f, "cannot write `{}`: {why}", path.display()),
            Self::Changed(path) => write!(
                f,
                "`{}` changed while it was checked, and was left as it is: run the command again",
                path.display()
            ),
        }
    }
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

/// Writes a file that is not there yet.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), FileError> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|why| FileError::Write(path.to_owned(), why))
}

/// Writes a file that is made by programs alone, whatever is there.
pub(crate) fn write_over(path: &Path, text: &str) -> Result<(), FileError> {
    std::fs::write(path, text).map_err(|why| FileError::Write(path.to_owned(), why))
}

/// Whether a path is taken.
pub(crate) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Whether there is somebody to ask.
pub(crate) fn asks() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks: what is answered, and where questions go.
pub(crate) fn with_terminal<T>(ask: impl FnOnce(&mut io::StdinLock<'_>, &mut io::StderrLock<'_>) -> T) -> T {
    ask(&mut io::stdin().lock(), &mut io::stderr().lock())
}

/// Writes another text into a file, which keeps its mode. It is written beside its place and renamed into it; of a link,
/// the file is written that it leads to.
pub(crate) fn replace(path: &Path, before: &str, after: &str) -> Result<(), FileError> {
    let failed = |why| FileError::Write(path.to_owned(), why);
    let real = std::fs::canonicalize(path).map_err(failed)?;
    if std::fs::read(&real).map_err(failed)? != before.as_bytes() {
        return Err(FileError::Changed(path.to_owned()));
    }
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = real.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = put(&beside, &real, after).and_then(|()| std::fs::rename(&beside, &real));
    written.map_err(|why| {
        let _ = std::fs::remove_file(&beside);
        failed(why)
    })
}

/// A new file with the mode of another.
fn put(path: &Path, like: &Path, text: &str) -> io::Result<()> {
    let mode = std::fs::metadata(like)?.permissions();
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.set_permissions(mode)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
