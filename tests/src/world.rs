//! One temporary place with two sites, a vault, a catalog, and the example's model written for it.

mod placement;
mod raw;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::call::Call;
use crate::error::{Doing as _, Result, claim};
use crate::http;
use crate::lab::restic::Restic;
use crate::lab::{random_hex, skip};
use crate::programs::{Programs, repository};
use crate::shop::Shop;
use placement::Placement;

pub use placement::{Login, Stores, Wish};
pub use raw::Raw;

/// The example's model.
pub const SHOP: &str = "examples/shop/dram.yaml";

/// A model of one folder of files and two sites.
pub const FILES: &str = "tests/models/files.yaml";

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
    placement: Placement,
    /// Removed last, when nothing runs in it any more.
    temporary: Option<TempDir>,
}

impl World {
    /// A world in a temporary folder, with the programs as they are built now and a model of the repository.
    ///
    /// # Errors
    /// The programs do not compile, or the folder cannot be written.
    pub fn temporary(model: &str) -> Result<World> {
        World::on(model, Stores::Directories)
    }

    /// A world in a temporary folder with catalog and vault in stores of a kind.
    ///
    /// # Errors
    /// Those of [`World::temporary`]; the lab that has the stores cannot be had.
    pub fn on(model: &str, wish: impl Into<Wish>) -> Result<World> {
        let folder = tempfile::Builder::new().prefix("dram-test-").tempdir();
        let folder = folder.doing(|| "make a temporary folder".to_owned())?;
        let mut world = World::new(folder.path(), Programs::built()?, model, wish)?;
        world.temporary = Some(folder);
        Ok(world)
    }

    /// A world of one folder of files, declared, with one point that holds the file `notes` with `first` in it.
    ///
    /// # Errors
    /// Those of [`World::on`]; the engine refuses.
    pub fn protected(wish: impl Into<Wish>) -> Result<World> {
        let world = World::on(FILES, wish)?;
        write(&world.dir().join("office/data/notes"), "first\n")?;
        world.declare()?;
        world.dram().args(["protect", "files"]).ok()?;
        Ok(world)
    }

    /// A world in an existing, empty folder: a model of the repository written for it, its password file and its
    /// sites' folders.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(dir: impl Into<PathBuf>, programs: Programs, model: &str, wish: impl Into<Wish>) -> Result<World> {
        let (dir, port) = (dir.into(), http::free_port()?);
        let placement = Placement::make(wish.into(), &dir)?;
        let mut world = World {
            dir,
            port,
            programs,
            roots: Vec::new(),
            placement,
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
        offered(self.dram().args(["points", application]))
    }

    /// A text of the example with this world's folder and port in it.
    pub fn rewritten(&self, text: &str) -> String {
        let here = self.dir.to_string_lossy();
        let text = text
            .replace(EXAMPLE_FOLDER, &here)
            .replace(EXAMPLE_PORT, &self.port.to_string());
        self.placement.rewritten(&text, &self.dir)
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

    /// The vault's folder, in a world of directories.
    pub fn vault(&self) -> PathBuf {
        self.dir.join("vault")
    }

    /// The catalog's address.
    pub fn catalog_url(&self) -> String {
        self.placement.catalog_url()
    }

    /// The vault as it is named to a command that knows nothing else.
    pub fn vault_address(&self) -> String {
        self.placement.vault_address()
    }

    /// The options that name the vault and its key to a command which is to know nothing else.
    pub fn vault_options(&self) -> [OsString; 4] {
        [
            "--vault".into(),
            self.vault_address().into(),
            "--password-file".into(),
            self.key().into(),
        ]
    }

    /// Loses the catalog for good.
    ///
    /// # Errors
    /// Its store refuses.
    pub fn lose_catalog(&self) -> Result<()> {
        self.placement.lose_catalog()
    }

    /// Makes again what a catalog needs around it before `catalog init`, such as an empty bucket.
    ///
    /// # Errors
    /// Its store refuses.
    pub fn prepare_catalog(&self) -> Result<()> {
        self.placement.prepare_catalog()
    }

    /// The vault's objects, behind everybody's back.
    pub fn raw_vault(&self) -> Raw {
        self.placement.raw_vault()
    }

    /// The catalog's objects, behind everybody's back; nothing where they lie in a database.
    pub fn raw_catalog(&self) -> Option<Raw> {
        self.placement.raw_catalog()
    }

    /// Everything that the catalog holds, as its store's keeper sees it.
    ///
    /// # Errors
    /// Its store refuses.
    pub fn catalog_bytes(&self) -> Result<Vec<u8>> {
        self.placement.catalog_bytes()
    }

    /// Everything that the vault holds, as its store's keeper sees it. For small vaults.
    ///
    /// # Errors
    /// Its store refuses.
    pub fn vault_bytes(&self) -> Result<Vec<u8>> {
        self.raw_vault().all()
    }

    /// The bucket of the vault, or its container, where there is one.
    pub fn vault_bucket(&self) -> Option<&str> {
        self.placement.vault_bucket()
    }

    /// The folder of an application of the default tenant inside the vault.
    pub fn folder_of(application: &str) -> String {
        format!("default/{application}")
    }

    /// A call of stock restic on the repository of an application of the default tenant.
    pub fn restic(&self, restic: &Restic, application: &str) -> Call {
        self.placement
            .restic(restic, &World::folder_of(application), &self.key())
    }

    /// A call of stock restic on the vault's place itself.
    pub fn restic_itself(&self, restic: &Restic) -> Call {
        self.placement.restic(restic, "", &self.key())
    }

    /// Stock restic reads all of an application's repository and finds nothing wrong.
    ///
    /// # Errors
    /// It finds something.
    pub fn check_with_restic(&self, restic: &Restic, application: &str) -> Result<()> {
        let checked = self.restic(restic, application).args(["check", "--read-data"]).ok()?;
        claim(
            "restic finds no error",
            checked.both().contains("no errors were found"),
            || checked.both(),
        )
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
        let call = self.programs.dram().dir(&self.dir);
        self.in_environment(call).env("DRAM_CATALOG", self.catalog_url())
    }

    /// A call of the engine in the world's folder that knows of no catalog.
    pub fn dram_alone(&self) -> Call {
        let call = self.programs.dram().dir(&self.dir);
        self.in_environment(call).without_env("DRAM_CATALOG")
    }

    /// A call with the credentials for the world's stores in its environment.
    pub fn in_environment(&self, call: Call) -> Call {
        let add = |call: Call, (name, value): (&str, String)| call.env(name, value);
        // Copies of a world's vault go with the world.
        let call = call.env("DRAM_CACHE", self.dir.join("cache"));
        self.environment().into_iter().fold(call, add)
    }

    /// The credentials for the world's stores, as variables of the environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.placement.environment()
    }

    /// What must stand nowhere but where a program gets it from to use the world's stores.
    pub fn secrets(&self) -> Vec<String> {
        self.placement.secrets()
    }
}

/// The points that a call of `dram points` says are offered, oldest first.
///
/// # Errors
/// The engine refuses, or does not answer in JSON.
pub fn offered(points: Call) -> Result<Vec<String>> {
    Ok(offered_among(&json(points)?))
}

/// Those of the rows of `dram points --json` that are offered, oldest first.
pub fn offered_among(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().into_iter().flatten();
    let offered = rows.filter(|row| row.get("offered").and_then(Value::as_bool) == Some(true));
    let mut points: Vec<String> = offered
        .filter_map(|row| row.get("point")?.as_str().map(str::to_owned))
        .collect();
    points.sort();
    points
}

/// What a call of `dram` answers with `--json`.
///
/// # Errors
/// The engine refuses, or does not answer in JSON.
pub fn json(call: Call) -> Result<Value> {
    let text = call.arg("--json").text()?;
    serde_json::from_str(&text)
        .map_err(std::io::Error::from)
        .doing(|| format!("read the answer {text}"))
}

/// The stores of a test, or nothing if this machine cannot have them; then it is skipped with the reason.
///
/// # Errors
/// Nothing may be skipped.
pub fn stores_for(test: &str, stores: Stores) -> Result<Option<Stores>> {
    if stores == Stores::Directories {
        return Ok(Some(stores));
    }
    let lab = skip(test, crate::lab::store::Store::at_hand())?;
    Ok(lab.map(|_| stores))
}

/// Runs the same tests, functions of [`Stores`], over every kind of stores.
#[macro_export]
macro_rules! over_stores {
    ($($test:ident),* $(,)?) => {
        $crate::over_stores!(@ directories, Directories, $($test),*);
        $crate::over_stores_of_the_lab!($($test),*);
    };
    (@ $module:ident, $stores:ident, $($test:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $test() -> dram_tests::Result<()> {
                    let name = concat!(stringify!($module), "::", stringify!($test));
                    match dram_tests::world::stores_for(name, dram_tests::world::Stores::$stores)? {
                        Some(stores) => super::$test(stores),
                        None => Ok(()),
                    }
                }
            )*
        }
    };
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

/// Like [`over_stores!`], for what directories cannot show.
#[macro_export]
macro_rules! over_stores_of_the_lab {
    ($($test:ident),* $(,)?) => {
        $crate::over_stores!(@ s3, S3, $($test),*);
        $crate::over_stores!(@ postgres_and_swift, PostgresAndSwift, $($test),*);
    };
}
