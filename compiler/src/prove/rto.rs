//! The recovery time objective: how long until the application runs again, in the worst case.
//!
//! Worst case = detect + hold down + fence + time to move all data to the target, or to promote what is there + hooks + longest
//! chain of start and health + time until users arrive. What comes back at the same target at the same time shares its line.
//! Where a person decides it counts from the moment of the decision: only `automation.mode: automatic` has to detect a loss.

use super::line::{Line, Way as LineWay};
use super::load::Loads;
use super::replica::{Replica, Way};
use super::start::{Waves, start};
use super::subject::{Subject, words};
use super::{Amount, Given, Proof, Term, Verdict, print::amount, print::duration_text};
use crate::derive::{Beside, PROMOTION};
use crate::model::{
    AutomationMode, Detect, Duration, Hook, HookDeed, Moment, Name, RecoveryPlan, RecoverySite, Strategy, TrafficBy,
    Whole,
};

/// An application that comes back at a site.
#[derive(Clone, Copy)]
pub struct Comeback<'a> {
    /// The application, with what protects it.
    pub subject: &'a Subject<'a>,
    /// What must hold.
    pub rto: Duration,
    /// The plan by which it comes back; nothing at home.
    pub plan: Option<&'a RecoveryPlan>,
    /// The waves of the plan, where it states any.
    pub waves: Option<&'a Waves>,
    /// What all applications move while nothing is lost.
    pub loads: &'a Loads,
    /// The site. One that is not known yet counts as one without a stated bandwidth.
    pub target: (&'a Name, Option<&'a RecoverySite>),
    /// What is kept in step there.
    pub replica: Option<Replica<'a>>,
    /// Bytes of others that come back there at the same time, and how many they are.
    pub beside: (u64, usize),
}

/// The RTO of an application at a target.
#[must_use]
pub fn recovery_time(comeback: &Comeback<'_>) -> Proof {
    let mut assumptions = Vec::new();
    let mut terms = Vec::new();
    comeback.lose(&mut terms);
    comeback.bring(&mut terms, &mut assumptions);
    comeback.hooks(&mut terms);
    let Comeback {
        subject, plan, waves, ..
    } = *comeback;
    terms.push(start(subject.name, subject.application, plan, waves));
    comeback.lead(&mut terms);
    let proof = Proof::new(comeback.rto, terms, assumptions);
    match proof.verdict {
        Verdict::NotMet => {
            let help = comeback.way_out(&proof);
            proof.or_help(|| help)
        }
        Verdict::Met | Verdict::Unproven => proof,
    }
}

impl Comeback<'_> {
    fn strategy(&self) -> Strategy {
        self.plan.map_or(Strategy::BackupRestore, |plan| plan.strategy)
    }

    /// Until it is sure that the application no longer runs where it did.
    fn lose(&self, terms: &mut Vec<Term>) {
        let Some(plan) = self.plan else { return };
        let automation = plan.automation.as_ref();
        if let Some(automation) = automation.filter(|automation| automation.mode == AutomationMode::Automatic) {
            let usual = Detect {
                every: Duration::seconds(30),
                failures: Whole::clamped(3),
            };
            let detect = automation.detect.as_ref().unwrap_or(&usual);
            let health = self
                .subject
                .application
                .components
                .iter()
                .flat_map(|component| &component.health);
            let answer = health.map(|health| health.timeout.seconds).max().unwrap_or(0);
            let seconds = detect.longest().seconds.saturating_add(answer);
            let because = format!("asked every {}, {} times in vain", detect.every, detect.failures.get());
            terms.push(Term::new("detect the loss", seconds, because));
            if let Some(hold) = automation.hold_down {
                terms.push(Term::new("hold down", hold.seconds, "it must last so long"));
            }
        }
        if self.strategy() == Strategy::ActiveActive {
            return;
        }
        let home = self.subject.site.filter(|(name, _)| *name != self.target.0);
        let fencing = home.and_then(|(name, site)| Some((name, site.fencing.as_ref()?)));
        if let Some((name, fencing)) = fencing
            && let Some(longest) = fencing.by.longest()
        {
            let because = format!("site `{name}` is kept from running it, by {}", fencing.by.word());
            terms.push(Term::new("fence", longest.seconds, because));
        }
    }

    /// Until the data is there.
    fn bring(&self, terms: &mut Vec<Term>, assumptions: &mut Vec<String>) {
        if self.strategy() == Strategy::ActiveActive {
            return;
        }
        let line = Line::of(&self.subject.cap(), LineWay::To, self.target.0, self.target.1);
        let Some(replica) = &self.replica else {
            assumptions.extend(self.unknown_sizes());
            assumptions.extend(line.assumption.clone());
            terms.push(self.move_all(&line));
            return;
        };
        terms.push(Term::new("promote the replica", PROMOTION.seconds, "an allowance"));
        if replica.way == Way::Vault {
            let (_, unknown) = self.subject.changes();
            assumptions.extend(unknown);
            assumptions.extend(line.assumption.clone());
            let (gap, missing) = replica.missing(self.subject, self.loads, self.target.1);
            let beside = self.behind(&line);
            let because = format!(
                "{}, changed in the {} between two replications, {}{}",
                amount(missing),
                duration_text(gap),
                line.how,
                behind(beside)
            );
            let term = Term::new("fill the last changes", seconds(missing, &line, beside), because);
            terms.push(term.from(self.given(&line, beside)));
        }
    }

    fn unknown_sizes(&self) -> Vec<String> {
        let captured = self.subject.captured();
        let unknown = captured.filter(|(component, _)| component.data.as_ref().and_then(|data| data.size).is_none());
        unknown
            .map(|(component, methods)| {
                format!(
                    "component `{}` states no `data.size`: its {} count as nothing",
                    component.name,
                    words(&methods)
                )
            })
            .collect()
    }

    fn move_all(&self, line: &Line) -> Term {
        let bytes = self.subject.bytes();
        let beside = self.behind(line);
        let because = format!("{} {}{}", amount(bytes), line.how, behind(beside));
        let captured = self.subject.captured();
        let mut from: Vec<Given> = captured
            .filter_map(|(component, _)| {
                let size = component.data.as_ref()?.size?;
                let what = format!("component {}", component.name);
                Some(Given::new(what, Amount::Bytes(size.bytes), "`data.size`"))
            })
            .collect();
        from.extend(self.given(line, beside));
        Term::new("move the data", seconds(bytes, line, beside), because).from(from)
    }

    /// What comes back at the target at the same time.
    fn behind(&self, line: &Line) -> Option<Beside> {
        let (burst, others) = Some(self.beside).filter(|(bytes, _)| *bytes > 0)?;
        Some(Beside {
            bandwidth: line.bandwidth?,
            burst,
            weekly: 0,
            others,
        })
    }

    /// The numbers from which the time of moving follows.
    fn given(&self, line: &Line, beside: Option<Beside>) -> Vec<Given> {
        let mut from = line.given(None);
        if let Some(beside) = beside {
            let because = "data of others that come back there at the same time";
            from.push(Given::new("before it", Amount::Bytes(beside.burst), because));
        }
        from
    }

    /// What is done beside, one thing after another.
    fn hooks(&self, terms: &mut Vec<Term>) {
        let hooks: Vec<&Hook> = self
            .subject
            .application
            .hooks
            .iter()
            .filter(|hook| match hook.at {
                Moment::BeforeRestore | Moment::AfterRestore | Moment::BeforeStart => true,
                Moment::AfterStart | Moment::BeforeTraffic => self.plan.is_some_and(|plan| plan.traffic.is_some()),
                Moment::BeforeFreeze | Moment::AfterThaw | Moment::AfterTraffic | Moment::DrillCleanup => false,
            })
            .collect();
        if hooks.is_empty() {
            return;
        }
        let lasts = |hook: &Hook| match &hook.deed {
            HookDeed::Wait(health) => health.start_period.seconds.saturating_add(health.timeout.seconds),
            HookDeed::Run(_) | HookDeed::Shell(_) | HookDeed::Http(_) | HookDeed::Scale(_) => hook.timeout.seconds,
        };
        let seconds = hooks.iter().map(|hook| lasts(hook)).fold(0, u64::saturating_add);
        let from = hooks
            .iter()
            .map(|hook| Given::new(hook.at.word(), Amount::Seconds(lasts(hook)), "its `timeout`"))
            .collect();
        terms.push(Term::new("hooks", seconds, "one after another, each for as long as it may").from(from));
    }

    /// Until users arrive.
    fn lead(&self, terms: &mut Vec<Term>) {
        let Some(traffic) = self.plan.and_then(|plan| plan.traffic.as_ref()) else {
            return;
        };
        if let TrafficBy::Command(command) = &traffic.by {
            terms.push(Term::new(
                "switch traffic",
                command.timeout.seconds,
                "its command's `timeout`",
            ));
        }
        if traffic.ttl.seconds > 0 {
            let because = "`traffic.ttl`: for so long users may still go to the old place";
            terms.push(Term::new("users arrive", traffic.ttl.seconds, because));
        }
    }

    fn way_out(&self, proof: &Proof) -> String {
        let moved = |term: &&Term| term.what == "move the data";
        let moving = proof.terms.iter().find(moved).map_or(0, |term| term.seconds);
        let rest = proof.worst_case.saturating_sub(moving);
        let start = proof.terms.iter().find(|term| term.what == "start and health");
        let start = start.map_or(0, |term| term.seconds);
        match self.rto.seconds.checked_sub(rest).filter(|left| *left > 0) {
            Some(left) if moving > 0 => {
                let needed = at_least(self.subject.bytes().saturating_add(self.beside.0).div_ceil(left));
                let and = if self.subject.cap().is_some() {
                    " and in `transfer.bandwidth`"
                } else {
                    ""
                };
                format!("a bandwidth of {needed}/s at the target{and} could meet it")
            }
            _ if start >= self.rto.seconds || rest == start => format!(
                "start and health alone may take {}: shorten `startPeriod` or the chain of `after`",
                duration_text(start)
            ),
            _ => format!(
                "what is no moving of data alone takes {}: shorten the longest of it, or raise the objective",
                duration_text(rest)
            ),
        }
    }
}

/// Seconds to move bytes over a line, behind others.
fn seconds(bytes: u64, line: &Line, beside: Option<Beside>) -> u64 {
    match (line.rate, beside) {
        (Some(rate), Some(beside)) if bytes > 0 => beside.seconds_for(bytes, rate),
        (Some(rate), _) => rate.seconds_for(bytes).unwrap_or(u64::MAX),
        (None, _) => 0,
    }
}

/// Others that come back, in words that follow a line.
fn behind(beside: Option<Beside>) -> String {
    let Some(beside) = beside else { return String::new() };
    let others = match beside.others {
        1 => "another application that comes".to_owned(),
        others => format!("{others} other applications that come"),
    };
    format!(", behind the {} of {others} back there", amount(beside.burst))
}

/// An amount that the language can say and that is not below this one, to two digits or better.
fn at_least(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| bytes / 10 >= *factor)
        .unwrap_or(("", 1));
    format!("{}{unit}", bytes.div_ceil(factor))
}
