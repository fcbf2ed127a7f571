//! Vaults in containers of OpenStack Swift, and of whatever else speaks its protocol, as Ceph's gateway does.
//!
//! - `cloud` reads who we are from `clouds.yaml` or the variables `OS_*`; `login` gets a token with it, from Keystone or from
//!   the object store itself; `account` keeps the token valid.
//! - `http` and `flight` make requests: connections reused and bounded, limits of time, broken off when the caller wants.
//! - `container` knows objects, `large` those that the server does not take in one piece.
//! - `store` and `ground` are the vault's ports over them, in restic's layout; `probe` tries out what may be done.
//!
//! What Swift does not give, and what follows from it: it has no creates that refuse to overwrite, so no catalog lies here,
//! and of two that make the same repository at the same moment the last one's configuration stays (see `store`); it cannot
//! let somebody write and not remove, so writer and pruner are not kept apart; its listings may lag behind its objects.

mod account;
mod cloud;
mod container;
mod fault;
mod flight;
mod ground;
mod http;
mod large;
mod login;
mod place;
mod probe;
mod secret;
mod store;
mod yaml;

pub(super) use ground::SwiftGround;
pub use place::SwiftPlace;

#[cfg(test)]
mod tests;
