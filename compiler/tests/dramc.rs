//! The program as people and scripts call it: exit codes, streams, files.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the program is run, over real files"
)]

mod program;

use program::{Folder, dramc, with_input};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

const COMPLETE: &str = include_str!("language/complete.yaml");
const VAULT: &str = "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec: { directory: { path: /mnt }, \
                     failureDomain: nas, password: { file: /k } }\n";
const BROKEN: &str =
    "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec: { failureDomain: nas, password: hunter2 }\n";

fn with_rpo(rpo: &str) -> String {
    COMPLETE.replace("rpo: 75m", &format!("rpo: {rpo}"))
}

#[test]
fn exit_codes_say_how_it_ended() {
    let folder = Folder::new("codes");
    let good = folder.put("good.yaml", COMPLETE);
    let bad = folder.put("bad.yaml", BROKEN);
    let late = folder.put("late.yaml", with_rpo("5m"));
    let open = folder.put("open.yaml", COMPLETE.replace("  bandwidth: 50Mi/s\n", ""));
    let (good, bad, late, open) = (
        good.to_str().unwrap(),
        bad.to_str().unwrap(),
        late.to_str().unwrap(),
        open.to_str().unwrap(),
    );
    for (arguments, code) in [
        (vec!["check", good], 0),
        (vec!["check", bad], 1),
        (vec!["check", late], 0),
        (vec!["check", "--format", "json", bad], 1),
        (vec!["prove", good], 0),
        (vec!["prove", bad], 1),
        (vec!["prove", late], 3),
        (vec!["prove", "--format", "json", late], 3),
        (vec!["prove", open], 0),
        (vec!["prove", "--strict", open], 3),
        (vec!["prove", "--strict", good], 0),
        (vec!["schema"], 0),
        (vec!["schema", "--format", "markdown"], 0),
        (vec!["explain"], 0),
        (vec!["explain", "dram0050"], 0),
        (vec!["explain", "DRAM9999"], 1),
        (vec!["completions", "bash"], 0),
        (vec!["--version"], 0),
        (vec!["--help"], 0),
        (vec![], 2),
        (vec!["check"], 2),
        (vec!["chek", good], 2),
        (vec!["check", "--strict", good], 2),
        (vec!["build", good], 2),
        (vec!["build", "--target", "heaven", "-o", "x", good], 2),
        (vec!["completions", "klingon"], 2),
    ] {
        let (found, out, err) = dramc(&arguments);
        assert_eq!(found, code, "{arguments:?}\n{out}{err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

/// Findings go to standard error, results to standard output.
#[test]
fn streams_are_for_one_thing_each() {
    let folder = Folder::new("streams");
    let good = folder.put("good.yaml", COMPLETE);
    let bad = folder.put("bad.yaml", BROKEN);
    let (_, out, err) = dramc([Path::new("check"), &good]);
    assert_eq!(
        out,
        "the model holds: 8 applications, 3 policies, 6 sites, 4 vaults, 4 recovery plans\n"
    );
    assert_eq!(err, "");
    let (_, out, err) = dramc([Path::new("check"), &bad]);
    assert_eq!(out, "");
    assert!(
        err.contains("error[DRAM0020]: a secret never stands in a model") && err.ends_with("2 errors\n"),
        "{err}"
    );
    assert!(err.contains(&format!("{}:4:", bad.display())), "{err}");
    assert!(!err.contains("hunter2") && !err.contains('\u{1b}'), "{err}");
}

#[test]
fn json_is_for_programs() {
    let folder = Folder::new("json");
    let bad = folder.put("bad.yaml", BROKEN);
    let (_, out, err) = dramc([Path::new("check"), Path::new("--format"), Path::new("json"), &bad]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(err, "");
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!(found[0]["code"], "DRAM0013");
    assert_eq!(found[0]["place"]["file"], bad.to_str().unwrap());
    assert_eq!(
        (&found[1]["path"], &found[1]["place"]["line"]),
        (&"spec.password".into(), &4.into())
    );
    assert!(!out.contains("hunter2"));
    let (_, out, _) = with_input(["check", "--format", "json", "-"], COMPLETE.as_bytes());
    assert_eq!(out, "[]\n");
    let (code, out, _) = with_input(["prove", "--format", "json", "-"], with_rpo("5m").as_bytes());
    let proofs: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let proof = proofs.iter().find(|proof| proof["application"] == "shop").unwrap();
    assert_eq!(
        (code, &proof["rpo"]["verdict"], &proof["rpo"]["worstCaseSeconds"]),
        (3, &"not met".into(), &3605.into())
    );
}

#[test]
fn directories_and_standard_input_are_read() {
    let folder = Folder::new("folders");
    let documents: Vec<&str> = COMPLETE.split("\n---\n").collect();
    for (number, document) in documents.iter().enumerate() {
        let end = ["yaml", "yml"][number % 2];
        folder.put(format!("models/{number}/part.{end}"), format!("{document}\n"));
    }
    folder.put("models/notes.txt", "not: [a model");
    folder.put("models/.hidden.yaml", "not: [a model");
    folder.put("models/.git/x.yaml", "not: [a model");
    let whole = "the model holds: 8 applications, 3 policies, 6 sites, 4 vaults, 4 recovery plans\n";
    let (code, out, err) = dramc([Path::new("check"), &folder.0.join("models")]);
    assert_eq!((code, out.as_str()), (0, whole), "{err}");
    // A link to a file is the file: so does a cluster mount configuration.
    let first = folder.0.join("models/0/part.yaml");
    let elsewhere = folder.0.join("elsewhere.data");
    std::fs::rename(&first, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &first).unwrap();
    std::os::unix::fs::symlink(folder.0.join("models"), folder.0.join("models/circle")).unwrap();
    assert_eq!(dramc([Path::new("check"), &folder.0.join("models")]).1, whole);
    assert_eq!(with_input(["check", "-"], COMPLETE.as_bytes()).1, whole);
    // JSON is YAML.
    let json = folder.put(
        "one/vault.json",
        r#"{"apiVersion": "dram.dev/v1", "kind": "Vault", "metadata": {"name": "nas"}, "spec": {}}"#,
    );
    let (code, _, err) = dramc([Path::new("check"), json.parent().unwrap()]);
    assert!(code == 1 && err.contains("vault.json:1:"), "{err}");
    folder.put("empty/readme.md", "");
    let (code, _, err) = dramc([Path::new("check"), &folder.0.join("empty")]);
    assert!(code == 1 && err.contains("holds no model"), "{err}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = Folder::new("files");
    let (code, out, err) = dramc(["check", "/nowhere/dram.yaml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "error: cannot read `/nowhere/dram.yaml`: No such file or directory (os error 2)\n"
    );
    let latin = folder.put("latin.yaml", b"# caf\xe9\n");
    let (code, _, err) = dramc([Path::new("check"), &latin]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        format!(
            "error: `{}` is not UTF-8 text from byte 5 on: save it as UTF-8\n",
            latin.display()
        )
    );
    let (code, _, err) = with_input(["check", "-"], b"\xff\xfe");
    assert_eq!(
        (code, err.as_str()),
        (1, "error: `-` is not UTF-8 text from byte 0 on: save it as UTF-8\n")
    );
    let (code, _, err) = dramc(["check", "/dev/null"]);
    assert!(code == 1 && err.contains("DRAM0003"), "{err}");
    // A name that is not UTF-8 is a name.
    let odd = folder.put(std::ffi::OsStr::from_bytes(b"odd-\xff.yaml"), VAULT);
    assert_eq!(dramc([Path::new("check"), &odd]).0, 0);
}

#[test]
fn build_writes_what_terraform_reads() {
    let folder = Folder::new("build");
    let model = folder.put("dram.yaml", COMPLETE);
    let out = folder.0.join("infra/deep");
    let build = |target: &str, out: &Path| {
        dramc([
            Path::new("build"),
            Path::new("--target"),
            Path::new(target),
            Path::new("-o"),
            out,
            &model,
        ])
    };
    let (code, printed, err) = build("terraform", &out);
    assert_eq!((code, err.as_str()), (0, ""));
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["main.tf", "outputs.tf", "variables.tf", "versions.tf"]);
    assert_eq!(printed.lines().count(), 4);
    let first = std::fs::read(out.join("main.tf")).unwrap();
    // Again, over what is there: the same files, and nothing beside them.
    assert_eq!(build("terraform", &out).0, 0);
    assert_eq!(std::fs::read(out.join("main.tf")).unwrap(), first);
    assert_eq!(names().len(), 4);
    assert_eq!(build("json", &out).0, 0);
    assert!(out.join("model.json").is_file());
    // A place that is a file.
    let (code, _, err) = build("json", &model);
    assert!(code == 1 && err.contains("cannot write"), "{err}");
}

#[test]
fn build_refuses_what_does_not_hold() {
    let folder = Folder::new("refuse");
    for (name, text) in [
        ("late", with_rpo("5m")),
        // A policy that protects nothing yet.
        (
            "unused",
            format!(
                "{VAULT}---\napiVersion: dram.dev/v1\nkind: ProtectionPolicy\nmetadata: {{ name: p }}\nspec: {{ objectives: {{ rpo: 5m }}, schedule: [{{ every: 1h }}], vaults: [{{ name: nas }}] }}\n"
            ),
        ),
        ("slow", COMPLETE.replace("rto: 2h", "rto: 1m")),
    ] {
        let model = folder.put(format!("{name}.yaml"), text);
        let out = folder.0.join(name);
        let (code, printed, err) = dramc([
            Path::new("build"),
            Path::new("--target"),
            Path::new("terraform"),
            Path::new("-o"),
            &out,
            &model,
        ]);
        assert_eq!((code, printed.as_str()), (3, ""), "{name} {err}");
        assert!(
            err.contains("error[DRAM005") && err.ends_with("nothing is built while an objective does not hold\n"),
            "{err}"
        );
        assert!(!out.exists(), "{name}");
        assert_eq!(dramc([Path::new("prove"), &model]).0, 3, "{name}");
    }
}

#[test]
fn every_code_has_a_page() {
    let (_, list, _) = dramc(["explain"]);
    assert!(list.lines().count() > 25);
    for line in list.lines() {
        let code = line.split(' ').next().unwrap();
        let (exit, page, _) = dramc(["explain", code]);
        assert!(
            exit == 0 && page.starts_with(code) && page.lines().count() >= 3,
            "{page}"
        );
    }
    let (_, _, err) = dramc(["explain", "x"]);
    assert_eq!(
        err,
        "error: `x` is not a code\nhelp: `dramc explain` lists all of them\n"
    );
}

#[test]
fn completions_are_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = dramc(["completions", shell]);
        assert!(code == 0 && out.contains("dramc"), "{shell}");
    }
}

/// A reader that goes away, as `head` does, ends nothing badly.
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::new("pipe");
    let many: Vec<String> = (0..300)
        .map(|n| BROKEN.replace("name: nas", &format!("name: v{n}")))
        .collect();
    let model = folder.put("dram.yaml", many.join("---\n"));
    for (arguments, code) in [(vec!["schema"], 0), (vec!["check", model.to_str().unwrap()], 1)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dramc"))
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn profiles_are_listed_and_printed_to_start_from() {
    let (code, listed, _) = dramc(["profiles"]);
    assert_eq!(code, 0);
    for word in [
        "files: ",
        "postgres: ",
        "sqlite: ",
        "  database  text, required: Name of the database.",
    ] {
        assert!(listed.contains(word), "{word:?} is not in\n{listed}");
    }
    let folder = Folder::new("profiles");
    for name in ["etcd", "files", "mongodb", "mysql", "postgres", "redis", "sqlite"] {
        let (code, printed, _) = dramc(["profiles", name]);
        assert_eq!(code, 0);
        // What is printed is a profile of one's own once it has a name of its own.
        let named = format!("metadata: {{name: {name}}}");
        let own = folder.put(
            format!("{name}.yaml"),
            printed.replace(&named, "metadata: {name: mine}"),
        );
        let (code, _, said) = dramc([Path::new("check"), &own]);
        assert_eq!(code, 0, "{said}");
    }
    let (code, _, said) = dramc(["profiles", "postgers"]);
    assert_eq!(code, 1);
    assert!(said.contains("no profile `postgers` is built in"), "{said}");
}
