//! A filled-in document as YAML, with its reasons as comments.

use super::Filled;
use dram_fields::{Data, Node};
use std::fmt::Write;

/// The text of a document; [`crate::format`] takes away the quotes that are not needed.
pub(super) fn document(filled: &Filled) -> String {
    let mut writer = Writer {
        filled,
        text: String::new(),
    };
    for note in &filled.notes {
        let _ = writeln!(writer.text, "# {note}");
    }
    for entry in filled.document.entries() {
        writer.entry(0, &entry.name, &entry.name, &entry.value);
    }
    writer.text
}

struct Writer<'f> {
    filled: &'f Filled,
    text: String,
}

impl Writer<'_> {
    /// A key with its value. What is nothing is left out: it may be left out of a model.
    fn entry(&mut self, indent: usize, path: &str, key: &str, value: &Node) {
        if value.data == Data::Null {
            return;
        }
        let _ = write!(self.text, "{:indent$}{}:", "", quoted(key));
        self.value(indent, path, value);
    }

    fn value(&mut self, indent: usize, path: &str, value: &Node) {
        let reason = match self.filled.reasons.get(path) {
            Some(reason) => format!("  # {reason}"),
            None => String::new(),
        };
        match &value.data {
            Data::Map(entries) if !entries.iter().all(|entry| entry.value.data == Data::Null) => {
                let _ = writeln!(self.text, "{reason}");
                for entry in entries {
                    self.entry(indent + 2, &format!("{path}.{}", entry.name), &entry.name, &entry.value);
                }
            }
            Data::List(elements) if !elements.is_empty() => {
                let _ = writeln!(self.text, "{reason}");
                for (index, element) in elements.iter().enumerate() {
                    let _ = write!(self.text, "{:indent$}  -", "");
                    // The keys of an element stand below its dash.
                    self.value(indent + 2, &format!("{path}[{index}]"), element);
                }
            }
            Data::Map(_) => self.end(" {}", &reason),
            Data::List(_) => self.end(" []", &reason),
            Data::Text(text) => self.end(&format!(" {}", quoted(text)), &reason),
            Data::Number(number) => self.end(&format!(" {number}"), &reason),
            Data::Bool(is) => self.end(&format!(" {is}"), &reason),
            Data::Null | Data::Unknown => self.end(" null", &reason),
        }
    }

    fn end(&mut self, value: &str, reason: &str) {
        let _ = writeln!(self.text, "{value}{reason}");
    }
}

/// Text that is text whatever it holds.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
