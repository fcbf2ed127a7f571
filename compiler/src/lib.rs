//! The DRAM compiler: text in, diagnostics and artifacts out. No IO, no clock, no randomness.
//!
//! The stages, in the order in which they know each other: [`source`] → [`diagnostic`] → [`syntax`] (text to positioned
//! nodes) → [`model`], [`mod@calendar`], [`profile`] (components by the kind of application that they are) and [`check`]
//! (nodes to a model that cannot be wrong) → [`mod@derive`] (what the user left to us) → [`blueprint`] (a graph of
//! resources) → [`prove`] (RPO and RTO) → [`backend`] (artifacts).
//!
//! Beside them stands what helps to write and read a model: [`mod@format`], [`mod@graph`], [`init`], [`mod@schema`] and
//! [`explained`] (the model filled in, with reasons).

pub mod backend;
pub mod blueprint;
pub mod calendar;
pub mod check;
pub mod derive;
pub mod diagnostic;
pub mod explained;
pub mod format;
pub mod graph;
pub mod init;
pub mod model;
pub mod profile;
pub mod prove;
pub mod schema;
pub mod source;
pub mod syntax;
