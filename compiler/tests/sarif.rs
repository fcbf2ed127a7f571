//! SARIF as its standard wants it. `sarif/` keeps the standard's schema.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]
#![expect(clippy::disallowed_methods, reason = "the samples lie in files")]

use dram_compiler::check::check;
use dram_compiler::diagnostic::{Diagnostic, Page, all_codes, apply, findings_schema, to_json, to_sarif};
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;
use jsonschema::Validator;
use serde_json::Value;
use std::path::Path;

const SCHEMA: &str = include_str!("sarif/sarif-schema-2.1.0.json");

fn findings(sources: &Sources) -> Vec<Diagnostic> {
    let checked = check(sources);
    let mut findings = checked.diagnostics;
    if let Some(model) = &checked.model {
        findings.extend(prove(model).diagnostics(model));
    }
    findings
}

/// Every sample, every wrong example, and texts whose bytes, characters and UTF-16 units differ.
fn cases() -> Vec<Sources> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut cases: Vec<Sources> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            Sources::one(
                path.file_name().unwrap().to_str().unwrap(),
                &std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    for code in all_codes() {
        cases.push(Sources::one("dram.yaml", &Page::of(code).wrong().unwrap().model()));
    }
    let wide = "# 🦀\r\napiVersion: dram.dev/v1\r\nkind: Vault\r\nmetadata: { name: nas, labels: { \"ä🦀\": \"🦀\" }, anotations: {} }\r\n\
                spec: { directory: { path: \"/🦀\", paths: x }, failureDomain: nas, password: { file: /k }, capacity: }\r\n";
    cases.push(Sources::one("models/a b.yaml", wide));
    let two = [("one.yaml", 1), ("two.yaml", 2)].map(|(path, number)| {
        let text = format!("apiVersion: dram.dev/v1\nkind: Vault\nmetadata: {{ name: nas }}\nspec: {{ directory: {{ path: /{number} }}, failureDomain: nas, password: {{ file: /k }} }}\n");
        (path.to_owned(), text)
    });
    cases.push(two.into_iter().collect());
    cases.push(Sources::one("holds.yaml", dram_compiler::diagnostic::SHOP));
    cases
}

fn holds(schema: &Validator, value: &Value) {
    let faults: Vec<String> = schema
        .iter_errors(value)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}\n{value:#}");
}

#[test]
fn every_finding_is_valid_sarif() {
    // One pattern of the standard closes a bracket that is not open: JavaScript takes it for itself, others refuse it.
    let schema = SCHEMA.replace("[a-zA-Z]{2}]?$", r"[a-zA-Z]{2}\\]?$");
    let schema = jsonschema::draft7::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    for sources in cases() {
        let found = findings(&sources);
        let sarif = to_sarif(&sources, &found);
        holds(&schema, &sarif);
        let run = &sarif["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), found.len());
        for result in run["results"].as_array().unwrap() {
            let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(rule["help"]["text"].as_str().unwrap().contains("Right:"));
        }
    }
}

#[test]
fn every_finding_is_as_the_schema_of_findings_says() {
    let schema = jsonschema::draft202012::new(&findings_schema()).unwrap();
    for sources in cases() {
        holds(&schema, &to_json(&sources, &findings(&sources)));
    }
    for wrong in ["{}", "[{}]", "[1]"] {
        assert!(!schema.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}

/// The byte that a line and a column of UTF-16 code units name.
fn byte_of(text: &str, line: u64, column: u64) -> usize {
    let start = text
        .split_inclusive('\n')
        .take(usize::try_from(line).unwrap() - 1)
        .map(str::len)
        .sum::<usize>();
    let mut units = usize::try_from(column).unwrap() - 1;
    let mut at = start;
    for c in text[start..].chars() {
        if units == 0 {
            break;
        }
        units -= c.len_utf16();
        at += c.len_utf8();
    }
    at
}

/// Both ways of saying where something stands say the same.
fn bytes(text: &str, region: &Value) -> (usize, usize) {
    let number = |name: &str| region[name].as_u64().unwrap();
    let start = usize::try_from(number("byteOffset")).unwrap();
    let end = start + usize::try_from(number("byteLength")).unwrap();
    assert_eq!(
        byte_of(text, number("startLine"), number("startColumn")),
        start,
        "{region}"
    );
    assert_eq!(byte_of(text, number("endLine"), number("endColumn")), end, "{region}");
    (start, end)
}

#[test]
fn regions_say_the_same_in_bytes_and_columns() {
    let mut seen = 0;
    for sources in cases() {
        let text = |uri: &Value| {
            let path = uri.as_str().unwrap().replace("%20", " ");
            &sources.iter().find(|(_, source)| source.path == path).unwrap().1.text
        };
        let sarif = to_sarif(&sources, &findings(&sources));
        for result in sarif["runs"][0]["results"].as_array().unwrap() {
            let places = |name: &str| result[name].as_array().cloned().unwrap_or_default();
            for place in places("locations").iter().chain(&places("relatedLocations")) {
                let place = &place["physicalLocation"];
                bytes(text(&place["artifactLocation"]["uri"]), &place["region"]);
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen}");
}

/// Whoever carries out a fix as SARIF says it gets what `dramc check --fix` writes.
#[test]
fn fixes_say_what_is_done() {
    let mut seen = 0;
    for sources in cases() {
        for finding in findings(&sources).iter().filter(|finding| finding.fix.is_some()) {
            let found = std::slice::from_ref(finding);
            let sarif = to_sarif(&sources, found);
            let change = &sarif["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
            let (_, source) = sources.iter().find(|(index, _)| *index == finding.span.source).unwrap();
            let mut text = source.text.clone();
            for replacement in change["replacements"].as_array().unwrap().iter().rev() {
                let (start, end) = bytes(&source.text, &replacement["deletedRegion"]);
                text.replace_range(start..end, replacement["insertedContent"]["text"].as_str().unwrap());
            }
            assert_eq!(text, apply(&sources, found).0.get(finding.span.source).unwrap().text);
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
