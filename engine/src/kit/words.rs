//! Words of a command line, as a POSIX shell takes them.

/// Words that need no quoting.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// A word that the shell takes as it is.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The same, in which the named variables, written `${NAME}`, stand for their values when the command runs.
pub(super) fn with_variables(text: &str, names: &[&str]) -> String {
    let next = |text: &str| {
        let found = names.iter().filter_map(|name| {
            let written = format!("${{{name}}}");
            text.find(&written).map(|at| (at, *name, written.len()))
        });
        found.min()
    };
    let mut rest = text;
    let mut word = String::new();
    while let Some((at, name, length)) = next(rest) {
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            word.push_str(&quoted(before));
        }
        word.push_str(&format!("\"${name}\""));
        rest = after.split_at(length).1;
    }
    if !rest.is_empty() || word.is_empty() {
        word.push_str(&quoted(rest));
    }
    word
}

/// A command over several lines, none longer than `width` where its words allow it.
pub(super) fn folded(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words {
        let length = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.clone_from(word);
        } else if length + 2 <= width {
            line = format!("{line} {word}");
        } else {
            lines.push(format!("{line} \\"));
            line = format!("    {word}");
        }
    }
    lines.push(line);
    lines
}

/// Prose over several lines, none longer than `width` where its words allow it.
pub(super) fn filled(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn shell_says(script: &str) -> String {
        let output = Command::new("/bin/sh").args(["-c", script]).output().unwrap();
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_takes_quoted_and_folded_words_as_they_were(
            words in prop::collection::vec("[a-z '\"$\\\\*~\nä!#-]{0,40}", 1..12)
        ) {
            let mut line = vec!["printf".to_owned(), quoted("<%s>")];
            line.extend(words.iter().map(|word| quoted(word)));
            let expected: String = words.iter().map(|word| format!("<{word}>")).collect();
            prop_assert_eq!(shell_says(&folded(&line, 60).join("\n")), expected);
        }
    }

    #[test]
    fn variables_are_filled_in_by_the_shell_and_nothing_else_is() {
        for (text, expected) in [
            ("\"site\": \"${SITE}\"", "\"site\": \"office one\""),
            ("${SITE}", "office one"),
            ("$HOME ${HOME} $(id)", "$HOME ${HOME} $(id)"),
            ("${SITE}${RUN}x", "office one7x"),
            ("", ""),
        ] {
            let word = with_variables(text, &["SITE", "RUN"]);
            assert_eq!(
                shell_says(&format!("SITE='office one' RUN=7; printf %s {word}")),
                expected,
                "{word}"
            );
        }
    }

    #[test]
    fn prose_is_filled() {
        assert_eq!(filled("one two  three", 8), ["one two", "three"]);
        assert_eq!(filled("everything", 3), ["everything"]);
        assert_eq!(filled("", 3), [""]);
    }
}
