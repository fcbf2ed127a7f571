//! The provider's service: what stands on the wire, and the call that it means.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::function::functions;
use crate::log::{self, Level};
use crate::notice::Notice;
use crate::resource::Provider;
use crate::value::{Type, ValueError};
use crate::wire::tfplugin5 as proto;
use crate::wire::tfplugin5::provider_server;
use crate::wire::{decode, encode, encode_function, encode_notices, encode_path, encode_schema};

/// Where calls come in.
pub(super) struct Door {
    provider: Arc<Provider>,
}

impl Door {
    pub(super) fn new(provider: Arc<Provider>) -> Self {
        Door { provider }
    }

    /// Runs `call` apart from the connection, which goes on answering (`Stop` above all). Where the call fails or
    /// panics, `failed` says so in an answer of the right kind.
    async fn answer<R: Send + 'static>(
        &self,
        name: &'static str,
        call: impl FnOnce(&Provider) -> Result<R, ValueError> + Send + 'static,
        failed: impl FnOnce(Vec<proto::Diagnostic>) -> R,
    ) -> Result<Response<R>, Status> {
        let provider = Arc::clone(&self.provider);
        let done = tokio::task::spawn_blocking(move || {
            log::line(Level::Trace, "called", &[("rpc", &name)]);
            guarded(name, || call(&provider))
        })
        .await;
        let answer = match done {
            Ok(Ok(answer)) => answer,
            Ok(Err(notice)) => failed(encode_notices(vec![notice])),
            // Only a runtime that is going away drops a call.
            Err(error) => failed(encode_notices(vec![Notice::error(
                "the call was given up",
                error.to_string(),
            )])),
        };
        Ok(Response::new(answer))
    }
}

/// The result of `call`, or what to tell the person if it could not be decoded or panicked.
fn guarded<R>(name: &str, call: impl FnOnce() -> Result<R, ValueError>) -> Result<R, Notice> {
    // Whatever a panic leaves behind is either dropped with the call or guarded by a lock that knows of it.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Notice::error(
            "a value does not fit the schema",
            format!("{error} (in {name})\n\nThis is a fault of the provider or of the host; please report it."),
        )),
        Err(payload) => Err(Notice::error(
            "the provider panicked",
            format!(
                "{} (in {name})\n\nThis is a fault of the provider; please report it with the crash log. \
                 Nothing else of this run is affected.",
                log::panic_message(payload.as_ref())
            ),
        )),
    }
}

/// The type of a resource's values; the answer to an unknown resource is an error in words.
fn type_of(provider: &Provider, name: &str) -> Result<Type, ValueError> {
    match provider.schemas().resources.get(name) {
        Some(schema) => Ok(schema.block.ty()),
        None => Err(ValueError::Syntax(format!(
            "there is no resource `{name}` in this provider"
        ))),
    }
}

fn encoded_functions() -> BTreeMap<String, proto::Function> {
    let functions = functions().into_iter();
    functions
        .map(|(name, function)| (name.to_owned(), encode_function(&function)))
        .collect()
}

#[tonic::async_trait]
impl provider_server::Provider for Door {
    async fn get_metadata(
        &self,
        _: Request<proto::get_metadata::Request>,
    ) -> Result<Response<proto::get_metadata::Response>, Status> {
        use proto::get_metadata::{FunctionMetadata, Response as Metadata, TypeMetadata};
        let call = |provider: &Provider| {
            let resources = provider.schemas().resources.keys();
            Ok(Metadata {
                server_capabilities: Some(capabilities()),
                functions: functions()
                    .keys()
                    .map(|name| FunctionMetadata {
                        name: (*name).to_owned(),
                    })
                    .collect(),
                resources: resources
                    .map(|name| TypeMetadata {
                        type_name: name.clone(),
                    })
                    .collect(),
                ..Default::default()
            })
        };
        self.answer("GetMetadata", call, |diagnostics| Metadata {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn get_schema(
        &self,
        _: Request<proto::get_provider_schema::Request>,
    ) -> Result<Response<proto::get_provider_schema::Response>, Status> {
        use proto::get_provider_schema::Response as Schemas;
        let call = |provider: &Provider| {
            let schemas = provider.schemas();
            let resources = schemas.resources.iter();
            Ok(Schemas {
                provider: Some(encode_schema(&schemas.provider)),
                resource_schemas: resources
                    .map(|(name, schema)| (name.clone(), encode_schema(schema)))
                    .collect(),
                functions: encoded_functions(),
                server_capabilities: Some(capabilities()),
                ..Default::default()
            })
        };
        self.answer("GetSchema", call, |diagnostics| Schemas {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<proto::get_resource_identity_schemas::Request>,
    ) -> Result<Response<proto::get_resource_identity_schemas::Response>, Status> {
        // No resource has an identity beside its name yet; newer hosts ask all the same.
        Ok(Response::new(Default::default()))
    }

    async fn get_functions(
        &self,
        _: Request<proto::get_functions::Request>,
    ) -> Result<Response<proto::get_functions::Response>, Status> {
        // OpenTofu asks this; Terraform takes them from the schema.
        Ok(Response::new(proto::get_functions::Response {
            functions: encoded_functions(),
            diagnostics: Vec::new(),
        }))
    }

    async fn call_function(
        &self,
        request: Request<proto::call_function::Request>,
    ) -> Result<Response<proto::call_function::Response>, Status> {
        use proto::call_function::Response as Called;
        let refused = |text: String, function_argument: Option<i64>| Called {
            result: None,
            error: Some(proto::FunctionError {
                text,
                function_argument,
            }),
        };
        let request = request.into_inner();
        let call = move |_: &Provider| {
            let functions = functions();
            let Some(function) = functions.get(request.name.as_str()) else {
                let name = request.name;
                return Ok(refused(format!("there is no function `{name}` in this provider"), None));
            };
            let given = function.parameters.iter().zip(&request.arguments);
            let arguments = given.map(|(parameter, value)| decode(Some(value), &parameter.ty));
            let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
            Ok(match function.call(&arguments) {
                Ok(value) => Called {
                    result: Some(encode(&value, &function.returns)?),
                    error: None,
                },
                Err(refusal) => refused(refusal.text, refusal.argument),
            })
        };
        let fault = |diagnostics: Vec<proto::Diagnostic>| {
            let said = diagnostics
                .into_iter()
                .map(|one| format!("{}\n\n{}", one.summary, one.detail));
            refused(said.collect::<Vec<_>>().join("\n\n"), None)
        };
        self.answer("CallFunction", call, fault).await
    }

    async fn prepare_provider_config(
        &self,
        request: Request<proto::prepare_provider_config::Request>,
    ) -> Result<Response<proto::prepare_provider_config::Response>, Status> {
        use proto::prepare_provider_config::Response as Prepared;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let config = decode(request.config.as_ref(), &provider.schemas().provider.block.ty())?;
            let diagnostics = encode_notices(provider.prepare(&config));
            Ok(Prepared {
                prepared_config: request.config,
                diagnostics,
            })
        };
        self.answer("PrepareProviderConfig", call, |diagnostics| Prepared {
            diagnostics,
            prepared_config: None,
        })
        .await
    }

    async fn configure(
        &self,
        request: Request<proto::configure::Request>,
    ) -> Result<Response<proto::configure::Response>, Status> {
        use proto::configure::Response as Configured;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let config = decode(request.config.as_ref(), &provider.schemas().provider.block.ty())?;
            Ok(Configured {
                diagnostics: encode_notices(provider.configure(&config)),
            })
        };
        self.answer("Configure", call, |diagnostics| Configured { diagnostics })
            .await
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<proto::validate_resource_type_config::Request>,
    ) -> Result<Response<proto::validate_resource_type_config::Response>, Status> {
        use proto::validate_resource_type_config::Response as Validated;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let config = decode(request.config.as_ref(), &type_of(provider, &request.type_name)?)?;
            Ok(Validated {
                diagnostics: encode_notices(provider.validate(&request.type_name, &config)),
            })
        };
        self.answer("ValidateResourceTypeConfig", call, |diagnostics| Validated {
            diagnostics,
        })
        .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<proto::upgrade_resource_state::Request>,
    ) -> Result<Response<proto::upgrade_resource_state::Response>, Status> {
        use proto::upgrade_resource_state::Response as Upgraded;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let ty = type_of(provider, &request.type_name)?;
            let raw = request.raw_state.unwrap_or_default();
            if raw.json.is_empty() {
                return Err(ValueError::Syntax("the stored state is not JSON".to_owned()));
            }
            let state = crate::value::from_json(&raw.json, &ty)?;
            provider.upgraded(&state);
            Ok(Upgraded {
                upgraded_state: Some(encode(&state, &ty)?),
                diagnostics: Vec::new(),
            })
        };
        self.answer("UpgradeResourceState", call, |diagnostics| Upgraded {
            diagnostics,
            upgraded_state: None,
        })
        .await
    }

    async fn read_resource(
        &self,
        request: Request<proto::read_resource::Request>,
    ) -> Result<Response<proto::read_resource::Response>, Status> {
        use proto::read_resource::Response as Read;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let ty = type_of(provider, &request.type_name)?;
            let current = decode(request.current_state.as_ref(), &ty)?;
            let read = provider.read(&request.type_name, &current, &request.private);
            Ok(Read {
                new_state: Some(encode(&read.state, &ty)?),
                private: read.private,
                diagnostics: encode_notices(read.notices),
                ..Default::default()
            })
        };
        self.answer("ReadResource", call, |diagnostics| Read {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn plan_resource_change(
        &self,
        request: Request<proto::plan_resource_change::Request>,
    ) -> Result<Response<proto::plan_resource_change::Response>, Status> {
        use proto::plan_resource_change::Response as Planned;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let ty = type_of(provider, &request.type_name)?;
            let prior = decode(request.prior_state.as_ref(), &ty)?;
            let config = decode(request.config.as_ref(), &ty)?;
            let planned = provider.plan(&request.type_name, &prior, &config, &request.prior_private);
            Ok(Planned {
                planned_state: Some(encode(&planned.state, &ty)?),
                requires_replace: planned.replaced_by.iter().map(encode_path).collect(),
                planned_private: planned.private,
                diagnostics: encode_notices(planned.notices),
                ..Default::default()
            })
        };
        self.answer("PlanResourceChange", call, |diagnostics| Planned {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn apply_resource_change(
        &self,
        request: Request<proto::apply_resource_change::Request>,
    ) -> Result<Response<proto::apply_resource_change::Response>, Status> {
        use proto::apply_resource_change::Response as Applied;
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let ty = type_of(provider, &request.type_name)?;
            let prior = decode(request.prior_state.as_ref(), &ty)?;
            let planned = decode(request.planned_state.as_ref(), &ty)?;
            let applied = provider.apply(&request.type_name, &prior, &planned, &request.planned_private);
            Ok(Applied {
                new_state: Some(encode(&applied.state, &ty)?),
                private: applied.private,
                diagnostics: encode_notices(applied.notices),
                ..Default::default()
            })
        };
        // Without a new state the host keeps what it had.
        self.answer("ApplyResourceChange", call, |diagnostics| Applied {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn import_resource_state(
        &self,
        request: Request<proto::import_resource_state::Request>,
    ) -> Result<Response<proto::import_resource_state::Response>, Status> {
        use proto::import_resource_state::{ImportedResource, Response as Imported};
        let request = request.into_inner();
        let call = move |provider: &Provider| {
            let ty = type_of(provider, &request.type_name)?;
            let imported = provider.import(&request.type_name, &request.id);
            let resource = if imported.state.is_null() {
                None
            } else {
                Some(ImportedResource {
                    type_name: request.type_name,
                    state: Some(encode(&imported.state, &ty)?),
                    private: imported.private,
                    identity: None,
                })
            };
            Ok(Imported {
                imported_resources: resource.into_iter().collect(),
                diagnostics: encode_notices(imported.notices),
                deferred: None,
            })
        };
        self.answer("ImportResourceState", call, |diagnostics| Imported {
            diagnostics,
            ..Default::default()
        })
        .await
    }

    async fn stop(&self, _: Request<proto::stop::Request>) -> Result<Response<proto::stop::Response>, Status> {
        log::line(Level::Info, "the host asks to stop what is under way", &[]);
        self.provider.stop();
        Ok(Response::new(Default::default()))
    }
}

fn capabilities() -> proto::ServerCapabilities {
    proto::ServerCapabilities {
        // Deletion protection is checked in the plan.
        plan_destroy: true,
        get_provider_schema_optional: true,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_words() {
        let notice = guarded::<()>("ApplyResourceChange", || panic!("no way back")).unwrap_err();
        assert_eq!(notice.summary, "the provider panicked");
        assert!(
            notice.detail.starts_with("no way back (in ApplyResourceChange)"),
            "{}",
            notice.detail
        );
    }

    #[tokio::test]
    async fn a_call_that_panics_is_answered_all_the_same() {
        use proto::apply_resource_change::Response as Applied;
        let door = Door::new(Arc::new(Provider::new()));
        let call = |_: &Provider| -> Result<Applied, ValueError> { panic!("in the middle of it") };
        let failed = |diagnostics| Applied {
            diagnostics,
            ..Default::default()
        };
        let answer = door
            .answer("ApplyResourceChange", call, failed)
            .await
            .unwrap()
            .into_inner();
        assert!(answer.new_state.is_none());
        assert!(
            answer
                .diagnostics
                .first()
                .unwrap()
                .detail
                .contains("in the middle of it")
        );
    }

    #[tokio::test]
    async fn a_value_that_does_not_fit_is_answered_in_words() {
        use provider_server::Provider as _;
        let door = Door::new(Arc::new(Provider::new()));
        let junk = proto::DynamicValue {
            msgpack: vec![0x93, 1, 2, 3],
            json: Vec::new(),
        };
        let request = proto::apply_resource_change::Request {
            type_name: "dram_vault".to_owned(),
            planned_state: Some(junk),
            ..Default::default()
        };
        let answer = door
            .apply_resource_change(Request::new(request))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            answer.diagnostics.first().unwrap().summary,
            "a value does not fit the schema"
        );
        assert!(answer.new_state.is_none());
    }
}
