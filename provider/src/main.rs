//! The Terraform and OpenTofu provider for DRAM.
fn main() {}
