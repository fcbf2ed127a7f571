//! The stock `restic` programs: witnesses that a vault can be read without us.

use std::path::PathBuf;

use super::go::Foreign;
use super::system;
use crate::call::{self, Call};
use crate::error::{Error, Result};

const NEWEST: Foreign<'static> = Foreign {
    name: "restic-0.18.1",
    package: "github.com/restic/restic/cmd/restic",
    version: "v0.18.1",
    module: "",
    linker: "-s -w",
};

/// A stock restic.
#[derive(Debug, Clone)]
pub struct Restic {
    program: PathBuf,
    /// Its version, as it says itself.
    pub version: String,
}

/// The `restic` on the `PATH`, whichever that is.
pub fn on_path() -> Option<Restic> {
    call::on_path("restic", &call::path()).and_then(|program| Restic::at(program).ok())
}

/// Debian's restic, installed if need be.
///
/// # Errors
/// It cannot be installed here.
pub fn debian() -> Result<Restic> {
    Restic::at(system::debian("Debian's restic", "restic", "restic")?)
}

/// The newest restic that can be had as a Go module, built if need be.
///
/// # Errors
/// There is no Go, or it does not build.
pub fn newest() -> Result<Restic> {
    Restic::at(NEWEST.program()?)
}

/// One of them, the newest that can be had.
///
/// # Errors
/// Neither can be had here.
pub fn any() -> Result<Restic> {
    match newest() {
        Err(Error::Unavailable { .. }) => debian(),
        found => found,
    }
}

impl Restic {
    fn at(program: PathBuf) -> Result<Restic> {
        let said = system::needed("restic", Call::new(&program).arg("version"))?.stdout_text();
        let version = said.split_whitespace().nth(1).unwrap_or_default().to_owned();
        Ok(Restic { program, version })
    }

    /// Its file.
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// A call on a repository, without a cache of its own and without locks that outlive it.
    pub fn call(&self, repository: impl AsRef<std::ffi::OsStr>, password_file: &std::path::Path) -> Call {
        let call = Call::new(&self.program).arg("--no-cache").arg("--repo").arg(repository);
        call.arg("--password-file")
            .arg(password_file)
            .without_env("RESTIC_REPOSITORY")
            .without_env("RESTIC_PASSWORD")
    }
}
