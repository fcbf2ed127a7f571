//! A world that can be had anew: paths stand in the catalog, so every copy takes the place of the one before.

use std::path::{Path, PathBuf};

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result};
use dram_tests::lab::clock::Clock;
use dram_tests::programs::Programs;
use dram_tests::world::{self, Stores, World};
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
    kept: PathBuf,
    /// Removed last.
    folder: TempDir,
}

impl Place {
    /// A world with the shop's data, its model changed and not declared.
    pub(crate) fn new(clock: Clock, changes: &[(&str, &str)]) -> Result<Place> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("dram-crash-");
        let folder = match Path::new(MEMORY).is_dir() {
            true => builder.tempdir_in(MEMORY),
            false => builder.tempdir(),
        };
        let folder = folder.doing(|| "make a temporary folder".to_owned())?;
        let dir = folder.path().join("world");
        let world = World::new(&dir, Programs::built()?, MODEL, Stores::Directories)?;
        world.change_model(changes)?;
        for made in ["vault", "far", "tmp"] {
            let made = dir.join(made);
            std::fs::create_dir_all(&made).doing(|| format!("make `{}`", made.display()))?;
        }
        let place = Place {
            world,
            clock,
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

    /// Makes every key in the vaults cheap.
    pub(crate) fn cheapen(&self) -> Result<()> {
        for vault in ["vault", "far"] {
            let repository = self.dir().join(vault).join(World::folder_of(SHOP));
            if repository.join("keys").is_dir() {
                key::cheapen(&repository, &self.world.password()?)?;
            }
        }
        Ok(())
    }

    /// The world's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.world.dir()
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
        copy(self.dir(), &self.kept)
    }

    /// Puts the world back to what was kept.
    pub(crate) fn renew(&self) -> Result<()> {
        std::fs::remove_dir_all(self.dir()).doing(|| "remove the world".to_owned())?;
        copy(&self.kept, self.dir())
    }

    /// A call of the engine, whose temporary files lie in the world.
    pub(crate) fn dram(&self) -> Call {
        self.world.dram().env("TMPDIR", self.dir().join("tmp"))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    Call::new("cp").arg("-a").arg("--").arg(from).arg(to).ok().map(drop)
}
