//! What goes wrong at a site.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a command was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It starts a service.
    Start,
    /// It stops a service.
    Stop,
    /// It writes a dump.
    Dump,
    /// It reads a dump.
    Load,
    /// It tells whether a component is up.
    Health,
    /// It is a hook.
    Hook,
    /// It freezes a file system, or thaws it.
    Freeze,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Deed::Start => "start command",
            Deed::Stop => "stop command",
            Deed::Dump => "dump command",
            Deed::Load => "restore command",
            Deed::Health => "health command",
            Deed::Hook => "hook",
            Deed::Freeze => "freezing of file systems",
        })
    }
}

/// How a command failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandFailure {
    /// It could not be run at all.
    #[error("could not be run")]
    NotRun(#[source] Arc<io::Error>),
    /// It exited with a code other than 0.
    #[error("exited with {0}")]
    Code(i32),
    /// It was ended by a signal that we did not send.
    #[error("was ended by signal {0}")]
    Signal(i32),
    /// It took too long, and was ended with everything it had started.
    #[error("took longer than {} s and was ended", .0.as_secs_f64())]
    TimedOut(Duration),
    /// We were asked to stop, and ended it.
    #[error("was stopped")]
    Canceled,
    /// It ended well, but without reading all of the dump.
    #[error("ended before it had read the whole dump")]
    ClosedEarly,
    /// Its input or output broke.
    #[error("lost its connection to us")]
    Pipe(#[source] Arc<io::Error>),
}

/// How a health check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HealthFailure {
    /// Nobody answered.
    #[error("`{url}` did not answer: {why}")]
    NoAnswer {
        /// The address.
        url: String,
        /// What the connection said.
        why: String,
    },
    /// The address cannot be asked.
    #[error("`{url}` cannot be asked: {why}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another status was answered.
    #[error("`{url}` answered {got} instead of {expected}")]
    Status {
        /// The address.
        url: String,
        /// The status expected.
        expected: u16,
        /// The status answered.
        got: u16,
    },
    /// A status that means failure was answered.
    #[error("`{url}` answered {got}")]
    Refused {
        /// The address.
        url: String,
        /// The status answered.
        got: u16,
    },
    /// The site named in the answer is another.
    #[error("`{url}` was answered by site `{other}`, not by `{ours}`")]
    OtherSite {
        /// The address.
        url: String,
        /// The site that answered.
        other: String,
        /// The site that should have.
        ours: String,
    },
    /// The answer does not contain what it should.
    #[error("`{url}` answered without `{expected}`; it said `{got}`")]
    Body {
        /// The address.
        url: String,
        /// The text expected.
        expected: String,
        /// The beginning of the answer.
        got: String,
    },
}

/// Something failed at a site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A logical path is not one.
    #[error("`{path}` is not a path of an application: {why}", path = path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The mapping names no place for a path.
    #[error("no mapping names a place for `{path}`", path = path.display())]
    Unmapped {
        /// The path.
        path: PathBuf,
    },
    /// The site's root is not there.
    #[error("the root `{root}` of site `{site}` is not there", root = root.display())]
    NoRoot {
        /// The site.
        site: String,
        /// Its root.
        root: PathBuf,
    },
    /// Something below the site's root cannot be used.
    #[error("cannot {action} `{path}` at site `{site}`", path = path.display())]
    File {
        /// The site.
        site: String,
        /// What was tried.
        action: &'static str,
        /// The place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A command failed.
    #[error("the {deed} of `{component}` at site `{site}` {failure}{}", last_words(said))]
    Command {
        /// The site.
        site: String,
        /// The component, or the application where it is none's.
        component: String,
        /// What it was for.
        deed: Deed,
        /// How it failed.
        #[source]
        failure: CommandFailure,
        /// The last lines that it wrote.
        said: String,
    },
    /// A component is not up.
    #[error("`{component}` at site `{site}` is not up{}: {failure}", after(*asked_for))]
    Unhealthy {
        /// The site.
        site: String,
        /// The component.
        component: String,
        /// Why it does not count as up.
        failure: Box<HealthFailure>,
        /// How long it was asked; zero when it was asked once.
        asked_for: Duration,
    },
    /// A hook that sends a request failed.
    #[error("a hook of `{component}` at site `{site}` failed: {failure}")]
    Hook {
        /// The site.
        site: String,
        /// The component, or the application where it is none's.
        component: String,
        /// Why.
        failure: Box<HealthFailure>,
    },
    /// An application could not be frozen, or not be thawed.
    #[error("application `{application}` {what} at site `{site}`: {why}")]
    Freeze {
        /// The site.
        site: String,
        /// The application.
        application: String,
        /// What did not succeed, as the end of a sentence.
        what: &'static str,
        /// Why.
        why: String,
        /// The way out.
        help: String,
    },
    /// The site has accepted a higher epoch.
    #[error(
        "site `{site}` has accepted epoch {seen} of `{application}`, so epoch {epoch} may do nothing there any more"
    )]
    Fenced {
        /// The site.
        site: String,
        /// The application.
        application: String,
        /// The epoch that was refused.
        epoch: u64,
        /// The epoch that the site has accepted.
        seen: u64,
    },
    /// A fence record does not read as one. It is never taken for none.
    #[error("the fence record `{path}` at site `{site}` is corrupt: {why}", path = path.display())]
    CorruptFence {
        /// The site.
        site: String,
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A device that would be written over is in use.
    #[error("`{device}` at site `{site}` is in use: {by}", device = device.display())]
    InUse {
        /// The site.
        site: String,
        /// The place.
        device: PathBuf,
        /// By whom, in words.
        by: String,
    },
    /// We were asked to stop.
    #[error("stopped while waiting for `{component}` at site `{site}`")]
    Canceled {
        /// The site.
        site: String,
        /// The component.
        component: String,
    },
}

impl SiteError {
    /// The way out.
    pub fn help(&self) -> String {
        match self {
            SiteError::Path { .. } => "give an absolute path without `..`, as the application sees it".to_owned(),
            SiteError::Unmapped { path } => format!(
                "add `{}` or a folder above it to `mappings.path.values` of the recovery plan, or set `onMissing: keep`",
                path.display()
            ),
            SiteError::NoRoot { root, .. } => format!(
                "see that `{}` is mounted; if the site is lost, restore to another with `dram restore APP --to SITE`",
                root.display()
            ),
            SiteError::File { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "give this user the right to do so, or run as the site's owner".to_owned()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free space at the site, then run the same command again".to_owned()
                }
                _ => "look at the site's storage, then run the same command again".to_owned(),
            },
            SiteError::Command { deed, failure, .. } => match failure {
                CommandFailure::NotRun(_) => {
                    format!("see that the program of the {deed} is installed at the site and its `dir` is there")
                }
                CommandFailure::TimedOut(_) => format!("see why the {deed} takes so long, or raise its `timeout`"),
                CommandFailure::Canceled => "`dram resume` continues the run".to_owned(),
                _ => format!("run the {deed} by hand below the site's root, mend it, and run this again"),
            },
            SiteError::Unhealthy { failure, .. } => match failure.as_ref() {
                HealthFailure::OtherSite { other, .. } => {
                    format!("stop the application at `{other}`, or let each site answer at an address of its own")
                }
                HealthFailure::BadUrl { .. } => "correct `url` of the health check".to_owned(),
                HealthFailure::Status { .. } | HealthFailure::Refused { .. } | HealthFailure::Body { .. } => {
                    "look at the application's own log; correct `status` or `body` of the health check if it is wrong"
                        .to_owned()
                }
                HealthFailure::NoAnswer { .. } => {
                    "look at the application's own log; raise `startPeriod` of the health check if it only needs longer"
                        .to_owned()
                }
            },
            SiteError::Hook { .. } => {
                "look at what the address belongs to; raise the hook's `timeout` if it only needs longer, or say \
                 `onError: continue`"
                    .to_owned()
            }
            SiteError::Freeze { help, .. } => help.clone(),
            SiteError::Fenced { application, .. } => {
                format!("the application was taken over: `dram status {application}` says by which site")
            }
            SiteError::CorruptFence { path, .. } => format!(
                "find the application's highest epoch with `dram status`, make sure that nothing else writes for it, and move `{}` away",
                path.display()
            ),
            SiteError::InUse { .. } => {
                "unmount it and end what has it open, or say how with `service.stop` of the component; `--into DIR` writes the \
                 image elsewhere"
                    .to_owned()
            }
            SiteError::Canceled { .. } => "`dram resume` continues the run".to_owned(),
        }
    }
}

/// What a command said, as the end of a sentence.
fn last_words(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!("; it said `{said}`")
    }
}

fn after(asked_for: Duration) -> String {
    if asked_for.is_zero() {
        String::new()
    } else {
        format!(" after {} s", asked_for.as_secs())
    }
}
