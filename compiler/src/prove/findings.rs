//! What a proof finds, each at the line that says so.

use super::print::duration_text;
use super::{Decides, Proof, Report, Verdict};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Application, KindName, Model, Name, Objectives, ProtectionPolicy, RecoveryPlan};
use dram_fields::Step;

impl Report {
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
