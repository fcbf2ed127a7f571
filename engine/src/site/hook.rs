//! Hooks: what an application wants done at the moments of a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::{Action, Cancel, Command, Surroundings};
use super::error::{Deed, HealthFailure, SiteError};
use super::health::{self, Check, Values};
use super::{HostSite, Site, SystemClock};

/// Something to be done at a moment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The component that it is about; the whole application without one.
    pub component: Option<String>,
    /// What it does.
    pub deed: HookDeed,
    /// Whether its failure is said and no more.
    pub may_fail: bool,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookDeed {
    /// Runs a command.
    Command(Command),
    /// Sends a request.
    Request(Request),
    /// Waits until a check passes.
    Wait(Check),
}

/// A request over HTTP and the answer that counts as done. Redirects are not followed: they are answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The address, `http://` or `https://`.
    pub url: String,
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// What is sent; variables as in a health check's body stand for their values.
    pub body: Option<String>,
    /// The status that must be answered; any from 200 to 299 without it.
    pub status: Option<u16>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Hook {
    /// What it does, in a word or two.
    #[must_use]
    pub fn text(&self) -> String {
        let deed = match &self.deed {
            HookDeed::Command(Command {
                action: Action::Run(argv),
                ..
            }) => format!("`{}`", argv.first().map(String::as_str).unwrap_or_default()),
            HookDeed::Command(_) => "a text for the shell".to_owned(),
            HookDeed::Request(request) => format!("{} {}", request.method, health::without_password(&request.url)),
            HookDeed::Wait(_) => "a wait".to_owned(),
        };
        match &self.component {
            Some(component) => format!("{deed} of {component}"),
            None => deed,
        }
    }

    /// The same, with no more time than this.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        match &mut self.deed {
            HookDeed::Command(command) => command.timeout = command.timeout.min(limit),
            HookDeed::Request(request) => request.timeout = request.timeout.min(limit),
            HookDeed::Wait(check) => {
                check.timeout = check.timeout.min(limit);
                check.start_period = check.start_period.min(limit);
            }
        }
        self
    }
}

/// Carries a hook out at a host.
pub(super) fn carry_out(site: &HostSite, hook: &Hook, around: &Surroundings, cancel: &Cancel) -> Result<(), SiteError> {
    let around = Surroundings {
        component: hook.component.clone().unwrap_or_default(),
        ..around.clone()
    };
    match &hook.deed {
        HookDeed::Command(command) => site.run(Deed::Hook, command, &around, cancel).map(drop),
        HookDeed::Wait(check) => site.await_healthy(check, &around, &SystemClock::default(), cancel),
        HookDeed::Request(request) => {
            let values = Values {
                site: site.name(),
                application: &around.application,
                component: &around.component,
                run: &around.run,
            };
            send(request, &values).map_err(|failure| SiteError::Hook {
                site: site.name().to_owned(),
                component: match around.component.is_empty() {
                    true => around.application,
                    false => around.component,
                },
                failure: Box::new(failure),
            })
        }
    }
}

fn send(request: &Request, values: &Values<'_>) -> Result<(), HealthFailure> {
    let url = health::without_password(&request.url);
    let body = request
        .body
        .as_deref()
        .map(|body| values.fill(body))
        .unwrap_or_default();
    let wanted = ureq::http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.url)
        .body(body);
    let wanted = wanted.map_err(|error| HealthFailure::BadUrl {
        url: url.clone(),
        why: error.to_string(),
    })?;
    let answer = match health::agent(request.timeout).run(wanted) {
        Ok(answer) => answer,
        Err(ureq::Error::BadUri(why)) => return Err(HealthFailure::BadUrl { url, why }),
        Err(error) => {
            return Err(HealthFailure::NoAnswer {
                url,
                why: error.to_string(),
            });
        }
    };
    let got = answer.status().as_u16();
    match request.status {
        Some(expected) if got != expected => Err(HealthFailure::Status { url, expected, got }),
        None if !(200..300).contains(&got) => Err(HealthFailure::Refused { url, got }),
        _ => Ok(()),
    }
}
