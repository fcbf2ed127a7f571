//! Texts of any kind, and models that were damaged anywhere: each is judged, nothing panics, and no secret is shown.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::check::{check, repair};
use dram_compiler::diagnostic;
use dram_compiler::source::Sources;
use proptest::prelude::*;

const VAULT: &str = "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec:\n  directory: { path: /mnt }\n  \
                     failureDomain: nas\n  password: { file: /etc/key }\n";

/// Pieces of models and of what breaks them.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        VAULT,
        "---\n",
        "...\n",
        "apiVersion: dram.dev/v1\n",
        "kind: Application\n",
        "metadata: { name: a }\n",
        "spec:\n",
        "  components:\n",
        "    - name: a\n",
        "password: hunter2\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        " ",
        "\n",
        "\t",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!t ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "#",
        "%",
        "@",
        "`",
        "<<: ",
        "~",
        "\u{feff}",
        "\r\n",
        "ä",
        "🦀",
        "\0",
        "\u{85}",
        "\u{2028}",
        ",",
        "\\",
        "-",
    ];
    prop_oneof![3 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn survives(text: &str) {
    let sources = Sources::one("t.yaml", text);
    let checked = check(&sources);
    assert_eq!(checked.model.is_none(), diagnostic::has_errors(&checked.diagnostics));
    for finding in &checked.diagnostics {
        assert!(
            finding.span.start <= finding.span.end && finding.span.end as usize <= text.len(),
            "{finding:?}"
        );
        assert!(text.is_char_boundary(finding.span.start as usize), "{finding:?}");
    }
    let shown = diagnostic::render(&sources, &checked.diagnostics, false);
    let json = diagnostic::to_json(&sources, &checked.diagnostics);
    assert_eq!(json.as_array().unwrap().len(), checked.diagnostics.len());
    assert_eq!(shown.is_empty(), checked.diagnostics.is_empty());
    let sarif = diagnostic::to_sarif(&sources, &checked.diagnostics);
    assert_eq!(
        sarif.pointer("/runs/0/results").unwrap().as_array().unwrap().len(),
        checked.diagnostics.len()
    );
    let once = repair(&sources);
    let twice = repair(&once.sources);
    assert!(
        twice.applied.is_empty(),
        "{text}\n{:?}\n{:?}",
        once.applied,
        twice.applied
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_are_judged(pieces in proptest::collection::vec(piece(), 0..24)) {
        survives(&pieces.concat());
    }

    /// A model cut or damaged anywhere.
    #[test]
    fn any_damage_is_judged(from in 0usize..900, length in 0usize..40, put in piece()) {
        let mut text = include_str!("../../examples/shop/dram.yaml").to_owned();
        let start = text.floor_char_boundary(from * text.len() / 900);
        let end = text.floor_char_boundary((start + length).min(text.len()));
        text.replace_range(start..end, &put);
        survives(&text);
    }
}

/// A secret in clear, in several ways of writing it. What stands from before its key to its end is not damaged.
const SECRETS: &[&str] = &[
    "password: hunter2\n",
    "password: \"hunter2\"\n",
    "password: 'hunter2'   # comment\n",
    "password: { env: hunter2 it is }\n",
    "password: { file: hunter2 }\n",
    "password: { value: [hunter2] }\n",
    "password: [hunter2]\n",
    "password: |\n    one\n    hunter2\n",
    "password:\n    - hunter2\n",
    "password:\n    file: hunter2\n",
    "PASSWORD: !!str hunter2\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// However a model around it is damaged, a literal secret is in no message, excerpt or path.
    #[test]
    fn no_damage_shows_a_secret(which in 0..SECRETS.len(), flow in any::<bool>(), cut in 0usize..1_000, length in 0usize..20, put in piece(), after in any::<bool>()) {
        let secret = SECRETS[which];
        // With its key commented out, what stands in the next lines is nobody's secret any more.
        prop_assume!(!(put.contains('#') && secret.trim_end().contains('\n')));
        let (before, secret, rest) = if flow && !secret.contains("\n    ") && !secret.contains('#') {
            let before = "{apiVersion: dram.dev/v1, kind: Vault, metadata: {name: nas}, spec: {directory: {path: x},";
            (before.to_owned(), secret.trim_end(), ", failureDomain: nas}}\n")
        } else {
            let before = "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec:\n  directory: { path: mnt }\n ";
            (before.to_owned(), secret, "  failureDomain: nas\n---\nkind: [\n")
        };
        let damage = |text: &str| {
            let start = text.floor_char_boundary(cut * text.len() / 1_000);
            let end = text.floor_char_boundary((start + length).min(text.len()));
            format!("{}{put}{}", &text[..start], &text[end..])
        };
        let text = if after { format!("{before} {secret}{}", damage(rest)) } else { format!("{} {secret}{rest}", damage(&before)) };
        let sources = Sources::one("t.yaml", &text);
        let found = check(&sources).diagnostics;
        let repaired = repair(&sources);
        let left = repaired.sources.iter().next().unwrap().1.text.matches("hunter2").count();
        prop_assert_eq!(left, text.matches("hunter2").count(), "a secret was touched in\n{}", text);
        let done: Vec<String> = repaired.applied.iter().map(ToString::to_string).collect();
        for shown in [
            diagnostic::render(&sources, &found, false),
            diagnostic::to_json(&sources, &found).to_string(),
            diagnostic::to_sarif(&sources, &found).to_string(),
            done.join("\n"),
        ] {
            prop_assert!(!shown.contains("hunter2"), "{text}\n=>\n{shown}");
        }
    }
}
