//! From the fields of a description, whichever way they were written, to a cloud.

use super::super::secret::Secret;
use super::super::yaml::Value;
use super::{
    Cloud, CloudError, Credential, Domain, Identity, Interface, Method, Named, Surroundings, Trust, VARIABLES,
};

/// Tells a field's text by its name.
type Reader<'f> = Box<dyn Fn(&str) -> Option<String> + 'f>;

/// The fields of one cloud, by their names in `clouds.yaml`.
pub(super) struct Fields<'f> {
    cloud: String,
    read: Reader<'f>,
}

impl<'f> Fields<'f> {
    /// Those of a file: below `auth:`, or beside it. Names may be written with `-` or `_`.
    pub(super) fn of_file(cloud: String, described: &'f Value) -> Self {
        let read = move |field: &str| {
            let dashed = field.replace('_', "-");
            let within = |value: &Value| {
                let found = [field, &dashed].into_iter().find_map(|name| value.get(name));
                found.and_then(Value::text).map(str::to_owned)
            };
            described.get("auth").and_then(within).or_else(|| within(described))
        };
        Self {
            cloud,
            read: Box::new(move |field| match field {
                "region_name" => read(field).or_else(|| only_region(described)),
                _ => read(field),
            }),
        }
    }

    /// Those of the variables `OS_*`.
    pub(super) fn of_variables(around: &'f Surroundings<'_>) -> Self {
        Self {
            cloud: VARIABLES.to_owned(),
            read: Box::new(move |field| {
                let name = match field {
                    "verify" => return None,
                    other => format!("OS_{}", other.to_ascii_uppercase()),
                };
                around.get(&name)
            }),
        }
    }

    fn get(&self, field: &str) -> Option<String> {
        (self.read)(field).filter(|value| !value.is_empty())
    }

    fn first(&self, fields: &[&str]) -> Option<String> {
        fields.iter().find_map(|field| self.get(field))
    }

    fn need(&self, field: &'static str) -> Result<String, CloudError> {
        self.get(field).ok_or_else(|| CloudError::Lacks {
            cloud: self.cloud.clone(),
            field,
        })
    }

    fn unsupported(&self, field: &'static str, value: String) -> CloudError {
        CloudError::Unsupported {
            cloud: self.cloud.clone(),
            field,
            value,
        }
    }

    /// The cloud that these fields describe.
    pub(super) fn cloud(&self) -> Result<Cloud, CloudError> {
        let endpoint = ["object_store_endpoint_override", "object_store_endpoint"];
        Ok(Cloud {
            name: self.cloud.clone(),
            identity: self.identity()?,
            region: self.get("region_name"),
            interface: self.interface()?,
            endpoint: match self.first(&endpoint) {
                Some(address) => Some(self.address("object_store_endpoint_override", &address)?),
                None => None,
            },
            trust: self.trust()?,
        })
    }

    fn identity(&self) -> Result<Identity, CloudError> {
        let kind = self.get("auth_type");
        let has_application = self
            .first(&["application_credential_id", "application_credential_name"])
            .is_some();
        let auth_url = || self.address("auth_url", &self.need("auth_url")?);
        match kind.as_deref() {
            Some("v1password") => Ok(Identity::V1 {
                auth_url: auth_url()?,
                user: self.need("username")?,
                key: Secret::new(self.need("password")?),
            }),
            Some("v3applicationcredential") => Ok(Identity::Keystone {
                auth_url: third_version(&auth_url()?),
                method: self.application()?,
            }),
            None if has_application => Ok(Identity::Keystone {
                auth_url: third_version(&auth_url()?),
                method: self.application()?,
            }),
            None | Some("password" | "v3password") => Ok(Identity::Keystone {
                auth_url: third_version(&auth_url()?),
                method: Method::Password {
                    user: self.user()?,
                    password: Secret::new(self.need("password")?),
                    project: self.project()?,
                },
            }),
            Some(other) => Err(self.unsupported("auth_type", other.to_owned())),
        }
    }

    fn application(&self) -> Result<Method, CloudError> {
        let credential = match self.get("application_credential_id") {
            Some(id) => Credential::Id(id),
            None => Credential::Name {
                name: self.need("application_credential_name")?,
                user: self.user()?,
            },
        };
        Ok(Method::Application {
            credential,
            secret: Secret::new(self.need("application_credential_secret")?),
        })
    }

    fn user(&self) -> Result<Named, CloudError> {
        match self.get("user_id") {
            Some(id) => Ok(Named::Id(id)),
            None => Ok(Named::Name {
                name: self.need("username")?,
                domain: self.domain("user_domain_id", "user_domain_name")?,
            }),
        }
    }

    fn project(&self) -> Result<Option<Named>, CloudError> {
        if let Some(id) = self.first(&["project_id", "tenant_id"]) {
            return Ok(Some(Named::Id(id)));
        }
        let Some(name) = self.first(&["project_name", "tenant_name"]) else {
            return match self.get("system_scope") {
                Some(scope) => Err(self.unsupported("system_scope", scope)),
                None => Ok(None),
            };
        };
        let domain = self.domain("project_domain_id", "project_domain_name")?;
        Ok(Some(Named::Name { name, domain }))
    }

    fn domain(&self, id: &'static str, name: &'static str) -> Result<Domain, CloudError> {
        let named = |fields: &[&str]| self.first(fields);
        if let Some(id) = named(&[id]) {
            return Ok(Domain::Id(id));
        }
        if let Some(name) = named(&[name]) {
            return Ok(Domain::Name(name));
        }
        if let Some(id) = named(&["domain_id", "default_domain_id", "default_domain"]) {
            return Ok(Domain::Id(id));
        }
        if let Some(name) = named(&["domain_name", "default_domain_name"]) {
            return Ok(Domain::Name(name));
        }
        Err(CloudError::Lacks {
            cloud: self.cloud.clone(),
            field: name,
        })
    }

    fn interface(&self) -> Result<Interface, CloudError> {
        let Some(said) = self.first(&["interface", "endpoint_type"]) else {
            return Ok(Interface::Public);
        };
        match said.strip_suffix("URL").unwrap_or(&said) {
            "public" => Ok(Interface::Public),
            "internal" => Ok(Interface::Internal),
            "admin" => Ok(Interface::Admin),
            _ => Err(self.unsupported("interface", said)),
        }
    }

    fn trust(&self) -> Result<Trust, CloudError> {
        // Their keys would need a passphrase or a store of their own: refused rather than left out.
        for field in ["cert", "key"] {
            if let Some(value) = self.get(field) {
                return Err(self.unsupported(field, value));
            }
        }
        let said = |field: &str, words: &[&str]| {
            self.get(field)
                .is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
        };
        if said("verify", &["false", "no", "off", "0"]) || said("insecure", &["true", "yes", "on", "1"]) {
            return Ok(Trust::Anybody);
        }
        Ok(self.get("cacert").map_or(Trust::Machine, Trust::File))
    }

    fn address(&self, field: &'static str, text: &str) -> Result<String, CloudError> {
        let whole = text.trim_end_matches('/');
        let rest = whole.strip_prefix("http://").or_else(|| whole.strip_prefix("https://"));
        match rest {
            // A user or a query in an address would be shown in messages.
            Some(rest) if !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']) => Ok(whole.to_owned()),
            _ => Err(CloudError::NoAddress {
                cloud: self.cloud.clone(),
                field,
            }),
        }
    }
}

/// The region of a list of exactly one, written as text or as a map with a name.
fn only_region(described: &Value) -> Option<String> {
    match described.get("regions") {
        Some(Value::List(regions)) => match regions.as_slice() {
            [only] => only
                .text()
                .or_else(|| only.get("name").and_then(Value::text))
                .map(str::to_owned),
            _ => None,
        },
        _ => None,
    }
}

/// The address of Keystone's third version, whatever the description names.
fn third_version(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let base = address
        .strip_suffix("/v2.0")
        .or_else(|| address.strip_suffix("/v3"))
        .unwrap_or(address);
    format!("{base}/v3")
}
