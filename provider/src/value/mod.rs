//! The values that travel between the host and us, as data of our own.
//!
//! A [`Value`] says nothing about its type; a [`Type`] stands beside it wherever one is read or
//! written. Unknown is a value like any other and keeps what the host promised about it, and
//! numbers keep the spelling in which they came, because whoever echoes a configuration has to
//! echo it exactly.

mod json;
mod msgpack;
mod number;
mod ty;

use std::collections::BTreeMap;
use std::fmt;

pub use json::{from_json, to_json};
pub use msgpack::{from_msgpack, to_msgpack};
pub use number::Number;
pub use ty::{Type, TypeError};

/// A value of the host's type system.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing was said.
    #[default]
    Null,
    /// Something will be there, but nobody can say what yet.
    Unknown(Unknown),
    /// A truth value.
    Bool(bool),
    /// A number of any size.
    Number(Number),
    /// Text.
    Text(String),
    /// The elements of a list, a set or a tuple, in their order.
    List(Vec<Value>),
    /// The attributes of an object, or the elements of a map.
    Map(BTreeMap<String, Value>),
    /// A value whose type travels with it.
    Dynamic(Box<(Type, Value)>),
}

/// What is known about an unknown value: the host's refinements, as they came.
///
/// They are a MessagePack map of the protocol (1 nullness, 2 prefix, 3 and 4 number bounds, 5 and 6
/// length bounds). Nothing here reads them; they are kept so that an echo is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    refinements: Vec<u8>,
}

impl Unknown {
    /// A value of which is known only that it will not be null.
    #[must_use]
    pub fn not_null() -> Self {
        // A map with one pair: 1 (nullness) is false.
        Unknown {
            refinements: vec![0x81, 0x01, 0xc2],
        }
    }
}

impl Value {
    /// An unknown value about which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Value::Unknown(Unknown::default())
    }

    /// Whether this is [`Value::Null`].
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether this value itself is unknown. Parts of it may be unknown all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown(_))
    }

    /// Whether nothing in this value is unknown, however deep.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
            Value::List(elements) => elements.iter().all(Value::is_wholly_known),
            Value::Map(entries) => entries.values().all(Value::is_wholly_known),
            Value::Dynamic(inner) => inner.1.is_wholly_known(),
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The entries, if this is an object or a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The attribute `name` of an object; null where there is no object or no such attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &Value {
        self.as_map()
            .and_then(|entries| entries.get(name))
            .unwrap_or(&Value::Null)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Number(Number::from(value))
    }
}

/// One step from a value to a value within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// To an attribute or block of an object.
    Attribute(String),
    /// To an element of a list, counted from 0.
    Index(usize),
    /// To an element of a map.
    Key(String),
}

/// The way to a value within an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Path::default()
    }

    /// The way to an attribute of the root.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Path::root().then(Step::Attribute(name.to_owned()))
    }

    /// This way and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }

    /// The steps from the root on.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Self {
        Path(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the value itself");
        }
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if place == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

/// A value that does not have the shape its type asks for.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// The bytes are not MessagePack or not JSON at all.
    #[error("the value cannot be read: {0}")]
    Syntax(String),
    /// A part has another shape than its type.
    #[error("`{path}` should be {expected}, found {found}")]
    Shape {
        /// The way to the part.
        path: Path,
        /// What the type asks for.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// An object has an attribute that its type does not know.
    #[error("`{path}` is not an attribute of its type")]
    Surplus {
        /// The way to the attribute.
        path: Path,
    },
    /// An object lacks an attribute that its type names.
    #[error("`{path}` is missing")]
    Missing {
        /// The way to the attribute.
        path: Path,
    },
    /// The type that travels with a dynamic value is none.
    #[error("`{path}` carries a type that cannot be read: {source}")]
    Type {
        /// The way to the dynamic value.
        path: Path,
        /// Why.
        source: TypeError,
    },
    /// An unknown value where the form has no way to say so.
    #[error("`{path}` is unknown, which JSON cannot say")]
    UnknownInJson {
        /// The way to the unknown value.
        path: Path,
    },
}

#[cfg(test)]
mod tests;
