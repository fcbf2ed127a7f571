//! The recovery kit: one sheet with all that a person needs to bring an application back, a password of its own among it.
//!
//! Composing is pure: what is declared goes in, and a [`Sheet`] comes out, as text or as a page to print.

mod passphrase;
mod pdf;
mod reach;
mod sheet;
#[cfg(test)]
mod tests;
mod words;

pub use passphrase::Passphrase;
pub use sheet::{About, Sheet};

/// The user that the keys of kits name: how they are told from others, here and by the stock program.
pub const KIT_USER: &str = "dram-kit";
