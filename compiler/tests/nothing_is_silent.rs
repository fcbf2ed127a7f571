//! Every leaf of the language, found by its tables in a document set that uses all of them, is misspelled, given a
//! wrong shape, changed and removed: each time there is a finding at the right line, or another result. Nothing is
//! silent. A field that is new in the tables and missing in `language/complete.yaml` fails here.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::backend::{Artifacts, json, terraform};
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::{Written, check, secret_words};
use dram_compiler::diagnostic::{self, Code, Diagnostic};
use dram_compiler::model::{KindName, Model};
use dram_compiler::source::Sources;
use dram_compiler::syntax::parse;
use dram_fields::write::reachable;
use dram_fields::{Data, Entry, Field, Kind, Node, Span, Ty};
use leaf::{Leaf, another, in_block, whole};
use std::collections::BTreeSet;

mod leaf;

const COMPLETE: &str = include_str!("language/complete.yaml");

fn written() -> Vec<Written> {
    let documents = parse(
        &secret_words(),
        &Sources::one("complete.yaml", COMPLETE),
        &mut Vec::new(),
    );
    documents
        .into_iter()
        .map(|document| Written::read(document, &secret_words(), &mut Vec::new()))
        .collect()
}

fn leaves() -> Vec<Leaf> {
    let mut found = Vec::new();
    for document in written() {
        in_block(document.kind.unwrap().table(), &document.spec, &mut found);
    }
    found
        .iter_mut()
        .for_each(|leaf| leaf.value.span = whole(COMPLETE, leaf.value.span));
    found
}

fn replaced(span: Span, put: &str) -> String {
    let mut text = COMPLETE.to_owned();
    text.replace_range(span.start as usize..span.end as usize, put);
    text
}

fn line(text: &str, at: u32) -> usize {
    text[..at as usize].matches('\n').count() + 1
}

fn findings(text: &str) -> (Option<Model>, Vec<Diagnostic>) {
    let checked = check(&Sources::one("complete.yaml", text));
    (checked.model, checked.diagnostics)
}

fn built(model: &Model) -> [Artifacts; 2] {
    [terraform::build(&blueprint(model)), json::build(model)]
}

fn original() -> [Artifacts; 2] {
    let (model, findings) = findings(COMPLETE);
    assert!(
        findings.is_empty(),
        "{}",
        diagnostic::render(&Sources::one("complete.yaml", COMPLETE), &findings, false)
    );
    built(&model.unwrap())
}

/// The text is refused, with a finding of that code in that line, and no other: one mistake is said once.
fn refused(name: &str, text: &str, code: Option<&Code>, at: usize) {
    let (model, findings) = findings(text);
    assert!(model.is_none(), "{name} is accepted in\n{text}");
    let right =
        |finding: &Diagnostic| line(text, finding.span.start) == at && code.is_none_or(|code| finding.code == code);
    let shown = || diagnostic::render(&Sources::one("complete.yaml", text), &findings, false);
    assert!(
        findings.iter().any(right),
        "{name} is not said in line {at}:\n{}",
        shown()
    );
    assert_eq!(findings.len(), 1, "{name} breeds other findings:\n{}", shown());
}

#[test]
fn the_sample_uses_every_field() {
    let used: BTreeSet<String> = leaves().into_iter().map(|leaf| leaf.name).collect();
    let kinds: Vec<&'static Kind> = KindName::ALL.iter().flat_map(|kind| reachable(kind.table())).collect();
    let all = kinds
        .iter()
        .flat_map(|kind| kind.fields().map(|field| format!("{}.{}", kind.name, field.name)));
    let missing: Vec<String> = all.filter(|name| !used.contains(name)).collect();
    assert!(missing.is_empty(), "`tests/language/complete.yaml` lacks {missing:?}");
    original();
}

#[test]
fn a_misspelled_field_is_said_in_its_line() {
    for leaf in leaves() {
        let Some(key) = leaf.key else { continue };
        let written = &COMPLETE[key.start as usize..key.end as usize];
        // A letter too many, one too few, and another case; within the quotes where there are some.
        let bare = written.trim_matches('"');
        for wrong in [
            format!("{bare}x"),
            bare[..bare.len() - 1].to_owned(),
            bare.to_uppercase(),
        ] {
            let text = replaced(key, &written.replace(bare, &wrong));
            refused(&leaf.name, &text, Some(Code::UNKNOWN_FIELD), line(COMPLETE, key.start));
        }
    }
}

#[test]
fn a_wrong_shape_is_said_in_its_line() {
    for leaf in leaves() {
        let wrong: &[&str] = match leaf.ty {
            Ty::Text(_) | Ty::Word(_) => &["[]", "{}", "true", "[a, b]"],
            Ty::Bool => &["[]", "{}", "7", "text"],
            Ty::Int { .. } => &["[]", "{}", "true", "text", "\"7\"", "-1", "1.5", "4294967296"],
            Ty::List(_) => &["{}", "text", "7"],
            Ty::Scalar => &["[]", "{}", "[a, b]"],
            Ty::Map(_) | Ty::Block(_) | Ty::Secret(_) | Ty::Template(_) => &["[]", "text", "7"],
        };
        for put in wrong {
            refused(
                &format!("{}: {put}", leaf.name),
                &replaced(leaf.value.span, put),
                None,
                line(COMPLETE, leaf.value.span.start),
            );
        }
    }
}

#[test]
fn an_empty_value_is_said_in_its_line() {
    for leaf in leaves() {
        let at = leaf.key.unwrap_or(leaf.value.span);
        // Deeper than a list that stands as deep as its key.
        refused(
            &leaf.name,
            &replaced(leaf.value.span, "  ~"),
            None,
            line(COMPLETE, at.start),
        );
    }
}

/// Another value gives another result, or is refused with words.
#[test]
fn another_value_is_seen() {
    let original = original();
    let (mut changed, mut refused) = (0, Vec::new());
    for leaf in leaves() {
        let Some(other) = another(&leaf.ty, &leaf.value) else {
            continue;
        };
        let text = replaced(leaf.value.span, &other);
        match findings(&text) {
            (Some(model), _) => {
                for (old, new) in original.iter().zip(built(&model)) {
                    // The catalog is no resource: of it only the address is in the module. Of a profile, only what it puts
                    // into a component, which other types of a parameter or another description may leave as it is.
                    let words_of_a_profile = ["Profile.doc", "Parameter.doc", "Parameter.type", "Parameter.required"]
                        .contains(&leaf.name.as_str());
                    let in_module = old.contains_key("main.tf");
                    if words_of_a_profile && in_module {
                        continue;
                    }
                    let only_json = leaf.name == "Catalog.failureDomain" && in_module;
                    assert_eq!(
                        *old == new,
                        only_json,
                        "{} changed to {other}, and nothing is built of it",
                        leaf.name
                    );
                }
                changed += 1;
            }
            (None, findings) => {
                assert!(!findings.is_empty());
                refused.push(leaf.name);
            }
        }
    }
    assert!(changed > 30, "{changed} changed, refused {refused:?}");
}

/// What is left out is missed, or gives another result.
#[test]
fn a_removed_field_is_seen() {
    let original = original();
    for leaf in leaves().into_iter().filter(|leaf| leaf.key.is_some()) {
        let mut documents: Vec<serde_json::Value> = Vec::new();
        for document in written() {
            let spec = without(&document.spec, leaf.key.unwrap());
            let mut whole = document.declaration.unwrap().to_json();
            whole["spec"] = spec.to_json();
            documents.push(whole);
        }
        let text: Vec<String> = documents.iter().map(|document| format!("{document:#}\n")).collect();
        if let (Some(model), _) = findings(&text.join("---\n")) {
            assert!(
                original.iter().zip(built(&model)).any(|(old, new)| *old != new),
                "nobody misses {}",
                leaf.name
            );
        }
    }
}

fn without(node: &Node, key: Span) -> Node {
    let data = match &node.data {
        Data::Map(entries) => Data::Map(
            entries
                .iter()
                .filter(|entry| entry.name_span != key)
                .map(|entry| Entry {
                    value: without(&entry.value, key),
                    ..entry.clone()
                })
                .collect(),
        ),
        Data::List(elements) => Data::List(elements.iter().map(|element| without(element, key)).collect()),
        other => other.clone(),
    };
    Node { data, span: node.span }
}

/// The envelope has no table in the schema's tree; it is as loud.
#[test]
fn the_envelope_is_not_silent_either() {
    for (number, written) in COMPLETE.lines().enumerate() {
        for (name, wrong) in [
            ("apiVersion", "apiversion"),
            ("kind", "kinds"),
            ("metadata", "meta"),
            ("spec", "specs"),
            ("dram.dev/v1", "dram.dev/v2"),
            ("dram.dev/v1", "[]"),
            ("Vault", "Volt"),
            ("{ name: ", "{ nam: "),
            ("{ name: ", "{ name: A"),
        ] {
            // Only what stands in the envelope.
            if !written.contains(name) || (written.starts_with(' ') && !written.starts_with("  \"")) {
                continue;
            }
            let text: Vec<String> = COMPLETE
                .lines()
                .enumerate()
                .map(|(at, line)| {
                    if at == number {
                        line.replacen(name, wrong, 1)
                    } else {
                        line.to_owned()
                    }
                })
                .collect();
            refused(&format!("{name} → {wrong}"), &text.join("\n"), None, number + 1);
        }
    }
}

/// Terraform's names of the fields of a block differ, so that no field hides another there.
#[test]
fn names_differ_in_terraform_too() {
    for kind in KindName::ALL.iter().flat_map(|kind| reachable(kind.table())) {
        let names: Vec<String> = kind.fields().map(Field::terraform_name).collect();
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "{}",
            kind.name
        );
    }
}

/// A template has no shape in Terraform: profiles are files, and no resource holds one.
#[test]
fn no_resource_holds_a_template() {
    for kind in KindName::resources().flat_map(|kind| reachable(kind.table())) {
        for field in kind.fields() {
            assert!(!matches!(field.ty, Ty::Template(_)), "{}.{}", kind.name, field.name);
        }
    }
}
