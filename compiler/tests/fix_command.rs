//! `dramc check --fix` and SARIF as people and scripts call them: over real files.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the program is run, over real files"
)]

use dram_compiler::diagnostic::SHOP;
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory of one test, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dramc-fix-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Exit code, standard output and standard error.
fn dramc(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dramc"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing closes its end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

fn wrong() -> String {
    SHOP.replacen("failureDomain: office", "failuredomain: office", 1)
        .replacen("every: 1h", "every: 60 min", 1)
}

fn right() -> String {
    SHOP.replacen("every: 1h", "every: 60m", 1)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn files_are_corrected_in_place() {
    let folder = Folder::new("place");
    let file = folder.put("real.yaml", &wrong());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let link = folder.0.join("dram.yaml");
    symlink("real.yaml", &link).unwrap();
    let path = link.to_str().unwrap();
    let (code, out, err) = dramc(&["check", "--fix", path], "");
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        err,
        format!("fixed {path}:6:3: DRAM0010: write `failureDomain`\nfixed {path}:30:23: DRAM0016: write `60m`\n")
    );
    assert!(out.starts_with("the model holds: "), "{out}");
    assert_eq!(read(&file), right());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink());
    let names = std::fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(names, 2, "nothing is left beside it");
    // Again: there is nothing to do.
    let (code, _, err) = dramc(&["check", "--fix", path], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(read(&file), right());
}

#[test]
fn what_is_left_is_told_and_what_is_right_is_not_touched() {
    let folder = Folder::new("left");
    let text = wrong().replacen("{ file: /etc/dram/key }", "hunter2", 1);
    let file = folder.put("dram.yaml", &text);
    let other = folder.put("other.yaml", "apiVersion: dram.dev/v1\nkind: Catalog\nmetadata: { name: c }\nspec: { url: \"file:///c\", failureDomain: desk }\n");
    let before = std::fs::metadata(&other).unwrap().modified().unwrap();
    let (code, out, err) = dramc(&["check", "--fix", folder.0.to_str().unwrap()], "");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[DRAM0020]") && err.ends_with("1 error\n"), "{err}");
    assert!(
        !err.contains("hunter2") && read(&file).contains("password: hunter2\n"),
        "{err}"
    );
    assert_eq!(std::fs::metadata(&other).unwrap().modified().unwrap(), before);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let (code, out, err) = dramc(&["check", "--fix", "-"], &wrong());
    assert_eq!((code, out), (0, right()));
    assert!(err.contains("fixed <standard input>:6:3: DRAM0010"), "{err}");
    let (code, out, _) = dramc(&["check", "--fix", "-"], SHOP);
    assert_eq!((code, out.as_str()), (0, SHOP));
    let (code, out, err) = dramc(&["check", "--fix", "--format", "json", "-"], SHOP);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = Folder::new("closed");
    let file = folder.put("dram.yaml", &wrong());
    // A folder stands where the file is written beside: no permission stops root.
    let (code, _, err) = dramc(&["check", "--fix", file.to_str().unwrap(), "/dev/null/dram.yaml"], "");
    assert!(code == 1 && err.contains("/dev/null/dram.yaml"), "{err}");
    assert_eq!(read(&file), wrong(), "all is read before anything is written");
}

#[test]
fn findings_are_printed_for_review() {
    let sarif = |arguments: &[&str], text: &str| -> (i32, Value) {
        let (code, out, err) = dramc(arguments, text);
        assert_eq!(err, "");
        (code, serde_json::from_str(&out).unwrap())
    };
    let rules = |sarif: &Value| -> Vec<String> {
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        results
            .iter()
            .map(|result| result["ruleId"].as_str().unwrap().to_owned())
            .collect()
    };
    let check = ["check", "--format", "sarif", "-"];
    let prove = ["prove", "--format", "sarif", "-"];
    let (code, found) = sarif(&check, &wrong());
    assert_eq!(
        (code, rules(&found)),
        (1, vec!["DRAM0010".to_owned(), "DRAM0016".to_owned()])
    );
    let (code, found) = sarif(&check, SHOP);
    assert_eq!((code, rules(&found).len()), (0, 0));
    // A proof says what the check says, and more.
    let (code, found) = sarif(&prove, &wrong());
    assert_eq!((code, rules(&found).len()), (1, 2));
    let late = SHOP.replacen("rpo: 75m", "rpo: 5m", 1);
    let (code, found) = sarif(&prove, &late);
    assert_eq!((code, rules(&found)), (3, vec!["DRAM0050".to_owned()]));
    let open = SHOP.replacen(", changeRate: 500Mi/d", "", 1);
    let (code, found) = sarif(&prove, &open);
    assert_eq!((code, rules(&found)), (0, vec!["DRAM0053".to_owned()]));
    let (code, _) = sarif(&["prove", "--strict", "--format", "sarif", "-"], &open);
    assert_eq!(code, 3);
    let (code, _) = sarif(&prove, SHOP);
    assert_eq!(code, 0);
}

#[test]
fn json_tells_what_a_fix_would_do() {
    let (_, out, _) = dramc(&["check", "--format", "json", "-"], &wrong());
    let found: Value = serde_json::from_str(&out).unwrap();
    let edit = &found[0]["fix"]["edits"][0];
    assert_eq!(edit["text"], "failureDomain");
    assert_eq!(
        (&edit["line"], &edit["column"], &edit["endColumn"]),
        (&6.into(), &3.into(), &16.into())
    );
    let (_, schema, _) = dramc(&["schema", "--of", "findings"], "");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/dramc-findings.schema.json");
    assert_eq!(schema, read(&kept), "`cargo generate` writes it");
}
