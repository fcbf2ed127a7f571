//! The DRAM compiler: text in, diagnostics and artifacts out. No IO, no clock, no randomness.
//!
//! The stages, in the order in which they know each other:
//! [`syntax`] (text → positioned nodes) → [`model`] and [`check`] (nodes → a model that cannot be wrong) →
//! [`derive`] (what the user left to us) → [`blueprint`] (a graph of resources) → [`prove`] (RPO and RTO) →
//! [`backend`] (artifacts). [`diagnostic`] prints what any of them found.

pub mod model;
