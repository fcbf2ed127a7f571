//! What can be said to bring something back.

use super::ask::AskArguments;
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;

pub(crate) const RESTORE_HELP: &str = "At another site than the active one this is a takeover: it asks for --attest-source-stopped.\n\n\
     --path takes a path with all below it, or a pattern in the rules of .gitignore, seen from /; the last one that matches \
     decides, and ! before one takes out. With --path or --item only files are written: below DIR, or where they belong, and \
     there only with --overwrite. What is equal, and what was not asked for, is not touched.\n\n\
     With --request an engine that serves decides and restores: directories are its machine's; the names of --owner-map and \
     --group-map are looked up here.\n\n\
     --dry-run reads the files at the target and tells what would become of each; it changes nothing.\n\n\
     Examples:\n  dram restore shop --to branch --attest-source-stopped\n  dram restore shop --into /tmp/look\n  \
     dram restore shop --path '/srv/shop/**/*.png' --path '!thumbs' --dry-run\n  \
     dram restore shop --path /srv/shop/uploads --overwrite\n  dram restore shop --item db.dump --into /tmp";

pub(crate) const RECOVER_HELP: &str = "The directory becomes the root; components, services and health come from the point itself. The password of a recovery kit \
     opens a vault too.\n\nExample:\n  dram recover shop --vault /mnt/nas/dram --password-file key --into /srv/recovered \
     --attest-source-stopped";

pub(crate) const DIFF_HELP: &str = "A dump counts as one file. Parts that are equal are not read.\n\nExamples:\n  \
     dram diff 01JD8Z… 01JE2A…\n  dram diff 01JD8Z… 01JE2A… --path /srv/shop/uploads --from copy";

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The application
    pub(crate) application: String,
    /// Which point: latest, a point's id, or a time such as 2026-03-01T08:00:00Z
    #[arg(long, default_value = "latest")]
    pub(crate) point: String,
    /// A vault of the policy to read from; the first one without it
    #[arg(long, value_name = "VAULT")]
    pub(crate) from: Option<String>,
    /// Read what the vault held at this time, where its store keeps versions: deleted or overwritten since, or not
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
    /// The site; without it the one where it is active
    #[arg(long, value_name = "SITE", conflicts_with = "into")]
    pub(crate) to: Option<String>,
    /// Write files below this directory, and start nothing
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only this component; may be given several times
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) component: Vec<String>,
    /// Only this item, such as db.dump or web.files; may be given several times
    #[arg(long, value_name = "ITEM")]
    pub(crate) item: Vec<String>,
    /// Only this path with what lies below it, or what a pattern of .gitignore takes; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,
    /// Replace files that differ
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) owners: OwnerArguments,
    /// You attest that the application no longer runs at the site where it was active
    #[arg(long)]
    pub(crate) attest_source_stopped: bool,
    /// Show the steps and what would change at the target, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) ask: AskArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArguments {
    /// The application; may be left out when the vault holds one
    pub(crate) application: Option<String>,
    /// The vault's address, or a repository's: a directory, s3://bucket/prefix?endpoint=… or swift://cloud/container/prefix
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) vault: String,
    /// File with its password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: PathBuf,
    /// Directory that becomes the root
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// Which point: latest, a point's id, or a time
    #[arg(long, default_value = "latest")]
    pub(crate) point: String,
    /// Read what the vault held at this time, where its store keeps versions: deleted or overwritten since, or not
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
    /// Replace files that differ
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) owners: OwnerArguments,
    /// You attest that the application runs nowhere else
    #[arg(long)]
    pub(crate) attest_source_stopped: bool,
    /// Show the steps and what would change at the target, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Whose files become whose on this machine.
#[derive(Debug, Args)]
pub(crate) struct OwnerArguments {
    /// What belonged to a user, by name or number, belongs to this one here; may be given several times
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) owner_map: Vec<String>,
    /// The same for a group
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) group_map: Vec<String>,
    /// Users and groups that this machine knows by name keep their names and not their numbers
    #[arg(long)]
    pub(crate) ownership_by_name: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The point to compare from
    pub(crate) before: String,
    /// The point to compare with
    pub(crate) after: String,
    /// Only this path with what lies below it, or what a pattern of .gitignore takes; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,
    /// A vault of the policy; the first one without it
    #[arg(long, value_name = "VAULT")]
    pub(crate) from: Option<String>,
    /// Read what the vault held at this time, where its store keeps versions: deleted or overwritten since, or not
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
}
