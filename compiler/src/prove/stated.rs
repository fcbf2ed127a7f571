//! The calendar that a policy states, as far as a proof asks: worked out once for a policy, whatever it protects.

use crate::calendar::{Calendar, Longest, Rhythm};
use crate::model::{Duration, ProtectionPolicy};

/// What a policy says of its firings.
pub(super) enum Stated {
    /// Nothing: an interval is derived.
    Nothing,
    /// A schedule that does not fire twice.
    NoFirings,
    /// When they come.
    Firings(Box<Firings>),
}

/// The firings that a policy states.
pub(super) struct Firings {
    rhythm: Rhythm,
    /// Whether firings come at one distance, and no other.
    is_regular: bool,
    is_of_intervals: bool,
    may_skip: bool,
}

impl Stated {
    pub(super) fn of(policy: &ProtectionPolicy) -> Self {
        Calendar::of(&policy.schedule).map_or(Self::Nothing, |calendar| Self::of_calendar(&calendar))
    }

    /// Firings at one distance.
    pub(super) fn every(distance: Duration) -> Self {
        Self::of_calendar(&Calendar::every(distance))
    }

    fn of_calendar(calendar: &Calendar) -> Self {
        let Some(rhythm) = calendar.rhythm() else {
            return Self::NoFirings;
        };
        Self::Firings(Box::new(Firings {
            rhythm,
            is_regular: calendar.is_regular(),
            is_of_intervals: calendar.is_of_intervals(),
            may_skip: calendar.may_skip(),
        }))
    }

    /// Whether firings lie closer to each other at times.
    pub(super) fn is_irregular(&self) -> bool {
        matches!(self, Self::Firings(firings) if !firings.is_regular)
    }

    /// What the schedule takes for granted.
    pub(super) fn assumptions(&self) -> Vec<String> {
        match self {
            Self::Firings(firings) if firings.may_skip => {
                vec![
                    "an engine serves whenever the schedule fires: what it misses is skipped (`missed: skip`)"
                        .to_owned(),
                ]
            }
            _ => Vec::new(),
        }
    }
}

impl Firings {
    /// Seconds of the longest gap.
    pub(super) fn seconds(&self) -> u64 {
        self.rhythm.longest.seconds()
    }

    /// By so many seconds the firing that ends it acts later.
    pub(super) const fn jitter(&self) -> u64 {
        self.rhythm.longest.jitter()
    }

    /// The time that a run has before the next firing, where that is not the gap itself.
    pub(super) fn room(&self) -> Option<u64> {
        (!self.is_of_intervals).then(|| self.rhythm.shortest.saturating_sub(self.jitter()))
    }

    /// Where the longest gap lies.
    pub(super) fn because(&self) -> String {
        match &self.rhythm.longest {
            Longest::Every { seconds, .. } => format!("the schedule says every {}", Duration::seconds(*seconds)),
            Longest::Between(gap) => {
                let at = |moment: jiff::Timestamp| {
                    let zoned = moment.to_zoned(gap.zone.rules().clone());
                    zoned.strftime("%Y-%m-%d %H:%M").to_string()
                };
                format!("{} to {}, {} time", at(gap.from), at(gap.to), gap.zone)
            }
        }
    }
}
