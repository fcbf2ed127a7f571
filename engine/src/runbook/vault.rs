//! Vaults as runbooks hold them: where they lie and where their secrets are found, never a secret.

use serde::{Deserialize, Serialize};

/// The variables that the usual chain of AWS programs takes keys from, or the way to them: whoever has these, has the keys.
pub(crate) const AWS_CHAIN: [&str; 8] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The variables in which OpenStack's clients look for a secret, those among them that we read ourselves too.
const OPENSTACK_SECRETS: [&str; 7] = [
    "OS_PASSWORD",
    "OS_APPLICATION_CREDENTIAL_SECRET",
    "OS_TOKEN",
    "OS_AUTH_TOKEN",
    "OS_ACCESS_TOKEN",
    "OS_CLIENT_SECRET",
    "OS_PASSCODE",
];

/// A vault that a run reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultRef {
    /// Its name; for one that no declaration names, its address.
    pub name: String,
    /// What it lies on.
    #[serde(flatten)]
    pub place: PlaceRef,
    /// Where the password is found.
    pub password: SecretPlace,
    /// The application whose repository its place itself is, where another program made one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopts: Option<String>,
    /// For how long it refuses to remove what a point needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockRef>,
    /// How data moves to and from it.
    #[serde(default, skip_serializing_if = "TransferRef::is_free")]
    pub transfer: TransferRef,
}

/// What a vault lies on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlaceRef {
    /// A directory of the engine's machine.
    #[serde(rename = "path")]
    Directory(String),
    /// A bucket.
    S3(S3Ref),
    /// A container of a cloud that the engine's `clouds.yaml` names.
    Swift {
        /// The cloud's name there.
        cloud: String,
        /// The container.
        container: String,
        /// Folder in it; may be empty.
        prefix: String,
    },
}

/// A bucket and who may do what there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Ref {
    /// The address: `s3://bucket/prefix?endpoint=…&region=…`.
    pub address: String,
    /// Who reads and writes; without it whom the environment names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsRef>,
    /// Who removes; without it whoever writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune_credentials: Option<CredentialsRef>,
}

/// Where credentials are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialsRef {
    /// In a profile of the shared configuration files.
    Profile(String),
    /// In these places.
    Keys {
        /// The access key's id.
        access: SecretPlace,
        /// The key.
        secret: SecretPlace,
    },
}

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPlace {
    /// In an environment variable of the engine.
    Env(String),
    /// In a file on the engine's machine.
    File(String),
    /// In a secret of Kubernetes: `namespace/name/key`.
    Kubernetes(String),
}

/// For how long, and against whom, a vault keeps what a point needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockRef {
    /// Whether nobody at all can remove it, or only who may not bypass governance.
    pub compliance: bool,
    /// From the seal on, in seconds.
    pub seconds: u64,
}

/// How data moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransferRef {
    /// So many transfers at a time; without it what suits the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
    /// At most so many bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
}

impl TransferRef {
    const fn is_free(&self) -> bool {
        self.parallel.is_none() && self.bytes_per_second.is_none()
    }
}

/// A further vault that gets the points too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyRef {
    /// The vault.
    pub vault: VaultRef,
    /// A point is copied when it is so old, in seconds.
    #[serde(default)]
    pub delay: u64,
    /// The retention that holds there, for deciding which points are worth copying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<super::RetentionRef>,
}

impl VaultRef {
    /// The address, for people.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.place {
            PlaceRef::Directory(path) => path.clone(),
            PlaceRef::S3(s3) => s3.address.clone(),
            PlaceRef::Swift {
                cloud,
                container,
                prefix,
            } if prefix.is_empty() => format!("swift://{cloud}/{container}"),
            PlaceRef::Swift {
                cloud,
                container,
                prefix,
            } => format!("swift://{cloud}/{container}/{prefix}"),
        }
    }

    /// The directory, if it is one.
    #[must_use]
    pub fn directory(&self) -> Option<&str> {
        match &self.place {
            PlaceRef::Directory(path) => Some(path),
            PlaceRef::S3(_) | PlaceRef::Swift { .. } => None,
        }
    }

    /// The environment variables in which its secrets are, so that they can be kept from the application's commands.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let keys = match &self.place {
            PlaceRef::S3(s3) => [&s3.credentials, &s3.prune_credentials],
            PlaceRef::Directory(_) | PlaceRef::Swift { .. } => [&None, &None],
        };
        let unnamed: &[&str] = match &self.place {
            PlaceRef::S3(s3) if s3.credentials.is_none() => &AWS_CHAIN,
            // Which of them the description of the cloud leads to is known only when it is read.
            PlaceRef::Swift { .. } => &OPENSTACK_SECRETS,
            PlaceRef::Directory(_) | PlaceRef::S3(_) => &[],
        };
        let keys = keys.into_iter().flatten().flat_map(|credentials| match credentials {
            CredentialsRef::Keys { access, secret } => vec![access, secret],
            CredentialsRef::Profile(_) => Vec::new(),
        });
        let named = keys.chain([&self.password]).filter_map(|place| match place {
            SecretPlace::Env(name) => Some(name.as_str()),
            SecretPlace::File(_) | SecretPlace::Kubernetes(_) => None,
        });
        named.chain(unnamed.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_of_the_first_release_still_names_its_vault() {
        let text = r#"{"name":"nas","path":"/mnt/nas","password":{"file":"/etc/key"}}"#;
        let vault: VaultRef = serde_json::from_str(text).unwrap();
        assert_eq!(vault.directory(), Some("/mnt/nas"));
        assert_eq!(vault.password, SecretPlace::File("/etc/key".to_owned()));
        assert_eq!(vault.adopts, None);
        assert_eq!(serde_json::to_string(&vault).unwrap(), text);
    }

    #[test]
    fn buckets_and_containers_survive_a_run_log() {
        let env = |name: &str| SecretPlace::Env(name.to_owned());
        let s3 = VaultRef {
            name: "bucket".to_owned(),
            place: PlaceRef::S3(S3Ref {
                address: "s3://bucket/dram?region=eu".to_owned(),
                credentials: Some(CredentialsRef::Keys {
                    access: env("A"),
                    secret: env("S"),
                }),
                prune_credentials: Some(CredentialsRef::Profile("prune".to_owned())),
            }),
            password: env("P"),
            adopts: Some("shop".to_owned()),
            lock: Some(LockRef {
                compliance: true,
                seconds: 60,
            }),
            transfer: TransferRef {
                parallel: Some(8),
                bytes_per_second: None,
            },
        };
        let swift = VaultRef {
            place: PlaceRef::Swift {
                cloud: "lab".to_owned(),
                container: "dram".to_owned(),
                prefix: String::new(),
            },
            adopts: None,
            lock: None,
            transfer: TransferRef::default(),
            ..s3.clone()
        };
        for vault in [&s3, &swift] {
            let text = serde_json::to_string(vault).unwrap();
            assert_eq!(serde_json::from_str::<VaultRef>(&text).unwrap(), *vault, "{text}");
        }
        assert_eq!(s3.variables().collect::<Vec<_>>(), ["A", "S", "P"]);
        assert_eq!(swift.address(), "swift://lab/dram");
    }

    fn at(place: PlaceRef) -> VaultRef {
        VaultRef {
            name: "vault".to_owned(),
            place,
            password: SecretPlace::Env("P".to_owned()),
            adopts: None,
            lock: None,
            transfer: TransferRef::default(),
        }
    }

    #[test]
    fn what_a_vault_is_opened_with_is_kept_from_the_applications_commands() {
        let swift = at(PlaceRef::Swift {
            cloud: "envvars".to_owned(),
            container: "dram".to_owned(),
            prefix: String::new(),
        });
        let withheld: Vec<&str> = swift.variables().collect();
        for secret in ["P", "OS_PASSWORD", "OS_APPLICATION_CREDENTIAL_SECRET", "OS_TOKEN"] {
            assert!(withheld.contains(&secret), "{secret}");
        }
        let chain = at(PlaceRef::S3(S3Ref {
            address: "s3://bucket".to_owned(),
            credentials: None,
            prune_credentials: None,
        }));
        let withheld: Vec<&str> = chain.variables().collect();
        for secret in [
            "P",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ] {
            assert!(withheld.contains(&secret), "{secret}");
        }
        let directory = at(PlaceRef::Directory("/mnt/nas".to_owned()));
        assert_eq!(directory.variables().collect::<Vec<_>>(), ["P"]);
    }
}
