//! A report as a table for people, and as JSON.

use super::{Amount, ApplicationProof, DomainLost, Given, Keeper, PrimaryLost, Proof, Report, Term};
use serde_json::{Value, json};
use std::fmt::Write;

impl Report {
    /// The table that `dramc prove` prints: under each number the numbers from which it follows.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for application in &self.applications {
            of_application(&mut text, application);
            text.push('\n');
        }
        for (name, proof) in self.unused() {
            let _ = writeln!(text, "policy {name}, which protects nothing yet");
            one(&mut text, "RPO", proof);
            text.push('\n');
        }
        text
    }

    /// The same for programs. An element without an `application` is about a policy that protects nothing yet, and
    /// does not hold.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.applications
            .iter()
            .map(application_json)
            .chain(
                self.unused()
                    .map(|(name, policy)| json!({"policy": name.to_string(), "rpo": proof_json(policy)})),
            )
            .collect()
    }
}

fn of_application(text: &mut String, application: &ApplicationProof) {
    let _ = writeln!(
        text,
        "application {} under policy {}",
        application.application, application.policy
    );
    one(text, "RPO, site lost", &application.recovery_point);
    if let Keeper::Pair { title, site } = &application.kept_by {
        let _ = writeln!(text, "    kept at site {site} by {title}");
        if let Some(points) = &application.points {
            one(text, "RPO, of its points", points);
            let _ = writeln!(text, "    shown, not demanded");
        }
    }
    for target in &application.recovery_time {
        let title = match target.plan {
            Some(_) => format!("RTO, at {}", target.site),
            None => format!("RTO, at home ({})", target.site),
        };
        one(text, &title, &target.proof);
    }
    if let Some(lost) = &application.domain_lost {
        domain_lost(text, application, lost);
    }
    primary_lost(text, application);
}

fn domain_lost(text: &mut String, application: &ApplicationProof, lost: &DomainLost) {
    let also = lost.also.join(" and ");
    match &lost.left {
        Some((from, proof)) => {
            one(text, &format!("RPO, {} lost", lost.domain), proof);
            let _ = writeln!(
                text,
                "    {also} is lost with the site; from {from}; shown, not demanded"
            );
        }
        None => {
            let _ = writeln!(
                text,
                "  failure domain {} lost: {also} is lost with the site, and no data is left",
                lost.domain
            );
        }
    }
    if application.recovery_time.iter().any(|target| target.plan.is_some()) {
        let left: Vec<&str> = lost.targets.iter().map(|name| &**name).collect();
        let _ = match left.as_slice() {
            [] => writeln!(text, "  RTO, {} lost: no target is left", lost.domain),
            left => writeln!(text, "  RTO, {} lost: as above, at {}", lost.domain, left.join(" or ")),
        };
    }
}

fn primary_lost(text: &mut String, application: &ApplicationProof) {
    let title = "site and primary vault lost";
    let short = "vault lost as well";
    let from = match &application.primary_lost {
        PrimaryLost::NoCopy => {
            let _ = writeln!(text, "  {title}: no second vault holds a copy");
            return;
        }
        PrimaryLost::Together(vaults) => {
            let names: Vec<&str> = vaults.iter().map(|name| name.as_ref() as &str).collect();
            let names = names.join(" and ");
            let _ = writeln!(text, "  {title}: {names} would be lost with them");
            return;
        }
        PrimaryLost::Copy { vault, recovery_point } => {
            one(text, &format!("RPO, {short}"), recovery_point);
            if let Some(help) = &recovery_point.help {
                let _ = writeln!(text, "    {help}");
            }
            format!("from the copy in {vault}")
        }
        PrimaryLost::Replica { site, recovery_point } => {
            one(text, &format!("RPO, {short}"), recovery_point);
            format!("from the replica at {site}")
        }
    };
    let _ = writeln!(text, "    {from}; shown, not demanded");
    if !application.recovery_time.is_empty() {
        let _ = writeln!(text, "  RTO, {short}: as above, {from}");
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
        line(text, 4, term.what, &duration_text(term.seconds), &term.because);
        for given in &term.from {
            given_text(text, 6, given);
        }
    }
    for assumption in &proof.assumptions {
        let _ = writeln!(text, "    assumed: {assumption}");
    }
}

fn given_text(text: &mut String, indent: usize, given: &Given) {
    let number = match given.amount {
        Amount::Seconds(seconds) => duration_text(seconds),
        Amount::Bytes(bytes) => amount(bytes),
        Amount::Rate(rate) => rate.to_string(),
    };
    line(text, indent, &given.what, &number, &given.because);
    for from in &given.from {
        given_text(text, indent + 2, from);
    }
}

/// A number under its parent: what, how much, why. The numbers of all depths stand in one column.
fn line(text: &mut String, indent: usize, what: &str, number: &str, because: &str) {
    let width = 26usize.saturating_sub(indent);
    let _ = writeln!(text, "{:indent$}{what:<width$} {number:>9}  {because}", "");
}

fn application_json(application: &ApplicationProof) -> Value {
    let kept_by = match &application.kept_by {
        Keeper::Points => json!("points"),
        Keeper::Pair { title, site } => json!({"pair": title, "site": site.to_string()}),
    };
    json!({
        "application": application.application.to_string(),
        "policy": application.policy.to_string(),
        "rpo": proof_json(&application.recovery_point),
        "rpoKeptBy": kept_by,
        "rpoOfPoints": application.points.as_ref().map(proof_json),
        "rto": application.recovery_time.iter().map(|target| json!({
            "site": target.site.to_string(), "proof": proof_json(&target.proof),
        })).collect::<Vec<_>>(),
        "domainLost": application.domain_lost.as_ref().map(|lost| json!({
            "failureDomain": lost.domain.to_string(),
            "lost": lost.also,
            "from": lost.left.as_ref().map(|(from, _)| from),
            "rpo": lost.left.as_ref().map(|(_, proof)| proof_json(proof)),
            "targets": lost.targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        "primaryLost": match &application.primary_lost {
            PrimaryLost::NoCopy | PrimaryLost::Together(_) => Value::Null,
            PrimaryLost::Copy { vault, recovery_point } => json!({
                "vault": vault.to_string(), "rpo": proof_json(recovery_point),
            }),
            PrimaryLost::Replica { site, recovery_point } => json!({
                "site": site.to_string(), "rpo": proof_json(recovery_point),
            }),
        },
    })
}

fn proof_json(proof: &Proof) -> Value {
    json!({
        "objectiveSeconds": proof.objective.seconds,
        "worstCaseSeconds": proof.worst_case,
        "verdict": proof.verdict.as_str(),
        "terms": proof.terms.iter().map(term_json).collect::<Vec<_>>(),
        "assumptions": proof.assumptions,
        "help": proof.help,
    })
}

fn term_json(term: &Term) -> Value {
    json!({
        "what": term.what, "seconds": term.seconds, "because": term.because,
        "from": term.from.iter().map(given_json).collect::<Vec<_>>(),
    })
}

fn given_json(given: &Given) -> Value {
    let mut json = json!({
        "what": given.what, "because": given.because,
        "from": given.from.iter().map(given_json).collect::<Vec<_>>(),
    });
    let (unit, number) = match given.amount {
        Amount::Seconds(seconds) => ("seconds", json!(seconds)),
        Amount::Bytes(bytes) => ("bytes", json!(bytes)),
        Amount::Rate(rate) => ("rate", json!(rate.to_string())),
    };
    if let Some(object) = json.as_object_mut() {
        object.insert(unit.to_owned(), number);
    }
    json
}

/// An amount of data for people.
pub(super) fn amount(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("Ti", 1 << 40),
        ("Gi", 1 << 30),
        ("Mi", 1 << 20),
        ("Ki", 1 << 10),
        ("B", 1),
    ];
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| bytes >= *factor)
        .unwrap_or(("B", 1));
    let tenths = u128::from(bytes) * 10 / u128::from(factor);
    if tenths.is_multiple_of(10) {
        format!("{}{unit}", tenths / 10)
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
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
