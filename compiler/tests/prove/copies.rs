//! When the primary vault is lost together with the site: what a copy is worth.

use crate::{Case, seconds};
use dram_compiler::check::check;
use dram_compiler::diagnostic::compiler_codes as codes;
use dram_compiler::prove::{PrimaryLost, Proof, Verdict, prove};
use dram_compiler::source::Sources;
use serde_json::json;

fn copy(case: &Case) -> (String, Proof) {
    match &case.report().applications[0].primary_lost {
        PrimaryLost::Copy { vault, recovery_point } => (vault.to_string(), (**recovery_point).clone()),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn one_vault_leaves_nothing() {
    let report = Case::default().report();
    assert!(matches!(report.applications[0].primary_lost, PrimaryLost::NoCopy));
    let text = report.to_text();
    assert!(
        text.contains("site and primary vault lost: no second vault holds a copy"),
        "{text}"
    );
    assert!(report.to_json()[0]["primaryLost"].is_null());
}

#[test]
fn a_copy_at_once_costs_its_own_time() {
    let case = Case {
        copies: json!([{"name": "shelf"}]),
        ..Case::default()
    };
    let (vault, proof) = copy(&case);
    // Moved in 1 s, sealed in 5 s, copied in 1 s, sealed in 5 s.
    assert_eq!((vault.as_str(), proof.verdict), ("shelf", Verdict::Met));
    assert_eq!(seconds(&proof), [3600, 1, 5, 1, 5]);
    assert_eq!(
        proof.sum(),
        "1h (gap between firings) + 1s (move what changed) + 5s (seal) + 1s (copy what changed) + 5s (seal the copy)"
    );
    let json = case.report().to_json();
    assert_eq!(json[0]["primaryLost"]["vault"], "shelf");
    assert_eq!(json[0]["primaryLost"]["rpo"]["worstCaseSeconds"], 3612);
}

#[test]
fn a_delay_waits_for_a_run_and_refuses_nothing() {
    let case = Case {
        objectives: json!({"rpo": "75m", "rto": "2h"}),
        copies: json!([{"name": "shelf", "delay": "1d"}]),
        ..Case::default()
    };
    let (_, proof) = copy(&case);
    assert_eq!(seconds(&proof), [3600, 1, 5, 86_400, 3606, 1, 5]);
    assert_eq!(proof.verdict, Verdict::NotMet);
    let report = case.report();
    assert!(!report.fails() && !report.is_unproven());
    assert!(report.diagnostics(&case.model()).is_empty());
    let text = report.to_text();
    assert!(text.contains("from the copy in shelf; shown, not demanded"), "{text}");
    assert!(
        text.contains("RTO, vault lost as well: as above, from the copy in shelf"),
        "{text}"
    );
}

/// The copy that loses least is the one that counts, with the copies that are made before it.
#[test]
fn of_several_copies_the_best_counts() {
    let case = Case {
        copies: json!([{"name": "shelf", "delay": "1d"}, {"name": "attic"}, {"name": "cellar"}]),
        ..Case::default()
    };
    let (vault, proof) = copy(&case);
    assert_eq!(vault, "attic");
    // A run may make two copies in shelf before it: of the point that was not due yet at the run before, and of the next.
    assert_eq!(seconds(&proof), [3600, 1, 5, 12, 1, 5]);
}

#[test]
fn a_copy_that_is_lost_as_well_does_not_count() {
    let text = r#"
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: {name: office}
spec: {host: {}, failureDomain: office, bandwidth: 50Mi/s}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {name: nas}
spec: {directory: {path: /nas}, failureDomain: cellar, password: {file: /k}}
---
apiVersion: dram.dev/v1
kind: Vault
metadata: {name: shelf}
spec: {directory: {path: /shelf}, failureDomain: cellar, password: {file: /k}}
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: {name: p}
spec: {objectives: {rpo: 75m}, vaults: [{name: nas}, {name: shelf}]}
---
apiVersion: dram.dev/v1
kind: Application
metadata: {name: shop}
spec:
  site: office
  policy: p
  components: [{name: web, host: {paths: [/a]}, data: {size: 1Gi, changeRate: 1Mi/d}}]
"#;
    let checked = check(&Sources::one("t.yaml", text));
    assert_eq!(checked.diagnostics[0].code, codes::COPIES_TOGETHER);
    let report = prove(&checked.model.unwrap());
    assert!(matches!(&report.applications[0].primary_lost, PrimaryLost::Together(vaults) if vaults.len() == 1));
    let text = report.to_text();
    assert!(
        text.contains("site and primary vault lost: shelf would be lost with them"),
        "{text}"
    );
}

/// A run with all its copies ends before the next firing, or the delays grow without bound.
#[test]
fn copies_take_their_part_of_the_gap() {
    let case = |every: &'static [&'static str], copies| Case {
        objectives: json!({"rpo": "1h"}),
        every,
        copies,
        components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"changeRate": "25Mi/s"}}]),
        ..Case::default()
    };
    // 30 s of moving and 5 s of sealing fit into a minute; once more for the copy do not.
    assert_eq!(case(&["1m"], json!([])).rpo().verdict, Verdict::Met);
    let with_copy = case(&["1m"], json!([{"name": "shelf"}]));
    assert!(with_copy.rpo().too_slow && with_copy.report().fails());
    let derived = |copies| {
        let case = Case {
            components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"changeRate": "16Mi/s"}}]),
            ..case(&[], copies)
        };
        (case.rpo().verdict, case.rpo().terms[0].seconds)
    };
    assert_eq!(derived(json!([])), (Verdict::Met, 2700));
    assert_eq!(derived(json!([{"name": "shelf"}])), (Verdict::Met, 2700));
    // At 16 of 50 MiB/s three times the work never fits into the gap.
    let two = json!([{"name": "shelf"}, {"name": "attic"}, {"name": "cellar"}]);
    assert_eq!(derived(two).0, Verdict::NotMet);
}

#[test]
fn the_policy_caps_the_line() {
    let capped = |transfer, bandwidth| Case {
        objectives: json!({"rpo": "90m", "rto": "2h"}),
        transfer: Some(transfer),
        bandwidth,
        components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"size": "4Gi", "changeRate": "24Gi/d"}}]),
        ..Case::default()
    };
    // 1 GiB an hour, and 4 GiB: 1024 s and 4096 s at 1 MiB/s, whatever the sites could.
    let case = capped("1Mi/s", [Some("50Mi/s"), Some("20Mi/s")]);
    assert_eq!((seconds(&case.rpo())[1], seconds(&case.rto())[0]), (1024, 4096));
    assert_eq!(
        case.rpo().terms[1].because,
        "1Gi at 1Mi/s from site `office`, capped by `transfer.bandwidth`"
    );
    // A cap above the line changes nothing.
    let case = capped("1Gi/s", [Some("50Mi/s"), Some("20Mi/s")]);
    assert_eq!((seconds(&case.rpo())[1], seconds(&case.rto())[0]), (21, 205));
    assert_eq!(case.rpo().terms[1].because, "1Gi at 50Mi/s from site `office`");
    // Without a stated line the cap is the best case: not proved.
    let case = capped("1Mi/s", [None, None]);
    assert_eq!((case.rpo().verdict, seconds(&case.rpo())[1]), (Verdict::Unproven, 1024));
    assert_eq!(
        case.rpo().assumptions,
        ["site `office` states no `bandwidth`: it moves at the 1Mi/s of `transfer.bandwidth`"]
    );
    // The way out names both, for one alone would not lead out.
    let late = Case {
        objectives: json!({"rpo": "75m", "rto": "1m"}),
        ..capped("1Mi/s", [Some("50Mi/s"), Some("20Mi/s")])
    };
    assert_eq!(
        late.rto().help.as_deref(),
        Some("a bandwidth of 69Mi/s at the target and in `transfer.bandwidth` could meet it")
    );
}
