//! The proof against arithmetic by hand, and against simulated time.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod by_hand;
mod calendar;
mod copies;
mod crowd;
mod observed;
mod simulated;

use dram_compiler::check::check;
use dram_compiler::model::Model;
use dram_compiler::prove::{Decides, Proof, Report, Verdict, duration_text, prove};
use dram_compiler::source::Sources;
use serde_json::{Value, json};

/// What a case of the table says; the rest is the same for all.
struct Case {
    objectives: Value,
    every: &'static [&'static str],
    /// Bandwidths of the preferred site and of the target.
    bandwidth: [Option<&'static str>; 2],
    components: Value,
    planned: bool,
    /// The uses of further vaults; each named vault exists, in a failure domain of its name.
    copies: Value,
    transfer: Option<&'static str>,
    hooks: Value,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            objectives: json!({"rpo": "75m"}),
            every: &["1h"],
            bandwidth: [Some("50Mi/s"), Some("20Mi/s")],
            components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"size": "4Gi", "changeRate": "500Mi/d"}}]),
            planned: true,
            copies: json!([]),
            transfer: None,
            hooks: json!([]),
        }
    }
}

fn model_of(documents: &[(&str, &str, Value)]) -> Model {
    let mut sources = Sources::new();
    for (kind, name, spec) in documents {
        let document = json!({"apiVersion": "dram.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        sources.add(format!("{kind}-{name}.json"), document.to_string());
    }
    let checked = check(&sources);
    let said: Vec<&str> = checked
        .diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    checked.model.unwrap_or_else(|| unreachable!("{said:#?}"))
}

impl Case {
    fn model(&self) -> Model {
        let site = |name: &str, bandwidth: Option<&str>| {
            let mut spec = json!({"host": {}, "failureDomain": name});
            if let Some(bandwidth) = bandwidth {
                spec["bandwidth"] = json!(bandwidth);
            }
            spec
        };
        let mut policy = json!({"objectives": self.objectives, "vaults": [{"name": "nas"}]});
        if let Some(transfer) = self.transfer {
            policy["transfer"] = json!({"bandwidth": transfer});
        }
        let copies = self.copies.as_array().unwrap();
        policy["vaults"].as_array_mut().unwrap().extend(copies.iter().cloned());
        if !self.every.is_empty() {
            policy["schedule"] = self.every.iter().map(|every| json!({"every": every})).collect();
        }
        let vault = json!({"directory": {"path": "/v"}, "failureDomain": "nas", "password": {"file": "/k"}});
        let application = json!({"site": "office", "policy": "p", "components": self.components, "hooks": self.hooks});
        let names: Vec<&str> = copies.iter().map(|used| used["name"].as_str().unwrap()).collect();
        let mut documents: Vec<(&str, &str, Value)> = vec![
            ("RecoverySite", "office", site("office", self.bandwidth[0])),
            ("RecoverySite", "branch", site("branch", self.bandwidth[1])),
            ("Vault", "nas", vault),
            ("ProtectionPolicy", "p", policy),
            ("Application", "shop", application),
        ];
        for name in names {
            let vault =
                json!({"directory": {"path": format!("/{name}")}, "failureDomain": name, "password": {"file": "/k"}});
            documents.push(("Vault", name, vault));
        }
        if self.planned {
            documents.push((
                "RecoveryPlan",
                "shop",
                json!({"applications": {"names": ["shop"]}, "targets": [{"site": "branch"}]}),
            ));
        }
        model_of(&documents)
    }

    fn report(&self) -> Report {
        prove(&self.model())
    }

    fn rpo(&self) -> Proof {
        self.report().applications[0].recovery_point.clone()
    }

    fn rto(&self) -> Proof {
        self.report().applications[0].recovery_time[0].proof.clone()
    }
}

fn seconds(proof: &Proof) -> Vec<u64> {
    proof.terms.iter().map(|term| term.seconds).collect()
}

#[test]
fn a_freeze_is_as_long_as_it_may_be() {
    let case = |hooks: Value, most: &str| Case {
        objectives: json!({"rpo": "75m", "maxFreeze": most}),
        hooks,
        ..Case::default()
    };
    let rests = || json!([{"at": "before-freeze", "run": ["rest"]}, {"at": "after-thaw", "run": ["go"]}]);
    let proof = case(rests(), "2m").rpo();
    // Whatever is frozen may be for 120 s, and the point is of their beginning.
    assert_eq!(seconds(&proof), [3600, 120, 1, 5]);
    assert_eq!((proof.verdict, proof.worst_case), (Verdict::Met, 3726));
    let long = case(rests(), "15m").rpo();
    assert_eq!((long.verdict, long.worst_case), (Verdict::NotMet, 4506));
    // 75m leave 4500 − 900 − 6 = 3594 s between firings: 59 full minutes.
    assert_eq!(long.help.as_deref(), Some("`every: 59m` could meet it"));
    assert_eq!(
        seconds(&case(json!([]), "15m").rpo()),
        [3600, 1, 5],
        "nothing is frozen"
    );
}

#[test]
fn an_objective_that_holds() {
    // 500 MiB a day are 20.8 MiB in an hour; at 50 MiB/s they take 0.42 s, rounded up.
    let proof = Case::default().rpo();
    assert_eq!(
        (proof.verdict, proof.worst_case, seconds(&proof)),
        (Verdict::Met, 3606, vec![3600, 1, 5])
    );
    assert_eq!(
        proof.sum(),
        "1h (gap between firings) + 1s (move what changed) + 5s (seal)"
    );
    assert!(!Case::default().report().fails());
}

#[test]
fn the_policy_alone_decides() {
    let case = Case {
        objectives: json!({"rpo": "5m"}),
        ..Case::default()
    };
    let proof = case.rpo();
    assert_eq!(
        (proof.verdict, proof.decides, proof.worst_case),
        (Verdict::NotMet, Decides::PolicyAlone, 3605)
    );
    assert_eq!(proof.help.as_deref(), Some("`every: 4m` could meet it"));
    // Said once, at the policy, although an application is under it.
    assert_eq!(case.report().diagnostics(&case.model()).len(), 1);
}

/// A policy that protects nothing yet is refused as well.
#[test]
fn a_policy_without_applications_is_proved() {
    let vault = json!({"directory": {"path": "/v"}, "failureDomain": "nas", "password": {"file": "/k"}});
    let policy = json!({"objectives": {"rpo": "5m"}, "schedule": [{"every": "1h"}], "vaults": [{"name": "nas"}]});
    let model = model_of(&[("Vault", "nas", vault), ("ProtectionPolicy", "p", policy)]);
    let report = prove(&model);
    assert!(report.fails());
    assert_eq!(report.diagnostics(&model).len(), 1);
    assert!(
        report.to_text().contains("policy p, which protects nothing yet"),
        "{}",
        report.to_text()
    );
    assert_eq!(report.to_json()[0]["rpo"]["verdict"], "not met");
}

#[test]
fn the_parts_together_decide() {
    // 10 GiB a day are 426.7 MiB in an hour: 427 s at 1 MiB/s. In 54 minutes 384 s: 3240 + 384 + 5 ≤ 3660.
    let case = Case {
        objectives: json!({"rpo": "61m"}),
        bandwidth: [Some("1Mi/s"), None],
        components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"changeRate": "10Gi/d"}}]),
        ..Case::default()
    };
    let proof = case.rpo();
    assert_eq!(
        (proof.verdict, proof.decides, seconds(&proof)),
        (Verdict::NotMet, Decides::Together, vec![3600, 427, 5])
    );
    assert_eq!(proof.help.as_deref(), Some("`every: 54m` could meet it"));
    assert!(case.report().fails());
}

#[test]
fn moving_that_never_ends_is_refused() {
    let case = Case {
        objectives: json!({"rpo": "1d"}),
        bandwidth: [Some("1Mi/s"), None],
        components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"changeRate": "2Mi/s"}}]),
        ..Case::default()
    };
    let proof = case.rpo();
    assert_eq!(
        (proof.verdict, proof.too_slow, seconds(&proof)),
        (Verdict::NotMet, true, vec![3600, 7200, 5])
    );
    assert_eq!(
        proof.help.as_deref(),
        Some("no schedule could meet 1d: raise the bandwidth or the objective")
    );
    // Sealing takes its part of the gap: 6 s of moving and 5 s of sealing do not fit into 10 s.
    let case = Case {
        objectives: json!({"rpo": "1d"}),
        every: &["10s"],
        bandwidth: [Some("10Mi/s"), None],
        components: json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"changeRate": "6Mi/s"}}]),
        ..Case::default()
    };
    assert!(case.rpo().too_slow);
    assert_eq!(
        Case {
            every: &["13s"],
            ..case
        }
        .rpo()
        .verdict,
        Verdict::Met
    );
}

#[test]
fn what_is_missing_is_an_assumption() {
    let case = Case {
        objectives: json!({"rpo": "75m", "rto": "30m"}),
        bandwidth: [None, None],
        components: json!([{"name": "web", "host": {"paths": ["/a"], "dump": {"command": {"run": ["d"]}, "restore": {"run": ["l"]}}}}]),
        ..Case::default()
    };
    let report = case.report();
    assert!(!report.fails() && report.is_unproven());
    assert_eq!((case.rpo().verdict, case.rpo().worst_case), (Verdict::Unproven, 3605));
    assert_eq!(
        case.rpo().assumptions,
        [
            "component `web` states no `data.changeRate`: its files and dump count as unchanging",
            "site `office` states no `bandwidth`: moving counts as instant",
        ]
    );
    assert_eq!(
        case.rto().assumptions,
        [
            "component `web` states no `data.size`: its files and dump count as nothing",
            "site `branch` states no `bandwidth`: moving counts as instant",
        ]
    );
    // What does not hold without them does not hold with them: no assumption turns "not met" into "unproven".
    assert_eq!(
        Case {
            objectives: json!({"rpo": "30m"}),
            ..case
        }
        .rpo()
        .verdict,
        Verdict::NotMet
    );
    // A component without data needs no hints.
    let idle = json!([{"name": "web", "host": {"service": {"start": {"run": ["s"]}}}}]);
    assert_eq!(
        Case {
            components: idle,
            ..Case::default()
        }
        .rpo()
        .verdict,
        Verdict::Met
    );
}

#[test]
fn a_schedule_is_derived() {
    for (rpo, every) in [
        ("75m", 74 * 60),
        ("1h", 59 * 60),
        ("2m", 60),
        ("1m", 54),
        ("30s", 24),
        ("12s", 6),
    ] {
        let proof = Case {
            objectives: json!({"rpo": rpo}),
            every: &[],
            ..Case::default()
        }
        .rpo();
        assert_eq!((proof.verdict, proof.terms[0].seconds), (Verdict::Met, every), "{rpo}");
    }
    for rpo in ["1s", "5s", "9s", "11s"] {
        assert_eq!(
            Case {
                objectives: json!({"rpo": rpo}),
                every: &[],
                ..Case::default()
            }
            .rpo()
            .verdict,
            Verdict::NotMet,
            "{rpo}"
        );
    }
}

/// Of several schedules the shortest bounds the gap.
#[test]
fn several_schedules_together() {
    assert_eq!(
        seconds(
            &Case {
                every: &["1d", "40m", "1h"],
                ..Case::default()
            }
            .rpo()
        )[0],
        2400
    );
}

#[test]
fn recovery_follows_the_longest_chain() {
    let health =
        |seconds: u32| json!([{"exec": {"run": ["true"]}, "startPeriod": format!("{seconds}s"), "timeout": "5s"}]);
    let part = |name: &str, after: &[&str], wait: u32| {
        json!({"name": name, "after": after, "host": {"paths": [format!("/{name}")]}, "health": health(wait),
               "data": {"size": "1Gi", "changeRate": "1Mi/d"}})
    };
    let case = Case {
        objectives: json!({"rpo": "75m", "rto": "30m"}),
        components: json!([
            part("web", &["api", "cache"], 20),
            part("api", &["db"], 60),
            part("cache", &[], 100),
            part("db", &[], 50),
            part("mail", &[], 10),
        ]),
        ..Case::default()
    };
    // 5 GiB at 20 MiB/s are 256 s. db 55 + api 65 + web 25 = 145 is longer than cache 105 + web 25.
    let proof = case.rto();
    assert_eq!((proof.verdict, seconds(&proof)), (Verdict::Met, vec![256, 145]));
    assert_eq!(proof.terms[1].because, "longest chain: db → api → web");
    // Without a plan it comes back at home, at that site's bandwidth.
    let home = Case { planned: false, ..case };
    assert_eq!(seconds(&home.rto()), [103, 145]);
    assert_eq!(home.report().applications[0].recovery_time[0].plan, None);
}

/// The way out leads out.
#[test]
fn the_advice_is_enough() {
    for (rto, size) in [("30m", "4Gi"), ("2m", "999Gi"), ("100s", "1234567"), ("61s", "3Ki")] {
        let components =
            json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"size": size, "changeRate": "1Mi/d"}}]);
        let case = Case {
            objectives: json!({"rpo": "75m", "rto": rto}),
            bandwidth: [Some("1Gi/s"), Some("1/h")],
            components,
            ..Case::default()
        };
        let help = case.rto().help.unwrap();
        let rate = help
            .strip_prefix("a bandwidth of ")
            .and_then(|rest| rest.strip_suffix(" at the target could meet it"))
            .unwrap();
        let better = Case {
            bandwidth: [Some("1Gi/s"), Some(String::leak(rate.to_owned()))],
            ..case
        };
        assert_eq!(better.rto().verdict, Verdict::Met, "{help}");
    }
    let slow = json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"size": "1Gi", "changeRate": "1Mi/d"},
                       "health": [{"exec": {"run": ["true"]}, "startPeriod": "1h"}]}]);
    let case = Case {
        objectives: json!({"rpo": "75m", "rto": "30m"}),
        components: slow,
        ..Case::default()
    };
    assert_eq!(
        case.rto().help.as_deref(),
        Some("start and health alone may take 1h 5s: shorten `startPeriod` or the chain of `after`")
    );
}

#[test]
fn durations_read_well() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3606, "1h 6s"),
        (90_061, "1d 1h 1m 1s"),
        (604_800, "7d"),
    ] {
        assert_eq!(duration_text(seconds), text);
    }
}
