//! The command line.

use crate::init;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Checks a DRAM model, proves its objectives and compiles it.
#[derive(Debug, Parser)]
#[command(
    name = "dramc",
    version,
    about = "Checks a DRAM model, proves its objectives and compiles it",
    after_help = "Exit codes: 0 done, 1 the model has errors, 2 wrong usage, 3 an objective does not hold.\n\n\
                  Examples:\n  dramc check examples/shop\n  dramc prove examples/shop/dram.yaml\n  \
                  dramc build --target terraform -o infra examples/shop/dram.yaml\n  dramc explain DRAM0050"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Never colour the output. Colours also stop when the output is no terminal, or `NO_COLOR` is set.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a model: everything that is wrong, at its place, with the way out
    #[command(
        after_help = "Examples:\n  dramc check dram.yaml\n  dramc check --fix dram.yaml\n  dramc check --format json models/ | jq '.[].message'\n  dramc check --format sarif models/ > dram.sarif"
    )]
    Check {
        #[command(flatten)]
        input: Input,
        /// How findings are printed
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
        /// Correct the files wherever exactly one way out is right, and say what was done. Of standard input the
        /// corrected text goes to standard output
        #[arg(long)]
        fix: bool,
    },
    /// Prove RPO and RTO: the worst case with its derivation
    #[command(
        after_help = "The exit code is 3 when an objective does not hold.\n\nExamples:\n  dramc prove dram.yaml\n  dramc prove --strict --format json dram.yaml\n  dramc prove --observed figures.yaml dram.yaml"
    )]
    Prove {
        #[command(flatten)]
        input: Input,
        /// How the proof is printed
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
        /// An objective that rests on assumptions counts as not met
        #[arg(long)]
        strict: bool,
        /// Figures that were observed, in the place of the model's hints: sizes, rates of change and bandwidths
        #[arg(long, value_name = "FILE")]
        observed: Option<PathBuf>,
    },
    /// Compile to files for a target; refused while an objective does not hold
    #[command(
        after_help = "Examples:\n  dramc build --target terraform -o infra dram.yaml\n  dramc build --target json -o out models/"
    )]
    Build {
        #[command(flatten)]
        input: Input,
        /// What to compile to
        #[arg(long, value_enum)]
        target: Target,
        /// Directory for the files; made when it is missing
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Write a first model from a few answers, with comments that teach
    #[command(
        after_help = "It asks on a terminal; flags answer beforehand. What it writes checks and proves, and is never written over \
                      what is there.\n\n\
                      Examples:\n  dramc init\n  dramc init --application shop --site office --target branch --vault /mnt/nas/dram --database postgres --yes"
    )]
    Init(#[command(flatten)] Box<init::Flags>),
    /// Draw a model: sites, vaults, failure domains, policies, applications with their start order, plans
    #[command(
        after_help = "Examples:\n  dramc graph --format mermaid dram.yaml\n  dramc graph --format dot --of sites models/ | dot -Tsvg > sites.svg"
    )]
    Graph {
        #[command(flatten)]
        input: Input,
        /// For whom it is drawn
        #[arg(long, value_enum)]
        format: GraphFormat,
        /// What of the model is drawn; without it everything
        #[arg(long, value_enum)]
        of: Option<GraphOf>,
    },
    /// Write models as everybody would: fields in one order, two spaces, quotes where they are needed
    #[command(
        after_help = "Comments, anchors, blocks of lines and document markers stay, and what a model says does not change. \
                      A file with a broken document is left as it is. Changed files are named.\n\n\
                      The exit code is 1 when a file is broken or, with --check, not formatted.\n\n\
                      Examples:\n  dramc fmt dram.yaml\n  dramc fmt --check models/\n  dramc fmt - < dram.yaml"
    )]
    Fmt {
        #[command(flatten)]
        input: Input,
        /// Change nothing: name the files that are not formatted
        #[arg(long, conflicts_with = "stdout")]
        check: bool,
        /// Change nothing: print the formatted text. So it is for standard input
        #[arg(long)]
        stdout: bool,
    },
    /// Print the language: JSON Schema for editors, or the reference page
    #[command(
        after_help = "Examples:\n  dramc schema > dram.schema.json\n  dramc schema --format markdown > language.md\n  dramc schema --of findings > findings.schema.json"
    )]
    Schema {
        /// How the language is printed
        #[arg(long, value_enum, default_value_t = SchemaFormat::Json, conflicts_with = "of")]
        format: SchemaFormat,
        /// What is described
        #[arg(long, value_enum, default_value_t = SchemaOf::Language)]
        of: SchemaOf,
    },
    /// List the built-in profiles with their parameters, or print one as YAML to start from
    #[command(after_help = "Examples:\n  dramc profiles\n  dramc profiles postgres > profiles/my-postgres.yaml")]
    Profiles {
        /// The profile
        #[arg(conflicts_with = "format")]
        name: Option<String>,
        /// How the list is printed
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Explain a code such as DRAM0050, or list all of them
    #[command(after_help = "Examples:\n  dramc explain\n  dramc explain DRAM0050")]
    Explain {
        /// The code
        code: Option<String>,
        /// How it is printed
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Print the model with everything filled in that it leaves open, and why
    ///
    /// What it prints is a model itself: a comment behind each value that nobody wrote says where it comes from.
    #[command(
        after_help = "Examples:\n  dramc explain-model dram.yaml\n  dramc explain-model --format json models/ | jq '.[].reasons'"
    )]
    ExplainModel {
        #[command(flatten)]
        input: Input,
        /// How it is printed
        #[arg(long, value_enum, default_value_t = ModelFormat::Yaml)]
        format: ModelFormat,
    },
    /// Write the manual pages of all commands into a directory
    #[command(after_help = "Example:\n  dramc man /usr/local/share/man/man1")]
    Man {
        /// The directory
        directory: PathBuf,
    },
    /// Print completions for a shell
    #[command(after_help = "Example:\n  dramc completions bash > /etc/bash_completion.d/dramc")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Model files, directories of them (`*.yaml`, `*.yml`, `*.json`), or `-` for standard input
    #[arg(required = true, value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Excerpts and tables for people
    Human,
    /// One JSON document for programs
    Json,
    /// SARIF 2.1.0, which code hosts show in reviews
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A Terraform and OpenTofu module
    Terraform,
    /// The checked model as JSON, everything filled in
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// JSON Schema, draft 2020-12
    Json,
    /// The reference page
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The documents of a model
    Language,
    /// What `check --format json` prints
    Findings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelFormat {
    /// A model with comments
    Yaml,
    /// For each declaration the filled-in document, and the reason of each value by its path
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Lines for a terminal
    Text,
    /// The reference page
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A flowchart for Markdown
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphOf {
    /// Applications with their components, policies and vaults
    Applications,
    /// Sites and vaults in their failure domains, and what runs or comes back there
    Sites,
    /// Components in the waves in which they start
    Waves,
}
