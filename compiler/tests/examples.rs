//! The examples: each model holds, and beside it stand what is proved of it and the module that is built of it; and nothing
//! that it says is said in vain. `UPDATE_EXPECTED=1` writes both anew; read the difference before you keep it.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]
#![expect(clippy::disallowed_methods, reason = "the answers lie in files")]

use dram_compiler::backend::{Artifacts, json, terraform};
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::{check, secret_words};
use dram_compiler::diagnostic;
use dram_compiler::model::{KindName, Metadata};
use dram_compiler::prove::{ApplicationProof, PrimaryLost, Report, Verdict, prove};
use dram_compiler::source::Sources;
use dram_compiler::syntax::parse;
use dram_fields::{Block as _, Span};
use leaf::{Leaf, another, in_block, whole};
use std::path::{Path, PathBuf};

mod leaf;

/// Each with the files beside its `dram.yaml`.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("shop", &[]),
    ("shop-kubernetes", &[]),
    ("shop-openstack", &[]),
    ("shop-postgres", &["profiles/session-store.yaml"]),
    ("shop-s3", &[]),
    ("shop-swift", &[]),
    ("three-sites", &[]),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

fn sources(name: &str) -> Sources {
    let (_, further) = EXAMPLES.iter().find(|(known, _)| *known == name).unwrap();
    let mut sources = Sources::new();
    for file in std::iter::once(&"dram.yaml").chain(*further) {
        sources.add(*file, std::fs::read_to_string(folder(name).join(file)).unwrap());
    }
    sources
}

fn example(name: &str) -> Report {
    let sources = sources(name);
    let checked = check(&sources);
    let said = diagnostic::render(&sources, &checked.diagnostics, false);
    assert!(checked.diagnostics.is_empty(), "{said}");
    let model = checked.model.unwrap();
    let report = prove(&model);
    let findings = diagnostic::render(&sources, &report.diagnostics(&model), false);
    assert!(findings.is_empty(), "{findings}");

    let folder = folder(name);
    let mut expected = vec![(folder.join("proof.txt"), report.to_text())];
    for (file, text) in terraform::build(&blueprint(&model).commented(&sources)) {
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
    report
}

#[test]
fn a_shop_with_its_points_in_a_locked_bucket() {
    let report = example("shop-s3");
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
    let report = example("shop-swift");
    let proof = report.applications.first().unwrap();
    assert_eq!(proof.recovery_point.verdict, Verdict::Met);
    assert!(matches!(proof.primary_lost, PrimaryLost::NoCopy));
}

#[test]
fn a_shop_whose_components_dock_by_profiles() {
    let report = example("shop-postgres");
    let proof = report.applications.first().unwrap();
    assert_eq!(proof.recovery_point.verdict, Verdict::Met);
}

/// All proofs hold at all targets.
fn is_met(name: &str, proofs: usize) -> Report {
    let report = example(name);
    assert_eq!(report.applications.len(), proofs);
    let is_met = |proof: &ApplicationProof| proof.recovery_point.verdict == Verdict::Met;
    assert!(report.applications.iter().all(is_met));
    assert!(!report.fails() && !report.is_unproven());
    report
}

#[test]
fn a_shop_on_one_host() {
    is_met("shop", 1);
}

#[test]
fn a_shop_in_a_cluster() {
    is_met("shop-kubernetes", 1);
}

#[test]
fn a_shop_in_two_regions_of_a_cloud() {
    is_met("shop-openstack", 1);
}

#[test]
fn a_shop_with_two_other_sites_and_a_second_vault() {
    let report = is_met("three-sites", 2);
    for proof in &report.applications {
        assert!(matches!(&proof.primary_lost, PrimaryLost::Copy { .. }));
    }
}

/// Every folder with a model is tried here, and named in the table of examples.
#[test]
fn every_example_is_tried_and_listed() {
    let entries = std::fs::read_dir(folder("")).unwrap();
    let mut found: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("dram.yaml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, EXAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let page = std::fs::read_to_string(folder("README.md")).unwrap();
    for name in found {
        assert!(page.contains(&format!("[{name}]({name}/dram.yaml)")), "{name}");
    }
}

/// What is built of sources, and what is said of them.
fn built(sources: &Sources) -> (Option<[Artifacts; 2]>, Vec<String>) {
    let checked = check(sources);
    let said = checked.diagnostics.iter().map(|finding| finding.message.clone());
    let model = checked.model.as_ref();
    (
        model.map(|model| [terraform::build(&blueprint(model)), json::build(model)]),
        said.collect(),
    )
}

/// All leaves of all documents: those of `spec`, and those of `metadata`.
fn leaves(sources: &Sources) -> Vec<Leaf> {
    let mut found = Vec::new();
    for document in parse(&secret_words(), sources, &mut Vec::new()) {
        let root = &document.root;
        let kind: KindName = root.get("kind").unwrap().as_text().unwrap().parse().unwrap();
        in_block(kind.table(), root.get("spec").unwrap(), &mut found);
        in_block(Metadata::kind(), root.get("metadata").unwrap(), &mut found);
    }
    found
}

/// The sources with something else at a place.
fn changed(of: &Sources, span: Span, put: &str) -> Sources {
    let mut sources = Sources::new();
    for (index, source) in of.iter() {
        let mut text = source.text.clone();
        if index == span.source {
            let span = whole(&text, span);
            text.replace_range(span.start as usize..span.end as usize, put);
        }
        sources.add(&source.path, text);
    }
    sources
}

#[test]
fn no_leaf_of_an_example_is_silent() {
    let (mut tried, mut silent) = (0, Vec::new());
    for (name, _) in EXAMPLES {
        let sources = sources(name);
        let original = built(&sources);
        for leaf in leaves(&sources) {
            let other = another(&leaf.ty, &leaf.value).map(|other| (leaf.value.span, other));
            let misspelled = leaf.key.map(|key| (key, "mispeled".to_owned()));
            for (span, put) in other.into_iter().chain(misspelled) {
                tried += 1;
                if built(&changed(&sources, span, &put)) == original {
                    silent.push(format!("{name}: {} as {put}", leaf.name));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    assert!(tried > 500, "{tried}");
}
