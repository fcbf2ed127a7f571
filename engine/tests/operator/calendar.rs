//! A policy of the calendar through many days of a virtual clock: every night at 02:30 of Berlin, with holds, retention,
//! failures, restarts, outages and lost catalogs, against a real vault.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use dram_catalog::store::FileStore;
use dram_catalog::{Clock, SystemClock};
use dram_compiler::calendar::Calendar;
use dram_compiler::model::{Missed, Schedule, Timezone, When};
use dram_engine::schedule::{Due, Known, acts, due};
use jiff::civil::date;

/// Names how many days pass.
const DAYS: &str = "DRAM_DAYS";
const FEW_DAYS: u32 = 45;

/// Wall time of the test; what waits does so by the machine's clock.
#[derive(Debug)]
struct Virtual(Mutex<Timestamp>);

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn sleep(&self, span: Duration) {
        SystemClock.sleep(span);
    }
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }
}

const POLICY: &str = "\
objectives: { rpo: 26h }
  schedule: [{ cron: 30 2 * * *, timezone: Europe/Berlin }]
  retention: { last: 2, daily: 5, weekly: 3, keepVerified: 2 }
  vaults: [{ name: near }]";

/// What the test knows by itself.
struct Story<'a> {
    folder: &'a Path,
    clock: Arc<Virtual>,
    engine: Engine,
    /// What the file said when each point was made.
    content: BTreeMap<String, String>,
    /// The firings that were served, since the catalog knows of any.
    served: Vec<Timestamp>,
    last_verified: Option<String>,
    held: Option<String>,
}

fn open(folder: &Path, clock: &Arc<Virtual>) -> Engine {
    let url: CatalogUrl = format!("file://{}/catalog", folder.display()).parse().unwrap();
    let store = Arc::new(FileStore::open(&folder.join("catalog")).unwrap());
    let tenant = dram_catalog::Name::tenant("default").unwrap();
    let clock: Arc<dyn Clock> = Arc::<Virtual>::clone(clock);
    let catalog = Catalog::open_in(store, clock, Arc::new(SystemChance), &tenant, "ann@desk");
    Engine::of(catalog, url, "ann@desk")
}

impl Story<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pass(&self, minutes: u64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_mins(i64::try_from(minutes).unwrap());
    }

    /// Everything that the engine remembered is gone; what the catalog knows is read anew.
    fn restart(&mut self) -> Known {
        self.engine = open(self.folder, &self.clock);
        let firings = self.engine.runs(usize::MAX).unwrap().into_iter();
        let firings = firings.filter_map(|run| run.firing?.parse().ok());
        Known {
            served: firings.max(),
            seen: None,
        }
    }

    fn fire(&mut self, firing: Option<Timestamp>) -> bool {
        let text = format!("as of {}", self.now());
        fs::write(self.folder.join("office/srv/a"), &text).unwrap();
        let request = ProtectRequest {
            application: "shop".to_owned(),
            components: Vec::new(),
            class: Class::Scheduled,
            dry_run: false,
            firing,
        };
        match self.engine.protect(&request, &watch()) {
            Ok(runbook) => {
                self.content.insert(runbook.point, text);
                prune(&self.engine);
                true
            }
            Err(error) => {
                assert!(matches!(error.exit(), Exit::Failed | Exit::Unreachable), "{error}");
                false
            }
        }
    }

    fn verify(&mut self) {
        let verified = self.engine.verify("shop", None, Level::Restore, &watch()).unwrap();
        assert!(verified.damages.is_empty(), "{:?}", verified.damages);
        self.last_verified = Some(verified.point);
    }

    /// The last verified point comes back as it was made, whatever retention took away.
    fn look_at_the_last_verified(&self) {
        let Some(point) = &self.last_verified else { return };
        let into = self.folder.join("look");
        let request = RestoreRequest {
            application: "shop".to_owned(),
            point: Pick::Id(point.clone()),
            from: None,
            as_of: None,
            to: Where::Directory(into.clone()),
            components: Vec::new(),
            paths: Vec::new(),
            items: Vec::new(),
            owners: Owners::default(),
            overwrite: false,
            attested: None,
        };
        self.engine.restore(&request, &watch()).unwrap();
        let made = fs::read_to_string(into.join("srv/a")).unwrap();
        assert_eq!(Some(&made), self.content.get(point));
        fs::remove_dir_all(into).unwrap();
    }

    fn hold(&mut self, dice: &mut Dice) {
        let mark = |point: &str, statement| {
            let request = MarkRequest {
                point: point.to_owned(),
                vault: None,
                statement,
            };
            let marked = self.engine.mark(&request).unwrap();
            assert!(marked.iter().all(|one| one.failed.is_none()), "{marked:?}");
        };
        let all = points(&self.engine, "near");
        if let Some(point) = self.held.take() {
            assert!(all.contains(&point), "{point} was held, and is gone");
            mark(&point, Statement::Released);
        } else if let Some(point) = all.get(usize::try_from(dice.below(8)).unwrap()) {
            let reason = "audit".to_owned();
            mark(point, Statement::Held { reason, until: None });
            self.held = Some(point.clone());
        }
    }

    /// The catalog is gone, and comes back from the vault.
    fn lose_the_catalog(&mut self) -> Known {
        let url = format!("file://{}/catalog", self.folder.display());
        let before = points(&self.engine, "near");
        fs::remove_dir_all(self.folder.join("catalog")).unwrap();
        Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
        let known = self.restart();
        let vault = self.folder.join("near").display().to_string();
        self.engine.rebuild(&vault, &self.folder.join("key")).unwrap();
        // The vault never saw a takeover, so there is none to adopt.
        assert_eq!(points(&self.engine, "near"), before);
        self.served.clear();
        known
    }
}

/// The nights by hand: 02:30, on the one without it 03:00, on the one with two the first.
fn nights(from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let rules = "Europe/Berlin".parse::<Timezone>().unwrap().rules().clone();
    let days = std::iter::successors(Some(date(2026, 1, 1)), |day| day.tomorrow().ok()).take(800);
    let night = |day: jiff::civil::Date| {
        let said = rules.to_ambiguous_timestamp(day.at(2, 30, 0, 0));
        let gap = matches!(said.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
        let earlier = said.compatible().unwrap();
        // A gap of an hour moves it to 03:30, and it begins half an hour before that.
        if gap {
            earlier - SignedDuration::from_mins(30)
        } else {
            earlier
        }
    };
    days.map(night).filter(|at| *at > from && *at <= until).collect()
}

/// Every night at 02:30 of Berlin, with a jitter in seconds.
fn nightly(jitter: u64) -> Calendar {
    let schedule = Schedule {
        when: When::Cron("30 2 * * *".parse().unwrap()),
        timezone: Some("Europe/Berlin".parse().unwrap()),
        window: None,
        jitter: Some(dram_compiler::model::Duration::seconds(jitter)),
        missed: Missed::RunOnce,
    };
    Calendar::of(&[schedule]).unwrap()
}

#[test]
fn the_last_verified_point_restores_on_every_day_of_a_policy_of_the_calendar() {
    let days = std::env::var(DAYS)
        .ok()
        .and_then(|days| days.parse().ok())
        .unwrap_or(FEW_DAYS);
    let folder = tempfile::tempdir().unwrap();
    world(folder.path(), POLICY);
    let begin: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    let clock = Arc::new(Virtual(Mutex::new(begin)));
    let calendar = nightly(0);
    let mut story = Story {
        engine: open(folder.path(), &clock),
        folder: folder.path(),
        clock,
        content: BTreeMap::new(),
        served: Vec::new(),
        last_verified: None,
        held: None,
    };
    let mut dice = Dice(u64::from(days));
    let (mut known, mut again, mut away) = (Known::default(), false, false);
    let (near, hidden) = (folder.path().join("near"), folder.path().join("hidden"));
    let end = begin + SignedDuration::from_hours(24 * i64::from(days));
    while story.now() < end {
        let now = story.now();
        let newest = nights(now - SignedDuration::from_hours(30), now).last().copied();
        match due(&calendar, "shop", &known, now) {
            Some(Due::Serve(firing)) => {
                assert_eq!(Some(firing.at), newest);
                assert!(!story.served.contains(&firing.at), "{} is served twice", firing.at);
                let missed = known.served.map_or(0, |served| nights(served, now).len() - 1);
                assert_eq!(firing.missed, u64::try_from(missed).unwrap());
                story.served.push(firing.at);
                known.served = Some(firing.through);
                again = !story.fire(Some(firing.at));
            }
            Some(Due::Pass { .. }) => panic!("nothing may be skipped"),
            None => {
                assert_eq!(known.served, newest);
                again = again && !story.fire(None);
            }
        }
        assert!(!again || away, "a vault that is there can be written");
        if away {
            fs::rename(&hidden, &near).unwrap();
            away = false;
        } else if !again {
            match dice.below(60) {
                0..8 => story.verify(),
                8..12 => story.hold(&mut dice),
                12..16 => known = story.restart(),
                16 => known = story.lose_the_catalog(),
                17..20 => story.pass(60 * 24 * (1 + dice.below(3))),
                20..28 => {
                    fs::rename(&near, &hidden).unwrap();
                    away = true;
                }
                28..32 => story.look_at_the_last_verified(),
                _ => {}
            }
        }
        let longest = if dice.one_in(3) { 60 } else { 600 };
        story.pass(1 + dice.below(longest));
    }
    if away {
        fs::rename(&hidden, &near).unwrap();
    }
    story.verify();
    story.look_at_the_last_verified();
    assert!(story.content.len() > usize::try_from(days / 3).unwrap());
}

/// On the night without a 02:30, after a day on which no engine was awake for it.
#[test]
fn a_missed_night_is_passed_and_the_next_one_keeps_its_moment() {
    let folder = tempfile::tempdir().unwrap();
    let night = "{ cron: 30 2 * * *, timezone: Europe/Berlin, jitter: 10m, missed: skip }";
    let policy = format!("objectives: {{ rpo: 26h }}\n  schedule: [{night}]\n  vaults: [{{ name: near }}]");
    world(folder.path(), &policy);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let clock = Arc::new(Virtual(Mutex::new(at("2026-03-28T12:00:00Z"))));
    let engine = open(folder.path(), &clock);
    engine.reconcile(KindName::Application, "shop").unwrap();
    let what = Serve {
        name: "desk".to_owned(),
        at_once: 1,
        first_pause: Duration::from_millis(50),
    };
    let (cancel, told) = (Cancel::new(), Mutex::new(Vec::new()));
    let next = nightly(600).next(clock.now()).unwrap();
    let tell = |event: &Told| {
        match event {
            Told::Passed { .. } => *clock.0.lock().unwrap() = acts("shop", &next),
            Told::Protected { .. } | Told::Failed { .. } => cancel.cancel(),
            _ => {}
        }
        told.lock().unwrap().push(event.clone());
    };
    engine.serve(&what, &tell, &cancel).unwrap();
    let told: Vec<String> = told.into_inner().unwrap().iter().map(Told::to_string).collect();
    let expected = [
        "protects shop at 30 2 * * * (Europe/Berlin)",
        "shop: the firing of 2026-03-28T01:30:00Z was missed, and is skipped",
        "shop: protect, due 2026-03-29T01:00:00Z",
    ];
    assert_eq!(told.get(..3), Some(&expected.map(str::to_owned)[..]), "{told:?}");
    assert_eq!(
        engine.runs(1).unwrap()[0].firing.as_deref(),
        Some("2026-03-29T01:00:00Z")
    );
    assert_eq!(engine.status(Some("shop")).unwrap()[0].next, "2026-03-30T00:30:00Z");
}

/// A run outlasts the interval: the firing that comes meanwhile stands in the list of runs, with the reason.
#[test]
fn a_firing_that_overlaps_is_a_run_that_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    world(folder.path(), "vaults: [{ name: near }]");
    let begin = "2026-03-28T12:10:00Z".parse().unwrap();
    let clock = Arc::new(Virtual(Mutex::new(begin)));
    let engine = open(folder.path(), &clock);
    engine.reconcile(KindName::Application, "shop").unwrap();
    let what = Serve {
        name: "desk".to_owned(),
        at_once: 1,
        first_pause: Duration::from_secs(3600),
    };
    let (cancel, (skipped, was_skipped)) = (Cancel::new(), std::sync::mpsc::channel());
    let was_skipped = Mutex::new(was_skipped);
    let tell = |event: &Told| match event {
        // This is the thread of the run, which is at work for as long as it is kept here.
        Told::Fires { .. } => {
            *clock.0.lock().unwrap() += SignedDuration::from_hours(1);
            let waited = was_skipped.lock().unwrap().recv_timeout(Duration::from_secs(60));
            waited.unwrap();
        }
        Told::Skipped { .. } => skipped.send(()).unwrap(),
        Told::Protected { .. } | Told::Failed { .. } => cancel.cancel(),
        _ => {}
    };
    engine.serve(&what, &tell, &cancel).unwrap();
    let mut runs = engine.runs(9).unwrap();
    runs.sort_by_key(|run| run.firing.clone());
    let firings: Vec<_> = runs
        .iter()
        .map(|run| (run.firing.as_deref(), run.state.to_string()))
        .collect();
    let expected = [
        (Some("2026-03-28T12:00:00Z"), "success".to_owned()),
        (Some("2026-03-28T13:00:00Z"), "failed".to_owned()),
    ];
    assert_eq!(firings, expected);
    assert!(runs[1].error.contains("still at work"), "{:?}", runs[1]);
}
