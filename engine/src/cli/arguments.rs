//! What can be said on the command line.

mod ask;
mod kit;
mod restore;

pub(crate) use ask::AskArguments;
pub(crate) use kit::KitArguments;
pub(crate) use restore::{DiffArguments, OwnerArguments, RecoverArguments, RestoreArguments};

use clap::{Args, Parser, Subcommand, ValueEnum};
use dram_compiler::model::Percent;
use jiff::Timestamp;
use std::path::PathBuf;

/// Protects, verifies and recovers applications.
#[derive(Debug, Parser)]
#[command(
    name = "dram",
    version,
    about = "Protects, verifies and recovers applications",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule, 4 partial, 5 interrupted and \
                  resumable, 6 unreachable.\n\nExamples:\n  dram catalog init --catalog file:///var/lib/dram/catalog\n  \
                  dram apply dram.yaml\n  dram protect shop\n  dram points shop\n  \
                  dram restore shop --to branch --attest-source-stopped"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Address of the catalog, such as file:///var/lib/dram/catalog
    #[arg(long, global = true, env = "DRAM_CATALOG", value_name = "URL")]
    pub(crate) catalog: Option<String>,
    /// The tenant
    #[arg(
        long,
        global = true,
        env = "DRAM_TENANT",
        default_value = "default",
        value_name = "NAME"
    )]
    pub(crate) tenant: String,
    /// Print JSON, each document on a line of its own; runs print one for each event
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Never colour the output
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// What to log to standard error: off, error, warn, info, debug, trace
    #[arg(
        long,
        global = true,
        env = "DRAM_LOG",
        default_value = "off",
        value_name = "LEVEL",
        value_parser = ["off", "error", "warn", "info", "debug", "trace"],
        hide_possible_values = true
    )]
    pub(crate) log_level: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Declare a model in the catalog, and reconcile it
    #[command(
        after_help = "Examples:\n  dram apply dram.yaml\n  dram apply --dry-run models/\n  dram apply --prune models/"
    )]
    Apply {
        /// Model files, or directories of them
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Become the manager of what Terraform or another manages
        #[arg(long)]
        take_over: bool,
        /// Withdraw what `dram apply` manages and the files no longer hold; points stay
        #[arg(long)]
        prune: bool,
    },
    /// Make true what is declared: reach sites, make vaults, initialise repositories, look at adopted ones
    #[command(
        after_help = "Terraform starts this for each applied resource.\n\nExamples:\n  dram reconcile\n  dram reconcile --kind Vault --name nas"
    )]
    Reconcile {
        /// Only this kind, with --name
        #[arg(long, requires = "name")]
        kind: Option<String>,
        /// Only this declaration, with --kind
        #[arg(long, requires = "kind")]
        name: Option<String>,
    },
    /// Show how well applications are protected now
    Status {
        /// The application; all without it
        application: Option<String>,
        /// Show it again whenever something changes, with the runs at work, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
    /// Make a recovery point
    #[command(
        after_help = "Examples:\n  dram protect shop\n  dram protect shop --component db --class manual\n  \
                      dram protect shop --request --key nightly-4711"
    )]
    Protect {
        /// The application
        application: String,
        /// Only this component; may be given several times
        #[arg(long, value_name = "COMPONENT")]
        component: Vec<String>,
        /// How the point comes about; classes are retained apart
        #[arg(long, value_enum, default_value_t = Class::Scheduled)]
        class: Class,
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        ask: AskArguments,
    },
    /// List recovery points, from the vault itself
    #[command(
        after_help = "Examples:\n  dram points shop\n  dram points shop --from copy\n  dram points --vault /mnt/nas/dram --password-file key\n\n\
                      An address that is a repository itself is read as an adopted one."
    )]
    Points {
        /// The application; may be left out with --vault when the vault holds one
        application: Option<String>,
        /// A vault of the policy; the first one without it
        #[arg(long, value_name = "VAULT", conflicts_with = "vault")]
        from: Option<String>,
        /// What the vault held at this time, where its store keeps versions: 2026-03-01T08:00:00Z
        #[arg(long, value_name = "TIME")]
        as_of: Option<Timestamp>,
        /// A vault's address, or a repository's: nothing else is asked
        #[arg(long, requires = "password_file", value_name = "ADDRESS")]
        vault: Option<String>,
        /// File with the vault's password
        #[arg(long, requires = "vault", value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List what a point holds
    #[command(
        after_help = "Examples:\n  dram ls 01JD8Z…\n  dram ls 01JD8Z… /srv/shop --recursive\n  dram ls 01JD8Z… --from copy"
    )]
    Ls {
        /// The point
        point: String,
        /// The path
        #[arg(default_value = "/")]
        path: PathBuf,
        /// A vault of the policy; the first one without it
        #[arg(long, value_name = "VAULT")]
        from: Option<String>,
        /// Read what the vault held at this time, where its store keeps versions: deleted or overwritten since, or not
        #[arg(long, value_name = "TIME")]
        as_of: Option<Timestamp>,
        /// With everything below it
        #[arg(long, short)]
        recursive: bool,
    },
    /// Tell what changed from one point to another
    #[command(after_help = restore::DIFF_HELP)]
    Diff(DiffArguments),
    /// Write one file of a point, or a dump by its item's name, to standard output
    #[command(after_help = "Examples:\n  dram cat 01JD8Z… /srv/shop/shop.py\n  dram cat 01JD8Z… db.dump > db.sql")]
    Cat {
        /// The point
        point: String,
        /// The path, or the name of an item such as db.dump
        path: String,
        /// A vault of the policy; the first one without it
        #[arg(long, value_name = "VAULT")]
        from: Option<String>,
        /// Read what the vault held at this time, where its store keeps versions: deleted or overwritten since, or not
        #[arg(long, value_name = "TIME")]
        as_of: Option<Timestamp>,
    },
    /// Prove that a point can be restored, and attest it in the vault
    #[command(
        after_help = "A sample is another part each day, so that everything was read after so many; a point counts as verified only \
                      when all of it was read at once.\n\nExamples:\n  dram verify shop\n  dram verify shop --level restore\n  \
                      dram verify shop --sample 10%"
    )]
    Verify {
        /// An application (its newest point) or a point
        what: String,
        /// A vault of the policy; the first one without it
        #[arg(long, value_name = "VAULT")]
        from: Option<String>,
        /// How deeply
        #[arg(long, value_enum, default_value_t = Level::Checksum)]
        level: Level,
        /// Read only so much of the point, another part each day: 10%. With --level checksum
        #[arg(long, value_name = "PERCENT")]
        sample: Option<Percent>,
    },
    /// Bring an application back: where it is active, at another site, or only files of it
    #[command(after_help = restore::RESTORE_HELP)]
    Restore(RestoreArguments),
    /// Bring an application back with nothing but a vault and its key
    #[command(after_help = restore::RECOVER_HELP)]
    Recover(RecoverArguments),
    /// Take up a run that was interrupted, paused, or asked for and not begun
    Resume {
        /// The run
        run: String,
    },
    /// Have a run stop where it can go on from, and wait
    #[command(
        after_help = "Whoever works at it stops within seconds, wherever that is. Until the run is resumed or canceled no other run of \
                      its application begins: firings are skipped.\n\nExample:\n  dram pause 01JD8Z…"
    )]
    Pause {
        /// The run
        run: String,
    },
    /// End a run
    #[command(
        after_help = "What it stored is never offered, and goes with the next prune. What a restore has written stays as it is: \
                      restore again.\n\nExample:\n  dram cancel 01JD8Z…"
    )]
    Cancel {
        /// The run
        run: String,
    },
    /// List runs, newest first
    Runs {
        /// At most this many
        #[arg(long, default_value_t = 20)]
        most: usize,
    },
    /// Print the log of a run: one JSON object a line
    Log {
        /// The run
        run: String,
        /// Go on printing what is added until the run has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Bring points into the further vaults of the policy
    #[command(
        after_help = "Each protect does this too; a copy with a delay needs this from time to time.\n\nExamples:\n  \
                      dram copy shop --dry-run\n  dram copy shop"
    )]
    Copy {
        /// The application
        application: String,
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        ask: AskArguments,
    },
    /// Remove points by the policy's retention
    #[command(
        after_help = "The newest point, the last verified ones, and those that are held, locked, awaited by a delayed copy or \
                      in use by a run always stay; so do damaged ones, until --discard names them.\n\nThe space of what went \
                      comes back by a prune a day later: whoever wrote meanwhile may count on it.\n\nExamples:\n  \
                      dram prune shop --dry-run\n  dram prune shop\n  dram prune shop --discard 01JD8Z…"
    )]
    Prune {
        /// The application
        application: String,
        /// Only this vault of the policy; all of them without it
        #[arg(long, value_name = "VAULT")]
        vault: Option<String>,
        /// Show what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// It is known that much more than usual will go
        #[arg(long)]
        acknowledge: bool,
        /// This point goes, too, although it is quarantined or cannot be restored; may be given several times
        #[arg(long, value_name = "POINT")]
        discard: Vec<String>,
    },
    /// Keep a point whatever retention says, or no longer
    #[command(
        after_help = "The hold stands in every vault that has the point, and in a locked one it locks all of the point anew.\n\n\
                      Examples:\n  dram hold 01JD8Z… --reason \"audit 2026\"\n  dram hold 01JD8Z… --reason \"case 4711\" --until 90d\n  \
                      dram hold 01JD8Z… --release"
    )]
    Hold {
        /// The point
        point: String,
        /// Why
        #[arg(long, value_name = "TEXT", required_unless_present = "release", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: Option<String>,
        /// Until when: a time such as 2026-03-01T08:00:00Z, or how long from now such as 90d; for good without it
        #[arg(long, value_name = "TIME", conflicts_with = "release")]
        until: Option<String>,
        /// It is no longer held
        #[arg(long, conflicts_with = "reason")]
        release: bool,
        /// Only in this vault of the policy; in all that have the point without it
        #[arg(long, value_name = "VAULT")]
        vault: Option<String>,
    },
    /// Let nobody restore a point who does not name it, or lift that
    #[command(
        after_help = "`latest` passes over a quarantined point, retention leaves it, and copies are not made of it. `dram verify` \
                      quarantines what it finds damaged.\n\nExamples:\n  dram quarantine 01JD8Z… --reason \"encrypted by an intruder\"\n  \
                      dram quarantine 01JD8Z… --lift"
    )]
    Quarantine {
        /// The point
        point: String,
        /// Why
        #[arg(long, value_name = "TEXT", required_unless_present = "lift", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: Option<String>,
        /// It may be restored again
        #[arg(long, conflicts_with = "reason")]
        lift: bool,
        /// Only in this vault of the policy; in all that have the point without it
        #[arg(long, value_name = "VAULT")]
        vault: Option<String>,
    },
    /// Say of a point that it was verified by other means
    #[command(
        after_help = "A person, or a test system of theirs, says so; it is shown with who said it and why, and the point counts as \
                      verified for retention (keepVerified). The verifications that a policy asks for go on, and a quarantine \
                      stays.\n\nExample:\n  dram attest 01JD8Z… --level boot --reason \"booted in the test lab, build 4711\""
    )]
    Attest {
        /// The point
        point: String,
        /// How deeply it was verified
        #[arg(long, value_enum)]
        level: Attested,
        /// How that was found out
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        /// Only in this vault of the policy; in all that have the point without it
        #[arg(long, value_name = "VAULT")]
        vault: Option<String>,
    },
    /// Freeze an application, and thaw it in time: what a run starts beside itself
    #[command(hide = true)]
    Freezer,
    /// Protect what is declared when its policy says so, until stopped
    #[command(
        after_help = "Several may serve one catalog: one acts, the others wait until it stops or falls silent. Retention is carried \
                      out once a day. Ctrl-C or SIGTERM stops it; a run at work then is taken up by the next engine.\n\nExamples:\n  \
                      dram serve\n  dram serve --as office-2"
    )]
    Serve {
        /// The engine's name in the catalog; this machine's without it
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        /// So many applications are protected at the same time
        #[arg(long, value_name = "NUMBER", default_value_t = 2)]
        at_once: usize,
    },
    /// Take the vault's newest takeover for the truth, when vault and catalog disagree about who writes
    Adopt {
        /// The application
        application: String,
    },
    /// Make a recovery kit: a sheet that brings an application back with nothing else at hand
    #[command(after_help = kit::HELP)]
    Kit(KitArguments),
    /// Make or rebuild a catalog
    Catalog {
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Ask everything that is declared whether it will work
    #[command(
        after_help = "In catalog and vaults it writes small probes and removes them again. Credentials that may not remove leave \
                      a few bytes below `.dram-probe` in the vault, and the probe of a lock stays for the five seconds of its \
                      lock: both go when it runs where the credentials of prune are.\n\nExit code 1 where something will fail."
    )]
    Doctor,
    /// Print the JSON Schema of what every command prints with --json
    #[command(after_help = "Example:\n  dram schema > dram-output.schema.json")]
    Schema,
    /// Write the manual pages of all commands into a directory
    #[command(after_help = "Example:\n  dram man /usr/local/share/man/man1")]
    Man {
        /// The directory
        directory: PathBuf,
    },
    /// Print completions for a shell
    #[command(after_help = "Example:\n  dram completions bash > /etc/bash_completion.d/dram")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Make a catalog: probe its store, and record the verdict
    #[command(after_help = "Example:\n  dram catalog init --catalog file:///var/lib/dram/catalog")]
    Init,
    /// Probe the store of a catalog again, and say whether several may write into it
    #[command(after_help = "Example:\n  dram catalog check --catalog s3://records/dram?region=eu-central-1")]
    Check,
    /// Remove records that were superseded more than a week ago
    #[command(after_help = "Example:\n  dram catalog compact")]
    Compact,
    /// Rebuild declarations and the index of points from a vault, into an initialised catalog
    #[command(after_help = "Example:\n  dram catalog rebuild --vault /mnt/nas/dram --password-file key")]
    Rebuild {
        /// The vault's address, or a repository's: a directory, s3://bucket/prefix?endpoint=… or swift://cloud/container/prefix
        #[arg(long, value_name = "ADDRESS")]
        vault: String,
        /// File with its password
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    /// By a schedule
    Scheduled,
    /// By a person
    Manual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Read every byte back and compare it with its hash
    Checksum,
    /// Restore everything into a scratch directory
    Restore,
}

/// How deeply a point was verified by other means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Attested {
    /// Its bytes are those that were written
    Checksum,
    /// It was restored
    Restore,
    /// What was restored was started
    Boot,
    /// What was started answered as it should
    Health,
}

impl Attested {
    /// The word in attestations.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Restore => "restore",
            Self::Boot => "boot",
            Self::Health => "health",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_everything_has_a_help_text() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            assert!(sub.get_about().is_some(), "{} has no help text", sub.get_name());
            for argument in sub.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help text",
                    sub.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
