//! Values as MessagePack, in the host's dialect of it.
//!
//! Unknown is an extension: type 0 without, type 12 with refinements (a map). A number is an
//! integer, a binary fraction where that is exact, or decimal text. An object has every attribute
//! of its type as a key.

use std::collections::BTreeMap;

use rmpv::Value as Raw;

use super::{Number, Path, Step, Type, Unknown, Value, ValueError};

/// The extension type of an unknown value with refinements.
const REFINED: i8 = 12;

/// Reads a value of type `ty`.
///
/// # Errors
/// If the bytes are not MessagePack, or a part has another shape than its type.
pub fn from_msgpack(bytes: &[u8], ty: &Type) -> Result<Value, ValueError> {
    // The one byte that no MessagePack begins with; the decoder would take it for null.
    if bytes.first() == Some(&0xc1) {
        return Err(ValueError::Syntax("it begins with no marker".to_owned()));
    }
    let mut rest = bytes;
    let raw = rmpv::decode::read_value(&mut rest).map_err(|error| ValueError::Syntax(error.to_string()))?;
    if !rest.is_empty() {
        return Err(ValueError::Syntax(format!("{} bytes follow the value", rest.len())));
    }
    read(raw, ty, &Path::root())
}

fn read(raw: Raw, ty: &Type, path: &Path) -> Result<Value, ValueError> {
    let shape = |expected, raw: &Raw| ValueError::Shape {
        path: path.clone(),
        expected,
        found: name_of(raw),
    };
    let raw = match raw {
        Raw::Nil => return Ok(Value::Null),
        Raw::Ext(REFINED, refinements) => return Ok(Value::Unknown(Unknown { refinements })),
        Raw::Ext(_, _) => return Ok(Value::unknown()),
        other => other,
    };
    match (ty, raw) {
        (Type::Bool, Raw::Boolean(value)) => Ok(Value::Bool(value)),
        (Type::Text, Raw::String(text)) => match text.into_str() {
            Some(text) => Ok(Value::Text(text)),
            None => Err(ValueError::Syntax(format!("`{path}` is not UTF-8"))),
        },
        (Type::Number, raw) => {
            let number = match &raw {
                Raw::Integer(integer) => integer
                    .as_i64()
                    .map(Number::from)
                    .or(integer.as_u64().map(Number::from)),
                Raw::F32(value) => Number::from_float(f64::from(*value)),
                Raw::F64(value) => Number::from_float(*value),
                Raw::String(text) => text.as_str().and_then(Number::parse),
                _ => None,
            };
            number.map(Value::Number).ok_or_else(|| shape("a number", &raw))
        }
        (Type::List(of) | Type::Set(of), Raw::Array(elements)) => {
            let read = |(index, raw)| read(raw, of, &path.then(Step::Index(index)));
            Ok(Value::List(
                elements.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
            ))
        }
        (Type::Tuple(of), Raw::Array(elements)) if of.len() == elements.len() => {
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
        (Type::Map(of), Raw::Map(entries)) => {
            let read = |(key, raw)| {
                let key = text_of(key, path)?;
                let value = read(raw, of, &path.then(Step::Key(key.clone())))?;
                Ok((key, value))
            };
            Ok(Value::Map(
                entries.into_iter().map(read).collect::<Result<_, ValueError>>()?,
            ))
        }
        (Type::Object { attributes, .. }, Raw::Map(entries)) => read_object(entries, attributes, path),
        (Type::Dynamic, Raw::Array(parts)) => match <[Raw; 2]>::try_from(parts) {
            Ok([Raw::Binary(ty), raw]) => {
                let ty = Type::from_json(&ty).map_err(|source| ValueError::Type {
                    path: path.clone(),
                    source,
                })?;
                let value = read(raw, &ty, path)?;
                Ok(Value::Dynamic(Box::new((ty, value))))
            }
            _ => Err(ValueError::Shape {
                path: path.clone(),
                expected: "a type and a value",
                found: "a list",
            }),
        },
        (ty, raw) => Err(shape(expected(ty), &raw)),
    }
}

fn read_object(
    entries: Vec<(Raw, Raw)>,
    attributes: &BTreeMap<String, Type>,
    path: &Path,
) -> Result<Value, ValueError> {
    let mut values = BTreeMap::new();
    for (key, raw) in entries {
        let key = text_of(key, path)?;
        let here = path.then(Step::Attribute(key.clone()));
        let Some(ty) = attributes.get(&key) else {
            return Err(ValueError::Surplus { path: here });
        };
        values.insert(key, read(raw, ty, &here)?);
    }
    match attributes.keys().find(|name| !values.contains_key(*name)) {
        Some(name) => Err(ValueError::Missing {
            path: path.then(Step::Attribute(name.clone())),
        }),
        None => Ok(Value::Map(values)),
    }
}

fn text_of(raw: Raw, path: &Path) -> Result<String, ValueError> {
    let found = name_of(&raw);
    match raw {
        Raw::String(text) => text.into_str(),
        _ => None,
    }
    .ok_or(ValueError::Shape {
        path: path.clone(),
        expected: "keys of text",
        found,
    })
}

/// Writes a value of type `ty`. Attributes of an object that the value lacks are written as null.
///
/// # Errors
/// If a part has another shape than its type.
pub fn to_msgpack(value: &Value, ty: &Type) -> Result<Vec<u8>, ValueError> {
    let raw = write(value, ty, &Path::root())?;
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &raw).map_err(|error| ValueError::Syntax(error.to_string()))?;
    Ok(bytes)
}

fn write(value: &Value, ty: &Type, path: &Path) -> Result<Raw, ValueError> {
    match (ty, value) {
        (_, Value::Null) => Ok(Raw::Nil),
        (_, Value::Unknown(unknown)) if unknown.refinements.is_empty() => Ok(Raw::Ext(0, vec![0])),
        (_, Value::Unknown(unknown)) => Ok(Raw::Ext(REFINED, unknown.refinements.clone())),
        (Type::Bool, Value::Bool(value)) => Ok(Raw::Boolean(*value)),
        (Type::Text, Value::Text(text)) => Ok(Raw::from(text.as_str())),
        (Type::Number, Value::Number(number)) => Ok(write_number(number)),
        (Type::List(of) | Type::Set(of), Value::List(elements)) => {
            let write = |(index, value)| write(value, of, &path.then(Step::Index(index)));
            Ok(Raw::Array(
                elements.iter().enumerate().map(write).collect::<Result<_, _>>()?,
            ))
        }
        (Type::Tuple(of), Value::List(elements)) if of.len() == elements.len() => {
            let write = |(index, (value, ty))| write(value, ty, &path.then(Step::Index(index)));
            Ok(Raw::Array(
                elements
                    .iter()
                    .zip(of)
                    .enumerate()
                    .map(write)
                    .collect::<Result<_, _>>()?,
            ))
        }
        (Type::Map(of), Value::Map(entries)) => {
            let write = |(key, value): (&String, &Value)| {
                Ok((
                    Raw::from(key.as_str()),
                    write(value, of, &path.then(Step::Key(key.clone())))?,
                ))
            };
            Ok(Raw::Map(entries.iter().map(write).collect::<Result<_, ValueError>>()?))
        }
        (Type::Object { attributes, .. }, Value::Map(entries)) => {
            if let Some(name) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(ValueError::Surplus {
                    path: path.then(Step::Attribute(name.clone())),
                });
            }
            let write = |(name, ty): (&String, &Type)| {
                let value = entries.get(name).unwrap_or(&Value::Null);
                Ok((
                    Raw::from(name.as_str()),
                    write(value, ty, &path.then(Step::Attribute(name.clone())))?,
                ))
            };
            Ok(Raw::Map(
                attributes.iter().map(write).collect::<Result<_, ValueError>>()?,
            ))
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            let (ty, value) = inner.as_ref();
            Ok(Raw::Array(vec![Raw::Binary(ty.to_json()), write(value, ty, path)?]))
        }
        (ty, value) => Err(ValueError::Shape {
            path: path.clone(),
            expected: expected(ty),
            found: super::json::name_of(value),
        }),
    }
}

fn write_number(number: &Number) -> Raw {
    if let Some(value) = number.as_float() {
        return Raw::F64(value);
    }
    let text = number.to_string();
    // Only a canonical integer goes out as an integer; every other spelling stays text, which the
    // host reads with all its digits.
    if let Ok(value) = text.parse::<i64>()
        && value.to_string() == text
    {
        return Raw::from(value);
    }
    Raw::from(text)
}

pub(super) fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::Number => "a number",
        Type::Bool => "true or false",
        Type::Dynamic => "a value with its type",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Tuple(_) => "a tuple of that length",
        Type::Object { .. } => "an object",
    }
}

fn name_of(raw: &Raw) -> &'static str {
    match raw {
        Raw::Nil => "null",
        Raw::Boolean(_) => "true or false",
        Raw::Integer(_) | Raw::F32(_) | Raw::F64(_) => "a number",
        Raw::String(_) => "text",
        Raw::Binary(_) => "bytes",
        Raw::Array(_) => "a list",
        Raw::Map(_) => "a map",
        Raw::Ext(_, _) => "an unknown value",
    }
}
