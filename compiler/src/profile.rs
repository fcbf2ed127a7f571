//! Profiles: how a kind of application docks. They are put into the components that use them while these are still nodes,
//! so that decoding stays the one check and nothing after it knows that there was a profile.

mod argument;
mod built_in;
mod check;
mod expand;
mod fill;
mod list;
mod merge;
mod shell;

pub use built_in::{BuiltIn, built_in};
pub use expand::{Profiles, told_at_the_profile};
pub use list::{listed, reference};

pub(crate) use check::faults;
