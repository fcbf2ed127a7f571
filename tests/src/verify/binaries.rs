//! The binaries of all tests, several at a time: most of them wait for servers, disks and deadlines more than they compute.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::counts::Counts;
use super::run::{Log, told};
use crate::call::Call;
use crate::error::{Doing as _, Result};
use crate::programs::cargo;

/// What takes longest begins first, so that nothing long is left for the end.
const LONGEST_FIRST: [&str; 12] = [
    "crashes",
    "storms",
    "nothing_is_silent",
    "secrets",
    "kills",
    "comebacks",
    "runs",
    "leaves",
    "adopted",
    "bad_days",
    "errors",
    "dram_engine",
];
/// What measures memory, and a million files, has the machine for itself.
const ALONE: [&str; 1] = ["large"];
/// What is about file systems and devices has those of a disk; all others have one in memory, where there is room.
const ON_DISK: [&str; 5] = ["errors", "fidelity", "large", "runs", "torture"];
/// Temporary folders in memory wait for no disk.
const MEMORY: &str = "/dev/shm";
/// So many bytes must be free there.
const ROOM: u64 = 6 << 30;

/// A compiled binary of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    file: PathBuf,
    /// The name of its target.
    target: String,
    package: String,
    manifest: PathBuf,
}

/// Runs the binaries of the workspace's tests, and then the examples of its documentation. The counted tests, and whether all
/// that should run did.
///
/// # Errors
/// Cargo or a binary cannot be started, or the log cannot be written.
pub(super) fn run(log: &Log, name: &str, environment: &[(&str, &OsStr)]) -> Result<(Counts, bool)> {
    let build = cargo().args([
        "test",
        "--workspace",
        "--locked",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let built = in_environment(build, environment).run()?;
    if !built.status.success() {
        println!("{}", String::from_utf8_lossy(&built.stderr));
        return Ok((Counts::default(), false));
    }
    let mut binaries: Vec<Binary> = String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(binary)
        .collect();
    binaries.sort_by_key(|binary| {
        LONGEST_FIRST
            .iter()
            .position(|name| *name == binary.target)
            .unwrap_or(usize::MAX)
    });
    let (alone, together): (Vec<_>, Vec<_>) = binaries.into_iter().partition(|one| ALONE.contains(&&*one.target));
    let memory = memory();
    let all = All {
        log,
        name,
        environment,
        libraries: libraries()?,
        memory: memory.as_ref().map(TempDir::path),
        counts: Mutex::default(),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // One more than there are cores, because much of what they do is to wait.
    all.several(together, cores + 1)?;
    all.several(alone, 1)?;
    let documented = in_environment(
        cargo().args(["test", "--workspace", "--locked", "--no-fail-fast", "--doc"]),
        environment,
    );
    let (of_docs, succeeded) = super::run::cargo_test(log, "documentation", documented)?;
    let mut counts = all.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    counts.add(&of_docs);
    Ok((counts, succeeded))
}

/// What all binaries of a run share.
struct All<'a> {
    log: &'a Log,
    name: &'a str,
    environment: &'a [(&'a str, &'a OsStr)],
    /// Where the libraries lie that a binary is linked to while it runs.
    libraries: std::ffi::OsString,
    memory: Option<&'a Path>,
    counts: Mutex<Counts>,
}

impl All<'_> {
    /// Runs binaries, so many at a time, in their order.
    fn several(&self, binaries: Vec<Binary>, at_once: usize) -> Result<()> {
        let waiting = Mutex::new(VecDeque::from(binaries));
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::thread::scope(|scope| {
            let work = || -> Result<()> {
                while let Some(binary) = next() {
                    self.one(&binary)?;
                }
                Ok(())
            };
            let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            // A worker that panicked says so itself; what it left is missed in the count.
            ended.filter_map(std::result::Result::ok).collect()
        })
    }

    /// Runs one binary, and shows what it said when it has ended.
    fn one(&self, binary: &Binary) -> Result<()> {
        let begun = Instant::now();
        let folder = binary.manifest.parent().unwrap_or(Path::new("/"));
        let call = in_environment(Call::new(&binary.file), self.environment)
            .dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            .env("CARGO_MANIFEST_PATH", &binary.manifest)
            .env("CARGO_PKG_NAME", &binary.package)
            .env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"))
            .env("LD_LIBRARY_PATH", &self.libraries);
        let call = match self.memory.filter(|_| !ON_DISK.contains(&&*binary.target)) {
            Some(memory) => call.env("TMPDIR", memory),
            None => call,
        };
        let done = call.run()?;
        let title = format!(
            "Running {} of {} ({:.0} s)",
            binary.target,
            binary.package,
            begun.elapsed().as_secs_f64()
        );
        let text = format!("{title}\n{}", done.both());
        // One at a time, so that what belongs together stands together.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        self.log.append(self.name, &text)?;
        let (mut own, lines) = told(&text);
        if !done.status.success() && own.failed == 0 {
            println!("    {} died: {}\n{}", binary.target, done.status, done.both());
            own.failed = 1;
        }
        if own != Counts::default() {
            lines.iter().for_each(|line| println!("    {line}"));
        }
        counts.add(&own);
        Ok(())
    }
}

fn in_environment(call: Call, environment: &[(&str, &OsStr)]) -> Call {
    environment
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value))
}

/// The binary that a line of cargo's tells of.
fn binary(line: &str) -> Option<Binary> {
    let told: Value = serde_json::from_str(line).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let is_test = told.get("profile")?.get("test")?.as_bool()?;
    let manifest = PathBuf::from(text(told.get("manifest_path")?)?);
    let package = std::fs::read_to_string(&manifest).ok()?;
    let named = package.lines().find_map(|line| line.strip_prefix("name = \""));
    is_test.then_some(Binary {
        file: text(told.get("executable")?)?.into(),
        target: text(told.get("target")?.get("name")?)?,
        package: named?.trim_end_matches('"').to_owned(),
        manifest,
    })
}

/// Where the compiler's own libraries lie: a binary of a macro's tests needs them.
fn libraries() -> Result<std::ffi::OsString> {
    let root = Call::new("rustc").args(["--print", "sysroot"]).text()?;
    let own = Path::new(root.trim()).join("lib");
    let set = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let all = std::env::split_paths(&set).chain([own]);
    std::env::join_paths(all)
        .map_err(std::io::Error::other)
        .doing(|| "name the folders of libraries".to_owned())
}

/// A folder in memory, where this machine has one with room.
fn memory() -> Option<TempDir> {
    let found = rustix::fs::statvfs(MEMORY).ok()?;
    let has_room = found.f_bavail.saturating_mul(found.f_frsize) >= ROOM;
    let made = has_room.then(|| tempfile::Builder::new().prefix("dram-verify-").tempdir_in(MEMORY));
    let folder = made?.ok()?;
    // It stands for the folder of all temporary files: servers of other users write there as well.
    let open = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(folder.path(), open).ok()?;
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_tells_of_a_binary_of_tests_is_read() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let line = |is_test: bool, executable: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"{manifest}\",\"target\":{{\"name\":\"house\"}},\
                 \"profile\":{{\"test\":{is_test}}},\"executable\":{executable}}}"
            )
        };
        let expected = Binary {
            file: "/target/house-1".into(),
            target: "house".to_owned(),
            package: "dram-tests".to_owned(),
            manifest: manifest.into(),
        };
        assert_eq!(binary(&line(true, "\"/target/house-1\"")), Some(expected));
        assert_eq!(binary(&line(false, "\"/target/house-1\"")), None);
        assert_eq!(binary(&line(true, "null")), None);
        assert_eq!(binary("{\"reason\":\"build-finished\",\"success\":true}"), None);
    }
}
