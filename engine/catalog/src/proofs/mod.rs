//! Proofs of what must always hold: races under a seeded schedule on a store that loses, delays and repeats (invariant 6, check
//! 8), tenants that do not see each other (invariant 12), and the number of requests that ordinary things cost.

mod door;
mod million;
mod requests;
mod series;
mod tenants;

pub(crate) use series::make_catalog;
