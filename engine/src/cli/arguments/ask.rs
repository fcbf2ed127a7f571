//! What can be said to ask for a run.

use clap::Args;

/// Whether a run is asked for or carried out.
#[derive(Debug, Args)]
pub(crate) struct AskArguments {
    /// Ask for the run and return: an engine that serves carries it out. Prints the run
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) request: bool,
    /// A word of your own for what is asked: whoever asks again with it, after a lost answer, asks for nothing more
    #[arg(long, value_name = "TEXT", requires = "request", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,
}
