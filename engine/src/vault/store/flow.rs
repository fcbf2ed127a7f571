//! How much of the connection all transfers that share it take together: calls at the same time, and bytes a second.

use std::num::NonZeroU64;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::address::Transfer;
use super::super::progress::Cancel;
use super::StoreError;

/// Calls at the same time where nothing is said. More do not make an object store of one machine faster.
const PARALLEL: usize = 16;
/// How long a raised flag may go unnoticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(25);
/// An idle connection may catch up for so long.
const BURST: Duration = Duration::from_millis(500);

/// Shared by every store of a vault, and by the vaults of a run where one is handed to each of them.
#[derive(Debug)]
pub struct Flow {
    free: Mutex<usize>,
    freed: Condvar,
    rate: Option<NonZeroU64>,
    /// When the bytes that were let through so far have passed at the agreed rate.
    passed: Mutex<Instant>,
}

/// The right to one call, given back when dropped.
pub(in super::super) struct Turn<'a> {
    flow: &'a Flow,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.flow.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.flow.freed.notify_one();
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::new(Transfer::default())
    }
}

impl Flow {
    /// One that lets through as much as is agreed.
    #[must_use]
    pub fn new(transfer: Transfer) -> Self {
        Self {
            free: Mutex::new(transfer.parallel.unwrap_or(PARALLEL).max(1)),
            freed: Condvar::new(),
            rate: transfer.bytes_per_second,
            passed: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a turn.
    pub(in super::super) fn turn(&self, cancel: &Cancel) -> Result<Turn<'_>, StoreError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if cancel.is_canceled() {
                return Err(StoreError::Canceled);
            }
            if *free > 0 {
                *free -= 1;
                return Ok(Turn { flow: self });
            }
            let waited = self.freed.wait_timeout(free, NOTICED_WITHIN);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// When the bytes that were let through so far have passed at the agreed rate: every byte that is counted moves it.
    #[cfg(test)]
    pub(crate) fn passed(&self) -> Instant {
        *self.passed.lock().unwrap()
    }

    /// Waits until so many bytes may pass.
    pub(in super::super) fn pass(&self, bytes: usize, cancel: &Cancel) -> Result<(), StoreError> {
        let Some(rate) = self.rate else { return Ok(()) };
        let begins = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            let (begins, ends) = slot(*passed, Instant::now(), bytes, rate);
            *passed = ends;
            begins
        };
        loop {
            if cancel.is_canceled() {
                return Err(StoreError::Canceled);
            }
            let left = begins.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(NOTICED_WITHIN));
        }
    }
}

/// When a transfer may begin, and when the one after it, if those before it have `passed` then.
fn slot(passed: Instant, now: Instant, bytes: usize, rate: NonZeroU64) -> (Instant, Instant) {
    let earliest = now.checked_sub(BURST).unwrap_or(now);
    let begins = passed.max(earliest);
    let bytes = u128::try_from(bytes).unwrap_or(u128::MAX);
    let nanos = bytes.saturating_mul(1_000_000_000) / u128::from(rate.get());
    let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    (begins, begins.checked_add(takes).unwrap_or(begins))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_passes_never_exceeds_the_rate_by_more_than_the_burst() {
        let rate = NonZeroU64::new(1000).unwrap();
        let start = Instant::now();
        let mut passed = start;
        let mut begins = start;
        // 10,000 bytes in pieces of 500 at 1000 bytes a second: the last one begins after 9.5 seconds, less the burst.
        for _ in 0..20 {
            (begins, passed) = slot(passed, start, 500, rate);
        }
        let least = Duration::from_millis(9500) - BURST;
        assert!(
            begins.duration_since(start) >= least,
            "{:?}",
            begins.duration_since(start)
        );
        // Whoever was idle for an hour gets the burst and no more.
        let later = start + Duration::from_secs(3600);
        let (begins, _) = slot(passed, later, 500, rate);
        assert_eq!(later.duration_since(begins), BURST);
    }

    #[test]
    fn a_turn_is_given_back_and_a_raised_flag_ends_the_wait() {
        let transfer = Transfer {
            parallel: Some(1),
            bytes_per_second: NonZeroU64::new(1),
        };
        let flow = Flow::new(transfer);
        let cancel = Cancel::new();
        let turn = flow.turn(&cancel).unwrap();
        std::thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let ask = |tell: mpsc::Sender<_>, act: fn(&Flow, &Cancel) -> Result<(), StoreError>| {
                let (flow, cancel) = (&flow, &cancel);
                scope.spawn(move || tell.send(act(flow, cancel)).unwrap())
            };
            let turn_of = |flow: &Flow, cancel: &Cancel| flow.turn(cancel).map(drop);
            ask(tell.clone(), turn_of);
            // Nobody comes to an end, however often those who wait look.
            let nothing = |told: &mpsc::Receiver<_>| told.recv_timeout(NOTICED_WITHIN * 4).is_err();
            assert!(nothing(&told), "the only turn is taken");
            drop(turn);
            told.recv().unwrap().unwrap();

            let _held = flow.turn(&cancel).unwrap();
            ask(tell.clone(), turn_of);
            ask(tell, |flow, cancel| {
                flow.pass(1 << 20, cancel)?;
                flow.pass(1, cancel)
            });
            assert!(nothing(&told), "the turn is taken and the connection is slow");
            cancel.cancel();
            for _ in 0..2 {
                assert!(matches!(told.recv().unwrap(), Err(StoreError::Canceled)));
            }
        });
    }
}
