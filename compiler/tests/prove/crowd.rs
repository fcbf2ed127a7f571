//! The proof against simulated time, where several applications share the line of a site, whoever is served first.
//!
//! `DRAM_SIMULATIONS` names how many models live through it; the runs before a release have 100,000.
#![expect(
    clippy::disallowed_methods,
    reason = "the length of the run is named by the environment"
)]

use crate::model_of;
use dram_compiler::derive::SEAL;
use dram_compiler::model::Model;
use dram_compiler::prove::{ApplicationProof, PrimaryLost, prove};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Moments of a loss in each model, beside the worst ones.
const MOMENTS: usize = 40;

fn config() -> ProptestConfig {
    let models = std::env::var("DRAM_SIMULATIONS").ok();
    ProptestConfig::with_cases(models.map_or(300, |models| models.parse().unwrap()))
}

/// An application as the proof reads it and as time goes by.
#[derive(Debug, Clone)]
struct Plan {
    /// Seconds between firings, and by how much they may act later.
    every: u64,
    jitter: u64,
    /// Its part of what may change in all, in thousandths of the line.
    change: u64,
    /// Thousandths of the line that it takes at most.
    cap: Option<u64>,
    /// The delays of its copies.
    delays: Vec<u64>,
    size: u64,
}

fn one() -> impl Strategy<Value = Plan> {
    let every = prop_oneof![
        12u64..60,
        60u64..600,
        prop::sample::select(vec![60, 120, 180, 240, 360, 600])
    ];
    let cap = prop_oneof![3 => Just(None), 2 => (50u64..1_200).prop_map(Some)];
    let delay = prop_oneof![2 => Just(0u64), 1 => 1u64..900];
    (
        every,
        prop_oneof![3 => Just(0.0), 1 => 0.0f64..0.9],
        1u64..1_000,
        cap,
        prop::collection::vec(delay, 0..3),
        1u64..5_000,
    )
        .prop_map(|(every, jitter, change, cap, delays, size)| Plan {
            every,
            // What several delayed points of one run take is an assumption of the proof where firings wander.
            jitter: if delays.iter().all(|delay| *delay == 0) {
                (every as f64 * jitter) as u64
            } else {
                0
            },
            change,
            cap,
            delays,
            size,
        })
}

/// Who is served first.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Somebody else each time.
    Random,
    /// Always the same one comes last.
    Last(usize),
    /// Whoever came first.
    Arrival,
    /// All alike.
    Fair,
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::Random),
        (0usize..6).prop_map(Order::Last),
        Just(Order::Arrival),
        Just(Order::Fair)
    ]
}

/// A generator of numbers that needs no memory of what was drawn: the same for one seed.
struct Dice(u64);

impl Dice {
    fn part(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How fast each of those who have something to move does so: nobody faster than its cap, all together no faster than the
/// line, and the line rests only where nobody could take more.
fn shares(order: Order, moving: &[(usize, f64, f64)], line: f64, dice: &mut Dice) -> Vec<(usize, f64)> {
    let mut queue = moving.to_vec();
    let mut left = line;
    match order {
        Order::Random => {
            for last in (1..queue.len()).rev() {
                queue.swap(last, (dice.part() * (last + 1) as f64) as usize);
            }
        }
        Order::Last(who) => queue.sort_by_key(|(name, ..)| *name == who),
        Order::Arrival => queue.sort_by(|one, other| one.2.total_cmp(&other.2)),
        Order::Fair => queue.sort_by(|one, other| one.1.total_cmp(&other.1)),
    }
    let count = queue.len();
    let share = |(position, (name, cap, _)): (usize, (usize, f64, f64))| {
        let most = match order {
            Order::Fair => left / (count - position) as f64,
            _ => left,
        };
        let rate = cap.min(most);
        left -= rate;
        (name, rate)
    };
    queue.into_iter().enumerate().map(share).collect()
}

#[derive(Debug, Clone)]
struct Made {
    began: f64,
    bytes: f64,
    sealed: Option<f64>,
    copied: Vec<Option<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Rest,
    /// Bytes that are left, and since when.
    Move(f64, f64),
    Seal(f64),
}

/// An application in simulated time.
struct Life {
    change: f64,
    cap: f64,
    plan: Plan,
    made: Vec<Made>,
    step: Step,
    /// The copies that the run at work still makes: which point, to which vault.
    copies: Vec<(usize, usize)>,
    /// What is being made: a point, or a copy.
    making: (usize, Option<usize>),
    firing: u64,
    due: f64,
}

impl Life {
    fn new(plan: &Plan, change: f64, cap: f64) -> Self {
        Self {
            change,
            cap,
            made: vec![Made {
                began: 0.0,
                bytes: 0.0,
                sealed: Some(0.0),
                copied: vec![Some(0.0); plan.delays.len()],
            }],
            plan: plan.clone(),
            step: Step::Rest,
            copies: Vec::new(),
            making: (0, None),
            firing: 1,
            due: plan.every as f64,
        }
    }

    /// When something happens to it by itself.
    fn next(&self) -> f64 {
        match self.step {
            Step::Seal(until) => until.min(self.due),
            Step::Rest | Step::Move(..) => self.due,
        }
    }

    fn act(&mut self, now: f64, dice: &mut Dice) {
        if let Step::Seal(until) = self.step
            && until <= now
        {
            self.sealed(until);
        }
        if self.due <= now {
            // What fires while a run is at work is skipped.
            if self.step == Step::Rest {
                let newest = self.made.last().unwrap().began;
                let part = if dice.part() < 0.3 { dice.part() } else { 1.0 };
                let bytes = self.change * (now - newest) * part;
                let copied = vec![None; self.plan.delays.len()];
                self.made.push(Made {
                    began: now,
                    bytes,
                    sealed: None,
                    copied,
                });
                self.making = (self.made.len() - 1, None);
                self.step = Step::Move(bytes, now);
            }
            self.firing += 1;
            self.due = self.firing as f64 * self.plan.every as f64 + self.plan.jitter as f64 * dice.part();
        }
    }

    fn sealed(&mut self, now: f64) {
        match self.making {
            (point, None) => {
                self.made[point].sealed = Some(now);
                for (vault, delay) in self.plan.delays.iter().enumerate() {
                    let is_due = |point: &Made| point.copied[vault].is_none() && point.began + *delay as f64 <= now;
                    let due = (0..self.made.len()).filter(|index| is_due(&self.made[*index]));
                    self.copies.extend(due.map(|index| (index, vault)));
                }
                self.copies.reverse();
            }
            (point, Some(vault)) => self.made[point].copied[vault] = Some(now),
        }
        self.step = match self.copies.pop() {
            Some((point, vault)) => {
                self.making = (point, Some(vault));
                Step::Move(self.made[point].bytes, now)
            }
            None => Step::Rest,
        };
    }
}

/// All of them on one line, until a moment.
fn live(lives: &mut [Life], line: f64, order: Order, until: f64, dice: &mut Dice) {
    let mut now = 0.0_f64;
    loop {
        let moving: Vec<(usize, f64, f64)> = lives
            .iter()
            .enumerate()
            .filter_map(|(name, life)| match life.step {
                Step::Move(_, since) => Some((name, life.cap, since)),
                Step::Rest | Step::Seal(_) => None,
            })
            .collect();
        let shares = shares(order, &moving, line, dice);
        let mut next = lives.iter().map(Life::next).fold(f64::MAX, f64::min);
        for (name, rate) in &shares {
            if let Step::Move(left, _) = lives[*name].step
                && *rate > 0.0
            {
                next = next.min(now + left / rate);
            }
        }
        if matches!(order, Order::Random) && !moving.is_empty() {
            // Another order at any time.
            next = next.min(now + 1.0 + dice.part() * 30.0);
        }
        if next > until {
            return;
        }
        let passed = (next - now).max(0.0);
        now = next;
        for (name, rate) in shares {
            if let Step::Move(left, since) = lives[name].step {
                let left = left - rate * passed;
                // A moment is a number with 53 bits: what is less than that is nothing.
                lives[name].step = if left <= 0.01 {
                    Step::Seal(now + SEAL.seconds as f64)
                } else {
                    Step::Move(left, since)
                };
            }
        }
        for life in lives.iter_mut() {
            life.act(now, dice);
        }
    }
}

/// Kibibytes a second of the line, and of what changes.
fn scaled(plans: &[Plan], line: u64, load: u64) -> Vec<u64> {
    let runs = |plan: &Plan| 1 + plan.delays.len() as u64;
    let all: u64 = plans.iter().map(|plan| plan.change * runs(plan)).sum();
    plans
        .iter()
        .map(|plan| (line * load * plan.change / (all * 1000)).max(1))
        .collect()
}

fn model(plans: &[Plan], line: u64, load: u64) -> Model {
    let site = |name: &str| json!({"host": {}, "failureDomain": name, "bandwidth": format!("{line}Ki/s")});
    let vault = |name: &str| json!({"directory": {"path": format!("/{name}")}, "failureDomain": name, "password": {"file": "/k"}});
    let mut names = Vec::new();
    let mut documents = vec![
        ("RecoverySite", "office".to_owned(), site("office")),
        ("RecoverySite", "branch".to_owned(), site("branch")),
        ("Vault", "nas".to_owned(), vault("nas")),
        ("Vault", "v0".to_owned(), vault("v0")),
        ("Vault", "v1".to_owned(), vault("v1")),
    ];
    for (n, (plan, change)) in plans.iter().zip(scaled(plans, line, load)).enumerate() {
        let mut schedule = json!({"every": format!("{}s", plan.every)});
        if plan.jitter > 0 {
            schedule["jitter"] = json!(format!("{}s", plan.jitter));
        }
        let copies = plan.delays.iter().enumerate().map(|(n, delay)| match delay {
            0 => json!({"name": format!("v{n}")}),
            delay => json!({"name": format!("v{n}"), "delay": format!("{delay}s")}),
        });
        let vaults: Vec<Value> = std::iter::once(json!({"name": "nas"})).chain(copies).collect();
        let mut policy = json!({"objectives": {"rpo": "7d", "rto": "7d"}, "schedule": [schedule], "vaults": vaults});
        if let Some(cap) = plan.cap {
            policy["transfer"] = json!({"bandwidth": format!("{}Ki/s", (line * cap / 1000).max(1))});
        }
        documents.push(("ProtectionPolicy", format!("p{n}"), policy));
        let component = json!({"name": "web", "host": {"paths": ["/a"]}, "data": {"size": format!("{}Ki", plan.size), "changeRate": format!("{change}Ki/s")}});
        documents.push((
            "Application",
            format!("a{n}"),
            json!({"site": "office", "policy": format!("p{n}"), "components": [component]}),
        ));
        names.push(format!("a{n}"));
    }
    documents.push((
        "RecoveryPlan",
        "all".to_owned(),
        json!({"applications": {"names": names}, "targets": [{"site": "branch"}]}),
    ));
    let documents: Vec<(&str, &str, Value)> = documents
        .iter()
        .map(|(kind, name, spec)| (*kind, name.as_str(), spec.clone()))
        .collect();
    model_of(&documents)
}

/// What is lost at a moment where only the points of some vault are left.
fn lost(life: &Life, at: f64, vault: Option<usize>) -> f64 {
    let is_there = |made: &&Made| {
        vault
            .map_or(made.sealed, |vault| made.copied[vault])
            .is_some_and(|sealed| sealed <= at)
    };
    at - life.made.iter().rev().find(is_there).map_or(0.0, |made| made.began)
}

fn holds(proof: &ApplicationProof, life: &Life, moments: &[f64]) -> Result<(), TestCaseError> {
    let sealed = life.made.iter().filter_map(|made| made.sealed);
    for at in moments
        .iter()
        .copied()
        .chain(sealed.map(|sealed| sealed - 1e-6))
        .filter(|at| *at >= 0.0)
    {
        let (lost, proved) = (lost(life, at, None), proof.recovery_point.worst_case);
        prop_assert!(
            lost <= proved as f64 + 1e-3,
            "at {at} {} loses {lost}, proved {proved}",
            proof.application
        );
    }
    if let PrimaryLost::Copy { vault, recovery_point } = &proof.primary_lost {
        let vault: usize = vault.trim_start_matches('v').parse().unwrap();
        let copied = life.made.iter().filter_map(|made| made.copied[vault]);
        for at in copied.map(|copied| copied - 1e-6).filter(|at| *at >= 0.0) {
            let (lost, proved) = (lost(life, at, Some(vault)), recovery_point.worst_case);
            prop_assert!(
                lost <= proved as f64 + 1e-3,
                "at {at} {} loses {lost} with v{vault}, proved {proved}",
                proof.application
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// Whoever is served first, at no moment is more lost than was proved.
    #[test]
    fn no_loss_of_several_exceeds_their_proofs(
        plans in prop::collection::vec(one(), 2..6),
        line in 500u64..5_000,
        load in 20u64..950,
        order in order(),
        seed in any::<u64>(),
    ) {
        let report = prove(&model(&plans, line, load));
        // What comes to no end for one has no bound for the others.
        let is_bounded = |proof: &ApplicationProof| !proof.recovery_point.too_slow && proof.recovery_point.worst_case < u64::MAX / 2;
        if !report.applications.iter().all(is_bounded) {
            return Ok(());
        }
        let dice = &mut Dice(seed);
        let speed = line as f64 * 1024.0;
        let mut lives: Vec<Life> = plans
            .iter()
            .zip(scaled(&plans, line, load))
            .map(|(plan, change)| {
                let cap = plan.cap.map_or(speed, |cap| ((line * cap / 1000).max(1) as f64 * 1024.0).min(speed));
                Life::new(plan, change as f64 * 1024.0, cap)
            })
            .collect();
        let until = plans.iter().map(|plan| plan.every * 12 + plan.delays.iter().sum::<u64>()).max().unwrap() as f64;
        live(&mut lives, speed, order, until, dice);
        let moments: Vec<f64> = (0..MOMENTS).map(|_| dice.part() * until).collect();
        for (proof, life) in report.applications.iter().zip(&lives) {
            holds(proof, life, &moments)?;
        }
    }

    /// Whoever is served first at the target, nobody takes longer to come back than was proved.
    #[test]
    fn no_recovery_of_several_exceeds_their_proofs(
        plans in prop::collection::vec(one(), 2..6),
        line in 500u64..5_000,
        order in order(),
        seed in any::<u64>(),
    ) {
        let report = prove(&model(&plans, line, 20));
        let dice = &mut Dice(seed);
        let speed = line as f64 * 1024.0;
        let mut left: Vec<f64> = plans.iter().map(|plan| plan.size as f64 * 1024.0).collect();
        let caps: Vec<f64> = plans.iter().map(|plan| plan.cap.map_or(speed, |cap| ((line * cap / 1000).max(1) as f64 * 1024.0).min(speed))).collect();
        let mut now = 0.0;
        while left.iter().any(|bytes| *bytes > 1e-6) {
            let moving: Vec<(usize, f64, f64)> = (0..left.len()).filter(|n| left[*n] > 1e-6).map(|n| (n, caps[n], n as f64)).collect();
            let shares = shares(order, &moving, speed, dice);
            let ends = shares.iter().filter(|(_, rate)| *rate > 0.0).map(|(n, rate)| left[*n] / rate);
            let passed = ends.fold(1.0 + dice.part() * 30.0, f64::min);
            now += passed;
            for (n, rate) in shares {
                left[n] -= rate * passed;
                let proved = report.applications[n].recovery_time[0].proof.worst_case;
                prop_assert!(now <= proved as f64 + 1e-3, "a{n} still moves after {now}, proved {proved}");
            }
        }
    }
}
