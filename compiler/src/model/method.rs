//! Methods: how a piece of data is captured, where that is not what is derived.

use dram_fields::{Fields, Name, Scalar};
use std::collections::BTreeMap;

/// A method for some of what a policy protects.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct MethodRule {
    /// For what. Without it: for everything that the method can capture. The first rule that matches counts.
    pub r#match: Option<MethodMatch>,
    /// The method.
    #[field(one_of)]
    pub method: MethodOptions,
}

/// For what a method is meant: all that is given must match.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct MethodMatch {
    /// A component of that name.
    pub component: Option<Name>,
    /// Components of applications with these labels, and these values.
    pub labels: BTreeMap<String, Scalar>,
    /// Volumes of this storage class or volume type.
    pub storage_class: Option<String>,
    /// Data of this kind.
    pub kind: Option<DataKind>,
}

/// Kinds of data.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataKind {
    /// Files and directories of a host.
    Files,
    /// The output of a dump command.
    Dump,
    /// A block device or a disk image.
    Device,
    /// A volume claim of Kubernetes.
    Claim,
    /// A server of a cloud.
    Server,
    /// A volume of a cloud.
    Volume,
    /// Definitions: objects of a cluster, networks of a cloud.
    Definition,
}

/// Methods with their options.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum MethodOptions {
    /// Files are read and kept in the vault.
    Files(FilesMethod),
    /// The output of the dump command is kept in the vault.
    Dump(DumpMethod),
    /// The blocks of a device, image or volume are read and kept in the vault.
    Image(ImageMethod),
    /// A CSI snapshot is made, and its data moved into the vault.
    CsiSnapshot(CsiSnapshotMethod),
    /// VolSync copies the claim; its repository is not ours.
    Volsync(VolsyncMethod),
    /// Velero backs the objects and claims up; its store is not ours.
    Velero(VeleroMethod),
    /// Cinder's backup service keeps the volume in its own store.
    CinderBackup(CinderBackupMethod),
    /// Only the definition is kept, and no data.
    Definition(DefinitionMethod),
}

impl MethodOptions {
    /// Where its bytes are kept.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        match self {
            Self::Files(_) | Self::Dump(_) | Self::Image(_) | Self::CsiSnapshot(_) | Self::Definition(_) => {
                Durability::Vault
            }
            Self::Volsync(_) | Self::Velero(_) | Self::CinderBackup(_) => Durability::External,
        }
    }

    /// The word by which a document names it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Dump(_) => "dump",
            Self::Image(_) => "image",
            Self::CsiSnapshot(_) => "csi-snapshot",
            Self::Volsync(_) => "volsync",
            Self::Velero(_) => "velero",
            Self::CinderBackup(_) => "cinder-backup",
            Self::Definition(_) => "definition",
        }
    }

    /// The kinds of data that it can capture.
    #[must_use]
    pub const fn captures(&self) -> &'static [DataKind] {
        match self {
            Self::Files(_) => &[DataKind::Files, DataKind::Claim],
            Self::Dump(_) => &[DataKind::Dump],
            Self::Image(_) => &[DataKind::Device, DataKind::Server, DataKind::Volume, DataKind::Claim],
            Self::CsiSnapshot(_) | Self::Volsync(_) | Self::Velero(_) => &[DataKind::Claim],
            Self::CinderBackup(_) => &[DataKind::Volume],
            Self::Definition(_) => &[
                DataKind::Claim,
                DataKind::Server,
                DataKind::Volume,
                DataKind::Definition,
            ],
        }
    }
}

/// Where the bytes of a point are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// At the site itself, and lost with it: it never counts towards an RPO under loss of the site.
    Site,
    /// In another system's store. Vaults, locks and copies of ours do not cover it.
    External,
    /// In our vaults.
    Vault,
}

impl Durability {
    /// The word in outputs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::External => "external",
            Self::Vault => "vault",
        }
    }
}

/// Files, as they are.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct FilesMethod {}

/// The output of the dump command.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DumpMethod {}

/// Only the definition.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct DefinitionMethod {}

/// Blocks of a device, image or volume.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ImageMethod {
    /// How blocks that changed are known.
    #[field(default = Tracking::Auto)]
    pub tracking: Tracking,
}

/// A CSI snapshot.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct CsiSnapshotMethod {
    /// The volume snapshot class. Without it: the default one of the volume's driver.
    pub class: Option<Name>,
    /// How blocks that changed are known.
    #[field(default = Tracking::Auto)]
    pub tracking: Tracking,
}

/// How blocks that changed since the point before are known.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// By the best that the platform has.
    Auto,
    /// By a bitmap that the hypervisor or storage keeps.
    Bitmap,
    /// By the difference between two snapshots.
    Diff,
    /// By reading everything and comparing hashes.
    Hash,
    /// Not at all: everything is read and stored as new; what is equal is still stored once.
    None,
}

/// VolSync.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct VolsyncMethod {
    /// The secret of VolSync's own repository, in the component's namespace.
    pub repository: Name,
}

/// Velero.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct VeleroMethod {
    /// The backup storage location. Without it: Velero's default one.
    pub location: Option<Name>,
    /// Whether the data of volumes is moved out of the cluster, and not left in snapshots.
    #[field(default = true)]
    pub move_data: bool,
}

/// Cinder's backup service.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct CinderBackupMethod {
    /// Whether only what changed since the backup before is kept.
    #[field(default = true)]
    pub incremental: bool,
}
