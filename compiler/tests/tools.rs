//! What helps to write a model: `fmt`, `init` and `graph`, as people call them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the program is run, over real files"
)]

mod program;

use dram_compiler::init::SCHEMA_FILE;
use program::{Folder, dramc, with_input};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

const UNTIDY: &str = "kind:   Vault\napiVersion: dram.dev/v1\n";
const TIDY: &str = "apiVersion: dram.dev/v1\nkind: Vault\n";

#[test]
fn fmt_writes_files_anew_and_names_them() {
    let folder = Folder::new("fmt");
    let untidy = folder.put("a/untidy.yaml", UNTIDY);
    let tidy = folder.put("a/tidy.yaml", TIDY);
    std::fs::set_permissions(&untidy, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.0.join("a/link.yml");
    symlink("untidy.yaml", &link).unwrap();
    let name = |path: &Path| path.display().to_string();
    let fmt = |words: &[&str]| dramc([&["fmt"], words].concat());
    let (here, file) = (name(&folder.0), name(&untidy));

    let (code, out, err) = fmt(&["--check", &here]);
    assert_eq!((code, out, err.as_str()), (1, format!("{}\n{file}\n", name(&link)), ""));
    assert_eq!(fmt(&["--stdout", &file]), (0, TIDY.to_owned(), String::new()));
    assert_eq!(
        std::fs::read_to_string(&untidy).unwrap(),
        UNTIDY,
        "nothing was to be changed"
    );
    assert_eq!(fmt(&["--check", &name(&tidy)]).0, 0);

    let (code, out, err) = fmt(&[&here]);
    assert_eq!((code, out, err.as_str()), (0, format!("{}\n", name(&link)), ""));
    assert_eq!(std::fs::read_to_string(&untidy).unwrap(), TIDY);
    assert!(link.is_symlink(), "a link stays one");
    assert_eq!(std::fs::metadata(&untidy).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(
        std::fs::read_dir(folder.0.join("a")).unwrap().count(),
        3,
        "nothing is left beside them"
    );
    assert_eq!(fmt(&[&here]), (0, String::new(), String::new()));
    assert_eq!(fmt(&["--check", "--stdout", &here]).0, 2);
}

#[test]
fn fmt_reads_standard_input() {
    assert_eq!(
        with_input(["fmt", "-"], UNTIDY.as_bytes()),
        (0, TIDY.to_owned(), String::new())
    );
    assert_eq!(with_input(["fmt", "--check", "-"], UNTIDY.as_bytes()).0, 1);
    assert_eq!(with_input(["fmt", "--check", "-"], TIDY.as_bytes()).0, 0);
}

/// What is broken is left as it is, and holds up none of the others.
#[test]
fn fmt_leaves_a_broken_file_and_says_so() {
    let folder = Folder::new("fmt-broken");
    let broken = folder.put("a.yaml", "kind: [\n---\nb:   1\n");
    let untidy = folder.put("b.yaml", UNTIDY);
    let (code, out, err) = dramc([Path::new("fmt"), &folder.0]);
    assert_eq!((code, out), (1, format!("{}\n", untidy.display())));
    assert!(err.contains("error[DRAM0001]") && err.contains("a.yaml:1:7"), "{err}");
    assert!(err.ends_with("a.yaml` is left as it is: it is broken\n"), "{err}");
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), "kind: [\n---\nb:   1\n");
    // Who pipes a broken text through gets it back.
    assert_eq!(with_input(["fmt", "-"], b"a: [").1, "a: [");
    let (_, _, err) = with_input(["fmt", "-"], b"password: hunter2\n? [");
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn what_is_written_is_never_written_over_and_says_what_comes_next() {
    let folder = Folder::new("init");
    let file = folder.0.join("dram.yaml");
    let name = file.to_str().unwrap();
    let init = |words: &[&str]| dramc([&["init", "--output", name], words].concat());
    let (code, out, err) = init(&["--application", "books", "--database", "postgres", "--yes"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for word in ["written: ", "dramc prove ", "dram apply ", "dram protect books"] {
        assert!(out.contains(word), "{word} is not in\n{out}");
    }
    assert!(folder.0.join(SCHEMA_FILE).is_file());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("use: postgres") && written.contains("name: books"),
        "{written}"
    );
    for words in [
        &["check", name][..],
        &["prove", "--strict", name],
        &["check", folder.0.to_str().unwrap()],
    ] {
        let (code, _, err) = dramc(words);
        assert_eq!(code, 0, "{words:?} {err}");
    }
    let (code, _, err) = init(&["--yes"]);
    assert!(
        code == 1 && err.contains("is there already") && err.contains("help: "),
        "{err}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
}

#[test]
fn what_would_not_hold_is_not_written() {
    let folder = Folder::new("init-refused");
    let file = folder.0.join("dram.yaml");
    let name = file.to_str().unwrap();
    for (words, said) in [
        (&["--yes", "--rpo", "1s"][..], "nothing is written"),
        (&["--yes", "--site", "here", "--target", "here"], "nothing is written"),
        (&[], "there is no terminal to ask on"),
    ] {
        let (code, out, err) = dramc([&["init", "-o", name], words].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}");
        assert!(err.contains(said), "{err}");
        assert!(!file.exists());
    }
    for wrong in [
        ["--site", "My Office"],
        ["--vault", "s3://"],
        ["--database", "oracle"],
        ["--rpo", "soon"],
    ] {
        assert_eq!(
            dramc([&["init", "-o", name, "--yes"][..], &wrong].concat()).0,
            2,
            "{wrong:?}"
        );
    }
}

/// On a terminal, which `script` makes one of a pipe.
#[test]
fn on_a_terminal_it_asks() {
    let folder = Folder::new("init-asks");
    let command = format!("{} init", env!("CARGO_BIN_EXE_dramc"));
    let child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return dram_skips::skip("there is no program `script`");
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"books\n\nnone\n\n\n\n1d\n\n\x04").unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && said.contains("Application [shop]: "), "{said}");
    let written = std::fs::read_to_string(folder.0.join("dram.yaml")).unwrap();
    assert!(
        written.contains("name: books") && written.contains("rpo: 1d"),
        "{written}"
    );
    assert!(!written.contains("kind: RecoveryPlan"), "{written}");
}

const SHOP: &str = include_str!("../../examples/shop-s3/dram.yaml");

#[test]
fn graph_draws_what_the_model_says() {
    let folder = Folder::new("graph");
    let shop = folder.put("dram.yaml", SHOP);
    let draw = |format: &str, of: &[&str]| {
        let words = [&["graph", "--format", format, shop.to_str().unwrap()], of].concat();
        let (code, out, err) = dramc(&words);
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(dramc(&words).1, out, "drawn twice it is the same");
        out
    };
    let expect = |drawn: &str, there: &[&str], not_there: &[&str]| {
        for line in there {
            assert!(
                drawn.lines().any(|found| found.trim() == *line),
                "`{line}` is not in\n{drawn}"
            );
        }
        for word in not_there {
            assert!(!drawn.contains(word), "`{word}` is in\n{drawn}");
        }
    };
    let whole = draw("mermaid", &[]);
    let then = "part_shop__db -->|\"then\"| part_shop__web";
    let place = "subgraph domain_office[\"failure domain office\"]";
    expect(
        &whole,
        &[
            "flowchart LR",
            then,
            place,
            "application_shop -->|\"site\"| recovery_site_office",
            "recovery_plan_shop -->|\"targets site\"| recovery_site_branch",
        ],
        &[],
    );
    expect(
        &draw("mermaid", &["--of", "applications"]),
        &[then],
        &["recovery_site", "subgraph domain"],
    );
    expect(&draw("mermaid", &["--of", "sites"]), &[place], &["part_shop"]);
    expect(
        &draw("mermaid", &["--of", "waves"]),
        &["subgraph wave_shop_2[\"shop, wave 2\"]", then],
        &["vault"],
    );
    let dot = draw("dot", &[]);
    expect(
        &dot,
        &[
            "digraph dram {",
            "subgraph cluster_domain_office {",
            "part_shop__db -> part_shop__web [label=\"then\"];",
        ],
        &["-->"],
    );
    let broken = folder.put("broken.yaml", "kind: Vault\n");
    assert_eq!(
        dramc([Path::new("graph"), Path::new("--format"), Path::new("dot"), &broken]).0,
        1
    );
}

/// Whatever is declared is drawn once, and every arrow ends at something that is drawn.
#[test]
fn graph_draws_every_declaration_of_the_whole_language() {
    let folder = Folder::new("graph-complete");
    let file = folder.put("dram.yaml", include_str!("language/complete.yaml"));
    for of in [
        &[][..],
        &["--of", "applications"],
        &["--of", "sites"],
        &["--of", "waves"],
    ] {
        let (code, drawn, err) = dramc([&["graph", "--format", "dot", file.to_str().unwrap()], of].concat());
        assert_eq!(code, 0, "{err}");
        let boxes: Vec<&str> = drawn
            .lines()
            .filter_map(|line| line.trim().split_once(" [label="))
            .map(|(id, _)| id)
            .collect();
        let (arrows, boxes): (Vec<&str>, Vec<&str>) = boxes.into_iter().partition(|id| id.contains(" -> "));
        for id in &boxes {
            assert_eq!(boxes.iter().filter(|other| other == &id).count(), 1, "{id}");
        }
        assert!(!arrows.is_empty());
        for end in arrows.iter().flat_map(|arrow| arrow.split(" -> ")) {
            assert!(boxes.contains(&end), "{end} is not drawn in\n{drawn}");
        }
    }
}
