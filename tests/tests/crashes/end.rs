//! What is there when all is done: equal however often somebody was killed on the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dram_tests::error::{Result, claim};
use dram_tests::lab::restic::Restic;
use dram_tests::shop::wait_until;
use dram_tests::tree::{Tree, differences, observe};
use dram_tests::world::{World, json, offered_among};
use serde_json::Value;

use super::place::{Place, SHOP, Vault};
use super::verbs::check_hooks;

/// How long whoever thaws may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is said of a point in each run alike.
const SAME: [&str; 8] = [
    "site",
    "epoch",
    "class",
    "consistency",
    "items",
    "bytes",
    "state",
    "offered",
];
/// What of a site is not the application's data: when it was made is not compared.
const TIMELESS: [&str; 3] = ["db", "state", "dump"];

/// Which points are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that are offered.
    All,
    /// The newest of each vault.
    Newest,
}

/// The end of a verb.
pub(crate) struct End {
    /// What the catalog and the vaults say, as text.
    said: Vec<String>,
    /// Sites, and points as they are restored.
    trees: Vec<(String, Tree)>,
}

impl End {
    /// Looks at everything, and restores points.
    pub(crate) fn of(place: &Place, which: Which) -> Result<End> {
        check_thawed(place)?;
        let mut end = End {
            said: vec![format!("open runs: {}", open_runs(place)?.len())],
            trees: Vec::new(),
        };
        let status = json(place.dram().arg("status"))?;
        let sites = ["office", "branch", "third"].map(|site| place.dir().join(site).exists());
        end.said.push(format!("sites: {sites:?}"));
        let rows = status.as_array().into_iter().flatten();
        end.said
            .extend(rows.map(|row| format!("index: {} points, epoch {}", of(row, "points"), of(row, "epoch"))));
        for site in ["office", "branch", "third"] {
            end.see(site, &place.dir().join(site))?;
        }
        end.said.push(format!("declared: {}", standing(place)?));
        for vault in place.vaults() {
            if vault.is_used()? {
                end.see_vault(place, &vault, which)?;
            }
        }
        Ok(end)
    }

    /// What a vault says, and its points as they are restored.
    fn see_vault(&mut self, place: &Place, vault: &Vault, which: Which) -> Result<()> {
        let call = place.dram().without_env("DRAM_CATALOG").args(["points", "--vault"]);
        let call = call.arg(&vault.address).arg("--password-file");
        let rows = json(call.arg(place.world.key()))?;
        for row in rows.as_array().into_iter().flatten() {
            let fields = SAME.map(|name| format!("{name} {}", of(row, name)));
            self.said.push(format!("{}: {}", vault.name, fields.join(", ")));
        }
        let offered = offered_among(&rows);
        for (number, point) in offered.iter().enumerate() {
            if which == Which::Newest && number + 1 < offered.len() {
                continue;
            }
            let name = format!("{} {number}", vault.name);
            let into = place.dir().join("back").join(&name);
            let call = place
                .dram()
                .args(["restore", SHOP, "--from", vault.name, "--point", point]);
            call.arg("--into").arg(&into).ok()?;
            self.see(&name, &into)?;
        }
        Ok(())
    }

    fn see(&mut self, name: &str, folder: &Path) -> Result<()> {
        if folder.exists() {
            self.trees.push((name.to_owned(), normal(observe(folder)?)));
        }
        Ok(())
    }

    /// It is the same as another one.
    pub(crate) fn check_same(&self, expected: &End) -> Result<()> {
        claim("catalog and vaults say the same", self.said == expected.said, || {
            format!("{:#?}\nexpected {:#?}", self.said, expected.said)
        })?;
        for (name, found) in &self.trees {
            let expected = expected.trees.iter().find(|(other, _)| other == name);
            let differ = match expected {
                Some((_, expected)) => differences(expected, found),
                None => differences(
                    &Tree {
                        entries: BTreeMap::new(),
                    },
                    found,
                ),
            };
            claim(format!("`{name}` is the same"), differ.is_empty(), || {
                differ.iter().map(|one| format!("\n    {one}")).collect()
            })?;
        }
        Ok(())
    }
}

/// How what is declared stands to the model.
fn standing(place: &Place) -> Result<Value> {
    json(
        place
            .dram()
            .args(["apply", "--dry-run", "--prune"])
            .arg(place.world.model()),
    )
}

/// The runs that an operator sees as interrupted.
pub(crate) fn open_runs(place: &Place) -> Result<Vec<String>> {
    let runs = json(place.dram().arg("runs"))?;
    let rows = runs.as_array().into_iter().flatten();
    let is_open = |row: &&Value| {
        let state = row.get("state").and_then(Value::as_str);
        matches!(state, Some("interrupted" | "requested"))
    };
    let open = rows.filter(is_open);
    Ok(open
        .filter_map(|row| row.get("run")?.as_str().map(str::to_owned))
        .collect())
}

/// How many runs there are, open or not.
pub(crate) fn runs(place: &Place) -> Result<usize> {
    let runs = json(place.dram().arg("runs"))?;
    Ok(runs.as_array().map_or(0, Vec::len))
}

/// Nothing is frozen, or it will not be in a moment: whoever thaws works by itself.
fn check_thawed(place: &Place) -> Result<()> {
    let thawed = wait_until(PATIENCE, || !is_marked_frozen(place));
    claim(
        "nothing is left that says that something is frozen",
        thawed,
        String::new,
    )?;
    let frozen = place.dir().join("office/state/frozen").exists();
    claim("nothing is frozen", !frozen, String::new)?;
    check_hooks(place)
}

/// Whether somebody still has to thaw.
pub(crate) fn is_marked_frozen(place: &Place) -> bool {
    place
        .dir()
        .join("office/var/lib/dram/freeze/default/shop.json")
        .exists()
}

/// Waits until whoever thaws by itself has done so.
pub(crate) fn until_thawed(place: &Place) -> Result<()> {
    let thawed = wait_until(PATIENCE, || !is_marked_frozen(place));
    claim("whoever freezes thaws when the engine is gone", thawed, String::new)
}

/// After two prunes that come late enough, nothing lies in the vaults that nothing needs.
pub(crate) fn sweep(place: &Place) -> Result<Vec<(String, usize)>> {
    for later in ["+9d", "+11d"] {
        place.clock.shifted(place.dram(), later).args(["prune", SHOP]).ok()?;
    }
    let mut counts = Vec::new();
    for vault in place.vaults() {
        for folder in ["keys", "snapshots", "locks"] {
            let inside = vault.raw.list(&format!("{}/{folder}/", World::folder_of(SHOP)))?;
            counts.push((format!("{} {folder}", vault.name), inside.len()));
        }
    }
    Ok(counts)
}

/// Stock restic finds nothing wrong, and, where a prune came late enough, no pack that no index names.
pub(crate) fn check_with_restic(place: &Place, restic: &Restic) -> Result<()> {
    let checked = place.world.restic(restic, SHOP).args(["check", "--read-data"]).ok()?;
    let said = checked.both();
    claim("restic finds no error", said.contains("no errors were found"), || {
        said.clone()
    })?;
    claim(
        "every pack is named by an index",
        !place.may_shift() || !said.contains("additional files"),
        || said,
    )
}

fn of(row: &Value, name: &str) -> String {
    row.get(name).map(Value::to_string).unwrap_or_default()
}

/// Without what the engine keeps for itself, and without the times of what is no data of files.
fn normal(tree: Tree) -> Tree {
    let mut entries = tree.entries;
    let below = |path: &[u8], folder: &str| {
        let rest = path.strip_prefix(folder.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    entries.retain(|path, _| !below(path, "var") && !below(path, "log"));
    for (path, entry) in &mut entries {
        // What lies above an item's paths is only made where it is missing.
        let timeless = path.is_empty()
            || path == b"etc"
            || path.ends_with(b".dump")
            || TIMELESS.iter().any(|one| below(path, one));
        if timeless {
            entry.modified = (0, 0);
        }
    }
    Tree { entries }
}
