//! What the provider does, apart from any wire: schemas, checks, plans, applies, reads and imports of its resources.
//!
//! Every resource is one kind of declaration, and all are served by the same code, driven by the tables of their fields.
//! A plan copies what is configured and fills in what is computed; an apply writes a declaration through the catalog's one
//! door, and lets an engine act on it where one is configured.

mod apply;
mod definition;
mod engine;
mod plan;
mod private;
mod proof;
mod read;
mod settings;
mod table;
mod walk;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use dram_compiler::check;
use dram_compiler::check::Written;
use dram_compiler::model::{Declaration, KindName, Metadata, Spec};
use dram_compiler::profile::{Profiles, told_at_the_profile};
use dram_fields::{Block as _, Cx, Diagnostic, Span};

pub use definition::{Definition, Schemas};
use engine::Children;
use settings::{Settings, Unusable};
use walk::Walk;

use crate::notice::Notice;
use crate::value::{Path, Value};

/// The provider.
#[derive(Debug)]
pub struct Provider {
    definitions: BTreeMap<String, Definition>,
    schemas: Schemas,
    settings: RwLock<Option<Arc<Settings>>>,
    walk: Walk,
    children: Children,
}

/// What came of reading, planning, applying or importing a resource.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The resource; null where there is none.
    pub state: Value,
    /// What the host keeps for us.
    pub private: Vec<u8>,
    /// Attributes whose change means another object.
    pub replaced_by: Vec<Path>,
    /// What a person has to be told.
    pub notices: Vec<Notice>,
}

impl Outcome {
    /// Nothing but an error; the resource stays as it was.
    fn refused(state: &Value, private: &[u8], notices: Vec<Notice>) -> Self {
        Outcome {
            state: state.clone(),
            private: private.to_vec(),
            notices,
            ..Outcome::default()
        }
    }
}

impl Default for Provider {
    fn default() -> Self {
        Provider::new()
    }
}

impl Provider {
    /// A provider that nobody has configured. Nothing is opened or connected until it is needed.
    #[must_use]
    pub fn new() -> Self {
        let definitions = Definition::all();
        let schemas = Schemas::of(&definitions);
        Provider {
            definitions,
            schemas,
            settings: RwLock::default(),
            walk: Walk::default(),
            children: Children::default(),
        }
    }

    /// The schemas of the provider and of its resources.
    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Checks a provider block. Says only what can be said offline.
    #[must_use]
    pub fn prepare(&self, config: &Value) -> Vec<Notice> {
        settings::check(config)
    }

    /// Begins a walk with this provider block.
    #[must_use]
    pub fn configure(&self, config: &Value) -> Vec<Notice> {
        let (settings, notices) = match Settings::read(config, |name| std::env::var(name).ok()) {
            Ok(settings) => (Some(Arc::new(settings)), Vec::new()),
            Err(notices) => (None, notices),
        };
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.walk.begin();
        self.children.begin();
        notices
    }

    /// Checks the configuration of a resource: everything that can be said offline, all at once.
    #[must_use]
    pub fn validate(&self, type_name: &str, config: &Value) -> Vec<Notice> {
        match self.definition(type_name) {
            Ok(definition) => read_declaration(definition, config).notices,
            Err(notice) => vec![notice],
        }
    }

    /// Takes note of stored state that the host shows us; it is answered as it is.
    pub fn upgraded(&self, state: &Value) {
        if let Some(manager) = state.attribute("manager_id").as_text() {
            self.walk.manages(manager);
        }
    }

    /// Asks what is under way to end.
    pub fn stop(&self) {
        self.children.interrupt();
    }

    fn definition(&self, type_name: &str) -> Result<&Definition, Notice> {
        self.definitions.get(type_name).ok_or_else(|| {
            Notice::error(
                format!("there is no resource `{type_name}`"),
                "This release of the provider does not have it.",
            )
        })
    }

    fn settings(&self) -> Result<Arc<Settings>, Unusable> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        settings.clone().ok_or(Unusable::Unconfigured)
    }
}

/// What a configuration declares.
struct Reading {
    /// The declaration, if nothing is wrong and nothing unknown.
    declaration: Option<Declaration>,
    /// What is wrong.
    notices: Vec<Notice>,
}

fn read_declaration(definition: &Definition, config: &Value) -> Reading {
    let written = table::node_of(definition.declared, config);
    let mut found = Vec::new();
    let mut node = written.clone();
    if definition.kind == KindName::Application {
        Profiles::built_in().expand(&mut node, &mut found);
    }
    let spec: Option<Spec> = definition.kind.decode(&node, &mut Cx::new(&mut found, Span::NONE));
    // No attribute stands for what a profile has put into a component: the host is led to the profile.
    let notice = |finding: Diagnostic| table::notice_of(&told_at_the_profile(&written, finding));
    let mut notices: Vec<Notice> = found.iter().cloned().map(notice).collect();
    let called = dram_fields::decode::<Metadata>(table::node_of(Metadata::kind(), config));
    notices.extend(called.diagnostics.iter().map(table::notice_of));
    let mut declaration = None;
    if let Some(spec) = spec.filter(|_| found.is_empty()) {
        // What can be said without the name is said without it.
        let known = called.value.is_some();
        let unknown = || "unknown".parse().ok().map(Metadata::named);
        if let Some(metadata) = called.value.or_else(unknown) {
            let document = Written::of(Declaration { metadata, spec });
            let mut found = Vec::new();
            check::alone(&document, &mut found);
            notices.extend(found.into_iter().map(notice));
            declaration = document.declaration.filter(|_| known);
        }
    }
    let declaration = declaration.filter(|_| !crate::notice::any_error(&notices));
    Reading { declaration, notices }
}

fn unusable(error: &Unusable) -> Notice {
    Notice::error(error.to_string(), error.help())
}

#[cfg(test)]
mod tests;
