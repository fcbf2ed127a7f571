//! JSON to JSON.

use crate::syntax::layout::{Content, Group, Item, Piece, Style};
use serde_json::Value;

/// Writes a value as JSON with an indentation of two spaces. Numbers stay as they are written.
pub(super) fn print(root: &Piece) -> String {
    let mut out = String::new();
    value(root, 0, &mut out);
    out.push('\n');
    out
}

fn value(piece: &Piece, indent: usize, out: &mut String) {
    match &piece.content {
        Content::Scalar {
            style: Style::Plain,
            value,
        } => out.push_str(value),
        Content::Scalar { value, .. } => out.push_str(&Value::from(value.as_str()).to_string()),
        Content::Group(group) => parts(group, indent, out),
        // JSON has none.
        Content::Alias(_) => {}
    }
}

fn parts(group: &Group, indent: usize, out: &mut String) {
    let (open, close) = if group.is_map { ('{', '}') } else { ('[', ']') };
    out.push(open);
    // Lists of plain values stand on one line, as people write them.
    let is_short = !group.is_map && group.items.iter().all(|item| item.value.group().is_none());
    for (number, item) in group.items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        match (is_short, number) {
            (true, 0) => {}
            (true, _) => out.push(' '),
            (false, _) => new_line(indent + 2, out),
        }
        part(item, indent + 2, out);
    }
    if !is_short && !group.items.is_empty() {
        new_line(indent, out);
    }
    out.push(close);
}

fn part(item: &Item, indent: usize, out: &mut String) {
    if let Some(key) = &item.key {
        value(key, indent, out);
        out.push_str(": ");
    }
    value(&item.value, indent, out);
}

fn new_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
}
