//! What changes, and how long it moves over a line that others use as well.

use crate::model::{Duration, Rate};

/// What an application changes, and the line over which it moves.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    /// How much of each of its parts changes.
    pub changes: Vec<Rate>,
    /// The most that it moves with; nothing where no bandwidth is stated: moving counts as instant.
    pub line: Option<Rate>,
    /// What others move over the same line at the same time, where that is known.
    pub beside: Option<Beside>,
    /// For so many seconds of each day data moves; nothing where it may all day.
    pub open: Option<u64>,
}

/// What others may move over a line at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// What the line carries, for all of them together.
    pub bandwidth: Rate,
    /// Bytes that they may have to move at once: all that one run of each of them moves.
    pub burst: u64,
    /// Bytes a week by which that grows meanwhile.
    pub weekly: u128,
    /// How many they are.
    pub others: usize,
}

impl Moves {
    /// Bytes that change in so many seconds.
    #[must_use]
    pub fn bytes(&self, seconds: u64) -> u64 {
        self.changes
            .iter()
            .map(|rate| rate.bytes_in(seconds))
            .fold(0, u64::saturating_add)
    }

    /// Seconds to move what changes in so many seconds, in the worst case; 0 where no bandwidth is stated.
    #[must_use]
    pub fn seconds(&self, seconds: u64) -> u64 {
        match (self.line, self.beside) {
            (Some(line), Some(beside)) => beside.seconds_for(self.bytes(seconds), line),
            (line, _) => moving(&self.changes, line, Duration::seconds(seconds)),
        }
    }
}

impl Moves {
    /// Seconds of waiting for the part of the day in which data moves, while it has to move for so long: one wait before each
    /// part that it takes.
    #[must_use]
    pub fn waiting(&self, seconds: u64) -> u64 {
        const DAY: u64 = 86_400;
        let open = self.open.map_or(DAY, |open| open.clamp(1, DAY));
        seconds.div_ceil(open).saturating_mul(DAY - open)
    }
}

impl Beside {
    /// Seconds to move so many bytes at a rate of one's own, which the line does not exceed either.
    ///
    /// Whoever shares the line is served in an order that nobody knows. While the others move all that they have, nothing is
    /// left; what they still change meanwhile comes on top. With the rate *r*, the bandwidth *B*, the burst *S* and the growth
    /// *g* of the others: *t = (bytes / r + S / B) · B / (B − g)*. That the others never have more to move than a run of each of
    /// them, and what they change meanwhile, follows from their runs: each moves what changed since the one before it, and the
    /// line never rests while anybody has something to move (network calculus: token buckets at a server that preserves work).
    #[must_use]
    pub fn seconds_for(&self, bytes: u64, rate: Rate) -> u64 {
        let line = self.bandwidth.bytes_in_a_week();
        let own = rate.bytes_in_a_week().min(line);
        let seconds = || {
            let left = line.checked_sub(self.weekly).filter(|left| *left > 0)?;
            let ours = u128::from(bytes).checked_mul(line)?;
            let theirs = u128::from(self.burst).checked_mul(own)?;
            let moved = ours.checked_add(theirs)?.checked_mul(u128::from(Rate::WEEK))?;
            let at = own.checked_mul(left).filter(|at| *at > 0)?;
            u64::try_from(moved.div_ceil(at)).ok()
        };
        seconds().unwrap_or(u64::MAX)
    }
}

/// Seconds to move what changes in a time; 0 where no bandwidth is stated.
#[must_use]
pub fn moving(changes: &[Rate], bandwidth: Option<Rate>, time: Duration) -> u64 {
    bandwidth
        .and_then(|rate| rate.seconds_to_move(changes, time.seconds))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    /// 60 MiB at 2 MiB/s are 30 s, beside 100 MiB of others at 10 MiB/s 10 s: 40 s. They change 2 MiB/s, a fifth of the line:
    /// 40 s · 10 / 8 = 50 s.
    #[test]
    fn others_first_and_what_they_change_meanwhile() {
        let beside = |bandwidth, growth: &str| Beside {
            bandwidth: rate(bandwidth),
            burst: 100 << 20,
            weekly: rate(growth).bytes_in_a_week(),
            others: 2,
        };
        assert_eq!(beside("10Mi/s", "0/s").seconds_for(60 << 20, rate("2Mi/s")), 40);
        assert_eq!(beside("10Mi/s", "2Mi/s").seconds_for(60 << 20, rate("2Mi/s")), 50);
        // Nobody moves faster than the line: (60 + 100) / 10 · 10 / 8 = 20 s.
        assert_eq!(beside("10Mi/s", "2Mi/s").seconds_for(60 << 20, rate("1Gi/s")), 20);
        // Who leaves nothing lets nobody through.
        assert_eq!(beside("10Mi/s", "10Mi/s").seconds_for(1, rate("1Gi/s")), u64::MAX);
        assert_eq!(beside("10Mi/s", "1Pi/s").seconds_for(1, rate("1Gi/s")), u64::MAX);
    }
}
