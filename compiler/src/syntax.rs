//! From text to positioned nodes. The only module that names the YAML parser.

mod document;
mod yaml;

pub use document::{Document, parse};
