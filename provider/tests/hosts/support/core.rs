//! What a host's core does with a provider: the order of its calls, and every rule by which it judges the answers.

use std::collections::BTreeMap;

use dram_catalog::{Catalog, CatalogUrl};
use terraform_provider_dram::value::{Path, Step, Type, Value, from_json, to_json};
use terraform_provider_dram::wire::tfplugin5 as proto;
use terraform_provider_dram::wire::{decode, encode};

use super::host::Host;

/// One walk: a process of its own, configured.
pub(crate) struct Core {
    pub(crate) host: Host,
    schemas: BTreeMap<String, proto::schema::Block>,
}

/// A resource as a state file holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) state: Value,
    pub(crate) private: Vec<u8>,
}

/// A planned change.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) state: Value,
    pub(crate) private: Vec<u8>,
    pub(crate) replaced_by: Vec<String>,
}

/// What a provider says against what it is asked: summaries with their places.
pub(crate) type Refused = Vec<(String, String)>;

/// A fresh catalog.
pub(crate) fn catalog() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    Catalog::init(&url.parse::<CatalogUrl>().unwrap()).unwrap();
    (folder, url)
}

impl Core {
    /// Begins a walk.
    pub(crate) fn configured(catalog: &str) -> Self {
        let core = Core::unconfigured();
        let config = core.config("provider", &serde_json::json!({ "catalog": catalog }));
        core.configure(&config).unwrap();
        core
    }

    pub(crate) fn unconfigured() -> Self {
        let host = Host::start();
        let answer: proto::get_provider_schema::Response =
            host.provider("GetSchema", &proto::get_provider_schema::Request {});
        let mut schemas: BTreeMap<_, _> = answer
            .resource_schemas
            .into_iter()
            .map(|(name, schema)| (name, schema.block.unwrap()))
            .collect();
        schemas.insert("provider".to_owned(), answer.provider.unwrap().block.unwrap());
        Core { host, schemas }
    }

    pub(crate) fn configure(&self, config: &Value) -> Result<(), Refused> {
        let config = Some(encode(config, &self.ty("provider")).unwrap());
        let request = proto::prepare_provider_config::Request { config: config.clone() };
        let answer: proto::prepare_provider_config::Response = self.host.provider("PrepareProviderConfig", &request);
        judge(answer.diagnostics)?;
        let request = proto::configure::Request {
            terraform_version: "1.11.4".to_owned(),
            config,
            client_capabilities: None,
        };
        let answer: proto::configure::Response = self.host.provider("Configure", &request);
        judge(answer.diagnostics)
    }

    pub(crate) fn block(&self, name: &str) -> &proto::schema::Block {
        &self.schemas[name]
    }

    pub(crate) fn ty(&self, name: &str) -> Type {
        type_of(self.block(name))
    }

    /// A configuration, with everything null that it does not say, and no blocks where it has none.
    pub(crate) fn config(&self, name: &str, json: &serde_json::Value) -> Value {
        let json = completed(self.block(name), json);
        from_json(json.to_string().as_bytes(), &self.ty(name)).unwrap()
    }

    pub(crate) fn validate(&self, name: &str, config: &Value) -> Result<(), Refused> {
        let request = proto::validate_resource_type_config::Request {
            type_name: name.to_owned(),
            config: Some(encode(config, &self.ty(name)).unwrap()),
            client_capabilities: None,
        };
        let answer: proto::validate_resource_type_config::Response =
            self.host.provider("ValidateResourceTypeConfig", &request);
        judge(answer.diagnostics)
    }

    /// Plans a change and judges the plan. The configuration may be null: the resource is destroyed.
    pub(crate) fn plan(&self, name: &str, prior: Option<&Stored>, config: &Value) -> Result<Plan, Refused> {
        let ty = self.ty(name);
        let null = Value::Null;
        let prior_state = prior.map_or(&null, |prior| &prior.state);
        let proposed = proposed(self.block(name), prior_state, config);
        let request = proto::plan_resource_change::Request {
            type_name: name.to_owned(),
            prior_state: Some(encode(prior_state, &ty).unwrap()),
            proposed_new_state: Some(encode(&proposed, &ty).unwrap()),
            config: Some(encode(config, &ty).unwrap()),
            prior_private: prior.map(|prior| prior.private.clone()).unwrap_or_default(),
            ..Default::default()
        };
        let answer: proto::plan_resource_change::Response = self.host.provider("PlanResourceChange", &request);
        judge(answer.diagnostics)?;
        assert!(!answer.legacy_type_system && answer.deferred.is_none());
        let state = decode(answer.planned_state.as_ref(), &ty).unwrap();
        assert_eq!(
            state.is_null(),
            config.is_null(),
            "{name}: planned null if and only if configured null"
        );
        if !config.is_null() {
            fits_config(self.block(name), prior_state, config, &state, &Path::root());
        }
        let replaced_by = answer.requires_replace.iter().map(path_text).collect();
        Ok(Plan {
            state,
            private: answer.planned_private,
            replaced_by,
        })
    }

    /// Plans again with everything known, as a host does before it applies, and applies.
    pub(crate) fn apply(
        &self,
        name: &str,
        prior: Option<&Stored>,
        config: &Value,
        first: &Plan,
    ) -> Result<Option<Stored>, Refused> {
        let ty = self.ty(name);
        let null = Value::Null;
        if let Some(prior) = prior {
            assert_eq!(self.upgraded(name, &prior.state), prior.state);
        }
        let planned = if config.is_null() {
            first.clone()
        } else {
            self.plan(name, prior, config)?
        };
        becomes(&first.state, &planned.state, false, &Path::root());
        let request = proto::apply_resource_change::Request {
            type_name: name.to_owned(),
            prior_state: Some(encode(prior.map_or(&null, |prior| &prior.state), &ty).unwrap()),
            planned_state: Some(encode(&planned.state, &ty).unwrap()),
            config: Some(encode(config, &ty).unwrap()),
            planned_private: planned.private,
            ..Default::default()
        };
        let answer: proto::apply_resource_change::Response = self.host.provider("ApplyResourceChange", &request);
        judge(answer.diagnostics)?;
        assert!(!answer.legacy_type_system);
        let state = decode(answer.new_state.as_ref(), &ty).unwrap();
        assert_eq!(
            state.is_null(),
            config.is_null(),
            "{name}: applied null if and only if destroyed"
        );
        if state.is_null() {
            return Ok(None);
        }
        becomes(&planned.state, &state, true, &Path::root());
        Ok(Some(Stored {
            state,
            private: answer.private,
        }))
    }

    /// Shows stored state, as a host does at the begin of every walk.
    pub(crate) fn upgraded(&self, name: &str, state: &Value) -> Value {
        let ty = self.ty(name);
        let json = to_json(state, &ty).unwrap().into_bytes();
        let request = proto::upgrade_resource_state::Request {
            type_name: name.to_owned(),
            version: 0,
            raw_state: Some(proto::RawState {
                json,
                flatmap: BTreeMap::new(),
            }),
        };
        let answer: proto::upgrade_resource_state::Response = self.host.provider("UpgradeResourceState", &request);
        judge(answer.diagnostics).unwrap();
        decode(answer.upgraded_state.as_ref(), &ty).unwrap()
    }

    /// Reads what stands; none when it is gone.
    pub(crate) fn read(&self, name: &str, stored: &Stored) -> Result<Option<Stored>, Refused> {
        let ty = self.ty(name);
        let request = proto::read_resource::Request {
            type_name: name.to_owned(),
            current_state: Some(encode(&stored.state, &ty).unwrap()),
            private: stored.private.clone(),
            ..Default::default()
        };
        let answer: proto::read_resource::Response = self.host.provider("ReadResource", &request);
        judge(answer.diagnostics)?;
        let state = decode(answer.new_state.as_ref(), &ty).unwrap();
        assert!(state.is_wholly_known());
        Ok((!state.is_null()).then_some(Stored {
            state,
            private: answer.private,
        }))
    }

    /// Imports and reads, as hosts do.
    pub(crate) fn import(&self, name: &str, id: &str) -> Result<Stored, Refused> {
        let request = proto::import_resource_state::Request {
            type_name: name.to_owned(),
            id: id.to_owned(),
            ..Default::default()
        };
        let answer: proto::import_resource_state::Response = self.host.provider("ImportResourceState", &request);
        judge(answer.diagnostics)?;
        let [imported] = answer.imported_resources.as_slice() else {
            panic!("not one was imported")
        };
        assert_eq!(imported.type_name, name);
        let state = decode(imported.state.as_ref(), &self.ty(name)).unwrap();
        let stored = Stored {
            state,
            private: imported.private.clone(),
        };
        Ok(self.read(name, &stored)?.expect("what is imported exists"))
    }
}

fn judge(diagnostics: Vec<proto::Diagnostic>) -> Result<(), Refused> {
    let errors: Refused = diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity() == proto::diagnostic::Severity::Error)
        .map(|diagnostic| {
            (
                diagnostic.summary,
                diagnostic.attribute.as_ref().map(path_text).unwrap_or_default(),
            )
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn path_text(path: &proto::AttributePath) -> String {
    use proto::attribute_path::step::Selector;
    let steps = path.steps.iter().map(|step| match step.selector.as_ref().unwrap() {
        Selector::AttributeName(name) => Step::Attribute(name.clone()),
        Selector::ElementKeyInt(index) => Step::Index(usize::try_from(*index).unwrap()),
        Selector::ElementKeyString(key) => Step::Key(key.clone()),
    });
    Path::from(steps.collect::<Vec<_>>()).to_string()
}

fn single(nested: &proto::schema::NestedBlock) -> bool {
    nested.nesting() == proto::schema::nested_block::NestingMode::Single
}

fn type_of(block: &proto::schema::Block) -> Type {
    let attributes = block
        .attributes
        .iter()
        .map(|attribute| (attribute.name.clone(), Type::from_json(&attribute.r#type).unwrap()));
    let blocks = block.block_types.iter().map(|nested| {
        let ty = type_of(nested.block.as_ref().unwrap());
        (
            nested.type_name.clone(),
            if single(nested) { ty } else { Type::List(Box::new(ty)) },
        )
    });
    Type::object(attributes.chain(blocks))
}

fn completed(block: &proto::schema::Block, json: &serde_json::Value) -> serde_json::Value {
    let mut json = json.clone();
    let entries = json.as_object_mut().unwrap();
    for nested in &block.block_types {
        let inner = nested.block.as_ref().unwrap();
        let entry = entries.entry(&nested.type_name).or_insert_with(|| {
            if single(nested) {
                ().into()
            } else {
                serde_json::json!([])
            }
        });
        match entry {
            serde_json::Value::Object(_) => *entry = completed(inner, entry),
            serde_json::Value::Array(elements) => {
                for element in elements {
                    *element = completed(inner, element);
                }
            }
            _ => {}
        }
    }
    json
}

/// What a host proposes: the configuration, and the prior value of what is computed and not configured.
fn proposed(block: &proto::schema::Block, prior: &Value, config: &Value) -> Value {
    let Value::Map(entries) = config else {
        return config.clone();
    };
    let mut out = entries.clone();
    for attribute in block.attributes.iter().filter(|attribute| attribute.computed) {
        if config.attribute(&attribute.name).is_null() {
            out.insert(attribute.name.clone(), prior.attribute(&attribute.name).clone());
        }
    }
    for nested in &block.block_types {
        let inner = nested.block.as_ref().unwrap();
        let (prior, config) = (prior.attribute(&nested.type_name), config.attribute(&nested.type_name));
        let value = match config {
            Value::List(elements) => {
                let elements = elements
                    .iter()
                    .enumerate()
                    .map(|(index, config)| proposed(inner, element(prior, index), config));
                Value::List(elements.collect())
            }
            config => proposed(inner, prior, config),
        };
        out.insert(nested.type_name.clone(), value);
    }
    Value::Map(out)
}

fn element(list: &Value, index: usize) -> &Value {
    match list {
        Value::List(elements) => elements.get(index).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

/// The rules for a plan.
fn fits_config(block: &proto::schema::Block, prior: &Value, config: &Value, planned: &Value, path: &Path) {
    for attribute in &block.attributes {
        let here = path.then(Step::Attribute(attribute.name.clone()));
        let [prior, config, planned] = [prior, config, planned].map(|value| value.attribute(&attribute.name));
        let echoed = planned == config;
        let kept = planned == prior && !prior.is_null() && !config.is_null();
        let computed = attribute.computed && config.is_null();
        assert!(
            echoed || kept || computed,
            "{here}: {planned:?} is planned for {config:?} after {prior:?}"
        );
    }
    for nested in &block.block_types {
        let inner = nested.block.as_ref().unwrap();
        let here = path.then(Step::Attribute(nested.type_name.clone()));
        let [prior, config, planned] = [prior, config, planned].map(|value| value.attribute(&nested.type_name));
        match (config, planned) {
            (Value::Unknown(_), planned) => assert_eq!(planned, config, "{here}"),
            (Value::List(configured), Value::List(elements)) => {
                assert_eq!(configured.len(), elements.len(), "{here}");
                for (index, (config, planned)) in configured.iter().zip(elements).enumerate() {
                    fits_config(
                        inner,
                        element(prior, index),
                        config,
                        planned,
                        &here.then(Step::Index(index)),
                    );
                }
            }
            (Value::Map(_), Value::Map(_)) => fits_config(inner, prior, config, planned, &here),
            (config, planned) => assert!(
                config.is_null() && planned.is_null() && single(nested),
                "{here}: {planned:?}"
            ),
        }
    }
}

/// The rules for what follows a plan: what was known stays, and what was unknown becomes known if `wholly`.
fn becomes(planned: &Value, after: &Value, wholly: bool, path: &Path) {
    match (planned, after) {
        (Value::Unknown(_), after) => {
            assert!(!wholly || after.is_wholly_known(), "{path} is still unknown");
            let promised = *planned != Value::unknown();
            assert!(!(promised && after.is_null()), "{path} was promised not to be null");
        }
        (Value::List(planned), Value::List(after)) => {
            assert_eq!(planned.len(), after.len(), "{path}");
            for (index, (planned, after)) in planned.iter().zip(after).enumerate() {
                becomes(planned, after, wholly, &path.then(Step::Index(index)));
            }
        }
        (Value::Map(planned), Value::Map(after)) => {
            assert!(planned.keys().eq(after.keys()), "{path}");
            for (name, planned) in planned {
                becomes(planned, &after[name], wholly, &path.then(Step::Attribute(name.clone())));
            }
        }
        (planned, after) => assert_eq!(planned, after, "{path} was planned otherwise"),
    }
}

/// The rules themselves: each has to catch an answer that breaks it.
mod rules {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn broken(check: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(check)).is_err()
    }

    fn text(text: &str) -> Value {
        Value::from(text)
    }

    fn with(name: &str, value: Value) -> Value {
        Value::Map(BTreeMap::from([(name.to_owned(), value)]))
    }

    fn block(computed: bool) -> proto::schema::Block {
        let attribute = proto::schema::Attribute {
            name: "a".to_owned(),
            r#type: Type::Text.to_json(),
            optional: true,
            computed,
            ..Default::default()
        };
        proto::schema::Block {
            attributes: vec![attribute],
            ..Default::default()
        }
    }

    #[test]
    fn a_plan_that_is_neither_configured_nor_prior_is_caught() {
        let plan = |computed: bool, prior: &Value, config: &Value, planned: &Value| {
            let [prior, config, planned] = [prior, config, planned].map(|value| with("a", value.clone()));
            broken(|| fits_config(&block(computed), &prior, &config, &planned, &Path::root()))
        };
        let (a, b, c, null) = (text("a"), text("b"), text("c"), Value::Null);
        assert!(!plan(false, &a, &b, &b) && !plan(false, &a, &b, &a) && !plan(true, &a, &null, &c));
        assert!(plan(false, &a, &b, &c));
        assert!(plan(false, &a, &null, &a));
        assert!(plan(true, &null, &b, &null));
        assert!(plan(false, &null, &Value::unknown(), &a));
    }

    #[test]
    fn an_apply_that_breaks_its_plan_is_caught() {
        let apply = |planned: &Value, after: &Value| {
            let [planned, after] = [planned, after].map(|value| with("a", value.clone()));
            broken(|| becomes(&planned, &after, true, &Path::root()))
        };
        let promised = Value::Unknown(terraform_provider_dram::value::Unknown::not_null());
        assert!(!apply(&text("a"), &text("a")) && !apply(&Value::unknown(), &Value::Null));
        assert!(apply(&text("a"), &text("b")));
        assert!(apply(&Value::unknown(), &Value::unknown()));
        assert!(apply(&promised, &Value::Null));
        assert!(apply(&Value::List(vec![]), &Value::List(vec![text("a")])));
    }
}
