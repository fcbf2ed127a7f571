//! Which blob lies where. Read once for a repository and kept; what other writers add is read when it is there, and all of
//! it anew when a prune took files away.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use rustic_core::repofile::BlobType;
use rustic_core::{FileType, Id, ReadBackend};
use serde::{Deserialize, Serialize};

use super::super::error::VaultError;
use super::super::guard::Guard;
use super::super::parallel::each;
use super::super::repository::explain;
use super::super::store::Kind;
use super::codec::Codec;

/// So many index files are read at a time.
const READERS: usize = 8;

/// What a blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum BlobKind {
    /// Content of files.
    Data,
    /// A directory's entries.
    Tree,
}

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Spot {
    pub(in super::super) pack: Id,
    pub(in super::super) offset: u32,
    pub(in super::super) length: u32,
    /// Its length before it was compressed; nothing if it was not.
    pub(in super::super) unpacked: Option<NonZeroU32>,
    /// How long the pack is, in bytes.
    pub(in super::super) pack_size: u32,
}

impl Spot {
    /// Its length when it is opened, in bytes.
    pub(in super::super) fn size(&self) -> u32 {
        let overhead = u32::try_from(super::cipher::OVERHEAD).unwrap_or(u32::MAX);
        self.unpacked
            .map_or_else(|| self.length.saturating_sub(overhead), NonZeroU32::get)
    }

    /// Its bytes within those of its pack, if the pack is so long.
    pub(in super::super) fn within<'a>(&self, pack: &'a [u8]) -> Option<&'a [u8]> {
        let from = usize::try_from(self.offset).ok()?;
        let length = usize::try_from(self.length).ok()?;
        pack.get(from..from.checked_add(length)?)
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: Id,
    pack: u32,
    offset: u32,
    length: u32,
    unpacked: Option<NonZeroU32>,
}

/// A pack that the index names.
#[derive(Debug, Clone, Copy)]
struct Named {
    id: Id,
    /// Its length in bytes, as its blobs tell it.
    size: u32,
    /// It is not there as it was written: nothing in it counts as stored.
    is_lost: bool,
}

/// The index of a repository.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Index {
    files: HashSet<Id>,
    packs: Vec<Named>,
    data: Vec<Entry>,
    trees: Vec<Entry>,
    data_bytes: u64,
    tree_bytes: u64,
}

/// A pack, as an index file tells it.
#[derive(Debug, Deserialize)]
pub(super) struct PackRecord {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) blobs: Vec<BlobRecord>,
}

/// A blob, as an index file tells it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct BlobRecord {
    pub(super) id: Id,
    #[serde(rename = "type")]
    pub(super) kind: BlobType,
    pub(super) offset: u32,
    pub(super) length: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uncompressed_length: Option<NonZeroU32>,
}

#[derive(Deserialize)]
struct IndexRecord {
    packs: Vec<PackRecord>,
}

impl Index {
    /// The index as it is now, reusing what is known of it.
    ///
    /// # Errors
    /// If it cannot be listed or read.
    pub(in super::super) fn current(
        known: Option<Arc<Self>>,
        guard: &Guard,
        codec: &(dyn Fn() -> Result<Codec, VaultError> + Sync),
    ) -> Result<Arc<Self>, VaultError> {
        let action = "read the index";
        let listed: HashSet<Id> = guard
            .list_with_size(FileType::Index)
            .map_err(|error| explain(guard, action, &error))?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let known = known.filter(|known| known.files.is_subset(&listed)).unwrap_or_default();
        let new: Vec<Id> = listed.difference(&known.files).copied().collect();
        if new.is_empty() {
            return Ok(known);
        }
        let read = each(&new, READERS, codec, |codec, id| {
            let bytes = guard.read_kept(Kind::Index, id)?;
            let broken = |reason: String| VaultError::Library {
                action,
                place: guard.location(),
                reason: format!("the index file `{}` cannot be read: {reason}", &*id.to_hex()),
            };
            let json = codec.open_file(&bytes).map_err(broken)?;
            let record: IndexRecord = serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
            Ok::<_, VaultError>((*id, record.packs))
        })?;
        Ok(known.with(&read))
    }

    /// This index and what further files say.
    pub(super) fn with(self: Arc<Self>, files: &[(Id, Vec<PackRecord>)]) -> Arc<Self> {
        let mut index = Arc::unwrap_or_clone(self);
        for (file, packs) in files {
            index.files.insert(*file);
            for pack in packs {
                index.add(pack);
            }
        }
        // Two index files may name the same pack, and two packs may hold the same blob: when one of these is lost, the other
        // still has it.
        let packs = &index.packs;
        let place = |entry: &Entry| {
            let pack = usize::try_from(entry.pack).ok().and_then(|number| packs.get(number));
            (entry.id, pack.map(|pack| pack.id))
        };
        for list in [&mut index.data, &mut index.trees] {
            list.sort_unstable_by_key(place);
            list.dedup_by_key(|entry| place(entry));
        }
        Arc::new(index)
    }

    /// This index, where what lies in lost packs does not count.
    pub(in super::super) fn without(&self, lost: &HashSet<Id>) -> Self {
        let mut index = self.clone();
        for pack in &mut index.packs {
            pack.is_lost = lost.contains(&pack.id);
        }
        index
    }

    /// The packs that it names, each with its length in bytes.
    pub(in super::super) fn packs(&self) -> HashMap<Id, u32> {
        self.packs.iter().map(|pack| (pack.id, pack.size)).collect()
    }

    fn add(&mut self, pack: &PackRecord) {
        let Ok(number) = u32::try_from(self.packs.len()) else {
            return;
        };
        self.packs.push(Named {
            id: pack.id,
            size: size(&pack.blobs),
            is_lost: false,
        });
        for blob in &pack.blobs {
            let (list, bytes) = match blob.kind {
                BlobType::Data => (&mut self.data, &mut self.data_bytes),
                BlobType::Tree => (&mut self.trees, &mut self.tree_bytes),
            };
            *bytes = bytes.saturating_add(u64::from(blob.length));
            list.push(Entry {
                id: blob.id,
                pack: number,
                offset: blob.offset,
                length: blob.length,
                unpacked: blob.uncompressed_length,
            });
        }
    }

    fn entries(&self, kind: BlobKind, id: &Id) -> impl Iterator<Item = (&Named, &Entry)> {
        let list = match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        };
        let from = list.partition_point(|entry| entry.id < *id);
        let of_blob = list.iter().skip(from).take_while(move |entry| entry.id == *id);
        of_blob.filter_map(|entry| Some((self.packs.get(usize::try_from(entry.pack).ok()?)?, entry)))
    }

    /// Whether a blob is stored.
    pub(in super::super) fn has(&self, kind: BlobKind, id: &Id) -> bool {
        self.find(kind, id).is_some()
    }

    /// Where a blob lies.
    pub(in super::super) fn find(&self, kind: BlobKind, id: &Id) -> Option<Spot> {
        self.places(kind, id).next()
    }

    /// Every place where a blob lies.
    pub(in super::super) fn places(&self, kind: BlobKind, id: &Id) -> impl Iterator<Item = Spot> {
        let places = self.entries(kind, id).filter(|(pack, _)| !pack.is_lost);
        places.map(|(pack, entry)| Spot {
            pack: pack.id,
            offset: entry.offset,
            length: entry.length,
            unpacked: entry.unpacked,
            pack_size: pack.size,
        })
    }

    /// The lost pack that a blob lay in.
    pub(in super::super) fn lost(&self, kind: BlobKind, id: &Id) -> Option<Id> {
        let mut places = self.entries(kind, id).filter(|(pack, _)| pack.is_lost);
        places.next().map(|(pack, _)| pack.id)
    }

    /// The bytes that all blobs of a kind take up.
    pub(super) fn bytes(&self, kind: BlobKind) -> u64 {
        match kind {
            BlobKind::Data => self.data_bytes,
            BlobKind::Tree => self.tree_bytes,
        }
    }
}

/// How long a pack with these blobs is: the blobs, their list, and the list's own length.
fn size(blobs: &[BlobRecord]) -> u32 {
    // Kind, length and id; of a compressed blob the length that it had before, too.
    let listed = |blob: &BlobRecord| if blob.uncompressed_length.is_some() { 41 } else { 37 };
    let overhead = u32::try_from(super::cipher::OVERHEAD).unwrap_or(u32::MAX);
    blobs.iter().fold(overhead.saturating_add(4), |size, blob| {
        size.saturating_add(blob.length).saturating_add(listed(blob))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Id {
        Id::new([byte; 32])
    }

    fn pack(pack: u8, blobs: &[u8]) -> PackRecord {
        let blob = |number: usize, blob: &u8| BlobRecord {
            id: id(*blob),
            kind: BlobType::Data,
            offset: u32::try_from(number).unwrap() * 100,
            length: 100,
            uncompressed_length: None,
        };
        PackRecord {
            id: id(pack),
            blobs: blobs.iter().enumerate().map(|(number, id)| blob(number, id)).collect(),
        }
    }

    fn index(files: &[(Id, Vec<PackRecord>)]) -> Arc<Index> {
        Arc::new(Index::default()).with(files)
    }

    #[test]
    fn a_blob_of_two_packs_outlives_either() {
        for (first, second) in [(1, 2), (2, 1)] {
            let files = [
                (id(10), vec![pack(first, &[7, 8])]),
                (id(11), vec![pack(second, &[9, 7])]),
            ];
            for lost in [1, 2] {
                let left = index(&files).without(&HashSet::from([id(lost)]));
                let found = left.find(BlobKind::Data, &id(7)).map(|spot| spot.pack);
                assert_eq!(found, Some(id(3 - lost)), "{first} before {second}, {lost} lost");
            }
            let none = index(&files).without(&HashSet::from([id(1), id(2)]));
            assert!(!none.has(BlobKind::Data, &id(7)));
            assert!(none.lost(BlobKind::Data, &id(7)).is_some());
        }
    }

    #[test]
    fn a_pack_that_two_files_name_is_one() {
        let files = [
            (id(10), vec![pack(1, &[7])]),
            (id(11), vec![pack(1, &[7]), pack(2, &[8])]),
        ];
        let index = index(&files);
        assert_eq!(index.data.len(), 2);
        assert!(!index.without(&HashSet::from([id(1)])).has(BlobKind::Data, &id(7)));
        assert!(index.has(BlobKind::Data, &id(8)));
    }
}
