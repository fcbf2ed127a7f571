//! The tree that readers build and decoders read.

use crate::Field;
use serde_json::Value as Json;

/// A place in a source text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which source, by the number its reader gave it.
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// For nodes that no text stands behind: a Terraform value, a record, an encoded value.
    pub const NONE: Self = Self {
        source: u32::MAX,
        start: 0,
        end: 0,
    };

    /// Whether a text stands behind it.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.source != u32::MAX
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it holds.
    pub data: Data,
    /// Where it stands.
    pub span: Span,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Nothing: an empty value or `null`.
    Null,
    /// A value that is not known yet (Terraform's *known after apply*).
    Unknown,
    /// A truth value.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order in which they were written.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub name: String,
    /// Where the key stands.
    pub name_span: Span,
    /// The value.
    pub value: Node,
}

/// One step of the way from a root to a value.
#[derive(Debug, Clone)]
pub enum Step {
    /// Into a field of a block.
    Field(&'static Field),
    /// To the element of a list, counted from 0.
    Index(usize),
    /// To a key that no table names: of a map, or unknown.
    Key(String),
}

impl Node {
    /// A node that no text stands behind.
    #[must_use]
    pub const fn new(data: Data) -> Self {
        Self { data, span: Span::NONE }
    }

    /// Text without a place.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Data::Text(text.into()))
    }

    /// The entries of a map; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match &self.data {
            Data::List(elements) => elements,
            _ => &[],
        }
    }

    /// The value of a map's key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The entry of a map's key.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.name == name)
    }

    /// The text that it holds.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What stands there, in words for a message.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Unknown => "a value that is not known yet",
            Data::Bool(_) => "a truth value",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a block",
        }
    }

    /// The same tree, with every node and key at one place.
    #[must_use]
    pub fn all_at(&self, span: Span) -> Self {
        let data = match &self.data {
            Data::List(elements) => Data::List(elements.iter().map(|element| element.all_at(span)).collect()),
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        name: entry.name.clone(),
                        name_span: span,
                        value: entry.value.all_at(span),
                    })
                    .collect(),
            ),
            data => data.clone(),
        };
        Self { data, span }
    }

    /// The same tree without places.
    #[must_use]
    pub fn without_places(&self) -> Self {
        self.all_at(Span::NONE)
    }

    /// The place of the value at a path, or of its nearest parent that was written.
    #[must_use]
    pub fn at(&self, path: &[Step]) -> Span {
        let mut here = self;
        let mut span = self.span;
        for step in path {
            let (next, at) = match step {
                Step::Field(field) => match here.entry(field.name) {
                    Some(entry) => (&entry.value, entry_span(entry)),
                    None => break,
                },
                Step::Key(key) => match here.entry(key) {
                    Some(entry) => (&entry.value, entry_span(entry)),
                    None => break,
                },
                Step::Index(index) => match here.elements().get(*index) {
                    Some(node) => (node, node.span),
                    None => break,
                },
            };
            here = next;
            span = at;
        }
        span
    }

    /// The value at a path, when it was written.
    #[must_use]
    pub fn find(&self, path: &[Step]) -> Option<&Self> {
        path.iter().try_fold(self, |here, step| match step {
            Step::Field(field) => here.get(field.name),
            Step::Key(key) => here.get(key),
            Step::Index(index) => here.elements().get(*index),
        })
    }

    /// The place of a key of the map at a path, or of the nearest that was written.
    #[must_use]
    pub fn key_at(&self, path: &[Step], key: &str) -> Span {
        let entry = self.find(path).and_then(|map| map.entry(key));
        entry.map_or_else(|| self.at(path), |entry| entry.name_span)
    }

    /// The same tree from JSON, without places.
    #[must_use]
    pub fn from_json(json: &Json) -> Self {
        Self::new(match json {
            Json::Null => Data::Null,
            Json::Bool(value) => Data::Bool(*value),
            Json::Number(number) => Data::Number(number.to_string()),
            Json::String(text) => Data::Text(text.clone()),
            Json::Array(elements) => Data::List(elements.iter().map(Self::from_json).collect()),
            Json::Object(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(name, value)| Entry::new(name.clone(), Self::from_json(value)))
                    .collect(),
            ),
        })
    }

    /// The same tree as JSON. An unknown becomes null: no value that leaves a decoder holds one.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.data {
            Data::Null | Data::Unknown => Json::Null,
            Data::Bool(value) => Json::Bool(*value),
            Data::Number(number) => serde_json::from_str(number).unwrap_or(Json::Null),
            Data::Text(text) => Json::String(text.clone()),
            Data::List(elements) => Json::Array(elements.iter().map(Self::to_json).collect()),
            Data::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// A scalar is underlined itself; of a block or list, the key, for its value may span many lines.
const fn entry_span(entry: &Entry) -> Span {
    match entry.value.data {
        Data::Map(_) | Data::List(_) | Data::Null => entry.name_span,
        _ => entry.value.span,
    }
}

impl Entry {
    /// An entry that no text stands behind.
    pub fn new(name: impl Into<String>, value: Node) -> Self {
        Self {
            name: name.into(),
            name_span: Span::NONE,
            value,
        }
    }

    /// The place to underline when the entry as a whole is meant.
    #[must_use]
    pub const fn span(&self) -> Span {
        entry_span(self)
    }
}

/// A path as a person writes it: `components[0].host.paths`.
#[must_use]
pub fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Field(field) => push_name(&mut text, field.name),
            Step::Key(key) => push_name(&mut text, key),
        }
    }
    text
}

fn push_name(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}
