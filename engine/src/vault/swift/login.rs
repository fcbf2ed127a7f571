//! Logging in: to the object store itself (version 1), or to Keystone (version 3), whose catalog tells where the object
//! store is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::{HeaderValue, Method as Verb};

use super::super::progress::Cancel;
use super::cloud::{Cloud, Credential, Domain, Identity, Method, Named};
use super::fault::Fault;
use super::http::{Answer, Ask, Http, host};
use super::secret::Secret;

/// A token is renewed when so much of its life is left, at most: what is under way with it still ends in time.
const MARGIN: Duration = Duration::from_secs(120);

/// What a login brings.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Sent with each request; never printed.
    pub(super) token: HeaderValue,
    /// The account's address, without a slash at its end.
    pub(super) account: String,
    /// When to log in again, on this machine's own clock. `None` where the server does not say how long a token lives.
    pub(super) renew_at: Option<Instant>,
}

/// Logs in.
///
/// # Errors
/// If the server cannot be reached or does not accept us, or the catalog names no address.
pub(super) fn login(http: &Http, cancel: &Cancel, cloud: &Cloud) -> Result<Session, Fault> {
    match &cloud.identity {
        Identity::V1 { auth_url, user, key } => version_1(http, cancel, cloud, auth_url, user, key),
        Identity::Keystone { auth_url, method } => keystone(http, cancel, cloud, auth_url, method),
    }
}

fn version_1(
    http: &Http,
    cancel: &Cancel,
    cloud: &Cloud,
    auth_url: &str,
    user: &str,
    key: &Secret,
) -> Result<Session, Fault> {
    let refused = || Fault::Unauthenticated {
        host: host(auth_url),
        cloud: cloud.name.clone(),
    };
    let mut ask = Ask::new(Verb::GET, auth_url.to_owned());
    let user = HeaderValue::from_str(user).map_err(|_| refused())?;
    let mut key = HeaderValue::from_str(key.reveal()).map_err(|_| refused())?;
    key.set_sensitive(true);
    ask.headers = vec![("x-auth-user", user), ("x-auth-key", key)];
    let asked = Instant::now();
    let answer = http.ask(&ask, cancel)?;
    if !answer.is_success() {
        return Err(rejected(&answer, refused));
    }
    let token = answer
        .headers
        .get("x-auth-token")
        .or_else(|| answer.headers.get("x-storage-token"));
    let (Some(token), Some(account)) = (token, answer.header("x-storage-url")) else {
        let said = "no token and no address".to_owned();
        let status = answer.status;
        return Err(Fault::Unexpected { status, said });
    };
    let mut token = token.clone();
    token.set_sensitive(true);
    let life = answer.number("x-auth-token-expires").map(Duration::from_secs);
    Ok(Session {
        token,
        account: cloud
            .endpoint
            .as_deref()
            .unwrap_or(account)
            .trim_end_matches('/')
            .to_owned(),
        renew_at: life.map(|life| renewal(asked, life)),
    })
}

fn keystone(http: &Http, cancel: &Cancel, cloud: &Cloud, auth_url: &str, method: &Method) -> Result<Session, Fault> {
    let body = Bytes::from(question(method).to_string());
    let parts = [body];
    let mut ask = Ask::new(Verb::POST, format!("{auth_url}/auth/tokens"));
    ask.headers = vec![("content-type", HeaderValue::from_static("application/json"))];
    ask.body = Some(&parts);
    let asked = Instant::now();
    let answer = http.ask(&ask, cancel)?;
    if !answer.is_success() {
        return Err(rejected(&answer, || Fault::Unauthenticated {
            host: host(auth_url),
            cloud: cloud.name.clone(),
        }));
    }
    let unexpected = |said: &str| Fault::Unexpected {
        status: answer.status,
        said: said.to_owned(),
    };
    let mut token = answer
        .headers
        .get("x-subject-token")
        .cloned()
        .ok_or_else(|| unexpected("no token; is `auth_url` Keystone's?"))?;
    token.set_sensitive(true);
    let said: Issued =
        serde_json::from_slice(&answer.body).map_err(|_| unexpected("a text that is no token of Keystone"))?;
    Ok(Session {
        token,
        account: account(cloud, &said.token.catalog)?,
        renew_at: said.token.life().map(|life| renewal(asked, life)),
    })
}

/// Of a login only a plain refusal is about who we are.
fn rejected(answer: &Answer, refused: impl FnOnce() -> Fault) -> Fault {
    match answer.status {
        401 | 403 => refused(),
        _ => answer.fault(),
    }
}

fn renewal(asked: Instant, life: Duration) -> Instant {
    // Short lives are for tests and strict houses: half of one is left then.
    asked + life.saturating_sub(MARGIN.min(life / 2))
}

/// The request for a token.
fn question(method: &Method) -> Value {
    match method {
        Method::Password {
            user,
            password,
            project,
        } => {
            let mut user = named(user);
            if let Some(fields) = user.as_object_mut() {
                fields.insert("password".into(), password.reveal().into());
            }
            let mut auth = json!({ "identity": { "methods": ["password"], "password": { "user": user } } });
            if let (Some(project), Some(fields)) = (project, auth.as_object_mut()) {
                fields.insert("scope".into(), json!({ "project": named(project) }));
            }
            json!({ "auth": auth })
        }
        Method::Application { credential, secret } => {
            let mut fields = match credential {
                Credential::Id(id) => json!({ "id": id }),
                Credential::Name { name, user } => json!({ "name": name, "user": named(user) }),
            };
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("secret".into(), secret.reveal().into());
            }
            json!({ "auth": { "identity": { "methods": ["application_credential"], "application_credential": fields } } })
        }
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({ "id": id }),
        Named::Name { name, domain } => {
            let domain = match domain {
                Domain::Id(id) => json!({ "id": id }),
                Domain::Name(name) => json!({ "name": name }),
            };
            json!({ "name": name, "domain": domain })
        }
    }
}

#[derive(Deserialize)]
struct Issued {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    expires_at: Option<String>,
    issued_at: Option<String>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    region_id: Option<String>,
    url: String,
}

impl Endpoint {
    fn region(&self) -> &str {
        self.region_id.as_deref().or(self.region.as_deref()).unwrap_or_default()
    }
}

impl Token {
    /// How long it lives, both ends told by the server: its clock and ours are not compared.
    fn life(&self) -> Option<Duration> {
        let time = |text: &Option<String>| text.as_deref()?.parse::<jiff::Timestamp>().ok();
        let life = time(&self.expires_at)?.duration_since(time(&self.issued_at)?);
        Duration::try_from(life).ok()
    }
}

/// The account's address in the catalog.
fn account(cloud: &Cloud, catalog: &[Service]) -> Result<String, Fault> {
    if let Some(endpoint) = &cloud.endpoint {
        return Ok(endpoint.trim_end_matches('/').to_owned());
    }
    let interface = cloud.interface.name();
    let stores = catalog.iter().filter(|service| service.kind == "object-store");
    let mut found: Vec<&Endpoint> = stores
        .flat_map(|service| &service.endpoints)
        .filter(|endpoint| endpoint.interface == interface)
        .filter(|endpoint| cloud.region.as_deref().is_none_or(|region| endpoint.region() == region))
        .collect();
    found.sort_by(|a, b| (&a.url, a.region()).cmp(&(&b.url, b.region())));
    found.dedup_by(|a, b| a.url == b.url);
    let said = |why: String| Fault::Catalog {
        cloud: cloud.name.clone(),
        why,
    };
    match found.as_slice() {
        [only] => Ok(only.url.trim_end_matches('/').to_owned()),
        [] => {
            let region = cloud.region.as_deref();
            let region = region.map_or_else(String::new, |region| format!(" in the region `{region}`"));
            Err(said(format!(
                "has no `object-store` with the interface `{interface}`{region}"
            )))
        }
        several => {
            let regions: Vec<String> = several.iter().map(|one| format!("`{}`", one.region())).collect();
            Err(said(format!(
                "has an `object-store` in several regions: {}",
                regions.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests;
