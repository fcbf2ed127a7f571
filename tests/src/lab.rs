//! Labs: the real programs and servers that tests talk to.
//!
//! What is installed or built lies in a user cache folder, under a key of everything that it depends on, and is made
//! once; two processes that want the same thing at the same time wait for each other. A lab that cannot be had is
//! [`Error::Unavailable`] with the reason: in CI that is a failure, elsewhere [`skip`] makes it a test that says so.

pub mod clock;
pub mod daemon;
pub mod deny;
pub mod etcd;
pub mod go;
pub mod mariadb;
pub mod node;
pub mod redis;
pub mod restic;
pub mod store;
pub mod system;
pub mod terraform;

mod cache;

pub use cache::{Recipe, root};
pub use dram_skips::in_ci;

use std::io::Read as _;

use crate::error::{Doing as _, Error, Result};

/// What a test does with a lab that it needs: it has it, or it is skipped with the reason (`None`).
///
/// # Errors
/// The lab fails otherwise than by not being there; in CI, that too.
pub fn skip<T>(test: &str, lab: Result<T>) -> Result<Option<T>> {
    let reason = match had(lab, in_ci())? {
        Ok(lab) => return Ok(Some(lab)),
        Err(reason) => reason,
    };
    dram_skips::skip_test(test, &reason).doing(|| format!("write down that {test} is skipped"))?;
    Ok(None)
}

/// The lab, or why a test may do without it; `in_ci` it may not.
fn had<T>(lab: Result<T>, in_ci: bool) -> Result<Result<T, String>> {
    match lab {
        Ok(lab) => Ok(Ok(lab)),
        Err(error @ Error::Unavailable { .. }) if !in_ci => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Tells what a test that goes on had to leave out, because this machine cannot hold it.
///
/// # Errors
/// The summary's file cannot be written.
pub fn say_not_tried(test: &str, what: &str) -> Result<()> {
    dram_skips::tell(&format!("not tried: {test}: {what}")).doing(|| format!("write down what {test} left out"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_is_not_there_is_a_reason_for_a_user_and_a_failure_in_ci() {
        let absent = || Err::<(), _>(system::unavailable("OpenTofu", "there is no Go"));
        assert_eq!(
            had(absent(), false).unwrap().unwrap_err(),
            "OpenTofu cannot be had here: there is no Go"
        );
        assert!(matches!(had(absent(), true), Err(Error::Unavailable { .. })));
        assert_eq!(had(Ok(1), true).unwrap(), Ok(1));
        assert!(
            had(Err::<(), _>(Error::Interrupted), false).is_err(),
            "any other failure is one everywhere"
        );
    }
}
