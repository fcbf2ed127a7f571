//! What a copy in a further vault is worth when the site and the vaults before it are lost.
//!
//! A loss just before a copy is sealed falls back to the copy before it: worst case = that of the loss of the site + the delay
//! of the copy, with the wait for the run that makes it + the time of the copies that are made before it + the time to copy what
//! changed in a gap + time to seal the copy.

use super::load::Loads;
use super::rpo::worst;
use super::subject::Subject;
use super::worst::{copies_in, seal};
use super::{Proof, Term, Verdict};

/// The RPO of an application when its site and the primary vault are lost, and the copy in the vault with this position in the
/// policy is what is left; `None` where there is no such copy.
#[must_use]
pub fn recovery_point_of_copy(subject: &Subject<'_>, loads: &Loads, position: usize) -> Option<Proof> {
    let before = position.checked_sub(1)?;
    let copy = subject.policy.vaults.get(position)?;
    let (worst, assumptions) = worst(subject, loads);
    let mut terms = worst.terms();
    if let Some(delay) = copy.delay {
        let because = format!("vault `{}` takes points {delay} after their freeze", copy.name);
        terms.push(Term::new("delay of the copy", delay.seconds, because));
        let wait = worst
            .between()
            .saturating_add(worst.sealing())
            .saturating_add(worst.making.freeze.seconds);
        let because = "a copy that is due is made at the end of a run";
        terms.push(Term::new("wait for a run", wait, because));
    }
    if before > 0 {
        let uses = subject.policy.vaults.get(1..position).unwrap_or_default();
        let names: Vec<String> = uses.iter().map(|used| format!("`{}`", used.name)).collect();
        let seconds = copies_in(uses).saturating_mul(worst.sealing());
        let because = format!("to {}", names.join(" and "));
        terms.push(Term::new("copies before it", seconds, because));
    }
    if worst.making.window.is_some() {
        let because = "the copy waits for its part of the day as well";
        terms.push(Term::new(
            "wait for the window",
            worst.making.moves.waiting(worst.run()),
            because,
        ));
    }
    terms.push(worst.moved("copy what changed", ", by the engine there"));
    terms.push(seal("seal the copy"));
    let rpo = subject.policy.objectives.rpo;
    let proof = Proof::new(rpo, terms, assumptions).too_slow(worst.is_too_slow());
    // What another system keeps is in no copy of ours.
    let elsewhere = subject.kept_elsewhere();
    if elsewhere.is_empty() {
        return Some(proof);
    }
    let names: Vec<String> = elsewhere
        .iter()
        .map(|(component, method)| format!("`{component}` by `{}`", method.as_str()))
        .collect();
    Some(Proof {
        verdict: Verdict::NotMet,
        help: Some(format!("no copy holds what is kept elsewhere: {}", names.join(", "))),
        ..proof
    })
}
