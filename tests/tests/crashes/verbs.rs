//! What is killed: each verb, with the world that it finds.

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::world;

use super::place::{Place, SHOP};

/// A verb of the program and its world.
pub(crate) struct Verb {
    /// Texts of the model and what stands in their place.
    pub(crate) changes: &'static [(&'static str, &'static str)],
    /// Makes the world that the verb finds.
    pub(crate) prepare: fn(&Place) -> Result<()>,
    /// The command.
    pub(crate) act: fn(&Place) -> Result<Call>,
    /// What an operator does after a kill.
    pub(crate) after: After,
}

/// How one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// By the run in the catalog.
    Resume,
    /// With the same command.
    Again,
    /// With the same command, which says the same a second time.
    SayAgain,
    /// With the same command, which says this if there is nothing left to do.
    UntilItSays(&'static str),
    /// With the same command, which knows of no catalog; so the catalog does not know of the takeover.
    Alone,
}

const TWO_VAULTS: (&str, &str) = ("vaults: [{ name: nas }]", "vaults: [{ name: nas }, { name: far }]");
/// A dump that is not at rest fails.
const AT_REST: [(&str, &str); 2] = [
    (
        "cat db/rows",
        "test -e state/frozen && cat db/rows && test -e state/frozen",
    ),
    (
        "  hooks: []",
        "  hooks:
    - { at: before-freeze, shell: \"mkdir -p state; touch state/frozen; echo freeze >> log\" }
    - { at: after-thaw, shell: \"rm -f state/frozen; echo thaw >> log\" }",
    ),
];

/// What each moment of a restore writes down, in their order.
const MOMENTS: [&str; 4] = ["before-restore", "before-start", "after-restore", "after-start"];
const HOOKS: [(&str, &str); 1] = [(
    "  hooks: []",
    "  hooks:
    - { at: before-freeze, shell: \"mkdir -p state; touch state/frozen; echo freeze >> log\" }
    - { at: after-thaw, shell: \"rm -f state/frozen; echo thaw >> log\" }
    - { at: before-restore, shell: \"echo before-restore >> log\" }
    - { at: after-restore, component: web, shell: \"test -e srv/large && echo after-restore >> log\" }
    - { at: before-start, component: web, shell: \"test -e srv/large && echo before-start >> log\" }
    - { at: after-start, shell: \"test -e state/running && echo after-start >> log\" }",
)];

fn declared(place: &Place) -> Result<()> {
    place.world.declare()
}

/// One point, and new data since.
fn protected(place: &Place) -> Result<()> {
    declared(place)?;
    place.dram().args(["protect", SHOP]).ok()?;
    place.cheapen()?;
    place.fill(2)
}

/// Four points, of which retention keeps two.
fn full(place: &Place) -> Result<()> {
    protected(place)?;
    for generation in 2..5 {
        place.fill(generation)?;
        place.dram().args(["protect", SHOP]).ok()?;
    }
    Ok(())
}

fn without_site(place: &Place) -> Result<()> {
    protected(place)?;
    let office = place.dir().join("office");
    std::fs::remove_dir_all(&office).doing(|| "lose the site".to_owned())
}

fn protects(place: &Place) -> Result<Call> {
    Ok(place.dram().args(["protect", SHOP]))
}

fn applies(place: &Place) -> Result<Call> {
    Ok(place.dram().arg("apply").arg(place.world.model()))
}

/// Everything is new: the repository, too.
pub(crate) fn first_apply() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| place.dram().args(["catalog", "init"]).ok().map(drop),
        act: applies,
        after: After::Again,
    }
}

/// A second vault, another retention, and something that is withdrawn.
pub(crate) fn apply() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| {
            protected(place)?;
            let model = world::read(&place.world.model())?;
            let without = model.split("---\n").filter(|part| !part.contains("kind: RecoveryPlan"));
            world::write(&place.world.model(), &without.collect::<Vec<_>>().join("---\n"))?;
            place.world.change_model(&[TWO_VAULTS, ("last: 2", "last: 3")])
        },
        act: |place| Ok(applies(place)?.arg("--prune")),
        after: After::Again,
    }
}

/// The vault knows of a takeover, and the catalog does not.
pub(crate) fn adopt() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| {
            without_site(place)?;
            let call = place.dram().without_env("DRAM_CATALOG").args(["recover", SHOP]);
            let call = call.args(place.world.vault_options()).arg("--attest-source-stopped");
            call.arg("--into").arg(place.dir().join("branch")).ok().map(drop)
        },
        act: |place| Ok(place.dram().args(["adopt", SHOP])),
        after: After::UntilItSays("there is nothing to adopt"),
    }
}

pub(crate) fn first_protect() -> Verb {
    Verb {
        changes: &[],
        prepare: declared,
        act: protects,
        after: After::Resume,
    }
}

pub(crate) fn protect() -> Verb {
    Verb {
        changes: &[],
        prepare: protected,
        act: protects,
        after: After::Resume,
    }
}

pub(crate) fn protect_at_rest() -> Verb {
    Verb {
        changes: &AT_REST,
        prepare: protected,
        act: protects,
        after: After::Resume,
    }
}

pub(crate) fn protect_into_two_vaults() -> Verb {
    Verb {
        changes: &[TWO_VAULTS],
        prepare: protected,
        act: protects,
        after: After::Resume,
    }
}

pub(crate) fn restore_in_place() -> Verb {
    Verb {
        changes: &[],
        prepare: without_site,
        act: |place| Ok(place.dram().args(["restore", SHOP])),
        after: After::Resume,
    }
}

pub(crate) fn restore_over_what_is_there() -> Verb {
    Verb {
        changes: &[],
        prepare: protected,
        act: |place| Ok(place.dram().args(["restore", SHOP, "--overwrite"])),
        after: After::Resume,
    }
}

pub(crate) fn restore_at_another_site() -> Verb {
    Verb {
        changes: &[],
        prepare: without_site,
        act: |place| {
            let call = place.dram().args(["restore", SHOP, "--to", "branch"]);
            Ok(call.arg("--attest-source-stopped"))
        },
        after: After::Resume,
    }
}

/// Hooks may be carried out twice, and none of them is left out or comes at another moment.
pub(crate) fn restore_with_hooks() -> Verb {
    Verb {
        changes: &HOOKS,
        prepare: protected,
        act: |place| Ok(place.dram().args(["restore", SHOP, "--overwrite"])),
        after: After::Resume,
    }
}

pub(crate) fn recover_from_a_vault_alone() -> Verb {
    Verb {
        changes: &[],
        prepare: without_site,
        act: |place| {
            let call = place.dram().without_env("DRAM_CATALOG").args(["recover", SHOP]);
            let call = call.args(place.world.vault_options()).arg("--attest-source-stopped");
            Ok(call.arg("--into").arg(place.dir().join("third")))
        },
        after: After::Alone,
    }
}

pub(crate) fn verify_by_restoring() -> Verb {
    Verb {
        changes: &[],
        prepare: protected,
        act: |place| Ok(place.dram().args(["verify", SHOP, "--level", "restore"])),
        after: After::SayAgain,
    }
}

pub(crate) fn prune_that_forgets() -> Verb {
    Verb {
        changes: &[],
        prepare: full,
        act: |place| Ok(place.dram().args(["prune", SHOP])),
        after: After::Again,
    }
}

pub(crate) fn prune_that_removes() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| {
            declared(place)?;
            let days_ago = |shift| place.clock.shifted(place.dram(), shift);
            for generation in 1..5 {
                place.fill(generation)?;
                days_ago("-3d").args(["protect", SHOP]).ok()?;
            }
            place.cheapen()?;
            // What this one marks has been marked for two days when the one that is killed comes by.
            days_ago("-2d").args(["prune", SHOP]).ok().map(drop)
        },
        act: |place| Ok(place.dram().args(["prune", SHOP])),
        after: After::Again,
    }
}

/// What was asked for is claimed, decided and carried out.
pub(crate) fn claim_of_what_was_asked_for() -> Verb {
    Verb {
        changes: &[],
        prepare: protected,
        act: |place| {
            let asked = place.dram().args(["protect", SHOP, "--request", "--key", "once"]);
            let run = asked.text()?;
            Ok(place.dram().args(["resume", run.trim()]))
        },
        after: After::Resume,
    }
}

pub(crate) fn copy() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| {
            protected(place)?;
            place.dram().args(["protect", SHOP]).ok()?;
            place.world.change_model(&[TWO_VAULTS])?;
            place.dram().arg("apply").arg(place.world.model()).ok().map(drop)
        },
        act: |place| Ok(place.dram().args(["copy", SHOP])),
        after: After::Resume,
    }
}

pub(crate) fn hold() -> Verb {
    Verb {
        changes: &[TWO_VAULTS],
        prepare: protected,
        act: |place| {
            let points = place.world.points(SHOP)?;
            let point = points.first().cloned().unwrap_or_default();
            Ok(place.dram().args(["hold", &point, "--reason", "audit"]))
        },
        after: After::SayAgain,
    }
}

pub(crate) fn rebuild_of_a_catalog() -> Verb {
    Verb {
        changes: &[],
        prepare: |place| {
            full(place)?;
            place.world.lose_catalog()?;
            place.dram().args(["catalog", "init"]).ok().map(drop)
        },
        act: |place| {
            Ok(place
                .dram()
                .args(["catalog", "rebuild"])
                .args(place.world.vault_options()))
        },
        after: After::Again,
    }
}

/// Hooks wrote down what they did: each freeze was followed by a thaw, and a restore came to its end.
pub(crate) fn check_hooks(place: &Place) -> Result<()> {
    let log = place.dir().join("office/log");
    if !log.exists() {
        return Ok(());
    }
    let log = world::read(&log)?;
    let (freezes, restores): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| ["freeze", "thaw"].contains(line));
    claim(
        "the last that was heard of freezes is a thaw",
        freezes.last() == Some(&"thaw"),
        || log.clone(),
    )?;
    let twice = freezes.windows(2).any(|pair| pair == ["freeze", "freeze"]);
    claim("nothing is frozen that was not thawed before", !twice, || log.clone())?;
    check_moments(&restores)
}

/// Hooks around a restore came in their order, each once or, where it was cut off, again.
fn check_moments(written: &[&str]) -> Result<()> {
    let mut moments = written.to_vec();
    moments.dedup();
    claim(
        "each hook of the restore came at its moment",
        moments.is_empty() || moments == MOMENTS,
        || format!("{written:?}"),
    )
}
