//! JSON Schema (draft 2020-12) of a kind. What it admits is what decoding admits, as far as a schema can say it.

use super::reachable;
use crate::{Field, Item, Kind, Ty};
use serde_json::{Map, Value, json};

/// The definitions of a kind and of everything it holds, by name, for `$defs`.
#[must_use]
pub fn definitions(root: &'static Kind) -> Map<String, Value> {
    let mut definitions = Map::new();
    for kind in reachable(root) {
        definitions.insert(kind.name.to_owned(), definition(kind, Values::Plain));
        let templates = kind.fields().filter_map(|field| match field.ty {
            Ty::Template(template) => Some(template()),
            _ => None,
        });
        for kind in templates.flat_map(reachable) {
            definitions.insert(template_name(kind), definition(kind, Values::OrParameters));
        }
    }
    definitions
}

/// What may stand in the place of plain values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Values alone.
    Plain,
    /// Values, and text with parameters.
    OrParameters,
}

/// How the definition of a block is called in which parameters may stand.
fn template_name(kind: &Kind) -> String {
    format!("{}Template", kind.name)
}

fn definition(kind: &'static Kind, values: Values) -> Value {
    let properties: Map<String, Value> = kind
        .fields()
        .map(|field| (field.name.to_owned(), property(field, values)))
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

fn property(field: &'static Field, values: Values) -> Value {
    let mut schema = shape(&field.ty, values);
    let counted = match field.ty {
        Ty::List(_) => Some(("minItems", "maxItems")),
        Ty::Map(_) => Some(("minProperties", "maxProperties")),
        _ => None,
    };
    if let (Value::Object(schema), Some((least, most))) = (&mut schema, counted) {
        if field.min > 0 {
            schema.insert(least.to_owned(), json!(field.min));
        }
        if field.max > 0 {
            schema.insert(most.to_owned(), json!(field.max));
        }
    }
    // A parameter stands for a whole list as well, though not for one of blocks.
    if values == Values::OrParameters && matches!(field.ty, Ty::List(_)) && super::block_of(&field.ty).is_none() {
        schema = or_parameters(schema);
    }
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(described(field)));
        if let Some(default) = field.default {
            schema.insert("default".to_owned(), default().to_json());
        }
    }
    schema
}

/// What a field is, and what its words mean.
fn described(field: &Field) -> String {
    let mut doc = field.doc.to_owned();
    if let Some(kind) = field.refers {
        doc.push_str(&format!("\n\nRefers to a {kind}."));
    }
    if let Ty::Word(words) = field.ty {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("\n- `{}`: {}", word.name, word.doc))
            .collect();
        doc.push_str(&format!("\n{}", words.concat()));
    }
    doc
}

fn shape(ty: &Ty, values: Values) -> Value {
    let plain = match ty {
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
        Ty::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Ty::List(ty) => return json!({"type": "array", "items": shape(ty, values)}),
        Ty::Map(ty) => return json!({"type": "object", "additionalProperties": shape(ty, values)}),
        Ty::Block(kind) if values == Values::OrParameters => return reference(&template_name(kind())),
        Ty::Block(kind) | Ty::Secret(kind) => return reference(kind().name),
        Ty::Template(kind) => return reference(&template_name(kind())),
    };
    match values {
        Values::Plain => plain,
        Values::OrParameters => or_parameters(plain),
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A value, or text in which a parameter stands.
fn or_parameters(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": crate::template::HAS_PARAMETER}]})
}
