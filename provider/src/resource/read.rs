//! Reading what stands, and importing it.

use std::collections::BTreeMap;

use dram_catalog::record::declaration::Standing;
use dram_catalog::record::observation::Observed;
use dram_compiler::model::{Declaration, Metadata};
use dram_fields::{Block as _, Data, Name, Node, Shape as _};

use super::definition::{self, Definition};
use super::settings::{Settings, Unusable};
use super::walk::Walk;
use super::{Outcome, Provider, private, proof, table, unusable};
use crate::notice::Notice;
use crate::value::Value;

/// How much of a reason is kept in state.
const REASON_CHARS: usize = 400;

impl Provider {
    /// What stands now of what `current` describes; null where it was withdrawn. A catalog that cannot be asked is an
    /// error, never "gone".
    #[must_use]
    pub fn read(&self, type_name: &str, current: &Value, private: &[u8]) -> Outcome {
        let refused = |notice| Outcome::refused(current, private, vec![notice]);
        let definition = match self.definition(type_name) {
            Ok(definition) => definition,
            Err(notice) => return refused(notice),
        };
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(error) => return refused(unusable(&error)),
        };
        let Some(name) = current.attribute("name").as_text() else {
            return refused(Notice::error(
                "the stored state has no name",
                "Remove it from the state and import it.",
            ));
        };
        let standing = match settings.catalog() {
            // Nobody can look: what was seen last stands.
            Err(Unusable::Unknown) => return Outcome::refused(current, private, Vec::new()),
            Err(error) => return refused(unusable(&error)),
            Ok(catalog) => match catalog.declared(definition.kind, name) {
                Err(error) => return refused(unusable(&error.into())),
                Ok(None) => return Outcome::default(),
                Ok(Some(standing)) => standing,
            },
        };
        let mut outcome = self.state_of(definition, &settings, &standing, current);
        let ours = current.attribute("manager_id").as_text().unwrap_or_default();
        if ours != standing.manager.id {
            let detail = format!(
                "{} took it over: record {} of {} names them. To manage it here again, remove it from the state and import it.",
                standing.by, standing.number, standing.at
            );
            let title = definition.title(name);
            outcome.notices.push(Notice::warning(
                format!("{title} is now managed by {}", standing.manager),
                detail,
            ));
        }
        outcome
    }

    /// What stands under the name `id`, to be managed from now on.
    #[must_use]
    pub fn import(&self, type_name: &str, id: &str) -> Outcome {
        self.imported(type_name, id).unwrap_or_else(|notice| Outcome {
            notices: vec![notice],
            ..Outcome::default()
        })
    }

    fn imported(&self, type_name: &str, id: &str) -> Result<Outcome, Notice> {
        let definition = self.definition(type_name)?;
        let noun = definition.noun();
        if let Err(why) = id.parse::<Name>() {
            let detail = format!("{why}. A {noun} is imported by its name.");
            return Err(Notice::error(format!("`{id}` is not the name of a {noun}"), detail));
        }
        let settings = self.settings().map_err(|error| unusable(&error))?;
        let catalog = settings.catalog().map_err(|error| unusable(&error))?;
        let standing = catalog
            .declared(definition.kind, id)
            .map_err(|error| unusable(&error.into()))?;
        let Some(standing) = standing else {
            let title = definition.title(id);
            let detail = format!("The catalog at `{}` declares none of that name.", catalog.location());
            return Err(Notice::error(format!("{title} does not exist"), detail));
        };
        Ok(self.state_of(definition, &settings, &standing, &Value::Null))
    }

    /// The state of what stands, in the spelling of `said` wherever that means the same.
    fn state_of(
        &self,
        definition: &Definition,
        settings: &Settings,
        standing: &Standing<Declaration>,
        said: &Value,
    ) -> Outcome {
        let mut state = match spelled(definition, standing, said) {
            Value::Map(entries) => entries,
            _ => BTreeMap::new(),
        };
        let name = standing.declaration.name();
        let mut put = |name: &str, value: Value| state.insert(name.to_owned(), value);
        put("name", Value::from(&**name));
        put(
            "deletion_protection",
            match said.attribute("deletion_protection") {
                Value::Null => definition.protected.into(),
                said => said.clone(),
            },
        );
        put(
            "manager_id",
            match said.attribute("manager_id") {
                Value::Null => standing.manager.id.as_str().into(),
                ours => ours.clone(),
            },
        );
        let mut notices = Vec::new();
        let seen = match settings
            .catalog()
            .map(|catalog| catalog.observed(definition.kind, name))
        {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => {
                notices.push(unusable(&error.into()));
                None
            }
            Err(error) => {
                notices.push(unusable(&error));
                None
            }
        };
        let readiness = readiness(seen, standing.number);
        put("ready", readiness.ready.into());
        put("reason", short(&readiness.reason).into());
        if let Some(kind) = definition.proof {
            for attribute in table::block(kind).attributes {
                put(&attribute.name, said.attribute(&attribute.name).clone());
            }
            // What stands is told as it stands: what this walk has planned is left out, and errors of a proof are the plan's
            // to give.
            match proof::prove(&Walk::default(), settings, &standing.declaration) {
                Ok(proved) => proved
                    .attributes
                    .into_iter()
                    .for_each(|(name, value)| drop(put(&name, value))),
                Err(error) => notices.push(unusable(&error)),
            }
        }
        debug_assert!(
            definition::Observed::kind()
                .fields()
                .all(|field| state.contains_key(&field.terraform_name()))
        );
        Outcome {
            state: Value::Map(state),
            private: private::keep(standing.number),
            notices,
            ..Outcome::default()
        }
    }
}

/// What stands, in the spelling of `said` wherever that means the same.
fn spelled(definition: &Definition, standing: &Standing<Declaration>, said: &Value) -> Value {
    // Profiles do not stand in a record, but what they stand for.
    let (mut state, called) =
        if super::read_declaration(definition, said).declaration.as_ref() == Some(&standing.declaration) {
            (
                table::declared(definition.declared, said),
                table::declared(Metadata::kind(), said),
            )
        } else {
            let declaration = &standing.declaration;
            let called = declaration.metadata.encode().unwrap_or(Node::new(Data::Null));
            (
                table::value_of(definition.declared, &declaration.spec.encode(), said),
                table::value_of(Metadata::kind(), &called, said),
            )
        };
    if let (Value::Map(state), Value::Map(called)) = (&mut state, called) {
        state.extend(called);
    }
    state
}

/// Whether something can do what it is declared for.
pub(super) struct Readiness {
    /// Whether it can.
    pub(super) ready: bool,
    /// Why not.
    pub(super) reason: String,
    /// Whether an engine has said so of what stands now.
    pub(super) observed: bool,
}

/// Whether what stands under `number` is ready, and why not.
pub(super) fn readiness(seen: Option<Observed>, number: u64) -> Readiness {
    let unseen = |reason: &str| Readiness {
        ready: false,
        reason: reason.to_owned(),
        observed: false,
    };
    match seen.map(|seen| seen.observation) {
        Some(seen) if seen.declaration.is_none_or(|observed| observed >= number) => Readiness {
            ready: seen.ready,
            reason: seen.reason,
            observed: true,
        },
        Some(_) => unseen("no engine has looked at its last change yet"),
        None => unseen("no engine has looked at it yet"),
    }
}

/// A reason that is fit to stand in state.
pub(super) fn short(reason: &str) -> String {
    match reason.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => format!("{}…", reason.get(..end).unwrap_or_default()),
        None => reason.to_owned(),
    }
}
