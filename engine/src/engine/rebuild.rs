//! Making a lost catalog anew from a vault: declarations and points, never authority.

use super::alone::applications;
use super::{Engine, application_name};
use crate::error::Error;
use crate::opening;
use crate::run::index_entry;
use crate::vault::SealedPoint;
use dram_catalog::record::declaration::Manager;
use dram_compiler::model::{Declaration, KindName};
use dram_storage::crash;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What was made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// Declarations, as `kind name`.
    pub declarations: Vec<String>,
    /// Points that were indexed.
    pub points: usize,
    /// What the vault cannot know, and what did not fit, in words.
    pub missing: Vec<String>,
}

impl Engine {
    /// Rebuilds from one vault. What stands in the catalog already is left as it is.
    ///
    /// # Errors
    /// The vault cannot be read, or the catalog refuses.
    pub fn rebuild(&self, vault: &str, password_file: &Path) -> Result<Rebuilt, Error> {
        self.catalog.may_change()?;
        let reference = opening::undeclared(vault, password_file)?;
        let password = opening::password(&reference)?;
        let tenant = self.catalog.tenant().as_str();
        let mut rebuilt = Rebuilt::default();
        // The newest seal that holds a declaration knows it best.
        let mut known: BTreeMap<(KindName, String), (String, Declaration, Manager)> = BTreeMap::new();
        for (application, vault) in applications(&reference, tenant, None)? {
            let location = opening::vault(&vault)?.repository(tenant, &application)?;
            let repository = location.open(&password)?;
            let points = repository.points()?;
            for point in points.iter().filter(|point| point.is_restorable()) {
                gather(point, &mut known);
                rebuilt.points += usize::from(self.index(&application, point)?);
                crash::point(crash::Kind::Step);
            }
            let epoch = repository.highest_epoch()?;
            if epoch > 0 {
                rebuilt.missing.push(format!(
                    "who writes for application `{application}`: the vault has seen epoch {epoch}; \
                     say where it runs with `dram adopt {application}`"
                ));
            }
        }
        // References point backwards in this order, so every one resolves.
        for ((kind, name), (_, declaration, manager)) in &known {
            if self.catalog.declared(*kind, name)?.is_some() {
                rebuilt.missing.push(format!(
                    "{kind} `{name}` stands in the catalog already and was left as it is"
                ));
                continue;
            }
            self.catalog.declare(declaration, manager, None, false)?;
            crash::point(crash::Kind::Step);
            rebuilt.declarations.push(format!("{kind} {name}"));
        }
        rebuilt.missing.push(
            "what was declared or changed after the newest point, what no protected application refers to, and the runs"
                .to_owned(),
        );
        Ok(rebuilt)
    }

    fn index(&self, application: &str, point: &SealedPoint) -> Result<bool, Error> {
        let (Ok(id), Some(manifest)) = (point.point.parse(), &point.manifest) else {
            return Ok(false);
        };
        let vault = vault_name(manifest.declarations.as_slice()).unwrap_or_default();
        let entry = index_entry(manifest, &vault, &point.seal);
        Ok(self.catalog.index_point(&application_name(application)?, id, entry)?)
    }
}

fn declarations(records: &[serde_json::Value]) -> impl Iterator<Item = (Declaration, Manager)> + '_ {
    records.iter().filter_map(|record| {
        let declaration = Declaration::from_json(record.get("declaration")?).ok()?;
        let manager = serde_json::from_value(record.get("manager")?.clone()).ok()?;
        Some((declaration, manager))
    })
}

fn gather(point: &SealedPoint, known: &mut BTreeMap<(KindName, String), (String, Declaration, Manager)>) {
    let Some(manifest) = &point.manifest else { return };
    for (declaration, manager) in declarations(&manifest.declarations) {
        let key = (declaration.kind(), declaration.name().to_string());
        let newer = known.get(&key).is_none_or(|(from, ..)| *from < point.point);
        if newer {
            known.insert(key, (point.point.clone(), declaration, manager));
        }
    }
}

/// The name of the vault among the declarations of a point.
fn vault_name(records: &[serde_json::Value]) -> Option<String> {
    declarations(records)
        .find(|(declaration, _)| declaration.kind() == KindName::Vault)
        .map(|(declaration, _)| declaration.name().to_string())
}
