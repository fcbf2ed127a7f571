//! The walk over all points of a verb.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::restic::Restic;
use dram_tests::lab::{clock, restic, skip};
use dram_tests::verify::KILLS;
use dram_tests::world::{self, Stores, stores_for};

use super::end::{End, Which, check_with_restic, open_runs, runs, sweep, until_thawed};
use super::place::Place;
use super::verbs::{After, Verb};

const CRASH: &str = "DRAM_CRASH";
/// Names the one point to look at, such as `write:17`.
const AT: &str = "DRAM_CRASH_AT";
/// The kind of points at which a store is written to.
const WRITE: &str = "write";
/// So many writes to a server are looked at in each verb.
const SAMPLED: usize = 8;
const SIGKILL: i32 = 9;
/// Of so many kills one is followed by restoring all points, the others by restoring the newest.
const RESTORED: usize = 4;
/// Of so many one is looked at more closely: its vault is pruned late enough to lose what nothing needs.
const SWEPT: usize = 6;
/// Of so many one is read by stock restic, too.
const WITNESSED: usize = 24;
/// With more kills than this everything is looked at closely.
const FEW_KILLS: u64 = 20;

/// What the walk compares with.
struct Reference {
    end: End,
    runs: usize,
    swept: Vec<(String, usize)>,
    restic: Option<Restic>,
}

/// Kills the verb at each point, goes on as an operator would, and compares.
pub(crate) fn walk(name: &str, verb: &Verb, stores: Stores) -> Result<()> {
    let (Some(clock), restic) = (skip(name, clock::clock())?, skip(name, restic::any())?) else {
        return Ok(());
    };
    let Some(stores) = stores_for(name, stores)? else {
        return Ok(());
    };
    let place = Place::new(clock, stores, verb.changes)?;
    (verb.prepare)(&place)?;
    place.keep()?;

    let before = runs(&place)?;
    let counted = place.beside("points");
    (verb.act)(&place)?
        .env(CRASH, format!("count:{}", counted.display()))
        .ok()?;
    let after = runs(&place)?;
    let end = End::of(&place, Which::All)?;
    let reference = Reference {
        end,
        runs: after.max(before + usize::from(verb.after == After::Resume)),
        swept: swept(&place, verb)?,
        restic,
    };
    if let Some(restic) = &reference.restic {
        check_with_restic(&place, restic)?;
    }
    let points = points(&counted)?;
    for (kind, places) in &points {
        eprintln!("{name}: {} points of the kind {kind}", places.len());
    }
    claim(format!("{name} has points"), !points.is_empty(), String::new)?;
    let wanted = std::env::var(AT).ok();
    let sampled = sampled(stores, points.get(WRITE).map_or(0, Vec::len));
    for (kind, places) in &points {
        for (number, at) in (1..).zip(places) {
            let point = format!("{kind}:{number}");
            let is_wanted = match (&wanted, &sampled) {
                (Some(wanted), _) => *wanted == point,
                (None, Some(sampled)) => kind == WRITE && sampled.contains(&number),
                (None, None) => true,
            };
            if !is_wanted {
                continue;
            }
            place.renew()?;
            go_on(&place, verb, &point, number, &reference)
                .map_err(|error| std::io::Error::other(error.to_string()))
                .doing(|| format!("go on after a kill of {name} at {point}, {at}"))?;
        }
    }
    Ok(())
}

/// Which writes are looked at where a server keeps everything: some of them, spread over all, unless there is time. What is not
/// written was looked at over directories.
fn sampled(stores: Stores, writes: usize) -> Option<Vec<usize>> {
    if stores == Stores::Directories {
        return None;
    }
    if is_long() || writes <= SAMPLED {
        return Some((1..=writes).collect());
    }
    let (seed, mut chance) = Chance::of_now();
    let stride = (writes / SAMPLED) as u64;
    let of_stride = |number: u64| number * stride + chance.below(stride) + 1;
    let sampled: Vec<usize> = (0..SAMPLED as u64)
        .map(of_stride)
        .map(|number| number as usize)
        .collect();
    eprintln!("writes {sampled:?} of {writes}; DRAM_SEED={seed} repeats the choice");
    Some(sampled)
}

/// What lies in the vaults after pruning; nothing where the catalog does not know who writes there, or where a server takes no
/// request of another day.
fn swept(place: &Place, verb: &Verb) -> Result<Vec<(String, usize)>> {
    if verb.after == After::Alone || !place.may_shift() {
        return Ok(Vec::new());
    }
    let mut counts = sweep(place)?;
    // What was said twice stands there twice.
    counts.retain(|(folder, _)| verb.after != After::SayAgain || !folder.ends_with("snapshots"));
    Ok(counts)
}

/// Whether there is time to look at everything closely.
pub(crate) fn is_long() -> bool {
    std::env::var(KILLS).is_ok_and(|kills| kills.parse().is_ok_and(|kills: u64| kills > FEW_KILLS))
}

/// Where the points of each kind stand, in their order.
fn points(counted: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut points: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in world::read(counted)?.lines() {
        if let Some((kind, at)) = line.split_once(' ') {
            points.entry(kind.to_owned()).or_default().push(at.to_owned());
        }
    }
    Ok(points)
}

fn go_on(place: &Place, verb: &Verb, point: &str, number: usize, reference: &Reference) -> Result<()> {
    let done = (verb.act)(place)?.env(CRASH, point).run()?;
    claim("it is killed", done.status.signal() == Some(SIGKILL), || {
        format!("{}: {}", done.status, done.both())
    })?;
    // Whoever goes on at once meets those that still thaw.
    if number.is_multiple_of(2) {
        until_thawed(place)?;
    }
    take_up(place, verb, reference)?;
    // Of a repository that only now was made.
    place.cheapen()?;
    let closely = is_long();
    let which = match closely || number.is_multiple_of(RESTORED) {
        true => Which::All,
        false => Which::Newest,
    };
    End::of(place, which)?.check_same(&reference.end)?;
    if closely || number.is_multiple_of(SWEPT) {
        let swept = swept(place, verb)?;
        claim("nothing is left that nothing needs", swept == reference.swept, || {
            format!("{swept:#?}\nexpected {:#?}", reference.swept)
        })?;
    }
    match &reference.restic {
        Some(restic) if closely || number.is_multiple_of(WITNESSED) => check_with_restic(place, restic),
        _ => Ok(()),
    }
}

/// What an operator does: resumes what is open, or gives the command again where that is not done.
fn take_up(place: &Place, verb: &Verb, reference: &Reference) -> Result<()> {
    let again = || (verb.act)(place)?.ok().map(drop);
    if let After::UntilItSays(words) = verb.after {
        let done = (verb.act)(place)?.run()?;
        return match done.both().contains(words) {
            true => Ok(()),
            false => done.expect_code(0).map(drop),
        };
    }
    if verb.after != After::Resume {
        return again();
    }
    match open_runs(place)?.first() {
        Some(run) => {
            let resumed = place.dram().args(["resume", run]).run()?;
            if resumed.both().contains("before its steps were decided") {
                return again();
            }
            resumed.expect_code(0).map(drop)
        }
        // It had come to its end, and only could not say so any more.
        None if runs(place)? >= reference.runs => Ok(()),
        None => again(),
    }
}
