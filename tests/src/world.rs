//! One temporary place with two sites, a vault, a catalog, and the example's model written for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::call::Call;
use crate::error::{Doing as _, Result, claim};
use crate::http;
use crate::lab::random_hex;
use crate::programs::{Programs, repository};
use crate::shop::Shop;

/// The example's model.
pub const SHOP: &str = "examples/shop/dram.yaml";

/// Where the example model keeps everything; replaced by the world's own folder.
const EXAMPLE_FOLDER: &str = "/tmp/dram-shop";
/// The port of the example's shop; replaced by a free one.
const EXAMPLE_PORT: &str = "8080";

/// A place where the example lives. Whatever runs in it is killed when the value goes.
#[derive(Debug)]
pub struct World {
    dir: PathBuf,
    port: u16,
    programs: Programs,
    /// Roots that a shop was or may have been started in.
    roots: Vec<PathBuf>,
    /// Removed last, when nothing runs in it any more.
    temporary: Option<TempDir>,
}

impl World {
    /// A world in a temporary folder, with the programs as they are built now and a model of the repository.
    ///
    /// # Errors
    /// The programs do not compile, or the folder cannot be written.
    pub fn temporary(model: &str) -> Result<World> {
        let folder = tempfile::Builder::new().prefix("dram-test-").tempdir();
        let folder = folder.doing(|| "make a temporary folder".to_owned())?;
        let mut world = World::new(folder.path(), Programs::built()?, model)?;
        world.temporary = Some(folder);
        Ok(world)
    }

    /// A world in an existing, empty folder: a model of the repository written for it, its password file and its
    /// sites' folders.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(dir: impl Into<PathBuf>, programs: Programs, model: &str) -> Result<World> {
        let (dir, port) = (dir.into(), http::free_port()?);
        let mut world = World {
            dir,
            port,
            programs,
            roots: Vec::new(),
            temporary: None,
        };
        world.roots = ["office", "branch"].map(|site| world.dir.join(site)).to_vec();
        for root in &world.roots {
            std::fs::create_dir_all(root).doing(|| format!("make `{}`", root.display()))?;
        }
        write_secret(&world.key(), &random_hex(16)?)?;
        let text = world.rewritten(&read(&repository().join(model))?);
        write(&world.model(), &text)?;
        Ok(world)
    }

    /// The password of the vault.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn password(&self) -> Result<String> {
        read(&self.key())
    }

    /// Changes the model: each first text becomes its second one, and must be there.
    ///
    /// # Errors
    /// A text is not there, or the file cannot be written.
    pub fn change_model(&self, changes: &[(&str, &str)]) -> Result<()> {
        let mut text = read(&self.model())?;
        for (from, to) in changes {
            claim(format!("the model says `{from}`"), text.contains(from), || text.clone())?;
            text = text.replace(from, to);
        }
        write(&self.model(), &text)
    }

    /// Makes the catalog and declares the model in it.
    ///
    /// # Errors
    /// The engine refuses.
    pub fn declare(&self) -> Result<()> {
        self.dram().args(["catalog", "init"]).ok()?;
        self.dram().arg("apply").arg(self.model()).ok().map(drop)
    }

    /// The points that are offered for an application, oldest first.
    ///
    /// # Errors
    /// The engine refuses, or does not answer in JSON.
    pub fn points(&self, application: &str) -> Result<Vec<String>> {
        let text = self.dram().args(["points", application, "--json"]).text()?;
        let mut points = Vec::new();
        for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let document = document
                .map_err(std::io::Error::from)
                .doing(|| format!("read the points in {text}"))?;
            collect_points(&document, &mut points);
        }
        points.sort();
        points.dedup();
        Ok(points)
    }

    /// A text of the example with this world's folder and port in it.
    pub fn rewritten(&self, text: &str) -> String {
        let here = self.dir.to_string_lossy();
        text.replace(EXAMPLE_FOLDER, &here)
            .replace(EXAMPLE_PORT, &self.port.to_string())
    }

    /// The folder that holds everything.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The model's file.
    pub fn model(&self) -> PathBuf {
        self.dir.join("dram.yaml")
    }

    /// The file with the vault's password.
    pub fn key(&self) -> PathBuf {
        self.dir.join("vault.key")
    }

    /// The vault's folder.
    pub fn vault(&self) -> PathBuf {
        self.dir.join("vault")
    }

    /// The catalog's folder.
    pub fn catalog(&self) -> PathBuf {
        self.dir.join("catalog")
    }

    /// The catalog's address.
    pub fn catalog_url(&self) -> String {
        format!("file://{}", self.catalog().display())
    }

    /// The options that name the vault and its key to a command which is to know nothing else.
    pub fn vault_options(&self) -> [OsString; 4] {
        [
            "--vault".into(),
            self.vault().into(),
            "--password-file".into(),
            self.key().into(),
        ]
    }

    /// The restic repository of an application of the default tenant.
    pub fn repository(&self, application: &str) -> PathBuf {
        self.vault().join("default").join(application)
    }

    /// The shop at a place below the world's folder, most often a site's name. It is killed when the world goes.
    pub fn shop(&mut self, place: &str) -> Shop {
        let root = self.dir.join(place);
        if !self.roots.contains(&root) {
            self.roots.push(root.clone());
        }
        Shop::at(root, self.port)
    }

    /// The programs.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// A call of the compiler in the world's folder.
    pub fn dramc(&self) -> Call {
        self.programs.dramc().dir(&self.dir)
    }

    /// A call of the engine in the world's folder, with the world's catalog.
    pub fn dram(&self) -> Call {
        self.programs
            .dram()
            .dir(&self.dir)
            .env("DRAM_CATALOG", self.catalog_url())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for root in &self.roots {
            // Nothing more can be done here; a shop that survives its kill is reported by whoever waits for the port.
            let _ = Shop::at(root, self.port).kill();
        }
    }
}

/// Reads a text file.
///
/// # Errors
/// It cannot be read as UTF-8.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).doing(|| format!("read `{}`", path.display()))
}

/// Writes a text file, and its folders.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
    }
    std::fs::write(path, text).doing(|| format!("write `{}`", path.display()))
}

fn collect_points(value: &Value, points: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect_points(value, points)),
        Value::Object(fields) => {
            points.extend(fields.get("point").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect_points(value, points));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let open = || {
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    };
    open()
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .doing(|| format!("write `{}`", path.display()))
}
