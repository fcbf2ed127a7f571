//! From text to findings: exact places, documents that do not hide each other, and texts that are meant to hurt.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::check::check;
use dram_compiler::diagnostic::{self, Diagnostic};
use dram_compiler::source::Sources;

/// What is found, as `code start..end `text` message`, and the same place as line and column.
fn findings(text: &str) -> Vec<(String, String)> {
    let sources = Sources::one("t.yaml", text);
    let found = check(&sources).diagnostics;
    let json = diagnostic::to_json(&sources, &found);
    found
        .iter()
        .zip(json.as_array().unwrap())
        .map(|(finding, json)| {
            let place = &json["place"];
            let at = format!(
                "{}:{}-{}:{}",
                place["line"], place["column"], place["endLine"], place["endColumn"]
            );
            (finding.message.clone(), format!("{at} {:?}", underlined(text, finding)))
        })
        .collect()
}

fn underlined<'t>(text: &'t str, finding: &Diagnostic) -> &'t str {
    &text[finding.span.start as usize..finding.span.end as usize]
}

/// The first finding whose message contains `message` stands at `place`.
#[track_caller]
fn at(text: &str, message: &str, place: &str) {
    let found = findings(text);
    let first = found.iter().find(|(found, _)| found.contains(message));
    assert_eq!(
        first.map(|(_, place)| place.as_str()),
        Some(place),
        "{message} in {found:#?}"
    );
}

const VAULT: &str = "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec:\n  directory: { path: /mnt }\n  \
                     failureDomain: nas\n  password: { file: /etc/key }\n";

fn holds(text: &str) {
    assert_eq!(findings(text), [], "{text}");
}

#[test]
fn places_are_exact() {
    holds(VAULT);
    // Block style, flow style and quotes.
    at(&VAULT.replace("/mnt", "mnt"), "`mnt` is not", "5:22-5:25 \"mnt\"");
    at(&VAULT.replace("/mnt", "'mnt'"), "`mnt` is not", "5:22-5:27 \"'mnt'\"");
    at(
        &VAULT.replace("{ path: /mnt }", "\n    path: mnt   # here\n"),
        "`mnt` is not",
        "6:11-6:14 \"mnt\"",
    );
    at(
        &VAULT.replace("{ path: /mnt }", "{\n    path:\n      mnt\n  }"),
        "`mnt` is not",
        "7:7-7:10 \"mnt\"",
    );
    at(
        &VAULT.replace("{ path: /mnt }", "\n    pth: x\n    more: |\n      y\n"),
        "unknown field `pth`",
        "6:5-6:8 \"pth\"",
    );
    // A list that stands as deep as its key; its end is that of its last element.
    at(
        &VAULT.replace("nas\n  password", "\n  - one\n  - two\n\n  # a comment\n  password"),
        "expected text (a name), found a list",
        "7:3-8:8 \"- one\\n  - two\"",
    );
    // Text over lines.
    at(
        &VAULT.replace("failureDomain: nas", "failureDomain: |\n    one\n    two\n"),
        "is not a name",
        "7:5-8:8 \"one\\n    two\"",
    );
    at(
        &VAULT.replace("failureDomain: nas", "failureDomain: \"a\n    b\""),
        "`a b` is not a name",
        "6:18-7:7 \"\\\"a\\n    b\\\"\"",
    );
    // An empty value is said at its key.
    at(
        &VAULT.replace("failureDomain: nas", "failureDomain:"),
        "`failureDomain` is empty",
        "6:3-6:16 \"failureDomain\"",
    );
    // In the second document, and in JSON.
    at(
        &format!(
            "{VAULT}---\n{}",
            VAULT.replace("/mnt", "mnt").replace("name: nas", "name: b")
        ),
        "`mnt`",
        "13:22-13:25 \"mnt\"",
    );
    let json =
        r#"{"apiVersion":"dram.dev/v1","kind":"Vault","metadata":{"name":"nas"},"spec":{"directory":{"path":"mnt"}}}"#;
    at(json, "`mnt`", "1:98-1:103 \"\\\"mnt\\\"\"");
}

/// Columns count characters, spans count bytes; both are right after text of several bytes a character.
#[test]
fn places_are_exact_after_wide_text() {
    let text = VAULT
        .replace("metadata:", "# äöü 日本 🦀\nmetadata:")
        .replace("{ path: /mnt }", "{ \"🦀é\": 日本, path: mnt }");
    at(&text, "unknown field `🦀é`", "6:16-6:20 \"\\\"🦀é\\\"\"");
    at(&text, "`mnt` is not", "6:32-6:35 \"mnt\"");
}

#[test]
fn other_line_ends_and_a_byte_order_mark_change_nothing() {
    let broken = VAULT.replace("/mnt", "mnt");
    holds(&VAULT.replace('\n', "\r\n"));
    at(&broken.replace('\n', "\r\n"), "`mnt` is not", "5:22-5:25 \"mnt\"");
    holds(&format!("\u{feff}{VAULT}"));
    at(&format!("\u{feff}{broken}"), "`mnt` is not", "5:22-5:25 \"mnt\"");
    at(
        &format!("\u{feff}{}", VAULT.replace("apiVersion", "apiversion")),
        "unknown field `apiversion`",
        "1:2-1:12 \"apiversion\"",
    );
    holds(VAULT.trim_end());
}

#[test]
fn empty_documents_count_for_nothing() {
    for text in ["", "\n", "---\n---\n", "# nothing\n", "---\n...\n", "~\n", "\u{feff}"] {
        assert_eq!(findings(text)[0].0, "no document to check", "{text:?}");
    }
    holds(&format!("---\n---\n{VAULT}---\n---\n# end\n"));
    holds(&format!("{VAULT}...\n"));
    holds(&format!("%YAML 1.2\n---\n{VAULT}"));
}

/// A broken document hides no other's errors, and whoever refers to it finds it.
#[test]
fn a_broken_document_stands_alone() {
    let policy = "apiVersion: dram.dev/v1\nkind: ProtectionPolicy\nmetadata: { name: p }\nspec: { objectives: { rpo: 1 }, vaults: \
                  [{ name: nas }, { name: other }] }\n";
    for broken in [
        VAULT.replace("{ file: /etc/key }", "{ file: /etc/key"),
        VAULT.replace("{ file: /etc/key }", "\"/etc/key"),
        VAULT.replace("{ file: /etc/key }", "]"),
        VAULT.replace("  password", " password"),
        VAULT.replace("{ file: /etc/key }", "*nothing"),
        VAULT.replace("  password", "\tpassword"),
        VAULT.replace("{ file: /etc/key }", "@x"),
    ] {
        for text in [format!("{broken}---\n{policy}"), format!("{policy}---\n{broken}")] {
            let messages: Vec<String> = findings(&text).into_iter().map(|(message, _)| message).collect();
            assert_eq!(
                messages
                    .iter()
                    .filter(|message| message.starts_with("not YAML: "))
                    .count(),
                1,
                "{text}\n{messages:#?}"
            );
            // An open quote swallows what follows it.
            if !(broken.contains("\"/etc") && text.starts_with(&broken)) {
                assert!(
                    messages
                        .iter()
                        .any(|message| message == "expected a duration, found the number 1"),
                    "{text}\n{messages:#?}"
                );
                assert!(
                    messages.iter().any(|message| message.contains("`other`")),
                    "{text}\n{messages:#?}"
                );
            }
            assert!(
                !messages.iter().any(|message| message.contains("`nas`")),
                "{text}\n{messages:#?}"
            );
        }
    }
}

/// Between two broken documents a whole one is checked, and each broken one is said once.
#[test]
fn each_broken_document_is_said_once() {
    let broken = VAULT.replace("{ path: /mnt }", "{ path: /mnt ]");
    let text = [
        broken.as_str(),
        &VAULT.replace("/mnt", "mnt"),
        &broken,
        &broken.replace("nas", "b"),
    ]
    .join("---\n");
    let messages: Vec<String> = findings(&text).into_iter().map(|(message, _)| message).collect();
    assert_eq!(
        messages
            .iter()
            .filter(|message| message.starts_with("not YAML: "))
            .count(),
        3,
        "{messages:#?}"
    );
    assert!(
        messages.iter().any(|message| message.contains("`mnt` is not")),
        "{messages:#?}"
    );
}

#[test]
fn duplicate_keys_show_both_places() {
    let text = format!("{VAULT}  failureDomain: b\n");
    let sources = Sources::one("t.yaml", &text);
    let found = check(&sources).diagnostics;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "`failureDomain` is given twice");
    let places =
        [found[0].span, found[0].related[0].0].map(|span| text[..span.start as usize].matches('\n').count() + 1);
    assert_eq!(places, [8, 6]);
}

#[test]
fn what_the_language_does_not_use_is_refused_once() {
    let one = |text: &str, message: &str| {
        let messages: Vec<String> = findings(text).into_iter().map(|(message, _)| message).collect();
        assert_eq!(messages, [message], "{text}");
    };
    one(
        &VAULT.replace("spec:\n", "spec:\n  <<: { a: b }\n"),
        "merge keys (`<<`) are not part of the language",
    );
    one(
        &VAULT.replace("spec:\n", "spec:\n  ? { a: b }\n  : c\n"),
        "a key that is not text",
    );
    one(&VAULT.replace("spec:\n", "spec:\n  ~: c\n"), "a key that is not text");
    one(
        &VAULT.replace("/mnt", "!path /mnt"),
        "the tag `!path` has no meaning here",
    );
    one(
        &VAULT.replace("{ path: /mnt }", "!d { path: /mnt }"),
        "a tag has no meaning here",
    );
    one(
        &VAULT.replace("spec:\n", "spec: &s\n").replace("{ path: /mnt }", "*s"),
        "an alias of what encloses it",
    );
    // The tag of plain text says nothing new.
    holds(&VAULT.replace("/mnt", "!!str /mnt"));
}

#[test]
fn aliases_stand_for_what_they_name() {
    holds(
        &VAULT
            .replace("name: nas", "name: &n nas")
            .replace("failureDomain: nas", "failureDomain: *n"),
    );
    // What is wrong with it is said where it stands.
    let text = VAULT
        .replace("name: nas", "name: &n NAS")
        .replace("failureDomain: nas", "failureDomain: *n");
    let found = findings(&text);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(_, place)| place.starts_with("3:22-")), "{found:?}");
}

/// Aliases in one text may add so much and no more, however many documents they are spread over.
#[test]
fn alias_bombs_do_not_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let before = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    let found = findings(&bomb);
    assert!(
        found
            .iter()
            .any(|(message, _)| message == "aliases make this text too large")
    );
    let small =
        "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b]\n";
    let found = findings(&vec![small; 2_000].join("---\n"));
    assert!(
        found
            .iter()
            .any(|(message, _)| message == "aliases make this text too large")
    );
}

#[test]
fn nesting_bombs_do_not_go_off() {
    for depth in [100, 255, 256, 1_000, 100_000] {
        for (open, close) in [
            ("[", "]"),
            ("{a: ", "}"),
            ("- ", ""),
            ("? ", ""),
            ("&a [", "]"),
            ("!t [", "]"),
        ] {
            let text = format!(
                "{}{}\n---\n{}",
                open.repeat(depth),
                close.repeat(depth),
                VAULT.replace("/mnt", "mnt")
            );
            let found = findings(&text);
            assert!(!found.is_empty());
            if depth <= 1_000 && open != "? " {
                assert!(
                    found.iter().any(|(message, _)| message.contains("`mnt` is not")),
                    "{open} {depth} {found:#?}"
                );
            }
        }
    }
    // Depth that aliases put together.
    let mut text = String::from("a0: &a0 x\n");
    for n in 1..1_000 {
        text.push_str(&format!(
            "a{n}: &a{n} {}*a{}{}\n",
            "[".repeat(100),
            n - 1,
            "]".repeat(100)
        ));
    }
    assert!(!findings(&text).is_empty());
}

/// Scalars as YAML 1.2 reads them: `no`, `on` and dates are text.
#[test]
fn plain_words_are_text() {
    for word in [
        "no",
        "on",
        "y",
        "2024-01-01",
        "1.2.3",
        "1e",
        "0x",
        "0o9",
        "1_000",
        "12:30:00",
        ".5.",
        "-",
        "+",
    ] {
        let found = findings(&VAULT.replace("failureDomain: nas", &format!("failureDomain: {word}")));
        assert!(
            !found
                .iter()
                .any(|(message, _)| message.contains("found a number") || message.contains("truth")),
            "{word} {found:?}"
        );
    }
    for number in [
        "1", "-1", "+1", "1.5", "1.", ".5", "1e3", "0x1F", "0o17", ".inf", "-.inf", ".nan", "010",
    ] {
        let found = findings(&VAULT.replace("failureDomain: nas", &format!("failureDomain: {number}")));
        assert!(found[0].0.contains("found the number"), "{number} {found:?}");
    }
}

/// Work grows with the text, not with its square: many documents, many errors, long lines.
#[test]
fn large_texts_are_checked_and_shown() {
    let many: Vec<String> = (0..3_000)
        .map(|n| {
            VAULT
                .replace("name: nas", &format!("name: v{n}"))
                .replace("/mnt", "mnt")
        })
        .collect();
    let sources = Sources::one("t.yaml", &many.join("---\n"));
    let found = check(&sources).diagnostics;
    assert_eq!(found.len(), 3_000);
    assert_eq!(
        diagnostic::render(&sources, &found, false)
            .matches("error[DRAM0016]")
            .count(),
        3_000
    );
    assert_eq!(
        diagnostic::to_json(&sources, &found)[2_999]["place"]["line"],
        2_999 * 8 + 5
    );
    // References that lead nowhere, each with its did-you-mean.
    let policy = |n: usize| {
        format!(
            "apiVersion: dram.dev/v1\nkind: ProtectionPolicy\nmetadata: {{ name: p{n} }}\nspec: {{ objectives: {{ rpo: 1h }}, \
             vaults: [{{ name: missing-{n} }}] }}\n"
        )
    };
    let text: Vec<String> = many
        .into_iter()
        .enumerate()
        .flat_map(|(n, vault)| [vault, policy(n)])
        .collect();
    assert_eq!(
        check(&Sources::one("t.yaml", &text.join("---\n"))).diagnostics.len(),
        6_000
    );
    // One application with a long chain.
    let components: String = (0..3_000)
        .rev()
        .map(|n| {
            format!(
                "    - {{ name: c{n}, after: [c{}], host: {{ paths: [/c{n}] }} }}\n",
                (n + 1) % 3_000
            )
        })
        .collect();
    let text = format!(
        "apiVersion: dram.dev/v1\nkind: Application\nmetadata: {{ name: a }}\nspec:\n  site: s\n  policy: p\n  components:\n{components}"
    );
    assert!(
        check(&Sources::one("t.yaml", &text))
            .diagnostics
            .iter()
            .any(|finding| finding.message.contains("in a circle"))
    );
}
