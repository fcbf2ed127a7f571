//! Decoding is the check: small blocks that use every shape, beside every finding about them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use dram_fields::{Code, Data, Decoded, Duration, Entry, Fields, Name, Node, Shape, decode, path_text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A garden.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Garden {
    /// Its name.
    pub name: Name,
    /// Its beds.
    #[field(block = "bed", key = "name", min = 1, max = 3)]
    pub beds: Vec<Bed>,
    /// How it is watered.
    #[field(one_of)]
    pub water: Water,
    /// What is done in winter.
    #[field(one_of)]
    pub winter: Option<Winter>,
    /// Who looks after it.
    #[field(default = Keeper::Owner)]
    pub keeper: Keeper,
    /// Notes of any kind.
    pub notes: BTreeMap<String, String>,
    /// Whether it has a fence.
    pub fenced: Option<bool>,
    /// Key of the gate.
    pub gate: Option<Gate>,
}

/// A bed.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Bed {
    /// Its name.
    pub name: Name,
    /// How many rows it has.
    #[field(default = 1)]
    pub rows: u32,
}

/// How a garden is watered.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Water {
    /// By rain.
    Rain(Nothing),
    /// At this distance in time.
    Every(Duration),
    /// By the words of somebody.
    Said(String),
}

/// No options.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Nothing;

/// What is done in winter.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Winter {
    /// It is covered.
    Cover(Nothing),
    /// It is left.
    Leave(Nothing),
}

/// Who looks after it.
#[derive(Fields, Debug, Clone, Copy, PartialEq)]
pub enum Keeper {
    /// Whoever owns it.
    Owner,
    /// Whoever lives next door.
    NextDoor,
}

/// Where the key of a gate is.
#[derive(Fields, Debug, Clone, PartialEq)]
#[fields(secret)]
pub struct Gate {
    /// Under a stone.
    #[field(one_of)]
    pub place: Place,
}

/// A place of a key.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum Place {
    /// Under the stone of that name.
    Stone(Name),
}

/// A garden that nothing is wrong with.
fn garden() -> Value {
    json!({"name": "herbs", "beds": [{"name": "sage"}], "rain": {}})
}

/// The garden with other fields; `null` removes one, and `"(empty)"` leaves it without a value.
fn with(changes: Value) -> Value {
    let mut value = garden();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
            Value::String(text) if text == "(empty)" => value[name] = Value::Null,
            _ => value[name] = change.clone(),
        }
    }
    value
}

fn read(value: &Value) -> Decoded<Garden> {
    decode(Node::from_json(value))
}

/// What is found, each as `code path: message = help`.
fn findings<T>(decoded: &Decoded<T>) -> Vec<String> {
    assert_eq!(
        decoded.value.is_some(),
        decoded.diagnostics.is_empty() && decoded.unknown.is_empty()
    );
    decoded
        .diagnostics
        .iter()
        .map(|finding| {
            let help = finding
                .help
                .as_deref()
                .map(|help| format!(" = {help}"))
                .unwrap_or_default();
            format!(
                "{} {}: {}{help}",
                finding.code.id,
                path_text(&finding.path),
                finding.message
            )
        })
        .collect()
}

fn check(changes: Value, expected: &[&str]) {
    assert_eq!(findings(&read(&with(changes.clone()))), expected, "{changes}");
}

#[test]
fn what_is_right_is_a_value() {
    let all = with(json!({
        "beds": [{"name": "sage", "rows": 3}, {"name": "mint"}],
        "cover": {}, "keeper": "next-door", "notes": {"soil": "sand"}, "fenced": true, "gate": {"stone": "flat"},
    }));
    let value = read(&all).value.unwrap();
    assert_eq!(
        value.beds,
        [
            Bed {
                name: "sage".parse().unwrap(),
                rows: 3
            },
            Bed {
                name: "mint".parse().unwrap(),
                rows: 1
            }
        ]
    );
    assert_eq!(
        (value.keeper, value.fenced, &value.winter),
        (Keeper::NextDoor, Some(true), &Some(Winter::Cover(Nothing)))
    );
    // What is encoded reads back as the same value.
    let encoded = value.encode().unwrap();
    assert_eq!(decode::<Garden>(encoded.clone()).value.as_ref(), Some(&value));
    assert_eq!(read(&encoded.to_json()).value, Some(value));
}

#[test]
fn fields_that_nobody_knows_are_refused() {
    check(
        json!({"keper": "owner"}),
        &["DRAM0010 keper: unknown field `keper` in Garden = did you mean `keeper`?"],
    );
    check(
        json!({"next_door": 1}),
        &[
            "DRAM0010 next_door: unknown field `next_door` in Garden = Garden has name, beds, rain, every, said, cover, leave, \
         keeper, notes, fenced, gate",
        ],
    );
    check(
        json!({"beds": [{"name": "sage", "Rows": 1}]}),
        &["DRAM0010 beds[0].Rows: unknown field `Rows` in Bed = did you mean `rows`?"],
    );
    check(
        json!({"rain": {"amount": 1}}),
        &["DRAM0010 rain.amount: unknown field `amount` in Nothing = Nothing has no fields: write `{}`"],
    );
    check(
        json!({"x".repeat(5_000_000): 1}),
        &[&format!(
            "DRAM0010 {0}: unknown field `{0}` in Garden = Garden has name, beds, rain, every, said, cover, leave, keeper, \
         notes, fenced, gate",
            "x".repeat(5_000_000)
        )],
    );
}

#[test]
fn what_is_missing_or_empty_is_said() {
    check(
        json!({"name": null}),
        &["DRAM0011 name: Garden needs `name` = Its name"],
    );
    check(
        json!({"beds": null}),
        &["DRAM0011 beds: Garden needs `beds` = Its beds"],
    );
    check(
        json!({"beds": []}),
        &["DRAM0019 beds: `beds` needs at least one element, and has 0 = Its beds"],
    );
    check(
        json!({"beds": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]}),
        &["DRAM0019 beds: `beds` takes at most 3 elements, and has 4 = Its beds"],
    );
    check(
        json!({"keeper": "(empty)"}),
        &["DRAM0018 keeper: `keeper` is empty = give it a value, or remove it"],
    );
    check(
        json!({"rain": "(empty)"}),
        &["DRAM0018 rain: `rain` is empty = give it a value (`{}` for none of its options), or remove it"],
    );
    check(
        json!({"beds": [null]}),
        &["DRAM0012 beds[0]: expected a block (Bed), found nothing"],
    );
}

#[test]
fn of_a_choice_one_is_given() {
    check(
        json!({"rain": null}),
        &[
            "DRAM0013 : Garden needs one of `rain`, `every` or `said` = rain: By rain; every: At this distance in time; said: \
         By the words of somebody",
        ],
    );
    check(
        json!({"every": "1h"}),
        &["DRAM0014 every: `rain` and `every` exclude each other = keep one of them"],
    );
    check(
        json!({"cover": {}, "leave": {}}),
        &["DRAM0014 leave: `cover` and `leave` exclude each other = keep one of them"],
    );
    // Both are read, so that nothing is left for a second round.
    check(
        json!({"rain": {"x": 1}, "every": "soon"}),
        &[
            "DRAM0014 every: `rain` and `every` exclude each other = keep one of them",
            "DRAM0010 rain.x: unknown field `x` in Nothing = Nothing has no fields: write `{}`",
            "DRAM0016 every: `soon` is not a duration: it does not begin with a whole number = for example `15m`",
        ],
    );
    check(json!({"rain": null, "every": "1h"}), &[]);
    check(json!({"cover": {}}), &[]);
}

#[test]
fn elements_are_known_by_their_key() {
    check(
        json!({"beds": [{"name": "sage"}, {"name": "mint"}, {"name": "sage"}]}),
        &["DRAM0015 beds[2]: `sage` is given twice = elements are known by their `name`: rename or remove one"],
    );
}

#[test]
fn each_field_has_one_shape() {
    check(
        json!({"name": 1.10}),
        &["DRAM0016 name: expected a name, found the number 1.1 = for example `orders-db`"],
    );
    check(
        json!({"name": true}),
        &["DRAM0012 name: expected text (a name), found a truth value = quote it if the text is meant: \"true\""],
    );
    check(
        json!({"beds": {"name": "sage"}}),
        &["DRAM0012 beds: expected a list, found a block = write a list, `[…]`, also for one element"],
    );
    check(
        json!({"beds": [{"name": "sage", "rows": "3"}]}),
        &["DRAM0012 beds[0].rows: expected a whole number, found text"],
    );
    check(
        json!({"beds": [{"name": "sage", "rows": -1}]}),
        &["DRAM0012 beds[0].rows: expected a whole number from 0 to 4294967295, found `-1`"],
    );
    check(
        json!({"fenced": "yes"}),
        &["DRAM0012 fenced: expected `true` or `false`, found text"],
    );
    check(
        json!({"notes": {"soil": 3}}),
        &["DRAM0012 notes.soil: expected text, found a number = quote it: \"3\""],
    );
    check(
        json!({"notes": []}),
        &["DRAM0012 notes: expected keys and values, found a list"],
    );
    check(
        json!({"keeper": "nextdoor"}),
        &["DRAM0017 keeper: `nextdoor` is none of `owner`, `next-door` = did you mean `next-door`?"],
    );
    check(
        json!({"keeper": ["owner"]}),
        &["DRAM0012 keeper: expected text (one of `owner`, `next-door`), found a list"],
    );
    check(
        json!({"rain": "much"}),
        &["DRAM0012 rain: expected a block (Nothing), found text"],
    );
}

/// Numbers as other readers of YAML would misread them, and as HCL cannot say them.
#[test]
fn a_whole_number_has_one_spelling() {
    for (text, value) in [
        ("0", Some(0)),
        ("7", Some(7)),
        ("007", None),
        ("+7", None),
        ("-0", None),
        ("7.0", None),
        ("0x7", None),
    ] {
        let node = Node::new(Data::Number(text.to_owned()));
        assert_eq!(decode::<u32>(node).value, value, "{text}");
    }
}

#[test]
fn all_errors_are_found_at_once() {
    check(
        json!({"name": "A", "beds": [{"rows": 1}, {"name": "b", "rows": true}], "every": "1x", "keeper": "me"}),
        &[
            "DRAM0014 every: `rain` and `every` exclude each other = keep one of them",
            "DRAM0016 name: `A` is not a name: `A` is none of a-z, 0-9 and `-` = for example `orders-db`",
            "DRAM0011 beds[0].name: Bed needs `name` = Its name",
            "DRAM0012 beds[1].rows: expected a whole number, found a truth value",
            "DRAM0016 every: `1x` is not a duration: the unit `x` is none of `s`, `m`, `h`, `d` or `w` = for example `15m`",
            "DRAM0017 keeper: `me` is none of `owner`, `next-door`",
        ],
    );
}

/// Whatever stands where a secret belongs is neither repeated nor shown.
#[test]
fn a_literal_secret_is_never_repeated() {
    let canary = "hunter2 is it";
    for gate in [
        json!(canary),
        json!([canary]),
        json!({"stone": canary}),
        json!({"stone": [canary]}),
        json!({"value": canary}),
        json!({canary: "flat"}),
        json!({"stone": {canary: canary}}),
        json!({"Stone": canary}),
    ] {
        let decoded = read(&with(json!({"gate": gate})));
        assert!(!decoded.diagnostics.is_empty());
        assert!(!decoded.diagnostics[0].masked.is_empty(), "{gate}");
        let all = findings(&decoded).join("\n");
        assert!(!all.contains("hunter2"), "{all}");
    }
    check(
        json!({"gate": canary}),
        &["DRAM0020 gate: a secret never stands in a model = refer to it: `{env: NAME}` or `{file: /path}`"],
    );
    check(
        json!({"gate": {"stone": canary}}),
        &["DRAM0016 gate.stone: not a name = for example `orders-db`"],
    );
    check(
        json!({"gate": {"stone": 4711}}),
        &["DRAM0012 gate.stone: expected text (a name), found a number"],
    );
    check(
        json!({"gate": {canary: 1}}),
        &[
            "DRAM0010 gate: unknown field in Gate = Gate has stone",
            "DRAM0013 gate: Gate needs `stone` = stone: Under the stone of that name",
        ],
    );
}

#[test]
fn a_misspelled_secret_is_masked() {
    for name in ["gatte", "GATE", "password", "apiToken", "accessKey"] {
        let decoded = read(&with(json!({name: {"x": ["hunter2"]}})));
        assert_eq!(decoded.diagnostics.len(), 1);
        assert_eq!(decoded.diagnostics[0].masked.len(), 1, "{name}");
    }
    assert!(read(&with(json!({"colour": "green"}))).diagnostics[0].masked.is_empty());
}

fn replace(node: &mut Node, name: &str, data: Data) {
    let Data::Map(entries) = &mut node.data else {
        unreachable!("a block")
    };
    entries.retain(|entry| entry.name != name);
    entries.push(Entry::new(name, Node::new(data)));
}

/// What is not known yet silences its own place, and no other.
#[test]
fn an_unknown_is_no_error_and_hides_none() {
    for field in ["name", "beds", "rain", "keeper", "notes", "fenced", "gate"] {
        let mut node = Node::from_json(&garden());
        replace(&mut node, field, Data::Unknown);
        let decoded = decode::<Garden>(node.clone());
        assert_eq!(findings(&decoded), Vec::<String>::new(), "{field}");
        assert_eq!(decoded.value, None);
        assert_eq!(
            decoded.unknown.iter().map(|path| path_text(path)).collect::<Vec<_>>(),
            [field]
        );
        replace(&mut node, "fence", Data::Bool(true));
        assert_eq!(
            findings(&decode::<Garden>(node)),
            ["DRAM0010 fence: unknown field `fence` in Garden = did you mean `fenced`?"]
        );
    }
    // Inside lists and maps, with an error beside it.
    let mut node = Node::from_json(&with(
        json!({"beds": [{"name": "sage", "rows": "3"}], "notes": {"a": "b"}}),
    ));
    let Data::Map(entries) = &mut node.data else {
        unreachable!("a block")
    };
    for entry in entries {
        match (&mut entry.value.data, entry.name.as_str()) {
            (Data::List(beds), _) => beds.push(Node::new(Data::Unknown)),
            (Data::Map(notes), "notes") => notes.push(Entry::new("c", Node::new(Data::Unknown))),
            _ => {}
        }
    }
    let decoded = decode::<Garden>(node);
    assert_eq!(
        findings(&decoded),
        ["DRAM0012 beds[0].rows: expected a whole number, found text"]
    );
    assert_eq!(
        decoded.unknown.iter().map(|path| path_text(path)).collect::<Vec<_>>(),
        ["beds[1]", "notes.c"]
    );
}

#[test]
fn an_unknown_completes_a_choice_and_breaks_none() {
    let mut node = Node::from_json(&with(json!({"rain": null})));
    replace(&mut node, "every", Data::Unknown);
    assert_eq!(findings(&decode::<Garden>(node)), Vec::<String>::new());
    let mut node = Node::from_json(&garden());
    replace(&mut node, "every", Data::Unknown);
    replace(&mut node, "said", Data::Unknown);
    assert_eq!(findings(&decode::<Garden>(node)), Vec::<String>::new());
}

#[test]
fn a_key_given_twice_shows_both_places() {
    let mut node = Node::from_json(&garden());
    let Data::Map(entries) = &mut node.data else {
        unreachable!("a block")
    };
    let twice = entries.iter().find(|entry| entry.name == "name").cloned().unwrap();
    entries.push(twice);
    let decoded = decode::<Garden>(node);
    assert_eq!(
        findings(&decoded),
        ["DRAM0015 name: `name` is given twice = remove one of them"]
    );
    assert_eq!(decoded.diagnostics[0].related.len(), 1);
    assert_eq!(decoded.diagnostics[0].code, Code::DUPLICATE_KEY);
}

#[test]
fn many_entries_take_no_longer_than_they_must() {
    let notes: BTreeMap<String, String> = (0..100_000).map(|n| (format!("n{n}"), String::new())).collect();
    check(json!({"notes": notes}), &[]);
    let beds: Vec<Value> = (0..100_000).map(|n| json!({"name": format!("b{n}")})).collect();
    assert_eq!(read(&with(json!({"beds": beds}))).diagnostics.len(), 1);
    let mut many = garden();
    for n in 0..50_000 {
        many[format!("unknown-{n}")] = json!(n);
    }
    assert_eq!(read(&many).diagnostics.len(), 50_000);
}
