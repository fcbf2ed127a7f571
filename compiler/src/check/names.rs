//! Names are unique, and references resolve.

use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{KindName, Name, references};
use crate::syntax::Document;
use std::collections::BTreeMap;

/// Two declarations of a kind never share a name; there is one catalog at most.
pub(super) fn unique(documents: &[Document], out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<(KindName, Option<&Name>), &Document> = BTreeMap::new();
    for document in documents {
        let (Some(kind), Some(name)) = (document.kind, &document.name) else { continue };
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
pub(super) fn resolved(documents: &[Document], out: &mut Vec<Diagnostic>) {
    for document in documents {
        let Some(kind) = document.kind else { continue };
        for reference in references(kind.table(), &document.spec) {
            let of_kind = || {
                documents
                    .iter()
                    .filter(|other| other.kind == Some(reference.kind))
                    .filter_map(|other| other.name.as_ref().map(|name| name.as_ref() as &str))
            };
            if of_kind().any(|name| name == reference.name) {
                continue;
            }
            let help = match dram_fields::closest(&reference.name, of_kind()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => {
                    let names: Vec<&str> = of_kind().collect();
                    if names.is_empty() {
                        format!("declare it: no {} is declared", reference.kind)
                    } else {
                        format!("declared are {}", names.join(", "))
                    }
                }
            };
            let message = format!("{} refers to {} `{}`, which is not declared", document.title(), reference.kind, reference.name);
            out.push(document.error(codes::UNRESOLVED, reference.path, message).help(help));
        }
    }
}
