//! How two sites are kept in step.

use super::Applications;
use dram_fields::{Bytes, Duration, Fields, Name, Rate};

/// Two sites that are kept in step. It has no direction: data flows from the site where an application is active.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ReplicationPair {
    /// The applications that are replicated.
    pub applications: Applications,
    /// The two sites.
    #[field(refers = "RecoverySite", min = 2, max = 2)]
    pub sites: Vec<Name>,
    /// How closely the second site follows. Derived from the objectives of the applications when absent.
    pub mode: Option<ReplicationMode>,
    /// The distance between two replications, with `mode: async`. Derived from the objectives when absent.
    pub interval: Option<Duration>,
    /// The way of the data.
    #[field(default = Via::Auto)]
    pub via: Via,
    /// How the journal of writes is kept, with `mode: journal`.
    pub journal: Option<Journal>,
    /// How the second site gets the data that is there already.
    #[field(default = InitialSync::Full)]
    pub initial_sync: InitialSync,
    /// Whether it replicates.
    #[field(default = PairState::Running)]
    pub state: PairState,
    /// The most that the replication may take.
    pub bandwidth: Option<Rate>,
}

/// How closely a second site follows.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationMode {
    /// A write is acknowledged when both sites have it. Only storage that replicates itself can do this.
    Sync,
    /// The second site gets what changed at a distance.
    Async,
    /// Every write is kept with its moment, so that any moment of a window can be restored.
    Journal,
}

impl ReplicationMode {
    /// The mode that an objective needs: none may be lost, less than a minute, or more.
    #[must_use]
    pub const fn that_keeps(rpo: Duration) -> Self {
        match rpo.seconds {
            0 => Self::Sync,
            1..60 => Self::Journal,
            _ => Self::Async,
        }
    }
}

impl ReplicationPair {
    /// The mode that is stated, that its options show, or that an objective needs.
    #[must_use]
    pub fn mode_for(&self, rpo: Duration) -> ReplicationMode {
        match (self.mode, &self.journal, self.interval) {
            (Some(mode), _, _) => mode,
            (None, Some(_), _) => ReplicationMode::Journal,
            (None, None, Some(_)) => ReplicationMode::Async,
            (None, None, None) => ReplicationMode::that_keeps(rpo),
        }
    }
}

/// The way of replicated data.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// As the platforms of the sites allow.
    Auto,
    /// Through the vault: points of class replica, and volumes at the second site kept filled from the newest. Works everywhere.
    Vault,
    /// VolSync, between two clusters.
    Volsync,
    /// The replication add-on of CSI, between two clusters whose storage replicates.
    CsiAddons,
    /// Ceph's mirroring of images.
    Rbd,
    /// Changed blocks of images and devices.
    Block,
}

/// How a journal of writes is kept.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Journal {
    /// How far back any moment can be restored.
    pub window: Duration,
    /// The distance between base points, from which a journal is replayed.
    pub checkpoint: Option<Duration>,
    /// The most that it may hold.
    pub capacity: Option<Bytes>,
    /// What happens when it is full before the window is over.
    #[field(default = OnOverflow::Shorten)]
    pub on_overflow: OnOverflow,
}

/// What happens when a journal is full.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOverflow {
    /// The oldest part goes: the window is shorter than it should be, and the status says so.
    Shorten,
    /// The journal stops and is seeded again from a new base point.
    Resync,
}

/// How the second site gets the data that is there already.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialSync {
    /// All of it is sent.
    Full,
    /// A copy was brought there, and only what differs is sent.
    Seed,
}

/// Whether a pair replicates.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairState {
    /// It does.
    Running,
    /// It does not until it is running again; what changed meanwhile is sent then.
    Paused,
}
