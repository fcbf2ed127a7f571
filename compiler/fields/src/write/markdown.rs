//! Reference pages of the language, in Markdown.

use super::{default_text, reachable};
use crate::{Field, Item, Kind, Ty};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The section of a kind, and one for every block that it holds. `level` is the depth of its headline.
#[must_use]
pub fn page(root: &'static Kind, level: usize) -> String {
    page_beside(root, level, &mut BTreeSet::new())
}

/// The same for a page that has told of blocks with the names `told` already, and leaves them out: their links lead to the
/// one section. What is told now is added.
#[must_use]
pub fn page_beside(root: &'static Kind, level: usize, told: &mut BTreeSet<&'static str>) -> String {
    let mut text = String::new();
    for (index, kind) in reachable(root).into_iter().enumerate() {
        if !told.insert(kind.name) {
            continue;
        }
        let depth = if index == 0 { level } else { level + 1 };
        let _ = writeln!(text, "{} {}\n\n{}\n", "#".repeat(depth), kind.name, kind.doc);
        if kind.items.is_empty() {
            text.push_str("No fields: written `{}`.\n\n");
            continue;
        }
        text.push_str("| field | shape | given | what it is |\n| --- | --- | --- | --- |\n");
        for item in kind.items {
            match item {
                Item::Field(field) => row(&mut text, field, if field.required { "required" } else { "optional" }),
                Item::OneOf { required, variants } => {
                    let given = match (variants.len(), required) {
                        (1, true) => "required",
                        (1, false) => "optional",
                        (_, true) => "exactly one of these",
                        (_, false) => "at most one of these",
                    };
                    for field in *variants {
                        row(&mut text, field, given);
                    }
                }
            }
        }
        text.push('\n');
    }
    text
}

fn row(text: &mut String, field: &'static Field, given: &str) {
    let mut doc = field.doc.replace('\n', " ").replace('|', "\\|");
    if let Some(default) = default_text(field) {
        let _ = write!(doc, " Default: `{default}`.");
    }
    if let Some(kind) = field.refers {
        let _ = write!(doc, " Refers to a {kind}.");
    }
    if let Ty::Word(words) = field.ty {
        for word in words {
            let _ = write!(doc, " `{}`: {}", word.name, word.doc.replace('\n', " "));
        }
    }
    let _ = writeln!(text, "| `{}` | {} | {given} | {doc} |", field.name, shape(&field.ty));
}

fn shape(ty: &Ty) -> String {
    match ty {
        Ty::Text(format) if format.example.is_empty() => "text".to_owned(),
        Ty::Text(format) => format!(
            "{}, `{}`",
            format.name.trim_start_matches("a ").trim_start_matches("an "),
            format.example
        ),
        Ty::Bool => "`true` or `false`".to_owned(),
        Ty::Int { most: u32::MAX, .. } => "whole number".to_owned(),
        Ty::Int { least, most } => format!("whole number, {least} to {most}"),
        Ty::Word(words) => words
            .iter()
            .map(|word| format!("`{}`", word.name))
            .collect::<Vec<_>>()
            .join(" or "),
        Ty::List(ty) => format!("list of {}", shape(ty)),
        Ty::Map(ty) => format!("text to {}", shape(ty)),
        Ty::Scalar => "text, number, `true` or `false`".to_owned(),
        Ty::Block(kind) | Ty::Secret(kind) => linked(kind()),
        Ty::Template(kind) => format!("{} with `${{…}}` for values", linked(kind())),
    }
}

fn linked(kind: &Kind) -> String {
    format!("[{}](#{})", kind.name, kind.name.to_ascii_lowercase())
}
