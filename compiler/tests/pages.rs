//! The pages of the codes: each wrong example gives the code and nothing else, as the page says; each right one holds.
//! `UPDATE_EXPECTED=1` writes what is said of the wrong ones anew.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "the pages lie in files")]

use dram_compiler::check::check;
use dram_compiler::diagnostic::{self, Code, Diagnostic, Page, SHOP, all_codes, render};
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn findings(text: &str) -> (Sources, Vec<Diagnostic>) {
    let sources = Sources::one("dram.yaml", text);
    let checked = check(&sources);
    let mut findings = checked.diagnostics;
    if let Some(model) = &checked.model {
        findings.extend(prove(model).diagnostics(model));
    }
    (sources, findings)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The file of a page: the codes of decoding lie with it.
fn file_of(code: &Code) -> PathBuf {
    let name = format!("{}.md", code.id);
    let own = root().join("src/diagnostic/pages").join(&name);
    if own.exists() {
        own
    } else {
        root().join("fields/src/pages").join(name)
    }
}

/// What a page says that is said of its wrong example.
fn said(page: &str) -> &str {
    let (_, rest) = page.split_once("```text\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_model_of_the_examples_holds() {
    let (sources, found) = findings(SHOP);
    assert!(found.is_empty(), "{}", render(&sources, &found, false));
}

#[test]
fn a_wrong_example_gives_its_code_and_nothing_else() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for code in all_codes() {
        let page = Page::of(code);
        let (sources, found) = findings(&page.wrong().unwrap().model());
        let text = render(&sources, &found, false);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code.id).collect();
        if codes != [code.id] {
            wrong.push(format!("{} gives {codes:?}\n{text}", code.id));
        }
        let text = format!("{}\n", text.trim_end());
        if update {
            let file = file_of(code);
            let written = std::fs::read_to_string(&file).unwrap();
            let fence = |said: &str| format!("```text\n{said}```");
            std::fs::write(&file, written.replacen(&fence(said(&written)), &fence(&text), 1)).unwrap();
        } else if said(page.text()) != text {
            wrong.push(format!("the page of {} should say\n{text}", code.id));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPDATE_EXPECTED=1 writes the pages anew",
        wrong.join("\n")
    );
}

/// How many lines may differ between what is wrong and what is right: the reader sees the difference at a glance.
const NEAR: usize = 8;

#[test]
fn a_right_example_holds_and_is_near() {
    for code in all_codes() {
        let page = Page::of(code);
        let (wrong, right) = (page.wrong().unwrap(), page.right().unwrap());
        let (sources, found) = findings(&right.model());
        assert!(found.is_empty(), "{}:\n{}", code.id, render(&sources, &found, false));
        let only = |one: &str, other: &str| {
            let other: BTreeSet<&str> = other.lines().collect();
            one.lines().filter(|line| !other.contains(line)).count()
        };
        let differ = only(&wrong.text, &right.text) + only(&right.text, &wrong.text);
        let alone = wrong.alone || differ <= NEAR;
        assert!(alone, "{}: {differ} lines differ", code.id);
    }
}

/// One set of codes: in the program, in the folders of pages, in the documentation.
#[test]
fn codes_pages_and_documentation_are_one_set() {
    let codes: BTreeSet<String> = all_codes().iter().map(|code| code.id.to_owned()).collect();
    assert_eq!(codes.len(), all_codes().len(), "a code is there twice");
    let pages = |folder: PathBuf| -> BTreeSet<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "md"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name.starts_with("DRAM"))
            .collect()
    };
    let mut own = pages(root().join("src/diagnostic/pages"));
    own.extend(pages(root().join("fields/src/pages")));
    assert_eq!(own, codes);
    assert_eq!(pages(root().join("../docs/diagnostics")), codes);
    for code in all_codes() {
        let path = root().join(format!("../docs/diagnostics/{}.md", code.id));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            Page::of(code).for_a_reader(),
            "`cargo generate` writes {}",
            path.display()
        );
    }
    let index = std::fs::read_to_string(root().join("../docs/diagnostics/README.md")).unwrap();
    assert_eq!(index, diagnostic::index());
}

#[test]
fn a_terminal_shows_no_fences() {
    for code in all_codes() {
        let text = Page::of(code).for_a_terminal();
        assert!(text.starts_with(&format!("{}: {}\n\n", code.id, code.title)), "{text}");
        assert!(!text.contains("```") && !text.contains("## "), "{text}");
        assert!(text.contains("\nWrong:\n") && text.contains("\nRight:\n"), "{text}");
        assert!(!Page::of(code).first_paragraph().is_empty());
    }
}
