//! What commands print with `--json` where no type of the engine says it, and the schema of all of it.

use crate::engine::{
    Applied, DiffCounts, Finding, ItemDiff, KitKey, KitMiss, Marked, PointRow, PruneReport, Rebuilt, RunRow, StatusRow,
    Told, Verified, WorkRow,
};
use crate::run::Event;
use crate::state::RunState;
use crate::vault::{Change, Differs};
use jiff::Timestamp;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Something that must not pass in silence.
#[derive(JsonSchema, Serialize)]
pub(crate) struct NoteLine<'a> {
    /// `note`.
    pub(crate) event: &'a str,
    /// What.
    pub(crate) text: &'a str,
}

/// Why a command failed. Then this is the last line.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ErrorLine {
    /// What is wrong.
    pub(crate) error: String,
    /// Why, the nearest cause first.
    pub(crate) causes: Vec<String>,
    /// The way out, where there is one.
    pub(crate) help: Option<String>,
    /// The exit code.
    pub(crate) exit: u8,
}

/// An entry of a point.
#[derive(JsonSchema, Serialize)]
pub(crate) struct LsRow {
    /// The item that it is in.
    pub(crate) item: String,
    /// Its path, as the application sees it.
    pub(crate) path: String,
    /// `file`, `directory`, `link`, `fifo`, `device` or `socket`.
    pub(crate) kind: &'static str,
    /// The bytes of its content.
    pub(crate) size: u64,
    /// The number of its owner.
    pub(crate) uid: u32,
    /// The number of its group.
    pub(crate) gid: u32,
    /// The name of its owner at the source, where it had one.
    pub(crate) user: Option<String>,
    /// The name of its group at the source, where it had one.
    pub(crate) group: Option<String>,
}

/// What a dry run tells of one entry.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ChangeLine<'a> {
    /// `change`.
    pub(crate) event: &'a str,
    /// The item that it is in.
    pub(crate) item: &'a str,
    #[serde(flatten)]
    pub(crate) change: &'a Change,
}

/// How many entries would change, at the end of a dry run.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ChangesLine<'a> {
    /// `changes`.
    pub(crate) event: &'a str,
    /// By what would become of them: `new`, `content`, `metadata`, `same`, `stays`, `in-the-way`.
    pub(crate) counts: BTreeMap<&'a str, Counted>,
}

/// Some entries.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Counted {
    /// How many.
    pub(crate) entries: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// An item that only one of two points has.
#[derive(JsonSchema, Serialize)]
pub(crate) struct DiffItemLine<'a> {
    /// `item`.
    pub(crate) event: &'a str,
    #[serde(flatten)]
    pub(crate) found: &'a ItemDiff,
}

/// What differs between two points at a path.
#[derive(JsonSchema, Serialize)]
pub(crate) struct DiffEntryLine<'a> {
    /// `entry`.
    pub(crate) event: &'a str,
    /// The item that it is in.
    pub(crate) item: &'a str,
    /// Its path, as the application sees it.
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) how: &'a Differs,
    /// The bytes of its content in the first point.
    pub(crate) before: u64,
    /// The same in the second.
    pub(crate) after: u64,
}

/// How much differs between two points, at the end.
#[derive(JsonSchema, Serialize)]
pub(crate) struct DiffCountsLine<'a> {
    /// `counts`.
    pub(crate) event: &'a str,
    #[serde(flatten)]
    pub(crate) counts: &'a DiffCounts,
}

/// What a serving engine tells, with the time.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ServeLine<'a> {
    /// When.
    pub(crate) at: Timestamp,
    #[serde(flatten)]
    pub(crate) told: &'a Told,
}

/// Where a kit's sheet is, and what it opens. The passphrase is not told.
#[derive(JsonSchema, Serialize)]
pub(crate) struct KitLine<'a> {
    /// The file.
    pub(crate) out: String,
    /// The keys that were made.
    pub(crate) keys: &'a [KitKey],
    /// Vaults that the kit does not open.
    pub(crate) missed: &'a [KitMiss],
}

/// Who writes for an application now.
#[derive(JsonSchema, Serialize)]
pub(crate) struct AdoptLine<'a> {
    /// The application.
    pub(crate) application: &'a str,
    /// The epoch.
    pub(crate) epoch: u64,
    /// The site.
    pub(crate) site: String,
}

/// What `status --follow` prints each time.
#[derive(JsonSchema, Serialize)]
pub(crate) struct FollowedLine<'a> {
    /// The applications.
    pub(crate) applications: &'a [StatusRow],
    /// The runs that have not ended.
    pub(crate) runs: &'a [WorkRow],
}

/// How a run stands that was asked for, or told to wait or to end.
#[derive(JsonSchema, Serialize)]
pub(crate) struct StandsLine<'a> {
    /// The run.
    pub(crate) run: &'a str,
    /// How it stands.
    pub(crate) state: RunState,
}

/// A catalog that is ready.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CatalogInitLine {
    /// Its address.
    pub(crate) catalog: String,
    /// What was found out about its store, in words.
    pub(crate) verdict: String,
    /// When it was made.
    pub(crate) at: String,
}

/// What was found out about a catalog's store.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CatalogCheckLine {
    /// Its address.
    pub(crate) catalog: String,
    /// In words.
    pub(crate) verdict: String,
    /// Whether several may write into it.
    pub(crate) atomic: bool,
}

/// What was removed from a catalog.
#[derive(JsonSchema, Serialize)]
pub(crate) struct CatalogCompactLine {
    /// Superseded records.
    pub(crate) records: u64,
    /// The series that they were in.
    pub(crate) series: u64,
}

/// The steps of an action that is only shown.
struct RunbookLine;

impl JsonSchema for RunbookLine {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RunbookLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "The steps of an action that is only shown, with all that carrying them out needs: a runbook of format 1, \
                            as run logs hold it.",
            "type": "object",
            "required": ["format", "verb", "tenant", "application", "site", "vault", "point", "epoch", "steps"],
            "properties": {
                "format": {"const": 1},
                "verb": {"enum": ["protect", "restore", "recover", "copy"]},
                "steps": {"type": "array", "items": {"type": "object", "required": ["step"]}}
            }
        })
    }
}

/// The schema of what every command prints with `--json`: `$defs` has one entry for each command, and a line that it prints fits
/// one of the forms there. Commands that print nothing of their own have none.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let run: [Form; 1] = [form::<Event>()];
    let shown: [Form; 1] = [form::<RunbookLine>()];
    let asked: [Form; 1] = [form::<StandsLine<'_>>()];
    let changes: [Form; 2] = [form::<ChangeLine<'_>>(), form::<ChangesLine<'_>>()];
    let commands: [(&str, Vec<Form>); 27] = [
        ("apply", vec![form::<Vec<Applied>>()]),
        ("reconcile", vec![form::<Vec<Finding>>()]),
        ("status", vec![form::<Vec<StatusRow>>(), form::<FollowedLine<'_>>()]),
        ("protect", [&run[..], &shown[..], &asked[..]].concat()),
        ("points", vec![form::<Vec<PointRow>>()]),
        ("ls", vec![form::<Vec<LsRow>>()]),
        (
            "diff",
            vec![
                form::<DiffItemLine<'_>>(),
                form::<DiffEntryLine<'_>>(),
                form::<DiffCountsLine<'_>>(),
            ],
        ),
        ("verify", vec![form::<Event>(), form::<Verified>()]),
        ("restore", [&run[..], &shown[..], &changes[..], &asked[..]].concat()),
        ("recover", [&run[..], &shown[..], &changes[..]].concat()),
        ("resume", run.to_vec()),
        ("pause", vec![form::<StandsLine<'_>>()]),
        ("cancel", vec![form::<StandsLine<'_>>()]),
        ("runs", vec![form::<Vec<RunRow>>()]),
        ("copy", [&run[..], &shown[..], &asked[..]].concat()),
        ("prune", vec![form::<Event>(), form::<PruneReport>()]),
        ("hold", vec![form::<Marked>()]),
        ("quarantine", vec![form::<Marked>()]),
        ("attest", vec![form::<Marked>()]),
        ("serve", vec![form::<ServeLine<'_>>()]),
        ("adopt", vec![form::<AdoptLine<'_>>()]),
        ("kit", vec![form::<KitLine<'_>>(), form::<Vec<KitKey>>()]),
        ("catalog-init", vec![form::<CatalogInitLine>()]),
        ("catalog-check", vec![form::<CatalogCheckLine>()]),
        ("catalog-compact", vec![form::<CatalogCompactLine>()]),
        ("catalog-rebuild", vec![form::<Rebuilt>()]),
        ("doctor", vec![form::<Vec<Finding>>()]),
    ];
    let always: [Form; 2] = [form::<NoteLine<'_>>(), form::<ErrorLine>()];
    let mut definitions = Map::new();
    for (command, forms) in commands {
        let forms = forms.iter().chain(&always);
        let forms: Vec<Value> = forms.map(|form| form(&mut generator).to_value()).collect();
        definitions.insert(command.to_owned(), json!({ "anyOf": forms }));
    }
    let lines: Vec<Value> = definitions
        .keys()
        .map(|command| json!({"$ref": format!("#/$defs/{command}")}))
        .collect();
    definitions.extend(generator.take_definitions(true));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What dram prints with --json",
        "description": "Each line of standard output is one JSON document. `$defs` has an entry for each command with the forms that \
                        its lines take; notes and errors may stand between them. `dram log` prints the records of a run as they are, \
                        `dram cat` bytes.",
        "anyOf": lines,
        "$defs": definitions,
    })
}

/// How one form of a line is described.
type Form = fn(&mut SchemaGenerator) -> Schema;

fn form<T: JsonSchema>() -> Form {
    SchemaGenerator::subschema_for::<T>
}
