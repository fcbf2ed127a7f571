//! Labs: the real programs and servers that tests talk to.
//!
//! What is installed or built lies in a user cache folder, under a key of everything that it depends on, and is made
//! once; two processes that want the same thing at the same time wait for each other. A lab that cannot be had is
//! [`Error::Unavailable`] with the reason: in CI that is a failure, elsewhere [`skip`] makes it a test that says so.

pub mod deny;
pub mod go;
pub mod restic;
pub mod system;
pub mod terraform;

mod cache;

pub use cache::{Recipe, root};

use std::io::{Read as _, Write as _};

use crate::error::{Doing as _, Error, Result};

/// Names the file in which skipped tests leave their reason, one line each.
pub const SKIPS: &str = "DRAM_SKIPS";

/// Whether this is a CI run, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// What a test does with a lab that it needs: it has it, or it is skipped with the reason (`None`).
///
/// # Errors
/// The lab fails otherwise than by not being there; in CI, that too.
pub fn skip<T>(test: &str, lab: Result<T>) -> Result<Option<T>> {
    match lab {
        Ok(lab) => Ok(Some(lab)),
        Err(error @ Error::Unavailable { .. }) if !in_ci() => {
            say_skipped(test, &error.to_string())?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Leaves the reason why a test was skipped where the summary finds it, and on the standard error.
///
/// # Errors
/// The file cannot be written.
pub fn say_skipped(test: &str, reason: &str) -> Result<()> {
    let line = format!("skipped: {test}: {}\n", reason.replace('\n', " "));
    eprint!("{line}");
    let Some(path) = std::env::var_os(SKIPS) else {
        return Ok(());
    };
    let append = || {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?
            .write_all(line.as_bytes())
    };
    append().doing(|| "write down that a test was skipped".to_owned())
}

/// Random bytes in hexadecimal, for passwords of tests.
///
/// # Errors
/// The machine has no randomness.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0_u8; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .doing(|| "read random bytes".to_owned())?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
