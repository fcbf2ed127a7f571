//! Where the records live.

use dram_fields::{Fields, Name};

/// Where the records live: declarations, the index of recovery points, runs. In Terraform this is the provider block.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Catalog {
    /// Address of the catalog: `file:///var/lib/dram/catalog`.
    pub url: String,
    /// What fails together with the catalog. Best a third place, apart from sites and vaults.
    pub failure_domain: Name,
}
