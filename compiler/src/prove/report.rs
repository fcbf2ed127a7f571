//! The proof of a whole model, as a table for people, as JSON, and as findings.

use super::rpo::{alone, both_lost, site_lost};
use super::stated::Stated;
use super::{Decides, Proof, Verdict, at_home, recovery_time};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, KindName, Model, Name, Objectives, ProtectionPolicy, RecoveryPlan, RecoverySite, Vault, VaultUse,
};
use dram_fields::Step;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The proofs of one application.
#[derive(Debug, Clone)]
pub struct ApplicationProof {
    /// Its name.
    pub application: Name,
    /// Its policy.
    pub policy: Name,
    /// When its preferred site is lost: how much time may be lost.
    pub recovery_point: Proof,
    /// At each target (or at home, when no plan names one): how long recovery may take. Empty without an RTO.
    pub recovery_time: Vec<TargetProof>,
    /// When the primary vault is lost together with the preferred site. Shown beside the objective, and never a reason
    /// to refuse a model: a delay that guards against intruders costs time on that day, and not to have a copy costs
    /// more.
    pub primary_lost: PrimaryLost,
}

/// What is left when the preferred site and the primary vault are lost.
#[derive(Debug, Clone)]
pub enum PrimaryLost {
    /// Nothing: there is no second vault.
    NoCopy,
    /// Nothing: the vaults with copies fail together with the site or with the primary vault.
    Together(Vec<Name>),
    /// The copy that loses least.
    Copy {
        /// The vault that holds it.
        vault: Name,
        /// How much time may be lost.
        recovery_point: Box<Proof>,
    },
}

/// The RTO at one target.
#[derive(Debug, Clone)]
pub struct TargetProof {
    /// The plan that names the target, and its position there; `None` at home.
    pub plan: Option<(Name, usize)>,
    /// The target.
    pub site: Name,
    /// The proof.
    pub proof: Proof,
}

/// The proofs of all applications.
#[derive(Debug, Clone)]
pub struct Report {
    /// One for each application, by name.
    pub applications: Vec<ApplicationProof>,
    /// Policies whose own RPO does not hold, whatever they protect, by name.
    pub policies: Vec<(Name, Proof)>,
}

/// Proves every objective of a model.
#[must_use]
pub fn prove(model: &Model) -> Report {
    let stated: BTreeMap<&Name, Stated> = model
        .policies()
        .iter()
        .map(|(name, policy)| (name, Stated::of(policy)))
        .collect();
    let applications = model
        .applications()
        .iter()
        .filter_map(|(name, application)| {
            let (policy_name, policy) = model.policy_of(name)?;
            let stated = stated.get(policy_name)?;
            let site = model.sites().get_key_value(&application.site);
            Some(ApplicationProof {
                application: name.clone(),
                policy: policy_name.clone(),
                recovery_point: site_lost(application, policy, stated, site),
                recovery_time: targets(model, name, application, policy),
                primary_lost: primary_lost(model, application, policy, stated, site),
            })
        })
        .collect();
    let policies = model
        .policies()
        .iter()
        .filter_map(|(name, policy)| Some((name.clone(), alone(policy, stated.get(name)?)?)))
        .collect();
    Report { applications, policies }
}

fn targets(model: &Model, name: &Name, application: &Application, policy: &ProtectionPolicy) -> Vec<TargetProof> {
    let Some(rto) = policy.objectives.rto else {
        return Vec::new();
    };
    let Some((plan_name, plan)) = model.plan_of(name) else {
        let proof = at_home(application, policy, rto, model.sites().get(&application.site));
        return vec![TargetProof {
            plan: None,
            site: application.site.clone(),
            proof,
        }];
    };
    plan.targets
        .iter()
        .enumerate()
        .map(|(index, target)| TargetProof {
            plan: Some((plan_name.clone(), index)),
            site: target.site.clone(),
            proof: recovery_time(application, policy, rto, &target.site, model.sites().get(&target.site)),
        })
        .collect()
}

fn primary_lost(
    model: &Model,
    application: &Application,
    policy: &ProtectionPolicy,
    stated: &Stated,
    site: Option<(&Name, &RecoverySite)>,
) -> PrimaryLost {
    let domain = |used: &VaultUse| {
        model
            .vaults()
            .get(&used.name)
            .map(|vault: &Vault| &vault.failure_domain)
    };
    let mut lost: Vec<&Name> = site.map(|(_, site)| &site.failure_domain).into_iter().collect();
    lost.extend(policy.vaults.first().and_then(domain));
    let mut together = Vec::new();
    let mut best: Option<(Name, Proof)> = None;
    for (position, used) in policy.vaults.iter().enumerate().skip(1) {
        if domain(used).is_none_or(|domain| lost.contains(&domain)) {
            together.push(used.name.clone());
            continue;
        }
        if let Some(proof) = both_lost(application, policy, stated, site, position)
            && best.as_ref().is_none_or(|(_, best)| proof.worst_case < best.worst_case)
        {
            best = Some((used.name.clone(), proof));
        }
    }
    match best {
        Some((vault, proof)) => PrimaryLost::Copy {
            vault,
            recovery_point: Box::new(proof),
        },
        None if together.is_empty() => PrimaryLost::NoCopy,
        None => PrimaryLost::Together(together),
    }
}

impl Report {
    /// Every proof of what an objective demands, in order.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        self.applications.iter().flat_map(|application| {
            std::iter::once(&application.recovery_point)
                .chain(application.recovery_time.iter().map(|target| &target.proof))
        })
    }

    /// Whether any objective does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        !self.policies.is_empty() || self.proofs().any(|proof| proof.verdict == Verdict::NotMet)
    }

    /// Whether any objective rests on assumptions.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.proofs().any(|proof| proof.verdict == Verdict::Unproven)
    }

    /// What does not hold as errors, what is unproven as warnings, each at the line that says so.
    #[must_use]
    pub fn diagnostics(&self, model: &Model) -> Vec<Diagnostic> {
        let mut out = Vec::new();
        for (name, proof) in &self.policies {
            out.push(not_met_rpo(
                model,
                KindName::ProtectionPolicy,
                name,
                &policy_path(Objectives::RPO),
                name,
                None,
                proof,
            ));
        }
        for application in &self.applications {
            let name = &application.application;
            let proof = &application.recovery_point;
            let at = [Step::Field(Application::POLICY)];
            match (proof.verdict, proof.decides) {
                (Verdict::NotMet, Decides::Together) => {
                    out.push(not_met_rpo(
                        model,
                        KindName::Application,
                        name,
                        &at,
                        &application.policy,
                        Some(name),
                        proof,
                    ));
                }
                (Verdict::Unproven, _) => {
                    out.push(unproven(model, KindName::Application, name, &at, name, "RPO", proof))
                }
                (Verdict::Met, _) | (Verdict::NotMet, Decides::PolicyAlone) => {}
            }
            for target in &application.recovery_time {
                let (kind, owner, at) = match &target.plan {
                    Some((plan, index)) => (
                        KindName::RecoveryPlan,
                        plan,
                        vec![Step::Field(RecoveryPlan::TARGETS), Step::Index(*index)],
                    ),
                    None => (KindName::Application, name, vec![Step::Field(Application::POLICY)]),
                };
                match target.proof.verdict {
                    Verdict::Met => {}
                    Verdict::Unproven => out.push(unproven(model, kind, owner, &at, name, "RTO", &target.proof)),
                    Verdict::NotMet => {
                        let message = format!(
                            "application `{name}` may take {} to run again at site `{}`, and the RTO of policy `{}` is {}",
                            duration_text(target.proof.worst_case),
                            target.site,
                            application.policy,
                            target.proof.objective
                        );
                        let objective = model.place(
                            KindName::ProtectionPolicy,
                            &application.policy,
                            &policy_path(Objectives::RTO),
                        );
                        out.push(finish(
                            Diagnostic::error(codes::RTO_NOT_MET, model.place(kind, owner, &at), message)
                                .label(target.proof.sum())
                                .related(objective, "the objective")
                                .path(at),
                            &target.proof,
                        ));
                    }
                }
            }
        }
        crate::diagnostic::sort(&mut out);
        out
    }

    /// The table that `dramc prove` prints.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for application in &self.applications {
            let _ = writeln!(
                text,
                "application {} under policy {}",
                application.application, application.policy
            );
            one(&mut text, "RPO, site lost", &application.recovery_point);
            for target in &application.recovery_time {
                let title = match target.plan {
                    Some(_) => format!("RTO, at {}", target.site),
                    None => format!("RTO, at home ({})", target.site),
                };
                one(&mut text, &title, &target.proof);
            }
            primary_lost_text(&mut text, application);
            text.push('\n');
        }
        for (name, proof) in self.unused() {
            let _ = writeln!(text, "policy {name}, which protects nothing yet");
            one(&mut text, "RPO", proof);
            text.push('\n');
        }
        text
    }

    /// Policies that do not hold and that no application shows.
    fn unused(&self) -> impl Iterator<Item = (&Name, &Proof)> {
        self.policies
            .iter()
            .filter(|(name, _)| !self.applications.iter().any(|application| application.policy == *name))
            .map(|(name, proof)| (name, proof))
    }

    /// The same for programs. An element without an `application` is about a policy that protects nothing yet, and
    /// does not hold.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let proof = |proof: &Proof| {
            json!({
                "objectiveSeconds": proof.objective.seconds,
                "worstCaseSeconds": proof.worst_case,
                "verdict": proof.verdict.as_str(),
                "terms": proof.terms.iter().map(|term| json!({
                    "what": term.what, "seconds": term.seconds, "because": term.because,
                })).collect::<Vec<_>>(),
                "assumptions": proof.assumptions,
                "help": proof.help,
            })
        };
        self.applications
            .iter()
            .map(|application| {
                json!({
                    "application": application.application.to_string(),
                    "policy": application.policy.to_string(),
                    "rpo": proof(&application.recovery_point),
                    "rto": application.recovery_time.iter().map(|target| json!({
                        "site": target.site.to_string(), "proof": proof(&target.proof),
                    })).collect::<Vec<_>>(),
                    "primaryLost": match &application.primary_lost {
                        PrimaryLost::NoCopy | PrimaryLost::Together(_) => Value::Null,
                        PrimaryLost::Copy { vault, recovery_point } => json!({
                            "vault": vault.to_string(), "rpo": proof(recovery_point),
                        }),
                    },
                })
            })
            .chain(
                self.unused()
                    .map(|(name, policy)| json!({"policy": name.to_string(), "rpo": proof(policy)})),
            )
            .collect()
    }
}

fn primary_lost_text(text: &mut String, application: &ApplicationProof) {
    let title = "site and primary vault lost";
    let short = "vault lost as well";
    match &application.primary_lost {
        PrimaryLost::NoCopy => {
            let _ = writeln!(text, "  {title}: no second vault holds a copy");
        }
        PrimaryLost::Together(vaults) => {
            let names: Vec<&str> = vaults.iter().map(|name| name.as_ref() as &str).collect();
            let names = names.join(" and ");
            let _ = writeln!(text, "  {title}: {names} would be lost with them");
        }
        PrimaryLost::Copy { vault, recovery_point } => {
            one(text, &format!("RPO, {short}"), recovery_point);
            let _ = writeln!(text, "    from the copy in {vault}; shown, not demanded");
            if !application.recovery_time.is_empty() {
                let _ = writeln!(text, "  RTO, {short}: as above, from the copy in {vault}");
            }
        }
    }
}

fn policy_path(field: &'static dram_fields::Field) -> Vec<Step> {
    vec![Step::Field(ProtectionPolicy::OBJECTIVES), Step::Field(field)]
}

fn not_met_rpo(
    model: &Model,
    kind: KindName,
    owner: &Name,
    at: &[Step],
    policy: &Name,
    application: Option<&Name>,
    proof: &Proof,
) -> Diagnostic {
    let objective = proof.objective;
    let (code, message) = match application {
        Some(application) if proof.too_slow => (
            codes::MOVE_TOO_SLOW,
            format!(
                "what application `{application}` changes between two firings takes longer to move, seal and copy than the gap"
            ),
        ),
        None if proof.too_slow => (
            codes::MOVE_TOO_SLOW,
            format!("policy `{policy}` makes points faster than they can be sealed"),
        ),
        Some(application) => (
            codes::RPO_NOT_MET,
            format!(
                "application `{application}` may lose {}, and the RPO of policy `{policy}` is {objective}",
                duration_text(proof.worst_case)
            ),
        ),
        None => (
            codes::RPO_NOT_MET,
            format!(
                "policy `{policy}` may lose {}, and its RPO is {objective}",
                duration_text(proof.worst_case)
            ),
        ),
    };
    let mut finding = Diagnostic::error(code, model.place(kind, owner, at), message)
        .label(proof.sum())
        .path(at.to_vec());
    if application.is_some() {
        let place = model.place(KindName::ProtectionPolicy, policy, &policy_path(Objectives::RPO));
        finding = finding.related(place, "the objective");
    }
    // One that is derived stands nowhere.
    let of_policy = |path: &[Step]| model.place(KindName::ProtectionPolicy, policy, path);
    let schedule = of_policy(&[Step::Field(ProtectionPolicy::SCHEDULE)]);
    if schedule != of_policy(&[]) {
        finding = finding.related(schedule, "the schedule");
    }
    finish(finding, proof)
}

fn unproven(
    model: &Model,
    kind: KindName,
    owner: &Name,
    at: &[Step],
    application: &Name,
    what: &str,
    proof: &Proof,
) -> Diagnostic {
    let message = format!(
        "the {what} of {} of application `{application}` is not proved: {}",
        proof.objective,
        proof.assumptions.join("; ")
    );
    Diagnostic::warning(codes::UNPROVEN, model.place(kind, owner, at), message)
        .path(at.to_vec())
        .help("give the missing inputs; `dramc explain DRAM0053` says which count")
}

fn finish(finding: Diagnostic, proof: &Proof) -> Diagnostic {
    match &proof.help {
        Some(help) => finding.help(help.clone()),
        None => finding,
    }
}

fn one(text: &mut String, title: &str, proof: &Proof) {
    let _ = writeln!(
        text,
        "  {title:<24} {:<9} objective {}, worst case {}",
        proof.verdict.as_str(),
        proof.objective,
        duration_text(proof.worst_case)
    );
    for term in &proof.terms {
        let _ = writeln!(
            text,
            "    {:<22} {:>9}  {}",
            term.what,
            duration_text(term.seconds),
            term.because
        );
    }
    for assumption in &proof.assumptions {
        let _ = writeln!(text, "    assumed: {assumption}");
    }
}

/// Seconds for people: `1h`, `1h 5s`, `2d 4h`.
#[must_use]
pub fn duration_text(seconds: u64) -> String {
    let units = [
        ("d", seconds / 86_400),
        ("h", seconds / 3_600 % 24),
        ("m", seconds / 60 % 60),
        ("s", seconds % 60),
    ];
    let parts: Vec<String> = units
        .into_iter()
        .filter(|(_, amount)| *amount > 0)
        .map(|(unit, amount)| format!("{amount}{unit}"))
        .collect();
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}
