//! JSON Schema and check agree: documents, each changed in one place, are judged alike by both. What a schema cannot
//! say is listed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::check::check;
use dram_compiler::check::{Written, secret_words};
use dram_compiler::diagnostic::{Code, compiler_codes as codes};
use dram_compiler::model::Declaration;
use dram_compiler::schema::json_schema;
use dram_compiler::source::Sources;
use dram_compiler::syntax::parse;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What decoding refuses although no schema can say it.
const BEYOND_A_SCHEMA: &[(&Code, &str)] = &[
    (Code::DUPLICATE_KEY, "two elements of a list have the same name"),
    (
        Code::WRONG_FORMAT,
        "`..` in a path, numbers that are too large to count, parts of an address",
    ),
    (codes::BAD_URL, "parts of the address of a catalog"),
    (Code::LITERAL_SECRET, "a password in the address of a catalog"),
];

fn validator() -> Validator {
    jsonschema::validator_for(&json_schema()).unwrap()
}

fn documents() -> Vec<Value> {
    let texts = [
        include_str!("language/complete.yaml"),
        include_str!("../../examples/shop/dram.yaml"),
        include_str!("../../examples/shop-s3/dram.yaml"),
        include_str!("../../examples/shop-swift/dram.yaml"),
        include_str!("../../examples/shop-kubernetes/dram.yaml"),
        include_str!("../../examples/shop-openstack/dram.yaml"),
    ];
    texts
        .iter()
        .flat_map(|text| parse(&secret_words(), &Sources::one("t.yaml", text), &mut Vec::new()))
        .map(|document| {
            let document = Written::read(document, &secret_words(), &mut Vec::new());
            let mut whole = document.declaration.unwrap().to_json();
            whole["spec"] = document.spec.to_json();
            whole
        })
        .collect()
}

fn judged_alike(validator: &Validator, document: &Value) -> Result<bool, String> {
    let schema = validator.is_valid(document);
    match Declaration::from_json(document) {
        Ok(_) if schema => Ok(true),
        Ok(_) => Err(format!("only the schema refuses {document}")),
        Err(_) if !schema => Ok(false),
        Err(findings) => {
            let beyond = findings
                .iter()
                .all(|finding| BEYOND_A_SCHEMA.iter().any(|(code, _)| *code == finding.code));
            if beyond {
                Ok(false)
            } else {
                Err(format!("only the check refuses {document}: {findings:#?}"))
            }
        }
    }
}

/// Values of every shape, and texts that are nearly right.
fn values() -> Vec<Value> {
    json!([
        null, true, false, 0, 1, -1, 1.5, 4294967295u64, 4294967296u64, "", "x", "X", "a-b", "-a", "a\n", "75m", "1h", "0s", "1.5h", "m",
        "10Gi", "10GB", "10", "5Mi/s", "5Mi", "/", "/a", "a/b", "keep", "fail", "Keep", "DRAM_KEY", "9X", "dram.dev/v1", "Vault", "Catalog",
        64, 65, "80%", "0%", "101%", "ab", "a..b", "a//b", "https://h", "https://h/b", "https://h:1/", "http://u@h", "file:///c", "s3://abc/x",
        "s3://a", "postgres://u@h/d", "postgres://u:hunter2@h/d", "governance", {"sharedProfile": "a"}, {"bucket": "abc"},
        [], [[]], ["a"], ["/a"], [1], [null], ["a", "b"], {}, {"x": 1}, {"name": "a"}, {"every": "1h"}, {"path": "/a"}, {"file": "/a"},
        {"env": "A"}, {"env": "A", "file": "/a"}, {"run": []}, {"run": ["a"]}, {"shell": "a"}, [{"name": "a"}], [{"every": "1h"}],
        [{"name": "a"}, {"name": "b"}]
    ])
    .as_array()
    .unwrap()
    .clone()
}

/// The pointers to every value of a document.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            places(
                value,
                &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                found,
            )
        }),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(n, value)| places(value, &format!("{at}/{n}"), found)),
        _ => {}
    }
}

/// Every document with one change: another value, a key less, a key more, a key renamed, an element twice.
fn mutations(document: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    places(document, "", &mut found);
    let mut all = Vec::new();
    for place in found {
        for value in values() {
            let mut changed = document.clone();
            *changed.pointer_mut(&place).unwrap() = value;
            all.push(changed);
        }
        match document.pointer(&place).unwrap() {
            Value::Object(entries) => {
                for key in entries.keys() {
                    let mut changed = document.clone();
                    let entries = changed.pointer_mut(&place).unwrap().as_object_mut().unwrap();
                    let value = entries.remove(key).unwrap();
                    all.push(changed.clone());
                    changed.pointer_mut(&place).unwrap()[format!("{key}x")] = value;
                    all.push(changed);
                }
                for key in [
                    "name",
                    "extra",
                    "env",
                    "shell",
                    "exec",
                    "rto",
                    "directory",
                    "host",
                    "timeout",
                ] {
                    for value in [json!("1h"), json!({}), json!({"shell": "x"})] {
                        let mut changed = document.clone();
                        changed.pointer_mut(&place).unwrap()[key] = value;
                        all.push(changed);
                    }
                }
            }
            Value::Array(elements) => {
                let mut changed = document.clone();
                changed
                    .pointer_mut(&place)
                    .unwrap()
                    .as_array_mut()
                    .unwrap()
                    .extend(elements.clone());
                all.push(changed);
            }
            _ => {}
        }
    }
    all
}

#[test]
fn documents_with_one_change_are_judged_alike() {
    let validator = validator();
    let (mut right, mut wrong) = (0, Vec::new());
    let mut count = 0;
    for document in documents() {
        assert_eq!(judged_alike(&validator, &document), Ok(true));
        for changed in mutations(&document) {
            count += 1;
            match judged_alike(&validator, &changed) {
                Ok(valid) => right += usize::from(valid),
                Err(why) => wrong.push(why),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}: {}",
        wrong.len(),
        wrong[..wrong.len().min(10)].join("\n")
    );
    // Neither refuses all.
    assert!(right > 300 && right < count / 2, "{right} of {count}");
}

proptest! {
    /// Two changes at once, of any document.
    #[test]
    fn documents_with_two_changes_are_judged_alike(which in any::<prop::sample::Index>(), first in any::<prop::sample::Index>(), second in any::<prop::sample::Index>()) {
        thread_local!(static VALIDATOR: Validator = validator());
        let documents = documents();
        let once = mutations(which.get(&documents));
        let twice = mutations(first.get(&once));
        let judged = VALIDATOR.with(|validator| judged_alike(validator, second.get(&twice)));
        prop_assert!(judged.is_ok(), "{}", judged.unwrap_err());
    }
}

/// Rules that span fields or documents are no part of the schema: a document that it admits may still be refused.
#[test]
fn what_only_the_check_can_say() {
    let zero = json!({
        "apiVersion": "dram.dev/v1", "kind": "ProtectionPolicy", "metadata": {"name": "p"},
        "spec": {"objectives": {"rpo": "1h", "rto": "0s"}, "vaults": [{"name": "nowhere"}]},
    });
    assert!(validator().is_valid(&zero));
    let found: Vec<&str> = check(&Sources::one("p.json", &zero.to_string()))
        .diagnostics
        .iter()
        .map(|finding| finding.code.id)
        .collect();
    assert_eq!(found, [codes::ZERO.id, codes::UNRESOLVED.id]);
}

/// The schema itself is one, and every field of it says what it is.
#[test]
fn the_schema_is_valid() {
    let schema = json_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert!(
            definition["description"].as_str().is_some_and(|doc| !doc.is_empty()),
            "{name}"
        );
        for (field, property) in definition["properties"].as_object().unwrap() {
            assert!(
                property["description"].as_str().is_some_and(|doc| !doc.is_empty()),
                "{name}.{field}"
            );
        }
    }
}

/// The models that the reference shows hold, the second one beside the first.
#[test]
fn the_reference_shows_models_that_hold() {
    let page = dram_compiler::schema::reference();
    let shown: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let checked = dram_compiler::check::check(&Sources::one("shown.yaml", &shown.join("---\n")));
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    assert_eq!(checked.model.unwrap().plans().len(), 2);
    // Each section is there once, so that a link leads to it.
    let mut headlines: Vec<&str> = page.lines().filter(|line| line.starts_with("##")).collect();
    let all = headlines.len();
    headlines.sort_unstable();
    headlines.dedup();
    assert_eq!(headlines.len(), all);
}
