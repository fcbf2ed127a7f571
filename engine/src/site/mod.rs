//! Sites: the port to a place that runs applications, and its drivers.
//!
//! A driver acts on one site and on nothing else: it knows neither catalog nor runbook, and decides nothing. What it is handed are
//! plain values ([`Command`], [`Check`], logical paths); what it answers says what is there and what failed.

mod btrfs;
mod clock;
mod command;
mod device;
mod error;
mod fence;
mod freeze;
mod health;
mod hook;
mod host;
mod mapping;
mod process;
mod redact;
mod shell;
mod stream;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub use crate::inventory::{Inventory, PathState, Presence};
pub use clock::{Clock, SystemClock};
pub use command::{Action, Cancel, Command, Finished, Surroundings};
pub use error::{CommandFailure, Deed, HealthFailure, SiteError};
pub use fence::FenceRecord;
pub use freeze::{Ending, Freeze, Frozen, Snapshot, Thawed, Way, freezer, set_freezer};
pub use health::{Check, HttpCheck, Probe};
pub use hook::{Hook, HookDeed, Request};
pub use host::HostSite;
pub use mapping::{OnMissing, PathMappings};
pub use shell::Shell;

/// A place that runs or can run an application.
///
/// Every deed may be repeated: what was done already is found done. None leaves anything behind that a later one would trip over.
pub trait Site: Send + Sync {
    /// The site's name; empty for a place that has none.
    fn name(&self) -> &str;

    /// Where a logical path of an application lies here. Nothing is looked up.
    fn locate(&self, logical: &Path) -> Result<PathBuf, SiteError>;

    /// What is there now: the site itself, and each of `logical` paths.
    fn inventory(&self, logical: &[PathBuf]) -> Result<Inventory, SiteError>;

    /// Runs a command to its end.
    fn run(&self, deed: Deed, command: &Command, around: &Surroundings, cancel: &Cancel)
    -> Result<Finished, SiteError>;

    /// Runs a command that starts a service, and returns once the command has ended. What it leaves running keeps running; its
    /// output goes to a file below the private folder.
    fn start(&self, command: &Command, around: &Surroundings, cancel: &Cancel) -> Result<Finished, SiteError>;

    /// Runs a command that stops a service.
    fn stop(&self, command: &Command, around: &Surroundings, cancel: &Cancel) -> Result<Finished, SiteError>;

    /// Begins a command whose standard output is the dump.
    fn dump(&self, command: &Command, around: &Surroundings, cancel: &Cancel)
    -> Result<Box<dyn DumpStream>, SiteError>;

    /// Begins a command that reads the dump from its standard input.
    fn load(&self, command: &Command, around: &Surroundings, cancel: &Cancel)
    -> Result<Box<dyn LoadStream>, SiteError>;

    /// Asks a check once.
    fn check(&self, check: &Check, around: &Surroundings, cancel: &Cancel) -> Result<(), SiteError>;

    /// Asks a check until it passes or its start period is over; the error is that of the last attempt.
    fn await_healthy(
        &self,
        check: &Check,
        around: &Surroundings,
        clock: &dyn Clock,
        cancel: &Cancel,
    ) -> Result<(), SiteError>;

    /// Carries out a hook of an application, to its end.
    fn hook(&self, hook: &Hook, around: &Surroundings, cancel: &Cancel) -> Result<(), SiteError>;

    /// Brings an application to rest. Something at the site, which outlives us, thaws it when it was frozen for too long or when
    /// we are gone.
    fn freeze(&self, what: &Freeze, cancel: &Cancel) -> Result<Box<dyn Frozen>, SiteError>;

    /// Thaws an application that an earlier freeze left frozen, because all that should have thawed it was lost. The answer is
    /// what failed and may fail; nothing where nothing was left. What still thaws by itself is waited for.
    fn thaw_left(&self, tenant: &str, application: &str, cancel: &Cancel) -> Result<Option<Vec<String>>, SiteError>;

    /// Whether an earlier freeze of an application is written down here that nobody is about to thaw any more. Nothing is
    /// changed, and nobody is waited for.
    fn is_left_frozen(&self, tenant: &str, application: &str) -> Result<bool, SiteError>;

    /// The highest epoch that this site has accepted for an application of a tenant; `None` when it has accepted none.
    fn fence(&self, tenant: &str, application: &str) -> Result<Option<FenceRecord>, SiteError>;

    /// Accepts `epoch` for an application, durably, unless a higher one was accepted before. Whoever is about to have an effect
    /// under an epoch asks this first.
    fn accept(&self, tenant: &str, application: &str, epoch: u64) -> Result<FenceRecord, SiteError>;
}

/// A dump that is being written.
///
/// Reading answers an error instead of an end when the command failed, so that half a dump never passes for a whole one.
/// Dropping it before its end stops the command.
pub trait DumpStream: Read + Send {
    /// Waits for the command's end after the last byte was read.
    fn finish(self: Box<Self>) -> Result<Finished, SiteError>;
}

/// A dump that is being read by the application. Dropping it without `finish` stops the command.
pub trait LoadStream: Write + Send {
    /// Says that this was all, and waits for the command's end.
    fn finish(self: Box<Self>) -> Result<Finished, SiteError>;
}
