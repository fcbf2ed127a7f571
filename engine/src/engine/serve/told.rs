//! What a serving engine tells.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What a serving engine tells.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Told {
    /// It acts for these applications.
    #[serde(rename_all = "camelCase")]
    Serving {
        /// Each application with its schedule in words, such as `every 1h`.
        applications: BTreeMap<String, String>,
    },
    /// Another engine acts.
    #[serde(rename_all = "camelCase")]
    Waiting {
        /// Who.
        by: String,
    },
    /// A firing is served.
    #[serde(rename_all = "camelCase")]
    Fires {
        /// The application.
        application: String,
        /// When it was due.
        firing: Timestamp,
        /// How many firings before it passed without anybody.
        missed: u64,
    },
    /// A firing passes, because another run of the application is at work.
    #[serde(rename_all = "camelCase")]
    Skipped {
        /// The application.
        application: String,
        /// When it was due.
        firing: Timestamp,
        /// What is at work.
        why: String,
    },
    /// Firings that no engine was awake for pass, because their schedules say so.
    #[serde(rename_all = "camelCase")]
    Passed {
        /// The application.
        application: String,
        /// The newest of them.
        firing: Timestamp,
        /// How many others passed with it.
        missed: u64,
    },
    /// A point was made.
    #[serde(rename_all = "camelCase")]
    Protected {
        /// The application.
        application: String,
        /// The point.
        point: String,
        /// How long it took.
        seconds: f64,
    },
    /// An interrupted run is taken up.
    #[serde(rename_all = "camelCase")]
    Resumes {
        /// The application.
        application: String,
        /// The run.
        run: String,
    },
    /// A run that somebody asked for begins, or goes on.
    #[serde(rename_all = "camelCase")]
    Begins {
        /// The application.
        application: String,
        /// The run.
        run: String,
        /// What it is for.
        verb: String,
        /// Who asked for it.
        by: String,
    },
    /// A run that somebody asked for waits for its turn.
    #[serde(rename_all = "camelCase")]
    Queued {
        /// The application.
        application: String,
        /// The run.
        run: String,
        /// What is at work.
        why: String,
    },
    /// A run that somebody asked for has come to its end.
    #[serde(rename_all = "camelCase")]
    CarriedOut {
        /// The application.
        application: String,
        /// The run.
        run: String,
        /// What it was for.
        verb: String,
        /// The point that was made or restored.
        point: String,
        /// How long it took.
        seconds: f64,
    },
    /// Retention was carried out.
    #[serde(rename_all = "camelCase")]
    Pruned {
        /// The application.
        application: String,
        /// The vault.
        vault: String,
        /// How many points went.
        removed: usize,
    },
    /// The newest point of a vault was verified.
    #[serde(rename_all = "camelCase")]
    Verified {
        /// The application.
        application: String,
        /// The vault.
        vault: String,
        /// The point.
        point: String,
        /// How deeply.
        level: String,
    },
    /// The newest point of a vault is damaged, and quarantined there.
    #[serde(rename_all = "camelCase")]
    Damaged {
        /// The application.
        application: String,
        /// The vault.
        vault: String,
        /// The point.
        point: String,
        /// What is wrong.
        damages: Vec<String>,
    },
    /// Something failed; the next firing tries anew.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// The application; empty for the engine itself.
        application: String,
        /// What.
        error: String,
        /// The way out.
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// It stops; runs that it interrupts can be taken up.
    Stops,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { applications } if applications.is_empty() => {
                f.write_str("nothing is declared to be protected")
            }
            Self::Serving { applications } => {
                let each = applications.iter().map(|(name, when)| format!("{name} {when}"));
                write!(f, "protects {}", each.collect::<Vec<_>>().join(", "))
            }
            Self::Waiting { by } => write!(f, "{by} acts; this engine waits"),
            Self::Fires {
                application,
                firing,
                missed: 0,
            } => write!(f, "{application}: protect, due {firing}"),
            Self::Fires {
                application,
                firing,
                missed,
            } => write!(
                f,
                "{application}: protect, due {firing}; {missed} firings before it were missed"
            ),
            Self::Skipped {
                application,
                firing,
                why,
            } => write!(f, "{application}: the firing of {firing} is skipped: {why}"),
            Self::Passed {
                application,
                firing,
                missed,
            } => {
                write!(f, "{application}: the firing of {firing} was missed, and is skipped")?;
                match missed {
                    0 => Ok(()),
                    others => write!(f, " with {others} before it"),
                }
            }
            Self::Protected {
                application,
                point,
                seconds,
            } => write!(f, "{application}: point {point} ({seconds:.1} s)"),
            Self::Resumes { application, run } => write!(f, "{application}: goes on with run {run}"),
            Self::Begins {
                application,
                run,
                verb,
                by,
            } => write!(f, "{application}: {verb}, as {by} asked (run {run})"),
            Self::Queued { application, run, why } => write!(f, "{application}: run {run} waits for its turn: {why}"),
            Self::CarriedOut {
                application,
                run,
                verb,
                point,
                seconds,
            } => write!(
                f,
                "{application}: {verb} of run {run} is done, point {point} ({seconds:.1} s)"
            ),
            Self::Pruned {
                application,
                vault,
                removed,
            } => write!(f, "{application}: {removed} points went from vault {vault}"),
            Self::Verified {
                application,
                vault,
                point,
                level,
            } => write!(f, "{application}: point {point} in vault {vault} is whole ({level})"),
            Self::Damaged {
                application,
                vault,
                point,
                damages,
            } => write!(
                f,
                "{application}: point {point} in vault {vault} is damaged, and quarantined: {}",
                damages.join("; ")
            ),
            Self::Failed {
                application,
                error,
                help,
            } => {
                if !application.is_empty() {
                    write!(f, "{application}: ")?;
                }
                write!(f, "failed: {error}")?;
                help.iter().try_for_each(|help| write!(f, "; {help}"))
            }
            Self::Stops => f.write_str("stops"),
        }
    }
}
