//! A child process: in a group of its own, watched until its end, ended with its whole group when its time is over.
//!
//! A thread of its own watches each child, so that the time limit and a wish to stop hold also while somebody reads its output.
//! The watcher reaps the child last: as long as it is not reaped, its number and its group's cannot belong to anybody else.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command as Process, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::command::Cancel;
use super::error::CommandFailure;
use super::redact::redact;

/// Lines of a child's words that are kept.
const LINES: usize = 20;
/// Bytes of a child's words that are kept.
const BYTES: usize = 4096;
/// How long a group has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long the watcher sleeps between two looks, at first and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// How long we go on listening to a child that has ended, if something it left behind keeps its output open.
const LISTEN: Duration = Duration::from_millis(200);

/// How a child ended.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Exited(ExitStatus),
    TimedOut,
    Canceled,
    /// The system could not tell.
    Unknown(i32),
}

#[derive(Debug, Default)]
struct Fate {
    ending: Option<Ending>,
    /// Nobody wants the child's result any more.
    unwanted: bool,
    /// Its output must come to an end before it counts as ended.
    streaming: bool,
}

/// A child that is being watched.
#[derive(Debug)]
pub(super) struct Watched {
    fate: Arc<(Mutex<Fate>, Condvar)>,
    watcher: Option<JoinHandle<()>>,
    began: Instant,
    timeout: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts `process` in a group of its own. Its streams must have been set.
pub(super) fn spawn(process: &mut Process) -> io::Result<Child> {
    process.process_group(0).spawn()
}

impl Watched {
    /// Watches `child`, which leads its own group. With `streaming`, its group is watched until somebody waits for the end,
    /// although the child itself may have ended before: what it left behind may still hold the other end of a pipe.
    pub(super) fn new(child: Child, timeout: Duration, cancel: &Cancel, streaming: bool) -> io::Result<Self> {
        let began = Instant::now();
        let fate = Arc::new((
            Mutex::new(Fate {
                streaming,
                ..Fate::default()
            }),
            Condvar::new(),
        ));
        // The child is handed over only once the thread is there: otherwise nobody would end it.
        let handover = Arc::new(Mutex::new(Some(child)));
        let watcher = {
            let (fate, cancel, handover) = (Arc::clone(&fate), cancel.clone(), Arc::clone(&handover));
            Builder::new().name("site command".to_owned()).spawn(move || {
                let Some(child) = lock(&handover).take() else { return };
                let ending = watch(child, began, timeout, &cancel, &fate);
                lock(&fate.0).ending = Some(ending);
                fate.1.notify_all();
            })
        };
        match watcher {
            Ok(watcher) => Ok(Watched {
                fate,
                watcher: Some(watcher),
                began,
                timeout,
            }),
            Err(error) => {
                if let Some(mut child) = lock(&handover).take() {
                    end_group(Pid::from_child(&child), Signal::KILL);
                    child.wait()?;
                }
                Err(error)
            }
        }
    }

    /// Waits for the child's end; how long it took.
    pub(super) fn wait(mut self) -> Result<Duration, CommandFailure> {
        self.ended()
    }

    /// The same without giving it up.
    pub(super) fn ended(&mut self) -> Result<Duration, CommandFailure> {
        let (fate, bell) = &*self.fate;
        let mut guard = lock(fate);
        guard.streaming = false;
        let ending = loop {
            match guard.ending {
                Some(ending) => break ending,
                None => guard = bell.wait(guard).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(guard);
        if let Some(watcher) = self.watcher.take() {
            // It has said its last word already.
            let _ = watcher.join();
        }
        match ending {
            Ending::Exited(status) if status.success() => Ok(self.began.elapsed()),
            Ending::Exited(status) => Err(match (status.code(), status.signal()) {
                (Some(code), _) => CommandFailure::Code(code),
                (None, signal) => CommandFailure::Signal(signal.unwrap_or_default()),
            }),
            Ending::TimedOut => Err(CommandFailure::TimedOut(self.timeout)),
            Ending::Canceled => Err(CommandFailure::Canceled),
            Ending::Unknown(code) => Err(CommandFailure::Pipe(io::Error::from_raw_os_error(code).into())),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Whoever drops this without waiting does not want the result: the child goes with it.
        let mut guard = lock(&self.fate.0);
        guard.unwanted = true;
        guard.streaming = false;
        drop(guard);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// Looks at the child until it ends or has to be ended, and reaps it.
fn watch(
    mut child: Child,
    began: Instant,
    timeout: Duration,
    cancel: &Cancel,
    fate: &(Mutex<Fate>, Condvar),
) -> Ending {
    let pid = Pid::from_child(&child);
    let mut pause = LOOK.0;
    let forced = loop {
        let ended = match has_ended(pid) {
            Ok(ended) => ended,
            Err(code) => return Ending::Unknown(code),
        };
        let (unwanted, streaming) = {
            let guard = lock(&fate.0);
            (guard.unwanted, guard.streaming)
        };
        // While its output is read, what it left behind in its group may still be writing.
        if ended && !streaming {
            break None;
        }
        if unwanted || cancel.is_canceled() {
            break Some(Ending::Canceled);
        }
        if began.elapsed() >= timeout {
            break Some(Ending::TimedOut);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LOOK.1);
    };
    if forced.is_some() {
        end_group(pid, Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE && has_ended(pid) == Ok(false) {
            std::thread::sleep(LOOK.1);
        }
        // Also what outlived its leader.
        end_group(pid, Signal::KILL);
    }
    match (forced, child.wait()) {
        (Some(ending), _) => ending,
        (None, Ok(status)) => Ending::Exited(status),
        (None, Err(error)) => Ending::Unknown(error.raw_os_error().unwrap_or_default()),
    }
}

/// Whether the child has ended; it stays unreaped.
fn has_ended(pid: Pid) -> Result<bool, i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(pid), options) {
        Ok(status) => Ok(status.is_some()),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.raw_os_error()),
    }
}

fn end_group(leader: Pid, signal: Signal) {
    // The only error is that nobody is left in it.
    let _ = kill_process_group(leader, signal);
}

/// The last words of a child, gathered while it runs.
#[derive(Debug)]
pub(super) struct LastWords {
    words: Arc<(Mutex<Words>, Condvar)>,
}

#[derive(Debug, Default)]
struct Words {
    tail: VecDeque<u8>,
    closed: bool,
}

impl LastWords {
    /// Listens to `pipe` in a thread of its own. If something that the child left behind keeps the pipe open, the thread
    /// goes on reading, so that nobody is ended by writing to a pipe that nobody reads.
    pub(super) fn of(mut pipe: impl Read + Send + 'static) -> io::Result<Self> {
        let words = Arc::new((Mutex::new(Words::default()), Condvar::new()));
        let heard = Arc::clone(&words);
        Builder::new().name("site command's words".to_owned()).spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => {
                        let tail = &mut lock(&heard.0).tail;
                        tail.extend(buffer.iter().take(read));
                        let over = tail.len().saturating_sub(BYTES);
                        tail.drain(..over);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            lock(&heard.0).closed = true;
            heard.1.notify_all();
        })?;
        Ok(LastWords { words })
    }

    /// The last lines, once the child has ended.
    pub(super) fn heard(&self) -> String {
        let (words, bell) = &*self.words;
        let guard = lock(words);
        let waited = bell.wait_timeout_while(guard, LISTEN, |words| !words.closed);
        let guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        let bytes: Vec<u8> = guard.tail.iter().copied().collect();
        last_lines(&bytes)
    }
}

/// The last lines of `bytes`, printable, bounded and without secrets.
pub(super) fn last_lines(bytes: &[u8]) -> String {
    let skipped = bytes.len().saturating_sub(BYTES);
    let text = String::from_utf8_lossy(bytes.get(skipped..).unwrap_or_default());
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let first = lines.len().saturating_sub(LINES);
    let kept = lines.get(first..).unwrap_or_default().join("\n");
    // A terminal must not obey what an application prints, and nobody is to read its secrets.
    redact(&kept)
        .chars()
        .filter(|char| !char.is_control() || matches!(char, '\n' | '\t'))
        .collect()
}
