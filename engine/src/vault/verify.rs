//! Proves that a point can be read back: every tree and every blob that restoring it would read is read, decrypted and
//! compared with its hash, and so is every pack that holds any of it. What fails is named by pack and by file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::{DataId, Id};

use super::blob::{BlobFault, Blobs};
use super::error::VaultError;
use super::list::tree_id;
use super::lock::{packs_of, under};
use super::manifest::Durability;
use super::pack::Spot;
use super::point::PointState;
use super::progress::{Basis, Cancel, Progress};
use super::repository::Repository;
use super::store::{Kind, Store, StoreError};

const WORKERS: usize = 4;
/// A thread reads about so many bytes of a pack at a time.
const UNIT: u64 = 16 * 1024 * 1024;

/// What a verification read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Files in the items of the point.
    pub files: u64,
    /// The bytes of distinct content that were read and compared.
    pub bytes: u64,
    /// Packs that hold them.
    pub packs: u64,
}

/// Something that a verification found to be damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The pack, if it is known.
    pub pack: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// Files that need it: the item's name and the logical path. At most 20.
    pub files: Vec<(String, PathBuf)>,
    /// How many more files need it.
    pub more: usize,
}

/// What a verification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was read.
    pub checked: Checked,
    /// What is damaged; a point without any is verified.
    pub damages: Vec<Damage>,
}

/// A data blob that the point needs, with the files that need it.
#[derive(Default)]
struct Needed {
    blobs: HashMap<DataId, Vec<usize>>,
    files: Vec<(String, PathBuf)>,
    damages: Vec<Damage>,
}

const NAMED: usize = 20;

impl Repository {
    /// Reads everything that restoring a point would read, and compares it with its hashes. Trees are compared by the
    /// authentication of the encryption, data by the hash that names them too.
    ///
    /// # Errors
    /// If the point is not sealed or not whole, if the store fails for other reasons than damage, or if canceled. Damage is
    /// part of the verdict.
    pub fn verify(&self, point: &str, progress: &Arc<dyn Progress>, cancel: &Cancel) -> Result<Verdict, VaultError> {
        let unknown = || VaultError::UnknownPoint {
            point: point.to_owned(),
        };
        let sealed = self
            .points()?
            .into_iter()
            .find(|p| p.point == point)
            .ok_or_else(unknown)?;
        let manifest = match (sealed.manifest, sealed.state) {
            (Some(manifest), _) => manifest,
            (None, PointState::Unreadable { reason }) => {
                return Err(VaultError::Record {
                    what: "the manifest",
                    place: point.into(),
                    reason,
                });
            }
            (None, _) => return Err(unknown()),
        };
        let blobs = self.blobs(cancel)?;
        let mut needed = Needed::default();
        for item in manifest
            .items
            .iter()
            .filter(|item| item.durability == Durability::Vault)
        {
            needed.collect(&blobs, &item.name, &item.tree)?;
        }
        let mut spots: BTreeMap<Id, Vec<(DataId, Spot)>> = BTreeMap::new();
        let ids: Vec<DataId> = needed.blobs.keys().copied().collect();
        for id in ids {
            match blobs.spot(&id) {
                Ok(spot) => spots.entry(spot.pack).or_default().push((id, spot)),
                Err(fault) => needed.blame(&id, fault),
            }
        }
        let mut checked = Checked {
            files: u64::try_from(needed.files.len()).unwrap_or(u64::MAX),
            bytes: 0,
            packs: u64::try_from(spots.len()).unwrap_or(u64::MAX),
        };
        let sizes = spots.values().flatten().map(|(_, spot)| u64::from(spot.size()));
        checked.bytes = sizes.sum();
        progress.total(checked.bytes, Basis::Counted);
        let mut packs: HashSet<Id> = spots.keys().copied().collect();
        for (id, fault) in read_all(&blobs, spots, progress, cancel)? {
            needed.blame(&id, fault);
        }
        // The seal is part of the point: without it nothing of the point is offered.
        let seal = self.session(cancel)?.snapshot(&sealed.seal)?;
        let _ = packs_of(&blobs, seal.tree, &mut packs);
        let of_vault = manifest
            .items
            .iter()
            .filter(|item| item.durability == Durability::Vault);
        for item in of_vault {
            // What keeps a tree from being read is blamed already.
            let _ = packs_of(&blobs, tree_id(&item.tree)?, &mut packs);
        }
        let blamed: HashSet<String> = needed.damages.iter().filter_map(|damage| damage.pack.clone()).collect();
        packs.retain(|pack| !blamed.contains(pack.to_hex().as_str()));
        needed.damages.extend(self.whole(packs, cancel)?);
        needed
            .damages
            .sort_by(|a, b| (&a.pack, &a.files).cmp(&(&b.pack, &b.files)));
        Ok(Verdict {
            checked,
            damages: needed.damages,
        })
    }
}

impl Repository {
    /// Compares packs as they lie in the vault with the hashes that name them: what restoring this point does not read, the
    /// list at a pack's end above all, is needed by whoever mends the index.
    fn whole(&self, packs: HashSet<Id>, cancel: &Cancel) -> Result<Vec<Damage>, VaultError> {
        let store = under(&self.stores().writer, cancel);
        let left = Mutex::new(packs.into_iter());
        let found: Mutex<Result<Vec<Damage>, VaultError>> = Mutex::new(Ok(Vec::new()));
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some(pack) = next() {
                        let damage = whole(&*store, &pack);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        match (found.as_mut(), damage) {
                            (Ok(damages), Ok(damage)) => damages.extend(damage),
                            (Ok(_), Err(error)) => *found = Err(error),
                            (Err(_), _) => break,
                        }
                    }
                });
            }
        });
        if cancel.is_canceled() {
            return Err(VaultError::Canceled);
        }
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with one pack; an error if the store could not be asked.
fn whole(store: &dyn Store, pack: &Id) -> Result<Option<Damage>, VaultError> {
    let damage = |reason: String| Damage {
        pack: Some(pack.to_hex().to_string()),
        reason,
        files: Vec::new(),
        more: 0,
    };
    match store.read(Kind::Pack, pack) {
        Ok(bytes) => {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let is_whole = pack.blob_matches_reader(length, &mut &*bytes);
            Ok((!is_whole).then(|| damage(format!("the pack `{}` is not what was written", &*pack.to_hex()))))
        }
        Err(error @ (StoreError::Missing { .. } | StoreError::Truncated { .. })) => Ok(Some(damage(error.to_string()))),
        Err(error) => Err(error.into()),
    }
}

impl Needed {
    fn collect(&mut self, blobs: &Blobs, item: &str, tree: &str) -> Result<(), VaultError> {
        let walked = blobs.walk(tree_id(tree)?, &mut |path: &Path, node| {
            if node.is_file() {
                let file = self.files.len();
                self.files.push((item.to_owned(), path.to_owned()));
                for id in node.content.iter().flatten() {
                    self.blobs.entry(*id).or_default().push(file);
                }
            }
            Ok(true)
        });
        match walked {
            Ok(()) => Ok(()),
            Err(VaultError::Damaged { file, pack, reason, .. }) => {
                let files = file.map(|file| (item.to_owned(), file)).into_iter().collect();
                self.damages.push(Damage {
                    pack,
                    reason,
                    files,
                    more: 0,
                });
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn blame(&mut self, id: &DataId, fault: BlobFault) {
        let files: HashSet<usize> = self.blobs.get(id).into_iter().flatten().copied().collect();
        let mut names: Vec<(String, PathBuf)> = files
            .iter()
            .filter_map(|index| self.files.get(*index))
            .cloned()
            .collect();
        names.sort();
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let pack = fault.pack.map(|pack| pack.to_hex().to_string());
        self.damages.push(Damage {
            pack,
            reason: fault.reason,
            files: names,
            more,
        });
    }
}

fn read_all(
    blobs: &Blobs,
    spots: BTreeMap<Id, Vec<(DataId, Spot)>>,
    progress: &Arc<dyn Progress>,
    cancel: &Cancel,
) -> Result<Vec<(DataId, BlobFault)>, VaultError> {
    let mut units: Vec<Vec<DataId>> = Vec::new();
    for (_, ids) in spots {
        let mut unit = Vec::new();
        let mut bytes = 0;
        for (id, spot) in ids {
            if bytes > UNIT {
                units.push(std::mem::take(&mut unit));
                bytes = 0;
            }
            unit.push(id);
            bytes += u64::from(spot.size());
        }
        units.push(unit);
    }
    let units = Mutex::new(units.into_iter());
    let found: Mutex<Vec<(DataId, BlobFault)>> = Mutex::default();
    let canceled = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let unit = units.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(unit) = unit else { break };
                    if cancel.is_canceled() {
                        canceled.store(true, Ordering::SeqCst);
                        break;
                    }
                    let faults = check(blobs, &unit, progress);
                    found.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
                }
            });
        }
    });
    if canceled.into_inner() || cancel.is_canceled() {
        return Err(VaultError::Canceled);
    }
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn check(blobs: &Blobs, ids: &[DataId], progress: &Arc<dyn Progress>) -> Vec<(DataId, BlobFault)> {
    let mut faults = Vec::new();
    match blobs.batch(ids) {
        Ok(found) => {
            for (id, bytes) in found {
                compare(blobs, id, &bytes, progress, &mut faults);
            }
        }
        // One is damaged: each is tried by itself, so that all are named.
        Err(_) => {
            for id in ids {
                match blobs.batch(&[*id]) {
                    Ok(found) => {
                        for (id, bytes) in found {
                            compare(blobs, id, &bytes, progress, &mut faults);
                        }
                    }
                    Err((id, fault)) => faults.push((id, fault)),
                }
            }
        }
    }
    faults
}

fn compare(
    blobs: &Blobs,
    id: DataId,
    bytes: &Bytes,
    progress: &Arc<dyn Progress>,
    faults: &mut Vec<(DataId, BlobFault)>,
) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    progress.advance(length);
    if !id.blob_matches_reader(length, &mut &**bytes) {
        let pack = blobs.spot(&id).ok().map(|spot| spot.pack);
        let reason = "its bytes do not have the hash that names them".to_owned();
        faults.push((
            id,
            BlobFault {
                pack,
                reason,
                canceled: false,
            },
        ));
    }
}
