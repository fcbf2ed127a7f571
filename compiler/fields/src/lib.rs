//! One definition of the fields of the DRAM language.
//!
//! A type of the language is a plain struct or enum with doc comments and `#[derive(Fields)]`. The derive makes
//! two things of it: static tables ([`Kind`], [`Field`]) from which JSON Schema, Terraform schema, HCL and reference
//! pages are written, and the decoder ([`Shape::decode`]). **Decoding is the check**: one pass over positioned nodes
//! collects every error, and gives a value only when nothing was reported. There is no second walker that could
//! disagree with construction.
//!
//! ```
//! use dram_fields::{Duration, Fields, Node, decode};
//!
//! /// When points are made.
//! #[derive(Fields, Debug, PartialEq)]
//! pub struct Schedule {
//!     /// Distance between two firings.
//!     pub every: Duration,
//!     /// Firings are spread over this long.
//!     pub jitter: Option<Duration>,
//! }
//!
//! let text = serde_json::json!({"every": "1h", "jiter": "5m"});
//! let decoded = decode::<Schedule>(Node::from_json(&text));
//! assert!(decoded.value.is_none());
//! assert_eq!(decoded.diagnostics[0].message, "unknown field `jiter` in Schedule");
//! assert_eq!(decoded.diagnostics[0].help.as_deref(), Some("did you mean `jitter`?"));
//! ```

extern crate self as dram_fields;

mod check;
mod code;
mod diagnostic;
mod fix;
mod loose;
mod node;
mod path;
mod place;
mod quantity;
mod scalar;
mod shape;
mod table;
mod template;
mod text;
mod visit;
pub mod write;

pub use check::{closest, field, looks_secret, misspelled, open, present, unknown_word};
pub use code::{CODES, Code};
pub use diagnostic::{Diagnostic, Severity};
pub use dram_fields_derive::Fields;
pub use fix::{Change, Fix};
pub use node::{Data, Entry, Node, Span, Step, path_text};
pub use path::{AbsolutePath, LogicalPath};
pub use place::{
    Bucket, CloudName, Container, Endpoint, HostAndPort, MemberName, Prefix, ProfileName, Region, SshAddress,
    host_and_port,
};
pub use quantity::{Bytes, Duration, Name, Percent, Rate};
pub use scalar::{PLAIN, Scalar, Whole};
pub use shape::{Block, Choice, Cx, Decoded, Shape, decode};
pub use table::{Field, Format, Item, Kind, Ty, Word, snake_case};
pub use template::{Piece, Template, pieces};
pub use text::{hides_a_secret, respelled, wrong_format};
pub use visit::{Visited, visit};
