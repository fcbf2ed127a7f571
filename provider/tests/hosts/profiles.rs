//! Profiles in HCL, under real Terraform: declared in full, and quiet afterwards.

use crate::support::shop::SHOP;
use crate::support::terraform::{Module, is_missing};

const BODY: &str = r#"    host {
      dump {
        command {
          shell = "cat db"
        }
        restore {
          shell = "cat > db"
        }
      }
    }
"#;

/// The shop, whose database docks by a profile.
fn with_profile(inside: &str) -> String {
    assert!(SHOP.contains(BODY));
    SHOP.replacen(BODY, &format!("    profile {{\n{inside}\n    }}\n"), 1)
}

const POSTGRES: &str = "      use  = \"postgres\"\n      with = { database = \"shop\", port = 5433 }";

#[test]
fn a_profile_is_declared_in_full_and_stays_a_profile() {
    if is_missing() {
        return;
    }
    let module = Module::new(&with_profile(POSTGRES));
    module.run(&["validate", "-no-color"]).success();
    let plan = module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(2);
    plan.says("verdict                = \"met\"");
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);

    let declared = module.application();
    let db = declared.pointer("/spec/components/0").unwrap();
    assert_eq!(db.get("profile"), None);
    let run = db.pointer("/host/dump/command/run").unwrap().as_array().unwrap();
    assert!(run.contains(&"--port=5433".into()), "{run:?}");

    // Another value is one change, and what stands beside the profile refines it.
    module.write(&with_profile(&POSTGRES.replace("5433", "5434")).replacen(
        "    profile {",
        "    host {\n      paths = [\"/etc/postgresql\"]\n    }\n    profile {",
        1,
    ));
    let applied = module.run(&["apply", "-no-color", "-auto-approve"]).success();
    applied.says("0 added, 1 changed, 0 destroyed");
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
    let declared = module.application();
    let host = declared.pointer("/spec/components/0/host").unwrap();
    assert_eq!(host.pointer("/paths/0").unwrap(), "/etc/postgresql");
    assert!(host.pointer("/dump/restore/shell").is_some());

    // Written out by hand it is the same again, and the other way round.
    module.write(SHOP);
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
}

#[test]
fn a_value_may_come_with_the_apply() {
    if is_missing() {
        return;
    }
    let inside = POSTGRES.replace("\"shop\"", "terraform_data.later.output");
    let module = Module::new(&format!(
        "resource \"terraform_data\" \"later\" {{ input = \"orders\" }}\n{}",
        with_profile(&inside)
    ));
    module.run(&["apply", "-no-color", "-auto-approve"]).success();
    module.run(&["plan", "-no-color", "-detailed-exitcode"]).code(0);
    let declared = module.application();
    let run = declared.pointer("/spec/components/0/host/dump/command/run").unwrap();
    assert!(run.as_array().unwrap().contains(&"orders".into()), "{run}");
}

#[test]
fn what_is_wrong_with_a_profile_is_said_at_its_block() {
    if is_missing() {
        return;
    }
    for (inside, said) in [
        ("      use = \"postgers\"", &["did you mean `postgres`", "postgers"][..]),
        (
            "      use = \"warehouse\"",
            &["built in are `etcd`, `files`, `mongodb`, `mysql`, `postgres`, `redis`, `sqlite`"],
        ),
        ("      use = \"postgres\"", &["profile `postgres` needs `database`"]),
        (
            "      use  = \"postgres\"\n      with = { database = \"shop\", port = \"high\" }",
            &["takes a whole number"],
        ),
        (
            "      use  = \"files\"\n      with = { paths = \"srv\" }",
            &[
                "`srv` is not an absolute path",
                "from profile `files`: `host.paths[0]`",
                "profile {",
            ],
        ),
    ] {
        let module = Module::new(&with_profile(inside));
        let refused = module.run(&["validate", "-no-color"]).failure();
        for said in said {
            refused.says(said);
        }
    }
}
