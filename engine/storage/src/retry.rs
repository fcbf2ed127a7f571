//! Trying again: how often, how long, and with which pauses.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::cancel::Cancel;
use crate::error::{Fault, StorageError};

/// How long a caller puts up with a store that fails. Pauses double from `first` to `longest` and are spread by chance, so that
/// many callers who failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The least first pause; twice it is the most.
    pub first: Duration,
    /// A pause is not longer than this, twice with its spread.
    pub longest: Duration,
    /// After so many attempts the last error is the answer. At least 1.
    pub attempts: usize,
    /// No attempt begins later than this after the first one, so that a store that hangs does not cost every attempt's time.
    pub within: Duration,
}

impl Patience {
    /// For small records that somebody waits for: about five seconds.
    pub const SHORT: Self = Self {
        first: Duration::from_millis(50),
        longest: Duration::from_secs(1),
        attempts: 8,
        within: Duration::from_secs(15),
    };
    /// For transfers that a run depends on: between one and two minutes.
    pub const LONG: Self = Self {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(10),
        attempts: 14,
        within: Duration::from_secs(180),
    };
    /// One attempt.
    pub const NONE: Self = Self {
        first: Duration::ZERO,
        longest: Duration::ZERO,
        attempts: 1,
        within: Duration::ZERO,
    };

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// An error that says whether the same call may succeed a moment later. A raised flag becomes one through its `From`.
pub trait Passing: std::fmt::Display + From<StorageError> {
    /// Whether it may, without anybody doing anything.
    fn may_pass(&self) -> bool;

    /// How long the store asks to be left alone, where it says so.
    fn asked_pause(&self) -> Option<Duration> {
        None
    }
}

impl Passing for StorageError {
    fn may_pass(&self) -> bool {
        self.is_transient()
    }
}

/// Calls until it succeeds, fails for good, or `patience` ends; a raised flag ends a call in flight and a pause alike.
///
/// # Errors
/// The last attempt's.
pub async fn persevere<T, E, F>(patience: &Patience, cancel: &Cancel, mut call: impl FnMut() -> F) -> Result<T, E>
where
    E: Passing,
    F: Future<Output = Result<T, E>>,
{
    let (mut pauses, begun) = (patience.pauses(), Instant::now());
    loop {
        let answer = tokio::select! {
            biased;
            answer = call() => answer,
            () = cancel.canceled() => return Err(canceled().into()),
        };
        let error = match answer {
            Err(error) if error.may_pass() => error,
            other => return other,
        };
        let left = patience.within.saturating_sub(begun.elapsed());
        let Some(pause) = next_pause(pauses.next(), error.asked_pause(), left) else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "trying again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cancel.canceled() => return Err(canceled().into()),
        }
    }
}

/// The same for a call that blocks. A call in flight is waited for.
///
/// # Errors
/// The last attempt's.
pub fn persevere_blocking<T, E: Passing>(
    patience: &Patience,
    cancel: &Cancel,
    mut call: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let (mut pauses, begun) = (patience.pauses(), Instant::now());
    loop {
        if cancel.is_canceled() {
            return Err(canceled().into());
        }
        let error = match call() {
            Err(error) if error.may_pass() => error,
            other => return other,
        };
        let left = patience.within.saturating_sub(begun.elapsed());
        let Some(pause) = next_pause(pauses.next(), error.asked_pause(), left) else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "trying again");
        crate::runtime::block_on(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.canceled() => {}
            }
        })?;
    }
}

/// The pause before the next attempt: what the store asks for and, so that callers who were asked together do not come back
/// together, our own. What would not fit into what is left of patience is not waited for: such a store is tried as one that
/// asks for nothing. `None` where patience ends.
fn next_pause(own: Option<Duration>, asked: Option<Duration>, left: Duration) -> Option<Duration> {
    let own = own.filter(|own| *own < left)?;
    let both = asked.map(|asked| asked.saturating_add(own));
    Some(both.filter(|both| *both < left).unwrap_or(own))
}

fn canceled() -> StorageError {
    StorageError {
        fault: Fault::Canceled,
        action: "reach",
        place: "the store".to_owned(),
        why: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const QUICK: Patience = Patience {
        first: Duration::from_micros(1),
        longest: Duration::from_micros(2),
        attempts: 5,
        within: Duration::from_secs(60),
    };

    fn error(fault: Fault) -> StorageError {
        StorageError {
            fault,
            action: "read",
            place: "x".to_owned(),
            why: String::new(),
        }
    }

    fn tries(fault: Fault, good_at: usize) -> (usize, Result<usize, Fault>) {
        let count = AtomicUsize::new(0);
        let answer = persevere_blocking(&QUICK, &Cancel::new(), || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            if number == good_at {
                Ok(number)
            } else {
                Err(error(fault))
            }
        });
        (count.into_inner(), answer.map_err(|error| error.fault))
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        assert_eq!(tries(Fault::Busy, 3), (3, Ok(3)));
        assert_eq!(tries(Fault::Busy, 6), (5, Err(Fault::Busy)));
        assert_eq!(tries(Fault::Denied, 2), (1, Err(Fault::Denied)));
    }

    #[test]
    fn pauses_grow_to_their_limit_and_are_spread() {
        let pauses: Vec<Duration> = Patience::LONG.pauses().collect();
        assert_eq!(pauses.len(), Patience::LONG.attempts - 1);
        for (number, pause) in pauses.iter().enumerate() {
            let least = Patience::LONG
                .first
                .saturating_mul(1 << number.min(16))
                .min(Patience::LONG.longest);
            assert!(
                *pause >= least && *pause <= least * 2 + Duration::from_millis(1),
                "{number}: {pause:?}"
            );
        }
        let total: Duration = pauses.iter().sum();
        assert!(total >= Duration::from_secs(60), "{total:?}");
    }

    #[test]
    fn a_store_that_asks_for_a_pause_gets_it_as_far_as_patience_goes() {
        let seconds = Duration::from_secs;
        let cases = [
            (Some(1), None, Some(1)),
            (Some(1), Some(5), Some(6)),
            (Some(1), Some(8), Some(9)),
            (Some(1), Some(9), Some(1)),
            (Some(1), Some(u64::MAX), Some(1)),
            (Some(10), Some(0), None),
            (None, Some(5), None),
        ];
        for (own, asked, expected) in cases {
            let found = next_pause(own.map(seconds), asked.map(seconds), seconds(10));
            assert_eq!(found, expected.map(seconds), "{own:?} {asked:?}");
        }
    }

    #[test]
    fn a_raised_flag_ends_a_call_that_is_never_answered() {
        let cancel = Cancel::new();
        let raise = cancel.clone();
        let thread = std::thread::spawn(move || raise.cancel());
        let never = || std::future::pending::<Result<(), StorageError>>();
        let answer = crate::block_on(persevere(&Patience::LONG, &cancel, never)).unwrap();
        thread.join().unwrap();
        assert_eq!(answer.unwrap_err().fault, Fault::Canceled);
    }
}
