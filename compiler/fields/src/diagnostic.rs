//! What a check has to say.

use crate::{Code, Fix, Span, Step};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The model is refused.
    Error,
    /// The model holds, but somebody should look.
    Warning,
}

/// One finding: what is wrong, where, and the way out.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, user text in backticks.
    pub message: String,
    /// What is underlined; [`Span::NONE`] where no text stands behind.
    pub span: Span,
    /// Words beside the underline; may be empty.
    pub label: String,
    /// Other places that belong to it, with words.
    pub related: Vec<(Span, String)>,
    /// The way out.
    pub help: Option<String>,
    /// The way out as a program can carry it out, where exactly one is right.
    pub fix: Option<Fix>,
    /// The value that is meant, as a path from the root of what was decoded.
    pub path: Vec<Step>,
    /// Places whose text must not be shown: literals where a secret belongs.
    pub masked: Vec<Span>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            help: None,
            fix: None,
            path: Vec::new(),
            masked: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// With words beside the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the way out as a program can carry it out, if there is exactly one.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// With a second place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// About the value at this path.
    #[must_use]
    pub fn path(mut self, path: Vec<Step>) -> Self {
        self.path = path;
        self
    }

    /// Hiding what is written at this place.
    #[must_use]
    pub fn mask(mut self, span: Span) -> Self {
        self.masked.push(span);
        self
    }
}
