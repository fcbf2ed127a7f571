//! Runs as an operator meets them: what freezes, what is killed, what is told to wait or to end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod control;
mod device;
mod filesystem;
mod forecast;
mod hooks;
mod kills;
mod snapshots;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dram_catalog::{Catalog, CatalogUrl};
use dram_compiler::check::check;
use dram_compiler::source::Sources;
use dram_engine::engine::{Apply, Engine, Pick, PointRow, ProtectRequest, RestoreRequest, Watch, Where};
use dram_engine::error::Error;
use dram_engine::run::{Event, Observer, Quiet};
use dram_engine::site::set_freezer;
use dram_engine::vault::{Cancel, Class};

/// The program under test.
const DRAM: &str = env!("CARGO_BIN_EXE_dram");

/// A shop below a folder: `office` is its site's root, `vault` its vault.
struct World {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl World {
    /// One whose policy and application say this; `{log}` is a file that hooks write to.
    fn new(policy: &str, application: &str) -> Self {
        set_freezer(PathBuf::from(DRAM));
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        for made in ["office/srv", "vault"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        fs::write(folder.path().join("office/srv/a"), "one").unwrap();
        fs::write(folder.path().join("key"), "key\n").unwrap();
        let url = format!("file://{at}/catalog");
        Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
        let engine = Engine::open(&url, "default", "ann@desk").unwrap();
        let world = Self { folder, engine };
        world.declare(policy, application);
        world
    }

    /// Declares another policy and application in the place of what is declared.
    fn declare(&self, policy: &str, application: &str) {
        let at = self.folder.path().display().to_string();
        let model = include_str!("model.yaml")
            .replace("{at}", &at)
            .replace("{policy}", policy)
            .replace("{application}", application)
            .replace("{log}", &format!("{at}/log"));
        let mut sources = Sources::new();
        sources.add("model.yaml".to_owned(), model);
        let checked = check(&sources);
        let model = checked.model.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let what = Apply {
            model: &model,
            take_over: false,
            prune: false,
            dry_run: false,
        };
        self.engine.apply(&what).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the hooks wrote.
    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn protect(&self, observer: &dyn Observer, cancel: &Cancel) -> Result<String, Error> {
        let request = ProtectRequest {
            firing: None,
            application: "shop".to_owned(),
            components: Vec::new(),
            class: Class::Manual,
            dry_run: false,
        };
        let watch = Watch {
            observer,
            cancel: cancel.clone(),
        };
        self.engine.protect(&request, &watch).map(|runbook| runbook.point)
    }

    fn points(&self) -> Vec<PointRow> {
        self.engine.points("shop", None, None).unwrap()
    }

    /// A restore of the newest point in its own place.
    fn in_place(&self, overwrite: bool) -> RestoreRequest {
        RestoreRequest {
            application: "shop".to_owned(),
            point: Pick::Latest,
            from: None,
            as_of: None,
            to: Where::Active,
            components: Vec::new(),
            paths: Vec::new(),
            items: Vec::new(),
            owners: Default::default(),
            overwrite,
            attested: None,
        }
    }

    /// Restores the newest point into a new folder.
    fn look(&self, into: &str) -> PathBuf {
        let into = self.path(into);
        let request = RestoreRequest {
            to: Where::Directory(into.clone()),
            ..self.in_place(false)
        };
        let watch = Watch {
            observer: &Quiet,
            cancel: Cancel::new(),
        };
        self.engine.restore(&request, &watch).unwrap();
        into
    }

    /// The program with the catalog of this world.
    fn dram(&self, words: &[&str]) -> Command {
        let mut command = Command::new(DRAM);
        command
            .env("DRAM_CATALOG", format!("file://{}", self.path("catalog").display()))
            .env_remove("DRAM_SPOOL")
            .args(words);
        command
    }

    /// The record of a freeze that nobody thawed.
    fn is_marked_frozen(&self) -> bool {
        self.path("office/var/lib/dram/freeze/default/shop.json").exists()
    }

    /// What waits to be moved.
    fn spooled(&self) -> Vec<PathBuf> {
        let folder = self.path("office/var/lib/dram/spool/default/shop");
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Waits until something is so, which other processes bring about; fails after a minute.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Calls a function for each event.
struct Tell<F>(F);

impl<F: Fn(&Event) + Send + Sync> Observer for Tell<F> {
    fn event(&self, event: &Event) {
        (self.0)(event);
    }
}

/// Bytes that nothing compresses.
fn noise(path: &Path, bytes: usize) {
    let mut state = 1_u64;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(bytes)
    .collect();
    fs::write(path, content).unwrap();
}
