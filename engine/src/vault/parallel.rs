//! The same thing done to many, on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many threads make use of this machine's processors, for what keeps them busy.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// Calls `act` for each item, on at most `threads` threads that each make a context first; the results have the order of the
/// items. The first error ends it.
///
/// # Errors
/// That of a context or of an act.
pub(super) fn each<I: Sync, C, T: Send, E: Send>(
    items: &[I],
    threads: usize,
    context: &(dyn Fn() -> Result<C, E> + Sync),
    act: impl Fn(&mut C, &I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(items.len()));
    let failure: Mutex<Option<E>> = Mutex::new(None);
    let work = || {
        let result = context().and_then(|mut context| {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let Some(item) = items.get(number) else { break };
                mine.push((number, act(&mut context, item)?));
            }
            Ok(mine)
        });
        match result {
            Ok(mine) => done.lock().unwrap_or_else(PoisonError::into_inner).extend(mine),
            Err(error) => {
                next.store(items.len(), Ordering::SeqCst);
                failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
        }
    };
    let threads = threads.min(items.len());
    if threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}
