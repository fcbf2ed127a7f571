//! Layout to text.

use super::notes::Around;
use super::scalar::{self, Place};
use crate::syntax::layout::{Comment, Content, Group, Item, Line, Piece, Sheet, Style};

/// What stands in braces goes on one line of at most so many characters.
const WIDTH: usize = 100;

/// Writes documents one after the other.
pub(super) struct Printer<'t> {
    text: &'t str,
    out: String,
    /// Whether the last line opened something: no empty line follows it.
    is_fresh: bool,
    /// Whether empty lines at the end belong to a value.
    is_kept: bool,
}

/// What stands on a line before a value, how deep the line's part stands, and the comments on the line.
struct Lead {
    text: String,
    indent: usize,
    head: Option<String>,
    trailing: Option<String>,
}

impl<'t> Printer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            out: String::new(),
            is_fresh: true,
            is_kept: false,
        }
    }

    /// The text, with what was said after the last document.
    pub(super) fn end(mut self, comments: impl IntoIterator<Item = Comment>) -> String {
        for comment in comments {
            self.line(&comment.text);
        }
        self.out
    }

    pub(super) fn sheet(&mut self, sheet: &Sheet, around: &Around) {
        self.notes(&around.above, 0);
        for directive in &sheet.directives {
            self.line(directive);
        }
        if sheet.marker.is_some() {
            let behind = around.marker.as_ref().map(|comment| format!(" {comment}"));
            self.line(&format!("---{}", behind.unwrap_or_default()));
            self.is_fresh = true;
        }
        self.notes(&around.header, 0);
        self.root(sheet);
        self.notes(&around.below, 0);
        if sheet.end_marker.is_some() {
            self.line("...");
            self.is_fresh = true;
        }
    }

    fn root(&mut self, sheet: &Sheet) {
        let root = &sheet.root;
        match &root.content {
            Content::Group(group) if !group.items.is_empty() => {
                let anchor = anchor(sheet, root);
                if !anchor.is_empty() {
                    self.line(anchor.trim_end());
                }
                self.group(sheet, group, 0, String::new());
            }
            _ if root.start == root.end => {}
            _ => {
                let lead = Lead {
                    text: String::new(),
                    indent: 0,
                    head: None,
                    trailing: None,
                };
                self.value(sheet, root, lead);
            }
        }
    }

    /// The parts of a group. The first one follows what its line has already.
    fn group(&mut self, sheet: &Sheet, group: &Group, indent: usize, mut begun: String) {
        for item in &group.items {
            let lead = if begun.is_empty() {
                " ".repeat(indent)
            } else {
                std::mem::take(&mut begun)
            };
            self.item(sheet, item, indent, lead);
        }
        self.notes(&group.after, indent);
    }

    fn item(&mut self, sheet: &Sheet, item: &Item, indent: usize, mut text: String) {
        if text.trim().is_empty() {
            self.notes(&item.before, indent);
            self.blank(item.blank);
        }
        match &item.key {
            Some(key) => text.push_str(&self.key(sheet, key, Place::Block)),
            None => text.push('-'),
        }
        let lead = Lead {
            text,
            indent,
            head: item.head.clone(),
            trailing: item.trailing.clone(),
        };
        self.value(sheet, &item.value, lead);
    }

    fn value(&mut self, sheet: &Sheet, piece: &Piece, mut lead: Lead) {
        let anchor = anchor(sheet, piece);
        if let Some(flow) = self.in_one_line(sheet, piece, &lead) {
            let comment = lead.trailing.or(lead.head);
            return self.line(&joined(&[
                &lead.text,
                &anchor,
                &flow,
                comment.as_deref().unwrap_or_default(),
            ]));
        }
        match &piece.content {
            Content::Group(group) => {
                let is_element = lead.text.ends_with('-');
                // What stands behind braces stands above what is in them once they are gone.
                let head = lead.head.take().or(lead.trailing.take()).unwrap_or_default();
                if is_element && anchor.is_empty() && head.is_empty() {
                    lead.text.push(' ');
                    return self.group(sheet, group, lead.indent + 2, lead.text);
                }
                self.line(&joined(&[&lead.text, &anchor, &head]));
                self.is_fresh = true;
                self.group(sheet, group, lead.indent + 2, String::new());
            }
            Content::Scalar {
                style: Style::Block, ..
            } => self.block(piece, &anchor, &lead),
            _ => {
                let mut lines = scalar::lines(self.text, piece).into_iter();
                let first = lines.next().unwrap_or_default();
                self.line(&joined(&[&lead.text, &anchor, &first]));
                let rest: Vec<String> = lines.collect();
                for (number, line) in (1..).zip(&rest) {
                    let line = if line.is_empty() {
                        String::new()
                    } else {
                        format!("{}{line}", " ".repeat(lead.indent + 2))
                    };
                    let is_last = number == rest.len();
                    let comment = lead.trailing.take_if(|_| is_last).unwrap_or_default();
                    self.line(&joined(&[&line, &comment]));
                }
            }
        }
    }

    fn block(&mut self, piece: &Piece, anchor: &str, lead: &Lead) {
        let Some((header, lines)) = scalar::block(self.text, piece) else {
            let text = scalar::in_one_line(piece, Place::Block);
            let comment = lead.head.as_deref().unwrap_or_default();
            return self.line(&joined(&[&lead.text, anchor, &text, comment]));
        };
        let comment = lead.head.as_deref().unwrap_or_default();
        self.line(&joined(&[&lead.text, anchor, &header, comment]));
        for line in &lines {
            if !line.is_empty() {
                self.out.push_str(&" ".repeat(lead.indent + 2));
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.is_kept = header.contains('+');
    }

    /// A value that goes on the line of its key or dash.
    fn in_one_line(&self, sheet: &Sheet, piece: &Piece, lead: &Lead) -> Option<String> {
        let flow = self.inline(sheet, piece, Place::Block)?;
        let is_group = piece.group().is_some_and(|group| !group.items.is_empty());
        let width = lead.text.chars().count() + 1 + flow.chars().count();
        (!is_group || width <= WIDTH).then_some(flow)
    }

    /// A value in one line, where it can be so: without its anchor.
    fn inline(&self, sheet: &Sheet, piece: &Piece, place: Place) -> Option<String> {
        match &piece.content {
            Content::Alias(number) => Some(format!("*{}", name(sheet, *number))),
            Content::Scalar {
                style: Style::Block, ..
            } => None,
            Content::Scalar { .. } if self.is_broken(piece) => None,
            Content::Scalar { .. } => Some(scalar::in_one_line(piece, place)),
            Content::Group(group) if group.items.is_empty() => Some(if group.is_map { "{}" } else { "[]" }.to_owned()),
            Content::Group(group) if !group.is_flow || self.is_broken(piece) => None,
            Content::Group(group) => {
                let parts: Option<Vec<String>> = group.items.iter().map(|item| self.inline_item(sheet, item)).collect();
                let parts = parts?.join(", ");
                Some(if group.is_map {
                    format!("{{ {parts} }}")
                } else {
                    format!("[{parts}]")
                })
            }
        }
    }

    fn inline_item(&self, sheet: &Sheet, item: &Item) -> Option<String> {
        let value = self.inline(sheet, &item.value, Place::Flow)?;
        let anchor = anchor(sheet, &item.value);
        match &item.key {
            Some(key) => Some(joined(&[&self.key(sheet, key, Place::Flow), &anchor, &value])),
            None => Some(joined(&[&anchor, &value])),
        }
    }

    fn key(&self, sheet: &Sheet, key: &Piece, place: Place) -> String {
        let anchor = anchor(sheet, key);
        match &key.content {
            Content::Alias(number) => format!("*{} :", name(sheet, *number)),
            _ if anchor.is_empty() => format!("{}:", scalar::in_one_line(key, place)),
            _ => format!("{anchor} {}:", scalar::in_one_line(key, place)),
        }
    }

    /// Whether a value is written over more than one line.
    fn is_broken(&self, piece: &Piece) -> bool {
        self.text
            .get(piece.start..piece.end)
            .is_some_and(|text| text.contains('\n'))
    }

    fn notes(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            self.blank(line.blank);
            self.line(&format!("{}{}", " ".repeat(indent), line.text));
        }
    }

    fn blank(&mut self, is_wanted: bool) {
        if is_wanted && !self.is_fresh && !self.is_kept {
            self.out.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
        self.is_fresh = false;
        self.is_kept = false;
    }
}

fn joined(parts: &[&str]) -> String {
    let mut line = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
        line.push_str(part);
    }
    line
}

fn name(sheet: &Sheet, number: usize) -> &str {
    sheet.anchors.get(&number).map_or("", String::as_str)
}

/// `&name`, or nothing.
fn anchor(sheet: &Sheet, piece: &Piece) -> String {
    if piece.anchor == 0 {
        String::new()
    } else {
        format!("&{}", name(sheet, piece.anchor))
    }
}
