//! The programs of the product, built and found.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::call::Call;
use crate::error::{Doing as _, Error, Result};

/// Names the folder of programs that are built already.
pub const FOLDER: &str = "DRAM_PROGRAMS";

/// How variables begin that cargo sets for the one package whose program it runs.
const OF_ONE_PACKAGE: [&str; 4] = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"];

/// The folder that the programs were built into.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// Cargo, as it runs this program or as it is on the `PATH`, in the repository.
///
/// It does not see what the cargo around this program told it about its own package: build scripts that look at such
/// variables would run again, and everything above them be compiled again, each time a build begins elsewhere.
pub fn cargo() -> Call {
    let call = Call::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).dir(repository());
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| OF_ONE_PACKAGE.iter().any(|begin| name.starts_with(begin)))
        .fold(call, |call, name| call.without_env(&name))
}

impl Programs {
    /// The programs, of the profile that this process was built with. The first call builds them, unless
    /// `DRAM_PROGRAMS` names a folder that holds them.
    ///
    /// # Errors
    /// They do not compile.
    pub fn built() -> Result<Programs> {
        static BUILT: OnceLock<Programs> = OnceLock::new();
        if let Some(programs) = BUILT.get() {
            return Ok(programs.clone());
        }
        let programs = match std::env::var_os(FOLDER) {
            Some(folder) => Programs { folder: folder.into() },
            None => Programs::build()?,
        };
        Ok(BUILT.get_or_init(|| programs).clone())
    }

    /// Builds the programs with the profile that this process was built with; cargo's own words are shown.
    ///
    /// # Errors
    /// They do not compile.
    pub fn build() -> Result<Programs> {
        let folder = own_folder()?;
        let call = cargo().args(["build", "--workspace", "--locked"]);
        let call = if folder.file_name().is_some_and(|name| name == "release") {
            call.args(["--bins", "--release"])
        } else {
            // Everything at once, tests included: another choice of crates would give shared dependencies other features,
            // and compile them again.
            call.arg("--all-targets")
        };
        let line = call.line();
        let status = call.start()?.wait().doing(|| format!("wait for `{line}`"))?;
        if !status.success() {
            let output = "the compiler's words stand above".to_owned();
            return Err(Error::Program {
                line,
                status,
                expected: "exit code 0".to_owned(),
                output,
            });
        }
        Ok(Programs { folder })
    }

    /// The folder they lie in, for the `PATH` of others.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The compiler.
    pub fn dramc(&self) -> Call {
        Call::new(self.folder.join("dramc"))
    }

    /// The engine.
    pub fn dram(&self) -> Call {
        Call::new(self.folder.join("dram"))
    }

    /// The file of the provider.
    pub fn provider(&self) -> PathBuf {
        self.folder.join("terraform-provider-dram")
    }
}

/// Where cargo put this process's profile: tests lie one folder deeper.
fn own_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().doing(|| "find this program's own file".to_owned())?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    Ok(if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    }
    .to_owned())
}
