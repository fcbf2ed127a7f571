//! What is done at a moment of a run beside moving data.

use super::Health;
use dram_fields::{Duration, Fields, LogicalPath, Name};

/// Something that is done at a moment of a run: it quiesces the application before its data is read, tells others, or waits.
/// Hooks of one moment are carried out in the order in which they are written.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Hook {
    /// The moment.
    pub at: Moment,
    /// Where it is carried out. Without it: for its `component`, else for the site.
    pub on: Option<Place>,
    /// The component that it is about. A hook before the freeze that names none quiesces the whole application.
    pub component: Option<Name>,
    /// What it does.
    #[field(one_of)]
    pub deed: HookDeed,
    /// Directory in which its command runs, as the application sees it. Without it: the site's root.
    pub dir: Option<LogicalPath>,
    /// The container in which its command runs. Without it: the first of the pod.
    pub container: Option<String>,
    /// In which pods of its component the command runs. Without it: the first one that is ready.
    pub pod: Option<Pods>,
    /// How long it may take. After that it is ended, and counts as failed. Of a `wait` it is the time of one attempt at most.
    #[field(default = Duration::seconds(30))]
    pub timeout: Duration,
    /// What its failure means.
    #[field(default = OnError::Fail)]
    pub on_error: OnError,
}

/// A moment of a run.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before data is read for a point: the application is quiesced. It stays so for `objectives.maxFreeze` at most.
    BeforeFreeze,
    /// When the data was read, or it took too long, or the engine was lost: the application goes on. Thawing what is not frozen
    /// must do nothing.
    AfterThaw,
    /// Before the files of its `component` are written back, or those of all.
    BeforeRestore,
    /// When the files of its `component` were written back and its dump was loaded, or all were.
    AfterRestore,
    /// Before its `component` is started, or anything is.
    BeforeStart,
    /// When its `component` is healthy, or all are.
    AfterStart,
    /// Before users are led to the site.
    BeforeTraffic,
    /// When they were.
    AfterTraffic,
    /// When a drill is over, beside what is removed anyway.
    DrillCleanup,
}

/// In which pods of a component a command runs.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pods {
    /// In the first one that is ready.
    FirstReady,
    /// In all that are ready, one after another.
    All,
}

/// Where a hook is carried out.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the site, for its `component`.
    Component,
    /// At the site, for the application.
    Site,
    /// Where the engine runs: in the machine's root folder.
    Engine,
}

/// What a hook does.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum HookDeed {
    /// Runs a program with its arguments, passed as they are: nothing is expanded or rewritten.
    #[field(min = 1)]
    Run(Vec<String>),
    /// Runs a text for the shell, with `pipefail` where the shell has it.
    Shell(String),
    /// Sends a request over HTTP.
    Http(HookRequest),
    /// Scales workloads of Kubernetes. What they had before is remembered, and comes back when the moment is over.
    Scale(Scale),
    /// Waits until a check passes.
    Wait(Health),
}

/// How workloads are scaled.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Scale {
    /// The workload, `deployment/web`. Without it: all of the hook's component.
    pub workload: Option<String>,
    /// To so many.
    pub replicas: u32,
}

/// A request over HTTP and the answer that counts as done.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct HookRequest {
    /// The address, `http://` or `https://`.
    pub url: String,
    /// The method.
    #[field(default = HttpMethod::Post)]
    pub method: HttpMethod,
    /// What is sent, as text. `${DRAM_SITE}`, `${DRAM_APPLICATION}`, `${DRAM_COMPONENT}` and `${DRAM_RUN}` stand for their
    /// values. Not with `get`.
    pub body: Option<String>,
    /// The status that must be answered. Without it: any from 200 to 299.
    pub status: Option<u32>,
}

/// A method of HTTP.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
}

/// What the failure of a hook means.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The run fails.
    Fail,
    /// The run goes on, and says what failed. A point is no more consistent than without the hook.
    Continue,
}

/// Components whose data must stem from one moment.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ConsistencyGroup {
    /// Its name, unique in the application.
    pub name: Name,
    /// The components.
    #[field(min = 2)]
    pub members: Vec<Name>,
}
