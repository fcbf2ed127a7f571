use std::sync::Arc;

use super::claim::{Attempt, Watch};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::testing::fault::{Odds, Vice, World};
use crate::testing::schedule::Schedule;
use crate::testing::{self, Manners, ManualClock, MemoryStore};
use crate::{Name, SystemChance};

const TTL: Duration = Duration::from_secs(60);
const NONE: Duration = Duration::ZERO;

fn name() -> LeaseName {
    LeaseName::application(&Name::tenant("acme").unwrap(), &Name::application("shop").unwrap())
}

/// A holder of which nobody here can know whether it lives.
fn elsewhere(id: &str) -> Holder {
    Holder {
        host: format!("host-{id}"),
        machine: format!("machine-{id}"),
        boot: format!("boot-{id}"),
        pid_namespace: "pid:[1]".to_owned(),
        pid: 42,
        started: 7,
        id: id.to_owned(),
    }
}

/// Two catalogs on one store, each with a clock of its own.
fn two() -> ([Catalog; 2], [Arc<ManualClock>; 2]) {
    let store: Arc<dyn crate::Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let clocks = [Arc::new(ManualClock::default()), Arc::new(ManualClock::default())];
    let first = testing::catalog_in(Arc::clone(&store), clocks[0].clone(), "acme", 1);
    let second = testing::catalog_in(store, clocks[1].clone(), "acme", 2);
    ([first, second], clocks)
}

#[test]
fn one_holds_and_the_other_is_told_who() {
    let ([a, b], _) = two();
    let claim = Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    assert!(!claim.lost());
    let error = Claim::acquire(&b, &name(), &elsewhere("b"), TTL, NONE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lease `acme.shop` is held by process 42 on `host-a`"
    );
    assert!(may_be_held(&b, &name()).unwrap());
    claim.release().unwrap();
    assert!(claim.lost());
    assert!(!may_be_held(&b, &name()).unwrap());
    let next = Claim::acquire(&b, &name(), &elsewhere("b"), TTL, NONE).unwrap();
    assert!(next.number() > claim.number());
}

#[test]
fn expiry_is_waited_for_on_the_waiters_own_clock() {
    let ([a, b], [clock_a, clock_b]) = two();
    let claim = Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    // The waiter cannot know how long the record has stood, so it waits for the whole of 1.5 times the duration.
    clock_b.advance(Duration::from_secs(10_000));
    let before = clock_b.monotonic();
    let error = Claim::acquire(&b, &name(), &elsewhere("b"), TTL, TTL * 3 / 2 - Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, LeaseError::Held { .. }));
    clock_a.advance(TTL);
    assert!(claim.lost(), "the holder gives up before anyone may take over");
    let next = Claim::acquire(&b, &name(), &elsewhere("b"), TTL, TTL * 2).unwrap();
    assert!(clock_b.monotonic() - before >= TTL * 3 - Duration::from_secs(1));
    assert!(!next.lost());
    assert!(matches!(claim.beat(), Err(LeaseError::Lost { .. })));
    clock_a.advance(TTL);
    assert!(claim.lost(), "what is lost stays lost");
    claim.release().unwrap();
    assert!(!next.lost());
    next.beat().unwrap();
}

#[test]
fn heartbeats_keep_it_and_are_compacted() {
    let ([a, b], [clock_a, _]) = two();
    let claim = Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    for _ in 0..40 {
        clock_a.advance(TTL / 3);
        assert!(!claim.lost());
        claim.beat().unwrap();
    }
    let numbers = b.series(Folder::lease(&name())).numbers().unwrap();
    assert_eq!(numbers, (33..=41).collect::<Vec<u64>>());
    assert_eq!(claim.number(), 1, "the number of a lease is that of its taking");
}

#[test]
fn a_writer_that_slept_through_compaction_has_lost() {
    let ([a, b], [_, clock_b]) = two();
    let slept = Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    let next = Claim::acquire(&b, &name(), &elsewhere("b"), TTL, TTL * 2).unwrap();
    for _ in 0..20 {
        clock_b.advance(TTL / 3);
        next.beat().unwrap();
    }
    assert!(matches!(slept.beat(), Err(LeaseError::Lost { .. })));
    assert!(!next.lost());
    next.beat().unwrap();
}

/// A machine that was lost must not keep an application for ever from everybody who has little patience.
#[test]
fn a_holder_that_says_nothing_is_outlasted_and_one_that_does_is_not() {
    let store: Arc<dyn crate::Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let clock_b = Arc::new(ManualClock::default());
    let a = testing::catalog_in(Arc::clone(&store), Arc::new(ManualClock::default()), "acme", 1);
    let b = testing::catalog_in(Arc::clone(&store), clock_b.clone(), "acme", 2);
    let claim = Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    let before = clock_b.monotonic();
    let mut told = Vec::new();
    let mut waits = |silent: &Silent| told.push((silent.host.clone(), silent.at_most));
    let next = Claim::outlast(&b, &name(), &elsewhere("b"), TTL, NONE, &mut waits).unwrap();
    assert_eq!(told, [(elsewhere("a").host, TTL * 3 / 2)], "once, and how long at most");
    let waited = clock_b.monotonic() - before;
    assert!(waited >= TTL * 3 / 2 && waited < TTL * 2, "{waited:?}");
    assert!(matches!(claim.beat(), Err(LeaseError::Lost { .. })));
    next.release().unwrap();

    // One that works on this machine is known to live.
    let here = Holder::this_process(&SystemChance);
    let claim = Claim::acquire(&a, &name(), &here, TTL, NONE).unwrap();
    let before = clock_b.monotonic();
    let other = Holder::this_process(&SystemChance);
    let error = Claim::outlast(&b, &name(), &other, TTL, NONE, &mut |_| {}).unwrap_err();
    assert!(matches!(error, LeaseError::Held { .. }), "{error}");
    assert_eq!(clock_b.monotonic(), before);
    claim.release().unwrap();

    // One that beats while it is watched lives.
    let claim = Arc::new(Claim::acquire(&a, &name(), &elsewhere("a"), TTL, NONE).unwrap());
    let clock = Arc::new(Beating {
        time: ManualClock::default(),
        claim: Arc::clone(&claim),
    });
    let c = testing::catalog_in(Arc::clone(&store), clock.clone(), "acme", 3);
    let error = Claim::outlast(&c, &name(), &elsewhere("c"), TTL, NONE, &mut |_| {}).unwrap_err();
    assert!(matches!(error, LeaseError::Held { .. }), "{error}");
    assert!(clock.monotonic() < TTL, "its first beat was enough");
    assert!(!claim.lost());
}

/// A clock of somebody who waits while a holder says that it lives.
#[derive(Debug)]
struct Beating {
    time: ManualClock,
    claim: Arc<Claim>,
}

impl Clock for Beating {
    fn now(&self) -> jiff::Timestamp {
        self.time.now()
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }

    fn sleep(&self, span: Duration) {
        self.time.sleep(span);
        self.claim.beat().unwrap();
    }
}

#[test]
fn a_holder_that_died_here_does_not_delay() {
    let catalog = testing::catalog("acme");
    let me = Holder::this_process(&SystemChance);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let dead = Holder {
        pid: child.id(),
        started: 1,
        id: "dead".to_owned(),
        ..me.clone()
    };
    let claim = Claim::acquire(&catalog, &name(), &dead, TTL, NONE).unwrap();
    let next = Claim::acquire(&catalog, &name(), &me, TTL, NONE).unwrap();
    assert!(next.number() > claim.number());
    let second = Holder::this_process(&SystemChance);
    assert!(matches!(
        Claim::acquire(&catalog, &name(), &second, TTL, NONE),
        Err(LeaseError::Held { .. })
    ));
}

#[test]
fn the_thread_keeps_it_and_dropping_gives_it_back() {
    let home = tempfile::tempdir().unwrap();
    let store: Arc<dyn crate::Store> = Arc::new(crate::store::FileStore::open(home.path()).unwrap());
    let catalog = testing::catalog_in(store, Arc::new(SystemClock), "acme", 1);
    let holder = Holder::this_process(&SystemChance);
    let ttl = Duration::from_millis(300);
    let lease = Lease::acquire(&catalog, &name(), &holder, ttl, NONE).unwrap();
    let series = catalog.series(Folder::lease(&name()));
    // Heartbeats go on by themselves: their numbers show it.
    let seen = series.latest().unwrap().unwrap().number;
    while series.latest().unwrap().unwrap().number < seen + 3 {
        std::thread::yield_now();
    }
    lease.check().unwrap();
    drop(lease);
    assert!(!may_be_held(&catalog, &name()).unwrap());
    let lease = Lease::acquire(&catalog, &name(), &holder, ttl, NONE).unwrap();
    lease.release().unwrap();
    assert!(!may_be_held(&catalog, &name()).unwrap());
}

#[test]
fn durations_that_make_no_sense_are_refused() {
    let catalog = testing::catalog("acme");
    for duration in [NONE, Duration::from_millis(99), Duration::from_secs(24 * 3600 + 1)] {
        let error = Claim::acquire(&catalog, &name(), &elsewhere("a"), duration, NONE).unwrap_err();
        assert!(matches!(error, LeaseError::Duration { .. }));
    }
}

/// Several engines, clocks that run unevenly, pauses: at no moment do two believe that the lease is theirs.
#[test]
fn never_two_holders() {
    use rand::{Rng, SeedableRng};
    let mut taken = 0;
    for seed in 0..60_u64 {
        let mut chance = rand::rngs::StdRng::seed_from_u64(seed);
        let store: Arc<dyn crate::Store> = Arc::new(MemoryStore::new(Manners::Atomic));
        let engines: Vec<(Catalog, Arc<ManualClock>, Holder, f64)> = (0..3)
            .map(|engine: u64| {
                let clock = Arc::new(ManualClock::default());
                let catalog = testing::catalog_in(Arc::clone(&store), clock.clone(), "acme", seed * 10 + engine);
                (
                    catalog,
                    clock,
                    elsewhere(&engine.to_string()),
                    chance.random_range(0.9..1.1),
                )
            })
            .collect();
        let mut claims: Vec<Option<Claim>> = (0..3).map(|_| None).collect();
        let mut watches: Vec<Watch> = (0..3).map(|_| Watch::default()).collect();
        for _ in 0..400 {
            let step = Duration::from_millis(chance.random_range(0..20_000));
            for (_, clock, _, speed) in &engines {
                clock.advance(step.mul_f64(*speed));
            }
            let turn = chance.random_range(0..3_usize);
            let (catalog, _, holder, _) = &engines[turn];
            match &claims[turn] {
                Some(claim) if claim.lost() => claims[turn] = None,
                Some(claim) if chance.random_range(0..100) < 10 => {
                    claim.release().unwrap();
                    claims[turn] = None;
                }
                Some(claim) => {
                    let _ = claim.beat();
                }
                None => {
                    if let Attempt::Taken(claim) = watches[turn].attempt(catalog, &name(), holder, TTL).unwrap() {
                        claims[turn] = Some(claim);
                        taken += 1;
                    }
                }
            }
            let holding = claims.iter().flatten().filter(|claim| !claim.lost()).count();
            assert!(holding <= 1, "seed {seed}");
        }
    }
    assert!(taken > 300, "only {taken} leases were taken");
}

/// Engines whose clocks run unevenly, on a store whose calls take longer than the lease lasts, lose their answers, and may have
/// their effect long after their client has given them up: at no moment do two believe that the lease is theirs.
fn engines_at_a_rough_store(seed: u64, odds: Odds, vice: Vice) -> (usize, usize) {
    use rand::{Rng, SeedableRng};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const ENGINES: usize = 3;
    type Claims = Mutex<Vec<Option<Arc<Claim>>>>;
    let chance = Mutex::new(rand::rngs::StdRng::seed_from_u64(seed));
    let clocks: Arc<Vec<Arc<ManualClock>>> = Arc::new((0..ENGINES).map(|_| Arc::default()).collect());
    let speeds: Vec<f64> = (0..ENGINES)
        .map(|_| chance.lock().unwrap().random_range(0.9..1.1))
        .collect();
    let claims: Arc<Claims> = Arc::new(Mutex::new(vec![None, None, None]));
    let (both, taken) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let each_turn = {
        let (clocks, claims, both) = (Arc::clone(&clocks), Arc::clone(&claims), Arc::clone(&both));
        move || {
            // Before the call has its effect, time passes: most calls are quick, some take longer than the lease.
            let step = {
                let mut chance = chance.lock().unwrap();
                let longest = if chance.random_range(0..8) == 0 { 80_000 } else { 4_000 };
                Duration::from_millis(chance.random_range(0..longest))
            };
            for (clock, speed) in clocks.iter().zip(&speeds) {
                clock.advance(step.mul_f64(*speed));
            }
            let claims = claims.lock().unwrap();
            if claims.iter().flatten().filter(|claim| !claim.lost()).count() > 1 {
                both.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let schedule = Arc::new(Schedule::new(ENGINES, seed));
    let world = Arc::new(World::with_each_turn(
        Arc::clone(&schedule),
        seed,
        odds,
        vice,
        Box::new(each_turn),
    ));
    crate::proofs::make_catalog(&world);
    std::thread::scope(|scope| {
        for me in 0..ENGINES {
            let (schedule, world, clocks, claims, taken) = (&schedule, &world, &clocks, &claims, &taken);
            scope.spawn(move || {
                let _seat = schedule.seat(me);
                let mut chance = rand::rngs::StdRng::seed_from_u64(seed * 10 + me as u64);
                let chances = Arc::new(testing::SeededChance::new(seed * 10 + me as u64));
                let tenant = Name::tenant("acme").unwrap();
                let catalog = Catalog::open_in(world.client(me), clocks[me].clone(), chances, &tenant, "test");
                let holder = elsewhere(&me.to_string());
                let mut watch = Watch::default();
                for _ in 0..40 {
                    let mine = claims.lock().unwrap()[me].clone();
                    match mine {
                        Some(claim) if claim.lost() => claims.lock().unwrap()[me] = None,
                        Some(claim) if chance.random_range(0..10) == 0 => {
                            let _ = claim.release();
                            claims.lock().unwrap()[me] = None;
                        }
                        Some(claim) => drop(claim.beat()),
                        None => {
                            if let Ok(Attempt::Taken(claim)) = watch.attempt(&catalog, &name(), &holder, TTL) {
                                claims.lock().unwrap()[me] = Some(Arc::new(claim));
                                taken.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    }
                }
            });
        }
    });
    (both.load(Ordering::SeqCst), taken.load(Ordering::SeqCst))
}

#[test]
fn never_two_holders_at_a_store_that_is_slow_and_late() {
    let mut taken = 0;
    for seed in 0..100 {
        let (both, some) = engines_at_a_rough_store(seed, Odds::ROUGH, Vice::None);
        assert_eq!(both, 0, "seed {seed}");
        taken += some;
    }
    assert!(taken > 100, "only {taken} leases were taken");
}

#[test]
fn the_check_finds_two_holders_at_a_store_that_overwrites() {
    for vice in [Vice::Overwrites, Vice::ChecksThenWrites] {
        let found = (0..200).any(|seed| engines_at_a_rough_store(seed, Odds::ROUGH, vice).0 > 0);
        assert!(found, "{vice:?}");
    }
}

/// A store whose answer to a create is lost once, when it is told to.
#[derive(Debug)]
struct Forgetful {
    store: MemoryStore,
    loses: std::sync::atomic::AtomicBool,
}

impl crate::Store for Forgetful {
    fn read(&self, key: &crate::layout::Key) -> Result<Option<Vec<u8>>, crate::store::StoreError> {
        self.store.read(key)
    }
    fn create(
        &self,
        key: &crate::layout::Key,
        bytes: &[u8],
    ) -> Result<crate::store::Creation, crate::store::StoreError> {
        let done = self.store.create(key, bytes)?;
        if self.loses.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Err(crate::store::StoreError {
                fault: crate::store::Fault::Denied,
                action: crate::store::Action::Create,
                place: key.to_string(),
                source: std::io::ErrorKind::PermissionDenied.into(),
            });
        }
        Ok(done)
    }
    fn list(&self, folder: &Folder) -> Result<crate::store::Listing, crate::store::StoreError> {
        self.store.list(folder)
    }
    fn remove(&self, key: &crate::layout::Key) -> Result<(), crate::store::StoreError> {
        self.store.remove(key)
    }
    fn location(&self) -> String {
        self.store.location()
    }
}

#[test]
fn a_lease_is_given_back_although_the_answer_to_its_last_heartbeat_was_lost() {
    let store = Arc::new(Forgetful {
        store: MemoryStore::new(Manners::Atomic),
        loses: false.into(),
    });
    let shared: Arc<dyn crate::Store> = store.clone();
    let catalog = testing::catalog_in(shared, Arc::new(ManualClock::default()), "acme", 1);
    let claim = Claim::acquire(&catalog, &name(), &elsewhere("a"), TTL, NONE).unwrap();
    store.loses.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(claim.beat().is_err());
    claim.release().unwrap();
    assert!(!may_be_held(&catalog, &name()).unwrap());
}
