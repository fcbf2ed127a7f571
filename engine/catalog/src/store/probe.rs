//! The probe: does a store really create without overwriting?
//!
//! Some stores accept the condition and ignore it, some check and then write. Neither can be seen from one writer, so the probe
//! races many of them for the same key and looks afterwards at what stands there.

use std::sync::{Arc, Barrier};
use std::thread;

use super::{Creation, Store, StoreError};
use crate::chance::Chance;
use crate::layout::Folder;

/// Writers that race in each round of the probe.
pub const WRITERS: usize = 16;
/// Rounds of the probe.
pub const ROUNDS: usize = 20;

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

/// Races [`WRITERS`] writers for one key in each of [`ROUNDS`] rounds.
pub(crate) fn probe(store: &Arc<dyn Store>, chance: &dyn Chance) -> Result<Verdict, StoreError> {
    let nonce = chance.bits();
    let mut verdict = Verdict::Atomic;
    for round in 0..ROUNDS {
        let seen = race(store, nonce, round);
        // What a round leaves behind goes, whatever it found.
        store.remove(&Folder::probe().round(nonce, round))?;
        if let Some(seen) = seen? {
            verdict = Verdict::NotAtomic { seen };
            break;
        }
    }
    Ok(verdict)
}

/// One round; what was seen if it was not what a store must do.
fn race(store: &Arc<dyn Store>, nonce: u128, round: usize) -> Result<Option<String>, StoreError> {
    let key = Folder::probe().round(nonce, round);
    let gate = Arc::new(Barrier::new(WRITERS));
    let mut writers = Vec::with_capacity(WRITERS);
    for writer in 0..WRITERS {
        let (store, gate, key) = (Arc::clone(store), Arc::clone(&gate), key.clone());
        writers.push(thread::spawn(move || {
            gate.wait();
            store.create(&key, writer.to_string().as_bytes())
        }));
    }
    let mut winners = Vec::new();
    let mut failure = None;
    for (writer, handle) in writers.into_iter().enumerate() {
        match handle.join() {
            Ok(Ok(Creation::Won)) => winners.push(writer),
            Ok(Ok(Creation::Exists)) => {}
            Ok(Err(error)) => failure = Some(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let [winner] = winners.as_slice() else {
        return Ok(Some(format!(
            "of {WRITERS} writers that created the same record at once, {} were told that they were the one",
            winners.len()
        )));
    };
    let first = store.read(&key)?;
    if first.as_deref() != Some(winner.to_string().as_bytes()) {
        return Ok(Some(
            "the record of the writer that won was overwritten by another".to_owned(),
        ));
    }
    if store.create(&key, b"late")? == Creation::Won || store.read(&key)? != first {
        return Ok(Some(
            "a record that existed was overwritten by a later writer".to_owned(),
        ));
    }
    Ok(None)
}
