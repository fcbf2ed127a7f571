//! The process that freezes, waits, and thaws.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::super::command::{Action, Cancel, Command};
use super::super::error::{Deed, SiteError};
use super::super::{Site, btrfs};
use super::record::Record;
use super::snapshot::{self, Snapshot};
use super::{Answer, Ending, Order, THAW, Thawed};

/// How often a hook after is tried: an application that stays frozen is worse than one that hears a hook twice.
const ATTEMPTS: u32 = 3;
/// How long is waited before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long freezing or thawing a file system may take beside what is left of the freeze.
const UNFREEZE: Duration = Duration::from_secs(60);

/// What the other side wants.
enum Word {
    Thaw,
    Gone,
}

/// Serves one freeze, as the program's only business: reads the order from `input`, answers on `output`.
pub fn freezer(input: impl BufRead + Send + 'static, mut output: impl Write) {
    let mut lines = input.lines();
    let Some(order) = lines
        .next()
        .and_then(Result::ok)
        .and_then(|line| serde_json::from_str(&line).ok())
    else {
        return;
    };
    let stop = Cancel::new();
    let (says, words) = channel();
    let stopped = stop.clone();
    let listening = std::thread::Builder::new()
        .name("freezer's orders".to_owned())
        .spawn(move || listen(lines, &says, &stopped));
    let mut say = |answer: &Answer| {
        let line = serde_json::to_string(answer).unwrap_or_default();
        // Nobody may be left to hear it.
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    };
    match listening {
        Ok(_) => serve(&order, &words, &stop, &mut say),
        Err(error) => say(&Answer::Refused {
            why: error.to_string(),
            help: "give this user more threads".to_owned(),
        }),
    }
}

fn listen(mut lines: impl Iterator<Item = std::io::Result<String>>, says: &Sender<Word>, stop: &Cancel) {
    let word = match lines.next() {
        Some(Ok(line)) if line == THAW => Word::Thaw,
        _ => Word::Gone,
    };
    // A hook that is at work is for nothing now.
    stop.cancel();
    let _ = says.send(word);
}

fn serve(order: &Order, words: &Receiver<Word>, stop: &Cancel, say: &mut dyn FnMut(&Answer)) {
    let refused = |error: &SiteError| Answer::Refused {
        why: told(error),
        help: error.help(),
    };
    let record = Record::of(order);
    if let Err(error) = record.write(order) {
        return say(&refused(&error));
    }
    let noted = match order.snapshots.is_empty() {
        true => Ok(()),
        false => snapshot::note(&order.site, &order.tenant, &order.around.application, &order.snapshots),
    };
    if let Err(error) = noted {
        // Nothing is frozen yet: what is written down says otherwise.
        let removed = record.remove();
        return say(&refused(removed.as_ref().err().unwrap_or(&error)));
    }
    let tops = order.snapshots.iter().map(|snapshot| &snapshot.of);
    for mount in order.filesystems.iter().chain(tops) {
        flush(mount);
    }
    let began = Instant::now();
    let left = || order.most.saturating_sub(began.elapsed());
    let frozen = freeze(order, &left, stop);
    let (by, is_wanted) = match &frozen {
        Err(_) => (Ending::Deadline, false),
        Ok(failed) => {
            say(&Answer::Frozen { failed: failed.clone() });
            match words.recv_timeout(left()) {
                Err(RecvTimeoutError::Timeout) => (Ending::Deadline, false),
                Ok(Word::Thaw) => (Ending::Asked, true),
                Ok(Word::Gone) | Err(RecvTimeoutError::Disconnected) => (Ending::Asked, false),
            }
        }
    };
    let thawed = thaw(order).and_then(|failed| record.remove().map(|()| failed));
    if !is_wanted && let Err(error) = snapshot::drop_all(&order.site, &order.tenant, &order.around.application) {
        // They are written down: the next run removes them.
        tracing::warn!(%error, "a snapshot that nobody reads is not removed");
    }
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    say(&match (frozen, thawed) {
        (_, Err(error)) => Answer::Stuck {
            why: told(&error),
            help: error.help(),
        },
        (Err((why, help)), Ok(_)) => Answer::Refused { why, help },
        (Ok(_), Ok(failed)) => Answer::Thawed(Thawed {
            milliseconds,
            by,
            failed,
        }),
    });
}

/// Carries the hooks before out, then makes snapshots and freezes file systems. The answer is what failed and may fail.
///
/// # Errors
/// What failed and may not, and the way out.
fn freeze(order: &Order, left: &dyn Fn() -> Duration, stop: &Cancel) -> Result<Vec<String>, (String, String)> {
    let mut failed = Vec::new();
    for (number, hook) in (1..).zip(&order.before) {
        let hook = hook.clone().within(left());
        match order.site.hook(&hook, &order.around, stop) {
            Ok(()) => {}
            Err(error) if hook.may_fail && !stop.is_canceled() => {
                failed.push(format!("{} before the freeze: {}", hook.text(), told(&error)))
            }
            Err(error) => {
                let which = format!("hook {number} of the {} before the freeze", order.before.len());
                return Err((
                    format!("{which} ({}) failed: {}", hook.text(), told(&error)),
                    error.help(),
                ));
            }
        }
    }
    for Snapshot { of, at } in &order.snapshots {
        btrfs::snapshot(of, at).map_err(|error| {
            let error = order.site.file_error("make a snapshot of", of, error);
            (told(&error), error.help())
        })?;
    }
    for mount in &order.filesystems {
        fsfreeze(order, "--freeze", mount, left(), stop).map_err(|error| (told(&error), error.help()))?;
    }
    Ok(failed)
}

/// Thaws file systems, then carries the hooks after out. All of it is tried, whatever fails; the answer is what failed and may
/// fail.
///
/// # Errors
/// The first that failed and may not.
pub(super) fn thaw(order: &Order) -> Result<Vec<String>, SiteError> {
    let (mut failed, mut first) = (Vec::new(), None::<String>);
    // Nobody stops this.
    let stop = Cancel::new();
    for mount in order.filesystems.iter().rev() {
        match fsfreeze(order, "--unfreeze", mount, UNFREEZE, &stop) {
            Ok(()) => {}
            Err(error) if is_not_frozen(&error) => {}
            Err(error) => {
                first.get_or_insert(told(&error));
            }
        }
    }
    for (number, hook) in (1..).zip(&order.after) {
        let attempts = || {
            let mut tried = order.site.hook(hook, &order.around, &stop);
            for _ in 1..ATTEMPTS {
                if tried.is_err() {
                    std::thread::sleep(PAUSE);
                    tried = order.site.hook(hook, &order.around, &stop);
                }
            }
            tried
        };
        match attempts() {
            Ok(()) => {}
            Err(error) if hook.may_fail => failed.push(format!("{} after the thaw: {}", hook.text(), told(&error))),
            Err(error) => {
                let which = format!("hook {number} of the {} after the thaw", order.after.len());
                first.get_or_insert_with(|| format!("{which} ({}) failed: {}", hook.text(), told(&error)));
            }
        }
    }
    match first {
        None => Ok(failed),
        Some(why) => Err(order.stuck(
            why,
            "it may still be frozen: carry its hooks `at: after-thaw` out by hand, and see why they fail; the next run of this \
             application tries again"
                .to_owned(),
        )),
    }
}

fn fsfreeze(order: &Order, how: &str, mount: &Path, limit: Duration, stop: &Cancel) -> Result<(), SiteError> {
    let command = Command {
        action: Action::Run(vec!["fsfreeze".to_owned(), how.to_owned(), mount.display().to_string()]),
        dir: None,
        timeout: limit,
        on_engine: true,
    };
    order.site.run(Deed::Freeze, &command, &order.around, stop).map(drop)
}

/// Whether there was nothing to thaw: what was killed may not have come so far, and a restart thaws everything.
fn is_not_frozen(error: &SiteError) -> bool {
    matches!(error, SiteError::Command { said, .. } if said.contains("Invalid argument"))
}

/// What is written already need not be written while everything waits.
fn flush(mount: &Path) {
    if let Ok(folder) = std::fs::File::open(mount) {
        // Freezing does it again.
        let _ = rustix::fs::syncfs(folder);
    }
}

/// An error with its cause, as one sentence.
fn told(error: &SiteError) -> String {
    match std::error::Error::source(error) {
        Some(cause) if !error.to_string().contains(&cause.to_string()) => format!("{error}: {cause}"),
        _ => error.to_string(),
    }
}
