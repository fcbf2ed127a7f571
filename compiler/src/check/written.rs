//! What a document declares, with the places where it says so.

use crate::model::{Declaration, KindName, Labels, Name};
use crate::syntax::{Document, SecretWords};
use dram_fields::{Data, Diagnostic, Node, Span};

/// A declaration as it was written. Even a broken one may have a kind and a name, so that references to it resolve.
#[derive(Debug)]
pub struct Written {
    /// Its kind, when it can be told.
    pub kind: Option<KindName>,
    /// Its name, when it can be told.
    pub name: Option<Name>,
    /// Where the name stands.
    pub name_span: Span,
    /// What is declared, when nothing was wrong.
    pub declaration: Option<Declaration>,
    /// The tree of its `spec`.
    pub spec: Node,
}

impl Written {
    /// Decodes a document. Everything that is wrong is added to `out`.
    #[must_use]
    pub fn read(document: Document, words: &SecretWords, out: &mut Vec<Diagnostic>) -> Self {
        let Document { mut root, broken } = document;
        let kind = root
            .get("kind")
            .and_then(Node::as_text)
            .and_then(|kind| kind.parse().ok());
        let name_node = root.get("metadata").and_then(|metadata| metadata.get("name"));
        let name = name_node.and_then(Node::as_text).and_then(|name| name.parse().ok());
        let name_span = name_node.map_or(root.span, |node| node.span);
        let nothing = Node {
            data: Data::Map(Vec::new()),
            span: root.span,
        };
        let mut spec = root.get("spec").cloned().unwrap_or(nothing);
        // The root of a `spec` has no key of its own worth underlining: its kind stands for it.
        spec.span = root.get("kind").map_or(root.span, |node| node.span);
        // Nor has the root of a document: what it lacks is said at its kind, or at its first key.
        if let Some(first) = root.entries().first().map(|entry| entry.name_span) {
            root.span = root.get("kind").map_or(first, |node| node.span);
        }
        let (declaration, root) = if broken {
            (None, root)
        } else {
            let decoded = Declaration::decode(root);
            out.extend(decoded.diagnostics);
            (decoded.value, decoded.source)
        };
        // A document that holds is free of literal secrets. For one that does not, any finding carries what to hide: it is
        // hidden in the excerpts of all.
        if declaration.is_none()
            && let Some(finding) = out.last_mut()
        {
            finding.masked.extend(Document::secrets(words, &root));
        }
        Self {
            kind,
            name,
            name_span,
            declaration,
            spec,
        }
    }

    /// Its labels; none of a broken one.
    pub(super) fn labels(&self) -> &Labels {
        static NONE: Labels = Labels::new();
        let metadata = self.declaration.as_ref().map(|declaration| &declaration.metadata);
        metadata.map_or(&NONE, |metadata| &metadata.labels)
    }

    /// A declaration that no text stands behind.
    #[must_use]
    pub fn of(declaration: Declaration) -> Self {
        Self {
            kind: Some(declaration.kind()),
            name: Some(declaration.name().clone()),
            name_span: Span::NONE,
            spec: declaration.spec.encode(),
            declaration: Some(declaration),
        }
    }
}
