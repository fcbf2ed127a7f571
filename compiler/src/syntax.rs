//! From text to positioned nodes. The only module that names the YAML parser.

mod document;
mod secret;
mod yaml;

pub use document::{Document, parse};
pub use secret::SecretWords;
