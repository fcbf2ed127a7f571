//! Nothing is silent: every leaf of the language, misspelled or changed in a sample, is a finding at its line or a change
//! in what is built.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dram_tests::call::Call;
use dram_tests::programs::{Programs, repository};
use dram_tests::world::{read, write};
use serde_json::Value;

/// One line of the sample that holds a leaf.
struct Leaf {
    /// Its path, as in `Vault.spec.password.env`; elements of lists are `[]`.
    path: String,
    /// Its line, from 0.
    line: usize,
}

fn sample() -> String {
    read(&repository().join("tests/models/every-field.yaml")).unwrap()
}

fn dramc() -> Call {
    Programs::built().unwrap().dramc()
}

#[test]
fn the_sample_holds_every_leaf_of_the_language() {
    let schema: Value = serde_json::from_str(&dramc().arg("schema").text().unwrap()).unwrap();
    let (mut expected, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (kind, spec) in kinds(&schema) {
        let document = document(&schema, &kind, &spec);
        fields(&schema, "Document", &document, &mut seen, &mut expected);
    }
    let found: BTreeSet<String> = leaves(&sample())
        .into_iter()
        .map(|leaf| named(&schema, &leaf.path))
        .collect();
    let missing: Vec<&String> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "tests/models/every-field.yaml lacks {missing:#?}");
}

/// The kinds of documents, with the schema of their `spec`.
fn kinds(schema: &Value) -> Vec<(String, Value)> {
    let each = schema.get("allOf").and_then(Value::as_array).unwrap();
    each.iter()
        .map(|one| {
            let kind = one
                .pointer("/if/properties/kind/const")
                .and_then(Value::as_str)
                .unwrap();
            (kind.to_owned(), one.pointer("/then/properties/spec").unwrap().clone())
        })
        .collect()
}

/// The schema of a document of a kind.
fn document(schema: &Value, kind: &str, spec: &Value) -> Value {
    let mut properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap();
    properties.insert("kind".to_owned(), serde_json::json!({"const": kind}));
    properties.insert("spec".to_owned(), spec.clone());
    serde_json::json!({"properties": properties})
}

/// The block that a schema refers to, by itself or as the elements of a list.
fn block_of(node: &Value) -> Option<&str> {
    let node = match node.get("items") {
        Some(items) if items.get("$ref").is_some() => items,
        _ => node,
    };
    let name = node.get("$ref").and_then(Value::as_str)?;
    name.strip_prefix("#/$defs/")
}

/// Every leaf of a block and of the blocks in it, as `Block.field`: a block that stands at several places is one.
fn fields(schema: &Value, block: &str, node: &Value, seen: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
    for (name, field) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        match block_of(field) {
            None => drop(found.insert(format!("{block}.{name}"))),
            Some(inner) if seen.insert(inner.to_owned()) => {
                let definition = schema.pointer(&format!("/$defs/{inner}")).expect("references resolve");
                fields(schema, inner, definition, seen, found);
            }
            Some(_) => {}
        }
    }
}

/// The block and the field to which a path of the sample leads.
fn named(schema: &Value, path: &str) -> String {
    let (kind, path) = path.split_once('.').unwrap();
    let spec = kinds(schema).into_iter().find(|(known, _)| known == kind).unwrap().1;
    let (mut block, mut node) = ("Document".to_owned(), document(schema, kind, &spec));
    let mut last = String::new();
    for step in path.split('.') {
        let step = step.trim_end_matches("[]");
        let field = node
            .pointer(&format!("/properties/{step}"))
            .cloned()
            .unwrap_or(Value::Null);
        last = format!("{block}.{step}");
        if let Some(inner) = block_of(&field) {
            node = schema
                .pointer(&format!("/$defs/{inner}"))
                .cloned()
                .unwrap_or(Value::Null);
            block = inner.to_owned();
        }
    }
    last
}

/// The leaves of a sample in block style with one leaf a line; lists of words stand in brackets.
fn leaves(text: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut kind = String::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    for (line, whole) in text.lines().enumerate() {
        let content = whole.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if content == "---" {
            kind.clear();
            continue;
        }
        let mut indent = whole.len() - content.len();
        parents.retain(|(at, _)| *at < indent);
        let content = match content.strip_prefix("- ") {
            Some(rest) => {
                if let Some((_, list)) = parents.last_mut() {
                    *list = format!("{}[]", list.trim_end_matches("[]"));
                }
                indent += 2;
                rest
            }
            None => content,
        };
        let (name, value) = content.split_once(':').unwrap();
        if name == "kind" && indent == 0 {
            kind = value.trim().to_owned();
        }
        let above = parents.iter().map(|(_, name)| format!("{name}.")).collect::<String>();
        if value.trim().is_empty() {
            parents.push((indent, name.to_owned()));
        } else if let Some((fixed, _)) = above.split_once("values.") {
            // The keys of a map are the user's own.
            leaves.push(Leaf {
                path: format!("{kind}.{fixed}values"),
                line,
            });
        } else {
            leaves.push(Leaf {
                path: format!("{kind}.{above}{name}"),
                line,
            });
        }
    }
    // The version stands before the kind.
    let kinds: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .map(str::to_owned)
        .collect();
    for (leaf, kind) in leaves.iter_mut().filter(|leaf| leaf.path == ".apiVersion").zip(kinds) {
        leaf.path = format!("{kind}.apiVersion");
    }
    leaves
}

fn with_line(text: &str, at: usize, change: impl Fn(&str) -> String) -> String {
    let lines = text
        .lines()
        .enumerate()
        .map(|(line, text)| if line == at { change(text) } else { text.to_owned() });
    lines.map(|line| line + "\n").collect()
}

/// Findings of a check by line, from 0; and whether the check failed.
fn findings(folder: &Path, text: &str) -> (BTreeMap<usize, String>, bool) {
    let file = folder.join("sample.yaml");
    write(&file, text).unwrap();
    let done = dramc().args(["check", "--format", "json"]).arg(&file).run().unwrap();
    assert!(matches!(done.code(), Some(0 | 1)), "{}", done.both());
    let list: Value = serde_json::from_slice(&done.stdout).unwrap();
    let by_line = list.as_array().unwrap().iter().map(|finding| {
        let line = finding.pointer("/place/line").and_then(Value::as_u64).unwrap_or(1);
        let message = finding.get("message").and_then(Value::as_str).unwrap_or_default();
        (line as usize - 1, message.to_owned())
    });
    (by_line.collect(), done.code() == Some(1))
}

/// Everything that is built from a text for a target, or nothing if it is refused.
fn built(folder: &Path, text: &str, target: &str) -> Option<String> {
    let file = folder.join("sample.yaml");
    write(&file, text).unwrap();
    let out = folder.join("out");
    let _ = std::fs::remove_dir_all(&out);
    let done = dramc()
        .args(["build", "--target", target, "-o"])
        .arg(&out)
        .arg(&file)
        .run()
        .unwrap();
    if done.code() != Some(0) {
        return None;
    }
    let mut files: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    Some(files.iter().map(|file| read(file).unwrap()).collect())
}

#[test]
fn a_misspelled_field_is_found_at_its_line() {
    let (folder, text) = (tempfile::tempdir().unwrap(), sample());
    let (before, failed) = findings(folder.path(), &text);
    assert!(!failed, "the sample holds: {before:?}");
    for leaf in leaves(&text).iter().filter(|leaf| !leaf.path.ends_with(".values")) {
        let changed = with_line(&text, leaf.line, |line| line.replacen(':', "q:", 1));
        let (found, failed) = findings(folder.path(), &changed);
        assert!(failed, "{} misspelled passes", leaf.path);
        assert!(
            found.contains_key(&leaf.line),
            "{} misspelled in line {}: {found:?}",
            leaf.path,
            leaf.line + 1
        );
    }
}

#[test]
fn a_changed_value_is_found_or_changes_what_is_built() {
    let (folder, text) = (tempfile::tempdir().unwrap(), sample());
    let unchanged = |target: &str| built(folder.path(), &text, target).expect("the sample is built");
    let (json, terraform) = (unchanged("json"), unchanged("terraform"));
    let mut wrong = Vec::new();
    for leaf in leaves(&text) {
        let changed = with_line(&text, leaf.line, other_value);
        assert_ne!(changed, text, "{} was changed", leaf.path);
        // The catalog and profiles are no resources: their declarations stand in the checked model only.
        let is_no_resource = ["Catalog.", "Profile."].iter().any(|kind| leaf.path.starts_with(kind));
        let (target, before) = match is_no_resource {
            true => ("json", &json),
            false => ("terraform", &terraform),
        };
        match built(folder.path(), &changed, target) {
            Some(after) if after != *before => {}
            Some(_) => wrong.push(format!("{} changed passes in silence", leaf.path)),
            None => {
                let (found, failed) = findings(folder.path(), &changed);
                // Who has another name or other labels is missed where it is referred to.
                let elsewhere = leaf.path.ends_with("name") || leaf.path.ends_with("metadata.labels");
                if !failed || !(elsewhere || found.contains_key(&leaf.line)) {
                    wrong.push(format!("{} changed in line {}: {found:?}", leaf.path, leaf.line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Another value of the same shape, where there is one.
fn other_value(line: &str) -> String {
    let (name, value) = line.rsplit_once(": ").unwrap();
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    let other = match (value, digits.parse::<u64>()) {
        ("keep", _) => "fail".to_owned(),
        ("governance", _) => "compliance".to_owned(),
        ("true", _) => "false".to_owned(),
        (_, Ok(number)) => value.replacen(&digits, &(number + 1).to_string(), 1),
        _ => {
            let body = value.trim_end_matches(['"', ']', '}']);
            format!("{body}q{}", value.strip_prefix(body).unwrap())
        }
    };
    format!("{name}: {other}")
}
