//! Finding runs without looking through all that ever were, and forgetting old ones.
//!
//! Two indexes are made with each request: a mark under the runs that are open, which goes when the run has ended, and an entry
//! under the application that it works on. They are hints: whether a run has ended is what its log says. A writer that is
//! killed leaves at most an entry too many, which the next reader passes over and forgetting removes.

use std::time::Duration;

use jiff::Timestamp;
use ulid::Ulid;

use super::{Request, Requested, wire_of};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::name::Name;
use crate::record::compaction::older_than;
use crate::record::declaration::Subject;
use crate::record::{body_of, lease};

/// The kind whose objects have an index of their own.
const APPLICATION: &str = "Application";
/// How far back the newest runs are looked for before all are listed, in hours by the ids' own time: a choice of where to begin
/// a listing, nothing is decided by it.
const WINDOWS_HOURS: [u32; 3] = [24, 24 * 8, 24 * 64];
/// Ids that are listed at once.
const PAGE: usize = 1000;

/// What forgetting removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Runs that had ended.
    pub runs: u64,
    /// What interrupted writers had left of runs that never were or were forgotten before.
    pub leftovers: u64,
}

impl Catalog {
    /// The ids of all runs and requests, newest first.
    pub fn runs(&self) -> Result<Vec<Ulid>, CatalogError> {
        self.newest_in(&Folder::requests(self.tenant()), usize::MAX)
    }

    /// The ids of the newest runs and requests, newest first. Lists what is recent, not what is old, if that suffices.
    pub fn newest_runs(&self, most: usize) -> Result<Vec<Ulid>, CatalogError> {
        self.newest_in(&Folder::requests(self.tenant()), most)
    }

    /// The ids of the newest runs of an application, newest first. A run that was never quite asked for may be among them:
    /// [`requested_many`](Catalog::requested_many) leaves it out.
    pub fn newest_runs_of(&self, application: &Name, most: usize) -> Result<Vec<Ulid>, CatalogError> {
        self.newest_in(&Folder::runs_of(self.tenant(), application), most)
    }

    /// What was asked of the runs that have not ended, newest first. Costs a listing, and two reads for each of them.
    pub fn open_runs(&self) -> Result<Vec<Requested>, CatalogError> {
        let ids = self.newest_in(&Folder::open_runs(self.tenant()), usize::MAX)?;
        let mut open = Vec::new();
        for requested in self.requested_many(&ids)? {
            if !self.is_over(requested.id)? {
                open.push(requested);
            }
        }
        Ok(open)
    }

    /// The run that is working on `subject`, if one is: it has not ended, and whoever works on it may be alive.
    pub fn working_on(&self, subject: &Subject) -> Result<Option<Ulid>, CatalogError> {
        let folder = Folder::open_runs(self.tenant());
        let ids = self.newest_in(&folder, usize::MAX)?;
        let keys: Vec<Key> = ids.iter().map(|id| folder.ulid(*id)).collect();
        for ((id, key), record) in ids.into_iter().zip(&keys).zip(self.fetch_many(&keys)?) {
            let Some(record) = record? else { continue };
            let Request { subjects, lease, .. } = self.read_request(id, key, record)?.request;
            if !subjects.contains(subject) {
                continue;
            }
            let held = match &lease {
                Some(name) => lease::may_be_held(self, name)?,
                // Without a lease nothing but its end says that it does not work; but it must have been asked for.
                None => self.fetch(&Folder::requests(self.tenant()).ulid(id))?.is_some(),
            };
            if held && !self.is_over(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Forgets the runs that ended and were asked for longer than `age` ago, by this clock and the time in their ids, unless
    /// `keep` wants them; and what is left of runs as old as that which never were. A run that has not ended is never forgotten.
    ///
    /// Only the engine knows which runs still matter, such as the last restore at a site: `keep` must say so.
    ///
    /// # Errors
    /// The store's, and those of `keep`. What was forgotten until then stays so; this can be run again.
    pub fn forget_runs<E: From<CatalogError>>(
        &self,
        age: Duration,
        mut keep: impl FnMut(&Requested) -> Result<bool, E>,
    ) -> Result<Forgotten, E> {
        self.may_change()?;
        let mut forgotten = Forgotten::default();
        let Some(limit) = older_than(self, age) else {
            return Ok(forgotten);
        };
        let old = |id: &Ulid| time_of(*id).is_some_and(|at| at <= limit);
        let requests = self.runs()?;
        let candidates: Vec<Ulid> = requests.iter().rev().copied().take_while(old).collect();
        for ids in candidates.chunks(PAGE) {
            for requested in self.requested_many(ids)? {
                if self.has_ended(requested.id)? && !keep(&requested)? {
                    self.forget(&requested)?;
                    forgotten.runs += 1;
                }
            }
        }
        // What has an entry or a log and no request: an interrupted request, or an interrupted forgetting.
        let logs = self.list(&Folder::run_logs(self.tenant()))?.folders;
        let open = self.list(&Folder::open_runs(self.tenant()))?.records;
        let mut left: Vec<Ulid> = logs
            .iter()
            .chain(&open)
            .filter_map(|name| Ulid::from_string(name).ok())
            .filter(|id| old(id) && requests.binary_search_by(|known| id.cmp(known)).is_err())
            .collect();
        left.sort_unstable();
        left.dedup();
        for id in left {
            self.forget_log(id)?;
            self.unmark_open(id);
            forgotten.leftovers += 1;
        }
        let is_left = |id: &Ulid| old(id) && requests.binary_search_by(|known| id.cmp(known)).is_err();
        forgotten.leftovers += self.forget_keys(is_left)?;
        Ok(forgotten)
    }

    /// The index first, so that no entry is left for which nobody looks; then the request, by which a writer of this run finds
    /// out that it is gone; then the log.
    fn forget(&self, requested: &Requested) -> Result<(), CatalogError> {
        let id = requested.id;
        for application in applications(&requested.request) {
            self.remove(&Folder::runs_of(self.tenant(), application).ulid(id))?;
        }
        if let Some(key) = &requested.key {
            self.remove(&Folder::keys(self.tenant()).name(key))?;
        }
        self.remove(&Folder::requests(self.tenant()).ulid(id))?;
        self.forget_log(id)
    }

    fn forget_log(&self, id: Ulid) -> Result<(), CatalogError> {
        for folder in [Folder::wishes(self.tenant(), id), Folder::run(self.tenant(), id)] {
            let series = self.series(folder);
            for number in series.numbers()? {
                self.remove(&series.key(number))?;
            }
        }
        Ok(())
    }

    pub(super) fn mark_open(&self, id: Ulid, request: &Request) -> Result<(), CatalogError> {
        for application in applications(request) {
            let key = Folder::runs_of(self.tenant(), application).ulid(id);
            self.place(&key, &self.fresh(None, serde_json::Value::Null))?;
        }
        let key = Folder::open_runs(self.tenant()).ulid(id);
        self.place(&key, &self.fresh(None, body_of(&wire_of(request, None))))?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn mark_open_for_test(&self, id: Ulid) {
        let request = Request {
            verb: "protect".to_owned(),
            subjects: Vec::new(),
            lease: None,
            detail: serde_json::Value::Null,
        };
        self.mark_open(id, &request).unwrap();
    }

    /// Takes the mark of a run away that has ended. One that stays is taken away by the next who looks.
    pub(super) fn unmark_open(&self, id: Ulid) {
        let _ = self.remove(&Folder::open_runs(self.tenant()).ulid(id));
    }

    /// Whether a run that is marked open has ended after all.
    fn is_over(&self, id: Ulid) -> Result<bool, CatalogError> {
        let ended = self.has_ended(id)?;
        if ended {
            self.unmark_open(id);
        }
        Ok(ended)
    }

    /// The newest ids in a folder, newest first.
    fn newest_in(&self, folder: &Folder, most: usize) -> Result<Vec<Ulid>, CatalogError> {
        let mut ids = Vec::new();
        let windows: &[u32] = if most == usize::MAX { &[] } else { &WINDOWS_HOURS };
        let since = |hours: &u32| older_than(self, Duration::from_secs(3600 * u64::from(*hours)));
        let starts = windows.iter().filter_map(since).map(first_of).chain([String::new()]);
        for start in starts {
            ids = self.ids_after(folder, start)?;
            if ids.len() >= most {
                break;
            }
        }
        if ids.is_empty() {
            self.still_here()?;
        }
        ids.reverse();
        ids.truncate(most);
        Ok(ids)
    }

    /// All ids in a folder whose names sort after `start`, ascending.
    fn ids_after(&self, folder: &Folder, mut start: String) -> Result<Vec<Ulid>, CatalogError> {
        let mut ids = Vec::new();
        loop {
            let names = self.list_after(folder, &start, PAGE)?;
            ids.extend(names.iter().filter_map(|name| Ulid::from_string(name).ok()));
            match names.last() {
                Some(last) if names.len() == PAGE => start.clone_from(last),
                _ => return Ok(ids),
            }
        }
    }
}

fn applications(request: &Request) -> impl Iterator<Item = &Name> {
    let of = |subject: &&Subject| subject.kind.as_str() == APPLICATION;
    request.subjects.iter().filter(of).map(|subject| &subject.name)
}

/// When an id was made, by its maker's clock.
fn time_of(id: Ulid) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(id.timestamp_ms()).ok()?).ok()
}

/// A name that sorts before every id of `at` and later.
fn first_of(at: Timestamp) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    Ulid::from_parts(millis, 0).to_string()
}
