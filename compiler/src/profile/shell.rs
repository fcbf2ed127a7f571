//! Values in texts for a shell: between single quotes, and only where those quote.

/// A value as one word of a shell in which nothing is interpreted.
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// How far a shell has read a text, piece by piece: whether a quoted word may stand next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reader {
    state: State,
    last: Option<char>,
    beyond: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Single,
    Double,
    Comment,
}

impl Reader {
    /// Reads on. Errs on the side of refusing: what begins inside double quotes is taken for quoted to their end, and
    /// behind a here-document, arithmetic or a backtick nothing is taken for plain any more.
    pub(super) fn read(&mut self, text: &str) {
        for c in text.chars() {
            let escaped = self.last == Some('\\') && self.state != State::Single;
            self.state = match (self.state, c) {
                _ if escaped => self.state,
                (State::Plain, '\'') => State::Single,
                (State::Single, '\'') | (State::Double, '"') | (State::Comment, '\n') => State::Plain,
                (State::Plain, '"') => State::Double,
                (State::Plain, '#')
                    if self
                        .last
                        .is_none_or(|last| last.is_whitespace() || ";&|()".contains(last)) =>
                {
                    State::Comment
                }
                (state, _) => state,
            };
            if !escaped && matches!(self.state, State::Plain | State::Double) {
                let pair = self.last.filter(|last| *last == c);
                self.beyond |= c == '`' || matches!(pair, Some('<' | '('));
            }
            // A backslash that is escaped itself escapes nothing.
            self.last = Some(if escaped && c == '\\' { ' ' } else { c });
        }
    }

    /// Reads a value, which is a plain word.
    pub(super) fn read_value(&mut self) {
        self.last = Some('\'');
    }

    /// Whether a quoted word may stand next.
    pub(super) fn takes_a_word(self) -> bool {
        self.state == State::Plain && !self.beyond && !matches!(self.last, Some('\\' | '$'))
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, quoted};

    #[test]
    fn a_word_is_refused_where_quotes_do_not_quote() {
        for (before, expected) in [
            ("", true),
            ("psql --dbname=", true),
            ("a 'b' \"c\" ", true),
            ("it\\'s ", true),
            ("a \\\\", true),
            ("'a\\' ", true),
            ("x=$(cat ", true),
            ("# don't\n", true),
            ("a#'b' ", true),
            ("cat < ", true),
            ("'", false),
            ("\"a ", false),
            ("\"$(cat ", false),
            ("\\", false),
            ("$", false),
            ("`cat ", false),
            ("cat <<EOF\n", false),
            ("echo $(( ", false),
            ("# ", false),
            ("a 'b\\' 'c", false),
        ] {
            let mut reader = Reader::default();
            reader.read(before);
            assert_eq!(reader.takes_a_word(), expected, "{before}");
        }
    }

    #[test]
    fn a_value_is_one_word() {
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
