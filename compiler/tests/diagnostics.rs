//! Golden diagnostics: each model of `diagnostics/` beside what a person reads about it. `UPDATE_EXPECTED=1` writes the
//! answers anew; read the difference before you keep it.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]
#![expect(clippy::disallowed_methods, reason = "the answers lie in files")]

use dram_compiler::check::check;
use dram_compiler::diagnostic::{self, Diagnostic, all_codes};
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Stands in the models of `diagnostics/` wherever a secret was written in clear.
const CANARY: &str = "hunter2";

fn cases() -> Vec<(PathBuf, Sources, Vec<Diagnostic>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let sources = Sources::one(name, &std::fs::read_to_string(&path).unwrap());
            let checked = check(&sources);
            let mut findings = checked.diagnostics;
            if let Some(model) = &checked.model {
                findings.extend(prove(model).diagnostics(model));
            }
            (path, sources, findings)
        })
        .collect()
}

#[test]
fn what_a_person_reads() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for (path, sources, findings) in cases() {
        let text = diagnostic::render(&sources, &findings, false);
        let answer = path.with_extension("txt");
        if update {
            std::fs::write(&answer, &text).unwrap();
        } else if std::fs::read_to_string(&answer).ok().as_ref() != Some(&text) {
            wrong.push(format!("{} should be\n{text}", answer.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPDATE_EXPECTED=1 writes the answers anew",
        wrong.join("\n")
    );
}

/// A code that nobody can see cannot be explained either.
#[test]
fn every_code_has_a_case() {
    let mut seen = BTreeSet::new();
    for (path, _, findings) in cases() {
        let named = path.file_name().unwrap().to_str().unwrap()[..8].to_uppercase();
        let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code.id).collect();
        // A misspelled secret is an unknown field; the others are what their file says.
        assert!(
            codes.contains(named.as_str()) || named == "DRAM0020",
            "{}: {codes:?}",
            path.display()
        );
        seen.extend(codes);
    }
    let all: BTreeSet<&str> = all_codes().iter().map(|code| code.id).collect();
    assert_eq!(seen, all);
}

#[test]
fn no_secret_is_ever_printed() {
    let mut with_secrets = 0;
    for (path, sources, findings) in cases() {
        let (_, source) = sources.iter().next().unwrap();
        with_secrets += usize::from(source.text.contains(CANARY));
        assert!(!findings.is_empty(), "{}", path.display());
        let shown = [
            diagnostic::render(&sources, &findings, false),
            diagnostic::render(&sources, &findings, true),
            diagnostic::to_json(&sources, &findings).to_string(),
            diagnostic::to_sarif(&sources, &findings).to_string(),
        ];
        let debug = findings.iter().map(|finding| format!("{finding:?}"));
        for text in shown.into_iter().chain(debug) {
            assert!(!text.contains(CANARY), "{}:\n{text}", path.display());
        }
    }
    assert!(with_secrets > 10);
}

/// Lower case, no full stop, and a way out.
#[test]
fn messages_keep_the_style() {
    for (path, _, findings) in cases() {
        for finding in findings {
            let at = format!("{}: {}", path.display(), finding.message);
            let first = finding.message.chars().next().unwrap();
            // Names of kinds are written as the language writes them.
            let name = finding.message.split(' ').next().unwrap().len() > 1
                && all_kinds().iter().any(|kind| finding.message.starts_with(kind));
            assert!(!first.is_uppercase() || name, "{at}");
            assert!(!finding.message.ends_with('.'), "{at}");
            assert!(finding.help.as_ref().is_none_or(|help| !help.ends_with('.')), "{at}");
            assert!(!finding.message.contains("`` "), "{at}");
        }
    }
}

fn all_kinds() -> Vec<&'static str> {
    use dram_compiler::model::{KindName, Metadata};
    use dram_fields::{Block, write::reachable};
    let tables = KindName::ALL.iter().map(|kind| kind.table()).chain([Metadata::kind()]);
    tables
        .flat_map(reachable)
        .map(|kind| kind.name)
        .chain(["Document"])
        .collect()
}
