//! Requests under way, and how they end when somebody wants them to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::progress::Cancel;

/// How long a raised flag may go unnoticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(25);

/// The flags of the requests under way, and a thread that looks at them: a request blocks its own.
pub(super) struct Flights {
    shared: Arc<Shared>,
    interrupt: Arc<dyn Fn() + Send + Sync>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Number and flag of each request.
    under_way: Vec<(u64, Cancel)>,
    watched: bool,
    over: bool,
}

/// A request under way, until it is dropped.
pub(super) struct Flight<'f> {
    flights: &'f Flights,
    number: u64,
}

impl Flights {
    /// `interrupt` breaks all requests that are under way.
    pub(super) fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
            interrupt: Arc::new(interrupt),
        }
    }

    /// A request begins. The first one starts the thread, which ends with `self`.
    pub(super) fn begin(&self, cancel: &Cancel) -> Flight<'_> {
        let mut state = lock(&self.shared.state);
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.under_way.push((number, cancel.clone()));
        if !state.watched {
            let (shared, interrupt) = (Arc::clone(&self.shared), Arc::clone(&self.interrupt));
            let watch = move || watch(&shared, &*interrupt);
            // Without the thread cancelling takes as long as the request: no reason to fail.
            state.watched = std::thread::Builder::new()
                .name("swift-cancel".into())
                .spawn(watch)
                .is_ok();
        }
        self.shared.changed.notify_one();
        Flight { flights: self, number }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.flights.shared.state);
        state.under_way.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Flights {
    fn drop(&mut self) {
        lock(&self.shared.state).over = true;
        self.shared.changed.notify_one();
    }
}

fn watch(shared: &Shared, interrupt: &dyn Fn()) {
    let mut state = lock(&shared.state);
    while !state.over {
        let before = state.under_way.len();
        state.under_way.retain(|(_, cancel)| !cancel.is_canceled());
        if state.under_way.len() < before {
            drop(state);
            interrupt();
            state = lock(&shared.state);
        } else if before == 0 {
            let woken = shared.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        } else {
            let woken = shared.changed.wait_timeout(state, NOTICED_WITHIN);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
