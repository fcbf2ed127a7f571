//! Files that are made from the programs, so that nobody writes a field's description twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::call::Call;
use crate::error::{Doing as _, Error, Result, claim};
use crate::programs::{Programs, repository};
use crate::world;

/// Folder of the provider's pages that holds nothing but generated ones.
const PAGES: &str = "docs/resources";

/// Folder of the pages of the compiler's codes, all of them generated.
const DIAGNOSTICS: &str = "docs/diagnostics";

/// Folder of the manual pages, all of them generated.
const MANUAL: &str = "packaging/man";

/// Generated files with their text, by their path in the repository.
type Files = BTreeMap<PathBuf, String>;

/// Makes all generated files anew, and removes pages of resources that are no more.
///
/// # Errors
/// A program does not print what it should, or a file cannot be written or removed.
pub fn write(programs: &Programs) -> Result<()> {
    let files = files(programs)?;
    for (path, text) in &files {
        let full = repository().join(path);
        if world::read(&full).is_ok_and(|current| current == *text) {
            println!("current: {}", path.display());
        } else {
            world::write(&full, text)?;
            println!("written: {}", path.display());
        }
    }
    for path in left_over(repository(), &files)? {
        std::fs::remove_file(repository().join(&path)).doing(|| format!("remove `{}`", path.display()))?;
        println!("removed: {}", path.display());
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
    let files = files(programs)?;
    let mut stale = left_over(repository(), &files)?;
    let differs = |path: &Path, text: &str| !world::read(&repository().join(path)).is_ok_and(|current| current == text);
    stale.extend(
        files
            .into_iter()
            .filter(|(path, text)| differs(path, text))
            .map(|(path, _)| path),
    );
    claim(
        "generated files are current; `cargo generate` writes them",
        stale.is_empty(),
        || {
            let names: Vec<String> = stale.iter().map(|path| path.display().to_string()).collect();
            names.join(", ")
        },
    )
}

fn files(programs: &Programs) -> Result<Files> {
    let printed = |path: &str, call: Call| Ok((PathBuf::from(path), call.text()?));
    let schema = || programs.dramc().arg("schema");
    let mut files = Files::from([
        printed("docs/reference/dram.schema.json", schema())?,
        printed("docs/reference/dram-output.schema.json", programs.dram().arg("schema"))?,
        printed(
            "docs/reference/dramc-findings.schema.json",
            schema().args(["--of", "findings"]),
        )?,
        printed(
            "docs/reference/built-in-profiles.md",
            programs.dramc().args(["profiles", "--format", "markdown"]),
        )?,
        printed("docs/language.md", schema().args(["--format", "markdown"]))?,
    ]);
    files.extend(pages_of_codes(programs)?);
    files.extend(provider_pages(programs)?);
    files.extend(manual_pages(programs)?);
    Ok(files)
}

/// The compiler prints a page for each of its codes, and a list of them.
fn pages_of_codes(programs: &Programs) -> Result<Files> {
    let explain = || programs.dramc().arg("explain");
    let markdown = ["--format", "markdown"];
    let path = |name: &str| Path::new(DIAGNOSTICS).join(format!("{name}.md"));
    let mut files = Files::from([(path("README"), explain().args(markdown).text()?)]);
    for line in explain().text()?.lines() {
        let code = line.split(' ').next().unwrap_or_default();
        files.insert(path(code), explain().arg(code).args(markdown).text()?);
    }
    Ok(files)
}

/// The programs write their manual pages, one for each command.
fn manual_pages(programs: &Programs) -> Result<Files> {
    let written = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    for call in [programs.dramc(), programs.dram()] {
        // What the environment says would stand in the pages as what it says by default.
        call.arg("man")
            .arg(written.path())
            .without_env("DRAM_CATALOG")
            .without_env("DRAM_TENANT")
            .without_env("DRAM_LOG")
            .ok()?;
    }
    let pages = files_below(written.path(), Path::new(""))?;
    let pages = pages.into_iter();
    let kept = |page: PathBuf| Ok((Path::new(MANUAL).join(&page), world::read(&written.path().join(page))?));
    pages.map(kept).collect()
}

/// The provider writes its pages beside the examples that it shows in them, so it gets a project of its own with a copy.
fn provider_pages(programs: &Programs) -> Result<Files> {
    let project = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let root = repository();
    for example in files_below(root, Path::new("examples"))? {
        world::write(&project.path().join(&example), &world::read(&root.join(&example))?)?;
    }
    Call::new(programs.provider()).arg("docs").arg(project.path()).ok()?;
    let pages = files_below(project.path(), Path::new("docs"))?;
    claim(
        "the provider writes a page for itself and one for each resource",
        pages.len() > 1,
        || format!("{pages:?}"),
    )?;
    pages
        .into_iter()
        .map(|page| Ok((page.clone(), world::read(&project.path().join(page))?)))
        .collect()
}

/// Pages that stand where only generated ones do, and that nothing generates any more.
fn left_over(root: &Path, files: &Files) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [PAGES, MANUAL, DIAGNOSTICS].map(Path::new) {
        if root.join(folder).is_dir() {
            found.extend(files_below(root, folder)?);
        }
    }
    found.retain(|page| !files.contains_key(page));
    Ok(found)
}

/// All files below a folder of a root, by their path below the root.
fn files_below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let listing = || format!("list `{}`", root.join(&folder).display());
        for entry in std::fs::read_dir(root.join(&folder)).doing(listing)? {
            let entry = entry.doing(listing)?;
            let path = folder.join(entry.file_name());
            if entry.file_type().doing(listing)?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_nothing_generates_is_left_over() {
        let root = tempfile::tempdir().unwrap();
        let page = |name: &str| PathBuf::from(PAGES).join(name);
        let files = Files::from([(page("vault.md"), String::new())]);
        assert_eq!(left_over(root.path(), &files).unwrap(), Vec::<PathBuf>::new());
        for name in ["vault.md", "gone.md"] {
            world::write(&root.path().join(page(name)), "").unwrap();
        }
        world::write(&root.path().join("docs/by-hand.md"), "").unwrap();
        assert_eq!(left_over(root.path(), &files).unwrap(), [page("gone.md")]);
    }
}
