//! Why the description of a cloud cannot be used.

/// What is wrong with the description of a cloud. Values that may be secrets are never told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum CloudError {
    /// No file describes clouds, and no variables do.
    #[error("no `clouds.yaml` was found, nor is `OS_AUTH_URL` set (looked for {searched})")]
    NoFile {
        /// The places, joined.
        searched: String,
    },
    /// A file is there and cannot be read.
    #[error("`{path}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The file has no such cloud.
    #[error("`{path}` describes no cloud `{cloud}`")]
    UnknownCloud {
        /// The file.
        path: String,
        /// What was asked for.
        cloud: String,
        /// What it describes, joined.
        known: String,
    },
    /// No cloud was named and the file has several, or none.
    #[error("no cloud is named, and `{path}` does not describe exactly one")]
    Unnamed {
        /// The file.
        path: String,
        /// What it describes, joined.
        known: String,
    },
    /// A field without which nobody can log in.
    #[error("the cloud `{cloud}` has no `{field}`")]
    Lacks {
        /// The cloud.
        cloud: String,
        /// The field.
        field: &'static str,
    },
    /// A field says what we cannot do.
    #[error("the cloud `{cloud}` says `{field}: {value}`, which is not supported")]
    Unsupported {
        /// The cloud.
        cloud: String,
        /// The field.
        field: &'static str,
        /// Its value; no secret has such a field.
        value: String,
    },
    /// A field that should hold an address holds none.
    #[error("`{field}` of the cloud `{cloud}` is no address that begins with `http://` or `https://`")]
    NoAddress {
        /// The cloud.
        cloud: String,
        /// The field.
        field: &'static str,
    },
}

impl CloudError {
    /// The way out.
    pub(in super::super) fn help(&self) -> String {
        match self {
            Self::NoFile { .. } => {
                "write a `clouds.yaml` there, or name one with `OS_CLIENT_CONFIG_FILE`; the dashboard \
                                    of the cloud offers one for download"
                    .into()
            }
            Self::Unreadable { .. } => "correct the file, or let the user who runs this read it".into(),
            Self::UnknownCloud { known, .. } if known.is_empty() => "write it under `clouds:` there".into(),
            Self::UnknownCloud { known, .. } => format!("write it under `clouds:` there, or name one of {known}"),
            Self::Unnamed { known, .. } if known.is_empty() => "describe the cloud under `clouds:` there".into(),
            Self::Unnamed { known, .. } => format!("name one of {known}"),
            Self::Lacks { field: "auth_url", .. } => {
                "write it under `auth:`; profiles of public clouds (`profile:`) are not known here".into()
            }
            Self::Lacks { .. } => "write it under `auth:` of the cloud, in `clouds.yaml` or in `secure.yaml`".into(),
            Self::Unsupported { field: "auth_type", .. } => {
                "use `password`, `v3applicationcredential`, or `v1password` for the object store's own users; an \
                 application credential can be made by whoever logs in otherwise"
                    .into()
            }
            Self::Unsupported { .. } => "leave the field out, or use another cloud".into(),
            Self::NoAddress { .. } => "give the whole address, as the catalog of the cloud shows it".into(),
        }
    }
}
