//! The engine as a child process: it acts on what was just declared, while the host waits.
//!
//! It inherits the environment, in which it finds secrets; none is read here, and none is passed as an argument.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use dram_compiler::model::KindName;
use rustix::process::{Pid, Signal, kill_process};

use super::settings::Engine;
use crate::log::{self, Level};

/// How much of what an engine says is kept for people: its end.
const KEPT_BYTES: usize = 4096;

/// The engines that are running.
#[derive(Debug, Default)]
pub(super) struct Children {
    running: Mutex<Vec<Pid>>,
    interrupted: AtomicBool,
}

/// Why an engine did not finish its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// The host stops.
    #[error("it was interrupted before the engine began")]
    Interrupted,
    /// It could not be started.
    #[error("the engine `{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It failed.
    #[error("{}", if said.is_empty() { format!("the engine ended with {status}") } else { said.clone() })]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it said.
        said: String,
    },
}

impl Children {
    /// A walk begins: nothing has interrupted it.
    pub(super) fn begin(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
    }

    /// Asks every engine to end. Each saves what it has done; running it again goes on from there.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        for process in self.running().iter() {
            // One that has ended meanwhile needs no asking.
            let _ = kill_process(*process, Signal::INT);
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Pid>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the engine act on one declaration, and waits for it.
    ///
    /// # Errors
    /// If it cannot be started, fails, or the host stops.
    pub(super) fn reconcile(&self, engine: &Engine<'_>, kind: KindName, name: &str) -> Result<(), EngineError> {
        let mut command = Command::new(engine.program);
        command
            .args(["reconcile", "--kind", kind.as_str(), "--name", name])
            .args(["--catalog", engine.catalog, "--tenant", engine.tenant, "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal reaches it once, through `interrupt`, and not beside that through its group.
            .process_group(0);
        log::line(
            Level::Info,
            "starting the engine",
            &[("program", &engine.program), ("kind", &kind), ("name", &name)],
        );
        let start = |source| EngineError::Start {
            program: engine.program.to_owned(),
            source,
        };
        let mut child = {
            // Under the lock, so that an interrupt finds either no engine started or this one listed.
            let mut running = self.running();
            if self.interrupted.load(Ordering::SeqCst) {
                return Err(EngineError::Interrupted);
            }
            let child = command.spawn().map_err(start)?;
            running.push(Pid::from_child(&child));
            child
        };
        let process = Pid::from_child(&child);
        let (said, status) = listen(&mut child, name);
        self.running().retain(|other| *other != process);
        let status = status.map_err(start)?;
        if status.success() {
            Ok(())
        } else {
            Err(EngineError::Failed { status, said })
        }
    }
}

/// Reads both streams to their end and waits. What the engine prints as JSON is its protocol and goes to the log; what it
/// says on standard error is for people.
fn listen(child: &mut Child, name: &str) -> (String, std::io::Result<std::process::ExitStatus>) {
    let errors = child.stderr.take();
    let output = child.stdout.take();
    let said = std::thread::scope(|scope| {
        let output = scope.spawn(|| {
            let Some(output) = output else { return };
            for line in std::io::BufRead::lines(std::io::BufReader::new(output)).map_while(Result::ok) {
                log::line(Level::Debug, "the engine reports", &[("name", &name), ("line", &line)]);
            }
        });
        let said = errors.map(end_of).unwrap_or_default();
        let _ = output.join();
        said
    });
    (said, child.wait())
}

/// The end of what a stream says.
fn end_of(mut stream: impl std::io::Read) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
        kept.extend(buffer.iter().take(count));
        let surplus = kept.len().saturating_sub(KEPT_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn engine_of(folder: &tempfile::TempDir, script: &str) -> String {
        let program = folder.path().join("engine");
        // Another process writes it: a child that a test beside this one forks at that moment would hold it open for writing,
        // and such a file cannot be run.
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = writer.stdin.take().unwrap();
        write!(pipe, "#!/bin/sh\n{script}\n").unwrap();
        drop(pipe);
        assert!(writer.wait().unwrap().success());
        program.to_str().unwrap().to_owned()
    }

    fn run(children: &Children, program: &str) -> Result<(), EngineError> {
        let engine = Engine {
            program,
            catalog: "file:///c",
            tenant: "acme",
        };
        children.reconcile(&engine, KindName::Vault, "nas")
    }

    #[test]
    fn it_is_told_what_to_reconcile() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let program = engine_of(&folder, &format!("echo \"$@\" > {}", told.display()));
        run(&Children::default(), &program).unwrap();
        let told = std::fs::read_to_string(told).unwrap();
        assert_eq!(
            told.trim(),
            "reconcile --kind Vault --name nas --catalog file:///c --tenant acme --json"
        );
    }

    #[test]
    fn what_it_says_is_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let program = engine_of(
            &folder,
            "seq 100000 >&2; echo 'error: the vault is read-only' >&2; exit 1",
        );
        let error = run(&Children::default(), &program).unwrap_err().to_string();
        assert!(error.ends_with("error: the vault is read-only"), "{error}");
        assert!(error.len() <= KEPT_BYTES);
        let silent = engine_of(&folder, "exit 3");
        assert_eq!(
            run(&Children::default(), &silent).unwrap_err().to_string(),
            "the engine ended with exit status: 3"
        );
    }

    #[test]
    fn an_interrupt_reaches_it_and_stops_later_ones() {
        let folder = tempfile::tempdir().unwrap();
        let begun = folder.path().join("begun");
        // Not the shell's own `trap`: a shell that was started with SIGINT ignored, as in the background, cannot set it.
        let script = format!(
            r#"exec python3 - <<'END'
import os, signal, sys
def stop(*_):
    print("saved", file=sys.stderr, flush=True)
    os._exit(5)
signal.signal(signal.SIGINT, stop)
os.mkfifo("{0}")
with open("{0}", "w") as pipe:
    pipe.write("begun")
while True:
    signal.pause()
END"#,
            begun.display()
        );
        let program = engine_of(&folder, &script);
        let children = Children::default();
        std::thread::scope(|scope| {
            let running = scope.spawn(|| run(&children, &program));
            // The script has set its trap once it offers the pipe; opening it waits for that.
            while std::fs::read_to_string(&begun).is_err() && !running.is_finished() {
                std::thread::yield_now();
            }
            children.interrupt();
            let said = running.join().unwrap().unwrap_err().to_string();
            assert!(said.ends_with("saved"), "{said}");
        });
        assert!(matches!(run(&children, &program), Err(EngineError::Interrupted)));
        children.begin();
        assert!(
            run(&children, "/nowhere/dram")
                .unwrap_err()
                .to_string()
                .contains("cannot be started")
        );
    }
}
