//! What leaves the compiler: it reads back as what went in, Terraform's own formatter has nothing to change, and it
//! depends on nothing but the model.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the formatter is a program"
)]

use dram_compiler::backend::{Artifacts, json, terraform};
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::{assemble, check};
use dram_compiler::model::{Declaration, Model};
use dram_compiler::source::Sources;
use dram_fields::write::hcl::{Body, Value, quote};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::path::Path;
use std::process::Command;

const COMPLETE: &str = include_str!("language/complete.yaml");
const SHOP: &str = include_str!("../../examples/shop/dram.yaml");
const SHOP_S3: &str = include_str!("../../examples/shop-s3/dram.yaml");
const SHOP_SWIFT: &str = include_str!("../../examples/shop-swift/dram.yaml");
const SHOP_KUBERNETES: &str = include_str!("../../examples/shop-kubernetes/dram.yaml");
const SHOP_OPENSTACK: &str = include_str!("../../examples/shop-openstack/dram.yaml");
const THREE_SITES: &str = include_str!("../../examples/three-sites/dram.yaml");

/// All of them with their names.
const MODELS: [(&str, &str); 7] = [
    ("complete", COMPLETE),
    ("shop", SHOP),
    ("shop-s3", SHOP_S3),
    ("shop-swift", SHOP_SWIFT),
    ("shop-kubernetes", SHOP_KUBERNETES),
    ("shop-openstack", SHOP_OPENSTACK),
    ("three-sites", THREE_SITES),
];

fn model(text: &str) -> Model {
    let checked = check(&Sources::one("t.yaml", text));
    let said: Vec<&str> = checked
        .diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    checked.model.unwrap_or_else(|| unreachable!("{said:#?}"))
}

/// Model → record → model is the identity, and a second time changes nothing.
#[test]
fn a_declaration_reads_back_as_itself() {
    for (_, text) in MODELS {
        let model = model(text);
        for declaration in model.declarations() {
            let json = declaration.to_json();
            let back = Declaration::from_json(&json).unwrap();
            assert_eq!(back, declaration);
            assert_eq!(back.to_json(), json);
        }
        let again = assemble(model.declarations()).unwrap();
        assert!(again.declarations().eq(model.declarations()));
    }
}

/// `model.json` is an array of documents; each document of it is a model's document again, for JSON is YAML.
#[test]
fn the_json_artifact_is_a_model_again() {
    for (_, text) in MODELS {
        let built = json::build(&model(text));
        let documents: Vec<serde_json::Value> = serde_json::from_str(&built["model.json"]).unwrap();
        let stream: Vec<String> = documents.iter().map(|document| format!("{document:#}\n")).collect();
        assert_eq!(json::build(&model(&stream.join("---\n"))), built);
    }
}

#[test]
fn the_order_of_files_and_documents_changes_nothing() {
    for (_, text) in MODELS {
        let mut documents: Vec<&str> = text.split("\n---\n").collect();
        let expected = [commented(text), json::build(&model(text))];
        for turn in 0..documents.len() {
            documents.rotate_left(1);
            if turn % 2 == 0 {
                documents.reverse();
            }
            let mut files = Sources::new();
            for (number, document) in documents.iter().enumerate() {
                files.add(format!("{number}.yaml"), format!("{document}\n"));
            }
            let model = check(&files).model.unwrap();
            let module = terraform::build(&blueprint(&model).commented(&files));
            assert_eq!([module, json::build(&model)], expected);
        }
    }
}

/// What is said before a declaration is said before its resource, and nothing of it is anything but a comment.
#[test]
fn comments_travel_with_their_declarations() {
    let texts = NASTY
        .iter()
        .filter(|text| !text.contains(['\n', '\r', '\u{1}', '\u{feff}']));
    let nasty: Vec<String> = texts
        .map(|text| format!("# {text}"))
        .chain(["# */ }".to_owned()])
        .collect();
    let nasty = nasty.join("\n");
    let text = format!("# first\n\n# second\n{SHOP_SWIFT}---\n{nasty}\n{VAULT}");
    let (first, second) = (Sources::one("a.yaml", &text), commented(&text));
    assert_eq!(second, terraform::build(&blueprint(&model(&text)).commented(&first)));
    let main = &second["main.tf"];
    // Of a catalog there is no resource; the provider has its address.
    assert!(main.starts_with("# first\n#\n# second\n#"), "{main}");
    let provider = main.split("provider \"dram\"").next().unwrap();
    assert!(provider.lines().all(|line| line.starts_with('#')), "{provider}");
    let above = main.split("resource \"dram_vault\" \"nasty\"").next().unwrap();
    let above: Vec<&str> = above.lines().rev().take_while(|line| line.starts_with('#')).collect();
    assert_eq!(above.len(), nasty.lines().count(), "{above:#?}");
    assert_eq!(above.first(), Some(&"# */ }"));
    let bare = terraform::build(&blueprint(&model(&text)));
    let without: Vec<&str> = main.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(without, bare["main.tf"].lines().collect::<Vec<_>>());
    if let Some(checked) = formatted(&[("main.tf".to_owned(), main.clone())]) {
        assert_eq!(checked, Ok(()));
    }
}

const VAULT: &str = "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nasty }\nspec: { directory: { path: /n }, \
    failureDomain: n, password: { file: /k } }\n";

/// The module of a text, with its comments.
fn commented(text: &str) -> Artifacts {
    terraform::build(&blueprint(&model(text)).commented(&Sources::one("b.yaml", text)))
}

/// The module of the sample, as a person reviews it.
#[test]
fn the_module_reads_well() {
    let built = terraform::build(&blueprint(&model(COMPLETE)));
    let answer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language/main.tf");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&answer, &built["main.tf"]).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&answer).unwrap_or_default(),
        built["main.tf"],
        "UPDATE_EXPECTED=1 writes it anew"
    );
    assert_eq!(
        built.keys().collect::<Vec<_>>(),
        ["main.tf", "outputs.tf", "variables.tf", "versions.tf"]
    );
}

/// Texts that HCL would read as something else.
const NASTY: &[&str] = &[
    "${a}",
    "%{if a}",
    "$${a}",
    "%%{a}",
    "$",
    "%",
    "$${",
    "\"",
    "\\",
    "\\\"",
    "a\nb",
    "a\r\nb",
    "\t",
    "\u{1}\u{7f}\u{85}",
    "ä",
    "日本",
    "🦀",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{feff}",
    "\u{2028}",
    "<<EOT",
    "#",
    "//",
    "/*",
    "{",
    "}",
    "",
    " ",
    "for",
    "null",
    "true",
    "1a",
    "a b",
    "$\u{7b}",
    "%",
];

/// Runs `terraform fmt -check` over texts; `None` when there is no Terraform on the PATH.
fn formatted(texts: &[(String, String)]) -> Option<Result<(), String>> {
    let directory = std::env::temp_dir().join(format!("dram-fmt-{}-{}", std::process::id(), texts.len()));
    std::fs::create_dir_all(&directory).unwrap();
    for (name, text) in texts {
        std::fs::write(directory.join(name), text).unwrap();
    }
    let run = Command::new("terraform")
        .args(["fmt", "-check", "-diff"])
        .arg(&directory)
        .env("CHECKPOINT_DISABLE", "1")
        .output();
    std::fs::remove_dir_all(&directory).unwrap();
    let Ok(run) = run else {
        dram_skips::skip("there is no `terraform` on the PATH, so nobody says how it would format");
        return None;
    };
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    Some(if run.status.success() { Ok(()) } else { Err(said) })
}

#[test]
fn terraform_would_format_nothing() {
    let mut texts = Vec::new();
    let nasty = nasty_model();
    for (name, text) in MODELS.into_iter().chain([("nasty", nasty.as_str())]) {
        for (file, text) in commented(text) {
            texts.push((format!("{name}-{file}"), text));
        }
    }
    // Bodies of any shape: names of any length, values over lines, blocks between attributes, comments.
    let mut runner = TestRunner::deterministic();
    for number in 0..200 {
        let body = body().new_tree(&mut runner).unwrap().current();
        texts.push((format!("any-{number}.tf"), body.render()));
    }
    if let Some(checked) = formatted(&texts) {
        assert_eq!(
            checked.map_err(|said| said.chars().take(4_000).collect::<String>()),
            Ok(())
        );
    }
}

/// A model whose texts are all nasty, with many elements.
fn nasty_model() -> String {
    let mut components = Vec::new();
    let many: Vec<String> = (0..500).map(|n| format!("/srv/{n}")).collect();
    for (number, text) in NASTY.iter().enumerate() {
        let pattern = if text.trim().is_empty() { "x" } else { text };
        components.push(json!({
            "name": format!("c{number}"),
            "host": {"paths": [format!("/srv/{}", text.replace("..", "")), "/x"], "exclude": [pattern, "*.log"]},
            "health": [{"http": {"url": "http://x", "body": text}}, {"exec": {"run": ["echo", text]}}],
        }));
    }
    components.push(json!({"name": "many", "host": {"paths": many}}));
    let values: serde_json::Map<String, serde_json::Value> = NASTY
        .iter()
        .chain(&["long".repeat(200).as_str()])
        .map(|text| (format!("/from/{text}"), json!(format!("/to/{text}"))))
        .collect();
    let documents = [
        document("RecoverySite", "for", json!({"host": {}, "failureDomain": "a"})),
        document(
            "RecoverySite",
            "9lives",
            json!({"host": {"root": "/${a}"}, "failureDomain": "b"}),
        ),
        document(
            "Vault",
            "null",
            json!({"directory": {"path": "/%{if}"}, "failureDomain": "v", "password": {"file": "/\"k\""}}),
        ),
        document(
            "Vault",
            "swift",
            json!({"swift": {"cloud": "a", "container": "${a} %{if} \"\\"}, "failureDomain": "w", "password": {"env": "A"}}),
        ),
        document(
            "ProtectionPolicy",
            "true",
            json!({"objectives": {"rpo": "1h"}, "vaults": [{"name": "null"}, {"name": "swift"}]}),
        ),
        document(
            "Application",
            "for",
            json!({"site": "for", "policy": "true", "components": components.clone()}),
        ),
        document(
            "Application",
            "0-0",
            json!({"site": "for", "policy": "true", "components": components}),
        ),
        document(
            "RecoveryPlan",
            "each",
            json!({"applications": {"names": ["for"]}, "targets": [{"site": "9lives"}], "mappings": {"path": {"values": values}}}),
        ),
    ];
    documents.join("---\n")
}

fn document(kind: &str, name: &str, spec: serde_json::Value) -> String {
    let whole = json!({"apiVersion": "dram.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    // JSON may hold this character as it is, YAML only escaped.
    format!("{whole:#}\n").replace('\u{7f}', "\\u007f")
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(NASTY.to_vec()).prop_map(str::to_owned),
        "[a-zäé ]{0,20}"
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::Text),
        Just(Value::Raw("null".to_owned())),
        Just(Value::Raw("12".to_owned()))
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Body> {
    let with_value = ("[a-z_]{1,12}", value());
    let attributes = prop::collection::btree_map(with_value.0, with_value.1, 0..6).prop_map(|map| {
        map.into_iter().fold(Body::new(), |body, (name, value)| {
            body.attribute(format!("a_{name}"), value)
        })
    });
    attributes.prop_recursive(3, 12, 4, |inner| {
        (
            inner.clone(),
            prop::collection::vec(("[a-z_]{1,8}", inner, any::<bool>()), 0..4),
        )
            .prop_map(|(body, blocks)| {
                blocks.into_iter().fold(body, |body, (name, inner, said)| {
                    let body = if said {
                        body.comments(&["a comment", "of two lines"])
                    } else {
                        body
                    };
                    body.block(format!("b_{name} {}", quote("a b")), inner)
                })
            })
    })
}

/// Every kind, name and text of a nasty model is in the module, quoted so that nothing of it is read as an expression.
#[test]
fn nothing_is_read_as_an_expression() {
    let built = terraform::build(&blueprint(&model(&nasty_model())));
    let main = &built["main.tf"];
    for needle in [
        "\"$${a}\"",
        "\"%%{if a}\"",
        "\"$$${a}\"",
        "\"a\\nb\"",
        "\"a\\r\\nb\"",
        "\"\\u0001\\u007f\\u0085\"",
        "\"/$${a}\"",
        "\"$$${\"",
    ] {
        assert!(main.contains(needle), "{needle}");
    }
    assert!(main.contains("resource \"dram_recovery_site\" \"_9lives\" {"));
    assert!(main.contains("= dram_recovery_site._9lives.name"));
    assert!(
        built["outputs.tf"].contains("    \"for\" = dram_application.for.worst_case_rpo_seconds"),
        "{}",
        built["outputs.tf"]
    );
}
