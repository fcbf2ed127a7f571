//! Servers that never outlive the process that wants them.
//!
//! A server is started by one thread that lives as long as this process, and asks the kernel to be killed when that
//! thread is gone: a test run that is itself killed leaves no server behind. It stands in a process group of its own, so
//! that Ctrl-C reaches this process first, which stops its servers in their order.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::system::unavailable;
use crate::call::Call;
use crate::error::{Doing as _, Error, Result};
use crate::shop::wait_until;

/// How long a server may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who a server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Whoever runs this process.
    Own,
    /// A user and group by number, which takes root.
    Other {
        /// The user's number.
        user: u32,
        /// The group's number.
        group: u32,
    },
}

/// A server that runs, is paused, or has ended. It is killed when the value goes.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a server in the foreground of nobody; its words go to the end of the file `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &str, call: &[&str], user: User, log: &Path) -> Result<Daemon> {
        let open = || std::fs::OpenOptions::new().create(true).append(true).open(log);
        let file = open().doing(|| format!("write `{}`", log.display()))?;
        let again = file.try_clone().doing(|| format!("write `{}`", log.display()))?;
        let mut command = Call::new("setpriv").args(["--pdeathsig", "KILL"]);
        if let User::Other { user, group } = user {
            command = command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .arg("--clear-groups");
        }
        let mut command = command.arg("--").args(call).into_command();
        command.stdout(Stdio::from(file)).stderr(Stdio::from(again));
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Daemon {
            name: name.to_owned(),
            child: spawn(command).doing(|| format!("start {name}"))?,
            log: log.to_owned(),
        })
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// It ended, or did not answer in time; the end of its log is told.
    pub fn answers(&mut self, patience: Duration, mut yes: impl FnMut() -> bool) -> Result<()> {
        let mut ended = None;
        let answered = wait_until(patience, || {
            ended = self.ended();
            ended.is_some() || yes()
        });
        let how = match ended {
            Some(status) => format!("it ended with {status}"),
            None if answered => return Ok(()),
            None => format!("it does not answer within {patience:?}"),
        };
        Err(unavailable(&self.name, format!("{how}: {}", self.last_words())))
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its process.
    pub fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    /// Freezes it: it holds its connections and answers nobody.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> Result<()> {
        self.send(Signal::STOP)
    }

    /// Lets a paused one go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> Result<()> {
        self.send(Signal::CONT)
    }

    /// Asks it to end, and waits until it has; whoever does not heed is killed.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn stop(&mut self) -> Result<()> {
        self.stop_by(Signal::TERM)
    }

    /// Asks it to end by a signal of its own choice, and waits until it has; whoever does not heed is killed.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn stop_by(&mut self, signal: Signal) -> Result<()> {
        // What has ended already needs no signal.
        let _ = self.send(signal);
        let _ = self.send(Signal::CONT);
        if wait_until(PATIENCE, || self.ended().is_some()) {
            return Ok(());
        }
        self.kill()
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended().is_none() {
            self.child.kill().doing(|| format!("kill {}", self.name))?;
        }
        self.child.wait().doing(|| format!("wait for {}", self.name)).map(drop)
    }

    fn send(&self, signal: Signal) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        rustix::process::kill_process(pid, signal).doing(|| format!("signal {}", self.name))
    }

    fn last_words(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.trim_end().lines().collect();
        lines
            .get(lines.len().saturating_sub(6)..)
            .unwrap_or_default()
            .join(" / ")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Whoever wants an orderly end asks for it before.
        let _ = self.kill();
    }
}

type Order = (std::process::Command, Sender<std::io::Result<Child>>);

/// Spawns from the one thread whose end would kill the child, and which ends with the process.
fn spawn(command: std::process::Command) -> std::io::Result<Child> {
    static KEEPER: OnceLock<Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, wanted) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in wanted {
                // Whoever asked is gone only with its test; the child dies with the answer.
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, answered) = channel();
    let gone = || std::io::Error::other("the thread that starts servers has ended");
    keeper.send((command, answer)).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

/// A folder for servers' data below the machine's temporary one, removed with the value.
///
/// Folders of processes that were killed are found by their lock, which the kernel gave back, and removed first.
#[derive(Debug)]
pub struct Ground {
    folder: tempfile::TempDir,
    _lock: std::fs::File,
}

const GROUND: &str = "dram-lab-";

impl Ground {
    /// A new one for a lab of this name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(name: &str) -> Result<Ground> {
        let begin = format!("{GROUND}{name}-");
        sweep(&std::env::temp_dir(), &begin);
        let mut builder = tempfile::Builder::new();
        // Servers that run as another user look for their own folder inside.
        let builder = builder
            .prefix(&begin)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711));
        let folder = builder.tempdir().doing(|| format!("make a folder for {name}"))?;
        let lock = std::fs::File::create(folder.path().join("lock")).doing(|| "lock the lab's folder".to_owned())?;
        lock.lock().doing(|| "lock the lab's folder".to_owned())?;
        Ok(Ground { folder, _lock: lock })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder inside.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).doing(|| format!("make `{}`", folder.display()))?;
        Ok(folder)
    }
}

/// Removes what killed runs left. What cannot be removed is in nobody's way.
fn sweep(folder: &Path, begin: &str) {
    let Ok(inside) = std::fs::read_dir(folder) else { return };
    for entry in inside.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(begin) {
            continue;
        }
        // A folder without a lock is one that is being made at this moment.
        let Ok(lock) = std::fs::File::open(entry.path().join("lock")) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The numbers of a user and its group.
///
/// # Errors
/// There is no such user.
pub fn numbers(lab: &str, user: &str) -> Result<User> {
    let number = |what: &str| -> Result<u32> {
        let text = super::system::needed(lab, Call::new("id").args([what, user]))?.stdout_text();
        text.trim().parse().map_err(|_| Error::Unavailable {
            lab: lab.to_owned(),
            reason: format!("`id {what} {user}` answers `{}`", text.trim()),
        })
    };
    Ok(User::Other {
        user: number("-u")?,
        group: number("-g")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(log: &Path) -> Daemon {
        Daemon::start("a sleeper", &["sleep", "600"], User::Own, log).unwrap()
    }

    #[test]
    fn a_server_is_paused_goes_on_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = sleeper(&folder.path().join("log"));
        let state = |daemon: &Daemon| {
            let status = format!("/proc/{}/status", daemon.pid().unwrap().as_raw_nonzero());
            let status = std::fs::read_to_string(status).unwrap();
            status
                .lines()
                .find(|line| line.starts_with("State:"))
                .unwrap()
                .to_owned()
        };
        daemon.pause().unwrap();
        assert!(wait_until(PATIENCE, || state(&daemon).contains("stopped")));
        daemon.resume().unwrap();
        assert!(wait_until(PATIENCE, || state(&daemon).contains("sleeping")));
        daemon.stop().unwrap();
        assert!(daemon.ended().is_some());
    }

    #[test]
    fn a_server_outlives_the_thread_that_asked_for_it_and_not_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut daemon = std::thread::spawn(move || sleeper(&log)).join().unwrap();
        let pid = daemon.pid().unwrap();
        assert!(daemon.ended().is_none());
        drop(daemon);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn one_that_ends_by_itself_tells_why() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["sh", "-c", "echo no such port; exit 3"];
        let mut daemon = Daemon::start("a server", &words, User::Own, &folder.path().join("log")).unwrap();
        let error = daemon.answers(PATIENCE, || false).unwrap_err().to_string();
        assert!(error.contains("exit status: 3: no such port"), "{error}");
    }

    #[test]
    fn ground_that_nobody_holds_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["dram-lab-x-held", "dram-lab-x-left", "dram-lab-x-begun", "other"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let lock = |name: &str| std::fs::File::create(folder.path().join(name).join("lock")).unwrap();
        let held = lock("dram-lab-x-held");
        held.lock().unwrap();
        drop(lock("dram-lab-x-left"));
        drop(lock("other"));
        sweep(folder.path(), "dram-lab-x-");
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["dram-lab-x-begun", "dram-lab-x-held", "other"]);
    }
}
