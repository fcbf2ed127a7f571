//! What the compiler writes for others, read by them: the schema by the language server that editors use, pictures by
//! Graphviz and Mermaid.

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::editor::Editor;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::{node, skip, system};
use dram_tests::programs::{Programs, repository};
use dram_tests::world;

/// A vault that somebody is writing. `|` is where the cursor stands; it is taken out.
fn check_completes(text: &str, word: &str, about: &str) -> Result<()> {
    let Some(mut opened) = open("an_editor_completes_fields", text)? else {
        return Ok(());
    };
    let (line, column) = opened.cursor;
    let offered = opened.editor.complete(&opened.file, line, column)?;
    claim(
        format!("`{word}` is offered, with what it is"),
        offered.iter().any(|(label, doc)| label == word && doc.contains(about)),
        || format!("{offered:#?}"),
    )
}

struct Opened {
    editor: Editor,
    file: std::path::PathBuf,
    cursor: (usize, usize),
    _folder: tempfile::TempDir,
}

/// A text in an editor, in a folder that `dramc init` made: its first line is the one by which the schema is found.
fn open(test: &str, text: &str) -> Result<Option<Opened>> {
    let Some(server) = skip(test, node::yaml_language_server())? else {
        return Ok(None);
    };
    let folder = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let file = folder.path().join("dram.yaml");
    let written = Programs::built()?
        .dramc()
        .args(["init", "--yes", "--output"])
        .arg(&file);
    written.ok()?;
    let model = world::read(&file)?;
    let hint = model.lines().next().unwrap_or_default();
    // As there, the line stands in each document: the server looks for it in each by itself.
    let text = format!("{hint}\n{}", text.replace("---\n", &format!("---\n{hint}\n")));
    let before = text.split('|').next().unwrap_or_default();
    let column = before
        .lines()
        .last()
        .map_or(0, |last| if before.ends_with('\n') { 0 } else { last.len() });
    let cursor = (before.matches('\n').count(), column);
    let mut editor = Editor::start(server)?;
    editor.open(&file, &text.replacen('|', "", 1))?;
    Ok(Some(Opened {
        editor,
        file,
        cursor,
        _folder: folder,
    }))
}

const BEGUN: &str =
    "apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\nspec:\n  directory: { path: /mnt }\n";

#[test]
fn an_editor_completes_fields() -> Result<()> {
    check_completes(
        &format!("{BEGUN}  |\n  failureDomain: nas\n"),
        "password",
        "The password of the repositories.",
    )?;
    check_completes(
        &format!("{BEGUN}  lo|\n  failureDomain: nas\n"),
        "lock",
        "For how long nobody can remove",
    )?;
    check_completes("apiVersion: dram.dev/v1\nkind: |\n", "RecoverySite", "")?;
    // Only the fields of this kind.
    let Some(mut opened) = open(
        "an_editor_completes_fields",
        &format!("{BEGUN}  |\n  failureDomain: nas\n"),
    )?
    else {
        return Ok(());
    };
    let (line, column) = opened.cursor;
    let offered = opened.editor.complete(&opened.file, line, column)?;
    claim(
        "no field of another kind is offered",
        offered.iter().all(|(label, _)| label != "objectives"),
        || format!("{offered:#?}"),
    )
}

#[test]
fn an_editor_shows_what_a_field_is() -> Result<()> {
    let text = format!("{BEGUN}  fail|ureDomain: nas\n  password: {{ file: /k }}\n");
    let Some(mut opened) = open("an_editor_shows_what_a_field_is", &text)? else {
        return Ok(());
    };
    let (line, column) = opened.cursor;
    let shown = opened.editor.hover(&opened.file, line, column)?;
    claim(
        "the field's own words are shown",
        shown.contains("What fails together with this vault."),
        || shown.clone(),
    )
}

#[test]
fn an_editor_marks_a_misspelled_field_at_its_place() -> Result<()> {
    let text = format!("{BEGUN}  failureDomain: nas\n  pasword: {{ file: /k }}\n|");
    let Some(mut opened) = open("an_editor_marks_a_misspelled_field_at_its_place", &text)? else {
        return Ok(());
    };
    let found = opened.editor.findings(&opened.file)?;
    claim(
        "the misspelled field is marked, and the missing one at its block",
        found.len() == 2
            && found
                .iter()
                .any(|(line, column, message)| (*line, *column) == (7, 2) && message.contains("pasword"))
            && found.iter().any(|(_, _, message)| message.contains("password")),
        || format!("{found:#?}"),
    )
}

#[test]
fn an_editor_finds_nothing_wrong_with_examples() -> Result<()> {
    let test = "an_editor_finds_nothing_wrong_with_examples";
    for example in [
        "shop",
        "shop-kubernetes",
        "shop-openstack",
        "shop-postgres",
        "shop-s3",
        "shop-swift",
        "three-sites",
    ] {
        let model = world::read(&repository().join("examples").join(example).join("dram.yaml"))?;
        // A field that is none, at the end, so that the server has something to say.
        let Some(mut opened) = open(test, &format!("{model}nothing: 1\n"))? else {
            return Ok(());
        };
        let found = opened.editor.findings(&opened.file)?;
        claim(
            format!("nothing is wrong with {example} but what was added"),
            found.len() == 1 && found.iter().all(|(_, _, message)| message.contains("nothing")),
            || format!("{found:#?}"),
        )?;
    }
    Ok(())
}

/// All pictures of all examples.
fn pictures(format: &str) -> Result<Vec<String>> {
    let mut drawn = Vec::new();
    for example in [
        "examples/shop",
        "examples/shop-kubernetes",
        "examples/shop-openstack",
        "examples/shop-postgres",
        "examples/shop-s3",
        "examples/three-sites",
        "tests/models/every-field.yaml",
    ] {
        for of in [
            &[][..],
            &["--of", "applications"],
            &["--of", "sites"],
            &["--of", "waves"],
        ] {
            let call = Programs::built()?.dramc().args(["graph", "--format", format]).args(of);
            drawn.push(call.arg(repository().join(example)).text()?);
        }
    }
    Ok(drawn)
}

#[test]
fn graphviz_reads_every_picture() -> Result<()> {
    let dot = system::debian("Graphviz", "graphviz", "dot");
    let Some(dot) = skip("graphviz_reads_every_picture", dot)? else {
        return Ok(());
    };
    for picture in pictures("dot")? {
        let done = Call::new(&dot).arg("-Tsvg").stdin(picture.clone()).ok()?;
        let svg = done.stdout_text();
        claim(
            "it draws an arrow, and warns of nothing",
            svg.contains("class=\"edge\"") && done.stderr_text().is_empty(),
            || format!("{picture}\n{}", done.both()),
        )?;
    }
    Ok(())
}

#[test]
fn mermaid_reads_every_picture() -> Result<()> {
    for picture in pictures("mermaid")? {
        let Some(mermaid) = skip("mermaid_reads_every_picture", node::mermaid())? else {
            return Ok(());
        };
        let said = mermaid.stdin(picture).text()?;
        claim("it is a flowchart", said.starts_with("flowchart"), || said.clone())?;
    }
    Ok(())
}
