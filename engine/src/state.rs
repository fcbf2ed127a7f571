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

/// The state that follows from how a run ended, what was wished of it, and whether somebody may be at work at it.
#[must_use]
pub const fn run_state(ended: Option<RunResult>, wish: Option<Wish>, is_held: bool) -> RunState {
    match (ended, wish, is_held) {
        (Some(result), _, _) => RunState::Ended(result),
        (None, Some(Wish::Pause), true) => RunState::Pausing,
        (None, Some(Wish::Cancel), true) => RunState::Canceling,
        (None, Some(Wish::Pause), false) => RunState::Paused,
        // The end that was wished is not written yet: whoever looks after it does that.
        (None, Some(Wish::Cancel | Wish::Go) | None, false) => RunState::Interrupted,
        (None, Some(Wish::Go) | None, true) => RunState::Running,
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
    fn a_run_s_state_follows_from_its_end_its_wishes_and_who_holds_it() {
        let cases = [
            (Some(RunResult::Partial), Some(Wish::Pause), true, "partial"),
            (Some(RunResult::Canceled), Some(Wish::Cancel), false, "canceled"),
            (None, None, true, "running"),
            (None, Some(Wish::Go), true, "running"),
            (None, Some(Wish::Pause), true, "pausing"),
            (None, Some(Wish::Cancel), true, "canceling"),
            (None, None, false, "interrupted"),
            (None, Some(Wish::Go), false, "interrupted"),
            (None, Some(Wish::Pause), false, "paused"),
            (None, Some(Wish::Cancel), false, "interrupted"),
        ];
        for (ended, wish, held, expected) in cases {
            let state = run_state(ended, wish, held);
            assert_eq!(state.to_string(), expected, "{ended:?} {wish:?} {held}");
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
