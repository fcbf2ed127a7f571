//! `dramc fmt`: files as everybody would write them.

use crate::Exit;
use crate::arguments::Input;
use crate::files::{self, FileError};
use dram_compiler::diagnostic;
use dram_compiler::format::{Untouched, format};
use dram_compiler::source::Sources;
use dram_files::DASH;
use std::path::Path;

/// What becomes of a formatted text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It takes the place of the file's.
    Write,
    /// Files that differ from it are named.
    Check,
    /// It is printed.
    Print,
}

impl Mode {
    /// As the flags say.
    pub(crate) const fn of(check: bool, stdout: bool) -> Self {
        match (check, stdout) {
            (true, _) => Self::Check,
            (_, true) => Self::Print,
            _ => Self::Write,
        }
    }
}

/// Formats all files. One that is broken holds up none of the others.
pub(crate) fn run(input: &Input, mode: Mode, color: bool) -> Result<Exit, FileError> {
    let mut is_well = true;
    for path in dram_files::find(&input.files)? {
        is_well &= one(&path, mode, color)?;
    }
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}

fn one(path: &Path, mode: Mode, color: bool) -> Result<bool, FileError> {
    let (name, text) = dram_files::read_one(path)?;
    let formatted = match format(&text) {
        Ok(formatted) => formatted,
        Err(why) => {
            complain(&name, &text, &why, color);
            // Who pipes a text through gets it back.
            if mode == Mode::Print || (mode == Mode::Write && path == Path::new(DASH)) {
                files::print(&text)?;
            }
            return Ok(false);
        }
    };
    let is_same = formatted == text;
    match mode {
        Mode::Print => files::print(&formatted)?,
        Mode::Write if path == Path::new(DASH) => files::print(&formatted)?,
        _ if is_same => {}
        Mode::Check => {
            files::print(&format!("{name}\n"))?;
            return Ok(false);
        }
        Mode::Write => {
            files::replace(path, &text, &formatted)?;
            files::print(&format!("{name}\n"))?;
        }
    }
    Ok(true)
}

fn complain(name: &str, text: &str, why: &Untouched, color: bool) {
    let why = match why {
        Untouched::Broken(findings) => {
            files::complain(&diagnostic::render(&Sources::one(name, text), findings, color));
            "it is broken"
        }
        Untouched::Changed => {
            "it holds something that this program cannot write again without changing what it says; please report it"
        }
    };
    files::complain(&format!("`{name}` is left as it is: {why}\n"));
}
