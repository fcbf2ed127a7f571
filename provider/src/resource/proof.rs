//! The proof of objectives while they are planned, and on the state that is read.

use std::collections::BTreeMap;

use dram_compiler::check;
use dram_compiler::diagnostic::compiler_codes;
use dram_compiler::model::{
    Application, Declaration, KindName, Metadata, Objectives, ProtectionPolicy, RecoveryPlan, Spec, Target,
};
use dram_compiler::prove::{self, Comeback, Decides, Loads, Proof, Subject, Verdict, Waves, duration_text};
use dram_fields::Step;

use super::settings::{Settings, Unusable};
use super::table;
use super::walk::{Part, Walk};
use crate::notice::Notice;
use crate::value::Value;

/// What a proof found.
#[derive(Debug, Default)]
pub(super) struct Proved {
    /// The computed attributes that it gives, by name; empty while a part is not known.
    pub attributes: BTreeMap<String, Value>,
    /// What does not hold.
    pub notices: Vec<Notice>,
}

/// Proves what a declaration promises, as far as its parts are known.
///
/// # Errors
/// If the catalog had to be asked and did not answer.
pub(super) fn prove(walk: &Walk, settings: &Settings, declaration: &Declaration) -> Result<Proved, Unusable> {
    let prover = Prover { walk, settings };
    let mut proved = match &declaration.spec {
        Spec::ProtectionPolicy(policy) => of_policy(declaration, policy),
        Spec::Application(application) => prover.of_application(declaration, application)?,
        Spec::RecoveryPlan(plan) => prover.of_plan(plan)?,
        Spec::Catalog(_) | Spec::RecoverySite(_) | Spec::Vault(_) | Spec::Profile(_) | Spec::ReplicationPair(_) => {
            Proved::default()
        }
    };
    proved.notices.extend(prover.together(declaration)?);
    Ok(proved)
}

struct Prover<'w> {
    walk: &'w Walk,
    settings: &'w Settings,
}

/// What the policy alone makes impossible is said where the policy says it.
fn of_policy(declaration: &Declaration, policy: &ProtectionPolicy) -> Proved {
    let notices = prove::policy_alone(policy).map(|proof| {
        let path = [Step::Field(ProtectionPolicy::OBJECTIVES), Step::Field(Objectives::RPO)];
        let summary = format!(
            "policy `{}` may lose the changes of {}, and its RPO is {}",
            declaration.name(),
            duration_text(proof.worst_case),
            proof.objective
        );
        refusal(summary, &proof, &path)
    });
    Proved {
        notices: notices.into_iter().collect(),
        ..Proved::default()
    }
}

impl Prover<'_> {
    fn part(&self, kind: KindName, name: &str) -> Result<Part, Unusable> {
        self.walk.part(self.settings, kind, name)
    }

    fn of_application(&self, declaration: &Declaration, application: &Application) -> Result<Proved, Unusable> {
        // Which policy labels choose is the compiler's to say: without a name the rules below refuse the application.
        let Some(policy_name) = &application.policy else {
            return Ok(Proved::default());
        };
        let policy_part = self.part(KindName::ProtectionPolicy, policy_name)?;
        let site_part = self.part(KindName::RecoverySite, &application.site)?;
        let Some(Spec::ProtectionPolicy(policy)) = policy_part.declaration().map(|policy| &policy.spec) else {
            return Ok(Proved::default());
        };
        let site = match site_part.declaration() {
            Some(Declaration {
                metadata,
                spec: Spec::RecoverySite(site),
            }) => Some((&metadata.name, site)),
            _ => None,
        };
        let Metadata { name, labels, .. } = &declaration.metadata;
        let subject = Subject::new((name, labels), application, policy, site);
        let proof = prove::recovery_point(&subject, &Loads::none());
        let mut proved = Proved::default();
        // What the policy alone decides was said at the policy, if this walk has planned it.
        let said = proof.decides == Decides::PolicyAlone && matches!(policy_part, Part::Planned(_));
        if proof.verdict == Verdict::NotMet && !said {
            let summary = format!(
                "application `{}` may lose the changes of {}, and the RPO of policy `{}` is {}",
                declaration.name(),
                duration_text(proof.worst_case),
                policy_name,
                proof.objective
            );
            proved
                .notices
                .push(refusal(summary, &proof, &[Step::Field(Application::POLICY)]));
        }
        // A verdict is final only when no part of it can still come.
        if site.is_some() {
            proved.attributes = attributes("worst_case_rpo_seconds", proof.verdict, proof.worst_case);
        }
        Ok(proved)
    }

    fn of_plan(&self, plan: &RecoveryPlan) -> Result<Proved, Unusable> {
        let mut proved = Proved::default();
        let mut complete = true;
        let mut worst: Option<(Verdict, u64)> = None;
        let mut parts = Vec::new();
        for name in plan.applications.names() {
            parts.push((name, self.part(KindName::Application, name)?));
        }
        // Waves are those of all applications: what is not known yet lasts no time, and leaves the verdict open.
        let applications = parts.iter().filter_map(|(name, part)| match &part.declaration()?.spec {
            Spec::Application(application) => Some((*name, application)),
            _ => None,
        });
        let waves = Waves::of(plan, applications);
        for (name, part) in &parts {
            let Some(Declaration {
                metadata,
                spec: Spec::Application(application),
            }) = part.declaration()
            else {
                complete = false;
                continue;
            };
            let Some(policy_name) = &application.policy else {
                complete = false;
                continue;
            };
            let part = self.part(KindName::ProtectionPolicy, policy_name)?;
            let Some(Spec::ProtectionPolicy(policy)) = part.declaration().map(|part| &part.spec) else {
                complete = false;
                continue;
            };
            let Some(rto) = policy.objectives.rto else { continue };
            let home_part = self.part(KindName::RecoverySite, &application.site)?;
            let home = match home_part.declaration().map(|part| &part.spec) {
                Some(Spec::RecoverySite(site)) => Some((&application.site, site)),
                _ => None,
            };
            complete &= home.is_some();
            let subject = Subject::new((&metadata.name, &metadata.labels), application, policy, home);
            let replica = prove::derived_pair(plan, policy.objectives.rpo);
            for (index, target) in plan.targets.iter().enumerate() {
                let part = self.part(KindName::RecoverySite, &target.site)?;
                let site = match part.declaration().map(|part| &part.spec) {
                    Some(Spec::RecoverySite(site)) => Some(site),
                    _ => None,
                };
                complete &= site.is_some();
                let proof = prove::recovery_time(&Comeback {
                    subject: &subject,
                    rto,
                    plan: Some(plan),
                    waves: waves.as_ref(),
                    loads: &prove::Loads::none(),
                    target: (&target.site, site),
                    replica: replica.filter(|replica| *replica.other == target.site),
                    beside: (0, 0),
                });
                if proof.verdict == Verdict::NotMet {
                    let summary = format!(
                        "application `{name}` may take {} to run again at site `{}`, and the RTO of policy `{}` is {}",
                        duration_text(proof.worst_case),
                        target.site,
                        policy_name,
                        proof.objective
                    );
                    let path = [
                        Step::Field(RecoveryPlan::TARGETS),
                        Step::Index(index),
                        Step::Field(Target::SITE),
                    ];
                    proved.notices.push(refusal(summary, &proof, &path));
                }
                let (verdict, seconds) = worst.unwrap_or((Verdict::Met, 0));
                worst = Some((worse(verdict, proof.verdict), seconds.max(proof.worst_case)));
            }
        }
        if complete {
            proved.attributes = match worst {
                Some((verdict, seconds)) => attributes("worst_case_rto_seconds", verdict, seconds),
                // No policy states an objective: there is nothing to prove.
                None => ["verdict", "worst_case_rto_seconds"]
                    .map(|name| (name.to_owned(), Value::Null))
                    .into(),
            };
        }
        Ok(proved)
    }

    /// The rules that span declarations, said where this one breaks them.
    fn together(&self, declaration: &Declaration) -> Result<Vec<Notice>, Unusable> {
        let mut all: BTreeMap<(KindName, String), Declaration> = BTreeMap::new();
        let mut waiting = vec![declaration.clone()];
        while let Some(next) = waiting.pop() {
            for (kind, name) in next.references() {
                if all.contains_key(&(kind, name.clone())) {
                    continue;
                }
                match self.part(kind, &name)?.declaration() {
                    Some(part) => waiting.push(part.clone()),
                    // Not all of it can be seen: what is missing would be taken for an error.
                    None => return Ok(Vec::new()),
                }
            }
            all.insert((next.kind(), next.name().to_string()), next);
        }
        let sees_applications = all.keys().any(|(kind, _)| *kind == KindName::Application);
        let found = check::assemble(all.into_values()).err().unwrap_or_default();
        // For whom a vault adopts a repository is no reference: a policy alone does not lead to that application.
        let is_seen = |diagnostic: &&dram_fields::Diagnostic| {
            sees_applications || diagnostic.code != compiler_codes::ADOPTED_FOR_ANOTHER
        };
        let table = declaration.kind().table();
        let ours = |diagnostic: &&dram_fields::Diagnostic| match diagnostic.path.first() {
            Some(Step::Field(first)) => table.fields().any(|field| field.is(first)),
            Some(Step::Index(_) | Step::Key(_)) | None => false,
        };
        Ok(found
            .iter()
            .filter(is_seen)
            .filter(ours)
            .map(table::notice_of)
            .collect())
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::NotMet, _) | (_, Verdict::NotMet) => Verdict::NotMet,
        (Verdict::Unproven, _) | (_, Verdict::Unproven) => Verdict::Unproven,
        (Verdict::Met, Verdict::Met) => Verdict::Met,
    }
}

fn attributes(name: &str, verdict: Verdict, seconds: u64) -> BTreeMap<String, Value> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    BTreeMap::from([
        ("verdict".to_owned(), Value::from(verdict.as_str())),
        (name.to_owned(), Value::from(seconds)),
    ])
}

fn refusal(summary: String, proof: &Proof, path: &[Step]) -> Notice {
    let mut detail = format!("In the worst case: {}.", proof.sum());
    for term in proof
        .terms
        .iter()
        .filter(|term| term.seconds > 0 && !term.because.is_empty())
    {
        detail.push_str(&format!("\n  - {}: {}", term.what, table::words(&term.because)));
    }
    for assumption in &proof.assumptions {
        detail.push_str(&format!("\n  - taken for granted: {}", table::words(assumption)));
    }
    if let Some(help) = &proof.help {
        detail.push_str(&format!("\n\nThe way out: {}.", table::words(help)));
    }
    Notice::error(summary, detail).at(table::path_of(path))
}
