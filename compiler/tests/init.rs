//! `dramc init`: whatever is answered, the model that is written is formatted, checks and proves.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use dram_compiler::check::check;
use dram_compiler::diagnostic;
use dram_compiler::format::format;
use dram_compiler::init::{Answers, Database, SCHEMA_FILE, model};
use dram_compiler::prove::{Verdict, prove};
use dram_compiler::source::Sources;

fn check_written(answers: &Answers) {
    let text = model(answers);
    assert_eq!(format(&text).unwrap(), text, "it is formatted");
    let hint = format!("# yaml-language-server: $schema={SCHEMA_FILE}\n");
    let documents = text.split("---\n").collect::<Vec<_>>();
    assert!(documents.iter().all(|document| document.starts_with(&hint)), "{text}");
    let sources = Sources::one("dram.yaml", &text);
    let checked = check(&sources);
    let said = diagnostic::render(&sources, &checked.diagnostics, false);
    assert_eq!(said, "", "{text}");
    let model = checked.model.unwrap();
    let report = prove(&model);
    assert_eq!(
        diagnostic::render(&sources, &report.diagnostics(&model), false),
        "",
        "{text}"
    );
    assert_eq!(
        report.applications.first().unwrap().recovery_point.verdict,
        Verdict::Met
    );
    assert_eq!(model.plans().len(), usize::from(answers.target.is_some()));
}

/// The product of all answers.
#[test]
fn every_first_model_checks_and_proves() {
    let databases = Database::names().chain(["none"]);
    let mut count = 0;
    for database in databases {
        for target in ["branch", "none"] {
            for vault in ["/mnt/nas/dram", "s3://points/shop", "s3://points", "swift://attic/dram"] {
                // Names that YAML takes for something else, and that the vault or the catalog would have.
                for (application, site) in [("shop", "office"), ("true", "nas"), ("1", "desk"), ("null", "bucket")] {
                    for rpo in ["75m", "1d"] {
                        count += 1;
                        check_written(&Answers {
                            application: application.parse().unwrap(),
                            site: site.parse().unwrap(),
                            target: (target != "none").then(|| target.parse().unwrap()),
                            vault: vault.parse().unwrap(),
                            database: (database != "none").then(|| database.parse().unwrap()),
                            files: "/srv/it is, #1: here".parse().unwrap(),
                            rpo: rpo.parse().unwrap(),
                            rto: "30m".parse().unwrap(),
                        });
                    }
                }
            }
        }
    }
    assert!(count >= 192, "{count}");
}
