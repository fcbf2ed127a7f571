//! What is printed: results to standard output, everything else to standard error.

use super::arguments::Global;
use super::lines::{ErrorLine, NoteLine};
use crate::error::Error;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};

/// How output is printed.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) color: bool,
    pub(crate) terminal: bool,
    /// Whether results go to a terminal, which can be cleared.
    pub(crate) paged: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let no_color = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json: global.json,
            quiet: global.quiet,
            color: terminal && !no_color,
            terminal,
            paged: std::io::stdout().is_terminal(),
        }
    }

    /// A line of result.
    pub(crate) fn line(&self, text: &str) {
        // A reader that went away, as `head` does, wants no more.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// What a terminal is to do.
    pub(crate) fn raw(&self, text: &str) {
        let _ = write!(std::io::stdout().lock(), "{text}");
    }

    /// Words beside the result, to standard error.
    pub(crate) fn say(&self, text: &str) {
        self.say_styled(&printable(text));
    }

    /// The same for text that carries our own colours. That nobody reads it is no reason to break off a run.
    pub(crate) fn say_styled(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Something that must not pass in silence.
    pub(crate) fn note(&self, text: &str) {
        if self.json {
            self.one(&NoteLine { event: "note", text }, "");
        } else {
            self.say(&format!("note: {text}"));
        }
    }

    /// An error with its causes and the way out.
    pub(crate) fn error(&self, error: &Error) {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if causes.last() != Some(&text) && !error.to_string().contains(&text) {
                causes.push(text);
            }
            cause = inner.source();
        }
        if self.json {
            let line = ErrorLine {
                error: error.to_string(),
                causes,
                help: error.help(),
                exit: error.exit() as u8,
            };
            self.one(&line, "");
            return;
        }
        let red = if self.color {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let text = error.to_string();
        self.say_styled(&format!("{}error{}: {}", red.0, red.1, printable(&text)));
        for cause in causes {
            self.say(&format!("  because: {cause}"));
        }
        if let Some(help) = error.help() {
            self.say(&format!("  help: {help}"));
        }
    }

    /// Rows, as a table for people or a JSON array on one line for programs.
    pub(crate) fn rows<R: Serialize>(&self, header: &[&str], rows: &[R], cells: impl Fn(&R) -> Vec<String>) {
        if self.json {
            self.line(&serde_json::to_string(rows).unwrap_or_default());
            return;
        }
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header.to_vec());
        for row in rows {
            table.add_row(cells(row).iter().map(|cell| printable(cell)));
        }
        self.line(&table.to_string());
    }

    /// One thing, as text for people or a JSON object on one line for programs.
    pub(crate) fn one<R: Serialize>(&self, result: &R, text: &str) {
        if self.json {
            self.line(&serde_json::to_string(result).unwrap_or_default());
        } else if !text.is_empty() {
            self.line(text);
        }
    }
}

/// Text in which a terminal finds nothing to obey: names of files and the words of applications are other people's.
fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |char: char| char.is_control() && !matches!(char, '\n' | '\t');
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if obeyed(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        for (text, shown) in [
            ("plain\n\tä", "plain\n\tä"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("back\rspace", "back\\rspace"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
