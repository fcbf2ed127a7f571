//! `dramc fmt`: the text of a model as everybody would write it. Comments, anchors, blocks of lines and markers stay;
//! what the text says does not change.
//!
//! Fields stand in the order in which the language declares them, indented by two spaces, quoted where they must be,
//! with one empty line where there were some. What stands in braces stays there while it fits on a line. Quantities stay
//! as they are written: who writes `90m` beside `75m` compares the two.

mod json;
mod notes;
mod order;
mod print;
mod scalar;

use crate::check::secret_words;
use crate::diagnostic::compiler_codes as codes;
use crate::source::Sources;
use crate::syntax::layout::{Item, Layout, Piece, layout};
use crate::syntax::parse;
use dram_fields::{Data, Diagnostic, Node};
use std::collections::VecDeque;

/// Why a text is left as it is.
#[derive(Debug)]
pub enum Untouched {
    /// It is broken, and this is where.
    Broken(Vec<Diagnostic>),
    /// It holds something that cannot be written again without changing what it says.
    Changed,
}

/// Formats the text of a file. A text without a document stays as it is.
///
/// # Errors
/// A document is broken, or formatting would change what the text says.
pub fn format(text: &str) -> Result<String, Untouched> {
    let before = read(text)?;
    if before.is_empty() {
        return Ok(text.to_owned());
    }
    let source = text.replace("\r\n", "\n").trim_start_matches('\u{feff}').to_owned();
    let layout = layout(&source).ok_or(Untouched::Changed)?;
    let comments = layout.comments.clone();
    let formatted = written(&source, layout);
    let after = self::layout(&formatted).ok_or(Untouched::Changed)?;
    let texts = |layout: &[crate::syntax::layout::Comment]| {
        let mut texts: Vec<String> = layout.iter().map(|comment| comment.text.clone()).collect();
        texts.sort();
        texts
    };
    let is_same = read(&formatted).is_ok_and(|after| after == before) && texts(&after.comments) == texts(&comments);
    if is_same {
        Ok(formatted)
    } else {
        Err(Untouched::Changed)
    }
}

fn written(source: &str, layout: Layout) -> String {
    let Layout { mut sheets, comments } = layout;
    let is_json = serde_json::from_str::<serde_json::Value>(source).is_ok();
    if let ([sheet], true) = (sheets.as_mut_slice(), is_json) {
        order::sort(sheet);
        return json::print(&sheet.root);
    }
    let mut comments = VecDeque::from(comments);
    let begins: Vec<usize> = sheets
        .iter()
        .map(|sheet| sheet.marker.unwrap_or(sheet.root.start))
        .collect();
    let ends = begins.into_iter().skip(1).chain([source.len()]);
    let mut printer = print::Printer::new(source);
    for (sheet, end) in sheets.iter_mut().zip(ends) {
        let around = notes::attach(source, sheet, end, &mut comments);
        order::sort(sheet);
        raise(&mut sheet.root);
        printer.sheet(sheet, &around);
    }
    printer.end(comments)
}

/// Comments above the first field of an element go above the element, for both stand on one line.
fn raise(piece: &mut Piece) {
    let Some(group) = piece.group_mut() else { return };
    for item in &mut group.items {
        raise(&mut item.value);
        if item.key.is_none() && item.head.is_none() && item.value.anchor == 0 {
            raise_from(item);
        }
    }
}

fn raise_from(item: &mut Item) {
    let trailing = item.trailing.is_some();
    let Some(first) = item
        .value
        .group_mut()
        .filter(|group| !group.is_flow)
        .and_then(|group| group.items.first_mut())
    else {
        return;
    };
    if trailing || first.before.is_empty() {
        return;
    }
    let mut lines = std::mem::take(&mut first.before);
    if let (true, Some(line)) = (item.before.is_empty(), lines.first_mut()) {
        line.blank = std::mem::take(&mut item.blank);
    }
    item.before.append(&mut lines);
}

/// What the documents of a text say, whatever the order of their fields.
fn read(text: &str) -> Result<Vec<Node>, Untouched> {
    let mut findings = Vec::new();
    let documents = parse(&secret_words(), &Sources::one("", text), &mut findings);
    findings.retain(|finding| finding.code != codes::NO_DOCUMENT);
    if findings.is_empty() {
        Ok(documents.into_iter().map(|document| unordered(document.root)).collect())
    } else {
        Err(Untouched::Broken(findings))
    }
}

fn unordered(node: Node) -> Node {
    Node::new(match node.data {
        Data::List(elements) => Data::List(elements.into_iter().map(unordered).collect()),
        Data::Map(mut entries) => {
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            let unordered = |entry: dram_fields::Entry| dram_fields::Entry::new(entry.name, unordered(entry.value));
            Data::Map(entries.into_iter().map(unordered).collect())
        }
        data => data,
    })
}
