//! Commands that watch runs and tell them to wait or to end.

use super::{Context, Done};
use crate::cli::arguments::AskArguments;
use crate::cli::lines::{FollowedLine, StandsLine};
use crate::cli::progress::{Show, about};
use crate::engine::{Ask, StatusRow, WaitingRun, Watch, WorkRow};
use crate::exit::Exit;
use crate::state::{RunResult, RunState};
use dram_catalog::record::feed::Followed;
use std::time::Duration;

/// How long it waits between two looks at what changed; and where nothing does, because each look at a bucket costs money.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Ages grow while nothing changes: so often it is shown again at least.
const AGAIN: Duration = Duration::from_secs(30);
/// Clears a terminal, and begins at its top.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

impl Context<'_> {
    pub(super) fn status(&self, application: Option<&str>, follow: bool) -> Done {
        let engine = self.engine()?;
        if !follow {
            self.status_rows(&engine.status(application)?);
            return Ok(Exit::Done);
        }
        let mut follower = engine.catalog().follow();
        let mut shown = None;
        let (mut unchanged, mut pause) = (Duration::ZERO, LOOK.0);
        while !self.cancel.is_canceled() {
            let runs = engine.at_work(application)?;
            let rows = engine.status_beside(application, &runs)?;
            let what = serde_json::to_string(&FollowedLine {
                applications: &rows,
                runs: &runs,
            });
            let what = what.unwrap_or_default();
            // Ages alone are no news for a program.
            let news = (news(&rows), still(&runs, self.output.json));
            let is_news = shown.as_ref() != Some(&news);
            if is_news {
                pause = LOOK.0;
            }
            if is_news || unchanged >= AGAIN {
                unchanged = Duration::ZERO;
                shown = Some(news);
                if self.output.json {
                    self.output.line(&what);
                } else {
                    if self.output.paged {
                        self.output.raw(CLEAR);
                    }
                    self.status_rows(&rows);
                    self.work_rows(&runs);
                }
            }
            loop {
                crate::engine::pause(pause, self.cancel);
                unchanged += pause;
                pause = (pause * 2).min(LOOK.1);
                // A run at work says what it does in its log, which the feed does not tell.
                let changed = !runs.is_empty() || follower.look()? != Followed::Changes(Vec::new());
                if changed || unchanged >= AGAIN || self.cancel.is_canceled() {
                    break;
                }
            }
        }
        Ok(Exit::Done)
    }

    fn status_rows(&self, rows: &[StatusRow]) {
        self.output.rows(
            &[
                "application",
                "runs at",
                "protection",
                "newest point",
                "next firing",
                "points",
                "ready",
                "waits",
            ],
            rows,
            |row| {
                let ready = match row.ready {
                    Some(true) => "yes".to_owned(),
                    Some(false) => format!("no: {}", row.reason),
                    None => "not looked at yet".to_owned(),
                };
                let at = if row.epoch == 0 {
                    row.site.clone()
                } else {
                    format!("{} (epoch {})", row.site, row.epoch)
                };
                vec![
                    row.application.clone(),
                    at,
                    row.protection.clone(),
                    row.newest.clone(),
                    row.next.clone(),
                    row.points.to_string(),
                    ready,
                    row.waits.iter().map(waits).collect::<Vec<_>>().join("\n"),
                ]
            },
        );
    }

    fn work_rows(&self, rows: &[WorkRow]) {
        if rows.is_empty() {
            return;
        }
        self.output
            .rows(&["run", "application", "verb", "state", "step", "since"], rows, |row| {
                vec![
                    row.run.clone(),
                    row.application.clone(),
                    row.verb.clone(),
                    match row.left_seconds.and_then(about) {
                        Some(left) => format!("{}, {left}", row.state),
                        None => row.state.to_string(),
                    },
                    format!("{}/{} {}", row.step, row.of, row.text),
                    row.since.clone(),
                ]
            });
    }

    /// Asks for a run, and tells its id.
    pub(super) fn ask(&self, what: &Ask, how: &AskArguments) -> Done {
        let engine = self.engine()?;
        let asked = engine.ask(what, how.key.as_deref())?;
        if let Some(note) = &asked.note {
            self.output.note(note);
        }
        let run = asked.run.as_str();
        let state = engine.run_state(run)?;
        self.output.one(&StandsLine { run, state }, run);
        Ok(Exit::Done)
    }

    pub(super) fn pause(&self, run: &str) -> Done {
        let state = self.engine()?.pause(run, self.cancel)?;
        let text = match state {
            RunState::Paused => format!("run {run} is paused; `dram resume {run}` goes on"),
            RunState::Pausing => format!("run {run} is told to pause; it still works"),
            state => format!("run {run} is not paused: {state}"),
        };
        self.output.one(&StandsLine { run, state }, &text);
        Ok(match state {
            RunState::Paused => Exit::Done,
            RunState::Pausing => Exit::Interrupted,
            _ => Exit::Failed,
        })
    }

    pub(super) fn cancel_run(&self, run: &str) -> Done {
        let show = Show::new(self.output);
        let state = self.engine()?.cancel(run, &Watch::new(&show, self.cancel))?;
        let text = match state {
            RunState::Ended(RunResult::Canceled) => format!("run {run} is canceled"),
            RunState::Canceling => format!("run {run} is told to end; it still works"),
            state => format!("run {run} is not canceled: {state}"),
        };
        self.output.one(&StandsLine { run, state }, &text);
        Ok(match state {
            RunState::Ended(RunResult::Canceled) => Exit::Done,
            RunState::Canceling => Exit::Interrupted,
            _ => Exit::Failed,
        })
    }

    pub(super) fn log(&self, run: &str, follow: bool) -> Done {
        let engine = self.engine()?;
        if follow {
            engine.follow_run(run, &mut |line| self.output.line(line), self.cancel)?;
        } else {
            let log = engine.run_log(run)?;
            if log.is_empty() {
                self.output
                    .note("nothing is written down yet: the run waits for an engine that serves");
            }
            self.output.line(String::from_utf8_lossy(&log).trim_end());
        }
        Ok(Exit::Done)
    }
}

/// A run that does not go on by itself, in words.
fn waits(run: &WaitingRun) -> String {
    format!("{} {} ({})", run.verb, run.state, run.run)
}

/// The runs; for a program without the time that is left, which changes by itself.
fn still(runs: &[WorkRow], json: bool) -> Vec<WorkRow> {
    let still = |row: &WorkRow| WorkRow {
        left_seconds: row.left_seconds.filter(|_| !json),
        ..row.clone()
    };
    runs.iter().map(still).collect()
}

/// The rows without what changes by itself.
fn news(rows: &[StatusRow]) -> Vec<StatusRow> {
    let still = |row: &StatusRow| StatusRow {
        age_seconds: None,
        ..row.clone()
    };
    rows.iter().map(still).collect()
}
