//! How well an application is protected right now. One function moves it.

use dram_compiler::model::Duration;
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

#[cfg(test)]
mod tests {
    use super::*;

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
