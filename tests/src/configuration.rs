//! A folder of Terraform's files, compiled from a world's model, and the host that works in it.

use std::path::{Path, PathBuf};

use crate::call::{Call, Done};
use crate::error::Result;
use crate::lab::terraform::Host;
use crate::world::World;

/// A compiled configuration, its state, and how to call the host in it.
#[derive(Debug)]
pub struct Configuration {
    host: Host,
    dir: PathBuf,
    command_line: PathBuf,
    /// The program that the provider starts as its engine.
    engine: PathBuf,
    /// The credentials for the world's stores.
    environment: Vec<(&'static str, String)>,
}

impl Configuration {
    /// Where the compiler writes a world's configuration.
    pub fn folder(world: &World) -> PathBuf {
        world.dir().join("terraform")
    }

    /// The world's configuration, which is compiled already, for a host that finds our provider and no other.
    ///
    /// # Errors
    /// The provider cannot be put where the host looks.
    pub fn of(world: &World, host: Host) -> Result<Configuration> {
        let command_line = host.install(&world.programs().provider(), &world.dir().join("lab"))?;
        let engine = world.programs().folder().join("dram");
        Ok(Configuration {
            host,
            dir: Configuration::folder(world),
            command_line,
            engine,
            environment: world.environment(),
        })
    }

    /// Compiles the world's model, and initialises the configuration.
    ///
    /// # Errors
    /// The model has errors, or `init` fails.
    pub fn compiled(world: &World, host: Host) -> Result<Configuration> {
        let build = world
            .dramc()
            .args(["build", "--target", "terraform", "-o"])
            .arg(Configuration::folder(world));
        build.arg(world.model()).ok()?;
        let configuration = Configuration::of(world, host)?;
        configuration.call("init").ok()?;
        Ok(configuration)
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The folder with the files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A call of the host, without colours; our engine stands by for what an apply asks of it.
    pub fn call(&self, verb: &str) -> Call {
        let call = self
            .host
            .call(&self.dir, &self.command_line)
            .env("TF_VAR_engine", &self.engine);
        let add = |call: Call, (name, value): &(&str, String)| call.env(name, value);
        let call = self.environment.iter().fold(call, add);
        call.env("TF_CLI_ARGS", "-no-color").arg(verb)
    }

    /// Applies without a question.
    ///
    /// # Errors
    /// The apply fails.
    pub fn apply(&self) -> Result<Done> {
        self.call("apply").arg("-auto-approve").ok()
    }

    /// A plan that tells by its exit code whether there is something to do: 0 no, 2 yes, 1 an error.
    pub fn plan(&self) -> Call {
        self.call("plan").arg("-detailed-exitcode")
    }
}
