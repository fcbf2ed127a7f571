//! The worst that lies between two points: the gap of the calendar, and the time until what changed in it is sealed.

use super::line::Line;
use super::print::{amount, duration_text};
use super::proof::{Amount, Given, Proof, Term};
use super::stated::Stated;
use crate::derive::{Moves, SEAL, longest_interval};
use crate::model::{Duration, Name, ProtectionPolicy, Rate, ReplicationMode, VaultUse, Window};

/// What makes points, as far as the time between them depends on it.
pub(super) struct Making<'a> {
    /// How much may be lost.
    pub(super) rpo: Duration,
    /// When points are made.
    pub(super) stated: &'a Stated,
    /// How fast each component changes.
    pub(super) changes: Vec<(&'a Name, Rate)>,
    pub(super) line: Line,
    pub(super) moves: Moves,
    /// For so long the application may be frozen for a point.
    pub(super) freeze: Duration,
    /// How many copies a run makes at most.
    pub(super) copies: u64,
    /// The part of the day in which data moves.
    pub(super) window: Option<&'a Window>,
}

/// What happens between two firings in the worst case.
pub(super) struct Worst<'a> {
    /// Seconds of the longest gap between two firings.
    pub(super) gap: u64,
    because: String,
    /// By so many seconds the firing that ends it acts later.
    jitter: u64,
    /// Seconds that a run lasts, where it may outlast the next firing, which is then skipped.
    skipped: u64,
    /// Whether any interval was found or stated.
    pub(super) chosen: bool,
    /// The interval that could meet the objective.
    possible: Option<Duration>,
    /// Seconds to move what changes between two points once.
    pub(super) moving: u64,
    pub(super) making: Making<'a>,
}

impl<'a> Worst<'a> {
    pub(super) fn of(making: Making<'a>) -> Self {
        let possible = longest_interval(making.rpo, &making.moves, making.freeze, making.copies);
        let (gap, jitter, because, chosen) = match (making.stated, possible) {
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
            (Stated::Nothing, None) => (making.rpo.seconds, 0, "no interval is short enough".to_owned(), false),
        };
        let mut worst = Self {
            gap,
            because,
            jitter,
            skipped: 0,
            chosen,
            possible,
            moving: 0,
            making,
        };
        worst.move_what_changed();
        match (worst.making.stated, worst.making.window) {
            (_, Some(_)) => worst.let_firings_pass(worst.gap),
            (Stated::Firings(rhythm), None) => {
                if let Some(room) = rhythm.room() {
                    worst.let_firings_pass(room);
                }
            }
            (Stated::Nothing | Stated::NoFirings, None) => {}
        }
        worst
    }

    /// Seconds from one point to the next, at most.
    pub(super) const fn between(&self) -> u64 {
        self.gap.saturating_add(self.jitter).saturating_add(self.skipped)
    }

    fn move_what_changed(&mut self) {
        self.moving = self.making.moves.seconds(self.between());
    }

    /// A run that outlasts the next firing lets it pass: from its point to the next there is its own time, and a gap. The
    /// longer that is, the longer lasts the run; where that comes to no end, neither does the run.
    fn let_firings_pass(&mut self, room: u64) {
        const STEPS: usize = 64;
        for _ in 0..STEPS {
            let run = self.run();
            // Who waits for a part of the day lets all firings pass meanwhile.
            let is_too_slow = self.making.window.is_none() && self.is_too_slow();
            if run <= room || run <= self.skipped || is_too_slow {
                return;
            }
            self.skipped = run;
            self.move_what_changed();
        }
        self.moving = u64::MAX;
    }

    /// Seconds to make a point, or a copy of one, once its data may move.
    pub(super) const fn sealing(&self) -> u64 {
        self.moving.saturating_add(SEAL.seconds)
    }

    /// Seconds of a run with all its copies.
    pub(super) fn run(&self) -> u64 {
        let moving = self.sealing().saturating_mul(self.making.copies.saturating_add(1));
        moving
            .saturating_add(self.making.moves.waiting(moving))
            .saturating_add(self.making.freeze.seconds)
    }

    /// Whether a run lasts longer than the time in which what it moves has changed.
    pub(super) fn is_too_slow(&self) -> bool {
        self.chosen && self.run() > self.between()
    }

    /// The parts of the worst case when the site is lost.
    pub(super) fn terms(&self) -> Vec<Term> {
        let mut terms = vec![Term::new("gap between firings", self.gap, self.because.clone()).from(self.interval())];
        if self.jitter > 0 {
            let because = "the firing after the gap acts later by up to so much";
            terms.push(Term::new("jitter", self.jitter, because));
        }
        if self.skipped > 0 {
            let because = "a run with all its copies; what fires meanwhile is skipped";
            terms.push(Term::new("skipped firings", self.skipped, because));
        }
        if self.making.freeze.seconds > 0 {
            let because = "`maxFreeze`: data is read meanwhile, and moves afterwards";
            terms.push(Term::new("freeze", self.making.freeze.seconds, because));
        }
        if let Some(window) = self.making.window {
            let because = format!(
                "data moves from {} to {} UTC, and waits outside of it",
                window.from, window.to
            );
            terms.push(Term::new(
                "wait for the window",
                self.making.moves.waiting(self.sealing()),
                because,
            ));
        }
        terms.push(self.moved("move what changed", ""));
        terms.push(seal("seal"));
        terms
    }

    /// The time to move what changes between two points.
    pub(super) fn moved(&self, what: &'static str, by: &str) -> Term {
        let making = &self.making;
        let changed = making.moves.bytes(self.between());
        let because = format!("{} {}{by}", amount(changed), making.line.how)
            .trim_end()
            .to_owned();
        let between = duration_text(self.between());
        let mut from: Vec<Given> = making
            .changes
            .iter()
            .map(|(name, rate)| {
                let bytes = Amount::Bytes(rate.bytes_in(self.between()));
                Given::new(format!("component {name}"), bytes, format!("{rate} for {between}"))
            })
            .collect();
        from.extend(making.line.given(making.moves.beside.as_ref()));
        Term::new(what, self.moving, because).from(from)
    }

    /// What a derived interval follows from.
    fn interval(&self) -> Vec<Given> {
        match (self.making.stated, self.chosen) {
            (Stated::Nothing, true) => vec![
                Given::new(
                    "the objective",
                    Amount::Seconds(self.making.rpo.seconds),
                    "`objectives.rpo`",
                ),
                Given::new(
                    "less at least",
                    Amount::Seconds(self.sealing().saturating_add(self.making.freeze.seconds)),
                    "freeze, move and seal; the longest whole minutes that remain",
                ),
            ],
            _ => Vec::new(),
        }
    }

    pub(super) fn site_lost(&self, assumptions: Vec<String>) -> Proof {
        let rpo = self.making.rpo;
        Proof::new(rpo, self.terms(), assumptions)
            .too_slow(self.is_too_slow())
            .or_help(|| self.way_out())
    }

    fn way_out(&self) -> String {
        let rpo = self.making.rpo;
        // What points cannot keep, replication may.
        let or_pair = match ReplicationMode::that_keeps(rpo) {
            ReplicationMode::Async => "",
            ReplicationMode::Sync | ReplicationMode::Journal => ", or pair the site with another",
        };
        match self.possible {
            Some(every) => format!("`every: {every}` could meet it"),
            None if self.making.window.is_some() => {
                format!(
                    "no schedule could meet {rpo} while data waits for `transfer.window`: let it be longer, or remove it"
                )
            }
            None if self.making.changes.is_empty() => format!(
                "no schedule could meet {rpo}: sealing alone takes {} of every gap; raise the objective{or_pair}",
                duration_text(SEAL.seconds)
            ),
            None => format!("no schedule could meet {rpo}: raise the bandwidth or the objective{or_pair}"),
        }
    }

    /// Whether no interval of points could keep the objective, and none is stated.
    pub(super) const fn is_beyond_points(&self) -> bool {
        !self.chosen
    }
}

/// How many copies one run of a policy makes at most.
pub(super) fn copies(policy: &ProtectionPolicy) -> u64 {
    copies_in(policy.vaults.get(1..).unwrap_or_default())
}

/// How many copies one run makes in further vaults at most. Runs end sooner and later: of two points that follow each other the
/// first may come due just after one run, and both be due at the end of the next.
pub(super) fn copies_in(uses: &[VaultUse]) -> u64 {
    let most = |used: &VaultUse| if used.delay.is_some() { 2 } else { 1 };
    uses.iter().map(most).fold(0, u64::saturating_add)
}

pub(super) fn seal(what: &'static str) -> Term {
    Term::new(what, SEAL.seconds, "an allowance")
}
