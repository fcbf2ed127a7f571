//! Which parts of a text no excerpt may show: what stands, or may stand, where a secret belongs.
//!
//! Decoding masks the literals that it finds. This catches the rest: documents that are not decoded, because they are
//! broken or of an unknown kind, and places that no table names.

use dram_fields::write::reachable;
use dram_fields::{Data, Entry, Field, Kind, Node, Span, Ty, closest, looks_secret};
use std::collections::{BTreeMap, BTreeSet};

/// The words by which a language's secrets are known: the names of all fields that hold one, and of those by which one is
/// referred to.
#[derive(Debug)]
pub struct SecretWords {
    fields: BTreeSet<&'static str>,
    references: BTreeMap<&'static str, &'static Field>,
}

impl SecretWords {
    /// The words of a language with these kinds.
    #[must_use]
    pub fn of(language: &[&'static Kind]) -> Self {
        let kinds = || language.iter().flat_map(|kind| reachable(kind));
        let secret = |ty: &Ty| matches!(ty, Ty::Secret(_));
        Self {
            fields: kinds()
                .flat_map(|kind| kind.fields())
                .filter(|field| secret(&field.ty))
                .map(|field| field.name)
                .collect(),
            references: kinds()
                .flat_map(|kind| kind.fields())
                .filter_map(|field| match field.ty {
                    Ty::Secret(kind) => Some(kind()),
                    _ => None,
                })
                .flat_map(|kind| kind.fields())
                .map(|field| (field.name, field))
                .collect(),
        }
    }

    /// Whether a key names a secret, also where damage put more than one word into it.
    fn is_secret(&self, name: &str) -> bool {
        looks_secret(name)
            || name
                .split(is_no_letter)
                .any(|word| closest(word, self.fields.iter().copied()).is_some())
    }
}

/// The places in a tree that may hold a secret in clear.
pub(super) fn in_tree(words: &SecretWords, root: &Node) -> Vec<Span> {
    let mut found = Vec::new();
    search(words, root, &mut found);
    found
}

fn search(words: &SecretWords, node: &Node, found: &mut Vec<Span>) {
    // A quote or a `|` in the wrong place makes one text of what should have been fields.
    let swallowed = |text: &str| text.lines().any(|line| secret_word(words, line).is_some());
    if node.as_text().is_some_and(swallowed) {
        found.push(node.span);
    }
    for entry in node.entries() {
        if swallowed(&entry.name) {
            found.push(entry.name_span);
        }
        if words.is_secret(&entry.name) {
            conceal(words, &entry.value, found);
        } else {
            search(words, &entry.value, found);
        }
    }
    for element in node.elements() {
        search(words, element, found);
    }
}

fn conceal(words: &SecretWords, node: &Node, found: &mut Vec<Span>) {
    match &node.data {
        Data::Null | Data::Unknown => {}
        Data::Bool(_) | Data::Number(_) | Data::Text(_) => found.push(node.span),
        Data::List(elements) => elements.iter().for_each(|element| conceal(words, element, found)),
        Data::Map(entries) => {
            for entry in entries.iter().filter(|entry| !is_reference(words, entry)) {
                if closest(&entry.name, words.references.keys().copied()).is_none() && !words.is_secret(&entry.name) {
                    found.push(entry.name_span);
                }
                conceal(words, &entry.value, found);
            }
        }
    }
}

/// Whether an entry says where a secret is found, in the format that such a field has.
fn is_reference(words: &SecretWords, entry: &Entry) -> bool {
    let Some(Ty::Text(format)) = words.references.get(entry.name.as_str()).map(|field| field.ty) else {
        return false;
    };
    entry
        .value
        .as_text()
        .is_some_and(|text| (format.canonical)(text).is_ok())
}

/// The places in the text of a broken document that may hold a secret in clear: after each word that is one of a
/// secret, to the end of its line and over the deeper lines below it.
pub(super) fn in_text(words: &SecretWords, source: u32, text: &str, start: usize, end: usize) -> Vec<Span> {
    let mut found = Vec::new();
    let mut deeper_than = None;
    let mut at = start;
    for line in text.get(start..end).unwrap_or_default().split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        let hidden = match deeper_than {
            Some(limit) if indent > limit || line.trim().is_empty() => Some(0),
            _ => {
                let after = secret_word(words, line);
                deeper_than = after.map(|_| indent);
                after
            }
        };
        if let Some(hidden) = hidden {
            found.push(super::yaml::place(source, at + hidden, at + line.trim_end().len()));
        }
        at += line.len();
    }
    found
}

/// Where a line goes on after the first `word:` whose word is one of a secret, or inside an address that carries a user
/// with a password.
fn secret_word(words: &SecretWords, line: &str) -> Option<usize> {
    let address = line.find("://").map(|at| at + "://".len());
    if let Some(at) = address
        && let Some((user, _)) = line.get(at..).and_then(|rest| rest.split_once('@'))
        && user.contains(':')
    {
        return Some(at);
    }
    line.match_indices(':').map(|(colon, _)| colon).find_map(|colon| {
        let before = line.get(..colon)?.trim_end().trim_end_matches(['"', '\'']);
        let word = before.rsplit(is_no_letter).next()?;
        (!word.is_empty() && words.is_secret(word)).then_some(colon + 1)
    })
}

/// Whether a character is none of those that names of fields are made of, nor one that people mistake for those.
const fn is_no_letter(c: char) -> bool {
    !c.is_ascii_alphanumeric() && c != '_' && c != '-'
}
