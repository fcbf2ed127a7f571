//! The provider under real Terraform: validate, plan, apply, import, destroy, through a mirror in a directory.
//!
//! Skipped, in words, where there is no `terraform` on the PATH; in CI, where nothing is skipped, a failure.

use crate::support::shop::{POLICY, SHOP, STORES};
use crate::support::terraform::{Module, is_missing};

macro_rules! need_terraform {
    () => {
        if is_missing() {
            return;
        }
    };
}

#[test]
fn a_configuration_is_applied_and_stays_as_it_is() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["validate", "-no-color"]).success();

    let plan = module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(2);
    // What is proved is known before anything exists.
    plan.says("verdict                = \"met\"")
        .says("worst_case_rpo_seconds")
        .says("Plan: 6 to add");
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("6 added");
    module
        .run(&["plan", "-no-color", "-detailed-exitcode"])
        .code(0)
        .says("No changes");

    // Another spelling of the same is no change, and neither is a format that means the same.
    module.write(&SHOP.replace("\"75m\"", "\"4500s\"").replace("\"1h\"", "\"60m\""));
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);

    // A change of the policy alone is one change.
    module.write(&SHOP.replace("daily = 14", "daily = 7"));
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("0 added, 1 changed, 0 destroyed");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn what_is_imported_needs_no_change() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    let resources = [
        ("dram_recovery_site.office", "office"),
        ("dram_recovery_site.branch", "branch"),
        ("dram_vault.nas", "nas"),
        ("dram_protection_policy.hourly", "hourly"),
        ("dram_application.shop", "shop"),
        ("dram_recovery_plan.shop", "shop"),
    ];
    for (address, name) in resources {
        module.run(&["state", "rm", address]).success();
        module.run(&["import", "-no-color", address, name]).success();
    }
    module
        .run(&["plan", "-no-color", "-detailed-exitcode"])
        .code(0)
        .says("No changes");
    // The manager is the same as before, so that the next change is accepted.
    module.write(&SHOP.replace("daily = 14", "daily = 7"));
    module.run(&["apply", "-no-color", "-auto-approve"]).success();

    module.run(&["state", "rm", "dram_vault.nas"]).success();
    module
        .run(&["import", "-no-color", "dram_vault.nas", "nowhere"])
        .failure()
        .says("vault `nowhere` does not exist");
    module
        .run(&["import", "-no-color", "dram_vault.nas", "No Name"])
        .failure()
        .says("is not the name of a vault");
    // Creating what exists is refused in the plan, with the way out.
    module
        .run(&["plan", "-no-color"])
        .failure()
        .says("vault `nas` exists already")
        .says("terraform import dram_vault");
}

#[test]
fn vaults_in_stores_stay_as_they_are() {
    need_terraform!();
    let module = Module::new(STORES);
    let quiet = || {
        module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
        module
            .run(&["plan", "-no-color", "-detailed-exitcode", "-refresh=false"])
            .code(0);
    };
    module.run(&["validate", "-no-color"]).success();
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("3 added");
    quiet();
    // Another spelling of the same.
    let other = STORES
        .replace("\"7d\"", "\"1w\"")
        .replace("\"24h\"", "\"1d\"")
        .replace("\"2Ti\"", "\"2048Gi\"")
        .replace("\"8Mi/s\"", "\"8192Ki/s\"")
        .replace("objects.example\"", "objects.example/\"");
    module.write(&other);
    quiet();
    module.write(STORES);
    quiet();
    for name in [
        "dram_vault.bucket",
        "dram_vault.container",
        "dram_protection_policy.hourly",
    ] {
        let (_, id) = name.split_once('.').unwrap();
        module.run(&["state", "rm", name]).success();
        module.run(&["import", "-no-color", name, id]).success();
    }
    // Whether it is protected from deletion is not in the record: an import is careful.
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    quiet();
    // A change of the lock alone is one change, in place.
    module.write(&STORES.replace("\"governance\"", "\"compliance\""));
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("0 added, 1 changed, 0 destroyed");
    quiet();
    // Rules between fields are said at the field.
    module.write(&STORES.replace("  capacity            = \"2Ti\"\n", ""));
    module
        .run(&["validate", "-no-color"])
        .failure()
        .says("`warn_at` is a part of `capacity`");
    module.write(&STORES.replace("parallel  = 8", "parallel  = 65"));
    module
        .run(&["validate", "-no-color"])
        .failure()
        .says("expected a whole number from 1 to 64");
    module.write(&STORES.replace("https://objects", "https://key:hunter2@objects"));
    let said = module.run(&["validate", "-no-color"]).failure();
    said.says("It is about `s3.endpoint`");
    assert!(!said.text().contains("hunter2"), "{}", said.text());
    module.write(STORES);
    module
        .run(&["destroy", "-no-color", "-auto-approve"])
        .success()
        .says("3 destroyed");
}

#[test]
fn an_objective_that_cannot_hold_is_refused_at_its_line() {
    need_terraform!();
    let module = Module::new(&SHOP.replace("\"75m\"", "\"5m\""));
    let plan = module.run(&["plan", "-no-color"]).failure();
    plan.says("policy `hourly` may lose the changes of 1h")
        .says("rpo = \"5m\"")
        .says("in resource \"dram_protection_policy\" \"hourly\"");
    assert!(!module.catalog().join("t").exists(), "something was declared");

    // The site is too slow for what the application changes: that is said at the application.
    let module = Module::new(&SHOP.replacen("\"12Mi/s\"", "\"20Ki/s\"", 1));
    let plan = module.run(&["plan", "-no-color"]).failure();
    plan.says("application `shop` may lose the changes of")
        .says("policy = dram_protection_policy.hourly.name");

    // Recovery takes too long at the target.
    let module = Module::new(&SHOP.replace("rto = \"30m\"", "rto = \"2m\""));
    let plan = module.run(&["plan", "-no-color"]).failure();
    plan.says("may take").says("site = dram_recovery_site.branch.name");
}

#[test]
fn every_mistake_is_shown_at_its_line_at_once() {
    need_terraform!();
    let module = Module::new(
        r#"
resource "dram_protection_policy" "p" {
  name = "Not A Name"
  objectives {
    rpo = "75min"
  }
  schedule {
    every = "soon"
  }
  vault {
    name = "nas"
  }
}

resource "dram_vault" "v" {
  name           = "v"
  failure_domain = "here"
  directory {
    path = "relative/path"
  }
  password {
    env  = "A"
    file = "/b"
  }
}

resource "dram_recovery_site" "s" {
  name           = "s"
  failure_domain = "here"
}
"#,
    );
    let output = module.run(&["validate", "-no-color"]).failure();
    output
        .says("`75min` is not a duration")
        .says("rpo = \"75min\"")
        .says("every = \"soon\"")
        .says("name = \"Not A Name\"")
        .says("path = \"relative/path\"")
        .says("`env` and `file` exclude each other")
        .says("RecoverySite needs one of `host`, `kubernetes`, `openstack` or `driver`");
}

#[test]
fn what_is_protected_is_destroyed_only_after_it_is_released() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    let refused = module.run(&["destroy", "-no-color", "-auto-approve"]).failure();
    refused
        .says("application `shop` is protected from deletion")
        .says("deletion_protection = false");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
    // Another name would be another object.
    module.write(&SHOP.replace("name           = \"nas\"", "name           = \"other\""));
    module
        .run(&["plan", "-no-color"])
        .failure()
        .says("vault `nas` is protected from deletion");

    module.write(&SHOP.replace("# protection", "deletion_protection = false\n"));
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("2 changed");
    module
        .run(&["destroy", "-no-color", "-auto-approve"])
        .success()
        .says("6 destroyed");
    module
        .run(&["plan", "-no-color", "-detailed-exitcode"])
        .code(2)
        .says("Plan: 6 to add");
}

#[test]
fn a_catalog_that_cannot_be_asked_is_an_error_and_never_gone() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    let away = module.catalog().with_extension("away");
    std::fs::rename(module.catalog(), &away).unwrap();
    let plan = module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(1);
    plan.says("there is no catalog at").says("dram catalog init");
    std::fs::rename(&away, module.catalog()).unwrap();
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn an_engine_is_run_for_what_is_applied() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.engine("/nowhere/dram");
    module
        .run(&["plan", "-no-color"])
        .failure()
        .says("the engine `/nowhere/dram` cannot be found");

    let script = "echo \"$@\" >> told; case \"$*\" in *Vault*) echo 'error: the disk is full' >&2; exit 1;; esac";
    module.engine(&module.program("engine", script));
    let applied = module.run(&["apply", "-no-color", "-auto-approve"]).success();
    applied
        .says("Warning: vault `nas` is not ready yet")
        .says("the disk is full")
        .says("6 added");
    let told = module.read("told");
    assert_eq!(told.lines().count(), 6, "{told}");
    assert!(
        told.contains("reconcile --kind Application --name shop --catalog file://"),
        "{told}"
    );
    let state = module.run(&["state", "show", "-no-color", "dram_vault.nas"]).success();
    state.says("reason").says("the disk is full");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn what_is_not_known_yet_is_no_error() {
    need_terraform!();
    let module = Module::new(&format!(
        "resource \"terraform_data\" \"later\" {{ input = \"75m\" }}\n{}",
        SHOP.replace("\"75m\"", "terraform_data.later.output")
    ));
    let plan = module.run(&["plan", "-no-color"]).success();
    plan.says("verdict                = (known after apply)");
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    let state = module
        .run(&["state", "show", "-no-color", "dram_application.shop"])
        .success();
    state.says("\"met\"");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn what_others_changed_is_seen_and_respected() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    // Withdrawn behind our back: it is planned to be declared anew.
    module.withdraw_plan();
    module
        .run(&["plan", "-no-color", "-detailed-exitcode"])
        .code(2)
        .says("1 to add, 0 to change, 0 to destroy");
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    // Changed behind our back, between plan and apply.
    module.write(&SHOP.replace("daily = 14", "daily = 7"));
    module.run(&["plan", "-no-color", "-out", "saved"]).success();
    module.change_policy();
    module
        .run(&["apply", "-no-color", "saved"])
        .failure()
        .says("was changed since number");
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("1 changed");
    assert!(POLICY.contains("hourly"));
}

#[test]
fn the_catalog_may_come_from_the_environment() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.provider("provider \"dram\" {}");
    module
        .run(&["plan", "-no-color"])
        .failure()
        .says("no catalog is given")
        .says("provider \"dram\" {}");
    let url = format!("file://{}", module.catalog().display());
    module
        .run_with(&["plan", "-no-color"], &[("DRAM_CATALOG", &url)])
        .success();
    module
        .run_with(
            &["plan", "-no-color"],
            &[("DRAM_CATALOG", &url), ("DRAM_TENANT", "No Name")],
        )
        .failure()
        .says("DRAM_TENANT");
}

#[test]
fn a_resource_is_replaced_when_that_is_asked_for() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    let replaced = module
        .run(&[
            "apply",
            "-no-color",
            "-auto-approve",
            "-replace=dram_recovery_plan.shop",
        ])
        .success();
    replaced.says("1 added, 0 changed, 1 destroyed");
    module.run(&["taint", "dram_recovery_plan.shop"]).success();
    module
        .run(&["apply", "-no-color", "-auto-approve"])
        .success()
        .says("1 added, 0 changed, 1 destroyed");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn a_changed_policy_shows_what_it_does_to_its_applications() {
    need_terraform!();
    let module = Module::new(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    module.write(&SHOP.replace("every = \"1h\"", "every = \"30m\""));
    let plan = module.run(&["plan", "-no-color", "-out", "saved"]).success();
    plan.says("~ worst_case_rpo_seconds")
        .says("0 to add, 2 to change, 0 to destroy");
    module.run(&["apply", "-no-color", "saved"]).success().says("2 changed");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
    module
        .run(&["plan", "-no-color", "-detailed-exitcode", "-refresh=false"])
        .code(0);
}

#[test]
fn a_literal_secret_is_refused_and_not_shown() {
    need_terraform!();
    let module = Module::new(&SHOP.replace("file = \"/etc/dram/key\"", "env = \"hunter2, really\""));
    let said = module.run(&["validate", "-no-color"]).failure();
    said.says("It is about `password.env`");
    assert!(!said.text().contains("hunter2"), "{}", said.text());
}

#[test]
fn a_running_provider_is_attached_to() {
    use std::io::BufRead as _;
    need_terraform!();
    let module = Module::new(SHOP);
    let mut running = std::process::Command::new(env!("CARGO_BIN_EXE_terraform-provider-dram"))
        .arg("--debug")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(running.stdout.take().unwrap()).lines();
    let export = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.starts_with("export TF_REATTACH_PROVIDERS="))
        .unwrap();
    let value = export.split('\'').nth(1).unwrap();
    for _ in 0..2 {
        // One process serves several commands.
        module
            .run_with(
                &["apply", "-no-color", "-auto-approve"],
                &[("TF_REATTACH_PROVIDERS", value)],
            )
            .success();
    }
    let process = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert!(running.wait().unwrap().success());
}

/// The module of every example model is formatted and valid, and its plan holds.
#[test]
fn the_modules_of_the_examples_hold() {
    need_terraform!();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(&examples).unwrap();
    let modules = entries.map(|entry| entry.unwrap().path().join("terraform"));
    let modules: Vec<_> = modules.filter(|module| module.is_dir()).collect();
    assert!(modules.len() >= 7, "{modules:?}");
    for example in modules {
        let module = Module::new("");
        module.replace_by(&example);
        module.run(&["fmt", "-check", "-diff"]).success();
        module.run(&["validate", "-no-color"]).success();
        let plan = module.run(&["plan", "-no-color", &module.catalog_variable()]).success();
        plan.says("verdict                = \"met\"");
    }
}

/// Every example of the reference pages, together, is formatted and valid, and its plan holds.
#[test]
fn the_examples_hold() {
    need_terraform!();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/resources");
    let folders: Vec<_> = std::fs::read_dir(&examples)
        .unwrap()
        .map(|folder| folder.unwrap().path())
        .collect();
    let text: String = folders
        .iter()
        .map(|folder| std::fs::read_to_string(folder.join("resource.tf")).unwrap())
        .collect();
    let module = Module::new(&text);
    module
        .run(&["fmt", "-check", "-diff", &examples.display().to_string()])
        .success();
    for folder in &folders {
        module
            .run(&["fmt", "-check", "-diff", &folder.display().to_string()])
            .success();
    }
    module.run(&["validate", "-no-color"]).success();
    module
        .run(&["plan", "-no-color"])
        .success()
        .says("verdict                = \"met\"");
}
