//! Where protected data lies.

use super::SecretRef;
use dram_fields::{AbsolutePath, Fields, Name};

/// Where protected data lies: restic-format repositories, one for each application.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Vault {
    /// What it is kept in.
    #[field(one_of)]
    pub store: Store,
    /// What fails together with this vault. It differs from the failure domain of every site that it protects.
    pub failure_domain: Name,
    /// The password of the repositories. Whoever has it and the vault can recover; keep a copy outside of what the
    /// vault protects.
    pub password: SecretRef,
}

/// What a vault is kept in.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Store {
    /// A directory of the machine where the engine runs, such as a mounted network share.
    Directory(Directory),
}

/// A directory as a vault.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Directory {
    /// Where it is. The directory is made when its parent exists.
    pub path: AbsolutePath,
}
