//! The checks that every block shares. Derived decoders call these.

use crate::{Code, Cx, Data, Diagnostic, Entry, Field, Fix, Item, Kind, Node, Shape, Span, Step, Ty};
use std::collections::BTreeMap;

/// Checks a block as a whole: it is one, its fields are known, given once, not empty, complete, and of each choice
/// one is given. Returns whether its fields can be read.
pub fn open(kind: &'static Kind, node: &Node, cx: &mut Cx<'_>) -> bool {
    let entries = match &node.data {
        Data::Map(entries) => entries,
        Data::Unknown => {
            cx.unknown();
            return false;
        }
        _ => {
            cx.wrong_shape(node, &format!("a block ({})", kind.name));
            return false;
        }
    };
    given_once(entries, cx);
    // What is misspelled is not missing as well.
    let mut meant = Vec::new();
    for entry in entries {
        match kind.field(&entry.name) {
            None => meant.extend(unknown_field(kind, node, entry, cx)),
            Some(field) if matches!(entry.value.data, Data::Null) => empty(kind, node, field, entry, cx),
            Some(_) => {}
        }
    }
    for item in kind.items {
        match item {
            Item::Field(field) => {
                if field.required && node.get(field.name).is_none() && !meant.contains(&field.name) {
                    cx.report_at(
                        Step::Field(field),
                        Diagnostic::error(
                            Code::MISSING_FIELD,
                            cx.here(),
                            format!("{} needs `{}`", kind.name, field.name),
                        )
                        .help(first_sentence(field.doc)),
                    );
                }
            }
            Item::OneOf { required, variants } => {
                let required = *required && !variants.iter().any(|field| meant.contains(&field.name));
                one_of(kind, node, variants, required, cx);
            }
        }
    }
    true
}

/// A field that is written and holds nothing.
fn empty(kind: &'static Kind, node: &Node, field: &'static Field, entry: &Entry, cx: &mut Cx<'_>) {
    let is_variant = siblings(kind, field).is_some();
    let (help, fix) = match field.ty {
        Ty::Block(of) => (
            "give it a value (`{}` for none of its options), or remove it",
            (is_variant && needs_nothing(of())).then(|| Fix::block(entry.name_span)),
        ),
        _ => (
            "give it a value, or remove it",
            // A name that refers to something was about to be given: leaving it out may mean another thing.
            (!field.required && !is_variant && field.refers.is_none() && node.entries().len() > 1)
                .then(|| Fix::remove(entry.name_span)),
        ),
    };
    let finding = Diagnostic::error(Code::EMPTY, entry.name_span, format!("`{}` is empty", entry.name));
    cx.report_at(Step::Field(field), finding.help(help).fix(fix));
}

/// Whether a block may be written `{}`.
fn needs_nothing(kind: &'static Kind) -> bool {
    kind.items.iter().all(|item| match item {
        Item::Field(field) => !field.required,
        Item::OneOf { required, .. } => !required,
    })
}

/// The fields of which a field is one choice.
fn siblings(kind: &'static Kind, field: &'static Field) -> Option<&'static [&'static Field]> {
    kind.items.iter().find_map(|item| match item {
        Item::OneOf { variants, .. } if variants.iter().any(|one| one.name == field.name) => Some(*variants),
        Item::OneOf { .. } | Item::Field(_) => None,
    })
}

/// No key stands twice in a block or map.
pub(crate) fn given_once(entries: &[Entry], cx: &mut Cx<'_>) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for entry in entries {
        if let Some(first) = seen.get(entry.name.as_str()) {
            let (step, name) = shown(&entry.name, cx);
            let finding = Diagnostic::error(Code::DUPLICATE_KEY, entry.name_span, format!("{name} is given twice"))
                .related(*first, "given first here")
                .help("remove one of them");
            cx.report_part(step, finding);
        } else {
            seen.insert(&entry.name, entry.name_span);
        }
    }
}

/// How a key is named in a message, and the step to it. Inside a reference to a secret it may be the secret.
fn shown(name: &str, cx: &Cx<'_>) -> (Option<Step>, String) {
    if cx.is_hidden() || swallowed(name) {
        (None, "a field".to_owned())
    } else {
        (Some(Step::Key(name.to_owned())), format!("`{name}`"))
    }
}

fn one_of(kind: &'static Kind, node: &Node, variants: &'static [&'static Field], required: bool, cx: &mut Cx<'_>) {
    let given: Vec<(&Entry, &'static Field)> = variants
        .iter()
        .filter_map(|field| node.entry(field.name).map(|entry| (entry, *field)))
        .collect();
    // An unknown may turn out to be absent: it neither completes a choice nor breaks it.
    let mut known = given
        .iter()
        .filter(|(entry, _)| !matches!(entry.value.data, Data::Unknown));
    if let (Some((first, _)), Some((second, field))) = (known.next(), known.next()) {
        cx.report_at(
            Step::Field(field),
            Diagnostic::error(
                Code::EXCLUDES,
                second.name_span,
                format!("`{}` and `{}` exclude each other", first.name, second.name),
            )
            .related(first.name_span, "given first here")
            .help("keep one of them"),
        );
    }
    if required && given.is_empty() {
        let names: Vec<String> = variants.iter().map(|field| format!("`{}`", field.name)).collect();
        let message = match names.split_last() {
            Some((last, [])) => format!("{} needs {last}", kind.name),
            Some((last, others)) => format!("{} needs one of {} or {last}", kind.name, others.join(", ")),
            None => format!("{} cannot be given", kind.name),
        };
        let docs: Vec<String> = variants
            .iter()
            .map(|field| format!("{}: {}", field.name, first_sentence(field.doc)))
            .collect();
        cx.report(Diagnostic::error(Code::NONE_OF, cx.here(), message).help(docs.join("; ")));
    }
}

/// Says that a field is unknown. Returns the one that was probably meant, unless it is given as well.
fn unknown_field(kind: &'static Kind, node: &Node, entry: &Entry, cx: &mut Cx<'_>) -> Option<&'static str> {
    let guess = closest(&entry.name, kind.fields().map(|field| field.name));
    // A word near to a field's name is a slip of the pen, and no secret.
    let hidden = (cx.is_hidden() || swallowed(&entry.name)) && guess.is_none();
    let message = if hidden {
        format!("unknown field in {}", kind.name)
    } else {
        format!("unknown field `{}` in {}", entry.name, kind.name)
    };
    let mut finding = Diagnostic::error(Code::UNKNOWN_FIELD, entry.name_span, message);
    finding = match guess {
        Some(name) => finding
            .help(format!("did you mean `{name}`?"))
            .fix(meant_field(kind, node, entry, cx)),
        None if kind.items.is_empty() => finding.help(format!("{} has no fields: write `{{}}`", kind.name)),
        None => {
            let names: Vec<&str> = kind.fields().map(|field| field.name).collect();
            finding.help(format!("{} has {}", kind.name, names.join(", ")))
        }
    };
    // What stands under a misspelled `password` may be one.
    let secret = guess
        .and_then(|name| kind.field(name))
        .is_some_and(|field| matches!(field.ty, Ty::Secret(_)));
    if secret || cx.is_hidden() || looks_secret(&entry.name) {
        mask_scalars(&entry.value, &mut finding.masked);
    }
    if hidden {
        finding.masked.push(entry.name_span);
    }
    cx.report_part((!hidden).then(|| Step::Key(entry.name.clone())), finding);
    guess.filter(|name| node.get(name).is_none())
}

/// The field that a misspelled one must have meant: only one is near, and it can be given here.
fn meant_field(kind: &'static Kind, node: &Node, entry: &Entry, cx: &Cx<'_>) -> Option<Fix> {
    let name = misspelled(&entry.name, kind.fields().map(|field| field.name)).filter(|_| !cx.is_hidden())?;
    let excluded = siblings(kind, kind.field(name)?).unwrap_or_default();
    let given = |name: &str| node.get(name).is_some();
    let twice = node.entries().iter().filter(|other| other.name == entry.name).count() > 1;
    let free = !twice && !given(name) && !excluded.iter().any(|field| given(field.name));
    free.then(|| Fix::word(entry.name_span, name))
}

/// Reports a word that is none of those that a field takes.
pub fn unknown_word(node: &Node, text: &str, words: &[&str], cx: &mut Cx<'_>) {
    let listed: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let listed = listed.join(", ");
    if cx.is_hidden() || swallowed(text) {
        let finding = Diagnostic::error(Code::UNKNOWN_WORD, node.span, format!("none of {listed}"));
        cx.report(finding.mask(node.span));
        return;
    }
    let mut finding = Diagnostic::error(Code::UNKNOWN_WORD, node.span, format!("`{text}` is none of {listed}"));
    if let Some(guess) = closest(text, words.iter().copied()) {
        let fix = misspelled(text, words.iter().copied()).map(|word| Fix::word(node.span, word));
        finding = finding.help(format!("did you mean `{guess}`?")).fix(fix);
    }
    cx.report(finding);
}

/// Whether a field of this name, known or not, probably holds a secret.
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "key", "credential"]
        .iter()
        .any(|word| name.contains(word))
}

/// Whether a text probably holds a field with a secret: a quote in the wrong place makes one text of several fields.
pub(crate) fn swallowed(text: &str) -> bool {
    text.contains(':') && looks_secret(text)
}

fn mask_scalars(node: &Node, masked: &mut Vec<Span>) {
    match &node.data {
        Data::Map(entries) => entries.iter().for_each(|entry| mask_scalars(&entry.value, masked)),
        Data::List(elements) => elements.iter().for_each(|element| mask_scalars(element, masked)),
        _ => masked.push(node.span),
    }
}

/// The entry of a field, when it holds something.
#[must_use]
pub fn present<'n>(parent: &'n Node, field: &Field) -> Option<&'n Entry> {
    parent
        .entry(field.name)
        .filter(|entry| !matches!(entry.value.data, Data::Null))
}

/// Decodes one field of a block. What is missing or empty was reported by [`open`].
pub fn field<T: Shape>(field: &'static Field, parent: &Node, cx: &mut Cx<'_>) -> Option<T> {
    let Some(entry) = present(parent, field) else {
        // An empty value was reported; of an absent one the default holds.
        let default = field.default.filter(|_| parent.entry(field.name).is_none());
        return match default {
            Some(default) => T::decode(&default(), cx),
            None => T::absent(),
        };
    };
    cx.within(Step::Field(field), entry.span(), |cx| {
        match &entry.value.data {
            Data::List(elements) if !matches!(field.ty, Ty::Map(_)) => {
                count(field, entry, elements.len(), cx);
                if let Some(key) = field.key {
                    unique(key, elements, cx);
                }
            }
            Data::Map(entries) if matches!(field.ty, Ty::Map(_)) => count(field, entry, entries.len(), cx),
            _ => {}
        }
        T::decode(&entry.value, cx)
    })
}

fn count(field: &'static Field, entry: &Entry, len: usize, cx: &mut Cx<'_>) {
    let message = if len < field.min as usize {
        format!("`{}` needs at least {}, and has {len}", field.name, elements(field.min))
    } else if field.max != 0 && len > field.max as usize {
        format!("`{}` takes at most {}, and has {len}", field.name, elements(field.max))
    } else {
        return;
    };
    cx.report(Diagnostic::error(Code::COUNT, entry.name_span, message).help(first_sentence(field.doc)));
}

fn elements(count: u32) -> String {
    if count == 1 {
        "one element".to_owned()
    } else {
        format!("{count} elements")
    }
}

fn unique(key: &str, elements: &[Node], cx: &mut Cx<'_>) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for (index, element) in elements.iter().enumerate() {
        let Some(node) = element.get(key) else { continue };
        let Some(name) = node.as_text() else { continue };
        if let Some(first) = seen.get(name) {
            cx.report_at(
                Step::Index(index),
                Diagnostic::error(Code::DUPLICATE_KEY, node.span, format!("`{name}` is given twice"))
                    .related(*first, "given first here")
                    .help(format!("elements are known by their `{key}`: rename or remove one")),
            );
        } else {
            seen.insert(name, node.span);
        }
    }
}

/// The candidate that a misspelled or shortened word most probably meant.
pub fn closest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = plain(word);
    let (mut nearest, mut longer) = (None, Vec::new());
    for candidate in candidates {
        let plain = plain(candidate);
        if word.len() >= SHORTENED && plain.starts_with(&word) {
            longer.push(candidate);
        }
        // Lengths that differ by more than the distance need no comparison; words of any length may come here.
        if word.len().abs_diff(plain.len()) > reach(candidate) {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&word, &plain);
        if distance <= reach(candidate) && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, candidate));
        }
    }
    match (nearest, longer.as_slice()) {
        (Some((_, candidate)), _) => Some(candidate),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// Letters that a shortened word has at least, such as `dir` and `meta`.
const SHORTENED: usize = 3;

/// The candidate that a misspelled word must have meant: no other one is near, most of it is there, and its digits are
/// the same, for `web1` is no slip of `web2`.
pub fn misspelled<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let mut near = candidates.filter(|candidate| closest(word, std::iter::once(*candidate)).is_some());
    let (only, None) = (near.next()?, near.next()) else {
        return None;
    };
    let slips = strsim::damerau_levenshtein(&plain(word), &plain(only));
    (slips * 3 <= plain(only).len() && digits(word) == digits(only)).then_some(only)
}

/// A word without what people get wrong first: capitals and dashes.
fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace(['_', '-'], "")
}

/// How many slips a word may be away.
const fn reach(candidate: &str) -> usize {
    1 + candidate.len() / 4
}

/// The first sentence of a doc comment, without its full stop.
fn first_sentence(doc: &str) -> String {
    let line = doc.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match line.split_once(". ") {
        Some((first, _)) => first.to_owned(),
        None => line.trim_end_matches('.').to_owned(),
    }
}
