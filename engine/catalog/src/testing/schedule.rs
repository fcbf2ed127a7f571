//! Threads that take turns as a seed says: at every moment one of them runs, so that an interleaving can be repeated.

use std::sync::{Condvar, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Whose turn it is. Each worker asks for its turn before it does anything that others can see.
#[derive(Debug)]
pub(crate) struct Schedule {
    turn: Mutex<Turn>,
    bells: Vec<Condvar>,
}

#[derive(Debug)]
struct Turn {
    chance: StdRng,
    waiting: Vec<usize>,
    live: usize,
    running: Option<usize>,
    step: u64,
}

impl Schedule {
    pub(crate) fn new(workers: usize, seed: u64) -> Self {
        Schedule {
            turn: Mutex::new(Turn {
                chance: StdRng::seed_from_u64(seed),
                waiting: Vec::new(),
                live: workers,
                running: None,
                step: 0,
            }),
            bells: (0..workers).map(|_| Condvar::new()).collect(),
        }
    }

    /// Gives the turn away and waits for it to come again.
    pub(crate) fn step(&self, me: usize) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.running = None;
        turn.waiting.push(me);
        self.pass_on(&mut turn);
        while turn.running != Some(me) {
            turn = self.bells[me].wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        turn.step += 1;
    }

    /// The number of turns so far.
    pub(crate) fn now(&self) -> u64 {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).step
    }

    /// Takes part until the seat is dropped. Every worker must.
    pub(crate) fn seat(&self, me: usize) -> Seat<'_> {
        Seat { schedule: self, me }
    }

    fn pass_on(&self, turn: &mut Turn) {
        // Nobody is chosen before all have said that they wait: which thread is quick must not matter.
        if turn.running.is_none() && turn.live > 0 && turn.waiting.len() == turn.live {
            turn.waiting.sort_unstable();
            let place = turn.chance.random_range(0..turn.live);
            let next = turn.waiting.swap_remove(place);
            turn.running = Some(next);
            self.bells[next].notify_one();
        }
    }
}

/// A worker's part in a schedule; it ends however the worker does.
pub(crate) struct Seat<'s> {
    schedule: &'s Schedule,
    me: usize,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut turn = self.schedule.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.live -= 1;
        if turn.running == Some(self.me) {
            turn.running = None;
        }
        self.schedule.pass_on(&mut turn);
    }
}
