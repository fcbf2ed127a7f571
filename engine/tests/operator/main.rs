//! Vaults, and further ones, as an operator meets them: two directories here, any two stores elsewhere.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod anomaly;
mod asked;
mod calendar;
mod copies;
mod kit;
mod marks;
mod parts;
mod serve;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dram_catalog::record::lease::{Holder, Lease};
use dram_catalog::{Catalog, CatalogUrl, LeaseName, SystemChance};
use dram_compiler::check::check;
use dram_compiler::model::KindName;
use dram_compiler::source::Sources;
use dram_engine::engine::{
    Answer, Apply, DiffCounts, DiffRequest, Engine, Level, MarkRequest, Pick, Preview, ProtectRequest, PruneReport,
    PruneRequest, RestoreRequest, Serve, Source, Told, Watch, Where,
};
use dram_engine::error::Error;
use dram_engine::exit::Exit;
use dram_engine::run::Quiet;
use dram_engine::runbook::Refusal;
use dram_engine::vault::{Cancel, Class, OwnerRule, Owners, Statement};
use jiff::{SignedDuration, Timestamp};

/// A site with one file and two vaults; `policy` says the rest, objectives and schedule where they matter.
fn world(folder: &Path, policy: &str) -> Engine {
    let at = folder.display();
    fs::create_dir_all(folder.join("office/srv")).unwrap();
    for vault in ["near", "far"] {
        fs::create_dir(folder.join(vault)).unwrap();
    }
    fs::write(folder.join("office/srv/a"), "one").unwrap();
    fs::write(folder.join("key"), "key\n").unwrap();
    fs::write(folder.join("far-key"), "another\n").unwrap();
    let url = format!("file://{at}/catalog");
    Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
    let engine = Engine::open(&url, "default", "ann@desk").unwrap();
    declare(&engine, folder, policy);
    engine
}

/// Declares the world of a folder, with this policy.
fn declare(engine: &Engine, folder: &Path, policy: &str) {
    let at = folder.display();
    let hourly = "objectives: { rpo: 75m }\n  schedule: [{ every: 1h }]\n  ";
    let hourly = if policy.contains("schedule:") { "" } else { hourly };
    let text = format!(
        "\
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: {{ name: office }}
spec: {{ host: {{ root: {at}/office }}, failureDomain: office }}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {{ name: near }}
spec: {{ directory: {{ path: {at}/near }}, failureDomain: near, password: {{ file: {at}/key }} }}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {{ name: far }}
spec: {{ directory: {{ path: {at}/far }}, failureDomain: far, password: {{ file: {at}/far-key }} }}
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: {{ name: hourly }}
spec:
  {hourly}{policy}
---
apiVersion: dram.dev/v1
kind: Application
metadata: {{ name: shop }}
spec: {{ site: office, policy: hourly, components: [{{ name: web, host: {{ paths: [/srv] }} }}] }}
"
    );
    let mut sources = Sources::new();
    sources.add("model.yaml".to_owned(), text);
    let checked = check(&sources);
    let model = checked.model.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let what = Apply {
        model: &model,
        take_over: false,
        prune: false,
        dry_run: false,
    };
    engine.apply(&what).unwrap();
}

fn watch() -> Watch<'static> {
    Watch {
        observer: &Quiet,
        cancel: Cancel::new(),
    }
}

fn protect(engine: &Engine) -> Result<String, Error> {
    let request = ProtectRequest {
        firing: None,
        application: "shop".to_owned(),
        components: Vec::new(),
        class: Class::Scheduled,
        dry_run: false,
    };
    engine.protect(&request, &watch()).map(|runbook| runbook.point)
}

fn fire(engine: &Engine, firing: Timestamp) -> Result<String, Error> {
    let request = ProtectRequest {
        application: "shop".to_owned(),
        components: Vec::new(),
        class: Class::Scheduled,
        dry_run: false,
        firing: Some(firing),
    };
    engine.protect(&request, &watch()).map(|runbook| runbook.point)
}

/// Prunes every vault, as its retention says.
fn prune(engine: &Engine) -> Vec<PruneReport> {
    let request = PruneRequest {
        application: "shop".to_owned(),
        vault: None,
        dry_run: false,
        acknowledged: false,
        discard: Vec::new(),
    };
    engine.prune(&request, &watch()).unwrap()
}

fn points(engine: &Engine, vault: &str) -> Vec<String> {
    let rows = engine.points("shop", Some(vault), None).unwrap();
    assert!(rows.iter().all(|row| row.offered));
    rows.into_iter().map(|row| row.point).collect()
}

fn look(engine: &Engine, from: &str, into: &Path) -> Result<(), Error> {
    let request = RestoreRequest {
        application: "shop".to_owned(),
        point: Pick::Latest,
        from: Some(from.to_owned()),
        as_of: None,
        to: Where::Directory(into.to_owned()),
        components: Vec::new(),
        items: Vec::new(),
        paths: Vec::new(),
        owners: Owners::default(),
        overwrite: false,
        attested: None,
    };
    engine.restore(&request, &watch()).map(drop)
}
