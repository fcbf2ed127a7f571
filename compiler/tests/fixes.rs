//! Fixes: what each of them writes, and that a fixed text is better than it was.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::check::{check, repair};
use dram_compiler::diagnostic::{Diagnostic, SHOP, Severity, apply};
use dram_compiler::source::Sources;
use proptest::prelude::*;
use std::collections::BTreeSet;

const COMPLETE: &str = include_str!("language/complete.yaml");
const EXAMPLE: &str = include_str!("../../examples/shop/dram.yaml");

/// The first source's text.
fn text(sources: &Sources) -> &str {
    &sources.get(0).unwrap().text
}

fn repaired(written: &str) -> String {
    text(&repair(&Sources::one("dram.yaml", written)).sources).to_owned()
}

/// The shop with a part of its first occurrence on replaced by what is wrong becomes, fixed, the shop with what is fixed.
fn check_fix(right: &str, wrong: &str, fixed: &str) {
    assert!(SHOP.contains(right), "{right}");
    let written = SHOP.replacen(right, wrong, 1);
    let expected = SHOP.replacen(right, fixed, 1);
    assert_eq!(repaired(&written), expected, "{wrong}");
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(repaired(&windows(&written)), windows(&expected), "{wrong} with CRLF");
    assert_eq!(
        repaired(&format!("\u{feff}{written}")),
        format!("\u{feff}{expected}"),
        "{wrong}"
    );
}

#[test]
fn what_can_mean_one_thing_is_written() {
    for (right, wrong, fixed) in [
        // names of fields, kinds and declarations
        ("failureDomain: nas", "failuredomain: nas", "failureDomain: nas"),
        (
            "failureDomain: nas",
            "\"failure_domain\": nas",
            "\"failureDomain\": nas",
        ),
        ("failureDomain: nas", "'failureDomian' : nas", "'failureDomain' : nas"),
        ("kind: Vault", "kind: Valt", "kind: Vault"),
        ("kind: RecoverySite", "kind: Site", "kind: RecoverySite"),
        (
            "kind: ProtectionPolicy",
            "kind: \"policy\"",
            "kind: \"ProtectionPolicy\"",
        ),
        (
            "apiVersion: dram.dev/v1",
            "apiVersion: Dram.dev/v1",
            "apiVersion: dram.dev/v1",
        ),
        ("site: office", "site: ofice", "site: office"),
        ("policy: hourly", "policy: hourlly # here", "policy: hourly # here"),
        ("names: [shop]", "names: [\"shpo\"]", "names: [\"shop\"]"),
        // quantities
        ("every: 1h", "every: 60 min", "every: 60m"),
        ("every: 1h", "every: '1.5 hours'", "every: '90m'"),
        ("size: 4Gi", "size: 4 GiB", "size: 4Gi"),
        ("size: 4Gi", "size: 4096", "size: \"4096\""),
        ("changeRate: 500Mi/d", "changeRate: 500 MiB/day", "changeRate: 500Mi/d"),
        // shapes
        ("[/srv/shop]", "/srv/shop", "[/srv/shop]"),
        ("[/srv/shop]", "\"/srv/a,b\"", "[\"/srv/a,b\"]"),
        (
            "schedule: [{ every: 1h }]",
            "schedule: { every: 1h }",
            "schedule: [{ every: 1h }]",
        ),
        ("name: web", "name: 7", "name: \"7\""),
        // nothing
        ("host: { root: /office }", "host:", "host: {}"),
        ("host: { root: /office }", "host: ~ # here", "host: {} # here"),
        ("  bandwidth: 50Mi/s\n", "  bandwidth:\n", ""),
        ("  bandwidth: 50Mi/s\n", "  bandwidth: null  \n", ""),
        ("size: 4Gi, ", "size: , ", ""),
        (", changeRate: 500Mi/d", ", changeRate: ", " "),
        (", changeRate: 500Mi/d", ", changeRate: ~", ""),
    ] {
        check_fix(right, wrong, fixed);
    }
}

#[test]
fn what_can_mean_two_things_is_left() {
    for (right, wrong) in [
        ("every: 1h", "every: 5M"),
        ("every: 1h", "every: 60"),
        ("size: 4Gi", "size: 4GB"),
        ("name: nas", "name: NAS"),
        ("policy: hourly", "policy: hourly-2"),
        ("site: office", "site: cellar"),
        ("failureDomain: nas", "failureDomain: nas\n  failuredomain: nas"),
        // A comment beside it may say why.
        ("  bandwidth: 50Mi/s\n", "  bandwidth: # later\n"),
        ("{ file: /etc/dram/key }", "hunter2"),
    ] {
        check_fix(right, wrong, wrong);
    }
}

/// A fix may lay bare what the next turn fixes.
#[test]
fn fixes_follow_each_other() {
    check_fix(
        "schedule: [{ every: 1h }]",
        "schedul: { evry: 1 hour }",
        "schedule: [{ every: 1h }]",
    );
    check_fix(
        "failureDomain: nas",
        "failuredomain: nas\n  capacity: 2 TiB",
        "failureDomain: nas\n  capacity: 2Ti",
    );
}

#[test]
fn a_misspelled_secret_is_renamed_and_not_read() {
    let wrong = SHOP.replacen("password: { file: /etc/dram/key }", "pasword: hunter2", 1);
    let repaired = repair(&Sources::one("dram.yaml", &wrong));
    assert!(text(&repaired.sources).contains("password: hunter2\n"));
    let told: Vec<String> = repaired.applied.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["dram.yaml:23:3: DRAM0010: write `password`"]);
    assert_eq!(repaired.checked.diagnostics[0].code.id, "DRAM0020");
}

/// What a profile has put somewhere does not stand in the text where it is used.
#[test]
fn a_profile_s_text_is_not_changed_where_it_is_used() {
    let own = "---\napiVersion: dram.dev/v1\nkind: Profile\nmetadata: { name: mine }\nspec:\n  parameters: [{ name: wait }]\n  \
               component:\n    host: { paths: [/srv] }\n    health: [{ exec: { run: [up] }, timeout: \"${wait}\" }]\n";
    let uses = "profile: { use: mine, with: { wait: 5 min } }";
    let text = format!("{}{own}", SHOP.replacen("host: { paths: [/srv/shop] }", uses, 1));
    let found = check(&Sources::one("dram.yaml", &text)).diagnostics;
    assert_eq!(found[0].code.id, "DRAM0016", "{found:?}");
    assert_eq!(repaired(&text), text);
}

/// The words of a text that stand in keys and values.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_ascii_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// A slip of the pen.
fn slip(word: &str, kind: usize, at: usize) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at % letters.len();
    match kind {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letters[at]),
        2 => letters.swap(at, (at + 1) % word.len()),
        3 => {
            letters[at] = if letters[at].is_uppercase() {
                letters[at].to_ascii_lowercase()
            } else {
                letters[at].to_ascii_uppercase()
            }
        }
        4 => letters.push('s'),
        5 => return format!("\"{word}\""),
        6 => return "~".to_owned(),
        7 => return format!("{word} min"),
        _ => return format!("[{word}]"),
    }
    letters.into_iter().collect()
}

fn errors(findings: &[Diagnostic]) -> BTreeSet<(&'static str, String)> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| (finding.code.id, finding.message.clone()))
        .collect()
}

proptest! {
    // A fixed seed: what it found once it finds again.
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// After each single fix its finding is gone, and nothing is wrong that was not wrong before.
    #[test]
    fn a_fix_makes_nothing_worse(which in 0usize..3, word in any::<prop::sample::Index>(), kind in 0usize..9, at in 0usize..20) {
        let model = [SHOP, COMPLETE, EXAMPLE][which];
        let words = words(model);
        let (start, end) = words[word.index(words.len())];
        let written = format!("{}{}{}", &model[..start], slip(&model[start..end], kind, at), &model[end..]);
        let sources = Sources::one("dram.yaml", &written);
        let found = check(&sources).diagnostics;
        let before = errors(&found);
        for finding in found.iter().filter(|finding| finding.fix.is_some()) {
            let (fixed, applied) = apply(&sources, std::slice::from_ref(finding));
            prop_assert_eq!(applied.len(), 1);
            let after = check(&fixed).diagnostics;
            // The same may be said of several places, of which one was mended.
            let said = |findings: &[Diagnostic]| {
                let same = |other: &&Diagnostic| (other.code.id, &other.message) == (finding.code.id, &finding.message);
                findings.iter().filter(same).count()
            };
            prop_assert!(said(&after) < said(&found), "{}\n{:?}\n=>\n{}", written, finding, text(&fixed));
            let after = errors(&after);
            let new: Vec<_> = after.difference(&before).collect();
            prop_assert!(new.is_empty(), "{}\n{:?}\n=>\n{}\n{:?}", written, finding, text(&fixed), new);
        }
        let once = repair(&sources);
        prop_assert!(repair(&once.sources).applied.is_empty());
        let left = errors(&once.checked.diagnostics);
        prop_assert!(left.is_subset(&before), "{}\n=>\n{}\n{:?}", written, text(&once.sources), left.difference(&before));
    }
}
