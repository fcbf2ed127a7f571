//! A world that can be had anew: paths stand in the catalog, so every copy takes the place of the one before.

use std::path::{Path, PathBuf};

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result};
use dram_tests::lab::clock::Clock;
use dram_tests::programs::Programs;
use dram_tests::world::{self, Raw, Stores, World};
use tempfile::TempDir;

use super::key;
use super::walk::is_long;

const MODEL: &str = "tests/models/crashes.yaml";
/// Worlds in memory wait for no disk.
const MEMORY: &str = "/dev/shm";
/// How long a file of the shop is: several are read and written in more than one block.
const LARGE: usize = 1 << 20;
/// And where there is time for more.
const LARGER: usize = 24 << 20;
/// The application.
pub(crate) const SHOP: &str = "shop";

/// A world and what it was when it was kept.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    stores: Stores,
    kept: PathBuf,
    /// Removed last.
    folder: TempDir,
}

/// A vault of a world.
pub(crate) struct Vault {
    /// Its name in the model.
    pub(crate) name: &'static str,
    /// How it is named to a command that knows nothing else.
    pub(crate) address: String,
    /// Its objects.
    pub(crate) raw: Raw,
}

impl Vault {
    /// Whether it has a repository of the shop.
    pub(crate) fn is_used(&self) -> Result<bool> {
        Ok(!self.raw.list(&World::folder_of(SHOP))?.is_empty())
    }
}

impl Place {
    /// A world with the shop's data, its model changed and not declared. Its second vault is a directory in any case.
    pub(crate) fn new(clock: Clock, stores: Stores, changes: &[(&str, &str)]) -> Result<Place> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("dram-crash-");
        let folder = match Path::new(MEMORY).is_dir() {
            true => builder.tempdir_in(MEMORY),
            false => builder.tempdir(),
        };
        let folder = folder.doing(|| "make a temporary folder".to_owned())?;
        let dir = folder.path().join("world");
        let world = World::new(&dir, Programs::built()?, MODEL, stores)?;
        world.change_model(changes)?;
        for made in ["vault", "far", "tmp"] {
            let made = dir.join(made);
            std::fs::create_dir_all(&made).doing(|| format!("make `{}`", made.display()))?;
        }
        let place = Place {
            world,
            clock,
            stores,
            kept: folder.path().join("kept"),
            folder,
        };
        place.fill(1)?;
        Ok(place)
    }

    /// Writes the shop's data of a generation.
    pub(crate) fn fill(&self, generation: u64) -> Result<()> {
        let office = self.dir().join("office");
        let large = dram_tests::chance::Chance::of(generation).noise(if is_long() { LARGER } else { LARGE });
        world::write(&office.join("srv/a"), &format!("a {generation}\n"))?;
        world::write(&office.join("srv/inner/b"), "always the same\n")?;
        world::write(&office.join(format!("srv/inner/new-{generation}")), "new\n")?;
        world::write(&office.join("etc/shop.conf"), &format!("generation = {generation}\n"))?;
        world::write(&office.join("db/rows"), &format!("row of {generation}\n"))?;
        world::write(&office.join("state/running"), "")?;
        let file = office.join("srv/large");
        std::fs::write(&file, large).doing(|| format!("write `{}`", file.display()))
    }

    /// The vaults.
    pub(crate) fn vaults(&self) -> [Vault; 2] {
        let far = self.dir().join("far");
        [
            Vault {
                name: "nas",
                address: self.world.vault_address(),
                raw: self.world.raw_vault(),
            },
            Vault {
                name: "far",
                address: far.display().to_string(),
                raw: Raw::Directory(far),
            },
        ]
    }

    /// Makes every key in the vaults cheap.
    pub(crate) fn cheapen(&self) -> Result<()> {
        let password = self.world.password()?;
        let cheapen = |vault: Vault| key::cheapen(&vault.raw, &World::folder_of(SHOP), &password);
        self.vaults().into_iter().try_for_each(cheapen)
    }

    /// The world's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.world.dir()
    }

    /// Whether its stores take requests of another day.
    pub(crate) fn may_shift(&self) -> bool {
        self.stores == Stores::Directories
    }

    /// A file beside the world, which outlives its copies.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keeps the world as it is now.
    pub(crate) fn keep(&self) -> Result<()> {
        for vault in ["vault", "far"] {
            // Whoever writes makes what is missing, and each copy has so many folders less to make.
            let data = self.dir().join(vault).join(World::folder_of(SHOP)).join("data");
            for folder in std::fs::read_dir(&data).into_iter().flatten().flatten() {
                // One that is not empty stays.
                let _ = std::fs::remove_dir(folder.path());
            }
        }
        for (bucket, kept) in self.buckets() {
            for (name, _) in bucket.list("")? {
                let file = kept.join(&name);
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
                }
                std::fs::write(&file, bucket.read(&name)?).doing(|| format!("keep `{name}`"))?;
            }
        }
        copy(self.dir(), &self.kept)
    }

    /// Puts the world back to what was kept.
    pub(crate) fn renew(&self) -> Result<()> {
        std::fs::remove_dir_all(self.dir()).doing(|| "remove the world".to_owned())?;
        for (bucket, kept) in self.buckets() {
            let kept = Raw::Directory(kept);
            let wanted = kept.list("")?;
            let is_kept = |name: &str| wanted.iter().any(|(kept, _)| kept == name);
            for (name, _) in bucket.list("")?.into_iter().filter(|(name, _)| !is_kept(name)) {
                bucket.remove(&name)?;
            }
            for (name, _) in &wanted {
                bucket.write(name, &kept.read(name)?)?;
            }
        }
        copy(&self.kept, self.dir())
    }

    /// What of the world lies in buckets, and where it is kept.
    fn buckets(&self) -> Vec<(Raw, PathBuf)> {
        if self.stores == Stores::Directories {
            return Vec::new();
        }
        let vault = (self.world.raw_vault(), self.beside("bucket-of-vault"));
        let catalog = self
            .world
            .raw_catalog()
            .map(|raw| (raw, self.beside("bucket-of-catalog")));
        std::iter::once(vault).chain(catalog).collect()
    }

    /// A call of the engine, whose temporary files lie in the world.
    pub(crate) fn dram(&self) -> Call {
        self.world.dram().env("TMPDIR", self.dir().join("tmp"))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    Call::new("cp").arg("-a").arg("--").arg(from).arg(to).ok().map(drop)
}
