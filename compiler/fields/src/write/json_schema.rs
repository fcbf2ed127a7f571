//! JSON Schema (draft 2020-12) of a kind. What it admits is what decoding admits, as far as a schema can say it.

use super::reachable;
use crate::{Field, Item, Kind, Ty};
use serde_json::{Map, Value, json};

/// The definitions of a kind and of everything it holds, by name, for `$defs`.
#[must_use]
pub fn definitions(root: &'static Kind) -> Map<String, Value> {
    reachable(root)
        .into_iter()
        .map(|kind| (kind.name.to_owned(), definition(kind)))
        .collect()
}

fn definition(kind: &'static Kind) -> Value {
    let properties: Map<String, Value> = kind
        .fields()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect();
    let mut required = Vec::new();
    let mut choices = Vec::new();
    for item in kind.items {
        match item {
            Item::Field(field) if field.required => required.push(json!(field.name)),
            Item::Field(_) => {}
            Item::OneOf {
                required: needed,
                variants,
            } => {
                let given = |field: &&'static Field| json!({"required": [field.name]});
                let mut ways: Vec<Value> = variants.iter().map(given).collect();
                if !needed {
                    ways.push(json!({"not": {"anyOf": variants.iter().map(given).collect::<Vec<_>>()}}));
                }
                choices.push(json!({"oneOf": ways}));
            }
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": kind.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if let Value::Object(schema) = &mut schema {
        if !required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        if !choices.is_empty() {
            schema.insert("allOf".to_owned(), Value::Array(choices));
        }
    }
    schema
}

fn property(field: &'static Field) -> Value {
    let mut schema = shape(&field.ty);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(field.doc));
        if matches!(field.ty, Ty::List(_)) {
            if field.min > 0 {
                schema.insert("minItems".to_owned(), json!(field.min));
            }
            if field.max > 0 {
                schema.insert("maxItems".to_owned(), json!(field.max));
            }
        }
        if let Some(default) = field.default {
            schema.insert("default".to_owned(), default().to_json());
        }
    }
    schema
}

fn shape(ty: &Ty) -> Value {
    match ty {
        Ty::Text(format) => {
            let mut schema = Map::new();
            schema.insert("type".to_owned(), json!("string"));
            if let Some(pattern) = format.pattern {
                schema.insert("pattern".to_owned(), json!(pattern));
            }
            if !format.example.is_empty() {
                schema.insert("examples".to_owned(), json!([format.example]));
            }
            Value::Object(schema)
        }
        Ty::Bool => json!({"type": "boolean"}),
        Ty::Int { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Ty::Word(words) => json!({"enum": words.iter().map(|word| word.name).collect::<Vec<_>>()}),
        Ty::List(ty) => json!({"type": "array", "items": shape(ty)}),
        Ty::Map(ty) => json!({"type": "object", "additionalProperties": shape(ty)}),
        Ty::Block(kind) | Ty::Secret(kind) => json!({"$ref": format!("#/$defs/{}", kind().name)}),
    }
}
