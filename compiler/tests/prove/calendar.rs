//! Objectives under schedules of the real calendar.

use crate::{model_of, seconds};
use dram_compiler::calendar::Calendar;
use dram_compiler::derive::SEAL;
use dram_compiler::model::{Model, Rate};
use dram_compiler::prove::{Proof, Verdict, prove};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn model(rpo: &str, schedule: &Value, bandwidth: &str, change: &str, copies: usize) -> Model {
    let vault = |name: &str| json!({"directory": {"path": format!("/{name}")}, "failureDomain": name, "password": {"file": "/k"}});
    let names: Vec<String> = (0..=copies).map(|number| format!("v{number}")).collect();
    let used: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let components = json!([{"name": "web", "host": {"paths": ["/a"]}, "data": {"size": "1Gi", "changeRate": change}}]);
    let mut documents = vec![
        (
            "RecoverySite",
            "office",
            json!({"host": {}, "failureDomain": "office", "bandwidth": bandwidth}),
        ),
        (
            "ProtectionPolicy",
            "p",
            json!({"objectives": {"rpo": rpo}, "schedule": schedule, "vaults": used}),
        ),
        (
            "Application",
            "shop",
            json!({"site": "office", "policy": "p", "components": components}),
        ),
    ];
    documents.extend(names.iter().map(|name| ("Vault", &**name, vault(name))));
    model_of(&documents)
}

fn proof(model: &Model) -> Proof {
    prove(model).applications[0].recovery_point.clone()
}

fn terms(proof: &Proof) -> Vec<(&'static str, u64, &str)> {
    let terms = proof.terms.iter();
    terms
        .map(|term| (term.what, term.seconds, term.because.as_str()))
        .collect()
}

#[test]
fn the_day_on_which_clocks_are_put_back_decides() {
    let schedule = json!([{"cron": "30 2 * * *", "timezone": "Europe/Berlin", "jitter": "10m"}]);
    let proof = proof(&model("26h", &schedule, "50Mi/s", "500Mi/d", 0));
    // 500 MiB a day are 524.3 MiB in 25 h 10 m; at 50 MiB/s they take 10.5 s.
    assert_eq!(
        terms(&proof),
        [
            (
                "gap between firings",
                90_000,
                "2026-10-25 02:30 to 2026-10-26 02:30, Europe/Berlin time"
            ),
            ("jitter", 600, "the firing after the gap acts later by up to so much"),
            ("move what changed", 11, "524.3Mi at 50Mi/s from site `office`"),
            ("seal", 5, "an allowance"),
        ]
    );
    assert_eq!((proof.verdict, proof.worst_case), (Verdict::Met, 90_616));
    assert_eq!(
        proof.sum(),
        "1d 1h (gap between firings) + 10m (jitter) + 11s (move what changed) + 5s (seal)"
    );
}

#[test]
fn what_may_be_skipped_is_an_assumption() {
    let schedule = json!([{"every": "1h", "missed": "skip"}]);
    let proof = proof(&model("2h", &schedule, "50Mi/s", "500Mi/d", 0));
    assert_eq!(proof.verdict, Verdict::Unproven);
    assert_eq!(
        proof.assumptions,
        ["an engine serves whenever the schedule fires: what it misses is skipped (`missed: skip`)"]
    );
    assert_eq!(seconds(&proof), [3600, 1, 5]);
}

#[test]
fn firings_that_a_run_outlasts_are_skipped_and_that_is_counted() {
    // Every minute from 22:00 to 22:02; what changes in a day takes 100 s at 5 MiB/s.
    let schedule = json!([{"cron": "* * * * *", "window": {"from": "22:00", "to": "22:03"}}]);
    let slow = proof(&model("2d", &schedule, "5Mi/s", "500Mi/d", 0));
    // 23 h 58 m and 105 s make 499.9 MiB: 100 s again.
    assert_eq!(seconds(&slow), [86_280, 105, 100, 5]);
    assert_eq!(slow.terms[1].what, "skipped firings");
    // With room for the run before the next firing nothing is skipped.
    let fast = proof(&model("2d", &schedule, "50Mi/s", "500Mi/d", 0));
    assert_eq!(seconds(&fast), [86_280, 10, 5]);
    // More changes in a day than can be moved in one.
    let never = proof(&model("2d", &schedule, "5Mi/s", "500Gi/d", 0));
    assert!(never.too_slow && never.verdict == Verdict::NotMet);
}

#[test]
fn a_schedule_beside_an_interval_never_makes_the_gap_longer() {
    let schedule = json!([{"every": "1h"}, {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}]);
    assert_eq!(
        seconds(&proof(&model("75m", &schedule, "50Mi/s", "500Mi/d", 0)))[0],
        3600
    );
    // 02:30 stands between 00:00 and 12:00, but not between 12:00 and 24:00.
    let schedule = json!([{"every": "12h"}, {"cron": "30 2 * * *"}]);
    let proof = proof(&model("1d", &schedule, "50Mi/s", "500Mi/d", 0));
    assert_eq!(terms(&proof)[0].1, 43_200);
    assert_eq!(terms(&proof)[0].2, "2026-01-01 12:00 to 2026-01-02 00:00, UTC time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A hundred days around both days on which clocks are put forward or back: for every moment of a loss, what is lost
    /// is no older than the proof says.
    #[test]
    fn no_loss_exceeds_the_proof(
        crons in prop::collection::vec((0..60_u8, 0..24_u8, "(\\*|1-5|0,3)"), 1..3),
        dense in prop::option::of((0..24_u8, 1..30_u8)),
        change in 1..3_000_u32,
        copies in 0..2_usize,
        jitter in 0..600_u64,
        late in 0.0..1.0_f64,
        from in prop::sample::select(vec!["2026-02-01T00:00:00Z", "2026-09-01T00:00:00Z"]),
    ) {
        let mut schedule: Vec<Value> = crons
            .iter()
            .map(|(minute, hour, days)| json!({"cron": format!("{minute} {hour} * * {days}"), "timezone": "Europe/Berlin"}))
            .collect();
        if let Some((hour, step)) = dense {
            schedule.push(json!({"cron": format!("*/{step} {hour} * * *"), "timezone": "America/New_York"}));
        } else if let Some(first) = schedule.first_mut().filter(|_| crons.len() == 1 && jitter > 0) {
            first["jitter"] = json!(format!("{jitter}s"));
        }
        let change = format!("{change}Mi/d");
        let model = model("5d", &schedule.into(), "100Ki/s", &change, copies);
        let proof = proof(&model);
        prop_assume!(!proof.too_slow);
        let calendar = Calendar::of(&model.policies().get("p").unwrap().schedule).unwrap();
        let from: Timestamp = from.parse().unwrap();
        let until = from + jiff::SignedDuration::from_hours(100 * 24);
        let day = 86_400;
        let speed = change.parse::<Rate>().unwrap().bytes_in(day) as f64 / day as f64;
        let bandwidth = 102_400.0;
        let mut began: Option<f64> = None;
        let mut free = 0.0_f64;
        for firing in calendar.between(from, until) {
            let acts = firing.at.as_second() as f64 + late * firing.jitter as f64;
            // What comes while a run is at work is skipped.
            if acts < free {
                continue;
            }
            if let Some(before) = began {
                let moving = speed * (acts - before) / bandwidth;
                let making = moving + SEAL.seconds as f64;
                // A loss just before the seal falls back to the point before it.
                let lost = acts + making - before;
                prop_assert!(lost <= proof.worst_case as f64 + 1e-6, "{} is lost at {}, proved {}", lost, firing.at, proof.worst_case);
                free = acts + making * (copies as f64 + 1.0);
            }
            began = Some(acts);
        }
        prop_assert!(began.is_some());
    }
}
