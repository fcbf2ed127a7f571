//! Names are unique, and references resolve.

use super::Written;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{KindName, Name, references};
use std::collections::{BTreeMap, BTreeSet};

/// Two declarations of a kind never share a name; there is one catalog at most.
pub(super) fn unique(documents: &[Written], out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<(KindName, Option<&Name>), &Written> = BTreeMap::new();
    for document in documents {
        let (Some(kind), Some(name)) = (document.kind, &document.name) else {
            continue;
        };
        let name = (kind != KindName::Catalog).then_some(name);
        if let Some(first) = seen.get(&(kind, name)) {
            let message = match name {
                Some(_) => format!("{} is declared twice", document.title()),
                None => "a second Catalog".to_owned(),
            };
            out.push(
                Diagnostic::error(codes::DUPLICATE_DECLARATION, document.name_place(), message)
                    .related(first.name_place(), "declared first here")
                    .help("rename or remove one of them"),
            );
        } else {
            seen.insert((kind, name), document);
        }
    }
}

/// Every reference names a declaration of the right kind. One that is broken counts: its own errors say enough.
pub(super) fn resolved(documents: &[Written], out: &mut Vec<Diagnostic>) {
    let mut declared: BTreeMap<KindName, BTreeSet<&str>> = BTreeMap::new();
    for document in documents {
        if let (Some(kind), Some(name)) = (document.kind, &document.name) {
            declared.entry(kind).or_default().insert(name);
        }
    }
    let none = BTreeSet::new();
    for document in documents {
        let Some(kind) = document.kind else { continue };
        for reference in references(kind.table(), &document.spec) {
            let names = declared.get(&reference.kind).unwrap_or(&none);
            if names.contains(reference.name.as_str()) {
                continue;
            }
            let help = if names.is_empty() {
                format!("declare it: no {} is declared", reference.kind)
            } else {
                meant(&reference.name, names, "declared are")
            };
            let message = format!(
                "{} refers to {} `{}`, which is not declared",
                document.title(),
                reference.kind,
                reference.name
            );
            out.push(document.error(codes::UNRESOLVED, reference.path, message).help(help));
        }
    }
}

/// The way out of a name that does not exist: the one that was probably meant, or those that there are. Of very many
/// names only the first count, so that a large model with many such names is still checked soon.
pub(super) fn meant(word: &str, names: &BTreeSet<&str>, there_are: &str) -> String {
    const COMPARED: usize = 1000;
    const LISTED: usize = 12;
    if let Some(name) = dram_fields::closest(word, names.iter().copied().take(COMPARED)) {
        return format!("did you mean `{name}`?");
    }
    let listed: Vec<&str> = names.iter().copied().take(LISTED).collect();
    match names.len() - listed.len() {
        0 => format!("{there_are} {}", listed.join(", ")),
        more => format!("{there_are} {} and {more} more", listed.join(", ")),
    }
}
