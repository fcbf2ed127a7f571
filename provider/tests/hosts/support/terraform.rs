//! Real Terraform, in a directory of its own, with the provider that was just built.

use std::path::{Path, PathBuf};
use std::process::Command;

use dram_catalog::{Catalog, CatalogUrl, Name};
use dram_compiler::model::{Declaration, KindName};

/// The program, if there is one.
fn terraform() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("terraform"))
        .find(|file| file.is_file())
}

/// Whether the test at work is skipped, because there is no Terraform.
pub(crate) fn is_missing() -> bool {
    let is_missing = terraform().is_none();
    if is_missing {
        dram_skips::skip("there is no `terraform` on the PATH");
    }
    is_missing
}

/// A root module with a catalog beside it.
pub(crate) struct Module {
    folder: tempfile::TempDir,
}

/// What a command said.
pub(crate) struct Said {
    text: String,
    code: i32,
}

impl Module {
    pub(crate) fn new(resources: &str) -> Self {
        let module = Module {
            folder: tempfile::tempdir().unwrap(),
        };
        let root = module.folder.path();
        let rc = format!(
            "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n",
            root.join("mirror")
        );
        std::fs::write(root.join("terraformrc"), rc).unwrap();
        std::fs::create_dir(root.join("module")).unwrap();
        std::fs::create_dir(root.join("catalog")).unwrap();
        Catalog::init(&module.url()).unwrap();
        module.provider(&format!("provider \"dram\" {{\n  catalog = \"{}\"\n}}\n", module.url()));
        module.install();
        module.write(resources);
        module.run(&["init", "-no-color"]).success();
        module
    }

    /// Puts the program into the mirror, under the host that this Terraform or OpenTofu takes when a source names none.
    fn install(&self) {
        let required = self.run(&["providers"]).success();
        let address = required
            .text
            .split(['[', ']'])
            .find(|text| text.ends_with("/dram-dev/dram"))
            .unwrap()
            .to_owned();
        let platform = if cfg!(target_arch = "aarch64") {
            "linux_arm64"
        } else {
            "linux_amd64"
        };
        let folder = self
            .folder
            .path()
            .join("mirror")
            .join(address)
            .join(env!("CARGO_PKG_VERSION"))
            .join(platform);
        std::fs::create_dir_all(&folder).unwrap();
        let built = env!("CARGO_BIN_EXE_terraform-provider-dram");
        let program = folder.join("terraform-provider-dram");
        std::fs::hard_link(built, &program)
            .or_else(|_| std::fs::copy(built, &program).map(drop))
            .unwrap();
    }

    /// Where the catalog lies.
    pub(crate) fn catalog(&self) -> PathBuf {
        self.folder.path().join("catalog")
    }

    fn url(&self) -> CatalogUrl {
        format!("file://{}", self.catalog().display()).parse().unwrap()
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("module")
    }

    /// Writes the resources anew.
    pub(crate) fn write(&self, resources: &str) {
        std::fs::write(self.module().join("main.tf"), resources).unwrap();
    }

    /// Writes a file beside the configuration.
    pub(crate) fn beside(&self, name: &str, text: &str) {
        std::fs::write(self.module().join(name), text).unwrap();
    }

    /// Puts the files of another module in the place of its own; what that needs is `catalog`.
    pub(crate) fn replace_by(&self, folder: &Path) {
        std::fs::remove_file(self.module().join("provider.tf")).unwrap();
        for file in ["main.tf", "variables.tf", "outputs.tf", "versions.tf"] {
            std::fs::copy(folder.join(file), self.module().join(file)).unwrap();
        }
        self.run(&["init", "-no-color"]).success();
    }

    /// The address of its catalog as a variable.
    pub(crate) fn catalog_variable(&self) -> String {
        format!("-var=catalog={}", self.url())
    }

    /// Writes the provider block anew.
    pub(crate) fn provider(&self, block: &str) {
        let text = format!(
            "terraform {{\n  required_providers {{\n    dram = {{\n      source = \"dram-dev/dram\"\n    }}\n  }}\n}}\n\n{block}\n"
        );
        std::fs::write(self.module().join("provider.tf"), text).unwrap();
    }

    /// Configures an engine.
    pub(crate) fn engine(&self, program: &str) {
        self.provider(&format!(
            "provider \"dram\" {{\n  catalog = \"{}\"\n  engine {{\n    exec = \"{program}\"\n  }}\n}}",
            self.url()
        ));
    }

    /// Writes a shell script and gives its path.
    pub(crate) fn program(&self, name: &str, script: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.folder.path().join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file.display().to_string()
    }

    /// Reads a file of the module.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.module().join(name)).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output = Command::new(terraform().unwrap())
            .args(arguments)
            .current_dir(self.module())
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("terraformrc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env_remove("DRAM_CATALOG")
            .env_remove("DRAM_TENANT")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        Said {
            text,
            code: output.status.code().unwrap_or(-1),
        }
    }

    fn opened(&self) -> Catalog {
        Catalog::open(&self.url(), &Name::tenant("default").unwrap()).unwrap()
    }

    /// Somebody withdraws the recovery plan.
    pub(crate) fn withdraw_plan(&self) {
        let catalog = self.opened();
        let standing = catalog.declared(KindName::RecoveryPlan, "shop").unwrap().unwrap();
        catalog
            .withdraw(KindName::RecoveryPlan, "shop", &standing.manager, Some(standing.number))
            .unwrap();
    }

    /// The application as it stands in the catalog.
    pub(crate) fn application(&self) -> serde_json::Value {
        let standing = self.opened().declared(KindName::Application, "shop").unwrap().unwrap();
        standing.declaration.to_json()
    }

    /// Somebody changes the policy in the name of its manager.
    pub(crate) fn change_policy(&self) {
        let catalog = self.opened();
        let standing = catalog.declared(KindName::ProtectionPolicy, "hourly").unwrap().unwrap();
        let json = serde_json::from_str(super::shop::POLICY).unwrap();
        let declaration = Declaration::from_json(&json).unwrap();
        catalog
            .declare(&declaration, &standing.manager, Some(standing.number), false)
            .unwrap();
    }
}

impl Said {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }

    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    pub(crate) fn failure(self) -> Self {
        self.code(1)
    }

    /// Looks for a text, wherever the host has broken its lines.
    pub(crate) fn says(&self, text: &str) -> &Self {
        let plain = |text: &str| {
            text.replace(['│', '╷', '╵'], " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(
            plain(&self.text).contains(&plain(text)),
            "{text:?} is not in:\n{}",
            self.text
        );
        self
    }
}
