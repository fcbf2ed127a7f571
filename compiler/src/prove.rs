//! RPO and RTO: the worst case, how it comes about, and whether it holds.

mod line;
mod report;
mod rpo;
mod rto;
mod stated;

pub use report::{ApplicationProof, PrimaryLost, Report, TargetProof, duration_text, prove};
pub use rpo::{firings, policy_alone, recovery_point, recovery_point_of_copy};
pub use rto::{at_home, recovery_time};

use crate::model::Duration;

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

/// A part of the worst case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What takes the time.
    pub what: &'static str,
    /// How long.
    pub seconds: u64,
    /// Where the number comes from.
    pub because: String,
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
    fn new(objective: Duration, terms: Vec<Term>, assumptions: Vec<String>) -> Self {
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
}
