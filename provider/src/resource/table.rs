//! Between the tables of the fields and Terraform: schemas, values, paths and words.

use dram_fields::{Data, Entry, Field, Item, Kind, Node, Step as FieldStep, Ty};

use crate::notice::{Gravity, Notice};
use crate::schema::{Attribute, Block, Giver, NestedBlock, Nesting};
use crate::value::{Number, Path, Step, Type, Value};

/// The schema of a kind: scalars, lists and maps of text are attributes, blocks are blocks.
#[must_use]
pub(super) fn block(kind: &'static Kind) -> Block {
    let mut block = Block {
        description: words(kind.doc),
        ..Block::default()
    };
    for item in kind.items {
        match item {
            Item::Field(field) => add(&mut block, field, field.required, String::new()),
            Item::OneOf { required, variants } => {
                let names: Vec<String> = variants
                    .iter()
                    .map(|field| format!("`{}`", field.terraform_name()))
                    .collect();
                let rule = match (names.as_slice(), required) {
                    ([_], true) => " Required.".to_owned(),
                    ([_], false) | ([], _) => String::new(),
                    (_, true) => format!(" Exactly one of {} must be given.", names.join(", ")),
                    (_, false) => format!(" At most one of {} may be given.", names.join(", ")),
                };
                for field in *variants {
                    add(&mut block, field, false, rule.clone());
                }
            }
        }
    }
    block
}

fn add(block: &mut Block, field: &'static Field, required: bool, rule: String) {
    let name = field.terraform_name();
    let mut description = words(field.doc);
    description.push_str(&rule);
    match nested(&field.ty) {
        Some((kind, many)) => {
            let nesting = if many {
                Nesting::List {
                    min: field.min,
                    max: field.max,
                }
            } else {
                Nesting::Single { required }
            };
            let inner = self::block(kind);
            block.blocks.push(NestedBlock {
                name,
                nesting,
                block: Block { description, ..inner },
            });
        }
        None => {
            if let Some(default) = default_of(field) {
                description.push_str(&format!(" Default: `{default}`."));
            }
            description.push_str(&shape_note(&field.ty));
            let giver = if required { Giver::Required } else { Giver::Optional };
            block.attributes.push(Attribute {
                name,
                ty: attribute_type(&field.ty),
                giver,
                description,
            });
        }
    }
}

/// The block that a shape stands for, and whether there may be many.
fn nested(ty: &Ty) -> Option<(&'static Kind, bool)> {
    match ty {
        Ty::Block(kind) | Ty::Secret(kind) => Some((kind(), false)),
        Ty::List(Ty::Block(kind) | Ty::Secret(kind)) => Some((kind(), true)),
        _ => None,
    }
}

fn attribute_type(ty: &Ty) -> Type {
    match ty {
        Ty::Text(_) | Ty::Word(_) | Ty::Scalar => Type::Text,
        Ty::Bool => Type::Bool,
        Ty::Int { .. } => Type::Number,
        Ty::List(of) => Type::List(Box::new(attribute_type(of))),
        Ty::Map(of) => Type::Map(Box::new(attribute_type(of))),
        // Blocks that are elements of a map, and templates; no resource has any, and the schema test says so if one comes.
        Ty::Block(kind) | Ty::Secret(kind) | Ty::Template(kind) => block(kind()).ty(),
    }
}

fn default_of(field: &Field) -> Option<String> {
    match field.default?().data {
        Data::Text(text) | Data::Number(text) => Some(text),
        Data::Bool(value) => Some(value.to_string()),
        Data::Null | Data::Unknown | Data::List(_) | Data::Map(_) => None,
    }
}

fn shape_note(ty: &Ty) -> String {
    match ty {
        Ty::Text(format) if !format.example.is_empty() => {
            let name = format.name;
            let mut letters = name.chars();
            let name: String = letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(letters)
                .collect();
            format!(" {name}, for example `{}`.", format.example)
        }
        Ty::Word(list) => list
            .iter()
            .map(|word| format!(" `{}`: {}", word.name, words(word.doc)))
            .collect(),
        Ty::Int { least, most } if *most < u32::MAX => format!(" A whole number from {least} to {most}."),
        Ty::List(of) => shape_note(of),
        _ => String::new(),
    }
}

/// The tree that decoders read, of a Terraform value. What is null is left out.
#[must_use]
pub(super) fn node_of(kind: &'static Kind, value: &Value) -> Node {
    let mut entries = Vec::new();
    for field in kind.fields() {
        let part = value.attribute(&field.terraform_name());
        let nothing = match part {
            Value::Null => true,
            // A list of blocks that holds none was not written; an empty list attribute was.
            Value::List(elements) => elements.is_empty() && nested(&field.ty).is_some(),
            _ => false,
        };
        if !nothing {
            entries.push(Entry::new(field.name, node(&field.ty, part)));
        }
    }
    Node::new(Data::Map(entries))
}

fn node(ty: &Ty, value: &Value) -> Node {
    Node::new(match (ty, value) {
        (Ty::Block(kind) | Ty::Secret(kind), Value::Map(_)) => return node_of(kind(), value),
        (Ty::List(of), Value::List(elements)) => Data::List(elements.iter().map(|element| node(of, element)).collect()),
        (Ty::Map(of), Value::Map(entries)) => Data::Map(
            entries
                .iter()
                .map(|(name, value)| Entry::new(name.as_str(), node(of, value)))
                .collect(),
        ),
        (_, Value::Bool(value)) => Data::Bool(*value),
        (_, Value::Number(number)) => Data::Number(
            number
                .as_integer()
                .map_or_else(|| number.to_string(), |integer| integer.to_string()),
        ),
        (_, Value::Text(text)) => Data::Text(text.clone()),
        (_, Value::Unknown(_)) => Data::Unknown,
        (_, Value::Null | Value::List(_) | Value::Map(_) | Value::Dynamic(_)) => Data::Null,
    })
}

/// The Terraform value of a recorded tree, in the spelling of `said` wherever that means the same. What the record says
/// only because it is the default stays unsaid.
#[must_use]
pub(super) fn value_of(kind: &'static Kind, recorded: &Node, said: &Value) -> Value {
    let part = |field: &'static Field| {
        let name = field.terraform_name();
        let said = said.attribute(&name);
        let default = field.default.map(|default| default().data);
        let value = match recorded.get(field.name) {
            Some(node) if said.is_null() && default.as_ref() == Some(&node.data) => Value::Null,
            Some(node) => respelled(&field.ty, node, said),
            None => match said {
                Value::List(elements) if elements.is_empty() => said.clone(),
                Value::Map(entries) if entries.is_empty() => said.clone(),
                _ if nested(&field.ty).is_some_and(|(_, many)| many) => Value::List(Vec::new()),
                _ => Value::Null,
            },
        };
        (name, value)
    };
    Value::Map(kind.fields().map(part).collect())
}

/// What a resource declares, without what only Terraform has.
#[must_use]
pub(super) fn declared(kind: &'static Kind, said: &Value) -> Value {
    let part = |field: &'static Field| {
        let name = field.terraform_name();
        let value = said.attribute(&name).clone();
        (name, value)
    };
    Value::Map(kind.fields().map(part).collect())
}

fn respelled(ty: &Ty, recorded: &Node, said: &Value) -> Value {
    match (ty, &recorded.data) {
        (Ty::Block(kind) | Ty::Secret(kind), _) => value_of(kind(), recorded, said),
        (Ty::List(of), Data::List(elements)) => {
            let said: &[Value] = if let Value::List(said) = said { said } else { &[] };
            let respelled =
                |(index, element): (usize, &Node)| respelled(of, element, said.get(index).unwrap_or(&Value::Null));
            Value::List(elements.iter().enumerate().map(respelled).collect())
        }
        (Ty::Map(of), Data::Map(entries)) => {
            let respelled = |entry: &Entry| {
                (
                    entry.name.clone(),
                    respelled(of, &entry.value, said.attribute(&entry.name)),
                )
            };
            Value::Map(entries.iter().map(respelled).collect())
        }
        (_, data) => {
            let value = match data {
                Data::Bool(value) => Value::Bool(*value),
                Data::Number(text) => Number::parse(text).map_or(Value::Null, Value::Number),
                Data::Text(text) => Value::Text(text.clone()),
                Data::Null | Data::Unknown | Data::List(_) | Data::Map(_) => Value::Null,
            };
            if same(ty, said, &value) { said.clone() } else { value }
        }
    }
}

/// The configured value, in the prior spelling wherever that means the same. Each attribute is taken from one or the
/// other as a whole, as hosts demand it.
#[must_use]
pub(super) fn kept(kind: &'static Kind, config: &Value, prior: &Value) -> Value {
    let Value::Map(_) = config else { return config.clone() };
    let part = |field: &'static Field| {
        let name = field.terraform_name();
        let (config, prior) = (config.attribute(&name), prior.attribute(&name));
        let value = match (nested(&field.ty), config, prior) {
            (Some((kind, false)), ..) => kept(kind, config, prior),
            (Some((kind, true)), Value::List(elements), _) => {
                let prior: &[Value] = if let Value::List(prior) = prior { prior } else { &[] };
                let kept = |(index, element)| kept(kind, element, prior.get(index).unwrap_or(&Value::Null));
                Value::List(elements.iter().enumerate().map(kept).collect())
            }
            _ if same(&field.ty, config, prior) => prior.clone(),
            _ => config.clone(),
        };
        (name, value)
    };
    Value::Map(kind.fields().map(part).collect())
}

/// Whether two attributes mean the same, however they are spelled.
fn same(ty: &Ty, one: &Value, other: &Value) -> bool {
    match (ty, one, other) {
        (Ty::Text(format), Value::Text(one), Value::Text(other)) => {
            one == other
                || matches!(((format.canonical)(one), (format.canonical)(other)), (Ok(one), Ok(other)) if one == other)
        }
        (Ty::List(of), Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(of, one, other))
        }
        (Ty::Map(of), Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((a, one), (b, other))| a == b && same(of, one, other))
        }
        _ => one == other,
    }
}

/// The way to a value, as Terraform names the steps.
#[must_use]
pub(super) fn path_of(steps: &[FieldStep]) -> Path {
    let step = |step: &FieldStep| match step {
        FieldStep::Field(field) => Step::Attribute(field.terraform_name()),
        FieldStep::Index(index) => Step::Index(*index),
        FieldStep::Key(key) => Step::Key(key.clone()),
    };
    Path::from(steps.iter().map(step).collect::<Vec<_>>())
}

/// What the check found, for a person who wrote Terraform.
#[must_use]
pub(super) fn notice_of(diagnostic: &dram_fields::Diagnostic) -> Notice {
    let gravity = match diagnostic.severity {
        dram_fields::Severity::Error => Gravity::Error,
        dram_fields::Severity::Warning => Gravity::Warning,
    };
    let mut detail = String::new();
    for text in [Some(diagnostic.label.as_str()), diagnostic.help.as_deref()]
        .into_iter()
        .flatten()
    {
        if !text.is_empty() {
            detail.push_str(&words(text));
            detail.push_str("\n\n");
        }
    }
    let code = diagnostic.code.id;
    detail.push_str(&format!("`dramc explain {code}` says more."));
    // The host prints the line that the path leads to. Where that may hold a secret, its parent is pointed at.
    let steps = match diagnostic.path.split_last() {
        Some((_, parent)) if !diagnostic.masked.is_empty() => {
            detail = format!(
                "It is about `{}`, which is not shown because it may be a secret.\n\n{detail}",
                path_of(&diagnostic.path)
            );
            parent
        }
        _ => diagnostic.path.as_slice(),
    };
    let path = (!steps.is_empty()).then(|| path_of(steps));
    Notice {
        gravity,
        summary: words(&diagnostic.message),
        detail,
        path,
    }
}

/// A text in which fields stand by their document names, with the names that they have in Terraform: `changeRate` in
/// backticks becomes `change_rate`.
#[must_use]
pub(super) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, piece) in text.split('`').enumerate() {
        if index > 0 {
            out.push('`');
        }
        if index % 2 == 1 && is_camel_path(piece) {
            out.push_str(&dram_fields::snake_case(piece));
        } else {
            out.push_str(piece);
        }
    }
    out
}

/// Whether a text is a field's name, or a path of them, in camelCase with at least one hump.
fn is_camel_path(text: &str) -> bool {
    text.chars().any(|char| char.is_ascii_uppercase())
        && text.split('.').all(|name| {
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.chars().all(|char| char.is_ascii_alphanumeric())
                && !name.contains(|char: char| char.is_ascii_digit())
        })
}
