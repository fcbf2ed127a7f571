//! Where the records live.

use super::CatalogUrl;
use dram_fields::{Fields, Name};

/// Where the records live: declarations, the index of recovery points, runs. In Terraform this is the provider block.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Catalog {
    /// Address of the catalog: a directory `file:///var/lib/dram/catalog`, a bucket
    /// `s3://bucket/prefix?endpoint=&region=&profile=&pathStyle=`, or a PostgreSQL database
    /// `postgres://user@host:5432/database?schema=&sslmode=`. A password never stands in it.
    pub url: CatalogUrl,
    /// What fails together with the catalog. Best a third place, apart from sites and vaults.
    pub failure_domain: Name,
}
