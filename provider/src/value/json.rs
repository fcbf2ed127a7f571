//! Values as JSON, as a state file holds them.
//!
//! Numbers are read as they are written, digit by digit; JSON has no unknown values.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::msgpack::expected;
use super::{Number, Path, Step, Type, Value, ValueError};

/// Reads a value of type `ty`.
///
/// # Errors
/// If the text is not JSON, or a part has another shape than its type.
pub fn from_json(text: &[u8], ty: &Type) -> Result<Value, ValueError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(syntax)?;
    read(raw, ty, &Path::root())
}

fn syntax(error: serde_json::Error) -> ValueError {
    ValueError::Syntax(error.to_string())
}

fn read(raw: &RawValue, ty: &Type, path: &Path) -> Result<Value, ValueError> {
    let text = raw.get();
    let first = text.bytes().next().unwrap_or(b'n');
    match (ty, first) {
        (_, b'n') => Ok(Value::Null),
        (Type::Bool, b't' | b'f') => Ok(Value::Bool(first == b't')),
        (Type::Text, b'"') => Ok(Value::Text(serde_json::from_str(text).map_err(syntax)?)),
        (Type::Number, b'-' | b'0'..=b'9') => match Number::parse(text) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(ValueError::Syntax(format!("`{path}` is a number out of range"))),
        },
        (Type::List(of) | Type::Set(of), b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(syntax)?;
            let read = |(index, raw)| read(raw, of, &path.then(Step::Index(index)));
            Ok(Value::List(
                elements.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
            ))
        }
        (Type::Tuple(of), b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(syntax)?;
            if elements.len() != of.len() {
                return Err(ValueError::Shape {
                    path: path.clone(),
                    expected: expected(ty),
                    found: "another length",
                });
            }
            let read = |(index, (raw, ty))| read(raw, ty, &path.then(Step::Index(index)));
            Ok(Value::List(
                elements
                    .into_iter()
                    .zip(of)
                    .enumerate()
                    .map(read)
                    .collect::<Result<_, _>>()?,
            ))
        }
        (Type::Map(of), b'{') => {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(syntax)?;
            let read = |(key, raw): (String, _)| {
                let value = read(raw, of, &path.then(Step::Key(key.clone())))?;
                Ok((key, value))
            };
            Ok(Value::Map(
                entries.into_iter().map(read).collect::<Result<_, ValueError>>()?,
            ))
        }
        (Type::Object { attributes, .. }, b'{') => {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(syntax)?;
            if let Some(name) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(ValueError::Surplus {
                    path: path.then(Step::Attribute(name.clone())),
                });
            }
            let read = |(name, ty): (&String, &Type)| {
                let here = path.then(Step::Attribute(name.clone()));
                // State of before an attribute was added lacks it.
                let value = entries.get(name).map_or(Ok(Value::Null), |raw| read(raw, ty, &here))?;
                Ok((name.clone(), value))
            };
            Ok(Value::Map(
                attributes.iter().map(read).collect::<Result<_, ValueError>>()?,
            ))
        }
        (Type::Dynamic, b'{') => {
            let parts: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(syntax)?;
            let part = |name: &str| {
                let missing = || ValueError::Missing {
                    path: path.then(Step::Attribute(name.to_owned())),
                };
                parts.get(name).copied().ok_or_else(missing)
            };
            let ty = Type::from_json(part("type")?.get().as_bytes()).map_err(|source| ValueError::Type {
                path: path.clone(),
                source,
            })?;
            let value = read(part("value")?, &ty, path)?;
            Ok(Value::Dynamic(Box::new((ty, value))))
        }
        (ty, first) => {
            let found = match first {
                b't' | b'f' => "true or false",
                b'"' => "text",
                b'[' => "a list",
                b'{' => "an object",
                _ => "a number",
            };
            Err(ValueError::Shape {
                path: path.clone(),
                expected: expected(ty),
                found,
            })
        }
    }
}

/// Writes a value of type `ty` as a state file would hold it.
///
/// # Errors
/// If a part is unknown, or has another shape than its type.
pub fn to_json(value: &Value, ty: &Type) -> Result<String, ValueError> {
    let mut text = String::new();
    write(&mut text, value, ty, &Path::root())?;
    Ok(text)
}

fn write(out: &mut String, value: &Value, ty: &Type, path: &Path) -> Result<(), ValueError> {
    match (ty, value) {
        (_, Value::Null) => out.push_str("null"),
        (_, Value::Unknown(_)) => return Err(ValueError::UnknownInJson { path: path.clone() }),
        (Type::Bool, Value::Bool(value)) => out.push_str(if *value { "true" } else { "false" }),
        (Type::Number, Value::Number(number)) => out.push_str(&number.to_string()),
        (Type::Text, Value::Text(text)) => out.push_str(&quoted(text)),
        (Type::List(of) | Type::Set(of), Value::List(elements)) => {
            let parts = elements.iter().enumerate();
            let write = |out: &mut String, (index, value): (usize, &Value)| {
                write(out, value, of, &path.then(Step::Index(index)))
            };
            joined(out, ['[', ']'], parts, write)?;
        }
        (Type::Tuple(of), Value::List(elements)) if of.len() == elements.len() => {
            let parts = elements.iter().zip(of).enumerate();
            let write = |out: &mut String, (index, (value, ty)): (usize, (&Value, &Type))| {
                write(out, value, ty, &path.then(Step::Index(index)))
            };
            joined(out, ['[', ']'], parts, write)?;
        }
        (Type::Map(of), Value::Map(entries)) => {
            let write = |out: &mut String, (key, value): (&String, &Value)| {
                out.push_str(&quoted(key));
                out.push(':');
                write(out, value, of, &path.then(Step::Key(key.clone())))
            };
            joined(out, ['{', '}'], entries.iter(), write)?;
        }
        (Type::Object { attributes, .. }, Value::Map(entries)) => {
            let write = |out: &mut String, (name, ty): (&String, &Type)| {
                out.push_str(&quoted(name));
                out.push(':');
                let value = entries.get(name).unwrap_or(&Value::Null);
                write(out, value, ty, &path.then(Step::Attribute(name.clone())))
            };
            joined(out, ['{', '}'], attributes.iter(), write)?;
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            out.push_str("{\"value\":");
            write(out, &inner.1, &inner.0, path)?;
            out.push_str(",\"type\":");
            out.push_str(&String::from_utf8_lossy(&inner.0.to_json()));
            out.push('}');
        }
        (ty, value) => {
            return Err(ValueError::Shape {
                path: path.clone(),
                expected: expected(ty),
                found: name_of(value),
            });
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn joined<T>(
    out: &mut String,
    [open, close]: [char; 2],
    parts: impl Iterator<Item = T>,
    write: impl Fn(&mut String, T) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    out.push(open);
    for (place, part) in parts.enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(out, part)?;
    }
    out.push(close);
    Ok(())
}

pub(super) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown(_) => "an unknown value",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        Value::Dynamic(_) => "a value with its type",
    }
}
