//! Every rule by which a host's core judges a provider, for every resource.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_dram::value::{Path, Step, Value};
use terraform_provider_dram::wire::tfplugin5 as proto;

use crate::support::core::{Core, Plan, Stored, catalog};
use crate::support::places::{at, places, replaced};
use crate::support::resources::{APPLICATION, DEEP, NAS, PLAN, POLICY, SITE, shop};

/// Plans the shop in one walk and applies it in another.
fn applied(url: &str) -> Vec<Stored> {
    let planning = Core::configured(url);
    let plans: Vec<Plan> = shop()
        .iter()
        .map(|(name, json)| {
            let config = planning.config(name, json);
            planning.validate(name, &config).unwrap();
            planning.plan(name, None, &config).unwrap()
        })
        .collect();
    let applying = Core::configured(url);
    let apply = |((name, json), plan): (&(&str, Json), &Plan)| {
        let config = applying.config(name, json);
        applying.apply(name, None, &config, plan).unwrap().unwrap()
    };
    shop().iter().zip(&plans).map(apply).collect()
}

#[test]
fn what_is_created_stays_as_it_is() {
    let (_folder, url) = catalog();
    let stored = applied(&url);
    let core = Core::configured(&url);
    for ((name, json), stored) in shop().iter().zip(&stored) {
        let config = core.config(name, json);
        assert_eq!(core.upgraded(name, &stored.state), stored.state);
        let read = core.read(name, stored).unwrap().unwrap();
        assert_eq!(&read, stored, "{name}: reading changes nothing");
        let plan = core.plan(name, Some(&read), &config).unwrap();
        assert_eq!(plan.state, read.state, "{name}: the second plan is empty");
        assert_eq!(plan.private, read.private);
        assert!(plan.replaced_by.is_empty());
    }
    let application = &stored[APPLICATION].state;
    assert_eq!(application.attribute("verdict"), &Value::from("met"));
    assert!(!application.attribute("worst_case_rpo_seconds").is_null());
    assert_eq!(stored[PLAN].state.attribute("verdict"), &Value::from("met"));
    assert_eq!(application.attribute("ready"), &Value::from(false));
    assert_eq!(
        application.attribute("reason").as_text(),
        Some("no engine has looked at it yet")
    );
}

#[test]
fn what_is_imported_equals_what_was_applied() {
    let (_folder, url) = catalog();
    let stored = applied(&url);
    let core = Core::configured(&url);
    for ((name, json), stored) in shop().iter().zip(&stored) {
        let imported = core.import(name, json["name"].as_str().unwrap()).unwrap();
        assert_eq!(
            imported.state.attribute("manager_id"),
            stored.state.attribute("manager_id")
        );
        assert_eq!(imported.private, stored.private);
        // The record has the canonical spelling and leaves defaults unsaid; whether it is protected is not in it. Planning
        // what was configured must take no more than these.
        let mut config = json.clone();
        config["deletion_protection"] = Json::Null;
        let config = core.config(name, &config);
        let plan = core.plan(name, Some(&imported), &config).unwrap();
        let differs: Vec<String> = differences(&imported.state, &plan.state, &Path::root());
        let allowed = [
            "mappings.path.on_missing",
            "component[1].health[1].start_period",
            "vault[1].retention.keep_verified",
        ];
        assert!(
            differs
                .iter()
                .all(|path| allowed.contains(&path.as_str()) || path == "ready" || path == "reason"),
            "{name}: {differs:?}"
        );
    }
    let refused = core.import("dram_vault", "nowhere").unwrap_err();
    assert_eq!(refused[0].0, "vault `nowhere` does not exist");
    core.import("dram_vault", "../nas").unwrap_err();
}

fn differences(one: &Value, other: &Value, path: &Path) -> Vec<String> {
    match (one, other) {
        (Value::Map(one), Value::Map(other)) => one
            .iter()
            .flat_map(|(name, value)| differences(value, &other[name], &path.then(Step::Attribute(name.clone()))))
            .collect(),
        (Value::List(one), Value::List(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .flat_map(|(index, (one, other))| differences(one, other, &path.then(Step::Index(index))))
            .collect(),
        (one, other) if one == other => Vec::new(),
        _ => vec![path.to_string()],
    }
}

#[test]
fn changes_are_made_in_place_and_a_name_is_another_object() {
    let (_folder, url) = catalog();
    let stored = applied(&url);
    let core = Core::configured(&url);
    let changed: [(usize, &str, Json); 7] = [
        (SITE, "bandwidth", json!("20Mi/s")),
        (NAS, "directory", json!({"path": "/mnt/other"})),
        (DEEP, "lock", Json::Null),
        (
            DEEP,
            "s3",
            json!({"bucket": "dram-deep", "prune_credentials": {"shared_profile": "pruner"}}),
        ),
        (POLICY, "retention", Json::Null),
        (
            POLICY,
            "vault",
            json!([{"name": "nas"}, {"name": "attic", "delay": "1h"}]),
        ),
        (PLAN, "mappings", Json::Null),
    ];
    for (index, field, value) in changed {
        let (name, mut json) = shop().swap_remove(index);
        json[field] = value;
        let stored = &core.read(name, &stored[index]).unwrap().unwrap();
        let config = core.config(name, &json);
        let plan = core.plan(name, Some(stored), &config).unwrap();
        assert!(plan.replaced_by.is_empty());
        let after = core.apply(name, Some(stored), &config, &plan).unwrap().unwrap();
        assert_eq!(
            after.state.attribute("manager_id"),
            stored.state.attribute("manager_id")
        );
        assert_ne!(after.private, stored.private);
        let read = core.read(name, &after).unwrap().unwrap();
        assert_eq!(read, after);
        // Whoever still holds the older number is refused, and keeps what it had.
        let refused = core.apply(
            name,
            Some(stored),
            &core.config(name, &shop()[index].1),
            &core
                .plan(name, Some(stored), &core.config(name, &shop()[index].1))
                .unwrap(),
        );
        assert!(refused.unwrap_err()[0].0.contains("was changed since number"));
    }
    let (name, mut json) = shop().swap_remove(PLAN);
    json["name"] = json!("other");
    let plan = core
        .plan(
            name,
            Some(&core.import(name, "shop").unwrap()),
            &core.config(name, &json),
        )
        .unwrap();
    assert_eq!(plan.replaced_by, ["name"]);
}

#[test]
fn destroying_is_planned_and_done_in_the_order_of_use() {
    let (_folder, url) = catalog();
    let stored = applied(&url);
    let core = Core::configured(&url);
    // What others refer to cannot go first.
    let (name, _) = shop()[POLICY];
    let plan = core.plan(name, Some(&stored[POLICY]), &Value::Null).unwrap();
    let refused = core
        .apply(name, Some(&stored[POLICY]), &Value::Null, &plan)
        .unwrap_err();
    assert!(refused[0].0.contains("is in use"), "{refused:?}");
    for ((name, _), stored) in shop().iter().zip(&stored).rev() {
        let plan = core.plan(name, Some(stored), &Value::Null).unwrap();
        assert_eq!(core.apply(name, Some(stored), &Value::Null, &plan).unwrap(), None);
        assert_eq!(core.read(name, stored).unwrap(), None);
        // Once more, as after a lost answer.
        assert_eq!(core.apply(name, Some(stored), &Value::Null, &plan).unwrap(), None);
    }
}

#[test]
fn what_is_protected_cannot_be_planned_away() {
    let (_folder, url) = catalog();
    let core = Core::configured(&url);
    let (name, mut json) = shop().swap_remove(NAS);
    json["deletion_protection"] = Json::Null;
    let config = core.config(name, &json);
    let plan = core.plan(name, None, &config).unwrap();
    assert_eq!(plan.state.attribute("deletion_protection"), &Value::from(true));
    let stored = core.apply(name, None, &config, &plan).unwrap().unwrap();
    let refused = core.plan(name, Some(&stored), &Value::Null).unwrap_err();
    assert_eq!(
        refused,
        [(
            "vault `nas` is protected from deletion".to_owned(),
            "deletion_protection".to_owned()
        )]
    );
    json["name"] = json!("other");
    let refused = core.plan(name, Some(&stored), &core.config(name, &json)).unwrap_err();
    assert_eq!(refused[0].1, "name");
}

/// Every leaf of every resource, unknown: no error, and the plan echoes it.
#[test]
fn anything_may_be_unknown() {
    let (_folder, url) = catalog();
    let core = Core::configured(&url);
    let mut tried = 0;
    for (name, json) in shop() {
        let config = core.config(name, &json);
        for place in places(&config) {
            if computed(core.block(name), &place) {
                continue;
            }
            let unknown = replaced(&config, place.steps(), &Value::unknown());
            core.validate(name, &unknown)
                .unwrap_or_else(|refused| panic!("{name}: {place}: {refused:?}"));
            core.plan(name, None, &unknown)
                .unwrap_or_else(|refused| panic!("{name}: {place}: {refused:?}"));
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Every leaf of every resource, wrong: an error at that leaf, or at the block that holds it, and nothing panics.
#[test]
fn nothing_is_swallowed() {
    let (_folder, url) = catalog();
    let core = Core::configured(&url);
    let free = ["body", "exclude", "env", "shell", "run", "url"];
    for (name, json) in shop() {
        let config = core.config(name, &json);
        for place in places(&config) {
            let Some(Step::Attribute(last)) = place
                .steps()
                .iter()
                .rev()
                .find(|step| matches!(step, Step::Attribute(_)))
            else {
                continue;
            };
            if computed(core.block(name), &place)
                || !matches!(at(&config, place.steps()), Value::Text(_))
                || free.contains(&last.as_str())
            {
                continue;
            }
            let wrong = replaced(&config, place.steps(), &Value::from("\u{1f}NOT this!"));
            let refused = core
                .validate(name, &wrong)
                .expect_err(&format!("{name}: {place} is swallowed"));
            // Where a secret may stand, the host is not led to the line that shows it.
            let place = place.to_string();
            let hidden = place.strip_suffix(".file");
            assert!(
                refused.iter().any(|(_, at)| at == hidden.unwrap_or(&place)),
                "{name}: {place}: {refused:?}"
            );
        }
    }
}

#[test]
fn a_provider_that_nobody_configured_says_so() {
    let core = Core::unconfigured();
    let (name, json) = shop().swap_remove(SITE);
    let config = core.config(name, &json);
    core.validate(name, &config).unwrap();
    let refused = core.plan(name, None, &config).unwrap_err();
    assert_eq!(refused[0].0, "the provider is not configured");
    let config = core.config("provider", &json!({"catalog": "ftp://bucket/x", "tenant": "No Name"}));
    let refused: BTreeMap<_, _> = core
        .configure(&config)
        .unwrap_err()
        .into_iter()
        .map(|(summary, at)| (at, summary))
        .collect();
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["catalog", "tenant"]);
}

#[test]
fn an_unknown_catalog_is_no_error_while_planning() {
    let core = Core::unconfigured();
    let config = core.config("provider", &json!({}));
    let config = replaced(&config, &[Step::Attribute("catalog".to_owned())], &Value::unknown());
    core.configure(&config).unwrap();
    for (name, json) in shop() {
        core.plan(name, None, &core.config(name, &json)).unwrap();
    }
}

#[test]
fn what_an_engine_observed_is_told_and_is_no_change() {
    use dram_catalog::record::observation::Observation;
    use dram_catalog::{Catalog, Name};
    use dram_compiler::model::KindName;
    let (_folder, url) = catalog();
    let stored = applied(&url).swap_remove(NAS);
    let observed = |ready: bool, reason: &str, number: u64| {
        let catalog = Catalog::open(&url.parse().unwrap(), &Name::tenant("default").unwrap()).unwrap();
        let observation = Observation {
            ready,
            reason: reason.to_owned(),
            declaration: Some(number),
        };
        catalog.observe(KindName::Vault, "nas", &observation).unwrap();
    };
    let core = Core::unconfigured();
    // An engine that fails without a word on standard error, and has written its answer down.
    let provider = json!({"catalog": url, "engine": {"exec": "false"}});
    core.configure(&core.config("provider", &provider)).unwrap();
    let (name, mut json) = shop().swap_remove(NAS);
    json["directory"]["path"] = json!("/mnt/other");
    let config = core.config(name, &json);
    observed(false, "the disk is full", 2);
    let plan = core.plan(name, Some(&stored), &config).unwrap();
    let stored = core.apply(name, Some(&stored), &config, &plan).unwrap().unwrap();
    assert_eq!(stored.state.attribute("ready"), &Value::from(false));
    assert_eq!(stored.state.attribute("reason").as_text(), Some("the disk is full"));
    // Later it is found ready: that is read, and it is nothing to plan for.
    observed(true, "", 2);
    let read = core.read(name, &stored).unwrap().unwrap();
    assert_eq!(read.state.attribute("ready"), &Value::from(true));
    assert_eq!(core.plan(name, Some(&read), &config).unwrap().state, read.state);
    // An answer about an older declaration is not taken for this one's.
    json["directory"]["path"] = json!("/mnt/third");
    let config = core.config(name, &json);
    let core = Core::configured(&url);
    let plan = core.plan(name, Some(&read), &config).unwrap();
    let stored = core.apply(name, Some(&read), &config, &plan).unwrap().unwrap();
    assert_eq!(
        stored.state.attribute("reason").as_text(),
        Some("no engine has looked at its last change yet")
    );
}

/// Ctrl-C: the host says `Stop`, the engine is asked to end, and what stands is saved with a warning.
#[test]
fn an_interrupted_apply_saves_what_stands() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, url) = catalog();
    let begun = tempfile::tempdir().unwrap();
    let (program, pipe) = (begun.path().join("engine"), begun.path().join("pipe"));
    // Not a shell's `trap`: a shell that was started with SIGINT ignored, as in the background, cannot set it.
    let script = format!(
        r#"#!/usr/bin/env python3
import os, signal, sys
def stop(*_):
    print("saved", file=sys.stderr, flush=True)
    os._exit(5)
signal.signal(signal.SIGINT, stop)
os.mkfifo("{0}")
with open("{0}", "w") as pipe:
    pipe.write("begun")
while True:
    signal.pause()
"#,
        pipe.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let core = Core::unconfigured();
    let provider = json!({"catalog": url, "engine": {"exec": program}});
    core.configure(&core.config("provider", &provider)).unwrap();
    let (name, json) = shop().swap_remove(SITE);
    let config = core.config(name, &json);
    let plan = core.plan(name, None, &config).unwrap();
    let stored = std::thread::scope(|scope| {
        let applying = scope.spawn(|| core.apply(name, None, &config, &plan));
        // The engine has begun once it offers the pipe; opening it waits for that.
        while std::fs::read_to_string(&pipe).is_err() {
            std::thread::yield_now();
        }
        let answer: proto::stop::Response = core.host.provider("Stop", &proto::stop::Request {});
        assert_eq!(answer.error, "");
        applying.join().unwrap().unwrap().unwrap()
    });
    assert_eq!(stored.state.attribute("ready"), &Value::from(false));
    assert!(stored.state.attribute("reason").as_text().unwrap().contains("saved"));
    assert_eq!(
        Core::configured(&url).read(name, &stored).unwrap().unwrap().private,
        stored.private
    );
}

#[test]
fn what_does_not_fit_is_answered_in_words() {
    let (_folder, url) = catalog();
    let core = Core::configured(&url);
    let junk = Some(proto::DynamicValue {
        msgpack: vec![0x93, 1, 2, 3],
        json: Vec::new(),
    });
    let request = proto::apply_resource_change::Request {
        type_name: "dram_vault".to_owned(),
        planned_state: junk,
        ..Default::default()
    };
    let answer: proto::apply_resource_change::Response = core.host.provider("ApplyResourceChange", &request);
    assert_eq!(answer.diagnostics.len(), 1);
    let request = proto::read_resource::Request {
        type_name: "dram_nothing".to_owned(),
        ..Default::default()
    };
    let answer: proto::read_resource::Response = core.host.provider("ReadResource", &request);
    assert!(
        answer.diagnostics[0]
            .detail
            .contains("there is no resource `dram_nothing`")
    );
}

fn computed(block: &proto::schema::Block, place: &Path) -> bool {
    let [Step::Attribute(name)] = place.steps() else {
        return false;
    };
    block
        .attributes
        .iter()
        .any(|attribute| attribute.name == *name && attribute.computed)
}
