//! A store in memory that does to its clients what stores and networks do, as a seed says.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::schedule::Schedule;
use super::{Manners, MemoryStore};
use crate::layout::{Folder, Key};
use crate::store::{Action, Creation, Fault, Listing, Store, StoreError};

/// Of 1000 calls, so many meet this fate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Odds {
    /// The server answers 500 or 503 and does nothing.
    pub(crate) refused: u32,
    /// The request gets lost.
    pub(crate) lost_before: u32,
    /// The answer gets lost.
    pub(crate) lost_after: u32,
    /// The client gives up, and the server carries the request out later, or never.
    pub(crate) late: u32,
    /// The request is carried out, answered, and carried out again later.
    pub(crate) doubled: u32,
}

impl Odds {
    /// Everything that can happen to a client of a store that is itself correct.
    pub(crate) const ROUGH: Odds = Odds {
        refused: 40,
        lost_before: 40,
        lost_after: 60,
        late: 60,
        doubled: 30,
    };
    /// Nothing goes wrong.
    pub(crate) const CALM: Odds = Odds {
        refused: 0,
        lost_before: 0,
        lost_after: 0,
        late: 0,
        doubled: 0,
    };
}

/// What a store must never do. Each is there so that the checks can be seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vice {
    /// None: the port's guarantees hold.
    None,
    /// Looks whether the record exists and writes a turn later.
    ChecksThenWrites,
    /// Accepts the condition and overwrites.
    Overwrites,
    /// Lists what stood a while ago.
    ListsThePast,
    /// Does not find at times what stands.
    ForgetsOnReading,
}

/// The store itself, shared by its clients.
pub(crate) struct World {
    schedule: Arc<Schedule>,
    records: MemoryStore,
    odds: Odds,
    vice: Vice,
    state: Mutex<State>,
    /// Called with each turn, before the call of the client whose turn it is.
    each_turn: Box<dyn Fn() + Send + Sync>,
}

struct State {
    chance: StdRng,
    late: Vec<Effect>,
    past: HashMap<Folder, Listing>,
    /// The first bytes of every key that was ever created: what the record *is*, whatever is created there afterwards.
    first: BTreeMap<Key, Vec<u8>>,
    calls: u64,
}

#[derive(Clone)]
enum Effect {
    Create(Key, Vec<u8>),
    Remove(Key),
}

/// What becomes of a call.
enum Fate {
    Fine,
    Refused,
    LostBefore,
    LostAfter,
    Late,
    Doubled,
}

impl World {
    pub(crate) fn new(schedule: Arc<Schedule>, seed: u64, odds: Odds, vice: Vice) -> Self {
        World::with_each_turn(schedule, seed, odds, vice, Box::new(|| {}))
    }

    pub(crate) fn with_each_turn(
        schedule: Arc<Schedule>,
        seed: u64,
        odds: Odds,
        vice: Vice,
        each_turn: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        World {
            schedule,
            records: MemoryStore::new(Manners::Atomic),
            odds,
            vice,
            state: Mutex::new(State {
                chance: StdRng::seed_from_u64(seed),
                late: Vec::new(),
                past: HashMap::new(),
                first: BTreeMap::new(),
                calls: 0,
            }),
            each_turn,
        }
    }

    /// The records as they are, for making a catalog before anything goes wrong.
    pub(crate) fn calm(&self) -> &MemoryStore {
        &self.records
    }

    /// The store as client `me` of the schedule reaches it.
    pub(crate) fn client(self: &Arc<Self>, me: usize) -> Arc<dyn Store> {
        Arc::new(FaultStore {
            world: Arc::clone(self),
            me,
        })
    }

    /// What the record at `key` is: the first bytes that it ever had.
    pub(crate) fn first(&self, key: &Key) -> Option<Vec<u8>> {
        self.state.lock().unwrap().first.get(key).cloned()
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state.lock().unwrap().calls
    }

    /// Carries out what is late.
    pub(crate) fn settle(&self) {
        let late = std::mem::take(&mut self.state.lock().unwrap().late);
        for effect in late {
            self.apply(&effect);
        }
    }

    fn apply(&self, effect: &Effect) -> Creation {
        match effect {
            Effect::Create(key, bytes) => {
                let creation = self.records.create(key, bytes).unwrap();
                if creation == Creation::Won {
                    let mut state = self.state.lock().unwrap();
                    state.first.entry(key.clone()).or_insert_with(|| bytes.clone());
                }
                creation
            }
            Effect::Remove(key) => {
                self.records.remove(key).unwrap();
                Creation::Won
            }
        }
    }

    /// Waits for the client's turn, lets what is late happen or not, and says what becomes of the call.
    fn turn(&self, me: usize) -> Fate {
        self.schedule.step(me);
        (self.each_turn)();
        let (due, fate) = {
            let mut state = self.state.lock().unwrap();
            let state = &mut *state;
            state.calls += 1;
            let mut due = Vec::new();
            if !state.late.is_empty() && state.chance.random_range(0..6) == 0 {
                let place = state.chance.random_range(0..state.late.len());
                due.push(state.late.swap_remove(place));
            }
            let draw: u32 = state.chance.random_range(0..1000);
            let odds = self.odds;
            let fates = [
                (odds.refused, Fate::Refused),
                (odds.lost_before, Fate::LostBefore),
                (odds.lost_after, Fate::LostAfter),
                (odds.late, Fate::Late),
                (odds.doubled, Fate::Doubled),
            ];
            let mut below = 0;
            let fate = fates.into_iter().find(|(share, _)| {
                below += share;
                draw < below
            });
            (due, fate.map_or(Fate::Fine, |(_, fate)| fate))
        };
        for effect in due {
            self.apply(&effect);
        }
        fate
    }

    fn postpone(&self, effect: Effect) {
        let mut state = self.state.lock().unwrap();
        // Some requests are never carried out.
        if state.chance.random_range(0..4) > 0 {
            state.late.push(effect);
        }
    }

    /// A call with an effect.
    fn change(&self, me: usize, action: Action, effect: Effect) -> Result<Creation, StoreError> {
        let fail = |fault| Err(error(fault, action));
        match self.turn(me) {
            Fate::Refused => return fail(Fault::Failed),
            Fate::LostBefore => return fail(Fault::Unreachable),
            Fate::Late => {
                self.postpone(effect);
                return fail(Fault::Unreachable);
            }
            Fate::LostAfter => {
                self.carry_out(me, &effect);
                return fail(Fault::Unreachable);
            }
            Fate::Doubled => self.postpone(effect.clone()),
            Fate::Fine => {}
        }
        Ok(self.carry_out(me, &effect))
    }

    fn carry_out(&self, me: usize, effect: &Effect) -> Creation {
        let Effect::Create(key, bytes) = effect else {
            return self.apply(effect);
        };
        match self.vice {
            Vice::ChecksThenWrites => {
                if self.records.read(key).unwrap().is_some() {
                    return Creation::Exists;
                }
                self.schedule.step(me);
                self.records.put(key, bytes);
            }
            Vice::Overwrites => self.records.put(key, bytes),
            Vice::None | Vice::ListsThePast | Vice::ForgetsOnReading => return self.apply(effect),
        }
        // What the last writer left there is what everybody reads from now on.
        self.state.lock().unwrap().first.insert(key.clone(), bytes.clone());
        Creation::Won
    }

    /// A call without an effect.
    fn look<T>(&self, me: usize, action: Action, look: impl FnOnce() -> T) -> Result<T, StoreError> {
        match self.turn(me) {
            Fate::Refused => Err(error(Fault::Failed, action)),
            Fate::LostBefore | Fate::LostAfter | Fate::Late => Err(error(Fault::Unreachable, action)),
            Fate::Doubled | Fate::Fine => Ok(look()),
        }
    }

    fn chance(&self, one_in: u32) -> bool {
        self.state.lock().unwrap().chance.random_range(0..one_in) == 0
    }
}

fn error(fault: Fault, action: Action) -> StoreError {
    StoreError {
        fault,
        action,
        place: "memory".to_owned(),
        source: io::Error::from(io::ErrorKind::TimedOut),
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World({:?}, {:?})", self.odds, self.vice)
    }
}

/// One client's way to a [`World`].
#[derive(Debug)]
struct FaultStore {
    world: Arc<World>,
    me: usize,
}

impl Store for FaultStore {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let world = &self.world;
        world.look(self.me, Action::Read, || {
            if world.vice == Vice::ForgetsOnReading && world.chance(3) {
                return None;
            }
            world.records.read(key).unwrap()
        })
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let effect = Effect::Create(key.clone(), bytes.to_vec());
        self.world.change(self.me, Action::Create, effect)
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let world = &self.world;
        world.look(self.me, Action::List, || {
            let now = world.records.list(folder).unwrap();
            if world.vice != Vice::ListsThePast {
                return now;
            }
            let lags = world.chance(2);
            let past = world.state.lock().unwrap().past.insert(folder.clone(), now.clone());
            if lags { past.unwrap_or_default() } else { now }
        })
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.world
            .change(self.me, Action::Remove, Effect::Remove(key.clone()))
            .map(|_| ())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}
