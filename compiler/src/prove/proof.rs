//! What a proof is: an objective, a worst case, and where each of its numbers comes from.

use super::print::duration_text;
use crate::model::{Duration, Rate};

/// Whether an objective holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds in the worst case.
    Met,
    /// It does not.
    NotMet,
    /// It holds under assumptions about inputs that are missing.
    Unproven,
}

impl Verdict {
    /// The word in outputs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::Unproven => "unproven",
        }
    }
}

/// A part of the worst case: the parts add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What takes the time.
    pub what: &'static str,
    /// How long.
    pub seconds: u64,
    /// Where the number comes from.
    pub because: String,
    /// The numbers from which it follows.
    pub from: Vec<Given>,
}

impl Term {
    pub(super) fn new(what: &'static str, seconds: u64, because: impl Into<String>) -> Self {
        Self {
            what,
            seconds,
            because: because.into(),
            from: Vec::new(),
        }
    }

    pub(super) fn from(self, from: Vec<Given>) -> Self {
        Self { from, ..self }
    }
}

/// A number from which another one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What it is the number of.
    pub what: String,
    /// The number.
    pub amount: Amount,
    /// Where it comes from.
    pub because: String,
    /// The numbers from which it follows itself; none where the model states it.
    pub from: Vec<Given>,
}

impl Given {
    pub(super) fn new(what: impl Into<String>, amount: Amount, because: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            amount,
            because: because.into(),
            from: Vec::new(),
        }
    }
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// A time.
    Seconds(u64),
    /// Data.
    Bytes(u64),
    /// Data in a time.
    Rate(Rate),
}

/// Which declaration decides about an objective that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decides {
    /// The policy alone: no site or application could make it hold.
    PolicyAlone,
    /// The parts together.
    Together,
}

/// An objective and its worst case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What must hold.
    pub objective: Duration,
    /// The worst case in seconds, as far as the inputs tell.
    pub worst_case: u64,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The parts of the worst case.
    pub terms: Vec<Term>,
    /// What is taken for granted because an input is missing.
    pub assumptions: Vec<String>,
    /// Who decides, when it does not hold.
    pub decides: Decides,
    /// The way out, when it does not hold.
    pub help: Option<String>,
    /// Moving and sealing take longer than the gap: delays grow without bound.
    pub too_slow: bool,
}

impl Proof {
    pub(super) fn new(objective: Duration, terms: Vec<Term>, assumptions: Vec<String>) -> Self {
        let worst_case = terms.iter().map(|term| term.seconds).fold(0, u64::saturating_add);
        let verdict = if worst_case > objective.seconds {
            Verdict::NotMet
        } else if assumptions.is_empty() {
            Verdict::Met
        } else {
            Verdict::Unproven
        };
        Self {
            objective,
            worst_case,
            verdict,
            terms,
            assumptions,
            decides: Decides::Together,
            help: None,
            too_slow: false,
        }
    }

    /// The same where runs come to no end: whatever the sum says, it does not hold.
    pub(super) fn too_slow(self, is: bool) -> Self {
        if !is {
            return self;
        }
        Self {
            too_slow: true,
            verdict: Verdict::NotMet,
            ..self
        }
    }

    /// The same with a way out, where it does not hold.
    pub(super) fn or_help(self, help: impl FnOnce() -> String) -> Self {
        let help = (self.verdict == Verdict::NotMet).then(help);
        Self { help, ..self }
    }

    /// The derivation in one line: `1h (gap between firings) + 20s (move what changed) + 5s (seal)`.
    #[must_use]
    pub fn sum(&self) -> String {
        let parts: Vec<String> = self
            .terms
            .iter()
            .filter(|term| term.seconds > 0)
            .map(|term| format!("{} ({})", duration_text(term.seconds), term.what))
            .collect();
        parts.join(" + ")
    }

    /// How good it is, for a choice between two: the least of these is the better one.
    pub(super) const fn rank(&self) -> (u8, u64) {
        let verdict = match self.verdict {
            Verdict::Met => 0,
            Verdict::Unproven => 1,
            Verdict::NotMet => 2,
        };
        (verdict, self.worst_case)
    }
}
