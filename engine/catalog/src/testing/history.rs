//! Is a history linearizable? A search after Wing, Gong and Lowe for a numbered register: its only change is "append the next
//! number, if `base` is the last".

use std::collections::HashSet;

/// The longest history that can be judged.
pub(crate) const LONGEST: usize = 128;

/// One call, as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The turn before which it was made.
    pub(crate) made: u64,
    /// The turn after which it was answered.
    pub(crate) answered: u64,
    /// What was called, and the answer.
    pub(crate) told: Told,
}

/// What a client asked and was told. Numbers begin with 1; 0 is the empty series. Every value is written at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Appended `value` after `base`.
    Won { base: u64, value: u64 },
    /// Did not append after `base`: `last` was the last number at a moment of the call.
    Superseded { base: u64, last: u64 },
    /// Appending `value` after `base` ended in an error: it took effect at any moment since, or never.
    Unknown { base: u64, value: u64 },
    /// Read that `value` was the last, under `number`.
    Read { number: u64, value: u64 },
}

/// The register: its last number and the value under it.
type State = (u64, u64);

impl Told {
    /// The register after the call, if it can have happened in `state`.
    fn apply(self, (last, value): State) -> Option<State> {
        match self {
            Told::Won { base, value } | Told::Unknown { base, value } => (last == base).then_some((base + 1, value)),
            Told::Superseded { base, last: seen } => (last == seen && seen > base).then_some((last, value)),
            Told::Read { number, value: read } => ((last, value) == (number, read)).then_some((last, value)),
        }
    }

    /// The turn by which it has happened; `None` when it may happen at any time or never.
    fn deadline(self, answered: u64) -> Option<u64> {
        match self {
            Told::Unknown { .. } => None,
            Told::Won { .. } | Told::Superseded { .. } | Told::Read { .. } => Some(answered),
        }
    }
}

/// Whether there is one order of the calls, agreeing with the order in time of those that did not overlap, in which every
/// answer is right.
pub(crate) fn linearizable(calls: &[Call]) -> bool {
    assert!(calls.len() <= LONGEST);
    let mut seen = HashSet::new();
    let mut open = vec![(0_u128, (0, 0))];
    while let Some((done, state)) = open.pop() {
        if !seen.insert((done, state)) {
            continue;
        }
        let left = || {
            calls
                .iter()
                .enumerate()
                .filter(move |(place, _)| done >> place & 1 == 0)
        };
        // Nothing may come first that was made after another had been answered.
        let Some(first) = left().filter_map(|(_, call)| call.told.deadline(call.answered)).min() else {
            return true;
        };
        for (place, call) in left().filter(|(_, call)| call.made < first) {
            if let Some(next) = call.told.apply(state) {
                open.push((done | 1 << place, next));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(made: u64, answered: u64, told: Told) -> Call {
        Call { made, answered, told }
    }

    #[test]
    fn what_can_have_happened_is_told_from_what_cannot() {
        let won = |base, value| Told::Won { base, value };
        let read = |number, value| Told::Read { number, value };
        let good: [&[Call]; 5] = [
            &[call(0, 1, won(0, 7)), call(1, 2, read(1, 7)), call(2, 3, won(1, 8))],
            // Overlapping, in either order.
            &[call(0, 9, won(0, 7)), call(1, 2, read(0, 0))],
            &[call(0, 9, won(0, 7)), call(1, 2, read(1, 7))],
            // An outcome that was unknown shows late, or never.
            &[
                call(0, 1, Told::Unknown { base: 0, value: 7 }),
                call(1, 2, read(0, 0)),
                call(2, 3, read(1, 7)),
            ],
            &[
                call(0, 1, Told::Unknown { base: 0, value: 7 }),
                call(1, 2, won(0, 8)),
                call(3, 4, Told::Superseded { base: 0, last: 1 }),
            ],
        ];
        for history in good {
            assert!(linearizable(history), "{history:?}");
        }
        let bad: [&[Call]; 6] = [
            // Two winners of one number.
            &[call(0, 5, won(0, 7)), call(0, 5, won(0, 8))],
            // A lost update.
            &[call(0, 1, won(0, 7)), call(1, 2, read(0, 0))],
            // Going back in time.
            &[call(0, 9, won(0, 7)), call(1, 2, read(1, 7)), call(2, 3, read(0, 0))],
            // Told of a loss, although nobody had been faster.
            &[call(0, 1, Told::Superseded { base: 0, last: 1 })],
            // The record of another under the winner's number.
            &[call(0, 1, won(0, 7)), call(1, 2, read(1, 8))],
            // What was told to have lost took effect.
            &[call(0, 1, won(0, 7)), call(1, 2, Told::Superseded { base: 1, last: 2 })],
        ];
        for history in bad {
            assert!(!linearizable(history), "{history:?}");
        }
    }
}
