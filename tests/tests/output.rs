//! What every command prints with `--json` is what the schema says, and nothing that it does not say.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, claim};
use dram_tests::programs::repository;
use dram_tests::world::{World, read, write};
use serde_json::{Value, json};

struct Output {
    schema: Value,
    /// Commands of which something other than an error was seen.
    seen: BTreeSet<&'static str>,
}

impl Output {
    fn documented() -> Result<Output> {
        let path = repository().join("docs/reference/dram-output.schema.json");
        let schema = parsed(&read(&path)?)?;
        Ok(Output {
            schema,
            seen: BTreeSet::new(),
        })
    }

    /// Runs a command and holds every line of it against the schema.
    fn check(&mut self, command: &'static str, call: Call, exit: i32) -> Result<Vec<Value>> {
        let done = call.arg("--json").run()?.expect_code(exit)?;
        let lines: Vec<Value> = done.stdout_text().lines().map(parsed).collect::<Result<_>>()?;
        claim(
            format!("`{}` prints something", done.line),
            !lines.is_empty(),
            String::new,
        )?;
        for line in &lines {
            self.fits(command, line)?;
        }
        Ok(lines)
    }

    fn fits(&mut self, command: &'static str, line: &Value) -> Result<()> {
        let definitions = self.schema.get("$defs").cloned().unwrap_or_default();
        let schema = json!({"$ref": format!("#/$defs/{command}"), "$defs": definitions});
        let validator = jsonschema::draft202012::new(&schema)
            .map_err(|error| std::io::Error::other(error.to_string()))
            .doing(|| "read the schema".to_owned())?;
        let wrong: Vec<String> = validator.iter_errors(line).map(|error| error.to_string()).collect();
        claim(
            format!("the line of {command} is as documented"),
            wrong.is_empty(),
            || format!("{line}: {wrong:?}"),
        )?;
        let mut said = BTreeSet::new();
        self.names(
            &json!({"$ref": format!("#/$defs/{command}")}),
            &mut BTreeSet::new(),
            &mut said,
        );
        let rows = line.as_array().map_or(std::slice::from_ref(line), Vec::as_slice);
        // A runbook is a record of its own, and documented as one.
        for row in rows
            .iter()
            .filter(|row| row.get("steps").is_none_or(|steps| !steps.is_array()))
        {
            for key in row.as_object().into_iter().flat_map(|row| row.keys()) {
                claim(
                    format!("`{key}` of {command} is documented"),
                    said.contains(key),
                    || row.to_string(),
                )?;
            }
        }
        if line.get("error").is_none() && line.get("event").is_none_or(|event| event != "note") {
            self.seen.insert(command);
        }
        Ok(())
    }

    /// The names of all properties that a schema speaks of, through its references.
    fn names(&self, schema: &Value, followed: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str)
            && followed.insert(name.to_owned())
        {
            let pointer = name.trim_start_matches('#');
            if let Some(target) = self.schema.pointer(pointer) {
                self.names(target, followed, found);
            }
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            found.extend(properties.keys().cloned());
        }
        let inside = ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .filter_map(|word| schema.get(word)?.as_array());
        for part in inside.flatten().chain(schema.get("items")) {
            self.names(part, followed, found);
        }
    }
}

fn parsed(text: impl AsRef<str>) -> Result<Value> {
    let text = text.as_ref();
    serde_json::from_str(text)
        .map_err(std::io::Error::from)
        .doing(|| format!("read `{text}`"))
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn every_command_prints_what_is_documented() -> Result<()> {
    let mut output = Output::documented()?;
    let world = World::protected(dram_tests::world::Stores::Directories)?;
    let dram = |words: &[&str]| world.dram().args(words);
    let notes = world.dir().join("office/data/notes");
    let first = world.points("files")?.pop().unwrap_or_default();
    write(&notes, "second\n")?;

    output.check("catalog-init", dram(&["catalog", "init"]), 0)?;
    output.check("catalog-check", dram(&["catalog", "check"]), 0)?;
    output.check("catalog-compact", dram(&["catalog", "compact"]), 0)?;
    output.check("apply", dram(&["apply", "--dry-run"]).arg(world.model()), 0)?;
    output.check("reconcile", dram(&["reconcile"]), 0)?;
    output.check("protect", dram(&["protect", "files", "--dry-run"]), 0)?;
    output.check("protect", dram(&["protect", "files"]), 0)?;
    let asked = dram(&["protect", "files", "--request", "--key", "word"]);
    let asked = output.check("protect", asked, 0)?;
    let run = text(asked.last().and_then(|line| line.get("run")));
    output.check("cancel", dram(&["cancel", &run]), 0)?;
    output.check("status", dram(&["status"]), 0)?;
    output.check("points", dram(&["points", "files"]), 0)?;
    output.check("ls", dram(&["ls", &first, "--recursive"]), 0)?;
    let second = world.points("files")?.pop().unwrap_or_default();
    let differs = output.check("diff", dram(&["diff", &first, &second]), 0)?;
    claim("an entry and the counts are told", differs.len() > 1, || {
        format!("{differs:?}")
    })?;
    output.check("verify", dram(&["verify", "files"]), 0)?;
    let into = world.dir().join("into");
    output.check("restore", dram(&["restore", "files", "--into"]).arg(&into), 0)?;
    write(&notes, "third\n")?;
    let look = dram(&["restore", "files", "--path", "/data", "--dry-run"]);
    let look = output.check("restore", look, 0)?;
    let of = |event: &str| {
        look.iter()
            .filter(|line| line.get("event").is_some_and(|found| found == event))
            .count()
    };
    claim(
        "changes and their counts are told",
        of("change") > 0 && of("changes") == 1,
        || format!("{look:?}"),
    )?;
    output.check("restore", dram(&["restore", "files", "--path", "/none"]), 3)?;
    let branch = world.dir().join("branch");
    let recover = || {
        dram(&["recover", "files", "--attest-source-stopped", "--into"])
            .arg(&branch)
            .args(world.vault_options())
    };
    output.check("recover", recover().arg("--dry-run"), 0)?;
    output.check("runs", dram(&["runs"]), 0)?;
    for command in ["resume", "pause", "cancel"] {
        output.check(command, dram(&[command, "01JD8Z00000000000000000000"]), 1)?;
    }
    output.check("copy", dram(&["copy", "files"]), 3)?;
    output.check("prune", dram(&["prune", "files", "--dry-run"]), 0)?;
    output.check(
        "hold",
        dram(&["hold", &first, "--reason", "audit", "--until", "90d"]),
        0,
    )?;
    output.check("hold", dram(&["hold", &first, "--release"]), 0)?;
    output.check("quarantine", dram(&["quarantine", &first, "--reason", "odd"]), 0)?;
    output.check("quarantine", dram(&["quarantine", &first, "--lift"]), 0)?;
    output.check(
        "attest",
        dram(&["attest", &first, "--level", "boot", "--reason", "booted in the lab"]),
        0,
    )?;
    let sheet = world.dir().join("kit.txt");
    let kit = output.check("kit", dram(&["kit", "files", "--out"]).arg(&sheet), 0)?;
    let kit = text(kit.first().and_then(|line| line.pointer("/keys/0/kit")));
    output.check("kit", dram(&["kit", "files", "--list"]), 0)?;
    output.check("kit", dram(&["kit", "files", "--revoke", &kit]), 0)?;
    output.check("doctor", dram(&["doctor"]), 0)?;
    serves(&mut output, &world)?;
    let rebuild = dram(&["catalog", "rebuild"]).args(world.vault_options());
    output.check("catalog-rebuild", rebuild, 0)?;
    // The vault knows of this takeover, and the catalog does not.
    output.check("recover", recover(), 0)?;
    output.check("adopt", dram(&["adopt", "files"]), 0)?;

    let commands = output.schema.get("$defs").and_then(Value::as_object);
    let commands = commands.into_iter().flatten().map(|(name, _)| name.as_str());
    let unseen: Vec<&str> = commands
        .filter(|name| name.starts_with(char::is_lowercase) && !output.seen.contains(name))
        .collect();
    // Without an interrupted run and a second vault these only refuse here; they print the events of a run.
    claim(
        "every other command was seen",
        unseen == ["copy", "pause", "resume"],
        || format!("{unseen:?}"),
    )
}

/// The first line of a serving engine, which then is stopped.
fn serves(output: &mut Output, world: &World) -> Result<()> {
    let mut command = world.dram().args(["serve", "--json"]).into_command();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(|| "start dram serve".to_owned())?;
    let mut line = String::new();
    let read = child
        .stdout
        .take()
        .map(|stdout| BufReader::new(stdout).read_line(&mut line));
    let _ = child.kill();
    let _ = child.wait();
    read.transpose().doing(|| "read what it tells".to_owned())?;
    output.fits("serve", &parsed(&line)?)
}
