//! Tests that cannot do their work on a machine say so in one way, for all crates: a line with the test's name and the
//! reason on the standard error and in the file that [`SKIPS`] names, where the summary of a whole run finds it. The test
//! runner itself takes such a test for one that passed.
//!
//! In CI nothing is skipped: there the test fails.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

/// Names the file in which tests leave what they did not do and why, one line each.
pub const SKIPS: &str = "DRAM_SKIPS";
/// Set, and not to `0`, when no lab may be missing: whoever needs one that is not there fails.
pub const REQUIRED: &str = "DRAM_LAB_REQUIRED";
/// How the line of a test begins that did nothing, or not all.
pub const SKIPPED: &str = "skipped: ";

/// Whether tests may not do without a lab.
#[must_use]
pub fn required() -> bool {
    is_set(REQUIRED, &["0"])
}

/// Whether this is a CI run, where nothing may be skipped; [`REQUIRED`] makes any run one.
#[must_use]
pub fn in_ci() -> bool {
    required() || is_set("CI", &["0", "false"])
}

fn is_set(name: &str, unset: &[&str]) -> bool {
    let value = std::env::var_os(name).unwrap_or_default();
    !value.is_empty() && unset.iter().all(|no| value != *no)
}

/// Says that the test at work does nothing, or not all, because a lab is not there; its name is its thread's.
///
/// # Panics
/// In CI, and if the summary's file cannot be written.
pub fn skip(reason: &str) {
    assert!(!in_ci(), "this test may not be skipped in CI: {reason}");
    skip_even_in_ci(reason);
}

/// The same, where the machine itself is the reason: no lab would help.
///
/// # Panics
/// If the summary's file cannot be written.
pub fn skip_even_in_ci(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let told = skip_test(test, reason);
    assert!(told.is_ok(), "cannot write down that {test} is skipped: {told:?}");
}

/// What a variable of the environment says of a lab; nothing, with the test skipped, where there is no lab.
///
/// # Panics
/// As [`skip`] does.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        skip(&format!("{name} is not set"));
    }
    value
}

/// Says that a test of this name does nothing, or not all. Said once for each test, because the summary counts the lines.
///
/// # Errors
/// The summary's file cannot be written.
pub fn skip_test(test: &str, reason: &str) -> io::Result<()> {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // Where tests come one after the other, all of them are the main thread.
    let thread = std::thread::current();
    let is_new = match thread.name() {
        None | Some("main") => true,
        Some(name) => SAID
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned()),
    };
    if is_new {
        tell(&format!("{SKIPPED}{test}: {reason}"))
    } else {
        Ok(())
    }
}

/// Leaves a line where the summary finds it, and on the standard error.
///
/// # Errors
/// The summary's file cannot be written.
pub fn tell(line: &str) -> io::Result<()> {
    let line = line.replace('\n', " ") + "\n";
    // Not by `eprint!`, which the test runner keeps to itself when the test passes.
    io::stderr().write_all(line.as_bytes())?;
    let Some(path) = std::env::var_os(SKIPS) else {
        return Ok(());
    };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Does something only when the test below calls it, in a process whose environment is given.
    #[test]
    fn child() {
        if std::env::var_os("DRAM_SKIPS_CHILD").is_some() {
            let _ = variable("DRAM_LAB_OF_NOBODY");
            skip("a second reason");
        }
    }

    fn run(file: &std::path::Path, variables: &[(&str, &str)]) -> (bool, String) {
        let done = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::child"])
            .env("DRAM_SKIPS_CHILD", "1")
            .env(SKIPS, file)
            .env_remove("CI")
            .env_remove(REQUIRED)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = std::fs::read_to_string(file).unwrap_or_default();
        let _ = std::fs::remove_file(file);
        (done.status.success(), said)
    }

    #[test]
    fn a_skipped_test_leaves_one_line_with_its_name_and_fails_where_nothing_may_be_skipped() {
        let file = std::env::temp_dir().join(format!("dram-skips-{}", std::process::id()));
        let line = "skipped: tests::child: DRAM_LAB_OF_NOBODY is not set\n";
        assert_eq!(run(&file, &[]), (true, line.to_owned()));
        assert_eq!(run(&file, &[(REQUIRED, "0"), ("CI", "false")]), (true, line.to_owned()));
        assert_eq!(run(&file, &[("CI", "true")]), (false, String::new()));
        assert_eq!(run(&file, &[(REQUIRED, "1")]), (false, String::new()));
        assert_eq!(
            run(&file, &[("DRAM_LAB_OF_NOBODY", "here")]).1,
            "skipped: tests::child: a second reason\n"
        );
    }
}
