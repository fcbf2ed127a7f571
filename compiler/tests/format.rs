//! `dramc fmt`: what it changes, what it keeps, and that a text says afterwards what it said before.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]
#![expect(clippy::disallowed_methods, reason = "the models lie in files")]

use dram_compiler::check::check;
use dram_compiler::format::{Untouched, format};
use dram_compiler::model::Declaration;
use dram_compiler::source::Sources;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn formatted(text: &str) -> String {
    let once = format(text).unwrap_or_else(|why| unreachable!("{why:?}\n{text}"));
    assert_eq!(format(&once).unwrap(), once, "a second time changes\n{text}");
    once
}

fn becomes(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected, "of\n{text}");
}

#[test]
fn fields_stand_in_the_order_of_the_language() {
    becomes(
        "spec:\n    failureDomain: nas\n    password: {file: /k}\n    directory: {path: /mnt}\nkind: Vault\nmetadata:\n    name: nas\napiVersion: dram.dev/v1\n",
        "apiVersion: dram.dev/v1\nkind: Vault\nmetadata:\n  name: nas\nspec:\n  directory: { path: /mnt }\n  failureDomain: nas\n  password: { file: /k }\n",
    );
    // Not in a block with a field that is none, and not in what the user names.
    becomes(
        "kind: Vault\nspec: {password: {file: /k}, direktory: {}, failureDomain: a}\n",
        "kind: Vault\nspec: { password: { file: /k }, direktory: {}, failureDomain: a }\n",
    );
    let plan =
        "kind: RecoveryPlan\nspec:\n  mappings:\n    path:\n      values: { /z: /a, /b: /c }\n      onMissing: keep\n";
    becomes(plan, plan);
    becomes(
        "spec: {b: 1, a: 2}\nkind: Nothing\n",
        "kind: Nothing\nspec: { b: 1, a: 2 }\n",
    );
}

#[test]
fn comments_go_with_what_they_are_about() {
    becomes(
        "\
# The file.
kind: Application # its kind
apiVersion: dram.dev/v1
spec:
  # why this policy
  policy: hourly # often
  # and this site

  # again
  site: office

  # The parts.
  components:   # two of them
  # the first
  - # head
    name: db
      # deeper than anything
    # ends db
  # about web


  - name: web
    after: [db]   # order
    host: { paths: [/srv], # what it is
       exclude: [a] }
    # ends web
  # ends components
 # ends spec
# ends the document
---
# only a comment
",
        "\
# The file.
apiVersion: dram.dev/v1
kind: Application # its kind
spec:
  # and this site

  # again
  site: office
  # why this policy
  policy: hourly # often

  # The parts.
  components: # two of them
    # the first
    - # head
      name: db
      # deeper than anything
      # ends db
    # about web

    - name: web
      after: [db] # order
      host:
        paths: [/srv] # what it is
        exclude: [a]
      # ends web
    # ends components
# ends spec
# ends the document
---
# only a comment
",
    );
}

#[test]
fn quotes_stand_where_they_are_needed() {
    let quoted = "- \"a b\"\n- 'it''s'\n- \"1.10\"\n- \"true\"\n- \"yes\"\n- \"22:00\"\n- \"\"\n- \"*.log\"\n- \".*\"\n- \"a: b\"\n- 'a #b'\n- \"a#b\"\n- 'say \"x\"'\n- \"\\e\\n\"\n- \"--port\"\n- \"${port}\"\n- \"http://h:1/up\"\n- [\"a,b\", \"{x}\", \"c\"]\n- \"{x}\"\n- \"~\"\n- \"- a\"\n- \" a\"\n- !!str 5\n- plain text\n- 0x10\n- ~\n-\n- \"ä\"\n- \"a:\"\n- \"2026-11-21\"\n";
    becomes(
        quoted,
        "- a b\n- it's\n- \"1.10\"\n- \"true\"\n- \"yes\"\n- \"22:00\"\n- \"\"\n- \"*.log\"\n- \".*\"\n- \"a: b\"\n- \"a #b\"\n- a#b\n- say \"x\"\n- \"\\U0000001b\\n\"\n- --port\n- ${port}\n- http://h:1/up\n- [\"a,b\", \"{x}\", c]\n- \"{x}\"\n- \"~\"\n- \"- a\"\n- \" a\"\n- \"5\"\n- plain text\n- 0x10\n- ~\n-\n- ä\n- \"a:\"\n- \"2026-11-21\"\n",
    );
    becomes("\"a\": \"b\"\n'c d': \"e\"\n\"1\": 2\n", "a: b\nc d: e\n\"1\": 2\n");
}

#[test]
fn blocks_of_lines_stay() {
    becomes(
        "a: |   # shell\n      one\n        two\n\n      three  \nb: >-\n  fold\n  ed\n\n\n\nc: |+\n  keep\n\nd:\n- |2\n    deep\n   x\n- |\n\n   late\n- >\n- last: |-\n    x\n",
        "a: | # shell\n  one\n    two\n\n  three  \nb: >-\n  fold\n  ed\n\nc: |+\n  keep\n\nd:\n  - |2\n      deep\n     x\n  - |\n\n    late\n  - \"\"\n  - last: |-\n      x\n",
    );
    becomes(
        "a: one\n   two\n\n   three # c\nb: \"x\n  y\\\n  z\"\nc: 1\n",
        "a: one\n  two\n\n  three # c\nb: \"x\n  y\\\n  z\"\nc: 1\n",
    );
}

#[test]
fn anchors_and_aliases_stay() {
    becomes(
        "kind: Application\nspec:\n    policy:   *s\n    site: &s   office\n    components: &c\n    - &d\n      name: a\n    - *d\n".replace("policy:   *s\n    site: &s   office", "site: &s   office\n    policy:   *s").as_str(),
        "kind: Application\nspec:\n  site: &s office\n  policy: *s\n  components: &c\n    - &d\n      name: a\n    - *d\n",
    );
}

#[test]
fn an_alias_never_comes_before_what_it_repeats() {
    // `site` stands before `policy` in the language.
    let text = "kind: Application\nspec:\n  policy: &name office\n  site: *name\n";
    becomes(text, text);
    becomes(
        "spec:\n  site: &n a\n  policy: *n\nkind: Application\n",
        "kind: Application\nspec:\n  site: &n a\n  policy: *n\n",
    );
}

#[test]
fn markers_and_empty_lines_stay_as_far_as_they_say_something() {
    becomes(
        "\n\n%YAML 1.2\n---   # first\n\n\na: 1\n\n\n\nb: 2\n\n...\n# between\n---\n# top\n\nc: 3\n\n\n",
        "%YAML 1.2\n--- # first\na: 1\n\nb: 2\n...\n# between\n---\n# top\n\nc: 3\n",
    );
    becomes("a: 1\n---\n---\nb: 2\n---\n", "a: 1\n---\n---\nb: 2\n---\n");
    becomes("\u{feff}a: 1\r\nb:\r\n- |\r\n  x\r\n", "a: 1\nb:\n  - |\n    x\n");
    becomes("a: 1", "a: 1\n");
}

#[test]
fn braces_stay_while_they_fit_on_their_line() {
    let long = "x".repeat(85);
    becomes(
        &format!("a: {{b: {{c: {long}}}, d: [1,   2]}}\ne: [\n  1, 2]\nf: [{{g: {long}, h: []}}]\n"),
        &format!("a:\n  b: {{ c: {long} }}\n  d: [1, 2]\ne:\n  - 1\n  - 2\nf:\n  - g: {long}\n    h: []\n"),
    );
    becomes(
        "{a: 1, b: {}}\n",
        "{\n  \"x\": 1\n}\n".replace("{\n  \"x\": 1\n}", "a: 1\nb: {}").as_str(),
    );
    becomes("- - a\n  -  b\n-\n  # c\n  - d\n", "- - a\n  - b\n# c\n- - d\n");
}

#[test]
fn json_stays_json() {
    becomes(
        "{\"spec\": {\"failureDomain\": \"nas\", \"directory\": {\"path\": \"/a\\u00e9\"}, \"capacity\": null},\n\"kind\": \"Vault\", \"x\": [1.50, [], {}, [true, \"a\"]]}",
        "{\n  \"spec\": {\n    \"directory\": {\n      \"path\": \"/aé\"\n    },\n    \"failureDomain\": \"nas\",\n    \"capacity\": null\n  },\n  \"kind\": \"Vault\",\n  \"x\": [\n    1.50,\n    [],\n    {},\n    [true, \"a\"]\n  ]\n}\n",
    );
}

#[test]
fn a_broken_document_is_left_untouched_and_said() {
    for text in [
        "a: 1\n---\nb: [\n---\nc: 3\n",
        "<<: {a: 1}\n",
        "? [a]\n: b\n",
        "a: !x 1\n",
        "a: *nobody\n",
    ] {
        let Err(Untouched::Broken(findings)) = format(text) else {
            unreachable!("{text}");
        };
        assert!(!findings.is_empty(), "{text}");
    }
    for text in ["", "# nothing\n", "\n\n"] {
        assert_eq!(format(text).unwrap(), text);
    }
}

/// Every model of the repository: examples, samples of findings, profiles, and what tests use.
fn models() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["tests", "profiles", "../examples", "../tests/models"]
        .map(|at| root.join(at))
        .into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 90, "{}", found.len());
    found
}

/// What a text declares, or the codes of what is wrong with it.
fn meaning(text: &str) -> Result<Vec<Declaration>, Vec<&'static str>> {
    let checked = check(&Sources::one("t.yaml", text));
    let mut codes: Vec<&str> = checked.diagnostics.iter().map(|finding| finding.code.id).collect();
    codes.sort_unstable();
    checked.model.map(|model| model.declarations().collect()).ok_or(codes)
}

fn keeps_its_meaning(text: &str, origin: &str) {
    let Ok(after) = format(text) else { return };
    assert_eq!(meaning(&after), meaning(text), "{origin}:\n{text}\n=>\n{after}");
    assert_eq!(
        format(&after).unwrap(),
        after,
        "{origin}: a second time changes\n{text}\n=>\n{after}"
    );
}

#[test]
fn every_model_says_afterwards_what_it_said_before() {
    let mut untouched = Vec::new();
    for (path, text) in models() {
        match format(&text) {
            Ok(_) => keeps_its_meaning(&text, &path.display().to_string()),
            Err(Untouched::Broken(_)) => untouched.push(path),
            Err(Untouched::Changed) => unreachable!("{} would change", path.display()),
        }
    }
    // The samples of broken texts.
    assert!(untouched.len() < 30, "{untouched:#?}");
}

#[test]
fn examples_are_formatted() {
    for (path, text) in models() {
        let is_shown = path.components().any(|part| part.as_os_str() == "examples");
        if is_shown {
            assert_eq!(format(&text).unwrap(), text, "`dramc fmt {}`", path.display());
        }
    }
}

const SHOP: &str = include_str!("../../examples/shop-postgres/dram.yaml");
const COMPLETE: &str = include_str!("language/complete.yaml");

/// A model with comments and empty lines anywhere.
fn commented() -> impl Strategy<Value = (String, usize)> {
    let spots = proptest::collection::vec((any::<prop::sample::Index>(), 0usize..14, 0u8..4), 0..30);
    (any::<bool>(), spots).prop_map(|(which, spots)| {
        let mut lines: Vec<String> = if which { SHOP } else { COMPLETE }.lines().map(str::to_owned).collect();
        for (number, (spot, indent, how)) in spots.into_iter().enumerate() {
            let at = spot.index(lines.len());
            match how {
                0 => lines.insert(at, String::new()),
                1 => lines[at].push_str(&format!("  # note {number}.")),
                _ => lines.insert(at, format!("{}# note {number}.", " ".repeat(indent))),
            }
        }
        let text = lines.join("\n") + "\n";
        // In a block of lines it is no comment, yet it stays as well.
        let notes = text.matches("# note").count();
        (text, notes)
    })
}

/// Pieces of YAML, valid or not.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b: ",
        "c:\n",
        "- ",
        "  ",
        "\n",
        "\n\n",
        "    ",
        "# c\n",
        " # d",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "? ",
        "&x ",
        "*x",
        "|\n",
        ">-\n",
        "|+\n",
        "'q'",
        "\"r\"",
        "---\n",
        "...\n",
        "kind: Vault\n",
        "spec:\n",
        "  password: p\n",
        "  failureDomain: f\n",
        "!!str ",
        "1",
        "~",
        "\t",
        "%YAML 1.2\n",
        "ä",
        "\\",
        "\r\n",
    ];
    proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_comment_is_lost_and_nothing_changes_its_meaning((text, notes) in commented()) {
        match format(&text) {
            Ok(after) => {
                prop_assert_eq!(after.matches("# note").count(), notes, "{}\n=>\n{}", text, after);
                keeps_its_meaning(&text, "with comments");
            }
            // A comment may break a text of several lines, never more.
            Err(Untouched::Broken(_)) => {}
            Err(Untouched::Changed) => prop_assert!(false, "left as it is:\n{text}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_are_formatted_or_left(pieces in proptest::collection::vec(piece(), 0..24)) {
        keeps_its_meaning(&pieces.concat(), "of pieces");
    }

    #[test]
    fn any_damage_is_formatted_or_left(from in 0usize..1_000, length in 0usize..40, put in piece()) {
        let mut text = SHOP.to_owned();
        let start = text.floor_char_boundary(from * text.len() / 1_000);
        let end = text.floor_char_boundary((start + length).min(text.len()));
        text = format!("{}{put}{}", &text[..start], &text[end..]);
        keeps_its_meaning(&text, "of damage");
    }
}
