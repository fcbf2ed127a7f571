//! Blobs that hold nothing but zeros, which their names tell.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustic_core::DataId;

use super::super::blob::Blobs;
use super::super::pack::id_of;
use super::parts::UNIT;

/// A sealed blob of zeros may be so much longer than a five-hundredth of them, in bytes.
const HOLE_OVERHEAD: u32 = 128;

/// Small blobs that were looked at, and whether they are zeros: a hole is not read again for each of its blobs.
#[derive(Default)]
pub(in super::super) struct Holes {
    known: Mutex<HashMap<DataId, bool>>,
}

impl Holes {
    /// Whether a blob of this size, in bytes, holds nothing but zeros.
    pub(in super::super) fn is_hole(&self, blobs: &Blobs, id: DataId, size: u32) -> bool {
        // Zeros shrink to nearly nothing. What does not is something else and is not worth a hash.
        let is_small = |length: u32| length < size / 512 + HOLE_OVERHEAD;
        if u64::from(size) > UNIT || !blobs.spot(&id).is_ok_and(|spot| is_small(spot.length)) {
            return false;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(id).or_insert_with(|| {
            let zeros = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            id_of(&zeros) == *id
        })
    }
}
