//! From what a fix means to the bytes that change.

use crate::source::Sources;
use dram_fields::{Change, Diagnostic, Fix, Span};

/// A text in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What goes; empty where something is only put in.
    pub span: Span,
    /// What comes.
    pub text: String,
}

impl Edit {
    /// Whether two edits cannot both be made.
    #[must_use]
    pub fn collides(&self, other: &Self) -> bool {
        self.span.source == other.span.source
            && (self.span.start < other.span.end && other.span.start < self.span.end
                || self.span.start == other.span.start)
    }
}

/// The edits of a fix, in the order of the text; `None` where the text is not written in a way that it can change.
#[must_use]
pub fn edits(sources: &Sources, fix: &Fix) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    for change in &fix.changes {
        edits.extend(of_change(sources, change)?);
    }
    edits.sort();
    Some(edits)
}

/// Takes away the fixes that cannot be carried out, or that would touch what must not be shown.
pub fn keep_feasible(sources: &Sources, findings: &mut [Diagnostic]) {
    if findings.iter().all(|finding| finding.fix.is_none()) {
        return;
    }
    let masked: Vec<Span> = findings.iter().flat_map(|finding| &finding.masked).copied().collect();
    for finding in findings.iter_mut() {
        let feasible = finding.fix.as_ref().and_then(|fix| edits(sources, fix));
        if !feasible.is_some_and(|edits| edits.iter().all(|edit| !touches(edit.span, &masked))) {
            finding.fix = None;
        }
    }
}

fn touches(span: Span, masked: &[Span]) -> bool {
    masked
        .iter()
        .any(|hidden| hidden.source == span.source && hidden.start <= span.end && span.start <= hidden.end)
}

fn of_change(sources: &Sources, change: &Change) -> Option<Vec<Edit>> {
    let place = match change {
        Change::Word { span, .. } | Change::Plain { span, .. } => span,
        Change::Quote(span) | Change::List(span) | Change::Block(span) | Change::Remove(span) => span,
    };
    let text = &sources.get(place.source)?.text;
    let written = Written {
        text,
        span: *place,
        slice: text.get(place.start as usize..place.end as usize)?,
    };
    match change {
        Change::Word { to, .. } => written.word(to),
        Change::Plain { to, .. } => written.plain(to),
        Change::Quote(_) => written.quote(),
        Change::List(_) => written.list(),
        Change::Block(_) => written.block(),
        Change::Remove(_) => written.remove(),
    }
}

/// How a part of a text is written.
struct Written<'t> {
    text: &'t str,
    span: Span,
    slice: &'t str,
}

impl Written<'_> {
    fn edit(&self, start: usize, end: usize, text: impl Into<String>) -> Option<Edit> {
        let span = Span {
            source: self.span.source,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        };
        Some(Edit {
            span,
            text: text.into(),
        })
    }

    const fn start(&self) -> usize {
        self.span.start as usize
    }

    const fn end(&self) -> usize {
        self.span.end as usize
    }

    /// The quote that stands around it.
    fn quotes(&self) -> Option<char> {
        let quote = self.slice.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        (self.slice.len() > 1 && self.slice.ends_with(quote)).then_some(quote)
    }

    /// Whether it stands there without quotes, as one word or several on one line.
    fn is_plain(&self) -> bool {
        !self.slice.is_empty()
            && !self
                .slice
                .starts_with(['"', '\'', '|', '>', '&', '*', '!', '{', '[', '#', '?', '-'])
            && !self.slice.contains(['\n', '\r', '#'])
            && self.slice.trim() == self.slice
    }

    fn word(&self, to: &str) -> Option<Vec<Edit>> {
        let text = match self.quotes() {
            Some(quote) => format!("{quote}{to}{quote}"),
            None if self.is_plain() => to.to_owned(),
            None => return None,
        };
        Some(vec![self.edit(self.start(), self.end(), text)?])
    }

    fn plain(&self, to: &str) -> Option<Vec<Edit>> {
        let whole = self.quotes().is_some() || self.is_plain();
        whole
            .then(|| self.edit(self.start(), self.end(), to))
            .flatten()
            .map(|edit| vec![edit])
    }

    /// Only what comes is named, never what stands there.
    fn around(&self, before: &str, after: &str) -> Option<Vec<Edit>> {
        Some(vec![
            self.edit(self.start(), self.start(), before)?,
            self.edit(self.end(), self.end(), after)?,
        ])
    }

    fn quote(&self) -> Option<Vec<Edit>> {
        let number = self.slice.strip_prefix('-').unwrap_or(self.slice);
        let whole = number.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '+');
        (whole && !number.contains(['"', '\\', '\n']))
            .then(|| self.around("\"", "\""))
            .flatten()
    }

    fn list(&self) -> Option<Vec<Edit>> {
        let block = self.slice.starts_with('{') && self.slice.ends_with('}');
        let plain = self.is_plain() && !self.slice.contains([',', '[', ']', '{', '}', ':']);
        (block || plain || self.quotes().is_some())
            .then(|| self.around("[", "]"))
            .flatten()
    }

    /// Where the colon ends that follows the key, and where the empty value ends; `None` where something else follows.
    fn empty_value(&self) -> Option<(usize, usize)> {
        let rest = self.text.get(self.end()..)?;
        let colon = rest
            .find(':')
            .filter(|at| rest.get(..*at).is_some_and(|gap| gap.trim() == ""))?;
        let after = self.end() + colon + 1;
        let value = self.text.get(after..)?;
        let gap = value.len() - value.trim_start_matches([' ', '\t']).len();
        let word = value.get(gap..)?;
        let null = ["null", "Null", "NULL", "~"]
            .into_iter()
            .find(|null| word.starts_with(null));
        let end = match null {
            Some(null) => after + gap + null.len(),
            None => after,
        };
        let next = self.text.get(end..)?.chars().next();
        let ends = next.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | '}' | ']'));
        ends.then_some((after, end))
    }

    fn block(&self) -> Option<Vec<Edit>> {
        let (after, end) = self.empty_value()?;
        Some(vec![self.edit(after, end, " {}")?])
    }

    fn remove(&self) -> Option<Vec<Edit>> {
        let (_, end) = self.empty_value()?;
        let before = self.text.get(..self.start())?;
        let after = self.text.get(end..)?;
        let next = after.trim_start_matches([' ', '\t']);
        let gap = after.len() - next.len();
        let (start, end) = if next.starts_with(',') {
            let rest = next.get(1..)?;
            (
                self.start(),
                end + gap + 1 + rest.len() - rest.trim_start_matches([' ', '\t']).len(),
            )
        } else if next.starts_with('}') {
            (before.trim_end().strip_suffix(',')?.len(), end)
        } else {
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            let alone = self.text.get(line..self.start())?.trim_matches(' ').is_empty();
            let newline = next.strip_prefix("\r\n").or_else(|| next.strip_prefix('\n'))?;
            (if alone { Some(line) } else { None }?, self.text.len() - newline.len())
        };
        Some(vec![self.edit(start, end, "")?])
    }
}
