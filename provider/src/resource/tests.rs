use std::collections::BTreeMap;

use dram_compiler::model::KindName;
use dram_fields::Node;
use serde_json::json;

use super::table;
use crate::value::{Path, Step, Value, from_json, to_json};

fn value(kind: KindName, json: &serde_json::Value) -> Value {
    let ty = table::block(kind.table()).ty();
    from_json(json.to_string().as_bytes(), &ty).unwrap()
}

fn text(kind: KindName, value: &Value) -> serde_json::Value {
    fn dense(json: serde_json::Value) -> serde_json::Value {
        match json {
            serde_json::Value::Object(entries) => entries
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, dense(value)))
                .collect(),
            serde_json::Value::Array(elements) => elements.into_iter().map(dense).collect(),
            other => other,
        }
    }
    let ty = table::block(kind.table()).ty();
    dense(serde_json::from_str(&to_json(value, &ty).unwrap()).unwrap())
}

#[test]
fn the_prior_spelling_stays_where_it_means_the_same() {
    let kind = KindName::ProtectionPolicy;
    let prior = value(
        kind,
        &json!({"objectives": {"rpo": "60m", "rto": "1h"}, "schedule": [{"every": "30m"}], "vault": []}),
    );
    let config = value(
        kind,
        &json!({
            "objectives": {"rpo": "1h", "rto": "2h"},
            "schedule": [{"every": "1800s"}, {"every": "1h"}],
            "vault": [],
        }),
    );
    let kept = text(kind, &table::kept(kind.table(), &config, &prior));
    assert_eq!(
        kept,
        json!({"objectives": {"rpo": "60m", "rto": "2h"}, "schedule": [{"every": "30m"}, {"every": "1h"}], "vault": []})
    );
}

/// A calendar in other words is the same calendar: the plan stays quiet.
#[test]
fn a_cron_expression_is_compared_by_what_it_means() {
    let kind = KindName::ProtectionPolicy;
    let policy = |cron: &str, zone: &str| {
        let schedule = json!([{"cron": cron, "timezone": zone}]);
        json!({"objectives": {"rpo": "4d"}, "schedule": schedule, "vault": []})
    };
    let prior = policy("30 2 * * MON-FRI", "europe/berlin");
    for config in [
        policy("30  2 * * 1-5", "Europe/Berlin"),
        policy("30 02 * * mon,tue,wed,thu,fri", "EUROPE/BERLIN"),
    ] {
        let kept = table::kept(kind.table(), &value(kind, &config), &value(kind, &prior));
        assert_eq!(text(kind, &kept), prior);
    }
    let other = policy("*/30 2 * * 1-5", "Europe/Berlin");
    let kept = table::kept(kind.table(), &value(kind, &other), &value(kind, &prior));
    assert_eq!(text(kind, &kept)["schedule"][0]["cron"], "*/30 2 * * 1-5");
}

#[test]
fn what_stands_is_told_in_the_users_spelling_and_differs_only_where_it_does() {
    let kind = KindName::ProtectionPolicy;
    let said = value(
        kind,
        &json!({
            "objectives": {"rpo": "90m", "rto": "60m"}, "schedule": [{"every": "60m"}],
            "retention": {"daily": 7, "keep_verified": 1}, "vault": [{"name": "nas"}],
        }),
    );
    let recorded = Node::from_json(&json!({
        "objectives": {"rpo": "90m"}, "schedule": [{"every": "1h"}, {"every": "6h"}],
        "retention": {"daily": 14, "keepVerified": 1}, "vaults": [{"name": "nas"}],
    }));
    let told = text(kind, &table::value_of(kind.table(), &recorded, &said));
    assert_eq!(
        told,
        json!({
            // A list of blocks is there, be it empty.
            "method": [],
            "objectives": {"rpo": "90m"}, "schedule": [{"every": "60m"}, {"every": "6h"}],
            "retention": {"daily": 14, "keep_verified": 1}, "vault": [{"name": "nas"}],
        })
    );
    // Nothing was said, as in an import: defaults stay unsaid.
    let told = text(kind, &table::value_of(kind.table(), &recorded, &Value::Null));
    assert_eq!(told["retention"], json!({"daily": 14}));
}

#[test]
fn a_place_that_may_hold_a_secret_is_not_pointed_at() {
    let kind = KindName::Vault;
    let config = value(
        kind,
        &json!({"failure_domain": "nas", "directory": {"path": "/x"}, "password": {"env": "hunter 2"}}),
    );
    let mut all = config.as_map().cloned().unwrap();
    all.insert("name".to_owned(), "nas".into());
    let provider = super::Provider::new();
    let notices = provider.validate("dram_vault", &Value::Map(all));
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].path, Some(Path::attribute("password")));
    assert!(!format!("{notices:?}").contains("hunter"));
}

#[test]
fn messages_use_the_names_of_terraform() {
    assert_eq!(
        table::words("component `db` states no `data.changeRate`"),
        "component `db` states no `data.change_rate`"
    );
    assert_eq!(
        table::words("`DRAM_SITE`, `ProtectionPolicy`, `a b C`"),
        "`DRAM_SITE`, `ProtectionPolicy`, `a b C`"
    );
    assert_eq!(table::words("a lone ` changeRate"), "a lone ` changeRate");
}

#[test]
fn everything_wrong_is_said_at_once_and_at_its_place() {
    let provider = super::Provider::new();
    let config = value(
        KindName::Application,
        &json!({
            "site": "Office", "policy": "hourly",
            "component": [
                {"name": "db", "after": [], "health": []},
                {"name": "db", "after": ["nobody"], "data": {"change_rate": "much"}, "health": [{"timeout": "x"}]},
            ],
        }),
    );
    let mut all: BTreeMap<String, Value> = config.as_map().cloned().unwrap();
    all.insert("name".to_owned(), "Shop".into());
    let places: Vec<String> = provider
        .validate("dram_application", &Value::Map(all))
        .iter()
        .map(|notice| notice.path.as_ref().map(ToString::to_string).unwrap_or_default())
        .collect();
    for place in [
        "name",
        "site",
        "component[1]",
        "component[1].data.change_rate",
        "component[1].health[0].timeout",
    ] {
        assert!(
            places.iter().any(|found| found == place),
            "{place} is not in {places:?}"
        );
    }
    let step = Path::attribute("component").then(Step::Index(1));
    assert_eq!(step.to_string(), "component[1]");
}

/// Values of any kind, made from its table: every spelling, every choice, anything that may be left out left out.
mod any {
    use dram_fields::{Cx, Field, Item, Kind, Span, Ty};
    use proptest::prelude::*;

    use super::*;

    fn of_kind(kind: &'static Kind) -> BoxedStrategy<Value> {
        let mut parts: Vec<BoxedStrategy<Vec<(String, Value)>>> = Vec::new();
        for item in kind.items {
            match item {
                Item::Field(field) => parts.push(of_field(field, field.required)),
                Item::OneOf { variants, .. } => {
                    let chosen = (0..variants.len()).prop_flat_map(|chosen| {
                        let fields = variants.iter().enumerate().map(|(index, field)| match index == chosen {
                            true => of_field(field, true),
                            false => Just(vec![absent(field)]).boxed(),
                        });
                        fields.collect::<Vec<_>>().prop_map(|parts| parts.concat())
                    });
                    parts.push(chosen.boxed());
                }
            }
        }
        parts
            .prop_map(|parts| Value::Map(parts.into_iter().flatten().collect()))
            .boxed()
    }

    fn absent(field: &'static Field) -> (String, Value) {
        let many = matches!(field.ty, Ty::List(Ty::Block(_) | Ty::Secret(_)));
        (
            field.terraform_name(),
            if many { Value::List(Vec::new()) } else { Value::Null },
        )
    }

    fn of_field(field: &'static Field, required: bool) -> BoxedStrategy<Vec<(String, Value)>> {
        let least = usize::try_from(field.min).unwrap();
        let most = if field.max == 0 {
            least + 2
        } else {
            usize::try_from(field.max).unwrap()
        };
        let present = of_ty(&field.ty, least, most).prop_map(|value| vec![(field.terraform_name(), value)]);
        if required {
            present.boxed()
        } else {
            prop_oneof![2 => present, 1 => Just(vec![absent(field)])].boxed()
        }
    }

    fn of_ty(ty: &'static Ty, least: usize, most: usize) -> BoxedStrategy<Value> {
        match ty {
            Ty::Text(format) => {
                let spellings: &[&str] = match format.name {
                    "a duration" => &["60m", "1h", "3600s", "90s", "1d", "24h", "2w", "0s"],
                    "an amount of data" => &["1Gi", "1024Mi", "512Mi", "3Ti"],
                    "the address of a service" => &["https://s3.example", "https://s3.example/", "http://[::1]:7480"],
                    "a percentage" => &["80%", "1%", "100%"],
                    "a rate" => &["50Mi/s", "3000Mi/m", "20Gi/d", "1Gi/h"],
                    "a name" => return "[a-z]{12}".prop_map(Value::Text).boxed(),
                    "an absolute path" => &["/", "/srv/shop", "/srv/shop/", "/srv//shop", "/a b/ä"],
                    _ if format.example.is_empty() => return "\\PC{1,12}".prop_map(Value::Text).boxed(),
                    _ => return Just(Value::from(format.example)).boxed(),
                };
                prop::sample::select(spellings).prop_map(Value::from).boxed()
            }
            Ty::Bool => any::<bool>().prop_map(Value::from).boxed(),
            Ty::Int { least, most } => (i64::from(*least)..=i64::from(*most).min(1000))
                .prop_map(Value::from)
                .boxed(),
            Ty::Word(words) => (0..words.len())
                .prop_map(|index| Value::from(words[index].name))
                .boxed(),
            Ty::List(of) => prop::collection::vec(of_ty(of, 0, 2), least..=most)
                .prop_map(Value::List)
                .boxed(),
            Ty::Map(of) => prop::collection::btree_map("/[a-z]{1,8}", of_ty(of, 0, 2), least..=most)
                .prop_map(Value::Map)
                .boxed(),
            Ty::Scalar => "[a-z0-9]{1,8}".prop_map(Value::Text).boxed(),
            Ty::Block(kind) | Ty::Secret(kind) => of_kind(kind()),
            Ty::Template(_) => unreachable!("no resource has a template"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn what_was_written_reads_as_it_was_written(
            (kind, value) in prop::sample::select(KindName::resources().collect::<Vec<_>>())
                .prop_flat_map(|kind| (Just(kind), of_kind(kind.table())))
        ) {
            let table = kind.table();
            let mut found = Vec::new();
            let spec = kind.decode(&table::node_of(table, &value), &mut Cx::new(&mut found, Span::NONE));
            // The spellings are valid; what is refused now and then is a rule between fields.
            prop_assume!(spec.is_some());
            let recorded = spec.unwrap().encode();
            prop_assert_eq!(&table::value_of(table, &recorded, &value), &value, "of {:?}", recorded);
            prop_assert_eq!(&table::kept(table, &value, &value), &value);
            // The canonical spelling is a spelling of the same: the user's stays.
            let canonical = table::value_of(table, &recorded, &Value::Null);
            let again = kind.decode(&table::node_of(table, &canonical), &mut Cx::new(&mut found, Span::NONE));
            prop_assert!(again.is_some(), "{:?} is refused: {:?}", canonical, found);
            prop_assert_eq!(again.unwrap().encode(), recorded);
        }
    }
}
