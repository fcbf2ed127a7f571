//! Findings for programs: one JSON object each.

use super::text::mask_secrets;
use crate::source::Sources;
use dram_fields::{Diagnostic, Severity, Span, path_text};
use serde_json::{Value, json};

/// The findings as a JSON array. Lines and columns count from 1, columns in characters; `file` and what follows it
/// are absent where no text stands behind a finding.
#[must_use]
pub fn to_json(sources: &Sources, diagnostics: &[Diagnostic]) -> Value {
    let masked = mask_secrets(sources, diagnostics);
    diagnostics
        .iter()
        .map(|finding| {
            let related: Vec<Value> = finding
                .related
                .iter()
                .map(|(span, label)| {
                    let mut place = place(&masked, *span);
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
                "place": place(&masked, finding.span),
                "related": related,
            })
        })
        .collect()
}

fn place(sources: &Sources, span: Span) -> Value {
    let Some(source) = sources.get(span.source) else { return Value::Null };
    let (line, column) = line_and_column(&source.text, span.start);
    let (end_line, end_column) = line_and_column(&source.text, span.end);
    json!({
        "file": source.path,
        "line": line, "column": column, "endLine": end_line, "endColumn": end_column,
        "start": span.start, "end": span.end,
    })
}

fn line_and_column(text: &str, offset: u32) -> (usize, usize) {
    let end = text.floor_char_boundary((offset as usize).min(text.len()));
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
