//! Findings for programs: one JSON object each.

use super::edit::{Edit, edits};
use super::shown::{Shown, shown};
use crate::source::Sources;
use dram_fields::{Diagnostic, Fix, Severity, Span, path_text};
use serde_json::{Value, json};

/// The findings as a JSON array. Lines and columns count from 1, columns in characters; `start` and `end` count bytes.
/// A `place` is null where no text stands behind a finding, `fix` where not exactly one way out is right.
#[must_use]
pub fn to_json(sources: &Sources, diagnostics: &[Diagnostic]) -> Value {
    let shown = shown(sources, diagnostics);
    diagnostics
        .iter()
        .map(|finding| {
            let related: Vec<Value> = finding
                .related
                .iter()
                .map(|(span, label)| with(place(&shown, *span), "message", label))
                .collect();
            json!({
                "code": finding.code.id,
                "severity": match finding.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
                "message": finding.message,
                "label": finding.label,
                "help": finding.help,
                "path": path_text(&finding.path),
                "place": place(&shown, finding.span),
                "related": related,
                "fix": finding.fix.as_ref().and_then(|fix| fix_json(sources, &shown, fix)),
            })
        })
        .collect()
}

/// JSON Schema (2020-12) of what [`to_json`] gives.
#[must_use]
pub fn findings_schema() -> Value {
    let object = |properties: Value| {
        let required: Vec<String> = properties
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    };
    let count = |least: u32, what: &str| json!({"type": "integer", "minimum": least, "description": what});
    let place = json!({
        "file": {"type": "string", "description": "The file, as it was named to the program."},
        "line": count(1, "The line, counted from 1."),
        "column": count(1, "The column, counted from 1, in characters."),
        "endLine": count(1, "The line in which it ends."),
        "endColumn": count(1, "The column behind its last character."),
        "start": count(0, "Its first byte."),
        "end": count(0, "The byte after its last."),
    });
    let text = |what: &str| json!({"type": "string", "description": what});
    let finding = json!({
        "code": {"type": "string", "pattern": "^DRAM[0-9]{4}$", "description": "The stable code; `dramc explain` has a page on each."},
        "severity": {"enum": ["error", "warning"], "description": "With an error the model is refused."},
        "message": text("What is wrong."),
        "label": text("Words beside the place; may be empty."),
        "help": {"type": ["string", "null"], "description": "The way out."},
        "path": text("The value that is meant, from the root of its document; may be empty."),
        "place": {"anyOf": [{"$ref": "#/$defs/place"}, {"type": "null"}], "description": "Where it stands; null where no text stands behind it."},
        "related": {"type": "array", "items": {"$ref": "#/$defs/related"}, "description": "Other places that belong to it."},
        "fix": {"anyOf": [{"$ref": "#/$defs/fix"}, {"type": "null"}], "description": "What `dramc check --fix` would do; null where not exactly one way out is right."},
    });
    let mut related = place.clone();
    let mut edit = place.clone();
    if let (Some(related), Some(edit)) = (related.as_object_mut(), edit.as_object_mut()) {
        related.insert("message".to_owned(), text("What is there."));
        edit.insert("text".to_owned(), text("What comes in its place."));
    }
    let fix = json!({
        "why": text("What it does."),
        "edits": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/edit"}, "description": "What changes: all of it, or nothing. The places do not overlap."},
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `dramc check --format json` prints",
        "type": "array",
        "items": {"$ref": "#/$defs/finding"},
        "$defs": {
            "finding": object(finding),
            "place": object(place),
            "related": {"anyOf": [object(related), {"type": "null"}]},
            "fix": object(fix),
            "edit": object(edit),
        },
    })
}

fn fix_json(sources: &Sources, shown: &[Shown], fix: &Fix) -> Option<Value> {
    let edit = |edit: &Edit| with(place(shown, edit.span), "text", &edit.text);
    let edits: Vec<Value> = edits(sources, fix)?.iter().map(edit).collect();
    Some(json!({"why": fix.why, "edits": edits}))
}

fn with(mut place: Value, name: &str, text: &str) -> Value {
    if let Value::Object(place) = &mut place {
        place.insert(name.to_owned(), json!(text));
    }
    place
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
