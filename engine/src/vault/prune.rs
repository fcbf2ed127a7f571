//! Forgets points, and gives back the space that nothing needs any more, in two phases.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jiff::{Timestamp, ToSpan};
use rustic_core::repofile::{IndexFile, IndexPack, PackId, SnapshotFile};
use rustic_core::{FileType, Id, PruneOptions, ReadBackend, WriteBackend};

use super::error::VaultError;
use super::manifest::SEAL_TAG;
use super::pack::id_of;
use super::point::{ATTEST_TAG, tagged};
use super::progress::Cancel;
use super::repository::{Repository, Session, TAG, explain};
use super::store::{Deferring, Store, StoreError};

/// Items of a point that was never sealed are garbage after so many hours.
const GARBAGE_HOURS: i64 = 7 * 24;
/// Packs that nothing needs are removed only when they were marked for so long: whoever wrote meanwhile with an older index
/// may count on them.
const MARKED_HOURS: i64 = 23;
const MARK: &str = "mark what nothing needs";

/// A point that the vault's lock holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPoint {
    /// The point.
    pub point: String,
    /// Until when, by the store's clock.
    pub until: Timestamp,
}

/// What would be forgotten. Decided first, so that it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePlan {
    /// The points that go, sorted.
    pub points: Vec<String>,
    /// Points that were never sealed, whose items go.
    pub unsealed: Vec<String>,
    /// Points that stay although they were to go, because the vault's lock holds them; sorted.
    pub locked: Vec<LockedPoint>,
    seals: Vec<Id>,
    items: Vec<Id>,
    attestations: Vec<Id>,
}

impl PrunePlan {
    /// How many snapshots go.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.seals.len() + self.items.len() + self.attestations.len()
    }

    /// Whether there is nothing to forget.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.snapshots() == 0
    }
}

/// What a prune did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Packs marked now, to be removed by a later prune.
    pub marked_packs: u64,
    /// Packs repacked, because too much in them is not needed.
    pub repacked_packs: u64,
    /// Packs removed, which an earlier prune had marked.
    pub removed_packs: u64,
    /// The bytes of the removed packs.
    pub removed_bytes: u64,
    /// Files that nothing needs any more and that the vault's lock keeps: a prune after its time removes them.
    pub locked_files: u64,
}

impl Repository {
    /// Plans to forget points. `going` is the caller's decision, and `discarded` are those of them that go although they are
    /// quarantined or cannot be read; `live` are the points that running captures own. Points that are gone already, wholly
    /// or in part, are taken as they are.
    ///
    /// # Errors
    /// If a point is held or live, which nothing here takes; if one that is not discarded is quarantined or unreadable; if the
    /// repository cannot be read.
    pub fn plan_prune(
        &self,
        going: &[String],
        discarded: &[String],
        live: &[String],
        now: Timestamp,
    ) -> Result<PrunePlan, VaultError> {
        let going: HashSet<&str> = going.iter().map(String::as_str).collect();
        let live: HashSet<&str> = live.iter().map(String::as_str).collect();
        for point in self.points()? {
            let held = point.held_at(now).map(|hold| &hold.reason);
            let reason = match (held, &point.quarantined, &point.manifest) {
                _ if !going.contains(point.point.as_str()) => continue,
                // An attestation that cannot be read counts as both, and is no hold of somebody's.
                (held, quarantined, _)
                    if discarded.contains(&point.point) && (held.is_none() || held == quarantined.as_ref()) =>
                {
                    continue;
                }
                (Some(reason), _, _) => format!("it is held: {reason}"),
                (_, Some(reason), _) => format!("it is quarantined: {reason}"),
                (_, _, None) => "its seal cannot be read by this version".to_owned(),
                _ => continue,
            };
            return Err(VaultError::Protected {
                point: point.point,
                reason,
            });
        }
        if let Some(point) = going.iter().find(|point| live.contains(*point)) {
            let reason = "a run works with it".to_owned();
            return Err(VaultError::Protected {
                point: (*point).to_owned(),
                reason,
            });
        }
        let session = self.session(&Cancel::new())?;
        let snapshots = session.snapshots(&[TAG])?;
        let locked = self.locked(&snapshots, &going)?;
        let sealed: HashSet<String> = snapshots
            .iter()
            .filter(|snapshot| snapshot.tags.contains(SEAL_TAG))
            .filter_map(|snapshot| tagged(snapshot, "point="))
            .collect();
        let oldest = now.checked_sub(GARBAGE_HOURS.hours()).unwrap_or(Timestamp::MIN);
        let mut plan = PrunePlan {
            points: Vec::new(),
            unsealed: Vec::new(),
            locked: Vec::new(),
            seals: Vec::new(),
            items: Vec::new(),
            attestations: Vec::new(),
        };
        for snapshot in &snapshots {
            let Some(point) = tagged(snapshot, "point=") else {
                continue;
            };
            let goes = going.contains(point.as_str()) && !locked.contains_key(&point);
            let garbage =
                !sealed.contains(&point) && !live.contains(point.as_str()) && snapshot.time.timestamp() < oldest;
            if !goes && !garbage {
                continue;
            }
            plan.take(snapshot, &point, goes);
        }
        plan.locked = locked
            .into_iter()
            .map(|(point, until)| LockedPoint { point, until })
            .collect();
        for names in [&mut plan.points, &mut plan.unsealed] {
            names.sort();
            names.dedup();
        }
        Ok(plan)
    }

    /// Those of the points whose seal the vault's lock still holds.
    fn locked(
        &self,
        snapshots: &[SnapshotFile],
        going: &HashSet<&str>,
    ) -> Result<BTreeMap<String, Timestamp>, VaultError> {
        let mut locked = BTreeMap::new();
        for snapshot in snapshots.iter().filter(|snapshot| snapshot.tags.contains(SEAL_TAG)) {
            let Some(point) = tagged(snapshot, "point=").filter(|point| going.contains(point.as_str())) else {
                continue;
            };
            if let Some(until) = self.locked_until(&snapshot.id)? {
                let longest = locked.entry(point).or_insert(until);
                *longest = until.max(*longest);
            }
        }
        Ok(locked)
    }

    /// Forgets what the plan says: seals first, so that nothing half forgotten is offered. What is gone already is no error,
    /// so a killed one is simply run again.
    ///
    /// # Errors
    /// If a snapshot cannot be removed, or if canceled.
    pub fn forget(&self, plan: &PrunePlan, cancel: &Cancel) -> Result<(), VaultError> {
        let (store, _) = self.deferring(None);
        let session = self.through(store, cancel)?;
        for id in plan.seals.iter().chain(&plan.items).chain(&plan.attestations) {
            remove(&session, id)?;
        }
        Ok(())
    }

    /// Gives back space, in two phases: packs that nothing needs are marked, and removed by a prune 23 hours later or more.
    /// The caller makes sure that no other prune of this repository runs.
    ///
    /// # Errors
    /// If the repository cannot be read or written, or if canceled; it stays whole.
    pub fn prune(&self, cancel: &Cancel) -> Result<Pruned, VaultError> {
        self.prune_marked_for(MARKED_HOURS, cancel)
    }

    pub(super) fn prune_marked_for(&self, hours: i64, cancel: &Cancel) -> Result<Pruned, VaultError> {
        self.stores().pruner.tidy(SystemTime::now());
        // What is moved to a new pack or index is needed as long as what it came from.
        let until = self.index_locked_until(cancel)?;
        let (store, deferred) = self.deferring(until);
        let session = self.through(store, cancel)?;
        let mut options = PruneOptions::default();
        options.keep_delete = hours.hours();
        options.instant_delete = false;
        let plan = session.run("plan a prune", |library| library.prune_plan(&options))?;
        let stats = &plan.stats;
        let mut pruned = Pruned {
            marked_packs: stats.packs.unused,
            repacked_packs: stats.packs.repack,
            removed_packs: stats.packs_to_delete.remove,
            removed_bytes: stats.size_to_delete.remove,
            locked_files: 0,
        };
        let is_idle = stats.index_files_rebuild == 0;
        if is_idle && stats.packs_unref > 0 {
            self.mark_unnamed(&session)?;
        }
        session.run("prune", |library| library.prune(&options, plan))?;
        if session.guard.is_spoiled() {
            return Err(session
                .guard
                .take_error()
                .map_or(VaultError::Canceled, VaultError::from));
        }
        pruned.locked_files = deferred.load(Ordering::Relaxed);
        Ok(pruned)
    }

    /// Marks packs that no index names: whoever wrote or removed them was killed. The library forgets to where it has nothing
    /// else to write, so that they would stay until something else goes.
    fn mark_unnamed(&self, session: &Session) -> Result<(), VaultError> {
        let named = session.all_packs()?;
        let there = session.guard.list_with_size(FileType::Pack);
        let there = there.map_err(|error| explain(&session.guard, MARK, &error))?;
        let unnamed = there.into_iter().filter(|(id, _)| !named.contains(id));
        let marked = IndexFile {
            packs_to_delete: unnamed
                .map(|(id, size)| IndexPack {
                    id: PackId::from(id),
                    time: Some(Timestamp::now()),
                    size: Some(size),
                    blobs: Vec::new(),
                })
                .collect(),
            ..IndexFile::default()
        };
        if marked.packs_to_delete.is_empty() {
            return Ok(());
        }
        let broken = |reason: String| VaultError::Library {
            action: MARK,
            place: self.location(),
            reason,
        };
        let json = serde_json::to_vec(&marked).map_err(|error| broken(error.to_string()))?;
        let sealed = self.codec()?.seal_file(&json).map_err(broken)?;
        session
            .guard
            .write_bytes(FileType::Index, &id_of(&sealed), false, sealed.into())
            .map_err(|error| explain(&session.guard, MARK, &error))
    }

    /// The way by which a prune removes, with the number of locked files that it left.
    fn deferring(&self, until: Option<Timestamp>) -> (Arc<dyn Store>, Arc<AtomicU64>) {
        let pruner = &self.stores().pruner;
        let store = match until.zip(pruner.locks()) {
            Some((until, locks)) => locks.retaining(until),
            None => Arc::clone(pruner),
        };
        let deferred = Arc::default();
        (Arc::new(Deferring::new(store, Arc::clone(&deferred))), deferred)
    }
}

impl PrunePlan {
    fn take(&mut self, snapshot: &SnapshotFile, point: &str, goes: bool) {
        let list = if snapshot.tags.contains(SEAL_TAG) {
            &mut self.seals
        } else if snapshot.tags.contains(ATTEST_TAG) {
            &mut self.attestations
        } else {
            &mut self.items
        };
        list.push(*snapshot.id);
        let names = if goes { &mut self.points } else { &mut self.unsealed };
        names.push(point.to_owned());
    }
}

fn remove(session: &Session, id: &Id) -> Result<(), VaultError> {
    if WriteBackend::remove(&*session.guard, FileType::Snapshot, id, true).is_ok() {
        return Ok(());
    }
    match session.guard.take_error() {
        None | Some(StoreError::Missing { .. }) => Ok(()),
        Some(error) => Err(error.into()),
    }
}
