//! The main job, told with real programs: a shop is protected, loses its site, and then everything but its vault.
//!
//! Each step holds its own claim against what it finds, and the first that does not hold ends the story.

mod steps;

use std::path::PathBuf;

use crate::error::{Doing as _, Error, Result, claim};
use crate::programs::Programs;
use crate::story::{self, Story};
use crate::world::{self, Stores, World};

/// What the user asked of the demo.
#[derive(Debug, Default, clap::Args)]
pub struct Wish {
    /// Keep the folder, to look around in it afterwards.
    #[arg(long)]
    pub keep: bool,
    /// The folder to do it in, which must be empty or absent; a fresh temporary one if not given.
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Where catalog and vault lie; other stores than directories are started for the demo.
    #[arg(long, value_enum, default_value_t = Stores::Directories)]
    pub stores: Stores,
}

/// Builds the programs and tells the story.
///
/// # Errors
/// A step fails, a claim does not hold, or a person pressed Ctrl-C.
pub fn demo(wish: &Wish) -> Result<()> {
    story::heed_interrupts()?;
    println!("DRAM: a shop is protected, its site burns down, and it comes back elsewhere. Twice.\n");
    let mut story = Story::begin();
    let programs = story.step("Build the programs", |_| Programs::build())?;
    let place = Place::new(wish)?;
    println!("\nEverything happens in {}", place.dir.display());
    let world = World::new(&place.dir, programs, world::SHOP, wish.stores);
    let told = world.and_then(|mut world| steps::tell(&mut story, &mut world));
    if told.is_ok() {
        println!("\n{}", story.table());
    }
    place.leave()?;
    told
}

/// Tells the story in a temporary world with stores of a kind, as a test.
///
/// # Errors
/// Those of [`demo`].
pub fn tell(stores: Stores) -> Result<()> {
    let mut world = World::on(world::SHOP, stores)?;
    steps::tell(&mut Story::begin(), &mut world)
}

/// The folder of the demo.
struct Place {
    dir: PathBuf,
    keep: bool,
}

impl Place {
    fn new(wish: &Wish) -> Result<Place> {
        let dir = match &wish.dir {
            Some(dir) => {
                let is_free = !dir.exists() || std::fs::read_dir(dir).is_ok_and(|mut inside| inside.next().is_none());
                claim("the demo's folder is empty or absent", is_free, || {
                    format!("`{}` is not", dir.display())
                })?;
                std::fs::create_dir_all(dir).doing(|| format!("make `{}`", dir.display()))?;
                // Names of the model must be absolute.
                dir.canonicalize().doing(|| format!("find `{}`", dir.display()))?
            }
            None => {
                let made = tempfile::Builder::new().prefix("dram-demo-").tempdir();
                made.doing(|| "make a temporary folder".to_owned())?.keep()
            }
        };
        Ok(Place { dir, keep: wish.keep })
    }

    fn leave(self) -> Result<()> {
        if self.keep {
            println!("Kept: {}", self.dir.display());
            return Ok(());
        }
        // The shops have been stopped by now: nothing writes below it any more.
        match std::fs::remove_dir_all(&self.dir) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Machine {
                doing: format!("remove `{}`", self.dir.display()),
                source,
            }),
            _ => Ok(()),
        }
    }
}
