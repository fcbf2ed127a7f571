//! How long steps will take, by how long they took: pure functions of numbers. Where nothing is known nothing is said.

use serde::{Deserialize, Serialize};

/// A step that moves more than this many times what it ever moved before is nothing that is known.
const BEYOND: u64 = 64;

/// What a step took in an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// How long, in milliseconds.
    pub milliseconds: u64,
    /// The bytes that it handled; 0 where it handles none.
    pub bytes: u64,
}

/// What a step is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// How long, in milliseconds.
    pub milliseconds: u64,
    /// The bytes that it will handle, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What a step is expected to take: the median of what it took. Where it is known how many bytes it will handle, what it took
/// counts in proportion to the bytes that it handled then.
#[must_use]
pub fn expected(took: &[Took], bytes: Option<u64>) -> Option<Expected> {
    let Some(bytes) = bytes else {
        return Some(Expected {
            milliseconds: median(took.iter().map(|took| took.milliseconds))?,
            bytes: median(took.iter().map(|took| took.bytes).filter(|bytes| *bytes > 0)),
        });
    };
    let near = took
        .iter()
        .filter(|took| took.bytes.saturating_mul(BEYOND) >= bytes && took.bytes > 0);
    let scaled = near.map(|took| {
        let milliseconds = u128::from(took.milliseconds) * u128::from(bytes) / u128::from(took.bytes.max(1));
        u64::try_from(milliseconds).unwrap_or(u64::MAX)
    });
    Some(Expected {
        milliseconds: median(scaled)?,
        bytes: Some(bytes),
    })
}

/// The milliseconds that are left of a run, where every step that is not done is expected to take a known time: `step` is the one
/// that it is at, from 0, and `elapsed` how long it has been, in milliseconds. Nothing where that is more than was expected of
/// all.
#[must_use]
pub fn left(steps: &[Option<Expected>], step: usize, elapsed: u64) -> Option<u64> {
    let mut open = steps.get(step..)?.iter();
    let current = open.next()?.as_ref()?.milliseconds.saturating_sub(elapsed);
    let all = open.try_fold(current, |sum, step| {
        Some(sum.saturating_add(step.as_ref()?.milliseconds))
    })?;
    (all > 0).then_some(all)
}

/// Whole seconds, and never none.
#[must_use]
pub fn seconds(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(1000)
}

/// The middle one, or the mean of the two in the middle.
fn median(numbers: impl Iterator<Item = u64>) -> Option<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let upper = *numbers.get(numbers.len() / 2)?;
    if numbers.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *numbers.get((numbers.len() / 2).checked_sub(1)?)?;
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(all: &[(u64, u64)]) -> Vec<Took> {
        let one = |&(milliseconds, bytes): &(u64, u64)| Took { milliseconds, bytes };
        all.iter().map(one).collect()
    }

    #[test]
    fn a_step_is_expected_to_take_what_it_took_in_the_middle() {
        type Foretold = Option<(u64, Option<u64>)>;
        type Case<'a> = (&'a [(u64, u64)], Option<u64>, Foretold);
        let cases: [Case<'_>; 12] = [
            // Nothing is known.
            (&[], None, None),
            (&[], Some(10), None),
            // What handles no bytes.
            (&[(7, 0)], None, Some((7, None))),
            (&[(9, 0), (1, 0), (4, 0)], None, Some((4, None))),
            (&[(9, 0), (1, 0), (4, 0), (6, 0)], None, Some((5, None))),
            // One that was out of the ordinary changes nothing.
            (&[(5, 0), (5, 0), (900_000, 0)], None, Some((5, None))),
            // The bytes to come are not known: as before.
            (&[(10, 100), (30, 300), (20, 200)], None, Some((20, Some(200)))),
            // They are known: in proportion.
            (&[(10, 100), (30, 300), (22, 200)], Some(400), Some((40, Some(400)))),
            (&[(10, 100)], Some(50), Some((5, Some(50)))),
            (&[(10, 100)], Some(0), Some((0, Some(0)))),
            // What took so little tells nothing of so much.
            (&[(10, 100)], Some(6401), None),
            // One that handled nothing tells nothing of any.
            (&[(10, 0), (8, 100)], Some(200), Some((16, Some(200)))),
        ];
        for (known, bytes, wanted) in cases {
            let wanted = wanted.map(|(milliseconds, bytes)| Expected { milliseconds, bytes });
            assert_eq!(expected(&took(known), bytes), wanted, "{known:?} {bytes:?}");
        }
        let huge = took(&[(u64::MAX, 1)]);
        assert_eq!(expected(&huge, Some(60)).unwrap().milliseconds, u64::MAX);
    }

    #[test]
    fn the_time_left_is_that_of_the_steps_that_are_not_done() {
        let steps = |all: &[Option<u64>]| -> Vec<Option<Expected>> {
            let one = |&milliseconds: &u64| Expected {
                milliseconds,
                bytes: None,
            };
            all.iter().map(|step| step.as_ref().map(one)).collect()
        };
        type Case<'a> = (&'a [Option<u64>], usize, u64, Option<u64>);
        let cases: [Case<'_>; 9] = [
            (&[Some(5), Some(7)], 0, 0, Some(12)),
            (&[Some(5), Some(7)], 0, 3, Some(9)),
            // The step takes longer than it ever did: the others are left.
            (&[Some(5), Some(7)], 0, 50, Some(7)),
            (&[Some(5), Some(7)], 1, 0, Some(7)),
            (&[Some(5), Some(7)], 1, 8, None),
            // What is behind need not be known, what is ahead must.
            (&[None, Some(7)], 1, 0, Some(7)),
            (&[Some(5), None], 0, 0, None),
            (&[Some(5)], 1, 0, None),
            (&[], 0, 0, None),
        ];
        for (all, step, elapsed, wanted) in cases {
            assert_eq!(left(&steps(all), step, elapsed), wanted, "{all:?} {step} {elapsed}");
        }
        assert_eq!([0, 1, 1000, 1001].map(seconds), [0, 1, 1, 2]);
    }
}
