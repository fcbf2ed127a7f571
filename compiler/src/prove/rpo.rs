//! The recovery point objective: how much time may be lost in the worst case.
//!
//! When the site is lost: worst case = longest gap between two firings + freeze + time to move what changed in that gap + time
//! to seal. A loss just before a seal completes falls back to the point before it, whose moment is that much earlier.
//! The gap is that of the real calendar, with the jitter of the firing that ends it. This holds where a point is sealed, and
//! copied to all further vaults, before the next one is due; where firings lie closer to each other at times, those that come
//! while a run is at work are skipped, and the time of a run is a part of the gap.
//!
//! When the primary vault is lost with it, the newest copy counts. A loss just before a copy is sealed falls back to
//! the copy before it: worst case = the above + the delay of the copy, with the wait for the run that makes it + the
//! time of the copies that are made before it + the time to copy what changed in a gap + time to seal the copy.

use super::line::{Line, Way};
use super::stated::Stated;
use super::{Decides, Proof, Term, Verdict, duration_text};
use crate::calendar::Calendar;
use crate::derive::{SEAL, freeze, interval, longest_interval, methods, moving, with_data};
use crate::model::{Application, Duration, Name, ProtectionPolicy, Rate, RecoverySite};

/// What the policy decides by itself: an interval that leaves no room for anything else.
#[must_use]
pub fn policy_alone(policy: &ProtectionPolicy) -> Option<Proof> {
    alone(policy, &Stated::of(policy))
}

pub(super) fn alone(policy: &ProtectionPolicy, stated: &Stated) -> Option<Proof> {
    let assumptions = stated.assumptions();
    let proof =
        Worst::of(policy, stated, Vec::new(), Line::none(), Duration::seconds(0)).site_lost(policy, assumptions);
    (proof.verdict == Verdict::NotMet).then_some(Proof {
        decides: Decides::PolicyAlone,
        ..proof
    })
}

/// The RPO of an application under its policy, when its preferred site is lost. A site that is not known yet counts
/// as one without a stated bandwidth.
#[must_use]
pub fn recovery_point(
    application: &Application,
    policy: &ProtectionPolicy,
    site: Option<(&Name, &RecoverySite)>,
) -> Proof {
    site_lost(application, policy, &Stated::of(policy), site)
}

pub(super) fn site_lost(
    application: &Application,
    policy: &ProtectionPolicy,
    stated: &Stated,
    site: Option<(&Name, &RecoverySite)>,
) -> Proof {
    if let Some(proof) = alone(policy, stated) {
        return proof;
    }
    let (worst, assumptions) = Worst::of_application(application, policy, stated, site);
    worst.site_lost(policy, assumptions)
}

/// The firings that protect an application: what the policy states, else an interval that its RPO allows. `None` when no
/// interval could meet the RPO. A site that is not known yet counts as one without a stated bandwidth.
#[must_use]
pub fn firings(
    application: &Application,
    policy: &ProtectionPolicy,
    site: Option<(&Name, &RecoverySite)>,
) -> Option<Calendar> {
    if let Some(calendar) = Calendar::of(&policy.schedule) {
        return Some(calendar);
    }
    let (worst, _) = Worst::of_application(application, policy, &Stated::Nothing, site);
    worst.chosen.then(|| Calendar::every(Duration::seconds(worst.gap)))
}

/// The RPO of an application when its preferred site and the primary vault are lost, and the copy in the vault with
/// this position in the policy is what is left; `None` where there is no such copy.
#[must_use]
pub fn recovery_point_of_copy(
    application: &Application,
    policy: &ProtectionPolicy,
    site: Option<(&Name, &RecoverySite)>,
    position: usize,
) -> Option<Proof> {
    both_lost(application, policy, &Stated::of(policy), site, position)
}

pub(super) fn both_lost(
    application: &Application,
    policy: &ProtectionPolicy,
    stated: &Stated,
    site: Option<(&Name, &RecoverySite)>,
    position: usize,
) -> Option<Proof> {
    let before = position.checked_sub(1)?;
    let copy = policy.vaults.get(position)?;
    let (worst, assumptions) = Worst::of_application(application, policy, stated, site);
    let mut terms = worst.terms();
    if let Some(delay) = copy.delay {
        terms.push(Term {
            what: "delay of the copy",
            seconds: delay.seconds,
            because: format!("vault `{}` takes points {delay} after their freeze", copy.name),
        });
        terms.push(Term {
            what: "wait for a run",
            seconds: worst
                .between()
                .saturating_add(worst.making())
                .saturating_add(worst.freeze),
            because: "a copy that is due is made at the end of a run".to_owned(),
        });
    }
    if before > 0 {
        let names: Vec<String> = policy
            .vaults
            .iter()
            .take(position)
            .skip(1)
            .map(|used| format!("`{}`", used.name))
            .collect();
        terms.push(Term {
            what: "copies before it",
            seconds: u64::try_from(before).unwrap_or(u64::MAX).saturating_mul(worst.making()),
            because: format!("to {}", names.join(" and ")),
        });
    }
    terms.push(Term {
        what: "copy what changed",
        seconds: worst.moving,
        because: format!("{} {}, by the engine there", amount(worst.changed), worst.line.how),
    });
    terms.push(seal("seal the copy"));
    let mut proof = Proof::new(policy.objectives.rpo, terms, assumptions);
    if worst.too_slow() {
        proof.too_slow = true;
        proof.verdict = Verdict::NotMet;
    }
    Some(proof)
}

/// What happens between two firings in the worst case.
struct Worst {
    /// Seconds of the longest gap between two firings.
    gap: u64,
    because: String,
    /// By so many seconds the firing that ends it acts later.
    jitter: u64,
    /// Seconds that a run lasts, where it may outlast the next firing, which is then skipped.
    skipped: u64,
    /// Seconds for which the application is frozen while its data is read, at most; the point is of their beginning.
    freeze: u64,
    /// Whether any interval was found or stated.
    chosen: bool,
    /// The interval that could meet the objective.
    possible: Option<Duration>,
    /// Whether the application changes at all.
    unchanging: bool,
    /// Bytes that change in a gap.
    changed: u64,
    /// Seconds to move them once.
    moving: u64,
    line: Line,
    /// How many further vaults each point is copied to.
    copies: u64,
}

impl Worst {
    fn of_application(
        application: &Application,
        policy: &ProtectionPolicy,
        stated: &Stated,
        site: Option<(&Name, &RecoverySite)>,
    ) -> (Self, Vec<String>) {
        let mut assumptions = stated.assumptions();
        let mut changes: Vec<Rate> = Vec::new();
        for component in with_data(application) {
            match component.data.as_ref().and_then(|data| data.change_rate) {
                Some(rate) => changes.push(rate),
                None => assumptions.push(format!(
                    "component `{}` states no `data.changeRate`: its {} count as unchanging",
                    component.name,
                    methods(component)
                        .iter()
                        .map(|method| method.as_str())
                        .collect::<Vec<_>>()
                        .join(" and ")
                )),
            }
        }
        let (name, site) = site.map_or((&application.site, None), |(name, site)| (name, Some(site)));
        let line = Line::of(policy, Way::From, name, site);
        assumptions.extend(line.assumption.clone());
        if stated.is_irregular() && policy.vaults.iter().any(|used| used.delay.is_some()) {
            // Firings that lie close to each other make points that are due close to each other, more than one a run.
            assumptions.push("delayed copies of points that several schedules make never hold up a firing".to_owned());
        }
        let is_frozen = freeze(application, policy.consistency, &|_| true).is_some();
        let freeze = Duration::seconds(if is_frozen {
            policy.objectives.max_freeze.seconds
        } else {
            0
        });
        (Self::of(policy, stated, changes, line, freeze), assumptions)
    }

    fn of(policy: &ProtectionPolicy, stated: &Stated, changes: Vec<Rate>, line: Line, freeze: Duration) -> Self {
        let rpo = policy.objectives.rpo;
        let copies = copies(policy);
        let derived = || interval(policy, &changes, line.rate, freeze);
        let (gap, jitter, because, chosen) = match (stated, matches!(stated, Stated::Nothing).then(derived).flatten()) {
            (Stated::Firings(rhythm), _) => (rhythm.seconds(), rhythm.jitter(), rhythm.because(), true),
            // Refused by the check, and as bad as can be where it stands nevertheless.
            (Stated::NoFirings, _) => (u64::MAX, 0, "the schedule never fires twice".to_owned(), true),
            (Stated::Nothing, Some(every)) => (
                every.seconds,
                0,
                format!("every {every}, derived from the objective"),
                true,
            ),
            // Nothing is possible: the objective itself as the gap shows by how much.
            (Stated::Nothing, None) => (rpo.seconds, 0, "no interval is short enough".to_owned(), false),
        };
        let mut worst = Self {
            gap,
            because,
            jitter,
            skipped: 0,
            freeze: freeze.seconds,
            chosen,
            possible: longest_interval(rpo, &changes, line.rate, freeze, copies),
            unchanging: changes.is_empty(),
            changed: 0,
            moving: 0,
            line,
            copies,
        };
        worst.move_what_changed(&changes);
        if let Stated::Firings(rhythm) = stated
            && let Some(room) = rhythm.room()
        {
            worst.let_firings_pass(&changes, room);
        }
        worst
    }

    /// Seconds from one point to the next, at most.
    const fn between(&self) -> u64 {
        self.gap.saturating_add(self.jitter).saturating_add(self.skipped)
    }

    fn move_what_changed(&mut self, changes: &[Rate]) {
        let time = self.between();
        self.changed = changes
            .iter()
            .map(|rate| rate.bytes_in(time))
            .fold(0, u64::saturating_add);
        self.moving = moving(changes, self.line.rate, Duration::seconds(time));
    }

    /// A run that outlasts the next firing lets it pass: from its point to the next there is its own time, and a gap. The
    /// longer that is, the longer lasts the run; where that comes to no end, neither does the run.
    fn let_firings_pass(&mut self, changes: &[Rate], room: u64) {
        const STEPS: usize = 64;
        for _ in 0..STEPS {
            let run = self.run();
            if run <= room || run <= self.skipped || self.too_slow() {
                return;
            }
            self.skipped = run;
            self.move_what_changed(changes);
        }
        self.moving = u64::MAX;
    }

    /// Seconds to make a point, or a copy of one.
    const fn making(&self) -> u64 {
        self.moving.saturating_add(SEAL.seconds)
    }

    /// Seconds of a run with all its copies.
    const fn run(&self) -> u64 {
        let making = self.making().saturating_mul(self.copies.saturating_add(1));
        making.saturating_add(self.freeze)
    }

    /// Whether a run lasts longer than the time in which what it moves has changed.
    const fn too_slow(&self) -> bool {
        self.chosen && self.run() > self.between()
    }

    fn terms(&self) -> Vec<Term> {
        let mut terms = vec![Term {
            what: "gap between firings",
            seconds: self.gap,
            because: self.because.clone(),
        }];
        if self.jitter > 0 {
            terms.push(Term {
                what: "jitter",
                seconds: self.jitter,
                because: "the firing after the gap acts later by up to so much".to_owned(),
            });
        }
        if self.skipped > 0 {
            terms.push(Term {
                what: "skipped firings",
                seconds: self.skipped,
                because: "a run with all its copies; what fires meanwhile is skipped".to_owned(),
            });
        }
        if self.freeze > 0 {
            terms.push(Term {
                what: "freeze",
                seconds: self.freeze,
                because: "`maxFreeze`: data is read meanwhile, and moves afterwards".to_owned(),
            });
        }
        terms.extend([
            Term {
                what: "move what changed",
                seconds: self.moving,
                because: format!("{} {}", amount(self.changed), self.line.how),
            },
            seal("seal"),
        ]);
        terms
    }

    fn site_lost(&self, policy: &ProtectionPolicy, assumptions: Vec<String>) -> Proof {
        let rpo = policy.objectives.rpo;
        let mut proof = Proof::new(rpo, self.terms(), assumptions);
        if self.too_slow() {
            proof.too_slow = true;
            proof.verdict = Verdict::NotMet;
        }
        if proof.verdict == Verdict::NotMet {
            proof.help = Some(self.way_out(rpo));
        }
        proof
    }

    fn way_out(&self, rpo: Duration) -> String {
        match self.possible {
            Some(every) => format!("`every: {every}` could meet it"),
            None if self.unchanging => format!(
                "no schedule could meet {rpo}: sealing alone takes {} of every gap; raise the objective",
                duration_text(SEAL.seconds)
            ),
            None => format!("no schedule could meet {rpo}: raise the bandwidth or the objective"),
        }
    }
}

/// How many further vaults a policy has.
pub(super) fn copies(policy: &ProtectionPolicy) -> u64 {
    u64::try_from(policy.vaults.len().saturating_sub(1)).unwrap_or(u64::MAX)
}

fn seal(what: &'static str) -> Term {
    Term {
        what,
        seconds: SEAL.seconds,
        because: "an allowance".to_owned(),
    }
}

/// An amount of data for people.
pub(super) fn amount(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("Ti", 1 << 40),
        ("Gi", 1 << 30),
        ("Mi", 1 << 20),
        ("Ki", 1 << 10),
        ("B", 1),
    ];
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| bytes >= *factor)
        .unwrap_or(("B", 1));
    let tenths = u128::from(bytes) * 10 / u128::from(factor);
    if tenths.is_multiple_of(10) {
        format!("{}{unit}", tenths / 10)
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    }
}
