//! The provider as a host sees it: one that we write ourselves, which looks at everything, and real Terraform.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod functions;
mod invariants;
mod profiles;
mod protocol;
mod support;
mod terraform;
