//! Findings for programs: one JSON object each.

use super::shown::{Shown, shown};
use crate::source::Sources;
use dram_fields::{Diagnostic, Severity, Span, path_text};
use serde_json::{Value, json};

/// The findings as a JSON array. Lines and columns count from 1, columns in characters; `file` and what follows it
/// are absent where no text stands behind a finding.
#[must_use]
pub fn to_json(sources: &Sources, diagnostics: &[Diagnostic]) -> Value {
    let sources = shown(sources, diagnostics);
    diagnostics
        .iter()
        .map(|finding| {
            let related: Vec<Value> = finding
                .related
                .iter()
                .map(|(span, label)| {
                    let mut place = place(&sources, *span);
                    if let Value::Object(place) = &mut place {
                        place.insert("message".to_owned(), json!(label));
                    }
                    place
                })
                .collect();
            json!({
                "code": finding.code.id,
                "severity": match finding.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
                "message": finding.message,
                "help": finding.help,
                "path": path_text(&finding.path),
                "place": place(&sources, finding.span),
                "related": related,
            })
        })
        .collect()
}

fn place(sources: &[Shown], span: Span) -> Value {
    let Some(source) = usize::try_from(span.source).ok().and_then(|source| sources.get(source)) else {
        return Value::Null;
    };
    let range = source.range(span);
    let (line, column) = source.line_and_column(range.start);
    let (end_line, end_column) = source.line_and_column(range.end);
    json!({
        "file": source.path,
        "line": line, "column": column, "endLine": end_line, "endColumn": end_column,
        "start": span.start, "end": span.end,
    })
}
