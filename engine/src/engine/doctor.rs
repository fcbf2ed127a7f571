//! What resolves, what answers, and what will fail tomorrow.

mod vault;

use super::closure::Closure;
use super::declare::missing;
use super::{Engine, ProtectRequest};
use crate::able::not_yet;
use crate::error::Error;
use crate::opening;
use crate::run::{host_site, site_ref};
use crate::site::{Presence, Site};
use crate::vault::Class;
use dram_catalog::Grade;
use dram_compiler::model::{KindName, Spec};
use schemars::JsonSchema;
use serde::Serialize;
use vault::vault_findings;

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// As it should be.
    Good,
    /// It works, but somebody should look.
    Look,
    /// It will fail.
    Bad,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// What was asked.
    pub subject: String,
    /// The answer.
    pub answer: Answer,
    /// In words.
    pub detail: String,
}

impl Engine {
    /// Asks everything that is declared. Nothing that is declared or kept is changed. In vaults, and at the door of the catalog,
    /// small probes are written and removed again; whoever may not remove in a vault leaves a few bytes below `.dram-probe`
    /// there, and one that is locked stays for its seconds.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn doctor(&self) -> Result<Vec<Finding>, Error> {
        let mut findings: Vec<Finding> = dram_catalog::diagnose(&self.url).into_iter().map(of_catalog).collect();
        let survey = self.catalog.declarations()?;
        findings.extend(survey.unreadable.iter().map(|error| bad("catalog", error.to_string())));
        for standing in &survey.live {
            let declared = &standing.declaration;
            let subject = format!("{} {}", declared.kind(), declared.name());
            let not_yet = not_yet(declared);
            if !not_yet.is_empty() {
                let said: Vec<String> = not_yet.iter().map(|path| missing(declared, path)).collect();
                findings.push(bad(
                    &subject,
                    format!("not carried out by this version of dram: {}", said.join(", ")),
                ));
                continue;
            }
            match &declared.spec {
                Spec::RecoverySite(site) => {
                    let site = site_ref(declared.name(), site, None)?;
                    findings.push(match host_site(&site)?.inventory(&[]).map(|inventory| inventory.root) {
                        Ok(Presence::Known) => good(&subject, format!("`{}` is there", site.root)),
                        Ok(Presence::Absent) => look(&subject, format!("`{}` is not there", site.root)),
                        Ok(Presence::Unknown(why)) => {
                            bad(&subject, format!("`{}` cannot be looked at: {why}", site.root))
                        }
                        Err(error) => bad(&subject, error.to_string()),
                    });
                }
                Spec::Vault(vault) => {
                    let tenant = self.catalog.tenant().as_str();
                    findings.extend(vault_findings(&subject, declared.name(), vault, tenant));
                }
                Spec::Application(_) => findings.extend(self.application_findings(&subject, declared.name())),
                Spec::Catalog(_)
                | Spec::ProtectionPolicy(_)
                | Spec::Profile(_)
                | Spec::ReplicationPair(_)
                | Spec::RecoveryPlan(_) => {}
            }
        }
        Ok(findings)
    }

    /// One finding for each vault of the application's policy.
    fn application_findings(&self, subject: &str, name: &str) -> Vec<Finding> {
        let closure = match self.closure(name) {
            Ok(closure) => closure,
            Err(error) => return vec![bad(subject, error.to_string())],
        };
        let mut findings = vec![self.application_finding(subject, name, &closure)];
        findings.extend(self.left_frozen(&closure).map(|detail| bad(subject, detail)));
        for copy in closure.copies() {
            let subject = format!("{subject}, vault {}", copy.vault.name);
            findings.push(match closure.clone().reading_from(Some(&copy.vault.name)) {
                Ok(closure) => self.application_finding(&subject, name, &closure),
                Err(error) => bad(&subject, error.to_string()),
            });
        }
        findings
    }

    fn application_finding(&self, subject: &str, name: &str, closure: &Closure) -> Finding {
        let asked = || -> Result<Finding, Error> {
            let vault = closure.vault();
            let location = opening::vault(&vault)?.repository(self.catalog.tenant().as_str(), name)?;
            let indexed = self.catalog.point_ids(&super::application_name(name)?)?.len();
            if !location.exists()? && indexed > 0 {
                let detail = format!(
                    "vault `{}` held {indexed} points of it and holds none now: is it mounted?",
                    vault.name
                );
                return Ok(bad(subject, detail));
            }
            if vault.adopts.is_none() && !location.exists()? {
                return Ok(look(subject, format!("vault `{}` has no repository yet", vault.name)));
            }
            let repository = location.open(&opening::password(&vault)?)?;
            let vault_epoch = repository.highest_epoch()?;
            if vault_epoch > closure.epoch_number() {
                let detail = format!(
                    "the vault knows epoch {vault_epoch}, the catalog {}: `dram adopt {name}` or restore it",
                    closure.epoch_number()
                );
                return Ok(bad(subject, detail));
            }
            // What the next protect would be refused for is known today.
            let next = ProtectRequest {
                firing: None,
                application: name.to_owned(),
                components: Vec::new(),
                class: Class::Scheduled,
                dry_run: true,
            };
            if let Err(refusal) = self.decide_protect(&next) {
                return Ok(bad(subject, format!("the next protect would be refused: {refusal}")));
            }
            let points = repository.points()?;
            let restorable = points.iter().filter(|point| point.is_restorable()).count();
            let detail = format!(
                "{restorable} of {} points can be restored from vault `{}`",
                points.len(),
                vault.name
            );
            Ok(if restorable == 0 {
                look(subject, detail)
            } else {
                good(subject, detail)
            })
        };
        asked().unwrap_or_else(|error| bad(subject, error.to_string()))
    }

    /// Reconciles everything that is declared: what `dram apply` does after declaring.
    ///
    /// # Errors
    /// The catalog fails.
    pub fn reconcile_all(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        // Vaults are made before the repositories in them.
        let mut standing = self.catalog.declarations()?.whole()?;
        standing.sort_by_key(|standing| standing.declaration.kind());
        for standing in standing {
            let kind = standing.declaration.kind();
            if matches!(kind, KindName::Catalog) {
                continue;
            }
            let name = standing.declaration.name();
            let observation = self.reconcile(kind, name)?;
            let subject = format!("{kind} {name}");
            findings.push(if observation.ready {
                good(&subject, observation.reason)
            } else {
                bad(&subject, observation.reason)
            });
        }
        Ok(findings)
    }
}

/// A finding about the catalog, with its way out.
fn of_catalog(found: dram_catalog::Finding) -> Finding {
    Finding {
        subject: format!("catalog, {}", found.about.as_str()),
        answer: match found.grade {
            Grade::Good => Answer::Good,
            Grade::Look => Answer::Look,
            Grade::Bad => Answer::Bad,
        },
        detail: match found.help {
            Some(help) => format!("{}; {help}", found.detail),
            None => found.detail,
        },
    }
}

fn good(subject: &str, detail: String) -> Finding {
    Finding {
        subject: subject.to_owned(),
        answer: Answer::Good,
        detail,
    }
}

fn look(subject: &str, detail: String) -> Finding {
    Finding {
        subject: subject.to_owned(),
        answer: Answer::Look,
        detail,
    }
}

fn bad(subject: &str, detail: String) -> Finding {
    Finding {
        subject: subject.to_owned(),
        answer: Answer::Bad,
        detail,
    }
}
