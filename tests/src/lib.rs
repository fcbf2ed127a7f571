//! What spans crates: the demo, the labs, the scenarios, the benches.
//!
//! Everything here drives the built programs from outside, as a user would; nothing links them.
//!
//! - [`programs`] builds and finds `dramc`, `dram` and `terraform-provider-dram`;
//! - [`lab`] installs and starts the real things that tests talk to;
//! - [`world`] is one temporary place with sites, vault and catalog, wherever these two lie, and [`shop`] the application
//!   that lives in it;
//! - [`proxy`] makes bad weather in front of a store, and [`s3`] looks into buckets without the product;
//! - [`configuration`] is the world's model as Terraform sees it;
//! - [`tree`] makes trees that are hard to restore, and compares trees as an archive would;
//! - [`editor`] asks language servers as editors do;
//! - [`demo`], [`verify`] and [`generate`] are the commands of the program `project`.

pub mod call;
pub mod chance;
pub mod configuration;
pub mod demo;
pub mod editor;
pub mod error;
pub mod generate;
pub mod generations;
pub mod http;
pub mod lab;
pub mod programs;
pub mod proxy;
pub mod s3;
pub mod shop;
pub mod story;
pub mod tree;
pub mod verify;
pub mod world;

pub use error::{Error, Result};
