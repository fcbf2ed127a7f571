//! What happens without a person.

use super::Window;
use dram_fields::{Duration, Fields, Whole};

/// Failover without a person, within limits.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Automation {
    /// Who decides.
    #[field(default = AutomationMode::Manual)]
    pub mode: AutomationMode,
    /// When an application counts as lost.
    pub detect: Option<Detect>,
    /// How long a loss must last before anything is done.
    pub hold_down: Option<Duration>,
    /// What automation must never do.
    pub limits: Option<Limits>,
}

/// Who decides about a failover.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutomationMode {
    /// A person, who also begins it.
    Manual,
    /// A person, who is asked.
    Approval,
    /// Nobody: it is done. The site needs fencing that needs no person.
    Automatic,
}

/// When an application counts as lost.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Detect {
    /// Its health is asked at this distance.
    #[field(default = Duration::seconds(30))]
    pub every: Duration,
    /// This many times in a row it must fail.
    #[field(default = Whole::clamped(3))]
    pub failures: Whole<1, 100>,
}

impl Detect {
    /// The longest from the loss to its detection, beside the time of the last question itself.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::seconds(self.every.seconds.saturating_mul(u64::from(self.failures.get())))
    }
}

/// Limits of automation. Where one is reached the status says so, and a person decides.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Limits {
    /// No failover that would lose more than this.
    pub max_lag: Option<Duration>,
    /// No more than this many in a day.
    pub max_per_day: Option<Whole<1, 100>>,
    /// None for so long after one.
    pub cooldown: Option<Duration>,
    /// Only in these parts of the day, in UTC. Without it: at any time.
    #[field(block = "window")]
    pub windows: Vec<Window>,
}
