//! An account of a cloud's object store: who we are there, kept valid.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use ureq::http::Method;

use super::super::progress::Cancel;
use super::cloud::{Cloud, Surroundings};
use super::fault::Fault;
use super::http::{Answer, Ask, Http, host};
use super::login::{self, Session};

/// Nothing is read or connected before the first request.
pub(super) struct Account {
    /// As it stands in the model.
    cloud: String,
    opened: Mutex<Option<Arc<Opened>>>,
    session: Mutex<Option<Session>>,
    /// A request broke while its body was sent. A server that has forgotten our token may answer and hang up before it has
    /// read all, and the answer is lost: the token is tried on something small before the next body is sent.
    doubtful: AtomicBool,
    limits: OnceLock<Limits>,
}

/// What the server says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// The largest object, in bytes.
    pub(super) object: u64,
    /// How many segments an object may consist of; 0 where it knows no such objects.
    pub(super) segments: u64,
}

impl Limits {
    /// What a server is taken to have that does not tell.
    const UNTOLD: Self = Self {
        object: 5 << 30,
        segments: 0,
    };
}

struct Opened {
    cloud: Cloud,
    http: Http,
}

impl Account {
    pub(super) fn new(cloud: impl Into<String>) -> Self {
        Self {
            cloud: cloud.into(),
            opened: Mutex::default(),
            session: Mutex::default(),
            doubtful: AtomicBool::new(false),
            limits: OnceLock::new(),
        }
    }

    /// An account of a cloud that need not be looked up.
    #[cfg(test)]
    pub(super) fn of(cloud: Cloud) -> Result<Self, Fault> {
        let account = Self::new(cloud.name.clone());
        let http = Http::new(&cloud.trust)?;
        *lock(&account.opened) = Some(Arc::new(Opened { cloud, http }));
        Ok(account)
    }

    fn opened(&self) -> Result<Arc<Opened>, Fault> {
        let mut opened = lock(&self.opened);
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let variable = |name: &str| std::env::var(name).ok();
        let cloud = Cloud::read(&self.cloud, &Surroundings { variable: &variable })?;
        let http = Http::new(&cloud.trust)?;
        Ok(Arc::clone(opened.insert(Arc::new(Opened { cloud, http }))))
    }

    /// A token that is valid, or was a moment ago. Whoever comes while another logs in waits for that one's token; `refused`
    /// is one that the server does not accept any more.
    fn session(&self, opened: &Opened, cancel: &Cancel, refused: Option<&Session>) -> Result<Session, Fault> {
        let mut session = lock(&self.session);
        if let Some(known) = &*session {
            let is_refused = refused.is_some_and(|refused| refused.token == known.token);
            let is_old = known.renew_at.is_some_and(|renew_at| Instant::now() >= renew_at);
            if !is_refused && !is_old {
                return Ok(known.clone());
            }
        }
        *session = None;
        let fresh = login::login(&opened.http, cancel, &opened.cloud)?;
        Ok(session.insert(fresh).clone())
    }

    /// Asks for `path`, which begins with a slash and is encoded already, with a token; once more with a new one if the
    /// server does not accept it.
    ///
    /// # Errors
    /// If there is no whole answer, or we are not accepted.
    pub(super) fn ask(&self, cancel: &Cancel, method: &Method, path: &str, shape: &Shape<'_>) -> Result<Answer, Fault> {
        let opened = self.opened()?;
        if shape.body.is_some() && self.doubtful.swap(false, Ordering::SeqCst) {
            self.ask(cancel, &Method::HEAD, "", &Shape::default())?;
        }
        let mut session = self.session(&opened, cancel, None)?;
        let mut ask = Ask::new(method.clone(), String::new());
        ask.body = shape.body;
        if let Some(limit) = shape.limit {
            ask.limit = limit;
        }
        let mut renewed = false;
        loop {
            ask.url = format!("{}{path}", session.account);
            ask.headers.clear();
            ask.headers.extend(shape.headers.iter().cloned());
            ask.headers.push(("x-auth-token", session.token.clone()));
            let answer = opened.http.ask(&ask, cancel);
            match answer {
                Ok(answer) if answer.status == 401 && !renewed => {
                    session = self.session(&opened, cancel, Some(&session))?;
                    renewed = true;
                }
                Ok(answer) if answer.status == 401 => {
                    return Err(Fault::Unauthenticated {
                        host: host(&ask.url),
                        cloud: opened.cloud.name.clone(),
                    });
                }
                Err(fault @ Fault::Unreachable { .. }) => {
                    self.doubtful.store(shape.body.is_some(), Ordering::SeqCst);
                    return Err(fault);
                }
                other => return other,
            }
        }
    }

    /// What the server takes. Asked once; a server that hides it is taken for a usual one.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub(super) fn limits(&self, cancel: &Cancel) -> Result<Limits, Fault> {
        if let Some(limits) = self.limits.get() {
            return Ok(*limits);
        }
        let opened = self.opened()?;
        let session = self.session(&opened, cancel, None)?;
        let answer = match info(&session.account) {
            Some(url) => Some(opened.http.ask(&Ask::new(Method::GET, url), cancel)?),
            None => None,
        };
        let told = match &answer {
            Some(answer) if answer.is_success() => told(&answer.body),
            Some(answer) if answer.status >= 500 => return Err(answer.fault()),
            _ => None,
        };
        Ok(*self.limits.get_or_init(|| told.unwrap_or(Limits::UNTOLD)))
    }

    /// The most that the server takes in one piece, in bytes. Not asked for what every server takes.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub(super) fn largest(&self, cancel: &Cancel, length: usize, always: usize) -> Result<u64, Fault> {
        match self.limits.get() {
            Some(limits) => Ok(limits.object),
            None if length <= always => Ok(u64::MAX),
            None => self.limits(cancel).map(|limits| limits.object),
        }
    }

    #[cfg(test)]
    pub(super) fn set_limits(&self, limits: Limits) {
        assert_eq!(*self.limits.get_or_init(|| limits), limits);
    }

    /// Makes the token one that no server accepts.
    #[cfg(test)]
    pub(super) fn spoil_token(&self) {
        if let Some(session) = &mut *lock(&self.session) {
            session.token = ureq::http::HeaderValue::from_static("AUTH_tk00000000000000000000000000000000");
        }
    }

    /// Where the account is, once somebody has logged in.
    #[cfg(test)]
    pub(super) fn address(&self) -> Option<String> {
        lock(&self.session).as_ref().map(|session| session.account.clone())
    }

    #[cfg(test)]
    pub(super) fn token(&self) -> Option<ureq::http::HeaderValue> {
        lock(&self.session).as_ref().map(|session| session.token.clone())
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("cloud", &self.cloud)
            .finish_non_exhaustive()
    }
}

/// What a request has beside its method and path.
#[derive(Default)]
pub(super) struct Shape<'a> {
    pub(super) headers: &'a [(&'static str, ureq::http::HeaderValue)],
    pub(super) body: Option<&'a [bytes::Bytes]>,
    /// More than this is not read of the answer, in bytes.
    pub(super) limit: Option<u64>,
}

/// Where a server tells about itself: beside the `v1` of the account's address.
fn info(account: &str) -> Option<String> {
    let (base, _) = account.rsplit_once("/v1/").or_else(|| account.rsplit_once("/v1"))?;
    Some(format!("{base}/info"))
}

fn told(body: &[u8]) -> Option<Limits> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let number = |pointer: &str| value.pointer(pointer).and_then(serde_json::Value::as_u64);
    Some(Limits {
        object: number("/swift/max_file_size").unwrap_or(Limits::UNTOLD.object),
        segments: match value.get("slo") {
            Some(_) => number("/slo/max_manifest_segments").unwrap_or(1000),
            None => 0,
        },
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_words_stand_beside_the_version() {
        let cases = [
            ("http://h:8080/v1/AUTH_abc", Some("http://h:8080/info")),
            ("http://h/swift/v1", Some("http://h/swift/info")),
            ("http://h/swift/v1/AUTH_v1", Some("http://h/swift/info")),
            ("http://h/object", None),
        ];
        for (account, expected) in cases {
            assert_eq!(info(account).as_deref(), expected, "{account}");
        }
        let said = br#"{"swift": {"max_file_size": 7}, "slo": {"max_manifest_segments": 3}}"#;
        assert_eq!(told(said), Some(Limits { object: 7, segments: 3 }));
        assert_eq!(told(b"{}"), Some(Limits::UNTOLD));
        assert_eq!(told(b"<html>"), None);
    }
}
