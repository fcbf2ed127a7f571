//! `dramc explain-model`: what it prints is a model, holds everything, and says why.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use dram_compiler::check::check;
use dram_compiler::diagnostic;
use dram_compiler::explained::{Filled, fill, to_json, to_text};
use dram_compiler::model::Model;
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;

const COMPLETE: &str = include_str!("language/complete.yaml");

fn model(text: &str) -> Model {
    let sources = Sources::one("dram.yaml", text);
    let checked = check(&sources);
    let found = diagnostic::render(&sources, &checked.diagnostics, false);
    checked.model.unwrap_or_else(|| panic!("{found}\n{text}"))
}

fn one<'f>(filled: &'f [Filled], kind: &str, name: &str) -> &'f Filled {
    let is = |one: &&Filled| {
        let metadata = one.document.get("metadata").and_then(|metadata| metadata.get("name"));
        one.document.get("kind").and_then(|of| of.as_text()) == Some(kind)
            && metadata.and_then(|of| of.as_text()) == Some(name)
    };
    filled.iter().find(is).unwrap()
}

const SMALL: &str = r#"
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: { name: office }
spec: { host: {}, failureDomain: office, bandwidth: 50Mi/s }
---
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: { name: branch }
spec: { host: { root: /srv/branch }, failureDomain: branch, bandwidth: 50Mi/s }
---
apiVersion: dram.dev/v1
kind: Vault
metadata: { name: nas }
spec: { directory: { path: /mnt/nas }, failureDomain: nas, password: { file: /k } }
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: { name: gold }
spec:
  objectives: { rpo: 30m }
  appliesTo: { labels: { tier: gold } }
  vaults: [{ name: nas }]
---
apiVersion: dram.dev/v1
kind: Application
metadata: { name: shop, labels: { tier: gold } }
spec:
  site: office
  components:
    - { name: db, host: { paths: [/srv/db] }, data: { size: 1Gi, changeRate: 1Gi/d } }
    - { name: web, after: [db], host: { paths: [/srv/web] }, data: { size: 1Gi, changeRate: 1Mi/d } }
---
apiVersion: dram.dev/v1
kind: RecoveryPlan
metadata: { name: shop }
spec: { applications: { names: [shop] }, targets: [{ site: branch }], strategy: pilot-light }
"#;

#[test]
fn what_is_derived_stands_there_with_its_reason() {
    let filled = fill(&model(SMALL));
    // 1 GiB + 1 MiB a day are 20.6 MiB in 29 minutes: 1 s at 50 MiB/s, and 5 s to seal.
    let policy = one(&filled, "ProtectionPolicy", "gold");
    let schedule = policy
        .document
        .get("spec")
        .and_then(|spec| spec.get("schedule"))
        .unwrap();
    assert_eq!(schedule.elements()[0].get("every").unwrap().as_text(), Some("29m"));
    assert_eq!(
        policy.reasons["spec.schedule"],
        "derived: the longest that keeps an RPO of 30m for all that it protects"
    );
    assert_eq!(policy.reasons["spec.objectives.maxFreeze"], "the default");
    assert!(!policy.reasons.contains_key("spec.objectives.rpo"));
    let shop = one(&filled, "Application", "shop");
    assert_eq!(shop.reasons["spec.policy"], "chosen by `appliesTo` of policy `gold`");
    assert_eq!(shop.reasons["spec.components[1].name"], "captured by files");
    let plan = one(&filled, "RecoveryPlan", "shop");
    assert_eq!(
        plan.notes,
        ["application shop starts in the order of `after`: db → web"]
    );
    let pair = one(&filled, "ReplicationPair", "shop");
    assert_eq!(pair.notes, ["asked for by `strategy: pilot-light` of plan `shop`"]);
    let text = to_text(&filled);
    for line in [
        "  schedule: # derived: the longest that keeps an RPO of 30m for all that it protects\n    - every: 29m\n",
        "  mode: async # derived from the RPO\n  interval: 29m # derived from the RPO\n",
        "  strategy: pilot-light\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let json = to_json(&filled);
    let office = json
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["document"]["metadata"]["name"] == "office");
    assert_eq!(office.unwrap()["reasons"]["spec.host.root"], "the default");
}

/// It proves the same, and filled in again it stays as it is.
#[test]
fn what_is_printed_is_the_same_model() {
    for text in [SMALL, COMPLETE] {
        let before = model(text);
        let filled = fill(&before);
        let after = model(&to_text(&filled));
        let seconds = |model: &Model| prove(model).proofs().map(|proof| proof.worst_case).collect::<Vec<_>>();
        assert_eq!(seconds(&after), seconds(&before));
        let again = fill(&after);
        let documents = |filled: &[Filled]| {
            let mut documents: Vec<_> = filled.iter().map(|one| one.document.to_json().to_string()).collect();
            documents.sort();
            documents
        };
        assert_eq!(documents(&again), documents(&filled));
        let unreasoned = again
            .iter()
            .flat_map(|one| &one.reasons)
            .filter(|(_, reason)| *reason == "the default");
        assert_eq!(unreasoned.count(), 0, "a default was not written out");
    }
}
