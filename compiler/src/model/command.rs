//! Commands that a model asks a site to run.

use dram_fields::{Duration, Fields, LogicalPath};

/// A command that runs at a site. It sees `DRAM_ROOT`, `DRAM_SITE`, `DRAM_APPLICATION`, `DRAM_COMPONENT` and
/// `DRAM_RUN` in its environment.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Command {
    /// What it runs.
    #[field(one_of)]
    pub action: Action,
    /// Directory in which it runs, as the application sees it. Without it: the site's root.
    pub dir: Option<LogicalPath>,
    /// How long it may take. After that it is ended, and counts as failed.
    #[field(default = Duration::seconds(3600))]
    pub timeout: Duration,
}

/// What a command runs.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Action {
    /// A program and its arguments, passed as they are: nothing is expanded or rewritten.
    #[field(min = 1)]
    Run(Vec<String>),
    /// A text for the shell, run with `pipefail` where the shell has it.
    Shell(String),
}
