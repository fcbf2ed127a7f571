//! Programs built from Go modules.

use std::path::{Path, PathBuf};

use super::Recipe;
use super::system::{needed, unavailable, unhurried};
use crate::call::{self, Call};
use crate::error::{Doing as _, Result};
use crate::world::write;

/// The oldest Go that builds everything here.
const OLDEST: (u32, u32) = (1, 26);

/// A program of a Go module of somebody else.
#[derive(Debug)]
pub struct Foreign<'a> {
    /// The program's name in the cache, with its version.
    pub name: &'a str,
    /// The package and version that hold its `main`.
    pub package: &'a str,
    /// The version.
    pub version: &'a str,
    /// More lines of the wrapping `go.mod`.
    pub module: &'a str,
    /// The linker's flags.
    pub linker: &'a str,
}

/// Whether there is a Go that is new enough.
///
/// # Errors
/// There is none.
pub fn present(lab: &str) -> Result<()> {
    if call::on_path("go", &call::path()).is_none() {
        return Err(unavailable(lab, "there is no Go; 1.26 or newer would do"));
    }
    let version = needed(
        lab,
        Call::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local"),
    )?
    .stdout_text();
    let mut parts = version
        .trim()
        .trim_start_matches("go")
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let found = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if found < OLDEST {
        return Err(unavailable(
            lab,
            format!("Go is {}, and 1.26 is needed", version.trim()),
        ));
    }
    Ok(())
}

impl Foreign<'_> {
    /// The program, built at the lowest priority if it is not in the cache.
    ///
    /// # Errors
    /// There is no Go, the module cannot be had, or it does not build.
    pub fn program(&self) -> Result<PathBuf> {
        let made = self.recipe().made(|folder| {
            present(self.name)?;
            let source = folder.join("source");
            write(&source.join("go.mod"), &self.module_file())?;
            let package = format!("{}@{}", self.package, self.version);
            needed(self.name, go(&source)?.args(["get", "-tool", &package]))?;
            let program = folder.join(self.name);
            let build = go(&source)?.args(["build", "-trimpath", "-ldflags", self.linker, "-o"]);
            needed(self.name, build.arg(program).arg(self.package))?;
            std::fs::remove_dir_all(&source).doing(|| format!("remove `{}`", source.display()))
        })?;
        Ok(made.join(self.name))
    }

    /// Whether the program is in the cache already.
    pub fn is_made(&self) -> bool {
        self.recipe().folder().is_ok_and(|folder| folder.is_dir())
    }

    fn recipe(&self) -> Recipe {
        Recipe::new(
            self.name,
            format!("{} {} {} {}", self.package, self.version, self.module, self.linker),
        )
    }

    fn module_file(&self) -> String {
        format!("module lab/{}\n\ngo 1.26.0\n\n{}", self.name, self.module)
    }
}

/// A program of ours in Go, in a folder of its sources with a `go.mod` that names direct requirements; built into the cache.
///
/// # Errors
/// There is no Go, a module cannot be had, or it does not build.
pub fn ours(name: &str, sources: &Path) -> Result<PathBuf> {
    let mut text = String::new();
    for file in ["go.mod", "main.go"] {
        text.push_str(&crate::world::read(&sources.join(file))?);
    }
    let made = Recipe::new(name, text).made(|folder| {
        present(name)?;
        let source = folder.join("source");
        for file in ["go.mod", "main.go"] {
            write(&source.join(file), &crate::world::read(&sources.join(file))?)?;
        }
        needed(name, go(&source)?.args(["mod", "tidy"]))?;
        let program = folder.join(name);
        let build = go(&source)?.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]);
        needed(name, build.arg(program).arg("."))?;
        std::fs::remove_dir_all(&source).doing(|| format!("remove `{}`", source.display()))
    })?;
    Ok(made.join(name))
}

/// Removes what was only needed while building, which takes gigabytes. Fine while nothing builds.
///
/// # Errors
/// It cannot be removed.
pub fn tidy_up() -> Result<()> {
    let folder = leftovers()?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder).doing(|| format!("remove `{}`", folder.display()))?;
    }
    Ok(())
}

/// Sources of modules and compiled packages, shared by the builds and apart from the user's own.
fn leftovers() -> Result<PathBuf> {
    Ok(super::root()?.join("go"))
}

/// Go, unhurried, with the toolchain that is there and without C.
fn go(dir: &Path) -> Result<Call> {
    let leftovers = leftovers()?;
    let call = unhurried("go").dir(dir).env("GOFLAGS", "-buildvcs=false -modcacherw");
    let call = call
        .env("GOMODCACHE", leftovers.join("modules"))
        .env("GOCACHE", leftovers.join("packages"));
    Ok(call.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0"))
}
