//! Declaring a model through the one door of the catalog.

use super::Engine;
use crate::able::not_yet;
use crate::error::Error;
use dram_catalog::record::declaration::{Manager, ManagerKind, Standing};
use dram_compiler::check::assemble;
use dram_compiler::model::{Declaration, KindName, Model};
use schemars::JsonSchema;
use serde::Serialize;

/// What to apply.
#[derive(Debug, Clone)]
pub struct Apply<'m> {
    /// The checked model.
    pub model: &'m Model,
    /// Become the manager of what another manages.
    pub take_over: bool,
    /// Withdraw what `dram apply` manages and the model no longer holds.
    pub prune: bool,
    /// Decide and show, but do nothing.
    pub dry_run: bool,
}

/// What happens to a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Create,
    /// It is another than before.
    Update,
    /// It is as it was.
    Unchanged,
    /// It is withdrawn; its points stay.
    Withdraw,
}

impl Change {
    /// The word in outputs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Unchanged => "unchanged",
            Self::Withdraw => "withdraw",
        }
    }
}

/// What happened to a declaration.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Applied {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What happened.
    pub change: Change,
}

impl Engine {
    /// Declares a model, in the order in which its parts build upon each other. What was declared before an error stays
    /// declared: applying again goes on.
    ///
    /// # Errors
    /// What is refused or failed.
    pub fn apply(&self, what: &Apply<'_>) -> Result<Vec<Applied>, Error> {
        self.catalog.may_change()?;
        let standing = self.catalog.declarations()?.whole()?;
        let wanted: Vec<Declaration> = what
            .model
            .declarations()
            .filter(|declaration| declaration.kind() != KindName::Catalog)
            .collect();
        let stale: Vec<&Standing<Declaration>> = standing
            .iter()
            .rev()
            .filter(|old| what.prune && old.manager.kind == ManagerKind::Cli && !holds(&wanted, &old.declaration))
            .collect();
        wanted.iter().try_for_each(able)?;
        fits_with_the_rest(&standing, &wanted, &stale)?;
        let mut applied = Vec::new();
        for declaration in &wanted {
            let old = standing.iter().find(|old| same(&old.declaration, declaration));
            let change = match old {
                None => Change::Create,
                Some(old) if old.declaration == *declaration => Change::Unchanged,
                Some(_) => Change::Update,
            };
            if !what.dry_run {
                // A manager's id is random, made once: everyone who uses the command line manages together.
                let id = old.map_or_else(|| self.catalog.fresh_id().to_string(), |old| old.manager.id.clone());
                let manager = Manager {
                    kind: ManagerKind::Cli,
                    id,
                };
                self.catalog
                    .declare(declaration, &manager, old.map(|old| old.number), what.take_over)?;
            }
            applied.push(entry(declaration, change));
        }
        // Whatever refers goes before what it refers to.
        let mut stale = stale;
        stale.sort_by_key(|old| std::cmp::Reverse(old.declaration.kind()));
        for old in stale {
            if !what.dry_run {
                self.catalog.withdraw(
                    old.declaration.kind(),
                    old.declaration.name(),
                    &old.manager,
                    Some(old.number),
                )?;
            }
            applied.push(entry(&old.declaration, Change::Withdraw));
        }
        Ok(applied)
    }
}

/// An error where a declaration asks for what this engine does not carry out.
pub(super) fn able(declaration: &Declaration) -> Result<(), Error> {
    match not_yet(declaration).first() {
        None => Ok(()),
        Some(path) => Err(Error::NotYet {
            what: missing(declaration, path),
        }),
    }
}

/// `` `hooks[2].scale` of application `shop` ``
pub(super) fn missing(declaration: &Declaration, path: &str) -> String {
    let of = format!("{} `{}`", declaration.kind(), declaration.name());
    if path.is_empty() {
        return of;
    }
    format!("`{path}` of {of}")
}

fn entry(declaration: &Declaration, change: Change) -> Applied {
    Applied {
        kind: declaration.kind().to_string(),
        name: declaration.name().to_string(),
        change,
    }
}

fn same(a: &Declaration, b: &Declaration) -> bool {
    a.kind() == b.kind() && a.name() == b.name()
}

fn holds(list: &[Declaration], declaration: &Declaration) -> bool {
    list.iter().any(|other| same(other, declaration))
}

/// The rules that span declarations, over everything that would stand afterwards.
fn fits_with_the_rest(
    standing: &[Standing<Declaration>],
    wanted: &[Declaration],
    stale: &[&Standing<Declaration>],
) -> Result<(), Error> {
    let rest = standing
        .iter()
        .map(|old| &old.declaration)
        .filter(|old| !holds(wanted, old) && !stale.iter().any(|gone| same(&gone.declaration, old)));
    let all: Vec<Declaration> = wanted.iter().chain(rest).cloned().collect();
    assemble(all).map(drop).map_err(|found| Error::Model {
        why: found.first().map(|finding| finding.message.clone()).unwrap_or_default(),
    })
}
