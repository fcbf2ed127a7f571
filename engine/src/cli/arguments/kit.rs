//! What can be said about recovery kits.

use clap::{ArgGroup, Args};
use std::path::PathBuf;

pub(crate) const HELP: &str = "The sheet names every vault of the policy, what it takes to read them, and the commands with dram and with stock restic. It \
     holds a passphrase of its own, which becomes a further key of the application's repositories and is kept nowhere else: print \
     it, lock it away, and remove the file.\n\nExamples:\n  dram kit shop --out shop.pdf\n  dram kit shop --text | lpr\n  \
     dram kit shop --list\n  dram kit shop --revoke 01JD8Z…";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("act").required(true).args(["out", "text", "list", "revoke"]))]
pub(crate) struct KitArguments {
    /// The application
    pub(crate) application: String,
    /// Make a kit and write its sheet to this file, which must not exist: a name that ends in .pdf or in .txt
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Make a kit and print its sheet to standard output, the passphrase with it
    #[arg(long)]
    pub(crate) text: bool,
    /// Show the keys of kits in every vault of the policy
    #[arg(long)]
    pub(crate) list: bool,
    /// Remove the keys of this kit, named by its id or by a key's, from every vault of the policy
    #[arg(long, value_name = "KEY")]
    pub(crate) revoke: Option<String>,
}
