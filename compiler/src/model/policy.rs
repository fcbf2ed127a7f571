//! How well something must survive.

use super::{Alerts, Cron, MethodRule, TimeOfDay, Timezone, has_labels};
use dram_fields::{Duration, Fields, Name, Percent, Rate, Scalar, Whole};
use std::collections::BTreeMap;

/// Objectives, schedule and retention for applications, and the vaults that keep their points.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ProtectionPolicy {
    /// What must hold on the worst day.
    pub objectives: Objectives,
    /// Which applications it protects, among those that name no policy.
    pub applies_to: Option<AppliesTo>,
    /// When points are made. Derived from `objectives.rpo` when absent.
    pub schedule: Vec<Schedule>,
    /// How much the data of a point must belong together. Without it files are read while the application changes them, but
    /// for components with hooks before the freeze, and in `consistencyGroups`.
    pub consistency: Option<Consistency>,
    /// How data is captured, where that is not what is derived: files as `files`, dumps as `dump`, devices, servers and
    /// volumes of a cloud as `image`, claims as `csiSnapshot` or, with `claims: files`, as `files`.
    #[field(block = "method")]
    pub methods: Vec<MethodRule>,
    /// Which points are kept when `dram prune` runs. Without it every point is kept.
    pub retention: Option<Retention>,
    /// The vaults that keep the points: the first is the primary one, where points are made; the others hold copies.
    #[field(block = "vault", key = "name", min = 1)]
    pub vaults: Vec<VaultUse>,
    /// How data moves to and from the vaults.
    pub transfer: Option<Transfer>,
    /// How often the newest point is proved to be restorable. Without it only `dram verify` does that.
    pub verify: Option<Verify>,
    /// What happens when much more changes than usual, as when an intruder encrypts everything.
    pub anomaly: Option<Anomaly>,
    /// Who is told when protection is at risk.
    pub alerts: Option<Alerts>,
}

/// A choice of applications by their labels.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct AppliesTo {
    /// Labels that an application must have, with these values.
    #[field(min = 1)]
    pub labels: BTreeMap<String, Scalar>,
}

impl ProtectionPolicy {
    /// Whether it protects an application with these labels that names no policy.
    #[must_use]
    pub fn applies_to(&self, labels: &BTreeMap<String, Scalar>) -> bool {
        let chosen = self.applies_to.as_ref();
        chosen.is_some_and(|chosen| has_labels(labels, &chosen.labels))
    }
}

/// What happens when much more changes than usual.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// More than this, new in the vault and compressed as it lies there since the point before, is unusual. What came in less
    /// than an hour counts as that of an hour.
    pub change_rate: Rate,
    /// What is done about it.
    #[field(default = AnomalyAction::Warn)]
    pub action: AnomalyAction,
}

/// What is done about an unusual change.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnomalyAction {
    /// The run says so.
    Warn,
    /// And the point before is held in the first vault until `dram hold --release`: retention does not take the last one that
    /// may be good.
    Hold,
}

/// What must hold on the worst day.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Objectives {
    /// Recovery point objective: the most time whose changes may be lost.
    pub rpo: Duration,
    /// Recovery time objective: the most time until the application runs again.
    pub rto: Option<Duration>,
    /// The longest that an application is frozen while its data is read. After that it is thawed, and the point fails.
    #[field(default = Duration::seconds(60))]
    pub max_freeze: Duration,
}

/// How much the data of a point belongs together. What was reached stands in each point.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consistency {
    /// The files of each component stem from one moment, as after a loss of power.
    Crash,
    /// So do those of all components together.
    Group,
    /// And their file systems had been brought to rest: what programs had written is there.
    Filesystem,
    /// And the applications had been brought to rest, by hooks or because a dump is a transaction of its own.
    Application,
}

/// When points are made: moments that are called firings. Where a policy has several schedules, the firings of all count.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Schedule {
    /// How its moments are said.
    #[field(one_of)]
    pub when: When,
    /// The time zone of `cron` and `window`, by its IANA name. UTC when absent.
    pub timezone: Option<Timezone>,
    /// The part of the day that has firings. Outside of it there are none.
    pub window: Option<Window>,
    /// Each firing acts by up to so much later: always the same amount for one firing of one application, so that many
    /// applications do not begin at once.
    pub jitter: Option<Duration>,
    /// What becomes of a firing while no engine serves.
    #[field(default = Missed::RunOnce)]
    pub missed: Missed,
}

/// How a schedule says its moments.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum When {
    /// At this distance, counted from the beginning of 1970 in UTC.
    Every(Duration),
    /// At the times that a cron expression names: minute, hour, day of the month, month and weekday.
    Cron(Cron),
}

/// A part of each day.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Window {
    /// Its first minute.
    pub from: TimeOfDay,
    /// The minute before which it ends; earlier than `from` where it passes midnight.
    pub to: TimeOfDay,
}

impl Schedule {
    /// One that fires at a distance, all day.
    #[must_use]
    pub const fn every(distance: Duration) -> Self {
        Self {
            when: When::Every(distance),
            timezone: None,
            window: None,
            jitter: None,
            missed: Missed::RunOnce,
        }
    }
}

impl Window {
    /// How long it is open each day, in seconds; all day where it ends when it begins.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        const DAY: u64 = 24 * 60;
        let (from, to) = (u64::from(self.from.minute), u64::from(self.to.minute));
        match (to + DAY - from) % DAY {
            0 => DAY * 60,
            minutes => minutes * 60,
        }
    }
}

/// What becomes of firings while no engine serves.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They pass, and the next one is waited for.
    Skip,
    /// The newest of them is served as soon as an engine is back.
    RunOnce,
}

/// Which points are kept. A point stays when any of the rules keeps it. Points of each class (scheduled, manual, replica) count
/// by themselves; hours, days, weeks, months and years are those of UTC, and weeks begin on Monday.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Retention {
    /// The newest points, this many.
    pub last: Option<u32>,
    /// The newest point of each hour that has one, for this many hours.
    pub hourly: Option<u32>,
    /// The newest point of each day that has one, for this many days.
    pub daily: Option<u32>,
    /// The newest point of each week that has one, for this many weeks.
    pub weekly: Option<u32>,
    /// The newest point of each month that has one, for this many months.
    pub monthly: Option<u32>,
    /// The newest point of each year that has one, for this many years.
    pub yearly: Option<u32>,
    /// Every point that is no older than this beside the newest one: nothing ages where nothing new is made.
    pub within: Option<Duration>,
    /// The newest verified points, this many and at least 1, whatever the other rules say.
    #[field(default = 1)]
    pub keep_verified: u32,
}

/// A vault that a policy uses.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct VaultUse {
    /// Name of the vault.
    #[field(refers = "Vault")]
    pub name: Name,
    /// How old a point is when it is copied here, counted from its freeze: until then an error or an intruder at the source
    /// can still be stopped. Not for the first vault.
    pub delay: Option<Duration>,
    /// Which points are kept here. Without it: as the policy's `retention` says. Not for the first vault.
    pub retention: Option<Retention>,
}

/// How often the newest point of each vault is proved to be restorable.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Verify {
    /// How deeply.
    #[field(default = VerifyLevel::Checksum)]
    pub level: VerifyLevel,
    /// At this distance.
    pub every: Duration,
    /// Only so much of a point is read each time, another part the next time, until all was; with `level: checksum`. A point counts
    /// as verified only when all of it was read at once.
    pub sample: Option<Percent>,
}

/// How deeply a point is verified.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyLevel {
    /// Every byte is read back and compared with its hash.
    Checksum,
    /// Every file is restored into a scratch folder of the engine's machine, every image and every dump is read to its end.
    Restore,
    /// It is restored in isolation, and its servers start.
    Boot,
    /// And its components become healthy there.
    Health,
}

/// How data moves to and from the vaults.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Transfer {
    /// How many transfers run at once. Without it the engine chooses.
    pub parallel: Option<Whole<1, 64>>,
    /// The most that all transfers of an application together may take, restores included.
    pub bandwidth: Option<Rate>,
    /// The part of the day in which data moves to the vaults; a point that was frozen outside of it waits. In UTC.
    pub window: Option<Window>,
}
