//! Which cloud is meant and how to log in there: `clouds.yaml` with `secure.yaml` beside it, or the variables `OS_*`, read
//! as OpenStack's own clients read them. Nothing is asked of a server here.

mod error;
mod fields;
mod files;

pub(super) use error::CloudError;

use super::secret::Secret;
use fields::Fields;

/// The name under which the variables `OS_*` are a cloud of their own.
const VARIABLES: &str = "envvars";

/// A cloud as its description says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cloud {
    /// Its name, for messages.
    pub(super) name: String,
    pub(super) identity: Identity,
    /// The region of the object store; needed where the catalog has several.
    pub(super) region: Option<String>,
    pub(super) interface: Interface,
    /// The account's address, where the description knows better than the catalog.
    pub(super) endpoint: Option<String>,
    pub(super) trust: Trust,
}

/// Who logs in, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The object store's own authentication ("TempAuth"): a user and a key.
    V1 {
        auth_url: String,
        user: String,
        key: Secret,
    },
    /// Keystone, version 3; `auth_url` ends with `/v3`.
    Keystone { auth_url: String, method: Method },
}

/// How one proves to Keystone who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    /// A user's password, and the project that is meant.
    Password {
        user: Named,
        password: Secret,
        project: Option<Named>,
    },
    /// An application credential, which belongs to one project.
    Application { credential: Credential, secret: Secret },
}

/// How an application credential is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// By its id.
    Id(String),
    /// By its name and the user whose it is.
    Name { name: String, user: Named },
}

/// A user or a project, which names alone do not tell apart between domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Id(String),
    Name { name: String, domain: Domain },
}

/// A domain of Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domain {
    Id(String),
    Name(String),
}

/// Which of a service's addresses is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that the machine believes.
    Machine,
    /// Those that one of this file has signed, and no others.
    File(String),
    /// Anybody's: the description asks for it in words.
    Anybody,
}

/// What this process is told by its surroundings. Tests bring their own.
pub(super) struct Surroundings<'s> {
    /// A variable's value.
    pub(super) variable: &'s dyn Fn(&str) -> Option<String>,
}

impl Surroundings<'_> {
    /// A variable that is set to something.
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

impl Cloud {
    /// Reads the description of the cloud `name`. An empty name is the one of `OS_CLOUD`, else the variables `OS_*`, else
    /// the only cloud of `clouds.yaml`.
    ///
    /// # Errors
    /// If there is none, it cannot be read, or says what we cannot do.
    pub(super) fn read(name: &str, around: &Surroundings<'_>) -> Result<Self, CloudError> {
        let named = Some(name.to_owned()).filter(|name| !name.is_empty());
        let wanted = named.or_else(|| around.get("OS_CLOUD"));
        match wanted.as_deref() {
            Some(VARIABLES) => Fields::of_variables(around).cloud(),
            None if around.get("OS_AUTH_URL").is_some() => Fields::of_variables(around).cloud(),
            wanted => {
                let (name, described) = files::find(wanted, around)?;
                Fields::of_file(name, &described).cloud()
            }
        }
    }
}

#[cfg(test)]
mod tests;
