//! All that is declared, read at once.

use super::Engine;
use crate::error::Error;
use dram_catalog::CatalogError;
use dram_catalog::record::declaration::Standing;
use dram_compiler::model::{Declaration, KindName, Name, Spec};
use std::collections::HashMap;

/// All that is declared, read at once: whoever looks at every application reads each record once.
pub(super) struct Known {
    pub(super) live: HashMap<(KindName, Name), Standing<Declaration>>,
    /// The first plan of each application that has one.
    pub(super) plans: HashMap<Name, Standing<Declaration>>,
    /// Why others cannot be read.
    pub(super) unreadable: Vec<CatalogError>,
}

impl Known {
    /// All of it, or the first reason why not.
    pub(super) fn whole(mut self) -> Result<Self, CatalogError> {
        match self.unreadable.pop() {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// The applications, sorted.
    pub(super) fn applications(&self) -> Vec<Name> {
        let keys = self.live.keys();
        let names = keys.filter(|(kind, _)| *kind == KindName::Application);
        let mut names: Vec<Name> = names.map(|(_, name)| name.clone()).collect();
        names.sort();
        names
    }
}

impl Engine {
    /// All that is declared now.
    pub(super) fn known(&self) -> Result<Known, Error> {
        let survey = self.catalog.declarations()?;
        let applications = || {
            let declared = survey.live.iter().map(|standing| &standing.declaration);
            declared.filter(|declaration| declaration.kind() == KindName::Application)
        };
        let mut plans: HashMap<Name, Standing<Declaration>> = HashMap::new();
        for standing in &survey.live {
            let Spec::RecoveryPlan(plan) = &standing.declaration.spec else {
                continue;
            };
            let by_label = applications()
                .filter(|_| plan.applications.names().is_empty())
                .filter(|application| plan.applications.chooses("", &application.metadata.labels))
                .map(Declaration::name);
            for application in plan.applications.names().iter().chain(by_label) {
                plans.entry(application.clone()).or_insert_with(|| standing.clone());
            }
        }
        let key = |standing: &Standing<Declaration>| {
            let declaration = &standing.declaration;
            (declaration.kind(), declaration.name().clone())
        };
        Ok(Known {
            live: survey
                .live
                .into_iter()
                .map(|standing| (key(&standing), standing))
                .collect(),
            plans,
            unreadable: survey.unreadable,
        })
    }
}
