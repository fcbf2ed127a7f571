//! What the provider's tests share: a shop to declare, Terraform to run, and a host of our own.

pub(crate) mod certificate;
pub(crate) mod core;
pub(crate) mod host;
pub(crate) mod places;
pub(crate) mod resources;
pub(crate) mod shop;
pub(crate) mod terraform;
