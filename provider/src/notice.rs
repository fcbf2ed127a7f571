//! What a person has to be told, and at which place of the configuration.

use crate::value::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// What was asked for is not done.
    Error,
    /// It is done, but somebody should look.
    Warning,
}

/// Something a person has to be told. The host shows the place in the source that the path leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How bad it is.
    pub gravity: Gravity,
    /// What is the matter, in one line.
    pub summary: String,
    /// More about it, and the way out.
    pub detail: String,
    /// Where in the configuration, if it is about a place.
    pub path: Option<Path>,
}

impl Notice {
    /// An error.
    #[must_use]
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Notice {
            gravity: Gravity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Notice {
            gravity: Gravity::Warning,
            ..Notice::error(summary, detail)
        }
    }

    /// At a place of the configuration.
    #[must_use]
    pub fn at(self, path: Path) -> Self {
        Notice {
            path: Some(path),
            ..self
        }
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.gravity == Gravity::Error
    }
}

/// Whether any of them is an error.
#[must_use]
pub fn any_error(notices: &[Notice]) -> bool {
    notices.iter().any(Notice::is_error)
}
