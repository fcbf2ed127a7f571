//! The proof against models whose numbers were worked out by hand, in the comments with which each begins.
//!
//! The lines that begin with `# = ` say what must come out: every RPO and RTO, and what else a file is about. `refused CODE` and a
//! part of the message stand where there is no model to prove.
#![expect(clippy::disallowed_methods, reason = "the models lie in files")]

use dram_compiler::check::check;
use dram_compiler::diagnostic::Diagnostic;
use dram_compiler::prove::{ApplicationProof, Keeper, PrimaryLost, Proof, prove};
use dram_compiler::source::Sources;
use std::path::Path;

/// A number and its verdict, as the files say it.
fn said(proof: &Proof) -> String {
    format!("{} {}", proof.worst_case, proof.verdict.as_str())
}

/// What every file has to say of an application.
fn demanded(application: &ApplicationProof) -> Vec<String> {
    let name = &application.application;
    let mut out = vec![format!("{name} rpo {}", said(&application.recovery_point))];
    for target in &application.recovery_time {
        out.push(format!("{name} rto {} {}", target.site, said(&target.proof)));
    }
    out
}

/// What a file may say beside that.
fn possible(application: &ApplicationProof) -> Vec<String> {
    let name = &application.application;
    let proof = &application.recovery_point;
    let mut out = vec![format!("{name} gap {}", proof.terms[0].seconds)];
    if proof.too_slow {
        out.push(format!("{name} too slow"));
    }
    if let Some(points) = &application.points {
        out.push(format!("{name} points {}", said(points)));
    }
    out.push(match &application.kept_by {
        Keeper::Points => format!("{name} kept by points"),
        Keeper::Pair { site, .. } => format!("{name} kept by {site}"),
    });
    out.push(match &application.primary_lost {
        PrimaryLost::NoCopy => format!("{name} copy none"),
        PrimaryLost::Together(_) => format!("{name} copy together"),
        PrimaryLost::Copy { vault, recovery_point } => format!("{name} copy {vault} {}", recovery_point.worst_case),
        PrimaryLost::Replica { site, recovery_point } => format!("{name} replica {site} {}", recovery_point.worst_case),
    });
    if let Some(lost) = &application.domain_lost {
        out.push(match &lost.left {
            Some((what, proof)) => format!("{name} domain {} {} {what}", lost.domain, proof.worst_case),
            None => format!("{name} domain {} nothing", lost.domain),
        });
    }
    out
}

/// Whether a line about findings is true: `findings none`, `finding CODE part of its message`.
fn is_found(line: &str, findings: &[Diagnostic]) -> bool {
    match line.strip_prefix("finding ").and_then(|rest| rest.split_once(' ')) {
        Some((code, part)) => findings
            .iter()
            .any(|found| found.code.id == code && found.message.contains(part)),
        None => line == "findings none" && findings.is_empty(),
    }
}

/// What is wrong with a file.
fn differences(text: &str) -> Vec<String> {
    let stated: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# = ")).collect();
    if stated.is_empty() {
        return vec!["it says nothing: no line begins with `# = `".to_owned()];
    }
    let checked = check(&Sources::one("model.yaml", text));
    let Some(model) = checked.model else {
        let is_told = |line: &str| {
            let finding = line.replacen("refused ", "finding ", 1);
            finding != line && is_found(&finding, &checked.diagnostics)
        };
        if stated.iter().all(|line| is_told(line)) {
            return Vec::new();
        }
        let refused = checked.diagnostics.iter();
        return refused
            .map(|found| format!("refused {} {}", found.code.id, found.message))
            .collect();
    };
    let report = prove(&model);
    let mut findings = checked.diagnostics;
    findings.extend(report.diagnostics(&model));
    let demanded: Vec<String> = report.applications.iter().flat_map(demanded).collect();
    let possible: Vec<String> = report.applications.iter().flat_map(possible).collect();
    let is_true =
        |line: &&str| demanded.iter().chain(&possible).any(|known| known == line) || is_found(line, &findings);
    let wrong = stated.iter().filter(|line| !is_true(line));
    let mut out: Vec<String> = wrong.map(|line| format!("by hand   {line}")).collect();
    let unsaid = demanded.iter().filter(|known| !stated.contains(&known.as_str()));
    out.extend(unsaid.map(|known| format!("proved    {known}")));
    if !out.is_empty() {
        out.extend(possible.iter().map(|known| format!("    also  {known}")));
        out.extend(
            findings
                .iter()
                .map(|found| format!("    found {} {}", found.code.id, found.message)),
        );
        out.push(report.to_text());
    }
    out
}

#[test]
fn the_program_says_what_a_hand_worked_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prove/by_hand");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut wrong = String::new();
    for file in &files {
        let differences = differences(&std::fs::read_to_string(file).unwrap());
        if !differences.is_empty() {
            wrong.push_str(&format!("{}\n  {}\n", file.display(), differences.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(files.len() >= 30, "only {} proofs by hand", files.len());
}

/// A file that is not what its lines say, or says nothing, is told.
#[test]
fn a_wrong_sum_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prove/by_hand");
    let text = std::fs::read_to_string(folder.join("hourly_and_one_target.yaml")).unwrap();
    assert!(differences(&text).is_empty());
    for (from, to, tells) in [
        ("rpo 3965 met", "rpo 3964 met", "by hand   shop rpo 3964 met"),
        ("# = shop rto branch 330 met\n", "", "proved    shop rto branch 330 met"),
        ("# = ", "# ", "it says nothing"),
    ] {
        let told = differences(&text.replace(from, to)).join("\n");
        assert!(told.contains(tells), "{told}");
    }
}

/// The page about proofs shows what the program prints. `UPDATE_EXPECTED=1` writes it anew.
#[test]
fn the_page_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("../docs/proofs.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("```text\n").unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    let (_, named) = before.rsplit_once("<!-- printed for compiler/").unwrap();
    let model = std::fs::read_to_string(root.join(named.split_once(" -->").unwrap().0)).unwrap();
    let printed = prove(&check(&Sources::one("model.yaml", &model)).model.unwrap()).to_text();
    let printed = format!("{}\n", printed.trim_end());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&page, format!("{before}```text\n{printed}```{after}")).unwrap();
    } else {
        assert_eq!(shown, printed, "UPDATE_EXPECTED=1 writes the page anew");
    }
}
