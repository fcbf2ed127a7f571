//! Stretches of time in which a clock is neither put forward nor back.

use crate::model::Timezone;
use jiff::Timestamp;

/// The moments before anything and after everything.
pub(super) const NEVER: (i64, i64) = (i64::MIN / 4, i64::MAX / 4);

/// Moments between two changes of a zone's distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first moment.
    pub(super) from: i64,
    /// The first moment after it.
    pub(super) until: i64,
    /// Seconds that the clock is ahead of UTC.
    pub(super) offset: i64,
    /// The same before this stretch.
    before: i64,
}

impl Stretch {
    /// The one that holds a moment.
    pub(super) fn at(zone: &Timezone, at: i64) -> Self {
        let rules = zone.rules();
        let offset = |at: Timestamp| i64::from(rules.to_offset(at).seconds());
        // What lies beyond jiff's years has the rules of their ends.
        let moment = super::moment(at);
        let after = moment.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(moment);
        let begin = rules.preceding(after).next().map(|change| change.timestamp());
        let end = rules.following(moment).next().map(|change| change.timestamp());
        let earlier = |begin: Timestamp| begin.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(begin);
        Self {
            from: begin.map_or(NEVER.0, Timestamp::as_second),
            until: end.map_or(NEVER.1, Timestamp::as_second),
            offset: offset(moment),
            before: begin.map_or_else(|| offset(moment), |begin| offset(earlier(begin))),
        }
    }

    /// What the clock shows at a moment of it.
    pub(super) const fn local(&self, at: i64) -> i64 {
        at + self.offset
    }

    /// What the clock never showed, because it was put forward when the stretch began: from the first on, up to before
    /// the second.
    pub(super) fn skipped(&self) -> Option<(i64, i64)> {
        (self.before < self.offset).then(|| (self.from + self.before, self.from + self.offset))
    }

    /// Until this moment the clock shows again what it has shown already, because it was put back.
    pub(super) fn repeats_until(&self) -> i64 {
        self.from + (self.before - self.offset).max(0)
    }

    /// Whatever daylight saving does to the day that begins at a moment of the stretch, counted from that moment: two such
    /// days of one answer are alike.
    pub(super) fn around(&self, begin: i64, zone: &Timezone) -> [i64; 5] {
        const DAY: i64 = 86_400;
        let since = begin - self.from;
        let recent = if since < 2 * DAY { [since, self.before] } else { [-1, 0] };
        let until = self.until - begin;
        let soon = if until < DAY {
            [until, Self::at(zone, self.until).offset]
        } else {
            [-1, 0]
        };
        [self.offset, recent[0], recent[1], soon[0], soon[1]]
    }
}
