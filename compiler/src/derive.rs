//! What the user left to us: the schedule that an objective needs, and how each piece of data is captured.

mod freeze;

pub use freeze::{Freeze, freeze, place_of, reached};

use crate::model::{Application, Body, Component, Duration, ProtectionPolicy, Rate};

/// Time that sealing a point may take: one small snapshot written and synced.
pub const SEAL: Duration = Duration::seconds(5);

/// The distance between firings of a policy that states no schedule: the longest that the RPO allows.
/// `None` when no interval could meet the RPO.
#[must_use]
pub fn interval(
    policy: &ProtectionPolicy,
    changes: &[Rate],
    bandwidth: Option<Rate>,
    freeze: Duration,
) -> Option<Duration> {
    let copies = u64::try_from(policy.vaults.len().saturating_sub(1)).unwrap_or(u64::MAX);
    longest_interval(policy.objectives.rpo, changes, bandwidth, freeze, copies)
}

/// The longest interval for which interval + freeze + moving + sealing stays within the RPO and each point is sealed, and copied
/// to so many further vaults, before the next is due; in whole minutes where that is possible.
#[must_use]
pub fn longest_interval(
    rpo: Duration,
    changes: &[Rate],
    bandwidth: Option<Rate>,
    freeze: Duration,
    copies: u64,
) -> Option<Duration> {
    let making = |every: u64| moving(changes, bandwidth, Duration::seconds(every)).saturating_add(SEAL.seconds);
    let run = |every: u64| {
        let all = making(every).saturating_mul(copies.saturating_add(1));
        all.saturating_add(freeze.seconds)
    };
    let within = |every: u64| {
        let busy = making(every).saturating_add(freeze.seconds);
        every.checked_add(busy).is_some_and(|sum| sum <= rpo.seconds)
    };
    // By bisection: the worst case grows with the interval. So does the room that moving leaves in it, and when the
    // longest one has too little of it, then every one has.
    let (mut low, mut high) = (0, rpo.seconds);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if within(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let minutes = low - low % 60;
    [minutes, low]
        .into_iter()
        .find(|every| within(*every) && run(*every) <= *every)
        .map(Duration::seconds)
}

/// Seconds to move what changes in a time; 0 where no bandwidth is stated.
#[must_use]
pub fn moving(changes: &[Rate], bandwidth: Option<Rate>, time: Duration) -> u64 {
    bandwidth
        .and_then(|rate| rate.seconds_to_move(changes, time.seconds))
        .unwrap_or_default()
}

/// How a piece of a component's data is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its files, as they are.
    Files,
    /// Its device, byte by byte.
    Image,
    /// The output of its dump command.
    Dump,
}

impl Method {
    /// The word in records and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Image => "image",
            Self::Dump => "dump",
        }
    }
}

/// The methods that capture a component's data.
#[must_use]
pub fn methods(component: &Component) -> Vec<Method> {
    let Some(Body::Host(host)) = &component.body else {
        return Vec::new();
    };
    let mut methods = Vec::new();
    if !host.paths.is_empty() {
        methods.push(Method::Files);
    }
    if host.device.is_some() {
        methods.push(Method::Image);
    }
    if host.dump.is_some() {
        methods.push(Method::Dump);
    }
    methods
}

/// The components that have data.
pub fn with_data(application: &Application) -> impl Iterator<Item = &Component> {
    application
        .components
        .iter()
        .filter(|component| !methods(component).is_empty())
}
