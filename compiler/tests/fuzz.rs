//! Damaged models, and what is made of them: nothing panics, nothing runs away, and what holds can be proved, built, explained and
//! formatted.
//!
//! Each model is damaged again and again, in bytes and in lines, with pieces of itself and of the others, and with pieces that are
//! known to be hard. `DRAM_FUZZ` says for how many seconds; without it, a fixed number of tries from a fixed seed.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "the models lie in files")]
#![expect(
    clippy::disallowed_types,
    reason = "a search ends after a time, and nothing may run away"
)]

use dram_compiler::backend::{json, terraform};
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::{check, repair};
use dram_compiler::source::Sources;
use dram_compiler::{diagnostic, explained, format, graph, prove};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Tries without `DRAM_FUZZ`.
const TRIES: u64 = 300;
/// A text that takes longer has run away: it takes milliseconds, on a busy machine a second.
const RUNAWAY: Duration = Duration::from_secs(60);
/// Texts grow no longer than this.
const LONGEST: usize = 200_000;

const HARD: &[&str] = &[
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!t ",
    "? ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "'",
    "\"",
    "\\",
    "#",
    "%",
    "\t",
    "\r\n",
    "\n",
    "\u{feff}",
    "\u{0}",
    "\u{2028}",
    "~",
    "null",
    "0",
    "-1",
    "18446744073709551616",
    "1Pi/s",
    "9999999999w",
    "0s",
    "1e400",
    "02:30",
    "* * * * *",
    "0 0 30 2 *",
    "${",
    "}",
    "*",
    "🦀",
];

/// A generator whose numbers depend on its seed alone (SplitMix64, Steele, Lea and Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn of<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        choices.get(self.below(choices.len())).unwrap()
    }

    /// A part of a text, at borders of characters.
    fn part<'t>(&mut self, text: &'t str, longest: usize) -> &'t str {
        let start = text.floor_char_boundary(self.below(text.len() + 1));
        let length = self.below(longest);
        let end = text.floor_char_boundary((start + length).min(text.len()));
        text.get(start..end).unwrap()
    }
}

/// The models that are damaged.
fn models() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![
        root.join("tests/language/complete.yaml"),
        root.join("../tests/models/every-field.yaml"),
    ];
    let mut examples: Vec<PathBuf> = std::fs::read_dir(root.join("../examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("dram.yaml"))
        .filter(|file| file.is_file())
        .collect();
    examples.sort();
    files.extend(examples);
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// The text with one piece taken away, put in, doubled or exchanged.
fn damaged(text: &str, models: &[String], chance: &mut Chance) -> String {
    let at = text.floor_char_boundary(chance.below(text.len() + 1));
    let (before, after) = text.split_at(at);
    let cut = after.floor_char_boundary(chance.below(12).min(after.len()));
    let line = after.find('\n').map_or(after.len(), |end| end + 1);
    let rest = |from: usize| after.get(from..).unwrap_or_default();
    match chance.below(8) {
        0 => format!("{before}{}", rest(cut)),
        1 => format!("{before}{}{after}", chance.of(HARD)),
        2 => format!("{before}{}{}", chance.of(HARD), rest(cut)),
        3 => format!("{before}{}", rest(line)),
        4 => format!("{before}{}{after}", chance.part(text, 400)),
        5 => {
            let other = chance.below(models.len());
            let part = chance.part(models.get(other).unwrap(), 2_000);
            format!("{before}{part}{after}")
        }
        6 => format!("{before}{}{after}", chance.of(HARD).repeat(1 + chance.below(300))),
        _ => before.to_owned(),
    }
}

/// Everything that can be made of a text.
fn all_of_it(text: &str) {
    let sources = Sources::one("t.yaml", text);
    let checked = check(&sources);
    let _ = diagnostic::render(&sources, &checked.diagnostics, false);
    let _ = format::format(text);
    if checked.diagnostics.len() < 50 {
        let _ = repair(&sources);
    }
    let Some(model) = checked.model else { return };
    let report = prove::prove(&model);
    let _ = (report.to_text(), report.to_json(), report.diagnostics(&model));
    let _ = terraform::build(&blueprint(&model).commented(&sources));
    let _ = json::build(&model);
    let _ = graph::mermaid(&graph::graph(&model, graph::View::Whole));
    // What is explained is a model again.
    let explained = explained::to_text(&explained::fill(&model));
    let again = check(&Sources::one("explained.yaml", &explained));
    let left = diagnostic::render(&Sources::one("explained.yaml", &explained), &again.diagnostics, false);
    assert!(again.model.is_some(), "what is explained is no model:\n{left}");
}

#[test]
fn damage_never_stops_the_compiler() {
    let seconds: Option<u64> = std::env::var("DRAM_FUZZ").ok().and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|seconds| *seconds > 0);
    let models = models();
    let mut chance = Chance(match seconds {
        None => 20_261_122,
        // A longer search goes other ways each time; a failure prints its text.
        Some(_) => u64::from(std::process::id()) << 32 ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_secs(),
    });
    let begun = Instant::now();
    let mut tries = 0;
    while seconds.map_or(tries < TRIES, |seconds| begun.elapsed().as_secs() < seconds) {
        let mut text = chance.of(&models).clone();
        for _ in 0..=chance.below(4) {
            text = damaged(&text, &models, &mut chance);
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        let started = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| all_of_it(&text)));
        assert!(done.is_ok(), "the panic above is of this text:\n{text}");
        assert!(started.elapsed() < RUNAWAY, "this text ran away:\n{text}");
        tries += 1;
    }
    assert!(tries > 0, "nothing was tried");
}
