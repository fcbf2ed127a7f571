//! A field of the language is one edit: its doc comment and its line in the struct. Everything else follows.

use dram_fields::write::{hcl, json_schema, markdown};
use dram_fields::{Block, Fields, Node, Shape, decode};
use serde_json::json;

mod before {
    use dram_fields::Fields;

    /// A boat.
    #[derive(Fields, Debug, PartialEq)]
    pub(super) struct Boat {
        /// Its name.
        pub(super) name: String,
    }
}

mod after {
    use dram_fields::{Duration, Fields};

    /// A boat.
    #[derive(Fields, Debug, PartialEq)]
    pub(super) struct Boat {
        /// Its name.
        pub(super) name: String,
        /// How long a crossing takes.
        #[field(default = Duration::seconds(7200))]
        pub(super) crossing_time: Duration,
    }
}

#[test]
fn a_new_field_is_refused_before_and_read_after() {
    let document = json!({"name": "anna", "crossingTime": "90m"});
    let refused = decode::<before::Boat>(Node::from_json(&document));
    assert_eq!(refused.diagnostics[0].message, "unknown field `crossingTime` in Boat");
    let boat = decode::<after::Boat>(Node::from_json(&document)).value.unwrap();
    assert_eq!(boat.crossing_time.seconds, 5400);
    let wrong = decode::<after::Boat>(Node::from_json(&json!({"name": "anna", "crossingTime": "90"})));
    assert_eq!(
        wrong.diagnostics[0].message,
        "`90` is not a duration: it lacks its unit: `s`, `m`, `h`, `d` or `w`"
    );
}

#[test]
fn a_new_field_is_written_with_its_default() {
    let boat = decode::<after::Boat>(Node::from_json(&json!({"name": "anna"})))
        .value
        .unwrap();
    assert_eq!(
        boat.encode().unwrap().to_json(),
        json!({"name": "anna", "crossingTime": "2h"})
    );
}

#[test]
fn a_new_field_is_in_the_json_schema() {
    let schema = json_schema::definitions(after::Boat::kind());
    assert_eq!(
        schema["Boat"]["properties"]["crossingTime"],
        json!({
            "type": "string", "pattern": "^[0-9]+[smhdw]$", "examples": ["15m"],
            "description": "How long a crossing takes.", "default": "2h",
        })
    );
    assert_eq!(schema["Boat"]["required"], json!(["name"]));
}

#[test]
fn a_new_field_is_on_the_page() {
    let row = "| `crossingTime` | duration, `15m` | optional | How long a crossing takes. Default: `2h`. |\n";
    assert!(markdown::page(after::Boat::kind(), 2).contains(row));
    assert!(!markdown::page(before::Boat::kind(), 2).contains("crossing"));
}

#[test]
fn a_new_field_is_in_the_hcl() {
    let node = Node::from_json(&json!({"name": "anna", "crossingTime": "90m"}));
    let text = hcl::body(after::Boat::kind(), &node, &|_, _| None).render();
    assert_eq!(text, "name          = \"anna\"\ncrossing_time = \"90m\"\n");
}

/// The field constants by which rules name a field without spelling it.
#[test]
fn a_new_field_has_a_constant() {
    assert_eq!(after::Boat::CROSSING_TIME.name, "crossingTime");
    assert_eq!(after::Boat::CROSSING_TIME.terraform_name(), "crossing_time");
}

/// A choice of one.
#[derive(Fields, Debug, PartialEq)]
pub enum Anchor {
    /// With a chain of this length in metres.
    Chain(u32),
}

#[test]
fn variants_have_constants_too() {
    assert_eq!(Anchor::CHAIN.name, "chain");
}
