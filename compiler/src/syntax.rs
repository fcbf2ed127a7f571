//! From text to positioned nodes. The only module that names the YAML parser.

mod comments;
mod document;
pub mod layout;
mod secret;
mod yaml;

pub use comments::{Before, comments_before};
pub use document::{Document, parse};
pub use secret::SecretWords;
pub(crate) use yaml::plain;
