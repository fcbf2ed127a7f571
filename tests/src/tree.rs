//! Trees of files as an archive sees them: made hard to restore, observed, compared.

mod compare;
mod make;
mod observe;

pub use compare::{Difference, differences};
pub use make::{Nasty, make_nasty};
pub use observe::{Entry, Kind, Tree, observe};
