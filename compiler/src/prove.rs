//! RPO and RTO: the worst case, how it comes about, and whether it holds.
//!
//! Flow: [`Subject`] (an application with what protects it) → [`Loads`] (what all of them move over the lines of their sites) →
//! `rpo`, `copies`, `replica` (how much may be lost when the site, or more than the site, is lost) and `rto` (how long until it
//! runs again) → [`Report`]. Assumes that what moves, changes and lasts stays within what the model states.

mod copies;
mod derived;
mod findings;
mod line;
mod load;
mod print;
mod proof;
mod replica;
mod report;
mod rpo;
mod rto;
mod start;
mod stated;
mod subject;
mod worst;

pub use copies::recovery_point_of_copy;
pub use derived::{Derived, DerivedPair, derived};
pub use load::Loads;
pub use print::duration_text;
pub use proof::{Amount, Decides, Given, Proof, Term, Verdict};
pub use replica::{Replica, Way, derived_pair};
pub use report::{ApplicationProof, DomainLost, Keeper, PrimaryLost, Report, TargetProof, prove};
pub use rpo::{firings, policy_alone, recovery_point};
pub use rto::{Comeback, recovery_time};
pub use start::Waves;
pub use subject::Subject;
