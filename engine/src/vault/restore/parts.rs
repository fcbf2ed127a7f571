//! Cuts large files into what one thread does in one go.

use std::ops::Range;

use rustic_core::{DataId, Id};

/// A thread holds about so many bytes of content at a time, or one blob.
pub(super) const UNIT: u64 = 8 * 1024 * 1024;

/// A part of a large file: some of its blobs, and where in the file they begin, in bytes.
#[derive(Debug)]
pub(in super::super) struct Part {
    pub(in super::super) blobs: Range<usize>,
    pub(in super::super) offset: u64,
}

/// Cuts a large file where its packs change, if it can: then each is read once. `pack_of` tells the pack of a blob.
pub(in super::super) fn parts(content: &[(DataId, u32)], pack_of: &dyn Fn(&DataId) -> Option<Id>) -> Vec<Part> {
    let mut cuts = Vec::new();
    // What is cut off next: blobs before `end` fit in a unit, and end with their pack.
    let (mut start, mut start_offset) = (0, 0_u64);
    let (mut end, mut end_offset) = (0, 0_u64);
    let mut offset = 0_u64;
    let mut pack = None;
    let mut cut = |start: &mut usize, start_offset: &mut u64, end: usize, end_offset: u64| {
        cuts.push(Part {
            blobs: *start..end,
            offset: *start_offset,
        });
        (*start, *start_offset) = (end, end_offset);
    };
    for (part, (id, size)) in content.iter().enumerate() {
        let here = pack_of(id);
        if here != pack {
            (end, end_offset, pack) = (part, offset, here);
        }
        let next = offset + u64::from(*size);
        if part > start && next - start_offset > UNIT {
            if end > start {
                cut(&mut start, &mut start_offset, end, end_offset);
            }
            // A pack may hold more than a unit.
            if part > start && next - start_offset > UNIT {
                cut(&mut start, &mut start_offset, part, offset);
            }
        }
        offset = next;
    }
    cut(&mut start, &mut start_offset, content.len(), offset);
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u16) -> Id {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Id::new(bytes)
    }

    proptest! {
        /// Every byte belongs to one part, parts are no longer than allowed, and no pack that fits in one is cut.
        #[test]
        fn a_large_file_is_cut_where_its_packs_change(
            packs in prop::collection::vec(prop::collection::vec(1_u32..3 << 20, 1..12), 1..20)
        ) {
            let sizes: Vec<u32> = packs.concat();
            let content: Vec<(DataId, u32)> =
                (0..).zip(&sizes).map(|(number, size)| (id(number).into(), *size)).collect();
            let owners: Vec<usize> = packs.iter().enumerate().flat_map(|(pack, blobs)| vec![pack; blobs.len()]).collect();
            let pack_of = |blob: &DataId| {
                let number = content.iter().position(|(known, _)| known == blob).unwrap();
                Some(id(u16::try_from(owners[number]).unwrap()))
            };
            let cuts = parts(&content, &pack_of);
            let (mut next, mut at) = (0, 0);
            for Part { blobs, offset } in &cuts {
                prop_assert_eq!((blobs.start, *offset), (next, at));
                let length: u64 = sizes[blobs.clone()].iter().map(|size| u64::from(*size)).sum();
                prop_assert!(length <= UNIT || blobs.len() == 1);
                at += length;
                next = blobs.end;
            }
            prop_assert_eq!(next, sizes.len());
            for (pack, blobs) in packs.iter().enumerate() {
                let total: u64 = blobs.iter().map(|size| u64::from(*size)).sum();
                let in_parts = cuts.iter().filter(|part| owners[part.blobs.clone()].contains(&pack));
                prop_assert!(total > UNIT || in_parts.count() == 1, "pack {}", pack);
            }
        }
    }
}
