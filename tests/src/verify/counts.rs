//! How many passed, failed, were skipped.

use std::fmt;
use std::path::Path;

use dram_skips::SKIPPED;

use crate::error::{Doing as _, Result};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Counts {
    pub(super) fn add(&mut self, other: &Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Reads a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(super) fn from_test_result(line: &str) -> Option<Counts> {
        let facts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let number = |word: &str| {
            let fact = facts.split("; ").find_map(|fact| fact.trim().strip_suffix(word))?;
            fact.trim().parse::<u64>().ok()
        };
        Some(Counts {
            passed: number("passed")?,
            failed: number("failed")?,
            skipped: number("ignored")?,
        })
    }

    /// Moves tests that left a reason for being skipped from the passed ones, as which the test runner sees them, and
    /// gives the reasons, and what other tests left out.
    pub(super) fn take_skips(&mut self, file: &Path) -> Result<Vec<String>> {
        if !file.exists() {
            return Ok(Vec::new());
        }
        let text = std::fs::read_to_string(file).doing(|| format!("read `{}`", file.display()))?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let skipped = lines.iter().filter(|line| line.starts_with(SKIPPED)).count() as u64;
        self.skipped += skipped;
        self.passed = self.passed.saturating_sub(skipped);
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u64, u64, u64)>) {
        let expected = expected.map(|(passed, failed, skipped)| Counts {
            passed,
            failed,
            skipped,
        });
        assert_eq!(Counts::from_test_result(line), expected);
    }

    #[test]
    fn the_runner_s_own_summary_is_read() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.08s",
            Some((12, 0, 1)),
        );
        check(
            "test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            Some((0, 2, 0)),
        );
        check("test a::b ... ok", None);
        check("test result: ok. nonsense", None);
    }

    #[test]
    fn a_skipped_test_did_not_pass() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("skips");
        std::fs::write(&file, "skipped: a: no Go\nnot tried: c: owners\nskipped: b: no root\n").unwrap();
        let mut counts = Counts {
            passed: 5,
            failed: 1,
            skipped: 1,
        };
        assert_eq!(counts.take_skips(&file).unwrap().len(), 3);
        assert_eq!(counts.to_string(), "3 passed, 1 failed, 3 skipped");
    }
}
