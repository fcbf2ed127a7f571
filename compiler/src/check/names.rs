//! Names are unique, and references resolve.

use super::Written;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{KindName, Name, references};
use dram_fields::{Fix, Span, misspelled};
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
    let mut places: BTreeMap<(KindName, &str), Span> = BTreeMap::new();
    for document in documents {
        if let (Some(kind), Some(name)) = (document.kind, &document.name) {
            declared.entry(kind).or_default().insert(name);
            places.entry((kind, name)).or_insert(document.name_place());
        }
    }
    let none = BTreeSet::new();
    let nameless = Nameless::of(documents);
    for document in documents {
        let Some(kind) = document.kind else { continue };
        for reference in references(kind.table(), &document.spec) {
            let names = declared.get(&reference.kind).unwrap_or(&none);
            if names.contains(reference.name.as_str()) || nameless.may_be(reference.kind, &reference.name) {
                continue;
            }
            let near = Meant::of(&reference.name, names);
            let help = if names.is_empty() {
                format!("declare it: no {} is declared", reference.kind)
            } else {
                near.help("declared are")
            };
            let message = format!(
                "{} refers to {} `{}`, which is not declared",
                document.title(),
                reference.kind,
                reference.name
            );
            let place = near.name.and_then(|name| places.get(&(reference.kind, name)));
            let finding = near.fixing(document.error(codes::UNRESOLVED, reference.path, message).help(help));
            out.push(match place {
                Some(place) => finding.related(*place, "declared here"),
                None => finding,
            });
        }
    }
}

/// Documents whose kind or name cannot be told. What refers to nothing may mean one of them, and their own errors say
/// enough.
pub(super) struct Nameless<'d> {
    /// No document says less than these.
    anything: bool,
    kinds: BTreeSet<KindName>,
    names: BTreeSet<&'d str>,
}

impl<'d> Nameless<'d> {
    pub(super) fn of(documents: &'d [Written]) -> Self {
        let (mut anything, mut kinds, mut names) = (false, BTreeSet::new(), BTreeSet::new());
        for document in documents {
            match (document.kind, &document.name) {
                (Some(_), Some(_)) => {}
                (Some(kind), None) => {
                    kinds.insert(kind);
                }
                (None, Some(name)) => {
                    names.insert(name.as_ref() as &str);
                }
                (None, None) => anything = true,
            }
        }
        Self { anything, kinds, names }
    }

    pub(super) fn may_be(&self, kind: KindName, name: &str) -> bool {
        self.anything || self.kinds.contains(&kind) || self.names.contains(name)
    }
}

/// What a name that does not exist may have meant. Of very many names only the first count, so that a large model with
/// many such names is still checked soon.
pub(super) struct Meant<'n> {
    names: &'n BTreeSet<&'n str>,
    /// The nearest of the names that there are.
    pub(super) name: Option<&'n str>,
    /// The only one that can be meant.
    only: Option<&'n str>,
}

impl<'n> Meant<'n> {
    const COMPARED: usize = 1000;
    const LISTED: usize = 12;

    pub(super) fn of(word: &str, names: &'n BTreeSet<&'n str>) -> Self {
        let compared = || names.iter().copied().take(Self::COMPARED);
        Self {
            names,
            name: dram_fields::closest(word, compared()),
            only: misspelled(word, compared()).filter(|_| names.len() <= Self::COMPARED),
        }
    }

    /// The way out: the one that was probably meant, or those that there are.
    pub(super) fn help(&self, there_are: &str) -> String {
        if let Some(name) = self.name {
            return format!("did you mean `{name}`?");
        }
        let listed: Vec<&str> = self.names.iter().copied().take(Self::LISTED).collect();
        match self.names.len() - listed.len() {
            0 => format!("{there_are} {}", listed.join(", ")),
            more => format!("{there_are} {} and {more} more", listed.join(", ")),
        }
    }

    /// The finding with the fix that writes the only name that can be meant.
    pub(super) fn fixing(&self, finding: Diagnostic) -> Diagnostic {
        self.fixing_unless(finding, &[])
    }

    /// The same, where some names cannot be meant.
    pub(super) fn fixing_unless(&self, finding: Diagnostic, taken: &[&str]) -> Diagnostic {
        let span = finding.span;
        let only = self.only.filter(|only| !taken.contains(only));
        finding.fix(only.map(|only| Fix::word(span, only)))
    }
}
