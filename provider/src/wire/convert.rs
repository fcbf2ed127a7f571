//! Between the messages of the wire and our own types.

use super::tfplugin5 as proto;
use crate::function::Function;
use crate::notice::{Gravity, Notice};
use crate::schema::{Attribute, Block, Giver, NestedBlock, Nesting, Schema};
use crate::value::{self, Path, Step, Type, Value, ValueError};

/// Reads a value of type `ty`. An absent value is null.
///
/// # Errors
/// If the bytes are not of their form or not of that type.
pub fn decode(value: Option<&proto::DynamicValue>, ty: &Type) -> Result<Value, ValueError> {
    match value {
        Some(value) if !value.msgpack.is_empty() => value::from_msgpack(&value.msgpack, ty),
        Some(value) if !value.json.is_empty() => value::from_json(&value.json, ty),
        _ => Ok(Value::Null),
    }
}

/// Writes a value of type `ty`.
///
/// # Errors
/// If the value is not of that type.
pub fn encode(value: &Value, ty: &Type) -> Result<proto::DynamicValue, ValueError> {
    Ok(proto::DynamicValue {
        msgpack: value::to_msgpack(value, ty)?,
        json: Vec::new(),
    })
}

/// Writes a function as hosts list it.
#[must_use]
pub fn encode_function(function: &Function) -> proto::Function {
    let parameters = function.parameters.iter().map(|parameter| proto::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: parameter.ty.to_json(),
        description: parameter.description.to_owned(),
        description_kind: proto::StringKind::Markdown.into(),
        ..Default::default()
    });
    proto::Function {
        parameters: parameters.collect(),
        r#return: Some(proto::function::Return {
            r#type: function.returns.to_json(),
        }),
        summary: function.summary.to_owned(),
        description: function.description.to_owned(),
        description_kind: proto::StringKind::Markdown.into(),
        ..Default::default()
    }
}

/// Writes what a person has to be told.
#[must_use]
pub fn encode_notices(notices: Vec<Notice>) -> Vec<proto::Diagnostic> {
    let encode = |notice: Notice| proto::Diagnostic {
        severity: match notice.gravity {
            Gravity::Error => proto::diagnostic::Severity::Error,
            Gravity::Warning => proto::diagnostic::Severity::Warning,
        }
        .into(),
        summary: notice.summary,
        detail: notice.detail,
        attribute: notice.path.as_ref().map(encode_path),
    };
    notices.into_iter().map(encode).collect()
}

/// Writes the way to a value.
#[must_use]
pub fn encode_path(path: &Path) -> proto::AttributePath {
    use proto::attribute_path::step::Selector;
    let encode = |step: &Step| proto::attribute_path::Step {
        selector: Some(match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
        }),
    };
    proto::AttributePath {
        steps: path.steps().iter().map(encode).collect(),
    }
}

/// Writes a schema.
#[must_use]
pub fn encode_schema(schema: &Schema) -> proto::Schema {
    proto::Schema {
        version: schema.version,
        block: Some(encode_block(&schema.block)),
    }
}

fn encode_block(block: &Block) -> proto::schema::Block {
    proto::schema::Block {
        attributes: block.attributes.iter().map(encode_attribute).collect(),
        block_types: block.blocks.iter().map(encode_nested).collect(),
        description: block.description.clone(),
        description_kind: proto::StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn encode_attribute(attribute: &Attribute) -> proto::schema::Attribute {
    proto::schema::Attribute {
        name: attribute.name.clone(),
        r#type: attribute.ty.to_json(),
        description: attribute.description.clone(),
        description_kind: proto::StringKind::Markdown.into(),
        required: attribute.giver == Giver::Required,
        optional: attribute.giver.optional(),
        computed: attribute.giver.computed(),
        ..Default::default()
    }
}

fn encode_nested(nested: &NestedBlock) -> proto::schema::NestedBlock {
    use proto::schema::nested_block::NestingMode;
    let (nesting, min_items, max_items) = match nested.nesting {
        Nesting::Single { required } => (NestingMode::Single, i64::from(required), i64::from(required)),
        Nesting::List { min, max } => (NestingMode::List, i64::from(min), i64::from(max)),
    };
    proto::schema::NestedBlock {
        type_name: nested.name.clone(),
        block: Some(encode_block(&nested.block)),
        nesting: nesting.into(),
        min_items,
        max_items,
    }
}
