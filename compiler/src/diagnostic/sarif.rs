//! Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code hosts show in reviews.
//!
//! No text of a source enters it: regions say where, and inserted text is the language's own words.

use super::edit::edits;
use super::page::Page;
use super::shown::{Shown, shown};
use crate::source::Sources;
use dram_fields::{Code, Diagnostic, Fix, Severity, Span, path_text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The findings as one SARIF run.
#[must_use]
pub fn to_sarif(sources: &Sources, diagnostics: &[Diagnostic]) -> Value {
    let shown = shown(sources, diagnostics);
    let mut codes: Vec<&'static Code> = diagnostics.iter().map(|finding| finding.code).collect();
    codes.sort_by_key(|code| code.id);
    codes.dedup_by_key(|code| code.id);
    let index: BTreeMap<&str, usize> = codes.iter().enumerate().map(|(at, code)| (code.id, at)).collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|finding| result(sources, &shown, finding, index.get(finding.code.id).copied()))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dramc",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": codes.into_iter().map(rule).collect::<Vec<Value>>(),
            }},
            "invocations": [{"executionSuccessful": true}],
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

/// Where the page of a code is published.
fn page_address(code: &Code) -> String {
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{repository}/blob/main/docs/diagnostics/{}.md", code.id)
}

fn rule(code: &'static Code) -> Value {
    let page = Page::of(code);
    json!({
        "id": code.id,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": page.first_paragraph()},
        "help": {"text": page.for_a_terminal(), "markdown": page.text()},
        "helpUri": page_address(code),
    })
}

fn result(sources: &Sources, shown: &[Shown], finding: &Diagnostic, rule: Option<usize>) -> Value {
    let mut text = finding.message.clone();
    for more in [Some(&finding.label), finding.help.as_ref()].into_iter().flatten() {
        if !more.is_empty() {
            text.push_str(&format!(" ({more})"));
        }
    }
    let related: Vec<Value> = finding
        .related
        .iter()
        .filter_map(|(span, label)| Some((location(shown, *span)?, label)))
        .enumerate()
        .map(|(id, (place, label))| json!({"id": id, "physicalLocation": place, "message": {"text": label}}))
        .collect();
    let mut own = serde_json::Map::new();
    if let Some(place) = location(shown, finding.span) {
        own.insert("physicalLocation".to_owned(), place);
    }
    if !finding.path.is_empty() {
        let name = path_text(&finding.path);
        own.insert("logicalLocations".to_owned(), json!([{"fullyQualifiedName": name}]));
    }
    let mut result = json!({
        "ruleId": finding.code.id,
        "level": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": text},
    });
    let fix = finding.fix.as_ref().and_then(|fix| fix_json(sources, shown, fix));
    if let Some(result) = result.as_object_mut() {
        let parts = [
            ("ruleIndex", rule.map(|rule| json!(rule))),
            ("locations", (!own.is_empty()).then(|| json!([own]))),
            ("relatedLocations", (!related.is_empty()).then(|| json!(related))),
            ("fixes", fix.map(|fix| json!([fix]))),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                result.insert(name.to_owned(), part);
            }
        }
    }
    result
}

fn fix_json(sources: &Sources, shown: &[Shown], fix: &Fix) -> Option<Value> {
    let mut changes: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for edit in edits(sources, fix)? {
        let source = source(shown, edit.span)?;
        let replacement = json!({
            "deletedRegion": region(source, edit.span),
            "insertedContent": {"text": edit.text},
        });
        changes.entry(edit.span.source).or_default().push(replacement);
    }
    let changes: Vec<Value> = changes
        .into_iter()
        .filter_map(|(index, replacements)| {
            let source = usize::try_from(index).ok().and_then(|index| shown.get(index))?;
            Some(json!({"artifactLocation": {"uri": uri(&source.path)}, "replacements": replacements}))
        })
        .collect();
    Some(json!({"description": {"text": fix.why}, "artifactChanges": changes}))
}

fn source(shown: &[Shown], span: Span) -> Option<&Shown> {
    usize::try_from(span.source).ok().and_then(|index| shown.get(index))
}

fn location(shown: &[Shown], span: Span) -> Option<Value> {
    let source = source(shown, span)?;
    Some(json!({"artifactLocation": {"uri": uri(&source.path)}, "region": region(source, span)}))
}

fn region(source: &Shown, span: Span) -> Value {
    let range = source.range(span);
    let (line, column) = source.line_and_utf16_column(range.start);
    let (end_line, end_column) = source.line_and_utf16_column(range.end);
    json!({
        "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
        "byteOffset": range.start, "byteLength": range.end - range.start,
    })
}

/// A path as a URI reference (RFC 3986): what is relative stays so, that a reviewer's tool finds it in the repository.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        for (path, expected) in [
            ("models/dram.yaml", "models/dram.yaml"),
            ("./dram.yaml", "dram.yaml"),
            ("/srv/a b.yaml", "file:///srv/a%20b.yaml"),
            ("ä:1.yaml", "%C3%A4%3A1.yaml"),
            ("<standard input>", "%3Cstandard%20input%3E"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
