//! The probe: does a store really create without overwriting?
//!
//! Some stores accept the condition and ignore it, some check and then write. Neither can be seen from one writer, so the probe
//! races many of them, each with a connection of its own, for the same key, and looks afterwards at what stands there.

use std::sync::{Arc, Barrier};
use std::thread;

use super::{Creation, Store, StoreError};
use crate::chance::Chance;
use crate::layout::{Folder, Key};

/// Writers that race in each round of the probe.
pub const WRITERS: usize = 16;
/// Rounds of the probe in which one winner was seen, before a store is believed.
pub const ROUNDS: usize = 20;
/// Rounds more that a store may have because it failed, or lost the winner's answer, in others.
const SPARE_ROUNDS: usize = 10;

/// What the probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// One winner in each round, and its bytes stood.
    Atomic,
    /// Several writers at once would overwrite each other's records.
    NotAtomic {
        /// What was seen, in words.
        seen: String,
    },
}

/// What one round showed.
enum Round {
    /// One writer won, and its bytes stood.
    OneWinner,
    /// The store failed in between, or the winner's answer got lost.
    Unclear(Option<StoreError>),
    /// What a store must not do.
    Broken(String),
}

/// Races [`WRITERS`] writers that share a store.
#[cfg(test)]
pub(crate) fn probe(store: &Arc<dyn Store>, chance: &dyn Chance) -> Result<Verdict, StoreError> {
    probe_by(&vec![Arc::clone(store); WRITERS], chance)
}

/// Races `writers`, which see the same store, for one key in each of [`ROUNDS`] rounds.
///
/// # Errors
/// The store fails in too many rounds, or cannot remove what a round left.
pub(crate) fn probe_by(writers: &[Arc<dyn Store>], chance: &dyn Chance) -> Result<Verdict, StoreError> {
    let (nonce, mut proven, mut failure) = (chance.bits(), 0, None);
    for store in writers.iter().take(1) {
        if let Some(seen) = store.unfit()? {
            return Ok(Verdict::NotAtomic { seen });
        }
    }
    for round in 0..ROUNDS + SPARE_ROUNDS {
        let key = Folder::probe().round(nonce, round);
        let seen = judged(writers, &key);
        // What a round leaves behind goes, whatever it showed.
        let removed = writers.iter().take(1).try_for_each(|store| store.remove(&key));
        match seen {
            Round::Broken(seen) => return Ok(Verdict::NotAtomic { seen }),
            Round::Unclear(error) => failure = error.or(failure),
            Round::OneWinner => proven += 1,
        }
        removed?;
        if proven == ROUNDS {
            return Ok(Verdict::Atomic);
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Verdict::NotAtomic {
            seen: "writers that created a record were told that it existed already".to_owned(),
        }),
    }
}

fn judged(writers: &[Arc<dyn Store>], key: &Key) -> Round {
    race(writers, key).unwrap_or_else(|error| Round::Unclear(Some(error)))
}

/// One round.
fn race(writers: &[Arc<dyn Store>], key: &Key) -> Result<Round, StoreError> {
    let answers = creations(writers, key);
    let mut winners = Vec::new();
    let mut failure = None;
    for (writer, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(Creation::Won) => winners.push(writer),
            Ok(Creation::Exists) => {}
            Err(error) => failure = Some(error),
        }
    }
    let winner = match winners.as_slice() {
        [winner] => *winner,
        [] => return Ok(Round::Unclear(failure)),
        several => {
            return Ok(Round::Broken(format!(
                "of {} writers that created the same record at once, {} were told that they were the one",
                writers.len(),
                several.len()
            )));
        }
    };
    // Read, listed and created again by two others: what one connection was told must hold for all.
    let (Some(reader), Some(late)) = (writers.first(), writers.last()) else {
        return Ok(Round::Unclear(failure));
    };
    let first = reader.read(key)?;
    if first.as_deref() != Some(winner.to_string().as_bytes()) {
        let seen = "the record of the writer that won was overwritten by another, or is not seen by others";
        return Ok(Round::Broken(seen.to_owned()));
    }
    if late.create(key, b"late")? == Creation::Won || late.read(key)? != first {
        let seen = "a record that existed was overwritten by a later writer";
        return Ok(Round::Broken(seen.to_owned()));
    }
    let name = key.as_str().rsplit('/').next().unwrap_or_default();
    if !late.list(&Folder::probe())?.records.iter().any(|listed| listed == name) {
        return Ok(Round::Broken("a record that exists is not listed".to_owned()));
    }
    Ok(failure.map_or(Round::OneWinner, |error| Round::Unclear(Some(error))))
}

/// What each writer is told that creates `key` at the same moment as the others.
fn creations(writers: &[Arc<dyn Store>], key: &Key) -> Vec<Result<Creation, StoreError>> {
    let gate = Barrier::new(writers.len());
    thread::scope(|scope| {
        let handles: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(writer, store)| {
                let gate = &gate;
                scope.spawn(move || {
                    // Connects, so that the race is one of creates and not of connections.
                    let connected = store.read(key);
                    gate.wait();
                    connected?;
                    store.create(key, writer.to_string().as_bytes())
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
