//! Documents: parsed text with positions, perhaps broken.

use super::secret::{self, SecretWords};
use super::yaml;
use crate::diagnostic::compiler_codes as codes;
use crate::source::Sources;
use dram_fields::{Diagnostic, Node, Span};

/// A document of the stream.
#[derive(Debug)]
pub struct Document {
    /// Its tree; partial when the document is broken.
    pub root: Node,
    /// Whether a syntax error cut it short.
    pub broken: bool,
}

/// Reads all documents. `words` tell what no excerpt may show where a document does not hold. Everything that is wrong with their syntax is added to `out`.
#[must_use]
pub fn parse(words: &SecretWords, sources: &Sources, out: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut documents = Vec::new();
    for (index, source) in sources.iter() {
        documents.extend(yaml::read(words, index, &source.text, out));
    }
    if documents.is_empty() && !crate::diagnostic::has_errors(out) {
        let mut finding = Diagnostic::error(codes::NO_DOCUMENT, Span::NONE, "no document to check")
            .help("a document begins with `apiVersion: dram.dev/v1`");
        if let Some((index, source)) = sources.iter().next() {
            finding.span = Span {
                source: index,
                start: 0,
                end: 0,
            };
            // What is commented out may be a whole model.
            finding.masked = secret::in_text(words, index, &source.text, 0, source.text.len());
        }
        out.push(finding);
    }
    documents
}

impl Document {
    /// Places that look like a literal where a secret belongs: they are hidden while the document does not hold.
    pub(crate) fn secrets(words: &SecretWords, root: &Node) -> Vec<Span> {
        secret::in_tree(words, root)
    }
}
