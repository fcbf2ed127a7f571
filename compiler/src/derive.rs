//! What the user left to us: the schedule that an objective needs, and how each piece of data is captured.

mod freeze;
mod moves;

pub use freeze::{Freeze, freeze, place_of, reached};
pub use moves::{Beside, Moves, moving};

use crate::model::{
    Application, Body, Claims, Component, DataKind, Durability, Duration, Labels, MethodOptions, MethodRule,
    ProtectionPolicy, has_labels,
};

/// Time that sealing a point may take: one small snapshot written and synced.
pub const SEAL: Duration = Duration::seconds(5);

/// Time that making a replica usable may take: its storage becomes writable, or what was brought there is moved into place.
pub const PROMOTION: Duration = Duration::seconds(30);

/// Time after which a write that a journal keeps has left the site: writes travel in batches.
pub const BATCH: Duration = Duration::seconds(5);

/// The longest interval for which interval + freeze + moving + sealing stays within the RPO and each point is sealed, and copied
/// to so many further vaults, before the next is due; in whole minutes where that is possible.
#[must_use]
pub fn longest_interval(rpo: Duration, moves: &Moves, freeze: Duration, copies: u64) -> Option<Duration> {
    let making = |every: u64| moves.seconds(every).saturating_add(SEAL.seconds);
    let run = |every: u64| {
        let all = making(every).saturating_mul(copies.saturating_add(1));
        all.saturating_add(moves.waiting(all)).saturating_add(freeze.seconds)
    };
    let within = |every: u64| {
        let making = making(every);
        let busy = making
            .saturating_add(moves.waiting(making))
            .saturating_add(freeze.seconds);
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

/// How a piece of a component's data is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its files, as they are.
    Files,
    /// The output of its dump command.
    Dump,
    /// The blocks of a device, an image or a volume.
    Image,
    /// A CSI snapshot, from which the data moves.
    CsiSnapshot,
    /// By VolSync.
    Volsync,
    /// By Velero.
    Velero,
    /// By Cinder's backup service.
    CinderBackup,
}

impl Method {
    /// The word in records and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Dump => "dump",
            Self::Image => "image",
            Self::CsiSnapshot => "csi-snapshot",
            Self::Volsync => "volsync",
            Self::Velero => "velero",
            Self::CinderBackup => "cinder-backup",
        }
    }

    /// Where its bytes are kept.
    #[must_use]
    pub const fn durability(self) -> Durability {
        match self {
            Self::Files | Self::Dump | Self::Image | Self::CsiSnapshot => Durability::Vault,
            Self::Volsync | Self::Velero | Self::CinderBackup => Durability::External,
        }
    }

    /// What a rule of a policy says; nothing for one that keeps the definition alone.
    const fn of(options: &MethodOptions) -> Option<Self> {
        Some(match options {
            MethodOptions::Files(_) => Self::Files,
            MethodOptions::Dump(_) => Self::Dump,
            MethodOptions::Image(_) => Self::Image,
            MethodOptions::CsiSnapshot(_) => Self::CsiSnapshot,
            MethodOptions::Volsync(_) => Self::Volsync,
            MethodOptions::Velero(_) => Self::Velero,
            MethodOptions::CinderBackup(_) => Self::CinderBackup,
            MethodOptions::Definition(_) => return None,
        })
    }
}

/// How a kind of data of a component is captured, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// The kind of data.
    pub kind: DataKind,
    /// The method; nothing where only the definition is kept.
    pub method: Option<Method>,
    /// The position of the policy's rule that says so; nothing where it is derived.
    pub rule: Option<usize>,
}

/// How each kind of data of a component is captured under a policy. The first rule of the policy that matches counts.
#[must_use]
pub fn captures(component: &Component, labels: &Labels, policy: &ProtectionPolicy) -> Vec<Capture> {
    let matches = |rule: &MethodRule, kind: DataKind| {
        rule.method.captures().contains(&kind)
            && rule.r#match.as_ref().is_none_or(|matched| {
                matched.component.as_ref().is_none_or(|name| *name == component.name)
                    && matched.kind.is_none_or(|of| of == kind)
                    && has_labels(labels, &matched.labels)
                    // Which class a volume has is known at the site: there the rule counts for some of the volumes.
                    && matched.storage_class.is_none()
            })
    };
    component
        .kinds_of_data()
        .into_iter()
        .map(|kind| {
            let mut rules = policy.methods.iter().enumerate();
            match rules.find(|(_, rule)| matches(rule, kind)) {
                Some((position, rule)) => Capture {
                    kind,
                    method: Method::of(&rule.method),
                    rule: Some(position),
                },
                None => Capture {
                    kind,
                    method: derived(component, kind),
                    rule: None,
                },
            }
        })
        .collect()
}

/// The method for a kind of data of which nobody says another.
fn derived(component: &Component, kind: DataKind) -> Option<Method> {
    match kind {
        DataKind::Files => Some(Method::Files),
        DataKind::Dump => Some(Method::Dump),
        DataKind::Device | DataKind::Server | DataKind::Volume => Some(Method::Image),
        DataKind::Claim => match &component.body {
            Some(Body::Kubernetes(kubernetes)) if kubernetes.claims == Claims::Files => Some(Method::Files),
            _ => Some(Method::CsiSnapshot),
        },
        DataKind::Definition => None,
    }
}

/// The methods that capture a component's data where the policy says nothing.
#[must_use]
pub fn methods(component: &Component) -> Vec<Method> {
    let kinds = component.kinds_of_data();
    kinds.into_iter().filter_map(|kind| derived(component, kind)).collect()
}

/// The components that have data.
pub fn with_data(application: &Application) -> impl Iterator<Item = &Component> {
    application.components.iter().filter(|component| component.has_data())
}
