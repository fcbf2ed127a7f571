//! Carries protection and recovery out.
//!
//! Deciding is apart from doing: [`runbook`] is pure and knows declarations, records and [`inventory`]; [`run`] acts,
//! through [`site`] drivers and the [`vault`], which know neither catalog nor runbook. Faces see one [`engine::Engine`].

pub mod able;
pub mod cancel;
pub mod cli;
pub mod engine;
pub mod error;
pub mod exit;
pub mod inventory;
pub mod kit;
pub mod memory;
pub mod opening;
pub mod run;
pub mod runbook;
pub mod schedule;
pub mod site;
pub mod state;
pub mod vault;
