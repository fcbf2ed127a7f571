//! HCL as `terraform fmt` leaves it.
//!
//! Rules of its layout that matter here: two spaces a level; the `=` of neighbouring single-line attributes stand in
//! one column; an attribute whose value spans lines is aligned with nobody.

use crate::{Data, Entry, Field, Kind, Node, Ty};
use unicode_segmentation::UnicodeSegmentation;

/// A body: attributes and nested blocks, in order.
#[derive(Debug, Clone, Default)]
pub struct Body {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Attribute { name: String, value: Value },
    Block { head: String, body: Body },
    Comment(String),
}

/// The right side of an attribute.
#[derive(Debug, Clone)]
pub enum Value {
    /// An expression, written as it is.
    Raw(String),
    /// Text, quoted and escaped.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// Keys and values; keys are quoted where they are no identifiers.
    Object(Vec<(String, Self)>),
}

impl Body {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parts.push(Part::Attribute {
            name: name.into(),
            value,
        });
        self
    }

    /// Adds a block; `head` is its type with its labels, such as `resource "dram_vault" "nas"`.
    #[must_use]
    pub fn block(mut self, head: impl Into<String>, body: Self) -> Self {
        self.parts.push(Part::Block {
            head: head.into(),
            body,
        });
        self
    }

    /// Adds lines of comment, whatever they hold.
    #[must_use]
    pub fn comments<T: AsRef<str>>(mut self, lines: &[T]) -> Self {
        let lines = lines.iter().flat_map(|line| line.as_ref().split('\n'));
        self.parts.extend(lines.map(|line| Part::Comment(visible(line))));
        self
    }

    /// Adds all parts of another body.
    #[must_use]
    pub fn extend(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// The text, with a newline at its end.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let pad = "  ".repeat(depth);
        let mut group: Vec<(&str, String)> = Vec::new();
        let mut first = true;
        for part in &self.parts {
            match part {
                Part::Attribute { name, value } => {
                    let text = value.render(depth);
                    if text.contains('\n') {
                        flush(out, &pad, &mut group);
                        out.push_str(&format!("{pad}{name} = {text}\n"));
                    } else {
                        group.push((name, text));
                    }
                }
                Part::Comment(text) => {
                    flush(out, &pad, &mut group);
                    if !first && !is_comment_line(out) {
                        out.push('\n');
                    }
                    let space = if text.is_empty() { "" } else { " " };
                    out.push_str(&format!("{pad}#{space}{text}\n"));
                }
                Part::Block { head, body } => {
                    flush(out, &pad, &mut group);
                    if !first && !out.ends_with("\n\n") && !is_comment_line(out) {
                        out.push('\n');
                    }
                    if body.parts.is_empty() {
                        out.push_str(&format!("{pad}{head} {{}}\n"));
                    } else {
                        out.push_str(&format!("{pad}{head} {{\n"));
                        body.write(out, depth + 1);
                        out.push_str(&format!("{pad}}}\n"));
                    }
                }
            }
            first = false;
        }
        flush(out, &pad, &mut group);
    }
}

/// A line without what would end it for somebody who reads it, or change its direction.
fn visible(line: &str) -> String {
    let is_seen =
        |c: char| !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let line: String = line.chars().map(|c| if is_seen(c) { c } else { ' ' }).collect();
    line.trim_end().to_owned()
}

fn is_comment_line(out: &str) -> bool {
    out.trim_end()
        .rsplit('\n')
        .next()
        .is_some_and(|line| line.trim_start().starts_with('#'))
}

/// Writes neighbouring single-line attributes with their `=` in one column. Terraform counts what a person sees as one
/// character (a grapheme cluster), and so do we.
fn flush(out: &mut String, pad: &str, group: &mut Vec<(&str, String)>) {
    let width = group
        .iter()
        .map(|(name, _)| name.graphemes(true).count())
        .max()
        .unwrap_or_default();
    for (name, text) in group.drain(..) {
        let gap = " ".repeat(width - name.graphemes(true).count());
        out.push_str(&format!("{pad}{name}{gap} = {text}\n"));
    }
}

impl Value {
    fn render(&self, depth: usize) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Text(text) => quote(text),
            Self::List(elements) => {
                let inner: Vec<String> = elements.iter().map(|element| element.render(depth + 1)).collect();
                if inner.iter().all(|element| !element.contains('\n')) {
                    return format!("[{}]", inner.join(", "));
                }
                let pad = "  ".repeat(depth);
                let lines: String = inner.iter().map(|element| format!("{pad}  {element},\n")).collect();
                format!("[\n{lines}{pad}]")
            }
            Self::Object(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Object(entries) => {
                let mut body = Body::new();
                for (key, value) in entries {
                    let key = if is_identifier(key) { key.clone() } else { quote(key) };
                    body = body.attribute(key, value.clone());
                }
                let mut out = "{\n".to_owned();
                body.write(&mut out, depth + 1);
                out.push_str(&"  ".repeat(depth));
                out.push('}');
                out
            }
        }
    }
}

/// Whether a key may stand without quotes. `for` as the first key would begin an expression.
fn is_identifier(text: &str) -> bool {
    if text == "for" {
        return false;
    }
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// A quoted template without any sequence that HCL would interpret.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The HCL body of a block: what `node` holds, in the order of its table. `reference` may give an expression for a
/// name that refers to another declaration.
#[must_use]
pub fn body(kind: &'static Kind, node: &Node, reference: &dyn Fn(&'static Field, &str) -> Option<String>) -> Body {
    let (mut attributes, mut blocks) = (Body::new(), Body::new());
    for field in kind.fields() {
        let Some(Entry { value: node, .. }) = crate::present(node, field) else {
            continue;
        };
        let name = field.terraform_name();
        match (&field.ty, &node.data) {
            (Ty::Block(kind) | Ty::Secret(kind) | Ty::Template(kind), _) => {
                blocks = blocks.block(name, body(kind(), node, reference))
            }
            (Ty::List(Ty::Block(kind)), Data::List(elements)) => {
                for element in elements {
                    blocks = blocks.block(name.clone(), body(kind(), element, reference));
                }
            }
            _ => attributes = attributes.attribute(name, value(field, node, reference)),
        }
    }
    attributes.extend(blocks)
}

fn value(field: &'static Field, node: &Node, reference: &dyn Fn(&'static Field, &str) -> Option<String>) -> Value {
    match &node.data {
        Data::Text(text) => match field.refers.and_then(|_| reference(field, text)) {
            Some(expression) => Value::Raw(expression),
            None => Value::Text(text.clone()),
        },
        Data::List(elements) => Value::List(
            elements
                .iter()
                .map(|element| value(field, element, reference))
                .collect(),
        ),
        Data::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| (entry.name.clone(), value(field, &entry.value, reference)))
                .collect(),
        ),
        Data::Bool(value) => Value::Raw(value.to_string()),
        Data::Number(text) => Value::Raw(text.clone()),
        Data::Null | Data::Unknown => Value::Raw("null".to_owned()),
    }
}
