//! What a text says in comments before its documents.

use super::layout::{Comment, Content, Layout, Piece, Sheet, layout};
use super::secret::{self, SecretWords};

/// The comments before a document, and what the document declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its kind, as it is written.
    pub kind: String,
    /// Its name, as it is written.
    pub name: String,
    /// The lines without their `#`; an empty one where lines stand apart.
    pub lines: Vec<String>,
}

/// The comments before each document of a text: below the one before, and not deeper than it, up to the first key.
/// What may be a secret in clear is left out of them.
#[must_use]
pub fn comments_before(words: &SecretWords, text: &str) -> Vec<Before> {
    let source = text.replace("\r\n", "\n").trim_start_matches('\u{feff}').to_owned();
    // Most texts have none, and need not be read again.
    let read = if source.contains('#') { layout(&source) } else { None };
    let Some(Layout { sheets, comments }) = read else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut end = 0;
    for sheet in &sheets {
        let before: Vec<&Comment> = comments
            .iter()
            .filter(|comment| comment.start >= end && comment.start < sheet.root.start)
            .filter(|comment| is_of(&source, sheet, comment))
            .collect();
        if let (Some((kind, name)), false) = (declared(sheet), before.is_empty()) {
            let lines = without_secrets(words, lines(&source, &before));
            found.push(Before { kind, name, lines });
        }
        end = sheet.end_marker.unwrap_or(sheet.root.end);
    }
    found
}

/// Whether a comment is one of the document that it stands before. Above the `---` a deeper one, or one behind something,
/// belongs to the document above.
fn is_of(text: &str, sheet: &Sheet, comment: &Comment) -> bool {
    let is_below_marker = sheet.marker.is_none_or(|marker| comment.start > marker);
    let before = text.get(..comment.start).unwrap_or_default();
    is_below_marker || before.is_empty() || before.ends_with('\n')
}

/// The kind and the name of a document.
fn declared(sheet: &Sheet) -> Option<(String, String)> {
    let name = part(part(&sheet.root, "metadata")?, "name")?;
    Some((scalar(part(&sheet.root, "kind")?)?, scalar(name)?))
}

fn part<'p>(piece: &'p Piece, key: &str) -> Option<&'p Piece> {
    let items = &piece.group()?.items;
    let is_it = |written: &Option<Piece>| written.as_ref().and_then(scalar).is_some_and(|written| written == key);
    items.iter().find(|item| is_it(&item.key)).map(|item| &item.value)
}

fn scalar(piece: &Piece) -> Option<String> {
    match &piece.content {
        Content::Scalar { value, .. } => Some(value.clone()),
        Content::Alias(_) | Content::Group(_) => None,
    }
}

fn lines(text: &str, comments: &[&Comment]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut end = None;
    for comment in comments {
        let between = end.and_then(|end| text.get(end..comment.start)).unwrap_or_default();
        // The marker of a document between them is no empty line.
        if between.contains("\n\n") {
            lines.push(String::new());
        }
        let said = comment.text.trim_start_matches('#');
        lines.push(said.strip_prefix(' ').unwrap_or(said).to_owned());
        end = Some(comment.start + comment.text.len());
    }
    lines
}

/// Comments hold what was tried once, too.
fn without_secrets(words: &SecretWords, lines: Vec<String>) -> Vec<String> {
    let mut text = lines.join("\n");
    for hidden in secret::in_text(words, 0, &text, 0, text.len()).into_iter().rev() {
        text.replace_range(hidden.start as usize..hidden.end as usize, " …");
    }
    text.split('\n').map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Before, comments_before};
    use crate::check::secret_words;

    fn check(text: &str, expected: &[(&str, &[&str])]) {
        let found = comments_before(&secret_words(), text);
        let expected: Vec<Before> = expected
            .iter()
            .map(|(name, lines)| Before {
                kind: "Vault".to_owned(),
                name: (*name).to_owned(),
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn vault(name: &str) -> String {
        format!(
            "kind: Vault\nmetadata: {{ name: {name} }} # behind\nspec:\n  directory: {{ path: /a }} # behind\n  # deeper\n"
        )
    }

    #[test]
    fn comments_before_a_document_are_its_own() {
        let (one, two) = (vault("one"), vault("two"));
        check(&format!("{one}---\n{two}"), &[]);
        check(
            &format!("# a\n{one}---\n# b\n#c\n{two}"),
            &[("one", &["a"]), ("two", &["b", "c"])],
        );
        check(
            &format!("# a\n\n#   b\n---\n# c\n{one}"),
            &[("one", &["a", "", "  b", "c"])],
        );
        check(
            &format!("--- # a\n{one}# b\n--- # c\n\n# d\n{two}"),
            &[("one", &["a"]), ("two", &["b", "c", "", "d"])],
        );
        check(
            &format!("\u{feff}# a\r\n{}", one.replace('\n', "\r\n")),
            &[("one", &["a"])],
        );
        check(&format!("{one}...\n# a\n---\n{two}"), &[("two", &["a"])]);
        check("# nothing\n", &[]);
        check("# a\n- kind: Vault\n", &[]);
        check("# a\n{", &[]);
    }

    /// Text of a block is no comment.
    #[test]
    fn a_block_of_lines_has_no_comments() {
        let text = "kind: Vault\nmetadata: {name: a}\nspec: |\n  text\n  # text\n---\n";
        check(&format!("{text}{}", vault("two")), &[]);
    }

    #[test]
    fn what_may_be_a_secret_is_left_out() {
        let text = "# of the office\n# password: hunter2\n#   more\n# see https://me:hunter2@shop.example\n# end\n";
        let expected: &[&str] = &["of the office", "password: …", " …", "see https:// …", "end"];
        check(&format!("{text}{}", vault("one")), &[("one", expected)]);
    }
}
