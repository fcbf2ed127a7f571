//! Commands that a site runs.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A program and its arguments, handed over as they are: nothing is expanded.
    Run(Vec<String>),
    /// A text for the shell.
    Shell(String),
}

/// A command of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What is run.
    pub action: Action,
    /// The logical directory in which it runs; the site's root without it.
    pub dir: Option<PathBuf>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether it runs where the engine does, in the machine's root folder, and not in the site's root.
    #[serde(default)]
    pub on_engine: bool,
}

/// For whom a command runs. It sees these as `DRAM_APPLICATION`, `DRAM_COMPONENT` and `DRAM_RUN`, beside `DRAM_ROOT` and
/// `DRAM_SITE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// The application.
    pub application: String,
    /// The component.
    pub component: String,
    /// The run.
    pub run: String,
}

/// How a command ended that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How long it took.
    pub took: Duration,
    /// The last lines that it wrote to its standard error, where they were kept.
    pub said: String,
}

pub use crate::cancel::Cancel;
