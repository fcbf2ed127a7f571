//! How well an application is protected right now, and how a run stands. One function each tells it.

use dram_catalog::record::run::Wish;
use dram_compiler::model::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How well an application is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It has no point.
    Unprotected,
    /// Its newest point is younger than 80 % of the RPO.
    Protected,
    /// Its newest point is older than 80 % of the RPO.
    AtRisk,
    /// Its newest point is older than the RPO.
    Breached,
    /// Its newest point is older than three times the RPO.
    Critical,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unprotected => "unprotected",
            Self::Protected => "protected",
            Self::AtRisk => "at risk",
            Self::Breached => "breached",
            Self::Critical => "critical",
        })
    }
}

/// The state that follows from the age of the newest point, in seconds.
#[must_use]
pub fn protection(newest_age: Option<u64>, rpo: Duration) -> Protection {
    let Some(age) = newest_age else {
        return Protection::Unprotected;
    };
    let rpo = rpo.seconds;
    if age >= rpo.saturating_mul(3) {
        Protection::Critical
    } else if age > rpo {
        Protection::Breached
    } else if age.saturating_mul(5) >= rpo.saturating_mul(4) {
        Protection::AtRisk
    } else {
        Protection::Protected
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    /// Everything was done.
    Success,
    /// Its own work was done, and a further vault did not get the point.
    Partial,
    /// It failed.
    Failed,
    /// Somebody wished that it ends.
    Canceled,
    /// It was interrupted, and another run of the application was started.
    Abandoned,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It was asked for, and no engine has decided its steps yet.
    Requested,
    /// Somebody works at it.
    Running,
    /// Somebody works at it who is to pause.
    Pausing,
    /// Somebody works at it who is to end it.
    Canceling,
    /// It waits until it is resumed.
    Paused,
    /// Nobody works at it, and it can be resumed.
    Interrupted,
    /// It has ended.
    #[serde(untagged)]
    Ended(RunResult),
}

/// Who is at work at a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It waits for an engine: its steps are not decided.
    Awaited,
    /// Somebody may be at work at it.
    Held,
    /// Nobody is.
    Left,
}

/// The state that follows from how a run ended, what was wished of it, and who is at work at it.
#[must_use]
pub const fn run_state(ended: Option<RunResult>, wish: Option<Wish>, work: Work) -> RunState {
    match (ended, wish, work) {
        (Some(result), _, _) => RunState::Ended(result),
        (None, Some(Wish::Pause), Work::Held) => RunState::Pausing,
        (None, Some(Wish::Cancel), Work::Held) => RunState::Canceling,
        (None, Some(Wish::Pause), Work::Left | Work::Awaited) => RunState::Paused,
        // The end that was wished is not written yet: whoever looks after it does that.
        (None, Some(Wish::Cancel | Wish::Go) | None, Work::Awaited) => RunState::Requested,
        (None, Some(Wish::Cancel | Wish::Go) | None, Work::Left) => RunState::Interrupted,
        (None, Some(Wish::Go) | None, Work::Held) => RunState::Running,
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Canceling => "canceling",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::Ended(RunResult::Success) => "success",
            Self::Ended(RunResult::Partial) => "partial",
            Self::Ended(RunResult::Failed) => "failed",
            Self::Ended(RunResult::Canceled) => "canceled",
            Self::Ended(RunResult::Abandoned) => "abandoned",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_s_state_follows_from_its_end_its_wishes_and_who_works_at_it() {
        let cases = [
            (Some(RunResult::Partial), Some(Wish::Pause), Work::Held, "partial"),
            (Some(RunResult::Canceled), Some(Wish::Cancel), Work::Left, "canceled"),
            (Some(RunResult::Failed), None, Work::Awaited, "failed"),
            (None, None, Work::Held, "running"),
            (None, Some(Wish::Go), Work::Held, "running"),
            (None, Some(Wish::Pause), Work::Held, "pausing"),
            (None, Some(Wish::Cancel), Work::Held, "canceling"),
            (None, None, Work::Left, "interrupted"),
            (None, Some(Wish::Go), Work::Left, "interrupted"),
            (None, Some(Wish::Pause), Work::Left, "paused"),
            (None, Some(Wish::Cancel), Work::Left, "interrupted"),
            (None, None, Work::Awaited, "requested"),
            (None, Some(Wish::Go), Work::Awaited, "requested"),
            (None, Some(Wish::Pause), Work::Awaited, "paused"),
            (None, Some(Wish::Cancel), Work::Awaited, "requested"),
        ];
        for (ended, wish, work, expected) in cases {
            let state = run_state(ended, wish, work);
            assert_eq!(state.to_string(), expected, "{ended:?} {wish:?} {work:?}");
            assert_eq!(serde_json::to_value(state).unwrap(), serde_json::json!(expected));
        }
    }

    #[test]
    fn states_follow_the_age_of_the_newest_point() {
        let rpo = Duration::seconds(100);
        let cases = [
            (None, Protection::Unprotected),
            (Some(0), Protection::Protected),
            (Some(79), Protection::Protected),
            (Some(80), Protection::AtRisk),
            (Some(100), Protection::AtRisk),
            (Some(101), Protection::Breached),
            (Some(299), Protection::Breached),
            (Some(300), Protection::Critical),
        ];
        for (age, expected) in cases {
            assert_eq!(protection(age, rpo), expected, "{age:?}");
        }
    }
}
