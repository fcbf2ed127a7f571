//! Recovery kits: a password of their own in every vault of the policy, and the sheet that holds it.

use super::Engine;
use super::closure::Closure;
use crate::error::Error;
use crate::kit::{About, KIT_USER, Passphrase, Sheet};
use crate::opening;
use crate::runbook::{SiteRef, VaultRef};
use crate::vault::{Key, KeyLabel, Repository, Vault};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The key of a kit in one vault.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KitKey {
    /// The kit.
    pub kit: String,
    /// The vault.
    pub vault: String,
    /// The id of the key file there.
    pub key: String,
    /// When it was made, where the key says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// A vault in which something could not be done.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KitMiss {
    /// The vault.
    pub vault: String,
    /// Why.
    pub why: String,
}

/// What came of it in all vaults of the policy.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KitReport {
    /// The keys: those that were made, are there, or were removed.
    pub keys: Vec<KitKey>,
    /// Vaults in which it could not be done.
    pub missed: Vec<KitMiss>,
}

impl KitReport {
    fn new() -> Self {
        Self {
            keys: Vec::new(),
            missed: Vec::new(),
        }
    }

    fn miss(&mut self, vault: &VaultRef, error: &Error) {
        self.missed.push(KitMiss {
            vault: vault.name.clone(),
            why: error.to_string(),
        });
    }
}

impl Engine {
    /// Makes a kit: a fresh passphrase becomes a further key of the application's repository in every vault of its policy, and
    /// `put` gets the sheet as `render` makes it. What cannot be rendered is found out before a key is made; when `put` fails, the
    /// keys are removed again as far as the vaults allow it. The passphrase is kept nowhere.
    ///
    /// # Errors
    /// No vault could take the key, the sheet cannot be rendered, or `put` failed.
    pub fn make_kit(
        &self,
        application: &str,
        render: &dyn Fn(&Sheet) -> Result<Vec<u8>, Error>,
        put: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<KitReport, Error> {
        let closure = self.closure(application)?;
        let (site, passphrase) = (closure.site(&closure.active())?, Passphrase::new());
        let draft = Draft {
            engine: self,
            closure: &closure,
            site: &site,
            kit: ulid::Ulid::generate().to_string(),
            at: self.clock().now(),
        };
        let all: Vec<VaultRef> = closure.vaults.iter().map(|copy| copy.vault.clone()).collect();
        render(&draft.sheet(&all, &[], &passphrase)?)?;

        let mut report = KitReport::new();
        let (mut opened, mut first) = (Vec::new(), None);
        for vault in &all {
            match self.add_kit_key(&draft, vault, &passphrase) {
                Ok(key) => {
                    report.keys.push(key);
                    opened.push(vault.clone());
                }
                Err(error) => {
                    report.miss(vault, &error);
                    first.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (opened.is_empty(), first) {
            return Err(error);
        }
        let told = |miss: &KitMiss| format!("vault {}, {}", miss.vault, miss.why);
        let missed: Vec<String> = report.missed.iter().map(told).collect();
        let written = draft
            .sheet(&opened, &missed, &passphrase)
            .and_then(|sheet| render(&sheet))
            .and_then(|bytes| put(&bytes));
        match written {
            Ok(()) => Ok(report),
            Err(error) => Err(self.taken_back(application, &draft.kit, error)),
        }
    }

    /// A sheet that nobody has opens nothing: its keys go again.
    fn taken_back(&self, application: &str, kit: &str, error: Error) -> Error {
        match self.revoke_kit(application, kit) {
            Ok(report) if report.missed.is_empty() => error,
            _ => Error::Partial {
                what: format!("{error}; and keys of kit {kit} stay, which open nothing without its sheet"),
                help: format!("`dram kit {application} --revoke {kit}` removes them"),
            },
        }
    }

    fn add_kit_key(&self, draft: &Draft<'_>, vault: &VaultRef, passphrase: &Passphrase) -> Result<KitKey, Error> {
        let repository = self.repository_in(draft.closure, &opening::vault(vault)?, vault)?;
        let label = KeyLabel {
            user: KIT_USER.to_owned(),
            host: draft.kit.clone(),
        };
        let key = repository.add_key(&passphrase.password()?, Some(&label))?;
        Ok(KitKey {
            kit: draft.kit.clone(),
            vault: vault.name.clone(),
            key,
            created: Some(draft.at),
        })
    }

    /// The keys of an application's kits in every vault of its policy, the oldest kit first.
    ///
    /// # Errors
    /// No vault could be asked.
    pub fn kits(&self, application: &str) -> Result<KitReport, Error> {
        let closure = self.closure(application)?;
        let mut report = self.in_each_vault(&closure, &opening::vault, |repository, vault, report| {
            report.keys.extend(kit_keys(repository, vault)?);
            Ok(())
        })?;
        report.keys.sort_by(|one, other| one.kit.cmp(&other.kit));
        Ok(report)
    }

    /// Removes the keys of a kit, named by its id or by the beginning of a key's id, from every vault that has them.
    ///
    /// # Errors
    /// No vault has such a key or gives it up; no vault could be asked.
    pub fn revoke_kit(&self, application: &str, kit: &str) -> Result<KitReport, Error> {
        let closure = self.closure(application)?;
        let is_meant = |key: &KitKey| {
            let begins = kit.len() >= 8 && key.key.starts_with(&kit.to_ascii_lowercase());
            key.kit.eq_ignore_ascii_case(kit) || begins
        };
        let report = self.in_each_vault(&closure, &opening::vault_to_prune, |repository, vault, report| {
            for key in kit_keys(repository, vault)?.into_iter().filter(is_meant) {
                repository.remove_key(&key.key)?;
                report.keys.push(key);
            }
            Ok(())
        })?;
        if report.keys.is_empty() && report.missed.is_empty() {
            return Err(Error::Usage {
                why: format!("no vault of application `{application}` has a key of a kit `{kit}`"),
                help: format!("`dram kit {application} --list` shows them"),
            });
        }
        Ok(report)
    }

    /// Does something in the application's repository in each vault. One that cannot be asked does not keep the others from it.
    fn in_each_vault(
        &self,
        closure: &Closure,
        open: &dyn Fn(&VaultRef) -> Result<Vault, Error>,
        mut act: impl FnMut(&Repository, &VaultRef, &mut KitReport) -> Result<(), Error>,
    ) -> Result<KitReport, Error> {
        let mut report = KitReport::new();
        let mut first = None;
        for copy in &closure.vaults {
            let vault = &copy.vault;
            let done = open(vault)
                .and_then(|place| self.repository_in(closure, &place, vault))
                .and_then(|repository| act(&repository, vault, &mut report));
            match done {
                Ok(()) => {}
                // What was never protected there has no keys there.
                Err(Error::NoPoint { .. }) => {}
                Err(error) => {
                    report.miss(vault, &error);
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if report.missed.len() == closure.vaults.len() => Err(error),
            _ => Ok(report),
        }
    }
}

fn kit_keys(repository: &Repository, vault: &VaultRef) -> Result<Vec<KitKey>, Error> {
    let of_kit = |key: Key| {
        let label = key.label.filter(|label| label.user == KIT_USER)?;
        Some(KitKey {
            kit: label.host,
            vault: vault.name.clone(),
            key: key.id,
            created: key.created,
        })
    };
    Ok(repository.keys()?.into_iter().filter_map(of_kit).collect())
}

/// A kit that is being made.
struct Draft<'a> {
    engine: &'a Engine,
    closure: &'a Closure,
    site: &'a SiteRef,
    kit: String,
    at: Timestamp,
}

impl Draft<'_> {
    fn sheet(&self, vaults: &[VaultRef], missed: &[String], passphrase: &Passphrase) -> Result<Sheet, Error> {
        let about = About {
            kit: &self.kit,
            tenant: self.engine.catalog.tenant().as_str(),
            name: &self.closure.name,
            application: &self.closure.application,
            site: self.site,
            vaults,
            missed,
            at: self.at,
            who: &self.engine.who,
        };
        Sheet::new(&about, passphrase)
    }
}
