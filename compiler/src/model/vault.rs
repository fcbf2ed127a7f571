//! Where protected data lies.

use super::SecretRef;
use dram_fields::{
    AbsolutePath, Bucket, Bytes, CloudName, Container, Duration, Endpoint, Fields, Name, Percent, Prefix, ProfileName,
    Region,
};

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
    /// For how long nobody can remove what a point needs. Only with `s3`: a directory and Swift cannot refuse.
    pub lock: Option<Lock>,
    /// How much the vault may hold. `dram doctor` measures and forecasts against it.
    pub capacity: Option<Bytes>,
    /// The part of `capacity` from which `dram doctor` warns.
    pub warn_at: Option<Percent>,
    /// The application that takes over a repository of restic's format 2 which lies at the vault's place itself and was
    /// made by another program. The vault holds nothing else then. Without it: the engine makes a repository for each
    /// application, below the place.
    pub adopt: Option<Name>,
}

/// What a vault is kept in.
#[expect(clippy::large_enum_variant, reason = "a model holds few vaults")]
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Store {
    /// A directory of the machine where the engine runs, such as a mounted network share.
    Directory(Directory),
    /// A bucket of an S3 service.
    S3(S3),
    /// A container of OpenStack Swift.
    Swift(Swift),
}

/// A directory as a vault.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Directory {
    /// Where it is. The directory is made when its parent exists.
    pub path: AbsolutePath,
}

/// A bucket as a vault.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct S3 {
    /// Name of the bucket. It exists already.
    pub bucket: Bucket,
    /// Folder in the bucket. Without it: the root of the bucket.
    pub prefix: Option<Prefix>,
    /// Region of the bucket. Without it: what the environment or the profile says; `us-east-1` where only `endpoint`
    /// is given.
    pub region: Option<Region>,
    /// Address of the service. Without it: Amazon S3.
    pub endpoint: Option<Endpoint>,
    /// Whether the bucket stands in the path of a request instead of its host name. Without it: `true` where
    /// `endpoint` is given, `false` at Amazon.
    pub path_style: Option<bool>,
    /// Who writes and reads. Without it: the usual chain of AWS programs (environment, profile, instance). These
    /// credentials need no right to delete.
    pub credentials: Option<Credentials>,
    /// Who removes what retention lets go, used by `dram prune` alone. Without it: those of `credentials`.
    pub prune_credentials: Option<Credentials>,
}

impl S3 {
    /// Whether the bucket stands in the path of a request.
    #[must_use]
    pub fn uses_path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }
}

/// Where the engine finds credentials of an S3 service.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Credentials {
    /// How they are found.
    #[field(one_of)]
    pub source: CredentialSource,
}

/// Ways to credentials of an S3 service.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum CredentialSource {
    /// A profile of the AWS configuration files on the machine where the engine runs.
    SharedProfile(ProfileName),
    /// A pair of keys.
    Keys(AccessKeys),
}

/// A pair of keys of an S3 service.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct AccessKeys {
    /// The access key.
    pub access_key: SecretRef,
    /// The secret key.
    pub secret_key: SecretRef,
}

/// A container as a vault. Swift has no locks, and whoever may write may also delete.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Swift {
    /// Name of the cloud in the engine's `clouds.yaml`, which says address, user and region.
    pub cloud: CloudName,
    /// Name of the container. It is made when it is missing.
    pub container: Container,
    /// Folder in the container. Without it: the root of the container.
    pub prefix: Option<Prefix>,
}

/// For how long a vault refuses to remove what a point needs. The bucket was made with object lock.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Lock {
    /// Who can still remove it.
    pub mode: LockMode,
    /// For how long, from the moment a point is sealed.
    pub period: Duration,
}

/// Who can remove what is locked.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has the right to bypass governance.
    Governance,
    /// Nobody, not even the owner of the account, before the period ends.
    Compliance,
}
