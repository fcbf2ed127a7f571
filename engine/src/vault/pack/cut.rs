//! Finds where content is cut into blobs: by a rolling hash over the last 64 bytes, so that equal content is cut equally
//! wherever it lies. The hash is a remainder of polynomials over two elements, and that is linear: the hash at a place
//! depends on the 64 bytes before it alone, so several places are tried at a time, which a processor does side by side.

use rustic_cdc::{Polynom, Rabin64};
use rustic_core::repofile::ConfigFile;

const WINDOW: usize = 64;
const LANES: usize = 4;
/// So many places are tried before looking whether one fits: what lies behind a cut was tried in vain.
const STRIDE: usize = 128 * 1024;

/// How long a blob may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Limits {
    pub(in super::super) min: usize,
    pub(in super::super) max: usize,
    mask: u64,
}

impl Limits {
    /// Those of a repository; nothing if it does not cut by a rolling hash, or in lengths that cannot be.
    pub(in super::super) fn of(config: &ConfigFile) -> Option<Self> {
        if config.chunker() != rustic_core::repofile::Chunker::Rabin {
            return None;
        }
        let (min, size, max) = (config.chunk_min_size(), config.chunk_size(), config.chunk_max_size());
        let fits = size.is_power_of_two() && min >= WINDOW && min <= size && size <= max;
        fits.then_some(Self {
            min,
            max,
            mask: u64::try_from(size).unwrap_or(u64::MAX) - 1,
        })
    }
}

/// Cuts content. It keeps no state between two cuts.
pub(in super::super) struct Cutter {
    pub(in super::super) limits: Limits,
    shift: u32,
    /// What shifting a byte in does to the bits that leave at the top.
    reduce: Box<[u64; 256]>,
    /// What a byte that leaves the window has done to the hash by then.
    leave: Box<[u64; 256]>,
}

impl Cutter {
    /// The cutter of a repository; nothing if its polynomial cannot be used.
    pub(in super::super) fn of(config: &ConfigFile) -> Option<Self> {
        let limits = Limits::of(config)?;
        let polynomial = config.poly().ok()?;
        let shift = u32::try_from(polynomial.degree().checked_sub(8)?).ok()?;
        let reduce = Box::new(Rabin64::calculate_mod_table(&polynomial));
        let plain = Rabin64::calculate_out_table(WINDOW, &polynomial);
        let mut cutter = Self {
            limits,
            shift,
            reduce,
            leave: Box::new([0; 256]),
        };
        let leave = plain.map(|hash| cutter.shifted(hash));
        *cutter.leave = leave;
        Some(cutter)
    }

    /// The hash with room for one more byte. The shift leaves no bits above those that the table has.
    #[expect(clippy::indexing_slicing, reason = "eight bits are below 256")]
    #[inline]
    fn shifted(&self, hash: u64) -> u64 {
        (hash << 8) ^ self.reduce[((hash >> self.shift) & 255) as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    #[inline]
    fn slid(&self, hash: u64, leaves: u8, enters: u8) -> u64 {
        self.shifted(hash) ^ u64::from(enters) ^ self.leave[usize::from(leaves)]
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |hash, byte| self.shifted(hash) ^ u64::from(*byte))
    }

    /// The length of the blob that `data` begins with, or nothing if more bytes have to be seen. Lengths up to and
    /// including `tried` were refused before. Where the content ends without a cut, the rest is a blob.
    pub(in super::super) fn cut(&self, data: &[u8], tried: usize) -> Option<usize> {
        let Limits { min, max, .. } = self.limits;
        let end = data.len().min(max);
        let mut from = (tried + 1).max(min);
        if from > end {
            return None;
        }
        let odd = min + WINDOW;
        if from < odd {
            if let Some(length) = self.cut_oddly(data, from, end.min(odd - 1)) {
                return Some(length);
            }
            from = odd;
        }
        while from <= end {
            let to = end.min(from + STRIDE - 1);
            if let Some(length) = self.cut_plainly(data, from, to) {
                return Some(length);
            }
            from = to + 1;
        }
        (data.len() >= max).then_some(max)
    }

    /// The first 64 lengths. The library fills its window with one byte less than it holds, and the byte before the first
    /// place never enters; what is stored was cut so.
    fn cut_oddly(&self, data: &[u8], from: usize, to: usize) -> Option<usize> {
        let min = self.limits.min;
        let mut hash = self.hash(data.get(min - WINDOW..min - 1)?);
        for length in min..=to {
            if length >= from && hash & self.limits.mask == 0 {
                return Some(length);
            }
            let leaves = if length == min {
                0
            } else {
                *data.get(length - WINDOW - 1)?
            };
            let Some(enters) = data.get(length) else { break };
            hash = self.slid(hash, leaves, *enters);
        }
        None
    }

    /// Lengths `from..=to`, in lanes beside each other.
    fn cut_plainly(&self, data: &[u8], from: usize, to: usize) -> Option<usize> {
        let count = to + 1 - from;
        let lane = count / LANES;
        let mut best: Option<usize> = None;
        if lane > 0 {
            let start = |number: usize| from + number * lane;
            let mut hashes = [0_u64; LANES];
            for (number, hash) in hashes.iter_mut().enumerate() {
                *hash = self.hash(data.get(start(number) - WINDOW..start(number))?);
            }
            let leaving = |number: usize| data.get(start(number) - WINDOW..start(number) - WINDOW + lane - 1);
            // The byte that enters after the last length may lie behind the end; it is not needed then.
            let entering = |number: usize| data.get(start(number)..start(number) + lane - 1);
            let (l0, l1, l2, l3) = (leaving(0)?, leaving(1)?, leaving(2)?, leaving(3)?);
            let (e0, e1, e2, e3) = (entering(0)?, entering(1)?, entering(2)?, entering(3)?);
            let [mut a, mut b, mut c, mut d] = hashes;
            let mask = self.limits.mask;
            let mut note = |step: usize, hashes: [u64; LANES]| {
                for (number, hash) in hashes.into_iter().enumerate() {
                    if hash & mask == 0 {
                        let length = start(number) + step;
                        best = Some(best.map_or(length, |known| known.min(length)));
                    }
                }
            };
            let lanes = l0.iter().zip(e0).zip(l1.iter().zip(e1));
            let lanes = lanes.zip(l2.iter().zip(e2).zip(l3.iter().zip(e3)));
            let mut step = 0;
            for (((la, ea), (lb, eb)), ((lc, ec), (ld, ed))) in lanes {
                if a & mask == 0 || b & mask == 0 || c & mask == 0 || d & mask == 0 {
                    note(step, [a, b, c, d]);
                    if a & mask == 0 {
                        break;
                    }
                }
                a = self.slid(a, *la, *ea);
                b = self.slid(b, *lb, *eb);
                c = self.slid(c, *lc, *ec);
                d = self.slid(d, *ld, *ed);
                step += 1;
            }
            if step + 1 == lane {
                note(step, [a, b, c, d]);
            }
            if best.is_some() {
                return best;
            }
        }
        let rest = from + lane * LANES;
        if rest > to {
            return None;
        }
        let mut hash = self.hash(data.get(rest - WINDOW..rest)?);
        for length in rest..=to {
            if hash & self.limits.mask == 0 {
                return Some(length);
            }
            let (Some(leaves), Some(enters)) = (data.get(length - WINDOW), data.get(length)) else {
                break;
            };
            hash = self.slid(hash, *leaves, *enters);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustic_cdc::RollingHash64;

    use super::*;

    const POLYNOMIAL: u64 = 0x003D_A335_8B4D_C173;

    fn config() -> ConfigFile {
        let mut config = ConfigFile::new(2, rustic_core::Id::default().into(), POLYNOMIAL);
        config.chunk_min_size = Some(4096);
        config.chunk_size = Some(8192);
        config.chunk_max_size = Some(32_768);
        config
    }

    /// The rule as the library has it, a byte at a time.
    fn slowly(data: &[u8], limits: Limits) -> Option<usize> {
        if data.len() < limits.min {
            return None;
        }
        let mut rabin = Rabin64::new_with_polynom(6, &POLYNOMIAL);
        rabin.reset_and_prefill_window(&mut data[limits.min - 64..limits.min].iter().copied());
        let mut length = limits.min;
        loop {
            if length >= limits.max || rabin.hash & limits.mask == 0 {
                return Some(length);
            }
            rabin.slide(*data.get(length)?);
            length += 1;
        }
    }

    fn bytes(seed: u64, length: usize, zeros: std::ops::Range<usize>) -> Vec<u8> {
        let mut data = crate::vault::tests::tree::noise(length, seed | 1);
        let end = zeros.end.min(length);
        if let Some(part) = data.get_mut(zeros.start.min(end)..end) {
            part.fill(0);
        }
        data
    }

    proptest! {
        #[test]
        fn cuts_lie_where_the_library_cuts(
            seed in any::<u64>(),
            length in 0_usize..60_000,
            zeros in 0_usize..50_000,
            run in 0_usize..20_000,
            seen in 0_usize..60_000,
        ) {
            let cutter = Cutter::of(&config()).unwrap();
            let data = bytes(seed, length, zeros..zeros + run);
            let expected = slowly(&data, cutter.limits);
            prop_assert_eq!(cutter.cut(&data, 0), expected);
            // Seen in two parts.
            let seen = seen.min(length);
            let first = cutter.cut(&data[..seen], 0);
            let both = first.or_else(|| cutter.cut(&data, seen));
            prop_assert_eq!(both, expected);
        }
    }

    #[test]
    fn zeros_are_cut_as_soon_as_they_may_be() {
        let cutter = Cutter::of(&config()).unwrap();
        assert_eq!(cutter.cut(&[0; 5000], 0), Some(4096));
        assert_eq!(cutter.cut(&[0; 4096], 0), Some(4096));
        assert_eq!(cutter.cut(&[0; 4095], 0), None);
    }
}
