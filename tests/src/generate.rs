//! Files that are made from the programs, so that nobody writes a field's description twice.

use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::error::{Error, Result, claim};
use crate::programs::{Programs, repository};
use crate::world;

/// One generated file, relative to the repository, and its text.
type File = (PathBuf, String);

/// Makes all generated files anew.
///
/// # Errors
/// A program does not print what it should, or a file cannot be written.
pub fn write(programs: &Programs) -> Result<()> {
    for (path, text) in files(programs)? {
        let full = repository().join(&path);
        if world::read(&full).is_ok_and(|current| current == text) {
            println!("current: {}", path.display());
        } else {
            world::write(&full, &text)?;
            println!("written: {}", path.display());
        }
    }
    Ok(())
}

/// Holds the generated files against what they should be.
///
/// # Errors
/// One of them is not current; all such are named.
pub fn check(programs: Option<&Programs>) -> Result<()> {
    let Some(programs) = programs else {
        return Err(Error::Claim {
            claim: "there are programs to generate from".to_owned(),
            found: "none".to_owned(),
        });
    };
    let stale: Vec<String> = files(programs)?
        .into_iter()
        .filter(|(path, text)| !world::read(&repository().join(path)).is_ok_and(|current| current == *text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    claim(
        "generated files are current; `cargo generate` writes them",
        stale.is_empty(),
        || stale.join(", "),
    )
}

fn files(programs: &Programs) -> Result<Vec<File>> {
    let printed = |path: &str, call: Call| Ok((Path::new(path).to_owned(), call.text()?));
    let schema = || programs.dramc().arg("schema");
    Ok(vec![
        printed("docs/reference/dram.schema.json", schema())?,
        printed("docs/reference/language.md", schema().args(["--format", "markdown"]))?,
    ])
}
