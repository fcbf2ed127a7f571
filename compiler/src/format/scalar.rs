//! Values without parts: quotes only where they are needed.

use crate::syntax::layout::{Content, Piece, Style};
use crate::syntax::plain;
use dram_fields::Data;

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On lines of its own.
    Block,
    /// Inside braces or brackets.
    Flow,
}

/// A value in one line.
pub(super) fn in_one_line(piece: &Piece, place: Place) -> String {
    let Content::Scalar { style, value } = &piece.content else {
        return String::new();
    };
    match style {
        Style::Plain if !piece.is_text => value.clone(),
        // A tag does by itself what quotes do, and an empty text is one by its tag.
        Style::Plain if value.is_empty() => "\"\"".to_owned(),
        _ if needs_quotes(value, place) => quoted(value),
        _ => value.clone(),
    }
}

/// Whether a text, written as it is, might be read as something else, by this language or by others that read YAML.
fn needs_quotes(text: &str, place: Place) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return true };
    let begins_well = match first {
        '-' => chars.next().is_some_and(|c| c.is_alphanumeric() || c == '-') && !text.starts_with("---"),
        '.' => chars.next().is_some_and(char::is_alphanumeric),
        '/' | '_' | '$' | '+' | '(' | '~' | '^' | ';' => true,
        c => c.is_alphanumeric(),
    };
    let is_special = |c: char| !is_printable(c) || (place == Place::Flow && matches!(c, ',' | '[' | ']' | '{' | '}'));
    !begins_well
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
        || text.chars().any(is_special)
        || !matches!(plain(text), Data::Text(_))
        || is_something_elsewhere(text)
}

/// Whether readers of older YAML take a text for a truth value, a number, a date or a time.
fn is_something_elsewhere(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
        || (text.contains(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "+-._: TtZzEexo".contains(c)))
}

/// Whether a character may stand in a text as it is, also without quotes.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'),
        c => c >= '\u{10000}',
    }
}

fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(is_printable);
    if is_plain && text.contains(['"', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// The lines of a value whose text is broken into lines: the first stands behind its key, the others below.
pub(super) fn lines(text: &str, piece: &Piece) -> Vec<String> {
    let written = text.get(piece.start..piece.end).unwrap_or_default();
    written.lines().map(|line| line.trim().to_owned()).collect()
}

/// A block of lines: what stands behind `|` or `>` with it, and the lines without their indentation. `None` where a
/// value has no line that says how deep it is.
pub(super) fn block(text: &str, piece: &Piece) -> Option<(String, Vec<String>)> {
    let Content::Scalar { value, .. } = &piece.content else {
        return None;
    };
    let (header, content) = text.get(piece.start..piece.end)?.split_once('\n')?;
    let header = header.split([' ', '\t', '#', '\r']).next()?;
    let kept = header.contains('+');
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = content.lines().find(|line| !line.trim().is_empty())?;
    let meant = value.lines().find(|line| !line.trim().is_empty())?;
    let indent = spaces(first).checked_sub(spaces(meant))?;
    let mut lines: Vec<String> = content
        .lines()
        .map(|line| line.get(indent..).unwrap_or_default().to_owned())
        .collect();
    if kept {
        let empty = value.len() - value.trim_end_matches('\n').len();
        lines.extend(std::iter::repeat_n(String::new(), empty.saturating_sub(1)));
    }
    let mut short: String = header.chars().filter(|c| !c.is_ascii_digit()).collect();
    if header.contains(|c: char| c.is_ascii_digit()) {
        short.push('2');
    }
    Some((short, lines))
}
