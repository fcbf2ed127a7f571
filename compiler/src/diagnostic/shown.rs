//! The sources as findings may show them: secrets overwritten, lines found.

use crate::source::Sources;
use dram_fields::{Diagnostic, Span, looks_secret};
use std::collections::BTreeMap;
use std::ops::Range;

/// A source of which nothing is secret.
pub(super) struct Shown {
    pub(super) path: String,
    pub(super) text: String,
    lines: Lines,
}

/// Where each line of a text begins, in bytes.
pub(super) struct Lines(Vec<usize>);

/// The sources with every masked place overwritten, byte for byte, so that positions stay true.
pub(super) fn shown(sources: &Sources, diagnostics: &[Diagnostic]) -> Vec<Shown> {
    let mut masked: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    for span in diagnostics.iter().flat_map(|finding| &finding.masked) {
        masked.entry(span.source).or_default().push(*span);
    }
    sources
        .iter()
        .map(|(index, source)| {
            let mut places = masked.remove(&index).unwrap_or_default();
            comments(index, &source.text, &mut places);
            let text = overwrite(&source.text, places);
            Shown {
                path: source.path.clone(),
                lines: Lines::of(&text),
                text,
            }
        })
        .collect()
}

/// Comments that may hold a secret: what is commented out may have been a field. Nobody reads them but an excerpt.
fn comments(source: u32, text: &str, places: &mut Vec<Span>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let comment = line.match_indices('#').map(|(hash, _)| hash).find(|hash| {
            let before = line.get(..*hash).unwrap_or_default();
            before.is_empty() || before.ends_with([' ', '\t'])
        });
        if let Some(hash) = comment.filter(|hash| {
            line.get(*hash..)
                .is_some_and(|said| said.contains(':') && looks_secret(said))
        }) {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            places.push(Span {
                source,
                start: offset(at + hash + 1),
                end: offset(at + line.trim_end().len()),
            });
        }
        at += line.len();
    }
}

fn overwrite(text: &str, mut places: Vec<Span>) -> String {
    places.sort_unstable();
    let mut out = String::with_capacity(text.len());
    for place in places {
        let range = range(place, text);
        let start = range.start.max(out.len());
        out.push_str(text.get(out.len()..start).unwrap_or_default());
        for c in text.get(start..range.end).unwrap_or_default().chars() {
            let cover = if c == '\n' { '\n' } else { '*' };
            out.extend(std::iter::repeat_n(cover, c.len_utf8()));
        }
    }
    out.push_str(text.get(out.len()..).unwrap_or_default());
    out
}

/// The span as a range within the text, on character boundaries.
fn range(span: Span, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary((span.start as usize).min(text.len()));
    let end = text.ceil_char_boundary((span.end as usize).clamp(start, text.len()));
    start..end
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.bytes().enumerate();
        let breaks = bytes.filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The line, counted from 1, in which a byte stands, and where it begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at).max(1);
        (line, self.0.get(line - 1).copied().unwrap_or_default())
    }

    /// Line and column of a byte, counted from 1, columns in characters.
    pub(super) fn line_and_column(&self, text: &str, at: usize) -> (usize, usize) {
        let (line, start) = self.line(at);
        (line, text.get(start..at).unwrap_or_default().chars().count() + 1)
    }
}

impl Shown {
    /// The span as a range within the text, on character boundaries.
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        range(span, &self.text)
    }

    /// Line and column of a byte, counted from 1, columns in characters.
    pub(super) fn line_and_column(&self, at: usize) -> (usize, usize) {
        self.lines.line_and_column(&self.text, at)
    }

    /// The same, with columns in UTF-16 code units.
    pub(super) fn line_and_utf16_column(&self, at: usize) -> (usize, usize) {
        let (line, start) = self.lines.line(at);
        (
            line,
            self.text.get(start..at).unwrap_or_default().encode_utf16().count() + 1,
        )
    }

    /// The whole lines around some places: the number of the first, where it begins, and their text.
    pub(super) fn around(&self, places: &[Range<usize>]) -> (usize, usize, &str) {
        let first = places.iter().map(|place| place.start).min().unwrap_or_default();
        let last = places.iter().map(|place| place.end).max().unwrap_or_default();
        let (number, start) = self.lines.line(first);
        let (last, _) = self.lines.line(last);
        let end = self.lines.0.get(last).copied().unwrap_or(self.text.len());
        (number, start, self.text.get(start..end).unwrap_or_default())
    }
}
