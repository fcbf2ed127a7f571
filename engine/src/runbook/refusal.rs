//! Why an action is refused before anything is done.

/// A rule that an action would break. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Two sites could run the application.
    #[error("restoring application `{application}` at site `{target}` takes it over from site `{active}`")]
    NeedsAttestation {
        /// The application.
        application: String,
        /// The site that would take over.
        target: String,
        /// The site that counts as active.
        active: String,
    },
    /// Another engine was faster.
    #[error("the firing of {firing} was served already for application `{application}`")]
    Served {
        /// The application.
        application: String,
        /// The firing.
        firing: jiff::Timestamp,
    },
    /// The run before outlasted the interval.
    #[error("the firing of {firing} of application `{application}` is skipped: the run before it is still at work")]
    Overlap {
        /// The application.
        application: String,
        /// The firing.
        firing: jiff::Timestamp,
    },
    /// A run of the application waits to be resumed.
    #[error("run {run} of application `{application}` is paused")]
    Paused {
        /// The application.
        application: String,
        /// The run.
        run: String,
    },
    /// The site's directory is not there.
    #[error("the directory `{root}` of site `{site}` is not there")]
    SiteAbsent {
        /// The site.
        site: String,
        /// Its root.
        root: String,
    },
    /// What should be captured is not there.
    #[error("component `{component}` names `{path}`, which is not there at site `{site}`")]
    PathAbsent {
        /// The component.
        component: String,
        /// The path on disk.
        path: String,
        /// The site.
        site: String,
    },
    /// The application has points, and a vault of its policy holds no repository of it: it was emptied, is not mounted, or was
    /// away when it was declared.
    #[error(
        "application `{application}` has {points} points, and vault `{vault}` holds no repository of it at `{place}`"
    )]
    VaultEmptied {
        /// The application.
        application: String,
        /// The vault.
        vault: String,
        /// Where its repository should be.
        place: String,
        /// Points that the catalog knows of.
        points: usize,
    },
    /// The data of a component is captured by a method that no driver here has.
    #[error("component `{component}` is captured by `{method}`, which this version of dram does not carry out")]
    NoDriver {
        /// The component.
        component: String,
        /// The method.
        method: &'static str,
    },
    /// There is nothing to protect.
    #[error("application `{application}` has no paths, no devices and no dumps: there is nothing to protect")]
    NothingToProtect {
        /// The application.
        application: String,
    },
    /// There is nowhere to copy to.
    #[error("the policy of application `{application}` names one vault: there is nowhere to copy to")]
    NoCopies {
        /// The application.
        application: String,
    },
    /// A component that does not exist, or that the point does not hold.
    #[error("{what} has no component `{component}`")]
    NoComponent {
        /// The application or point.
        what: String,
        /// The component.
        component: String,
    },
    /// A restore at the site did not come to its end.
    #[error("the restore of application `{application}` at site `{site}` has not come to its end")]
    RestoreUnfinished {
        /// The application.
        application: String,
        /// The site.
        site: String,
    },
    /// A restore would replace data that is in use.
    #[error("restoring application `{application}` at site `{site}`, where it runs, replaces its data")]
    ReplacesLiveData {
        /// The application.
        application: String,
        /// The site.
        site: String,
    },
    /// The point holds a component that the application no longer has.
    #[error("the point holds component `{component}`, which application `{application}` no longer has")]
    PointHoldsMore {
        /// The component.
        component: String,
        /// The application.
        application: String,
    },
    /// The point does not hold all data of a component.
    #[error("the point does not hold the data of component `{component}`")]
    PointHoldsLess {
        /// The component.
        component: String,
    },
    /// A path that the point does not hold.
    #[error("the point does not hold `{path}`")]
    NoPath {
        /// The path.
        path: String,
    },
    /// An item that the point does not hold.
    #[error("the point does not hold an item `{item}`")]
    NoItem {
        /// The item.
        item: String,
        /// Those that it holds.
        items: Vec<String>,
    },
    /// A dump has no place among an application's files.
    #[error("`{item}` is a dump: it has no place among the files of the application")]
    DumpInPlace {
        /// The item.
        item: String,
        /// Its component.
        component: String,
    },
    /// A device is written under a component that was stopped.
    #[error("`{item}` is the image of a device: it is written there when its component was stopped")]
    ImageInPlace {
        /// The item.
        item: String,
        /// Its component.
        component: String,
    },
    /// Nothing of what is restored belongs to somebody.
    #[error("nothing that is restored belongs to {what} `{from}`")]
    NoOwner {
        /// `user` or `group`.
        what: &'static str,
        /// The name or number.
        from: String,
    },
    /// The application's order does not exist.
    #[error("the components wait for each other in a circle: {circle}")]
    Circle {
        /// The names.
        circle: String,
    },
    /// A path has no mapping, and the plan says that this is a reason to refuse.
    #[error("the recovery plan has no mapping for `{path}`")]
    NoMapping {
        /// The path.
        path: String,
    },
    /// Pruning would remove much more than usual.
    #[error("{removed} of {all} points would be removed")]
    PrunesTooMuch {
        /// Points that would go.
        removed: usize,
        /// Points that are there.
        all: usize,
    },
}

impl Refusal {
    /// The way out.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NeedsAttestation { active, .. } => format!(
                "make sure that it no longer runs at `{active}`, and say so with `--attest-source-stopped`; \
                 `--into DIR` writes files only and takes nothing over"
            ),
            Self::Served { application, .. } => {
                format!("nothing is missing; `dram protect {application}` makes a point at any time")
            }
            Self::Overlap { .. } => {
                "if that comes often, state a longer interval in the policy's `schedule`, or more `transfer.bandwidth`"
                    .to_owned()
            }
            Self::Paused { run, .. } => format!("`dram resume {run}` goes on with it, `dram cancel {run}` ends it"),
            Self::SiteAbsent { .. } => {
                "mount or make the directory if the site is alive; if it is lost, restore at another site".to_owned()
            }
            Self::PathAbsent { .. } => {
                "bring the path back, or remove it from the component; an absent path is never captured as empty"
                    .to_owned()
            }
            Self::VaultEmptied { application, .. } => format!(
                "mount what belongs there; if nothing does, or it is lost for good, `dram reconcile --kind Application --name \
                 {application}` makes a new repository"
            ),
            Self::NoDriver { component, .. } => {
                format!("name the other components with `--component`, or say `protect: exclude` of `{component}`")
            }
            Self::NothingToProtect { .. } => "give a component `paths`, a `device` or a `dump`".to_owned(),
            Self::NoCopies { .. } => "name a further vault under `vaults` of the policy".to_owned(),
            Self::NoComponent { .. } => "look at the names with `dram points` and in the model".to_owned(),
            Self::RestoreUnfinished { site, application } => format!(
                "half-restored data must not become the newest point: finish it with `dram restore {application} --to {site}`, or \
                 with `dram resume` where it was interrupted"
            ),
            Self::ReplacesLiveData { .. } => {
                "say so with `--overwrite`, after a look with `--dry-run`; `--into DIR` writes the files elsewhere"
                    .to_owned()
            }
            Self::PointHoldsMore { .. } => {
                "name the components to bring back with `--component`, declare it again as it \
                was, or look at its files with `--into DIR`"
                    .to_owned()
            }
            Self::PointHoldsLess { .. } => "take a point that does, or name the components to bring back with \
                `--component`; what is left out is not started"
                .to_owned(),
            Self::NoPath { .. } => {
                "`dram ls POINT --recursive` lists what it holds; patterns follow the rules of `.gitignore`, \
                seen from `/`, and `\\` before `*`, `?` or `[` takes it as it is"
                    .to_owned()
            }
            Self::NoOwner { .. } => "`dram ls POINT --recursive --json` tells whom everything belongs to".to_owned(),
            Self::NoItem { items, .. } => format!("it holds {}", items.join(", ")),
            Self::DumpInPlace { component, .. } => format!(
                "`--into DIR` writes it there as a file; `--component {component} --overwrite` loads it by the component's own \
                 command, after its files"
            ),
            Self::ImageInPlace { component, .. } => format!(
                "`--into DIR` writes it there as a file; `--component {component} --overwrite` stops the component, writes what \
                 differs, and starts it"
            ),
            Self::Circle { .. } => "remove one `after` of the circle".to_owned(),
            Self::NoMapping { .. } => "add it to `mappings.path.values`, or set `onMissing: keep`".to_owned(),
            Self::PrunesTooMuch { .. } => {
                "look at the list, then run it again with `--acknowledge` if that is what the retention means"
                    .to_owned()
            }
        }
    }
}
