//! Comments and empty lines find the parts that they belong to.
//!
//! A comment behind something belongs to it. A comment on a line of its own belongs to what comes next, unless it stands
//! deeper: then it ends the block in whose column it stands.

use crate::syntax::layout::{Comment, Content, Group, Item, Line, Piece, Sheet};
use std::collections::VecDeque;

/// The comments of a document that belong to none of its parts.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Above its `---`, or above everything.
    pub(super) above: Vec<Line>,
    /// Behind its `---`.
    pub(super) marker: Option<String>,
    /// Above its first part.
    pub(super) header: Vec<Line>,
    /// Below its last part.
    pub(super) below: Vec<Line>,
}

/// Hands the comments up to `end` to a document and its parts.
pub(super) fn attach(text: &str, sheet: &mut Sheet, end: usize, comments: &mut VecDeque<Comment>) -> Around {
    let mut notes = Notes {
        text,
        comments,
        column: usize::MAX,
    };
    let mut around = Around::default();
    let begin = sheet.marker.unwrap_or(0);
    while let Some(comment) = notes.next_before(begin) {
        around.above.push(notes.line(comment));
    }
    while let Some(comment) = notes.next_before(sheet.root.start) {
        if sheet.marker.is_some() && around.header.is_empty() && !notes.is_alone(comment.start) {
            around.marker = Some(comment.text);
        } else {
            around.header.push(notes.line(comment));
        }
    }
    let mut root = Item::around(sheet.root.clone());
    notes.inside(&mut root);
    notes.column = usize::MAX;
    while let Some(comment) = notes.next_before(sheet.end_marker.unwrap_or(end).min(end)) {
        if is_behind(text, root.end(), comment.start) {
            notes.behind(&mut root, comment);
        } else if let Err(line) = notes.deeper(&mut root, comment) {
            around.below.push(line);
        }
    }
    around.header.append(&mut root.before);
    around.header.extend(root.head.take().map(whole_line));
    around.below.extend(root.trailing.take().map(whole_line));
    sheet.root = root.value;
    around
}

fn whole_line(text: String) -> Line {
    Line { blank: false, text }
}

struct Notes<'t, 'c> {
    text: &'t str,
    comments: &'c mut VecDeque<Comment>,
    /// The column of the comment above the next one: those that follow it stand no deeper.
    column: usize,
}

impl Notes<'_, '_> {
    fn next_before(&mut self, end: usize) -> Option<Comment> {
        let is_before = self.comments.front().is_some_and(|comment| comment.start < end);
        if is_before { self.comments.pop_front() } else { None }
    }

    /// Hands out the comments between the begin of a part and its end.
    fn inside(&mut self, item: &mut Item) {
        let end = item.end();
        let first = item.value.group().filter(|group| !group.is_flow);
        let first = first.and_then(|group| group.items.first()).map(|first| first.start);
        while let Some(comment) = self.next_before(first.unwrap_or(item.value.start).min(end)) {
            let is_alone = self.is_alone(comment.start);
            if first.is_some() && is_alone {
                self.comments.push_front(comment);
                break;
            }
            match item.head {
                None if !is_alone => item.head = Some(comment.text),
                _ => item.before.push(self.line(comment)),
            }
        }
        match &mut item.value.content {
            Content::Group(group) if !group.items.is_empty() => {
                let head = self.opened(group, end);
                self.among(group, end);
                match head {
                    Some(head) if item.head.is_some() => item.before.push(whole_line(head)),
                    Some(head) => item.head = Some(head),
                    None => {}
                }
            }
            // Empty braces, or the first line of a block of lines.
            _ => {
                while let Some(comment) = self.next_before(end) {
                    match item.head {
                        None if !self.is_alone(comment.start) => item.head = Some(comment.text),
                        _ => item.before.push(self.line(comment)),
                    }
                }
            }
        }
    }

    /// Opens braces that hold comments, for these end with their line. Given back is the one behind the brace.
    fn opened(&mut self, group: &mut Group, end: usize) -> Option<String> {
        let comment = self.comments.front().filter(|comment| comment.start < end)?.start;
        if !group.is_flow {
            return None;
        }
        group.is_flow = false;
        let is_head = group.items.first().is_some_and(|first| comment < first.start) && !self.is_alone(comment);
        if is_head {
            self.next_before(end).map(|comment| comment.text)
        } else {
            None
        }
    }

    /// Hands out the comments among the parts of a group, and says which parts have an empty line above.
    fn among(&mut self, group: &mut Group, end: usize) {
        for index in 0..group.items.len() {
            let (earlier, later) = group.items.split_at_mut(index);
            let Some(item) = later.first_mut() else { break };
            self.between(earlier.last_mut(), item);
            item.blank = self.is_below_blank(item.start);
            self.inside(item);
        }
        while let Some(comment) = self.next_before(end) {
            match group.items.last_mut() {
                Some(last) if is_behind(self.text, last.end(), comment.start) => self.behind(last, comment),
                _ => group.after.push(self.line(comment)),
            }
        }
    }

    /// Hands out the comments between two parts.
    fn between(&mut self, mut earlier: Option<&mut Item>, later: &mut Item) {
        self.column = usize::MAX;
        while let Some(comment) = self.next_before(later.start) {
            let Some(earlier) = earlier.as_deref_mut() else {
                let line = self.line(comment);
                later.before.push(line);
                continue;
            };
            if is_behind(self.text, earlier.end(), comment.start) {
                self.behind(earlier, comment);
                continue;
            }
            let column = column_of(self.text, later.start);
            if self.column.min(column_of(self.text, comment.start)) <= column {
                self.column = column;
                let line = self.line(comment);
                later.before.push(line);
            } else if let Err(line) = self.deeper(earlier, comment) {
                later.before.push(line);
            }
        }
    }

    /// A comment on the line on which a part ends.
    fn behind(&self, item: &mut Item, comment: Comment) {
        let last = match &mut item.value.content {
            Content::Group(group) if !group.is_flow && !group.items.is_empty() => group.items.last_mut(),
            _ => None,
        };
        if let Some(last) = last {
            return self.behind(last, comment);
        }
        match item.trailing {
            None => item.trailing = Some(comment.text),
            Some(_) => item.before.push(whole_line(comment.text)),
        }
    }

    /// A comment below a part, which ends the deepest of its blocks that begin no deeper; given back if none does.
    fn deeper(&mut self, item: &mut Item, comment: Comment) -> Result<(), Line> {
        let column = self.column.min(column_of(self.text, comment.start));
        self.column = column;
        let line = self.line(comment);
        match deepest(self.text, item, column) {
            Some(group) => {
                group.after.push(line);
                Ok(())
            }
            None => Err(line),
        }
    }

    fn line(&self, comment: Comment) -> Line {
        Line {
            blank: self.is_below_blank(comment.start),
            text: comment.text,
        }
    }

    /// Whether only spaces stand before it on its line.
    fn is_alone(&self, at: usize) -> bool {
        before_on_line(self.text, at).trim().is_empty()
    }

    /// Whether it begins its line, and the line above is empty.
    fn is_below_blank(&self, at: usize) -> bool {
        let before = before_on_line(self.text, at);
        let above = at
            .checked_sub(before.len())
            .and_then(|begin| self.text.get(..begin))
            .and_then(|above| above.strip_suffix('\n'));
        before.trim().is_empty()
            && above.is_some_and(|above| before_on_line(above, above.len()).trim().is_empty() && !above.is_empty())
    }
}

/// The last block inside a part that begins no deeper than a column, the innermost of those.
fn deepest<'i>(text: &str, item: &'i mut Item, column: usize) -> Option<&'i mut Group> {
    let mut levels = levels(text, item, column);
    let mut group = item.value.group_mut().filter(|_| levels > 0)?;
    while levels > 1 {
        levels -= 1;
        group = group.items.last_mut()?.value.group_mut()?;
    }
    Some(group)
}

/// How many blocks inside a part begin no deeper than a column, each the last part of the one before.
fn levels(text: &str, item: &Item, column: usize) -> usize {
    let Some(group) = item.value.group().filter(|group| !group.is_flow) else {
        return 0;
    };
    match (group.items.first(), group.items.last()) {
        (Some(first), Some(last)) if column_of(text, first.start) <= column => 1 + levels(text, last, column),
        _ => 0,
    }
}

/// Whether nothing but spaces and a separator stands between two places, on one line.
fn is_behind(text: &str, from: usize, to: usize) -> bool {
    text.get(from..to)
        .is_some_and(|between| between.chars().all(|c| matches!(c, ' ' | '\t' | ',')))
}

fn before_on_line(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default()
}

fn column_of(text: &str, at: usize) -> usize {
    before_on_line(text, at).chars().filter(|c| *c != '\u{feff}').count()
}

impl Item {
    /// A document's root as a part of nothing.
    const fn around(root: Piece) -> Self {
        Self {
            start: root.start,
            key: None,
            value: root,
            before: Vec::new(),
            blank: false,
            head: None,
            trailing: None,
        }
    }
}
