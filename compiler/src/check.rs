//! From documents to a model: names are unique, references resolve, orders exist, failure domains differ.

mod application;
mod devices;
mod domains;
mod hooks;
mod names;
mod quantities;
mod schedules;
mod vaults;
mod written;

pub use written::Written;

use crate::diagnostic::{Diagnostic, has_errors, sort};
use crate::model::{Declaration, KindName, Model, Spec};
use crate::profile::{self, Profiles};
use crate::source::Sources;
use crate::syntax::{SecretWords, parse};
use dram_fields::{Kind, Span, Step};

/// What came of checking sources.
#[derive(Debug)]
pub struct Checked {
    /// The model, when there was no error.
    pub model: Option<Model>,
    /// Everything that was found, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks texts: all findings of all documents, and a model when none is an error.
#[must_use]
pub fn check(sources: &Sources) -> Checked {
    let mut diagnostics = Vec::new();
    let words = secret_words();
    let documents = parse(&words, sources, &mut diagnostics);
    let mut profiles = Profiles::of(&documents);
    let documents = documents
        .into_iter()
        .map(|mut document| {
            profiles.expand_document(&mut document, &mut diagnostics);
            Written::read(document, &words, &mut diagnostics)
        })
        .collect();
    let model = rules(documents, &mut diagnostics);
    profiles.tell(&mut diagnostics);
    sort(&mut diagnostics);
    Checked {
        model: model.filter(|_| !has_errors(&diagnostics)),
        diagnostics,
    }
}

/// The words by which the language's secrets are known.
#[must_use]
pub fn secret_words() -> SecretWords {
    let language: Vec<&'static Kind> = KindName::ALL.iter().map(|kind| kind.table()).collect();
    SecretWords::of(&language)
}

/// Checks declarations that no text stands behind, such as those of a catalog.
///
/// # Errors
/// Everything that is wrong, when something is.
pub fn assemble(declarations: impl IntoIterator<Item = Declaration>) -> Result<Model, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let model = rules(declarations.into_iter().map(Written::of).collect(), &mut diagnostics);
    match model {
        Some(model) if !has_errors(&diagnostics) => Ok(model),
        _ => Err(diagnostics),
    }
}

/// The rules that span declarations. A document that is broken still lends its name.
fn rules(documents: Vec<Written>, out: &mut Vec<Diagnostic>) -> Option<Model> {
    names::unique(&documents, out);
    names::resolved(&documents, out);
    for document in &documents {
        alone(document, out);
    }
    domains::apart(&documents, out);
    domains::one_plan_each(&documents, out);
    vaults::together(&documents, out);
    hooks::together(&documents, out);
    devices::belong_to_one(&documents, out);
    if has_errors(out) {
        return None;
    }
    let mut model = Model::default();
    for document in documents {
        if let Some(declaration) = document.declaration {
            model.add(declaration, document.spec);
        }
    }
    Some(model)
}

/// The rules that need nothing but the declaration itself: also what a Terraform provider can say offline.
pub fn alone(document: &Written, out: &mut Vec<Diagnostic>) {
    let Some(declaration) = &document.declaration else {
        return;
    };
    quantities::sensible(document, &declaration.spec, out);
    schedules::fire(document, &declaration.spec, out);
    application::fits(document, &declaration.spec, out);
    vaults::alone(document, &declaration.spec, out);
    if let Spec::Profile(profile) = &declaration.spec {
        out.extend(profile::faults(&declaration.name, profile, &document.spec));
    }
}

impl Written {
    /// An error about a part of the declaration.
    fn error(&self, code: &'static crate::diagnostic::Code, path: Vec<Step>, message: String) -> Diagnostic {
        Diagnostic::error(code, self.spec.at(&path), message).path(path)
    }

    /// `Application \`shop\``
    fn title(&self) -> String {
        let kind = self.kind.map_or("declaration", KindName::as_str);
        match &self.name {
            Some(name) => format!("{kind} `{name}`"),
            None => kind.to_owned(),
        }
    }

    /// Where its name stands.
    const fn name_place(&self) -> Span {
        self.name_span
    }
}
