//! From documents to a model: names are unique, references resolve, orders exist, failure domains differ.

mod application;
mod capacity;
mod declared;
mod devices;
mod domains;
mod hooks;
mod names;
mod observed;
mod pairs;
mod plans;
mod platforms;
mod policies;
mod quantities;
mod repair;
mod schedules;
mod vaults;
mod written;

pub use observed::with_observed;
pub use repair::{Repaired, repair};
pub use written::Written;

use crate::diagnostic::{Diagnostic, compiler_codes as codes, has_errors, keep_feasible, sort};
use crate::model::{Declaration, KindName, Model, Spec};
use crate::profile::{self, Profiles};
use crate::source::Sources;
use crate::syntax::{SecretWords, parse};
use declared::Declared;
use dram_fields::{Field, Kind, Span, Step};

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
    keep_feasible(sources, &mut diagnostics);
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
    let declared = Declared::of(&documents);
    policies::chosen(&declared, out);
    domains::apart(&declared, &documents, out);
    domains::one_plan_each(&declared, &documents, out);
    vaults::together(&declared, &documents, out);
    hooks::together(&declared, out);
    platforms::fit(&declared, out);
    plans::fit(&declared, out);
    pairs::fit(&declared, out);
    capacity::fits(&declared, out);
    devices::belong_to_one(&declared, out);
    if has_errors(out) {
        return None;
    }
    let mut model = Model::default();
    for document in documents {
        if let Some(declaration) = document.declaration {
            model.add(declaration, document.spec);
        }
    }
    model.choose();
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
        out.extend(profile::faults(declaration.name(), profile, &document.spec));
    }
}

/// The path to a field below a place.
fn under(at: &[Step], fields: &[&'static Field]) -> Vec<Step> {
    let fields = fields.iter().map(|field| Step::Field(field));
    at.iter().cloned().chain(fields).collect()
}

impl Written {
    /// A warning about labels that choose nothing.
    fn chooses_nothing(&self, path: Vec<Step>, message: &str) -> Diagnostic {
        Diagnostic::warning(codes::CHOOSES_NOTHING, self.spec.at(&path), message)
            .path(path)
            .help("correct the labels, or give them to the applications that are meant")
    }

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

    /// The same in the middle of a sentence: `policy \`hourly\``
    fn words(&self) -> String {
        let kind = match self.kind {
            Some(KindName::Catalog) => "catalog",
            Some(KindName::RecoverySite) => "site",
            Some(KindName::Vault) => "vault",
            Some(KindName::ProtectionPolicy) => "policy",
            Some(KindName::Profile) => "profile",
            Some(KindName::Application) => "application",
            Some(KindName::ReplicationPair) => "pair",
            Some(KindName::RecoveryPlan) => "plan",
            None => "declaration",
        };
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
