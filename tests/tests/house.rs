//! Who may know whom: the arrows between crates, between folders inside them, and what the crates must not pull in.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use dram_tests::programs::{cargo, repository};

fn metadata() -> Metadata {
    let manifest = repository().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo describes the workspace")
}

/// What each crate may depend on among ours, tests of the crate itself excepted.
const ARROWS: [(&str, &[&str]); 10] = [
    ("dram-fields-derive", &[]),
    ("dram-fields", &["dram-fields-derive"]),
    ("dram-files", &[]),
    ("dram-compiler", &["dram-fields", "dram-files"]),
    ("dram-storage", &[]),
    ("dram-catalog", &["dram-compiler", "dram-fields", "dram-storage"]),
    (
        "dram-engine",
        &[
            "dram-catalog",
            "dram-compiler",
            "dram-fields",
            "dram-files",
            "dram-storage",
        ],
    ),
    (
        "terraform-provider-dram",
        &["dram-catalog", "dram-compiler", "dram-fields"],
    ),
    (
        "dram-tests",
        &[
            "dram-compiler",
            "dram-catalog",
            "dram-engine",
            "dram-fields",
            "dram-skips",
            "terraform-provider-dram",
        ],
    ),
    ("dram-skips", &[]),
];

#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let allowed = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no line in the table of arrows"));
        let ours = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some());
        for dependency in ours.filter(|dependency| dependency.kind != DependencyKind::Development) {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "{name} must not know {}",
                dependency.name
            );
        }
    }
    assert_eq!(
        metadata.packages.len(),
        ARROWS.len(),
        "the table of arrows names crates that are not there"
    );
}

/// Names of everything that a crate links, with the features that it gets when it is built alone.
fn linked(package: &str) -> BTreeSet<String> {
    let words = [
        "tree",
        "--locked",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let text = cargo().args(words).text().expect("cargo lists what is linked");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn check_not_linked(package: &str, banned: &[&str]) {
    let linked = linked(package);
    assert!(linked.contains(package));
    for name in banned {
        assert!(!linked.contains(*name), "{package} must not link {name}");
    }
}

#[test]
fn the_provider_links_no_engine_and_one_small_cryptography() {
    check_not_linked(
        "terraform-provider-dram",
        &[
            "dram-engine",
            "rustic_core",
            "aws-lc-rs",
            "aws-lc-sys",
            "openssl-sys",
            "kube",
            "reqwest",
            "rayon",
        ],
    );
}

#[test]
fn the_compiler_links_nothing_that_waits_or_talks() {
    check_not_linked(
        "dram-compiler",
        &["tokio", "async-std", "ureq", "reqwest", "rustls", "rustic_core", "rand"],
    );
}

#[test]
fn crates_take_their_lints_licence_and_oldest_compiler_from_the_workspace() {
    for package in &metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        for line in [
            "[lints]\nworkspace = true",
            "license.workspace = true",
            "rust-version.workspace = true",
        ] {
            assert!(manifest.contains(line), "{} lacks `{line}`", package.manifest_path);
        }
    }
}

/// Arrows between folders of one crate: folder, and whom it must not know.
fn check_modules(source: &str, rules: &[(&str, &[&str])]) {
    let root = repository().join(source);
    let mut found = Vec::new();
    for file in rust_files(&root) {
        let module = module_of(&root, &file);
        let text = without_tests(&std::fs::read_to_string(&file).unwrap());
        for (_, banned) in rules.iter().filter(|(from, _)| *from == module) {
            let known = banned.iter().filter(|name| knows(&text, name));
            found.extend(known.map(|name| format!("{} must not know `{name}`", file.display())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether code names another part of its crate, by its path or in the braces of a `use`.
fn knows(text: &str, part: &str) -> bool {
    let names = |list: &str| {
        list.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .any(|word| word == part || word.strip_prefix(part).is_some_and(|rest| rest.starts_with("::")))
    };
    text.match_indices("crate::").any(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        match rest.strip_prefix('{') {
            Some(list) => names(list.split_once(';').map_or(list, |(list, _)| list)),
            None => rest
                .strip_prefix(part)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')),
        }
    })
}

#[test]
fn a_part_is_known_by_its_path_and_in_braces() {
    for text in [
        "use crate::model::Name;",
        "use crate::model;",
        "use crate::{check, model};",
        "use crate::{\n    check::Rule,\n    model::{Name, Kind},\n};",
        "fn f(name: &crate::model::Name) {}",
        "pub(in crate::model) struct Inside;",
    ] {
        assert!(knows(text, "model"), "{text}");
    }
    for text in [
        "use crate::models::Name;",
        "use crate::check::model::Name;",
        "use crate::{check, models};\nuse super::model;",
        "use dram_catalog::model::Name;",
    ] {
        assert!(!knows(text, "model"), "{text}");
    }
}

#[test]
fn the_compiler_s_stages_know_only_earlier_ones() {
    let stages = [
        "source",
        "diagnostic",
        "syntax",
        "model",
        "calendar",
        "profile",
        "check",
        "derive",
        "blueprint",
        "prove",
        "backend",
        "graph",
        "format",
        "explained",
        "init",
    ];
    let rules: Vec<(&str, &[&str])> = (0..stages.len()).map(|at| (stages[at], &stages[at + 1..])).collect();
    check_modules("compiler/src", &rules);
}

#[test]
fn deciding_cannot_act_and_drivers_know_neither_catalog_nor_runbook() {
    check_modules(
        "engine/src",
        &[
            ("runbook", &["site", "run", "cli"]),
            ("site", &["runbook", "run", "cli"]),
            ("vault", &["runbook", "run", "cli"]),
        ],
    );
    for file in rust_files(&repository().join("engine/src/site")) {
        let text = without_tests(&std::fs::read_to_string(&file).unwrap());
        assert!(
            !text.contains("dram_catalog::"),
            "{} must not know the catalog",
            file.display()
        );
    }
}

#[test]
fn the_wire_stops_at_the_provider_s_door() {
    let root = repository().join("provider/src");
    for file in rust_files(&root) {
        if ["handshake", "tls", "wire", "server", "main"].contains(&module_of(&root, &file).as_str()) {
            continue;
        }
        let text = without_tests(&std::fs::read_to_string(&file).unwrap());
        for word in ["tonic::", "prost::", "prost_types::"] {
            assert!(!text.contains(word), "{} must not know {word}", file.display());
        }
    }
}

/// A file that does not fit in the head is split by meaning.
const LONGEST_FILE_LINES: usize = 500;

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    let mut found = Vec::new();
    for member in ["compiler", "engine", "provider", "tests"] {
        for file in rust_files(&repository().join(member)) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            if ["util", "utils", "common", "helpers", "misc"].contains(&name) {
                found.push(format!("the name of {} says nothing", file.display()));
            }
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            if lines > LONGEST_FILE_LINES {
                found.push(format!("{} has {lines} lines", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(inside) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in inside.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The first part of a file's path below the sources, without extension.
fn module_of(root: &Path, file: &Path) -> String {
    let first = file.strip_prefix(root).unwrap().components().next().unwrap();
    Path::new(first.as_os_str())
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

/// Tests may know more: they follow the code in the same file. What a comment names is not known.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}
