//! The proof against simulated time: whatever happens within the hints, no more is lost and nothing takes longer.

use crate::Case;
use dram_compiler::derive::{Moves, SEAL, longest_interval, moving};
use dram_compiler::model::{Duration, Rate};
use dram_compiler::prove::{Decides, Loads, Subject, Verdict, recovery_point_of_copy};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rate() -> impl Strategy<Value = String> {
    (
        1u64..3_000,
        prop::sample::select(vec!["", "Ki", "Mi", "Gi"]),
        prop::sample::select(vec!["s", "m", "h", "d", "w"]),
    )
        .prop_map(|(amount, unit, time)| format!("{amount}{unit}/{time}"))
}

/// Rates that are near to each other, so that what changes and what can be moved are often nearly the same.
fn near() -> impl Strategy<Value = String> {
    (100u64..2_000).prop_map(|amount| format!("{amount}Ki/s"))
}

fn parsed(rates: &[String]) -> Vec<Rate> {
    rates.iter().map(|rate| rate.parse().unwrap()).collect()
}

/// Bytes a second.
fn speed(rate: &str) -> f64 {
    rate.parse::<Rate>().unwrap().bytes_in(604_800) as f64 / 604_800.0
}

/// A point of simulated time.
#[derive(Debug, Clone)]
struct Made {
    began: f64,
    sealed: f64,
    /// When its copy in each further vault was sealed.
    copied: Vec<Option<f64>>,
    /// Seconds to move what changed since the one before.
    moving: f64,
}

/// Points are made at the firings of the schedules, one run after the other: each begins when it is due and the one
/// before has ended, moves what changed since the one before began, and is sealed. Then what is due is copied to each
/// further vault in turn, the oldest first.
fn points(every: &[u64], delays: &[u64], change: f64, bandwidth: f64, until: f64) -> Vec<Made> {
    let mut made = vec![Made {
        began: 0.0,
        sealed: 0.0,
        copied: vec![Some(0.0); delays.len()],
        moving: 0.0,
    }];
    let (mut began, mut ended) = (0.0_f64, 0.0_f64);
    loop {
        // The first firing after the last begin; when it passed while a point was made, it is made up for at once.
        let due = every
            .iter()
            .map(|every| ((began / *every as f64).floor() + 1.0) * *every as f64)
            .fold(f64::MAX, f64::min);
        let now = due.max(ended);
        if now > until {
            return made;
        }
        let moving = change * (now - began) / bandwidth;
        let sealed = now + moving + SEAL.seconds as f64;
        began = now;
        made.push(Made {
            began,
            sealed,
            copied: vec![None; delays.len()],
            moving,
        });
        ended = sealed;
        for (vault, delay) in delays.iter().enumerate() {
            // Delayed ones wait in the order in which they were sealed: from the first that is missing on.
            let missing = made
                .iter()
                .rposition(|point| point.copied[vault].is_some())
                .map_or(0, |at| at + 1);
            for point in &mut made[missing..] {
                if point.sealed + *delay as f64 <= sealed {
                    ended += point.moving + SEAL.seconds as f64;
                    point.copied[vault] = Some(ended);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// For every moment of a loss, what is lost is no older than the proof says.
    #[test]
    fn no_loss_exceeds_the_proof(
        every in prop::collection::vec(prop_oneof![1u64..40, 1u64..20_000], 0..3),
        rpo in prop_oneof![1u64..200, 1u64..60_000],
        changes in prop::collection::vec(near(), 1..4),
        bandwidth in near(),
        delays in prop::collection::vec(prop_oneof![Just(0u64), 1u64..40, 1u64..50_000], 0..3),
        losses in prop::collection::vec(0.0f64..1.0, 1..30),
    ) {
        let components: Vec<Value> = changes
            .iter()
            .enumerate()
            .map(|(n, rate)| json!({"name": format!("c{n}"), "host": {"paths": ["/a"]}, "data": {"size": "1Gi", "changeRate": rate}}))
            .collect();
        let stated: Vec<&str> = every.iter().map(|every| &*String::leak(format!("{every}s"))).collect();
        let case = Case {
            objectives: json!({"rpo": format!("{rpo}s")}),
            every: stated.leak(),
            bandwidth: [Some(String::leak(bandwidth.clone())), None],
            components: components.into(),
            planned: false,
            copies: delays
                .iter()
                .enumerate()
                .map(|(n, delay)| match delay {
                    0 => json!({"name": format!("v{n}")}),
                    delay => json!({"name": format!("v{n}"), "delay": format!("{delay}s")}),
                })
                .collect(),
            ..Case::default()
        };
        let proof = case.rpo();
        let irregular = every.len() > 1 && delays.iter().any(|delay| *delay > 0);
        prop_assert_eq!(proof.decides == Decides::Together && !proof.assumptions.is_empty(), irregular && proof.decides == Decides::Together);
        if irregular || proof.too_slow || proof.decides == Decides::PolicyAlone || (every.is_empty() && proof.verdict == Verdict::NotMet) {
            return Ok(());
        }
        let every = if every.is_empty() { vec![proof.terms[0].seconds] } else { every };
        let change: f64 = changes.iter().map(|rate| speed(rate)).sum();
        let until = *every.iter().min().unwrap() as f64 * 100.0;
        let until = until + delays.iter().max().copied().unwrap_or_default() as f64;
        let points = points(&every, &delays, change, speed(&bandwidth), until.min(*every.iter().min().unwrap() as f64 * 3_000.0));
        let last = points.last().unwrap().sealed;
        // At chosen moments, and at the worst ones: just before a seal is complete.
        let chosen = losses.iter().map(|part| part * last);
        let worst = points.iter().map(|point| point.sealed - 1e-9);
        for loss in chosen.chain(worst).filter(|loss| *loss >= 0.0) {
            let newest = points.iter().rev().find(|point| point.sealed <= loss).map_or(0.0, |point| point.began);
            prop_assert!(loss - newest <= proof.worst_case as f64 + 1e-6, "at {loss} {} is lost, proved {}", loss - newest, proof.worst_case);
            if proof.verdict == Verdict::Met {
                prop_assert!(loss - newest <= rpo as f64 + 1e-6);
            }
        }
        // The primary vault is lost as well: each further vault keeps what is proved of it.
        let model = case.model();
        let (application, policy) = (model.applications().get("shop").unwrap(), model.policies().get("p").unwrap());
        for vault in 0..delays.len() {
            let (name, labels) = ("shop".parse().unwrap(), Default::default());
            let subject = Subject::new((&name, &labels), application, policy, model.sites().get_key_value("office"));
            let proof = recovery_point_of_copy(&subject, &Loads::none(), vault + 1).unwrap();
            for loss in points.iter().filter_map(|point| point.copied[vault]).map(|sealed| sealed - 1e-9).filter(|loss| *loss >= 0.0) {
                let newest = points.iter().rev().find(|point| point.copied[vault].is_some_and(|sealed| sealed <= loss));
                let lost = loss - newest.map_or(0.0, |point| point.began);
                prop_assert!(lost <= proof.worst_case as f64 + 1e-6, "at {loss} {lost} is lost with vault {vault}, proved {}", proof.worst_case);
            }
        }
    }

    /// Whatever each step takes within its bounds, recovery takes no longer than the proof says.
    #[test]
    fn no_recovery_exceeds_the_proof(
        parts in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0u64..5_000, 0u64..600, 1u64..60, 0.0f64..=1.0), 1..12),
        bandwidth in rate(),
    ) {
        // Each waits only for those before it; the model lists them the other way round.
        let name = |n: usize| format!("c{n}");
        let after = |n: usize, picks: &[prop::sample::Index]| -> Vec<usize> {
            if n == 0 { Vec::new() } else { picks.iter().map(|pick| pick.index(n)).collect() }
        };
        let components: Vec<Value> = parts
            .iter()
            .enumerate()
            .rev()
            .map(|(n, (picks, size, wait, timeout, _))| json!({
                "name": name(n), "after": after(n, picks).into_iter().map(name).collect::<Vec<_>>(),
                "host": {"paths": ["/a"]}, "data": {"size": format!("{size}Ki"), "changeRate": "1/w"},
                "health": [{"exec": {"run": ["true"]}, "startPeriod": format!("{wait}s"), "timeout": format!("{timeout}s")}],
            }))
            .collect();
        let case = Case {
            objectives: json!({"rpo": "1h", "rto": "1h"}),
            bandwidth: [Some("1Gi/s"), Some(String::leak(bandwidth.clone()))],
            components: components.into(),
            ..Case::default()
        };
        let proof = case.rto();
        let bytes: u64 = parts.iter().map(|(_, size, ..)| size * 1024).sum();
        let mut up: Vec<f64> = Vec::new();
        for (n, (picks, _, wait, timeout, part)) in parts.iter().enumerate() {
            let begin = after(n, picks).into_iter().map(|before| up[before]).fold(0.0, f64::max);
            up.push(begin + (wait + timeout) as f64 * part);
        }
        let took = bytes as f64 / speed(&bandwidth) + up.into_iter().fold(0.0, f64::max);
        prop_assert!(took <= proof.worst_case as f64 + 1e-6, "took {took}, proved {}", proof.worst_case);
        prop_assert_eq!(proof.verdict == Verdict::Met, proof.worst_case <= 3600);
    }

    /// No longer interval fits, except that whole minutes are preferred.
    #[test]
    fn the_longest_interval_is_the_longest(rpo in 0u64..3_000, changes in prop::collection::vec(rate(), 0..3), bandwidth in prop::option::of(rate()), freeze in 0u64..90, copies in 0u64..3) {
        let changes = parsed(&changes);
        let bandwidth: Option<Rate> = bandwidth.map(|rate| rate.parse().unwrap());
        let fits = |every: &u64| {
            let making = moving(&changes, bandwidth, Duration::seconds(*every)).saturating_add(SEAL.seconds);
            every.saturating_add(making).saturating_add(freeze) <= rpo
                && making.saturating_mul(copies + 1).saturating_add(freeze) <= *every
        };
        let longest = (1..=rpo).rev().find(fits);
        let minutes = longest.map(|every| every - every % 60).filter(|every| *every > 0 && fits(every));
        prop_assert_eq!(
            longest_interval(Duration::seconds(rpo), &Moves { changes, line: bandwidth, ..Moves::default() }, Duration::seconds(freeze), copies),
            minutes.or(longest).map(Duration::seconds)
        );
    }

    /// The extremes of every number give an answer.
    #[test]
    fn no_objective_overflows(rpo in any::<u64>(), change in any::<u64>(), bandwidth in any::<u64>(), freeze in any::<u64>(), unit in prop::sample::select(vec!["s", "w"])) {
        let rate = |amount: u64| format!("{amount}/{unit}").parse::<Rate>().unwrap();
        let moves = Moves { changes: vec![rate(change), rate(change)], line: Some(rate(bandwidth)), ..Moves::default() };
        let every = longest_interval(Duration::seconds(rpo), &moves, Duration::seconds(freeze), bandwidth);
        prop_assert!(every.is_none_or(|every| every.seconds <= rpo));
    }
}
