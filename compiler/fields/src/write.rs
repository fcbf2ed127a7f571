//! Everything that is written from the tables: JSON Schema, reference pages, HCL.

pub mod hcl;
pub mod json_schema;
pub mod markdown;
