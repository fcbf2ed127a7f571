//! Requests over connections that are reused and bounded in number, each with limits of time. The only module here that
//! names the HTTP library.

use std::io::{self, Read as _};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use ureq::http::{self, HeaderMap, HeaderValue, Method, Request};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, SendBody};

use super::super::progress::Cancel;
use super::cloud::{CloudError, Trust};
use super::fault::Fault;
use super::flight::Flights;

/// So many connections wait for their next request; how many are used at once is the business of whoever asks.
const IDLE_CONNECTIONS: usize = 64;
/// How long a name and a connection may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a connection may give or take nothing. A store that writes three copies takes its time to answer.
const SILENCE: Duration = Duration::from_secs(60);
/// An idle connection is not used again after this: servers and what stands before them close theirs.
const IDLE: Duration = Duration::from_secs(20);
/// Answers of services, which are not objects, are read up to here, in bytes.
const WORDS: u64 = 64 << 20;
/// So much of an error's text is told.
const TOLD: usize = 160;

/// The connections to one cloud.
pub(super) struct Http {
    connections: Arc<Connections>,
    flights: Flights,
}

struct Connections {
    settings: ureq::config::Config,
    agent: RwLock<Agent>,
}

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, HeaderValue)>,
    /// What is sent; `None` for requests that have no body.
    pub(super) body: Option<&'a [Bytes]>,
    /// More than this is not read of the answer, in bytes.
    pub(super) limit: u64,
}

impl Ask<'_> {
    pub(super) fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            limit: WORDS,
        }
    }
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name).and_then(|text| text.trim().parse().ok())
    }

    /// How long the server asks to be left alone: so many seconds, or until a time, both ends by its own clock.
    fn pause(&self) -> Option<Duration> {
        let asked = self.header("retry-after")?.trim();
        if let Ok(seconds) = asked.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let time = |text: &str| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp());
        let now = time(self.header("date")?)?;
        Duration::try_from(time(asked)?.duration_since(now)).ok()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The fault that an answer without success is.
    pub(super) fn fault(&self) -> Fault {
        let said = beginning(&self.body);
        let about_quota = said.to_ascii_lowercase().contains("quota");
        match self.status {
            404 => Fault::Missing,
            507 => Fault::NoSpace { said },
            401 | 403 | 413 if about_quota => Fault::NoSpace { said },
            401 | 403 => Fault::Forbidden { said },
            413 => Fault::TooLarge,
            416 => Fault::OutOfRange,
            422 => Fault::Altered {
                why: "the server computed another checksum".into(),
            },
            // 498 is what Swift's own rate limit answers.
            408 | 425 | 429 | 498 | 500.. => Fault::Busy {
                status: self.status,
                said,
                pause: self.pause(),
            },
            status => Fault::Unexpected { status, said },
        }
    }
}

impl Http {
    /// Connections for a cloud. None is made yet.
    ///
    /// # Errors
    /// If the certificates cannot be read.
    pub(super) fn new(trust: &Trust) -> Result<Self, CloudError> {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("dram/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(trust)?)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .max_idle_age(IDLE)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .build();
        let connections = Arc::new(Connections {
            agent: RwLock::new(settings.new_agent()),
            settings,
        });
        let broken = Arc::clone(&connections);
        Ok(Self {
            connections,
            flights: Flights::new(move || broken.interrupt()),
        })
    }

    /// Asks and reads the answer to its end. When `cancel` is raised, the request is broken off wherever it is; so are all
    /// others of this cloud, whose callers try again.
    ///
    /// # Errors
    /// If there is no whole answer. An answer of any status is one.
    pub(super) fn ask(&self, ask: &Ask<'_>, cancel: &Cancel) -> Result<Answer, Fault> {
        let _flight = self.flights.begin(cancel);
        let agent = self.connections.agent();
        match run(&agent, ask) {
            Err(_) if cancel.is_canceled() => Err(Fault::Canceled),
            other => other,
        }
    }
}

impl Connections {
    fn agent(&self) -> Agent {
        self.agent.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks every request that is under way; later ones run as ever.
    fn interrupt(&self) {
        let fresh = self.settings.new_agent();
        let old = std::mem::replace(&mut *self.agent.write().unwrap_or_else(PoisonError::into_inner), fresh);
        old.shutdown();
    }
}

fn run(agent: &Agent, ask: &Ask<'_>) -> Result<Answer, Fault> {
    let host = host(&ask.url);
    let failed = |error: ureq::Error| failed(&host, &error);
    let mut request = Request::builder().method(&ask.method).uri(&ask.url);
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let answer = match ask.body {
        None => {
            let request = request.body(()).map_err(|error| failed(error.into()))?;
            agent.run(request)
        }
        Some(parts) => {
            let length: usize = parts.iter().map(Bytes::len).sum();
            let mut reader = Parts::new(parts);
            let request = request
                .header(http::header::CONTENT_LENGTH, length)
                .body(SendBody::from_reader(&mut reader))
                .map_err(|error| failed(error.into()))?;
            agent.run(request)
        }
    };
    let (head, mut body) = answer.map_err(failed)?.into_parts();
    let length = match ask.method {
        Method::HEAD => None,
        _ => body.content_length(),
    };
    let mut content = Vec::new();
    let expected = length.unwrap_or_default().min(ask.limit);
    content.reserve_exact(usize::try_from(expected).unwrap_or_default());
    let mut reader = body.as_reader().take(ask.limit.saturating_add(1));
    reader
        .read_to_end(&mut content)
        .map_err(|error| failed(ureq::Error::Io(error)))?;
    let got = content.len() as u64;
    if got > ask.limit || length.is_some_and(|length| length != got) {
        let why = format!("the answer has {got} bytes and not those that were announced");
        return Err(Fault::Unreachable { host, why });
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: content.into(),
    })
}

fn tls(trust: &Trust) -> Result<TlsConfig, CloudError> {
    let builder = TlsConfig::builder();
    Ok(match trust {
        Trust::Machine => builder.root_certs(machine()).build(),
        Trust::Anybody => builder.disable_verification(true).build(),
        Trust::File(path) => builder.root_certs(RootCerts::from(certificates(path)?)).build(),
    })
}

/// The authorities that the machine believes, as `SSL_CERT_FILE` and its like say; where it has none, those of browsers.
fn machine() -> RootCerts {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return RootCerts::WebPki;
    }
    RootCerts::from(found.iter().map(|found| Certificate::from_der(found).to_owned()))
}

fn certificates(path: &str) -> Result<Vec<Certificate<'static>>, CloudError> {
    let failed = |why: String| CloudError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let items = ureq::tls::parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(_) => Some(Err(failed("it holds a certificate that is none".into()))),
    });
    let found: Vec<_> = items.collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(failed("it holds no certificate".into()));
    }
    Ok(found)
}

/// Sorts what the library says. Its texts name no header and no body.
fn failed(host: &str, error: &ureq::Error) -> Fault {
    let host = host.to_owned();
    match error {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => Fault::Distrusted {
            host,
            why: error.to_string(),
        },
        ureq::Error::Io(error) if error.get_ref().is_some_and(is_distrust) => Fault::Distrusted {
            host,
            why: error.to_string(),
        },
        ureq::Error::Timeout(_) => Fault::Unreachable {
            host,
            why: "it does not answer in time".into(),
        },
        ureq::Error::HostNotFound => Fault::Unreachable {
            host,
            why: "its name is not known".into(),
        },
        error => Fault::Unreachable {
            host,
            why: error.to_string(),
        },
    }
}

/// What TLS says about certificates arrives inside an error of the connection.
fn is_distrust(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.to_string().contains("certificate")
}

/// The server of an address, for messages.
pub(super) fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    format!("`{host}`")
}

/// The beginning of what a server says, in one printable line; pages for people are left out.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') {
        return String::new();
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

/// Reads through the parts of a body.
struct Parts<'p> {
    rest: std::slice::Iter<'p, Bytes>,
    current: Bytes,
}

impl<'p> Parts<'p> {
    fn new(parts: &'p [Bytes]) -> Self {
        Self {
            rest: parts.iter(),
            current: Bytes::new(),
        }
    }
}

impl io::Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.rest.next() {
                Some(next) => self.current = next.clone(),
                None => return Ok(0),
            }
        }
        let length = self.current.len().min(buffer.len());
        if let Some(room) = buffer.get_mut(..length) {
            self.current.copy_to_slice(room);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        const NOW: &str = "Fri, 02 Jan 2026 03:04:05 GMT";
        let cases = [
            (None, None, None),
            (Some("7"), None, Some(7)),
            (Some("soon"), Some(NOW), None),
            (Some("Fri, 02 Jan 2026 03:04:35 GMT"), Some(NOW), Some(30)),
            (Some("Fri, 02 Jan 2026 03:04:35 GMT"), None, None),
            (Some("Fri, 02 Jan 2026 03:04:00 GMT"), Some(NOW), None),
        ];
        for (after, now, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in [("retry-after", after), ("date", now)] {
                headers
                    .extend(value.map(|value| (http::HeaderName::from_static(name), HeaderValue::from_static(value))));
            }
            let answer = Answer {
                status: 429,
                headers,
                body: Bytes::new(),
            };
            match answer.fault() {
                Fault::Busy { pause, .. } => assert_eq!(pause, expected.map(Duration::from_secs)),
                fault => panic!("{fault}"),
            }
        }
    }
}
