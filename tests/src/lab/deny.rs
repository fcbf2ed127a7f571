//! `cargo deny`, which watches licences, duplicates and sources of dependencies.

use std::path::PathBuf;

use super::Recipe;
use super::system::{needed, unhurried};
use crate::call;
use crate::error::Result;
use crate::programs::repository;

const VERSION: &str = "0.20.2";

/// The program: the one on the `PATH`, else built into the cache.
///
/// # Errors
/// It cannot be built here.
pub fn program() -> Result<PathBuf> {
    if let Some(found) = call::on_path("cargo-deny", &call::path()) {
        return Ok(found);
    }
    let made = Recipe::new("cargo-deny", VERSION).made(|folder| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let target = folder.join("target");
        let words = [
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--debug",
            "--root",
        ];
        let call = unhurried(&cargo)
            .args(words)
            .arg(folder)
            .arg("--target-dir")
            .arg(&target);
        needed("cargo-deny", call.dir(repository()))?;
        // The program is all that is wanted; what it was made of takes a gigabyte.
        let _ = std::fs::remove_dir_all(target);
        Ok(())
    })?;
    Ok(made.join("bin/cargo-deny"))
}
