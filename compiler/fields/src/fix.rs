//! Ways out that a program can carry out: only where exactly one answer is right.

use crate::Span;

/// The one right way out of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as one clause without a full stop.
    pub why: String,
    /// What changes: all of it, or nothing.
    pub changes: Vec<Change>,
}

/// A change of a text, told by what it means. Which bytes that are, depends on how the text is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another word for a key or a text, in the quotes that stand there.
    Word {
        /// The key or the text.
        span: Span,
        /// The word.
        to: String,
    },
    /// Another value, without quotes.
    Plain {
        /// The value.
        span: Span,
        /// What it should be.
        to: String,
    },
    /// Quotes around a value that is meant as text.
    Quote(Span),
    /// Brackets around a value that is meant as a list of one element.
    List(Span),
    /// `{}` as the value of the key that stands here.
    Block(Span),
    /// Without the field whose key stands here and whose value is empty.
    Remove(Span),
}

impl Fix {
    /// One change.
    pub fn new(why: impl Into<String>, change: Change) -> Self {
        Self {
            why: why.into(),
            changes: vec![change],
        }
    }

    /// Another word.
    #[must_use]
    pub fn word(span: Span, to: &str) -> Self {
        let to = to.to_owned();
        Self::new(format!("write `{to}`"), Change::Word { span, to })
    }

    /// Another value.
    #[must_use]
    pub fn plain(span: Span, to: &str) -> Self {
        let to = to.to_owned();
        Self::new(format!("write `{to}`"), Change::Plain { span, to })
    }

    /// Quotes around a value.
    #[must_use]
    pub fn quote(span: Span) -> Self {
        Self::new("quote what is meant as text", Change::Quote(span))
    }

    /// Brackets around a value.
    #[must_use]
    pub fn list(span: Span) -> Self {
        Self::new("write a list of one element", Change::List(span))
    }

    /// An empty block.
    #[must_use]
    pub fn block(key: Span) -> Self {
        Self::new("write `{}` for a block without options", Change::Block(key))
    }

    /// Without a field.
    #[must_use]
    pub fn remove(key: Span) -> Self {
        Self::new("remove the empty field", Change::Remove(key))
    }
}

#[cfg(test)]
mod tests {
    use crate::misspelled;

    #[test]
    fn a_slip_of_the_pen_has_one_answer() {
        let fields = ["rpo", "rto", "maxFreeze", "s3", "swift", "hourly", "paths"];
        for (written, meant) in [
            ("maxFreze", Some("maxFreeze")),
            ("max_freeze", Some("maxFreeze")),
            ("MAXFREEZE", Some("maxFreeze")),
            ("hours", Some("hourly")),
            ("path", Some("paths")),
            // Two are as near.
            ("rxo", None),
            // One letter of two.
            ("s4", None),
            ("drills", None),
            ("", None),
        ] {
            assert_eq!(misspelled(written, fields.into_iter()), meant, "{written}");
        }
    }

    #[test]
    fn other_digits_are_another_name() {
        let names = ["branch-1", "office"];
        assert_eq!(misspelled("branch-2", names.into_iter()), None);
        assert_eq!(misspelled("branch", names.into_iter()), None);
        assert_eq!(misspelled("brnach-1", names.into_iter()), Some("branch-1"));
        assert_eq!(misspelled("offise", names.into_iter()), Some("office"));
    }
}
