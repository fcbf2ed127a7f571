//! Data of which every file says which generation it is of, so that a mixture shows.

use std::path::Path;

use crate::chance::Chance;
use crate::error::{Doing as _, Result, claim};
use crate::world;

const LARGE_FILES: u64 = 24;
const LARGE_BYTES: usize = 1 << 20;
const SMALL_FILES: u64 = 200;
const SMALL_BYTES: usize = 100;

fn content(generation: u64, number: u64) -> Vec<u8> {
    let bytes = if number < LARGE_FILES { LARGE_BYTES } else { SMALL_BYTES };
    let mut content = format!("{generation}\n").into_bytes();
    content.extend(Chance::of(generation << 16 | number).noise(bytes));
    content
}

/// Writes all files of a folder anew.
///
/// # Errors
/// The folder cannot be written.
pub fn write(data: &Path, generation: u64) -> Result<()> {
    std::fs::create_dir_all(data).doing(|| format!("make `{}`", data.display()))?;
    for number in 0..LARGE_FILES + SMALL_FILES {
        let file = data.join(format!("file-{number}"));
        std::fs::write(&file, content(generation, number)).doing(|| format!("write `{}`", file.display()))?;
    }
    world::write(&data.join("generation"), &generation.to_string())
}

/// A restored folder holds all files of one generation, byte for byte; tells which one.
///
/// # Errors
/// It does not.
pub fn check(data: &Path) -> Result<u64> {
    let text = world::read(&data.join("generation"))?;
    let generation: u64 = text
        .parse()
        .map_err(std::io::Error::other)
        .doing(|| format!("read generation `{text}`"))?;
    for number in 0..LARGE_FILES + SMALL_FILES {
        let file = data.join(format!("file-{number}"));
        let found = std::fs::read(&file).doing(|| format!("read `{}`", file.display()))?;
        let holds = found == content(generation, number);
        claim(
            format!("`{}` is of generation {generation}", file.display()),
            holds,
            || {
                let first = found.iter().take(20).take_while(|byte| **byte != b'\n');
                first.map(|byte| char::from(*byte)).collect()
            },
        )?;
    }
    Ok(generation)
}
