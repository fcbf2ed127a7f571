//! The driver for directories of this machine.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::command::{Action, Cancel, Command, Finished, Surroundings};
use super::device;
use super::error::{CommandFailure, Deed, SiteError};
use super::fence::{self, FenceRecord};
use super::freeze::{self, Freeze, Frozen, Way};
use super::health::{self, Check, Probe};
use super::hook::{self, Hook};
use super::mapping::{PathMappings, below};
use super::process::{self, LastWords, Watched};
use super::shell::Shell;
use super::stream::{Dump, Load, Origin};
use super::{DumpStream, LoadStream, Site};
use crate::inventory::{Inventory, PathState, Presence};

/// Where this driver keeps what is its own, as a logical path. It is never captured and never restored.
const PRIVATE: &str = "/var/lib/dram";

/// A directory of this machine that holds an application as `/` would.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostSite {
    name: String,
    root: PathBuf,
    mappings: PathMappings,
    withheld: Vec<String>,
}

impl HostSite {
    /// The site `name` (empty where it has none) below the directory `root`; a relative one begins in the directory in which
    /// this program runs. Nothing is looked up.
    pub fn new(name: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // Commands run in the root, where a relative path would mean another place.
        let root = std::path::absolute(&root).unwrap_or(root);
        HostSite {
            name: name.into(),
            root,
            mappings: PathMappings::none(),
            withheld: Vec::new(),
        }
    }

    /// The same site as a target whose plan maps paths.
    #[must_use]
    pub fn with_mappings(mut self, mappings: PathMappings) -> Self {
        self.mappings = mappings;
        self
    }

    /// The same site, whose commands do not see these variables of our environment: those that hold secrets of ours.
    #[must_use]
    pub fn withholding(mut self, variables: impl IntoIterator<Item = String>) -> Self {
        self.withheld.extend(variables);
        self
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the root if it is not there.
    pub fn prepare_root(&self) -> Result<(), SiteError> {
        fs::create_dir_all(&self.root).map_err(|source| self.file_error("create", &self.root, source))
    }

    /// The folder that holds what is this driver's own: fence records, what services print. Captures leave it out.
    pub fn private(&self) -> PathBuf {
        below(&self.root, Path::new(PRIVATE)).unwrap_or_else(|_| self.root.join("var/lib/dram"))
    }

    pub(super) fn file_error(&self, action: &'static str, path: &Path, source: io::Error) -> SiteError {
        SiteError::File {
            site: self.name.clone(),
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    fn origin(&self, deed: Deed, around: &Surroundings) -> Origin {
        let component = if around.component.is_empty() {
            &around.application
        } else {
            &around.component
        };
        Origin {
            site: self.name.clone(),
            component: component.clone(),
            deed,
        }
    }

    /// An error unless the root is there. Whatever writes below the root asks first: a root that vanished is not made anew.
    pub(super) fn need_root(&self) -> Result<(), SiteError> {
        match fs::metadata(&self.root) {
            Ok(meta) if meta.is_dir() => Ok(()),
            Ok(_) => Err(SiteError::NoRoot {
                site: self.name.clone(),
                root: self.root.clone(),
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(SiteError::NoRoot {
                    site: self.name.clone(),
                    root: self.root.clone(),
                })
            }
            Err(error) => Err(self.file_error("look at", &self.root, error)),
        }
    }

    /// The process of a command, without streams.
    fn process(&self, command: &Command, around: &Surroundings) -> Result<Process, SiteError> {
        self.need_root()?;
        let argv = match &command.action {
            Action::Run(argv) => argv.clone(),
            Action::Shell(text) => Shell::of_this_machine().argv(text),
        };
        let mut words = argv.into_iter();
        // A command without words names no program; starting it fails as any program does that is not there.
        let mut process = Process::new(words.next().unwrap_or_default());
        process.args(words);
        process.current_dir(match &command.dir {
            Some(dir) if command.on_engine => dir.clone(),
            Some(dir) => self.locate(dir)?,
            None if command.on_engine => PathBuf::from("/"),
            None => self.root.clone(),
        });
        self.withhold_from(&mut process);
        process
            .env("DRAM_ROOT", &self.root)
            .env("DRAM_SITE", &self.name)
            .env("DRAM_APPLICATION", &around.application)
            .env("DRAM_COMPONENT", &around.component)
            .env("DRAM_RUN", &around.run);
        Ok(process)
    }

    /// Keeps from a process what commands do not see.
    pub(super) fn withhold_from(&self, process: &mut Process) {
        for variable in &self.withheld {
            process.env_remove(variable);
        }
    }

    /// Fails where a device or disk image is in use: nobody writes over it then. What is not there is used by nobody.
    ///
    /// # Errors
    /// Who uses it, in words; it cannot be looked at.
    pub fn need_idle(&self, place: &Path) -> Result<(), SiteError> {
        let looked = |error| self.file_error("look at", place, error);
        let uses = match device::uses(place) {
            Ok(uses) => {
                let mut told = uses.told();
                if device::is_locked(place).map_err(looked)? {
                    told.push("locked by the program that has it open".to_owned());
                }
                told
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(looked(error)),
        };
        match uses.is_empty() {
            true => Ok(()),
            false => Err(SiteError::InUse {
                site: self.name.clone(),
                device: place.to_owned(),
                by: uses.join(", "),
            }),
        }
    }

    /// How the files at these logical paths can be held for a freeze.
    ///
    /// # Errors
    /// One cannot be looked at.
    pub fn way(&self, what: &Freeze, read: &[PathBuf]) -> Result<Way, SiteError> {
        freeze::way(self, what, read)
    }

    /// Where a logical path lies, with no links above its last name.
    ///
    /// # Errors
    /// The folder that it lies in is not there.
    pub fn plainly(&self, logical: &Path) -> Result<PathBuf, SiteError> {
        freeze::plainly(self, logical)
    }

    /// Removes the snapshots that were made for an application; the answer is how many there were.
    ///
    /// # Errors
    /// One cannot be removed: it is tried again with the next run.
    pub fn drop_snapshots(&self, tenant: &str, application: &str) -> Result<usize, SiteError> {
        freeze::drop_all(self, tenant, application)
    }

    /// Starts a process that is to be watched.
    fn spawn(&self, process: &mut Process, origin: &Origin) -> Result<Child, SiteError> {
        process::spawn(process).map_err(|error| origin.failed(CommandFailure::NotRun(error.into()), String::new()))
    }

    /// Where a service's output goes.
    fn service_log(&self, around: &Surroundings) -> Result<(PathBuf, fs::File), SiteError> {
        let folder = self.private().join("service").join(fence::plain(&around.application)?);
        fs::create_dir_all(&folder).map_err(|source| self.file_error("create", &folder, source))?;
        let path = folder.join(format!("{}.log", fence::plain(&around.component)?));
        // Services of earlier starts may still write: appending keeps their words from tearing holes.
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_len(0).map(|()| file))
            .map_err(|source| self.file_error("write", &path, source))?;
        Ok((path, file))
    }
}

/// The other end of a child's stream that was asked for.
fn piped<T>(pipe: Option<T>) -> io::Result<T> {
    pipe.ok_or_else(|| io::Error::other("the stream was not opened"))
}

impl Site for HostSite {
    fn name(&self) -> &str {
        &self.name
    }

    fn locate(&self, logical: &Path) -> Result<PathBuf, SiteError> {
        below(&self.root, &self.mappings.map(logical)?)
    }

    fn inventory(&self, logical: &[PathBuf]) -> Result<Inventory, SiteError> {
        let root = match fs::metadata(&self.root) {
            Ok(meta) if meta.is_dir() => Presence::Known,
            Ok(_) => Presence::Unknown("it is not a directory".to_owned()),
            Err(error) => presence_of(&error),
        };
        let mut paths = Vec::with_capacity(logical.len());
        for path in logical {
            let physical = self.locate(path)?;
            let presence = match (&root, fs::symlink_metadata(&physical)) {
                (Presence::Unknown(why), _) => Presence::Unknown(format!("the site's root: {why}")),
                (_, Ok(_)) => Presence::Known,
                (_, Err(error)) => presence_of(&error),
            };
            paths.push(PathState {
                logical: path.clone(),
                physical,
                presence,
            });
        }
        Ok(Inventory { root, paths })
    }

    fn run(
        &self,
        deed: Deed,
        command: &Command,
        around: &Surroundings,
        cancel: &Cancel,
    ) -> Result<Finished, SiteError> {
        let origin = self.origin(deed, around);
        let broken = |error: io::Error| origin.failed(CommandFailure::Pipe(error.into()), String::new());
        let mut process = self.process(command, around)?;
        // Both streams say why something failed, in the order in which it was said.
        let (reader, writer) = io::pipe().map_err(broken)?;
        process
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(broken)?)
            .stderr(writer);
        let words = LastWords::of(reader).map_err(broken)?;
        let child = self.spawn(&mut process, &origin)?;
        // Our own ends of the pipe go, or its end would never come.
        drop(process);
        let watched = Watched::new(child, command.timeout, cancel, false).map_err(broken)?;
        let ended = watched.wait();
        let said = words.heard();
        match ended {
            Ok(took) => Ok(Finished { took, said }),
            Err(failure) => Err(origin.failed(failure, said)),
        }
    }

    fn start(&self, command: &Command, around: &Surroundings, cancel: &Cancel) -> Result<Finished, SiteError> {
        let origin = self.origin(Deed::Start, around);
        let mut process = self.process(command, around)?;
        let (path, mut log) = self.service_log(around)?;
        let output = |log: &fs::File| {
            log.try_clone()
                .map_err(|source| self.file_error("write", &path, source))
        };
        // A file rather than a pipe: the service lives longer than we do.
        process.stdin(Stdio::null()).stdout(output(&log)?).stderr(output(&log)?);
        let child = self.spawn(&mut process, &origin)?;
        let watched = Watched::new(child, command.timeout, cancel, false)
            .map_err(|error| origin.failed(CommandFailure::Pipe(error.into()), String::new()))?;
        let ended = watched.wait();
        let said = tail(&mut log).unwrap_or_default();
        match ended {
            Ok(took) => Ok(Finished { took, said }),
            Err(failure) => Err(origin.failed(failure, said)),
        }
    }

    fn stop(&self, command: &Command, around: &Surroundings, cancel: &Cancel) -> Result<Finished, SiteError> {
        self.run(Deed::Stop, command, around, cancel)
    }

    fn dump(
        &self,
        command: &Command,
        around: &Surroundings,
        cancel: &Cancel,
    ) -> Result<Box<dyn DumpStream>, SiteError> {
        let origin = self.origin(Deed::Dump, around);
        let broken = |error: io::Error| origin.failed(CommandFailure::Pipe(error.into()), String::new());
        let mut process = self.process(command, around)?;
        process
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.spawn(&mut process, &origin)?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        // The watcher owns the child from here on, so whatever fails now ends it.
        let watched = Some(Watched::new(child, command.timeout, cancel, true).map_err(broken)?);
        let output = piped(output).map_err(broken)?;
        let words = piped(errors).and_then(LastWords::of).map_err(broken)?;
        Ok(Box::new(Dump {
            watched,
            output,
            words,
            origin,
            end: None,
        }))
    }

    fn load(
        &self,
        command: &Command,
        around: &Surroundings,
        cancel: &Cancel,
    ) -> Result<Box<dyn LoadStream>, SiteError> {
        let origin = self.origin(Deed::Load, around);
        let broken = |error: io::Error| origin.failed(CommandFailure::Pipe(error.into()), String::new());
        let mut process = self.process(command, around)?;
        let (reader, writer) = io::pipe().map_err(broken)?;
        process
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().map_err(broken)?)
            .stderr(writer);
        let words = LastWords::of(reader).map_err(broken)?;
        let mut child = self.spawn(&mut process, &origin)?;
        drop(process);
        let input = child.stdin.take();
        let watched = Watched::new(child, command.timeout, cancel, true).map_err(broken)?;
        let input = Some(piped(input).map_err(broken)?);
        Ok(Box::new(Load {
            watched,
            input,
            words,
            origin,
            closed_early: false,
        }))
    }

    fn check(&self, check: &Check, around: &Surroundings, cancel: &Cancel) -> Result<(), SiteError> {
        match &check.probe {
            Probe::Exec(command) => {
                let timeout = command.timeout.min(check.timeout);
                let command = Command {
                    timeout,
                    ..command.clone()
                };
                self.run(Deed::Health, &command, around, cancel).map(|_| ())
            }
            Probe::Tcp(address) => health::connect(address, check.timeout).map_err(|failure| SiteError::Unhealthy {
                site: self.name.clone(),
                component: self.origin(Deed::Health, around).component,
                failure: Box::new(failure),
                asked_for: Duration::ZERO,
            }),
            Probe::Http(http) => {
                let values = health::Values {
                    site: &self.name,
                    application: &around.application,
                    component: &around.component,
                    run: &around.run,
                };
                health::ask(http, check.timeout, &values).map_err(|failure| SiteError::Unhealthy {
                    site: self.name.clone(),
                    component: self.origin(Deed::Health, around).component,
                    failure: Box::new(failure),
                    asked_for: Duration::ZERO,
                })
            }
        }
    }

    fn await_healthy(
        &self,
        check: &Check,
        around: &Surroundings,
        clock: &dyn Clock,
        cancel: &Cancel,
    ) -> Result<(), SiteError> {
        health::poll(check.start_period, clock, cancel, || self.check(check, around, cancel)).map_err(|unhealthy| {
            match unhealthy {
                Some(error) => error,
                None => SiteError::Canceled {
                    site: self.name.clone(),
                    component: self.origin(Deed::Health, around).component,
                },
            }
        })
    }

    fn hook(&self, hook: &Hook, around: &Surroundings, cancel: &Cancel) -> Result<(), SiteError> {
        hook::carry_out(self, hook, around, cancel)
    }

    fn freeze(&self, what: &Freeze, cancel: &Cancel) -> Result<Box<dyn Frozen>, SiteError> {
        freeze::begin(self, what, cancel)
    }

    fn is_left_frozen(&self, tenant: &str, application: &str) -> Result<bool, SiteError> {
        freeze::is_left(self, tenant, application)
    }

    fn thaw_left(&self, tenant: &str, application: &str, cancel: &Cancel) -> Result<Option<Vec<String>>, SiteError> {
        freeze::thaw_left(self, tenant, application, cancel)
    }

    fn fence(&self, tenant: &str, application: &str) -> Result<Option<FenceRecord>, SiteError> {
        self.need_root()?;
        fence::read(&self.name, &self.private(), tenant, application)
    }

    fn accept(&self, tenant: &str, application: &str, epoch: u64) -> Result<FenceRecord, SiteError> {
        self.need_root()?;
        fence::accept(&self.name, &self.private(), tenant, application, epoch)
    }
}

fn presence_of(error: &io::Error) -> Presence {
    match error.kind() {
        // A file where a folder would have to be: nothing can be below it.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Presence::Absent,
        _ => Presence::Unknown(error.to_string()),
    }
}

/// The last lines of a file.
fn tail(file: &mut fs::File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(8192)))?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(8192).read_to_end(&mut bytes)?;
    Ok(process::last_lines(&bytes))
}

#[cfg(test)]
mod tests;
