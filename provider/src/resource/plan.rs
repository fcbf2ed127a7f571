//! Planning: what is configured is copied, what is computed is filled in, and what is promised is proved.

use std::collections::BTreeMap;

use dram_compiler::model::Metadata;
use dram_fields::Block as _;

use super::definition::{Definition, Observed};
use super::walk::Planned;
use super::{Outcome, Provider, Unusable, private, proof, read_declaration, table, unusable};
use crate::notice::{Notice, any_error};
use crate::value::{Path, Unknown, Value};

impl Provider {
    /// Plans the change of a resource from `prior` (null: it is created) to `config` (null: it is destroyed).
    #[must_use]
    pub fn plan(&self, type_name: &str, prior: &Value, config: &Value, private: &[u8]) -> Outcome {
        let definition = match self.definition(type_name) {
            Ok(definition) => definition,
            Err(notice) => return Outcome::refused(prior, private, vec![notice]),
        };
        if config.is_null() {
            return self.plan_destroy(definition, prior, private);
        }
        let state = planned_state(definition, prior, config);
        let mut outcome = Outcome {
            private: private.to_vec(),
            ..Outcome::default()
        };
        let reading = read_declaration(definition, &state);
        outcome.notices = reading.notices;
        if renamed(prior, &state) {
            outcome.replaced_by.push(Path::attribute("name"));
            outcome
                .notices
                .extend(protection(definition, prior, Path::attribute("name")));
        }
        if let Some(name) = state.attribute("name").as_text() {
            let planned = match &reading.declaration {
                Some(declaration) => Planned::Known(Box::new(declaration.clone())),
                None => Planned::Unknown,
            };
            self.walk.plan(definition.kind, name, planned);
        }
        outcome.state = state;
        let proved = match &reading.declaration {
            Some(declaration) => self
                .settings()
                .and_then(|settings| proof::prove(&self.walk, &settings, declaration)),
            None => Ok(proof::Proved::default()),
        };
        match proved {
            Ok(proved) => {
                fill_proof(definition, &mut outcome.state, prior, proved.attributes);
                outcome.notices.extend(proved.notices);
            }
            Err(error) => outcome.notices.push(unusable(&error)),
        }
        if outcome.state != *prior && !any_error(&outcome.notices) {
            outcome
                .notices
                .extend(self.preconditions(definition, prior, &outcome.state, private));
        }
        outcome
    }

    fn plan_destroy(&self, definition: &Definition, prior: &Value, private: &[u8]) -> Outcome {
        if let Some(name) = prior.attribute("name").as_text() {
            self.walk.plan(definition.kind, name, Planned::Gone);
        }
        let mut notices: Vec<Notice> = protection(definition, prior, Path::attribute("deletion_protection"))
            .into_iter()
            .collect();
        if notices.is_empty()
            && let Err(error @ Unusable::Unconfigured) = self.settings()
        {
            notices.push(unusable(&error));
        }
        Outcome {
            state: Value::Null,
            private: private.to_vec(),
            notices,
            ..Outcome::default()
        }
    }

    /// What would make the apply fail and can be seen already.
    fn preconditions(&self, definition: &Definition, prior: &Value, state: &Value, private: &[u8]) -> Vec<Notice> {
        let Ok(settings) = self.settings() else {
            return Vec::new();
        };
        if let Some(notice) = settings.missing_engine() {
            return vec![notice];
        }
        // In a replacement the name may still be held by the object that goes.
        if !prior.is_null() || private::base(private).is_some() {
            return Vec::new();
        }
        let Some(name) = state.attribute("name").as_text() else {
            return Vec::new();
        };
        match settings
            .catalog()
            .map(|catalog| catalog.declared(definition.kind, name))
        {
            Ok(Ok(Some(standing))) if !self.walk.is_managed_here(&standing.manager.id) => {
                let notice = Notice::error(
                    format!(
                        "{} exists already, managed by {}",
                        definition.title(name),
                        standing.manager
                    ),
                    format!(
                        "Import it instead of creating it: its id is `{name}`.\n\n    terraform import \
                         {}.<resource name> {name}",
                        definition.kind.terraform_type()
                    ),
                );
                vec![notice.at(Path::attribute("name"))]
            }
            Ok(Ok(_)) | Err(Unusable::Unknown) => Vec::new(),
            Ok(Err(error)) => vec![unusable(&error.into())],
            Err(error) => vec![unusable(&error)],
        }
    }
}

/// The state that a configuration asks for. What nobody can know before the apply is unknown.
fn planned_state(definition: &Definition, prior: &Value, config: &Value) -> Value {
    let mut state = match table::kept(definition.declared, config, prior) {
        Value::Map(entries) => entries,
        other => return other,
    };
    if let Value::Map(called) = table::kept(Metadata::kind(), config, prior) {
        state.extend(called);
    }
    let changed = state.iter().any(|(name, value)| prior.attribute(name) != value);
    state.insert("name".to_owned(), config.attribute("name").clone());
    let protection = match config.attribute("deletion_protection") {
        Value::Null => Value::from(definition.protected),
        said => said.clone(),
    };
    state.insert("deletion_protection".to_owned(), protection);
    let moved = prior.is_null() || renamed(prior, config);
    for attribute in table::block(Observed::kind()).attributes {
        let stays = match attribute.name.as_str() {
            "manager_id" => !moved,
            _ => !moved && !changed,
        };
        let value = if stays {
            prior.attribute(&attribute.name).clone()
        } else {
            Value::Unknown(Unknown::not_null())
        };
        state.insert(attribute.name, value);
    }
    Value::Map(state)
}

/// Fills in what is proved. What cannot be proved yet is unknown where anything changes, and stays where nothing does.
fn fill_proof(definition: &Definition, state: &mut Value, prior: &Value, proved: BTreeMap<String, Value>) {
    let Some(kind) = definition.proof else { return };
    let Value::Map(entries) = state else { return };
    let unchanged = !prior.is_null() && entries.iter().all(|(name, value)| prior.attribute(name) == value);
    for attribute in table::block(kind).attributes {
        let value = match proved.get(&attribute.name) {
            Some(value) => value.clone(),
            None if unchanged => prior.attribute(&attribute.name).clone(),
            None => Value::unknown(),
        };
        entries.insert(attribute.name, value);
    }
}

fn renamed(prior: &Value, planned: &Value) -> bool {
    !prior.is_null() && prior.attribute("name") != planned.attribute("name")
}

/// Refuses to plan the end of what is protected from it.
fn protection(definition: &Definition, prior: &Value, at: Path) -> Option<Notice> {
    if prior.attribute("deletion_protection").as_bool() != Some(true) {
        return None;
    }
    let name = prior.attribute("name").as_text().unwrap_or_default();
    let detail = "`deletion_protection` is on. Nothing was changed.\n\nIf it is to go, set `deletion_protection = false`, \
                  apply that, and plan again. Recovery points stay where they are in any case.";
    Some(Notice::error(format!("{} is protected from deletion", definition.title(name)), detail).at(at))
}
