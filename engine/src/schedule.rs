//! When duties are due. Everything here is a pure function of the clock and of what is known to have been served.
//!
//! Which moments are firings says the calendar of the policy: whoever counts them, after a restart, on another machine, by
//! hand, finds the same ones. A firing is known by the moment that the calendar names, acts then or a little later, by the
//! same amount on every engine, and is served once.

use dram_compiler::calendar::{self, Calendar};
use dram_compiler::model::{Duration, Missed};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

/// A firing that an engine sees for the first time so much after it was due was missed: no engine was awake for it. Within it
/// another engine takes over from one that died.
const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// A firing that is to be served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// The moment that the calendar names.
    pub at: Timestamp,
    /// How many others up to now were served by nobody. They are not made up for: one point holds all that they would have.
    pub missed: u64,
    /// The newest firing that is settled with it.
    pub through: Timestamp,
}

/// What is to be done about firings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// One is to be served.
    Serve(Firing),
    /// Those that were missed pass, because their schedules say so.
    Pass {
        /// The newest of them.
        newest: Timestamp,
        /// How many others passed with it.
        others: u64,
    },
}

/// What is known of the firings of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// The last that was served, or passed.
    pub served: Option<Timestamp>,
    /// The last that was seen in time, and waits for its turn.
    pub seen: Option<Timestamp>,
}

/// The newest multiple of an interval, in seconds, that is not after `now`.
#[must_use]
pub fn newest(every: u64, now: Timestamp) -> Timestamp {
    let newest = Calendar::every(Duration::seconds(every)).newest(now);
    newest.map_or(now, |firing| firing.at)
}

/// What an interval, in seconds, is due for at `now`, where `served` is the last firing that was served.
#[must_use]
pub fn due_every(every: u64, served: Option<Timestamp>, now: Timestamp) -> Option<Firing> {
    let known = Known { served, seen: None };
    match due(&Calendar::every(Duration::seconds(every)), "", &known, now)? {
        Due::Serve(firing) => Some(firing),
        Due::Pass { .. } => None,
    }
}

/// What is due for an application at `now`.
///
/// Where nothing was ever served the newest firing is due at once, unless it may be skipped. A last firing that lies beyond the
/// next one was served by a clock that has been set back since: waiting for it again would leave the application without points
/// for as long.
#[must_use]
pub fn due(calendar: &Calendar, application: &str, known: &Known, now: Timestamp) -> Option<Due> {
    let newest = newest_that_acts(calendar, application, now)?;
    let served = known.served.filter(|served| {
        let was_set_back = || calendar.next(newest.at).is_some_and(|next| *served > next.at);
        *served <= newest.at || !was_set_back()
    });
    if served.is_some_and(|served| served >= newest.at) {
        return None;
    }
    let others = served.map_or(0, |served| calendar.count(served, newest.at));
    let serve = |at| {
        Due::Serve(Firing {
            at,
            missed: others,
            through: newest.at,
        })
    };
    let is_late = now.duration_since(acts(application, &newest)) > GRACE && known.seen != Some(newest.at);
    if !is_late || newest.missed == Missed::RunOnce {
        return Some(serve(newest.at));
    }
    let made_up_for = calendar.newest_made_up_for(newest.at);
    let made_up_for = made_up_for.filter(|firing| served.is_none_or(|served| firing.at > served));
    Some(made_up_for.map_or(
        Due::Pass {
            newest: newest.at,
            others,
        },
        |firing| serve(firing.at),
    ))
}

/// The newest firing whose moment to act has come.
fn newest_that_acts(calendar: &Calendar, application: &str, now: Timestamp) -> Option<calendar::Firing> {
    /// Jitter is shorter than the way to the next firing, so the one before has its turn behind it at the latest.
    const STEPS: usize = 64;
    let before = |firing: &calendar::Firing| calendar.newest(firing.at.checked_sub(SignedDuration::from_secs(1)).ok()?);
    std::iter::successors(calendar.newest(now), before)
        .take(STEPS)
        .find(|firing| acts(application, firing) <= now)
}

/// When a firing acts. Each engine finds the same moment, and two applications find different ones.
#[must_use]
pub fn acts(application: &str, firing: &calendar::Firing) -> Timestamp {
    let hash = Sha256::digest(format!("{application} {}", firing.at));
    let drawn = hash
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let later = drawn.checked_rem(firing.jitter).unwrap_or(0);
    let later = SignedDuration::from_secs(i64::try_from(later).unwrap_or(0));
    firing.at.checked_add(later).unwrap_or(firing.at)
}

#[cfg(test)]
mod tests;
