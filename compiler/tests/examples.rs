//! The examples: each model holds, and beside it stand what is proved of it and the module that is built of it.
//! `UPDATE_EXPECTED=1` writes both anew; read the difference before you keep it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "the answers lie in files")]

use dram_compiler::backend::terraform;
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::check;
use dram_compiler::diagnostic;
use dram_compiler::prove::{PrimaryLost, Report, Verdict, prove};
use dram_compiler::source::Sources;
use std::path::{Path, PathBuf};

fn example(name: &str, further: &[&str]) -> (PathBuf, Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let mut sources = Sources::new();
    for file in std::iter::once("dram.yaml").chain(further.iter().copied()) {
        sources.add(file, std::fs::read_to_string(folder.join(file)).unwrap());
    }
    let checked = check(&sources);
    let said = diagnostic::render(&sources, &checked.diagnostics, false);
    assert!(checked.diagnostics.is_empty(), "{said}");
    let model = checked.model.unwrap();
    let report = prove(&model);
    let findings = diagnostic::render(&sources, &report.diagnostics(&model), false);
    assert!(findings.is_empty(), "{findings}");

    let mut expected = vec![(folder.join("proof.txt"), report.to_text())];
    for (file, text) in terraform::build(&blueprint(&model)) {
        expected.push((folder.join("terraform").join(file), text));
    }
    for (path, text) in expected {
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, text, "{}; UPDATE_EXPECTED=1 writes it anew", path.display());
    }
    (folder, report)
}

#[test]
fn a_shop_with_its_points_in_a_locked_bucket() {
    let (_, report) = example("shop-s3", &[]);
    let proof = report.applications.first().unwrap();
    assert_eq!(proof.recovery_point.verdict, Verdict::Met);
    let PrimaryLost::Copy { vault, recovery_point } = &proof.primary_lost else {
        unreachable!("{:?}", proof.primary_lost)
    };
    assert_eq!(vault.as_ref() as &str, "shelf");
    // A day of delay is more than the objective, and nobody refuses the model for it.
    assert_eq!(recovery_point.verdict, Verdict::NotMet);
    assert!(!report.fails());
}

#[test]
fn a_shop_on_a_private_cloud() {
    let (_, report) = example("shop-swift", &[]);
    let proof = report.applications.first().unwrap();
    assert_eq!(proof.recovery_point.verdict, Verdict::Met);
    assert!(matches!(proof.primary_lost, PrimaryLost::NoCopy));
}

#[test]
fn a_shop_whose_components_dock_by_profiles() {
    let (_, report) = example("shop-postgres", &["profiles/session-store.yaml"]);
    let proof = report.applications.first().unwrap();
    assert_eq!(proof.recovery_point.verdict, Verdict::Met);
}
