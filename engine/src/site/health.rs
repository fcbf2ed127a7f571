//! Health: whether a component is up, asked once or until it is.

use serde::{Deserialize, Serialize};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::clock::Clock;
use super::command::{Cancel, Command};
use super::error::{HealthFailure, SiteError};

/// How much of an answer is read, in bytes.
const ANSWER: u64 = 1 << 20;
/// How long is waited between two questions, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How to tell that a component is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long after its start a component may take until the check passes.
    pub start_period: Duration,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// A question over HTTP.
    Http(HttpCheck),
    /// A connection to `host:port` that must open.
    Tcp(String),
    /// A command that must exit with 0.
    Exec(Command),
}

/// A question over HTTP and the answer that counts as up. Redirects are not followed: they are answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCheck {
    /// The address, `http://` or `https://`.
    pub url: String,
    /// The status that must be answered.
    pub status: u16,
    /// Text that the answer must contain. `${DRAM_SITE}`, `${DRAM_APPLICATION}`, `${DRAM_COMPONENT}` and `${DRAM_RUN}` stand
    /// for their values, so that another site's answer at the same address does not pass for ours.
    pub body: Option<String>,
}

/// What stands for the variables in an expected body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) site: &'v str,
    pub(super) application: &'v str,
    pub(super) component: &'v str,
    pub(super) run: &'v str,
}

impl Values<'_> {
    /// Replaces every variable.
    pub(super) fn fill(&self, text: &str) -> String {
        self.put_into(text, self.site)
    }

    /// Replaces every variable but the site's, then the site's by `site`.
    fn put_into(&self, text: &str, site: &str) -> String {
        text.replace("${DRAM_APPLICATION}", self.application)
            .replace("${DRAM_COMPONENT}", self.component)
            .replace("${DRAM_RUN}", self.run)
            .replace(SITE, site)
    }
}

const SITE: &str = "${DRAM_SITE}";

/// Opens a connection to `host:port` and closes it. A name may stand for several addresses: one that answers is enough.
pub(super) fn connect(address: &str, timeout: Duration) -> Result<(), HealthFailure> {
    let no_answer = |why: String| HealthFailure::NoAnswer {
        url: address.to_owned(),
        why,
    };
    let found = address
        .to_socket_addrs()
        .map_err(|error| no_answer(error.to_string()))?;
    let mut failed = "the name stands for no address".to_owned();
    for one in found {
        match TcpStream::connect_timeout(&one, timeout) {
            Ok(_) => return Ok(()),
            Err(error) => failed = error.to_string(),
        }
    }
    Err(no_answer(failed))
}

/// Asks once.
pub(super) fn ask(check: &HttpCheck, timeout: Duration, values: &Values<'_>) -> Result<(), HealthFailure> {
    let url = without_password(&check.url);
    let no_answer = |why: String| HealthFailure::NoAnswer { url: url.clone(), why };
    if !(check.url.starts_with("http://") || check.url.starts_with("https://")) {
        return Err(HealthFailure::BadUrl {
            url,
            why: "it begins with neither `http://` nor `https://`".to_owned(),
        });
    }
    let mut answer = match agent(timeout).get(&check.url).call() {
        Ok(answer) => answer,
        Err(ureq::Error::BadUri(why)) => return Err(HealthFailure::BadUrl { url, why }),
        Err(ureq::Error::Http(error)) => {
            return Err(HealthFailure::BadUrl {
                url,
                why: error.to_string(),
            });
        }
        Err(error) => return Err(no_answer(error.to_string())),
    };
    let got = answer.status().as_u16();
    if got != check.status {
        return Err(HealthFailure::Status {
            url,
            expected: check.status,
            got,
        });
    }
    let Some(template) = &check.body else { return Ok(()) };
    // More than the limit is not an error: what is expected must stand at the beginning.
    let mut bytes = Vec::new();
    let mut reader = std::io::Read::take(answer.body_mut().as_reader(), ANSWER);
    std::io::Read::read_to_end(&mut reader, &mut bytes).map_err(|error| no_answer(error.to_string()))?;
    let body = String::from_utf8_lossy(&bytes);
    let expected = values.put_into(template, values.site);
    if body.contains(&expected) {
        return Ok(());
    }
    match site_in(&body, &values.put_into(template, SITE)) {
        Some(other) => Err(HealthFailure::OtherSite {
            url,
            other,
            ours: values.site.to_owned(),
        }),
        None => Err(HealthFailure::Body {
            url,
            expected,
            got: beginning(&body),
        }),
    }
}

/// Who asks: every status is an answer, and no proxy stands between.
pub(super) fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .build()
        .into()
}

/// The site that `body` names where `template` has its variable.
fn site_in(body: &str, template: &str) -> Option<String> {
    let (before, after) = template.split_once(SITE)?;
    // Without words around it every word of the answer could be meant.
    if before.trim().is_empty() && after.trim().is_empty() {
        return None;
    }
    let after = after.split(SITE).next().unwrap_or_default();
    body.match_indices(before).find_map(|(at, _)| {
        let rest = body.get(at.saturating_add(before.len())..)?;
        let length = rest.find(|char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-'));
        let (name, rest) = rest.split_at_checked(length.unwrap_or(rest.len()))?;
        (!name.is_empty() && rest.starts_with(after)).then(|| name.to_owned())
    })
}

/// Asks until `attempt` passes or `period` is over. `Err(None)`: we were asked to stop.
pub(super) fn poll(
    period: Duration,
    clock: &dyn Clock,
    cancel: &Cancel,
    mut attempt: impl FnMut() -> Result<(), SiteError>,
) -> Result<(), Option<SiteError>> {
    let began = clock.elapsed();
    let mut pause = PAUSE.0;
    loop {
        if cancel.is_canceled() {
            return Err(None);
        }
        let mut error = match attempt() {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if cancel.is_canceled() {
            return Err(None);
        }
        let passed = clock.elapsed().saturating_sub(began);
        if !may_pass_later(&error) || passed >= period {
            if let SiteError::Unhealthy { asked_for, .. } = &mut error {
                *asked_for = passed;
            }
            return Err(Some(error));
        }
        clock.sleep(pause.min(period.saturating_sub(passed)));
        pause = pause.saturating_mul(2).min(PAUSE.1);
    }
}

/// Whether waiting can help.
fn may_pass_later(error: &SiteError) -> bool {
    match error {
        SiteError::Unhealthy { failure, .. } => !matches!(**failure, HealthFailure::BadUrl { .. }),
        SiteError::Command { .. } => true,
        _ => false,
    }
}

/// The beginning of an answer, printable and bounded.
fn beginning(body: &str) -> String {
    let mut text: String = body.trim().chars().take(200).flat_map(char::escape_debug).collect();
    if body.trim().chars().nth(200).is_some() {
        text.push('…');
    }
    text
}

/// The address without what stands before an `@` in its host.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.split_at_checked(host_end) {
        Some((host, path)) => match host.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://…@{host}{path}"),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
