//! The host's types, and their JSON spelling.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// A type of the host's type system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// Numbers of any size.
    Number,
    /// Truth values.
    Bool,
    /// Any type; it travels with the value.
    Dynamic,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Distinct elements of one type; the host sorts them.
    Set(Box<Type>),
    /// Elements of one type, by text.
    Map(Box<Type>),
    /// A fixed number of elements, each of its own type.
    Tuple(Vec<Type>),
    /// Named attributes, each of its own type.
    Object {
        /// The attributes.
        attributes: BTreeMap<String, Type>,
        /// The names of those that need not be written.
        optional: Vec<String>,
    },
}

/// A type's spelling that is none.
#[derive(Debug, thiserror::Error)]
pub enum TypeError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// JSON, but of no type.
    #[error("`{0}` spells no type")]
    Unknown(String),
}

impl Type {
    /// An object all of whose attributes are written.
    #[must_use]
    pub fn object(attributes: impl IntoIterator<Item = (String, Type)>) -> Self {
        Type::Object {
            attributes: attributes.into_iter().collect(),
            optional: Vec::new(),
        }
    }

    /// Reads the JSON spelling, such as `["map","string"]`.
    ///
    /// # Errors
    /// If the text is not JSON or spells no type.
    pub fn from_json(text: &[u8]) -> Result<Self, TypeError> {
        read(&serde_json::from_slice(text)?)
    }

    /// The JSON spelling.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        write(self).to_string().into_bytes()
    }
}

fn read(json: &Json) -> Result<Type, TypeError> {
    let unknown = || TypeError::Unknown(json.to_string());
    match json {
        Json::String(name) => match name.as_str() {
            "string" => Ok(Type::Text),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "dynamic" => Ok(Type::Dynamic),
            _ => Err(unknown()),
        },
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(name), of] => match (name.as_str(), of) {
                ("list", of) => Ok(Type::List(Box::new(read(of)?))),
                ("set", of) => Ok(Type::Set(Box::new(read(of)?))),
                ("map", of) => Ok(Type::Map(Box::new(read(of)?))),
                ("tuple", Json::Array(of)) => Ok(Type::Tuple(of.iter().map(read).collect::<Result<_, _>>()?)),
                ("object", Json::Object(of)) => object(of, &[]),
                _ => Err(unknown()),
            },
            [Json::String(name), Json::Object(of), Json::Array(optional)] if name == "object" => object(of, optional),
            _ => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}

fn object(of: &serde_json::Map<String, Json>, optional: &[Json]) -> Result<Type, TypeError> {
    let attributes = of
        .iter()
        .map(|(name, ty)| Ok((name.clone(), read(ty)?)))
        .collect::<Result<_, TypeError>>()?;
    let optional = optional
        .iter()
        .map(|name| {
            name.as_str()
                .map(str::to_owned)
                .ok_or_else(|| TypeError::Unknown(name.to_string()))
        })
        .collect::<Result<_, _>>()?;
    Ok(Type::Object { attributes, optional })
}

fn write(ty: &Type) -> Json {
    match ty {
        Type::Text => "string".into(),
        Type::Number => "number".into(),
        Type::Bool => "bool".into(),
        Type::Dynamic => "dynamic".into(),
        Type::List(of) => Json::Array(vec!["list".into(), write(of)]),
        Type::Set(of) => Json::Array(vec!["set".into(), write(of)]),
        Type::Map(of) => Json::Array(vec!["map".into(), write(of)]),
        Type::Tuple(of) => Json::Array(vec!["tuple".into(), Json::Array(of.iter().map(write).collect())]),
        Type::Object { attributes, optional } => {
            let attributes = attributes.iter().map(|(name, ty)| (name.clone(), write(ty))).collect();
            let mut parts = vec!["object".into(), Json::Object(attributes)];
            if !optional.is_empty() {
                parts.push(Json::Array(optional.iter().map(|name| name.as_str().into()).collect()));
            }
            Json::Array(parts)
        }
    }
}
