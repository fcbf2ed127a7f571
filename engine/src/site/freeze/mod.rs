//! Freezing: an application is brought to rest for a bounded time.
//!
//! Flow: a process of its own, the *freezer*, writes down what it is about to freeze, carries the hooks before out, freezes file
//! systems, says so, and waits. It thaws when it is told to, when the time is over, and when whoever started it is gone.
//! Guarantees: whatever of the two processes is killed or stopped, the other thaws; if both are, whoever comes next does, by what
//! is written down in `<root>/var/lib/dram/freeze`. All that freezes is begun by the freezer, so that nothing can freeze after
//! it thawed; as long as one lives, no other freezes or thaws the application. Assumes that thawing what is not frozen does nothing.
//! Where files lie on a file system that knows snapshots, the freezer makes some in place of freezing it, and data is read later.

mod freezer;
mod mount;
mod record;
mod snapshot;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::{Cancel, Surroundings};
use super::error::SiteError;
use super::hook::Hook;
use super::{HostSite, Site, process};
use record::Record;

pub use freezer::freezer;
pub use snapshot::{Snapshot, Way};
pub(super) use snapshot::{drop_all, plainly, way};

/// What is to be brought to rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Freeze {
    /// The tenant.
    pub tenant: String,
    /// For whom hooks run.
    pub around: Surroundings,
    /// What is done before, in this order.
    pub before: Vec<Hook>,
    /// What is done after, in this order, whatever happened before.
    pub after: Vec<Hook>,
    /// Logical paths whose file systems are frozen.
    pub paths: Vec<PathBuf>,
    /// Logical paths of devices and disk images: what is mounted of them is frozen.
    pub devices: Vec<PathBuf>,
    /// Snapshots that are made in place of freezing file systems. What is held by them is in none of the paths above.
    pub snapshots: Vec<Snapshot>,
    /// What must go on writing meanwhile, with what it is: the file systems of these are not frozen.
    pub awake: Vec<(&'static str, PathBuf)>,
    /// The longest that it may last.
    pub most: Duration,
}

/// How a freeze ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thawed {
    /// How long it lasted, in milliseconds: from the first hook before to the end of the last one after.
    pub milliseconds: u64,
    /// What ended it.
    pub by: Ending,
    /// What failed and may fail.
    pub failed: Vec<String>,
}

/// What ended a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was asked for.
    Asked,
    /// It lasted too long.
    Deadline,
    /// The freezer was lost, so that nobody would have ended it in time.
    Lost,
}

/// An application at rest. Dropping it lets the application go on.
pub trait Frozen: Send {
    /// Raised when the freeze is over, and by `cancel` of whoever asked for it: what was to be read meanwhile is to stop.
    fn over(&self) -> Cancel;

    /// What failed before and may fail: the application is not at rest in this respect.
    fn failed(&self) -> &[String];

    /// What is held still from outside only: it stems from one moment, and what is in it was not brought to rest.
    fn outside(&self) -> &[String];

    /// Lets it go on, and says how that went.
    ///
    /// # Errors
    /// It may still be frozen.
    fn thaw(self: Box<Self>) -> Result<Thawed, SiteError>;
}

/// What the freezer is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    site: HostSite,
    tenant: String,
    around: Surroundings,
    before: Vec<Hook>,
    after: Vec<Hook>,
    /// Mount points.
    filesystems: Vec<PathBuf>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
    most: Duration,
}

/// What the freezer says.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// The application is at rest.
    Frozen { failed: Vec<String> },
    /// It is not, and what had been done was undone.
    Refused { why: String, help: String },
    /// It was thawed.
    Thawed(Thawed),
    /// It could not be thawed.
    Stuck { why: String, help: String },
}

const THAW: &str = "thaw";
/// The argument that makes the program a freezer.
const FREEZER: &str = "freezer";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that freezes, where this one is not `dram`.
pub fn set_freezer(program: PathBuf) {
    // Whoever names two asks for one of them.
    let _ = PROGRAM.set(program);
}

/// The program that is running, even where its file was replaced meanwhile.
fn program() -> PathBuf {
    PROGRAM
        .get()
        .cloned()
        .unwrap_or_else(|| PathBuf::from("/proc/self/exe"))
}

pub(super) fn begin(site: &HostSite, what: &Freeze, cancel: &Cancel) -> Result<Box<dyn Frozen>, SiteError> {
    site.need_root()?;
    let application = &what.around.application;
    let failed = |why: String| SiteError::Freeze {
        site: site.name().to_owned(),
        application: application.clone(),
        what: "could not be frozen",
        why,
        help: "no point was made; see that the program `dram` can be run here, and try again".to_owned(),
    };
    let still = mount::frozen(site, what)?;
    let order = Order {
        site: site.clone(),
        tenant: what.tenant.clone(),
        around: what.around.clone(),
        before: what.before.clone(),
        after: what.after.clone(),
        filesystems: still.mounts,
        snapshots: what.snapshots.clone(),
        most: what.most,
    };
    // Whoever was killed may have left a freezer that is still about to thaw: it must not thaw what is frozen now.
    let alone = Record::of(&order).alone(cancel)?;
    let text = serde_json::to_string(&order).map_err(|error| failed(error.to_string()))?;
    let mut process = Process::new(program());
    process
        .arg(FREEZER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It says nothing there; it holds the lock by it as long as it lives.
        .stderr(Stdio::from(alone));
    site.withhold_from(&mut process);
    // A test that kills this process at a certain point does not mean that one.
    process.env_remove(dram_storage::crash::VARIABLE);
    // In a group of its own, so that Ctrl-C on a terminal reaches it by us alone.
    let mut child = process::spawn(&mut process).map_err(|error| failed(error.to_string()))?;
    // From here on the lock is the child's alone.
    drop(process);
    let (told, answers) = channel();
    let over = cancel.part();
    if let Some(output) = child.stdout.take() {
        let over = over.clone();
        let listening = std::thread::Builder::new()
            .name("freezer's answers".to_owned())
            .spawn(move || listen(output, &told, &over));
        listening.map_err(|error| failed(error.to_string()))?;
    }
    let mut freezer = Freezer {
        input: child.stdin.take(),
        child,
        answers,
        order,
        over,
        failed: Vec::new(),
        outside: still.outside,
    };
    freezer.say(&text);
    match freezer.answers.recv() {
        Ok(Answer::Frozen { failed }) => {
            freezer.failed = failed;
            Ok(Box::new(freezer))
        }
        Ok(Answer::Refused { why, help } | Answer::Stuck { why, help }) => {
            freezer.end();
            Err(SiteError::Freeze {
                site: site.name().to_owned(),
                application: application.clone(),
                what: "could not be frozen",
                why,
                help,
            })
        }
        // It was over before it had begun, or the freezer was killed: dropping it thaws.
        Ok(Answer::Thawed(_)) => Err(failed(format!("it took longer than {} s", what.most.as_secs_f64()))),
        Err(_) => Err(failed("the process that freezes ended".to_owned())),
    }
}

/// Hears what the freezer says, and raises `over` when the freeze ends by itself.
fn listen(output: impl std::io::Read, told: &Sender<Answer>, over: &Cancel) {
    for line in BufReader::new(output).lines() {
        let Some(answer) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else {
            break;
        };
        if !matches!(answer, Answer::Frozen { .. }) {
            over.cancel();
        }
        if told.send(answer).is_err() {
            break;
        }
    }
    // Its end is the freeze's end, too: nobody holds the application any more.
    over.cancel();
}

/// The other end of a freezer.
struct Freezer {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Answer>,
    order: Order,
    over: Cancel,
    failed: Vec<String>,
    outside: Vec<String>,
}

impl Freezer {
    fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            // If it is gone, its missing answer says so.
            let _ = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// Waits for its end.
    fn end(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }

    fn finish(&mut self) -> Result<Thawed, SiteError> {
        self.say(THAW);
        self.input = None;
        let answer = self.answers.recv();
        self.end();
        match answer {
            Ok(Answer::Thawed(thawed)) => Ok(thawed),
            Ok(Answer::Stuck { why, help }) => Err(self.order.stuck(why, help)),
            // It was killed: what it would have done is done here.
            Ok(Answer::Frozen { .. } | Answer::Refused { .. }) | Err(_) => {
                let failed = freezer::thaw(&self.order)?;
                Record::of(&self.order).remove()?;
                Ok(Thawed {
                    milliseconds: 0,
                    by: Ending::Lost,
                    failed,
                })
            }
        }
    }
}

impl Frozen for Freezer {
    fn over(&self) -> Cancel {
        self.over.clone()
    }

    fn failed(&self) -> &[String] {
        &self.failed
    }

    fn outside(&self) -> &[String] {
        &self.outside
    }

    fn thaw(mut self: Box<Self>) -> Result<Thawed, SiteError> {
        self.finish()
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        if self.input.is_some()
            && let Err(error) = self.finish()
        {
            tracing::error!(%error, "an application may still be frozen");
        }
    }
}

impl Order {
    fn stuck(&self, why: String, help: String) -> SiteError {
        SiteError::Freeze {
            site: self.site.name().to_owned(),
            application: self.around.application.clone(),
            what: "could not be thawed",
            why,
            help,
        }
    }
}

pub(super) fn is_left(site: &HostSite, tenant: &str, application: &str) -> Result<bool, SiteError> {
    Record::named(site, tenant, application)?.is_left()
}

pub(super) fn thaw_left(
    site: &HostSite,
    tenant: &str,
    application: &str,
    cancel: &Cancel,
) -> Result<Option<Vec<String>>, SiteError> {
    let record = Record::named(site, tenant, application)?;
    // A freezer whose engine was killed thaws by itself, and what is read meanwhile would not be at rest.
    let _alone = record.alone_if_known(cancel)?;
    let Some(order) = record.read()? else {
        return Ok(None);
    };
    // The environment of a command is that of whoever runs it now.
    let order = Order {
        site: site.clone(),
        ..order
    };
    let failed = freezer::thaw(&order)?;
    record.remove()?;
    Ok(Some(failed))
}
