//! Runs `cargo test`, shows what matters, keeps the rest.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use super::counts::Counts;
use crate::call::Call;
use crate::error::{Doing as _, Result};

/// The folder that keeps what the steps print.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
}

impl Log {
    /// An empty one; that of the run before goes.
    pub(super) fn new() -> Result<Log> {
        let folder = super::run_folder()?;
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).doing(|| format!("make `{}`", folder.display()))?;
        Ok(Log { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        crate::world::write(&self.folder.join(name).with_extension("log"), text)
    }

    /// Adds to what a step said.
    pub(super) fn append(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name).with_extension("log");
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{text}"))
            .doing(|| format!("write `{}`", path.display()))
    }
}

/// What the streams of tests have said so far.
#[derive(Default)]
struct Heard {
    counts: Counts,
    /// Binaries that cargo calls failed, less those that counted a failed test: they died, and said no result.
    died: i64,
    log: Option<std::fs::File>,
    in_failures: bool,
}

/// The counted tests of what a binary said, and the lines of it that belong on the terminal.
pub(super) fn told(text: &str) -> (Counts, Vec<&str>) {
    let mut heard = Heard::default();
    let lines = text.lines().filter(|line| heard.tells(line)).collect();
    (heard.counts, lines)
}

/// The counted tests, and whether cargo itself was content.
pub(super) fn cargo_test(log: &Log, name: &str, call: Call) -> Result<(Counts, bool)> {
    let line = call.line();
    let path = log.folder.join(name).with_extension("log");
    let file = std::fs::File::create(&path).doing(|| format!("write `{}`", path.display()))?;
    let heard = Mutex::new(Heard {
        log: Some(file),
        ..Heard::default()
    });
    let mut command = call.into_command();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.doing(|| format!("start `{line}`"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| listen(err, &heard));
        listen(out, &heard);
    });
    let status = child.wait().doing(|| format!("wait for `{line}`"))?;
    let heard = heard.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut counts = heard.counts;
    counts.failed += u64::try_from(heard.died).unwrap_or_default();
    Ok((counts, status.success()))
}

fn listen(stream: Option<impl Read>, heard: &Mutex<Heard>) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        let mut heard = heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The log is a convenience: a full disk shows itself elsewhere.
        let _ = heard.log.as_mut().map(|log| writeln!(log, "{line}"));
        if heard.tells(&line) {
            println!("    {line}");
        }
    }
}

impl Heard {
    /// Whether a line belongs on the terminal: which binary runs, its result, failures in full, errors of the compiler.
    fn tells(&mut self, line: &str) -> bool {
        if let Some(counts) = Counts::from_test_result(line) {
            self.counts.add(&counts);
            self.died -= i64::from(counts.failed > 0);
            self.in_failures = false;
            return counts != Counts::default();
        }
        let failed = ["error: test failed, to rerun", "error: doctest failed, to rerun"];
        let failed = failed.iter().any(|words| line.starts_with(words));
        self.died += i64::from(failed);
        // Cargo's own closing words name what failed once more; an error of the compiler is shown to its end.
        let closing = failed || line.contains("target failed") || line.contains("targets failed");
        self.in_failures |= line == "failures:" || (line.starts_with("error") && !closing);
        let begins = ["Running ", "Doc-tests ", "process didn't exit successfully"]
            .iter()
            .any(|word| line.trim_start().starts_with(word));
        begins || self.in_failures || line.ends_with("... FAILED")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: (u64, u64), content: bool) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log {
            folder: folder.path().to_owned(),
        };
        let (counts, succeeded) = cargo_test(&log, "test", Call::new("sh").args(["-c", script])).unwrap();
        assert_eq!((counts.passed, counts.failed), expected, "{script}");
        assert_eq!(succeeded, content, "{script}");
    }

    #[test]
    fn a_binary_that_dies_is_a_failure_beside_tests_that_fail() {
        let passes = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'";
        let fails = "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out'; \
                     echo 'error: test failed, to rerun pass `-p a --test b`' >&2";
        let dies = "echo 'error: test failed, to rerun pass `-p a --lib`' >&2";
        check(passes, (2, 0), true);
        check(&format!("{passes}; {fails}; exit 101"), (3, 2), false);
        check(&format!("{fails}; {dies}; {passes}; exit 101"), (3, 3), false);
        check(&format!("{dies}; exit 101"), (0, 1), false);
    }
}
