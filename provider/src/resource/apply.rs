//! Applying: a declaration goes through the catalog's one door, and an engine acts on it where one is configured.

use dram_catalog::record::declaration::{DeclareError, Manager, ManagerKind, Withdrawn};
use dram_compiler::model::Declaration;

use super::definition::Definition;
use super::settings::Settings;
use super::{Outcome, Provider, private, proof, read, read_declaration, unusable};
use crate::log::{self, Level};
use crate::notice::Notice;
use crate::value::{Path, Value};

impl Provider {
    /// Makes `planned` of `prior`. What cannot be done leaves `prior` as it was; what is done and not finished is said as a
    /// warning, for an error would make the host destroy and create again.
    #[must_use]
    pub fn apply(&self, type_name: &str, prior: &Value, planned: &Value, private: &[u8]) -> Outcome {
        let refused = |notice| Outcome::refused(prior, private, vec![notice]);
        let definition = match self.definition(type_name) {
            Ok(definition) => definition,
            Err(notice) => return refused(notice),
        };
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(error) => return refused(unusable(&error)),
        };
        if planned.is_null() {
            return match withdraw(definition, &settings, prior, private) {
                Ok(()) => Outcome::default(),
                Err(notice) => refused(notice),
            };
        }
        let reading = read_declaration(definition, planned);
        let Some(declaration) = reading.declaration else {
            let mut notices = reading.notices;
            if notices.is_empty() {
                notices.push(Notice::error(
                    "the planned value is not known yet",
                    "This is a fault of the host.",
                ));
            }
            return Outcome::refused(prior, private, notices);
        };
        self.declare(definition, &settings, &declaration, prior, planned, private)
            .unwrap_or_else(refused)
    }

    fn declare(
        &self,
        definition: &Definition,
        settings: &Settings,
        declaration: &Declaration,
        prior: &Value,
        planned: &Value,
        kept: &[u8],
    ) -> Result<Outcome, Notice> {
        let catalog = settings.catalog().map_err(|error| unusable(&error))?;
        let manager = match prior.attribute("manager_id") {
            Value::Text(id) => id.clone(),
            _ => catalog.fresh_id().to_string(),
        };
        let base = if prior.is_null() { None } else { private::base(kept) };
        let manager = Manager {
            kind: ManagerKind::Terraform,
            id: manager,
        };
        let declared = catalog
            .declare(declaration, &manager, base, false)
            .map_err(|error| refusal(&error))?;
        let name = declaration.name();
        log::line(
            Level::Info,
            "declared",
            &[
                ("kind", &definition.kind),
                ("name", &name),
                ("number", &declared.number),
            ],
        );

        // From here on the declaration stands: nothing may end in an error.
        let mut notices = Vec::new();
        let ran = settings
            .engine()
            .map(|engine| (engine, self.children.reconcile(&engine, definition.kind, name)));
        let seen = catalog.observed(definition.kind, name).unwrap_or_else(|error| {
            let detail = format!("{error}\n\n{}", error.help());
            notices.push(Notice::warning("what an engine observed cannot be read", detail));
            None
        });
        let mut readiness = read::readiness(seen, declared.number);
        if let Some((engine, Err(error))) = ran {
            // An engine that came to an answer has written it down; else the last that it said is all there is.
            if readiness.ready || !readiness.observed {
                readiness = read::Readiness {
                    ready: false,
                    reason: error.to_string(),
                    observed: false,
                };
            }
            let detail = format!(
                "It is declared, and `{0} reconcile` did not finish:\n\n{1}\n\nOnce the cause is gone, apply again or run \
                 `{0} reconcile --kind {2} --name {name}`.",
                engine.program, readiness.reason, definition.kind
            );
            notices.push(Notice::warning(
                format!("{} is not ready yet", definition.title(name)),
                detail,
            ));
        }
        let mut state = planned.as_map().cloned().unwrap_or_default();
        let mut fill = |name: &str, value: Value| {
            // What the plan has promised stays as it was promised.
            if let Some(slot) = state.get_mut(name).filter(|slot| slot.is_unknown()) {
                *slot = value;
            }
        };
        fill("manager_id", manager.id.into());
        fill("ready", readiness.ready.into());
        fill("reason", read::short(&readiness.reason).into());
        match proof::prove(&self.walk, settings, declaration) {
            Ok(proved) => proved
                .attributes
                .into_iter()
                .for_each(|(name, value)| fill(&name, value)),
            Err(error) => notices.push(Notice::warning("the objectives cannot be proved", error.to_string())),
        }
        // A part that nobody has declared: there is no verdict, and a host wants none left unknown.
        fill("verdict", "unproven".into());
        for name in ["worst_case_rpo_seconds", "worst_case_rto_seconds"] {
            fill(name, Value::Null);
        }
        Ok(Outcome {
            state: Value::Map(state),
            private: private::keep(declared.number),
            notices,
            ..Outcome::default()
        })
    }
}

fn withdraw(definition: &Definition, settings: &Settings, prior: &Value, kept: &[u8]) -> Result<(), Notice> {
    let catalog = settings.catalog().map_err(|error| unusable(&error))?;
    let name = prior.attribute("name").as_text().unwrap_or_default();
    let id = prior.attribute("manager_id").as_text().unwrap_or_default().to_owned();
    let manager = Manager {
        kind: ManagerKind::Terraform,
        id,
    };
    let withdrawn = catalog
        .withdraw(definition.kind, name, &manager, private::base(kept))
        .map_err(|error| refusal(&error))?;
    let how = match withdrawn {
        Withdrawn::Now { .. } => "withdrawn",
        Withdrawn::Before => "it was withdrawn before",
    };
    log::line(Level::Info, how, &[("kind", &definition.kind), ("name", &name)]);
    Ok(())
}

fn refusal(error: &DeclareError) -> Notice {
    let notice = Notice::error(error.to_string(), error.help());
    match error {
        DeclareError::Exists { .. } => notice.at(Path::attribute("name")),
        _ => notice,
    }
}
