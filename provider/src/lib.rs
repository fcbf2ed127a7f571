//! The Terraform and OpenTofu provider for DRAM.
//!
//! A host (Terraform, OpenTofu) starts the program for every walk of its graph, reads one line from
//! it (`handshake`), connects over mutually verified TLS (`tls`) and calls it (`wire`, `server`).
//! Those four know gRPC; everything behind them speaks of [`value::Value`], [`schema::Schema`] and
//! [`resource::Provider`]: decode, call, encode.
//!
//! The provider declares and observes. It reads and writes the catalog, touches no site and no
//! vault, and reads no secret.

pub mod docs;
pub mod function;
pub mod handshake;
pub mod log;
pub mod notice;
pub mod resource;
pub mod schema;
pub mod server;
pub mod tls;
pub mod value;
pub mod wire;
