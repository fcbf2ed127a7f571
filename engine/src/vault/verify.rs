//! Proves that a point can be read back: every pack that restoring it would read from is read once, whole, and compared with
//! its hash, and so is every blob in it that the point needs. What fails is named by pack and by file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustic_core::{DataId, Id};

use super::blob::{BlobFault, Blobs};
use super::error::VaultError;
use super::list::tree_id;
use super::lock::{packs_of, under};
use super::manifest::Durability;
use super::pack::{Codec, Spot, id_of};
use super::parallel::each;
use super::point::PointState;
use super::progress::{Basis, Cancel, Progress};
use super::repository::Repository;
use super::store::{Kind, Store, StoreError};

/// So many packs are in memory at a time.
const WORKERS: usize = 4;

/// A part of the packs of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many parts there are; each pack is in one of them, whatever the point.
    pub parts: u32,
    /// Which one, modulo their number: whoever counts up reads everything in so many turns.
    pub turn: u64,
}

impl Sample {
    /// Parts of about so many hundredths.
    #[must_use]
    pub fn of(percent: u8, turn: u64) -> Self {
        Self {
            parts: 100_u32.div_ceil(u32::from(percent.clamp(1, 100))),
            turn,
        }
    }

    fn has(self, pack: &Id) -> bool {
        let parts = self.parts.max(1);
        let hex = pack.to_hex();
        // Names of packs are hashes, so that each part has about as many.
        let digits: String = hex.chars().take(8).collect();
        let place = u32::from_str_radix(&digits, 16).unwrap_or_default() % parts;
        u64::from(place) == self.turn % u64::from(parts)
    }
}

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

/// What the point needs: its blobs of data with the files that need them, and the packs of its trees.
#[derive(Default)]
struct Needed {
    blobs: HashMap<DataId, Vec<usize>>,
    files: Vec<(String, PathBuf)>,
    packs: BTreeMap<Id, Vec<(DataId, Spot)>>,
    damages: Vec<Damage>,
}

/// What is wrong with a pack.
struct Fault {
    pack: Option<Id>,
    reason: String,
    /// The blobs that cannot be had because of it.
    blobs: Vec<DataId>,
}

/// A damage names so many files.
const NAMED: usize = 20;

impl Repository {
    /// Reads everything that restoring a point would read, and compares it with its hashes: each pack as a whole, for what
    /// restoring does not read, the list at its end above all, is needed by whoever mends the index; and the blobs of data.
    ///
    /// # Errors
    /// If the point is not sealed or not whole, if the store fails for other reasons than damage, or if canceled. Damage is
    /// part of the verdict.
    pub fn verify(&self, point: &str, progress: &Arc<dyn Progress>, cancel: &Cancel) -> Result<Verdict, VaultError> {
        self.verify_some(point, None, progress, cancel)
    }

    /// The same of a part of the packs. What the index knows to be lost is damage all the same, wherever it lay.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_some(
        &self,
        point: &str,
        sample: Option<Sample>,
        progress: &Arc<dyn Progress>,
        cancel: &Cancel,
    ) -> Result<Verdict, VaultError> {
        let unknown = || VaultError::UnknownPoint {
            point: point.to_owned(),
        };
        // Copies on this machine prove nothing.
        let this = self.direct();
        let sealed = this
            .points()?
            .into_iter()
            .find(|p| p.point == point)
            .ok_or_else(unknown)?;
        let manifest = match (sealed.manifest, sealed.state) {
            (Some(manifest), _) => manifest,
            (None, PointState::Unreadable { reason, .. }) => {
                return Err(VaultError::Record {
                    what: "the manifest",
                    place: point.into(),
                    reason,
                });
            }
            (None, _) => return Err(unknown()),
        };
        // What the index says of lost packs is not looked for where it was stored again.
        this.compare(cancel)?;
        let blobs = this.blobs(cancel)?;
        let mut needed = Needed::default();
        // The seal is part of the point: without it nothing of the point is offered.
        let seal = blobs.session().snapshot(&sealed.seal)?;
        let mut of_seal = HashSet::new();
        // It was read a moment ago; what keeps it from being read now shows in its packs.
        let _ = packs_of(&blobs, seal.tree, &mut of_seal);
        needed.packs.extend(of_seal.into_iter().map(|pack| (pack, Vec::new())));
        let in_vault = |durability| durability == Durability::Vault;
        for item in manifest.items.iter().filter(|item| in_vault(item.durability)) {
            needed.collect(&blobs, &item.name, &item.tree)?;
        }
        let mut checked = needed.place(&blobs)?;
        if let Some(sample) = sample {
            needed.packs.retain(|pack, _| sample.has(pack));
            let sizes = needed.packs.values().flatten().map(|(_, spot)| u64::from(spot.size()));
            checked.bytes = sizes.sum();
            checked.packs = u64::try_from(needed.packs.len()).unwrap_or(u64::MAX);
        }
        progress.total(checked.bytes, Basis::Counted);
        let store = under(&this.stores().writer, cancel);
        let packs: Vec<(Id, Vec<(DataId, Spot)>)> = std::mem::take(&mut needed.packs).into_iter().collect();
        let found = each(&packs, WORKERS, &|| this.codec(), |codec, (pack, spots)| {
            if cancel.is_canceled() {
                return Err(VaultError::Canceled);
            }
            check(&*store, codec, *pack, spots, progress)
        })?;
        for fault in found.into_iter().flatten() {
            needed.blame(fault);
        }
        needed
            .damages
            .sort_by(|a, b| (&a.pack, &a.files).cmp(&(&b.pack, &b.files)));
        Ok(Verdict {
            checked,
            damages: needed.damages,
        })
    }
}

impl Needed {
    fn collect(&mut self, blobs: &Blobs, item: &str, tree: &str) -> Result<(), VaultError> {
        let tree = tree_id(tree)?;
        let mut trees = vec![tree];
        let walked = blobs.walk(tree, &mut |path: &Path, node| {
            trees.extend(node.subtree);
            if node.is_file() {
                let file = self.files.len();
                self.files.push((item.to_owned(), path.to_owned()));
                for id in node.content.iter().flatten() {
                    self.blobs.entry(*id).or_default().push(file);
                }
            }
            Ok(true)
        });
        for pack in trees.iter().filter_map(|tree| blobs.tree_pack(tree)) {
            self.packs.entry(pack).or_default();
        }
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

    /// Finds the packs of the data; what the index does not know is damage.
    fn place(&mut self, blobs: &Blobs) -> Result<Checked, VaultError> {
        let mut checked = Checked {
            files: u64::try_from(self.files.len()).unwrap_or(u64::MAX),
            bytes: 0,
            packs: 0,
        };
        let mut lost: BTreeMap<Option<Id>, Fault> = BTreeMap::new();
        for id in self.blobs.keys() {
            match blobs.spot(id) {
                Ok(spot) => {
                    checked.bytes = checked.bytes.saturating_add(u64::from(spot.size()));
                    self.packs.entry(spot.pack).or_default().push((*id, spot));
                }
                Err(BlobFault::Damaged { pack, reason }) => {
                    let fault = lost.entry(pack).or_insert(Fault {
                        pack,
                        reason,
                        blobs: Vec::new(),
                    });
                    fault.blobs.push(*id);
                }
                Err(away) => return Err(away.of(None)),
            }
        }
        checked.packs = u64::try_from(self.packs.len()).unwrap_or(u64::MAX);
        for fault in lost.into_values() {
            self.blame(fault);
        }
        Ok(checked)
    }

    fn blame(&mut self, fault: Fault) {
        let mut files: Vec<usize> = fault
            .blobs
            .iter()
            .filter_map(|id| self.blobs.get(id))
            .flatten()
            .copied()
            .collect();
        files.sort_unstable();
        files.dedup();
        let mut names: Vec<(String, PathBuf)> = files
            .into_iter()
            .filter_map(|index| self.files.get(index))
            .cloned()
            .collect();
        names.sort();
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let pack = fault.pack.map(|pack| pack.to_hex().to_string());
        // A tree that could not be read has said so already.
        let is_known = names.is_empty() && pack.is_some() && self.damages.iter().any(|known| known.pack == pack);
        if !is_known {
            self.damages.push(Damage {
                pack,
                reason: fault.reason,
                files: names,
                more,
            });
        }
    }
}

/// What is wrong with one pack and these blobs in it; an error if the store could not be asked.
fn check(
    store: &dyn Store,
    codec: &mut Codec,
    pack: Id,
    spots: &[(DataId, Spot)],
    progress: &Arc<dyn Progress>,
) -> Result<Option<Fault>, VaultError> {
    let fault = |reason: String, blobs: Vec<DataId>| Fault {
        pack: Some(pack),
        reason,
        blobs,
    };
    let bytes = match store.read(Kind::Pack, &pack) {
        Ok(bytes) => bytes,
        Err(error @ (StoreError::Missing { .. } | StoreError::Truncated { .. })) => {
            let all = spots.iter().map(|(id, _)| *id).collect();
            return Ok(Some(fault(error.to_string(), all)));
        }
        Err(error) => return Err(error.into()),
    };
    let mut damaged: Option<Fault> = None;
    for (id, spot) in spots {
        progress.advance(u64::from(spot.size()));
        let wrong = match spot.within(&bytes) {
            None => Some("it is cut off".to_owned()),
            Some(sealed) => match codec.open(sealed, spot.unpacked) {
                Ok(plain) if id_of(&plain) == **id => None,
                Ok(_) => Some("its bytes do not have the hash that names them".to_owned()),
                Err(reason) => Some(reason),
            },
        };
        if let Some(reason) = wrong {
            let fault = damaged.get_or_insert_with(|| fault(reason, Vec::new()));
            fault.blobs.push(*id);
        }
    }
    if damaged.is_none() && id_of(&bytes) != pack {
        let reason = format!("the pack `{}` is not what was written", &*pack.to_hex());
        damaged = Some(fault(reason, Vec::new()));
    }
    Ok(damaged)
}
