//! The conversation with a host: handshake, mutual TLS, the plugin services, the schema, and the end.

use std::process::Command;

use crate::support::certificate::ClientKey;
use crate::support::host::{Host, Started, command};
use terraform_provider_dram::wire::{health, plugin, tfplugin5 as proto};

fn schema(host: &Host) -> proto::get_provider_schema::Response {
    host.provider("GetSchema", &proto::get_provider_schema::Request {})
}

#[test]
fn the_handshake_is_one_line() {
    let started = Started::new(command());
    assert_eq!(started.line[..3], ["1", "5", "unix"]);
    assert_eq!(started.line[4..], ["grpc", ""]);
    let key = ClientKey::fresh();
    let mut command = command();
    command.env("PLUGIN_CLIENT_CERT", key.pem());
    let started = Started::new(command);
    assert!(
        !started.line[5].is_empty() && !started.line[5].contains('='),
        "{:?}",
        started.line
    );
    assert!(started.line[3].len() < 104);
}

#[test]
fn without_a_host_it_says_what_it_is() {
    let output = command().env_remove("TF_PLUGIN_MAGIC_COOKIE").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a plugin of Terraform and OpenTofu"));
    let output = command().env("PLUGIN_PROTOCOL_VERSIONS", "6").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let version = Command::new(env!("CARGO_BIN_EXE_terraform-provider-dram"))
        .arg("--version")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("terraform-provider-dram ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn only_the_host_that_started_it_is_answered() {
    let (key, stranger) = (ClientKey::fresh(), ClientKey::fresh());
    let started = || {
        let mut command = command();
        command.env("PLUGIN_CLIENT_CERT", key.pem());
        Started::new(command)
    };
    let asks = |host: Result<Host, String>| {
        let request = proto::get_provider_schema::Request {};
        host.and_then(|host| {
            let answer =
                host.call::<_, proto::get_provider_schema::Response>("/tfplugin5.Provider/GetSchema", &request);
            answer.map(drop).map_err(|(code, message)| format!("{code} {message}"))
        })
    };
    asks(started().connect(Some(&key))).unwrap();
    // Another certificate; the right certificate without its key; none at all.
    asks(started().connect(Some(&stranger))).unwrap_err();
    asks(started().connect(Some(&stranger.pretending(&key)))).unwrap_err();
    asks(started().connect(None)).unwrap_err();
}

#[test]
fn the_plugin_services_answer_and_the_end_is_prompt() {
    let host = Host::start();
    host.begin("/plugin.GRPCStdio/StreamStdio", &plugin::Empty {});
    host.begin("/plugin.GRPCBroker/StartStream", &plugin::ConnInfo::default());
    let check = health::HealthCheckRequest {
        service: "plugin".to_owned(),
    };
    let answer: health::HealthCheckResponse = host.call("/grpc.health.v1.Health/Check", &check).unwrap();
    assert_eq!(
        answer.status,
        i32::from(health::health_check_response::ServingStatus::Serving)
    );
    let answer = host
        .call::<_, proto::stop::Response>("/tfplugin5.Provider/Stop", &proto::stop::Request {})
        .unwrap();
    assert_eq!(answer.error, "");
    // What is not served says so, and nothing more.
    let (code, _) = host
        .call::<_, plugin::Empty>("/tfplugin5.Provider/ListResource", &plugin::Empty {})
        .unwrap_err();
    assert_eq!(code, "12");
    let (code, _) = host
        .call::<_, plugin::Empty>("/other.Service/Call", &plugin::Empty {})
        .unwrap_err();
    assert_eq!(code, "12");

    let socket = host.socket();
    assert!(socket.exists());
    let began = std::time::Instant::now();
    let _: plugin::Empty = host.call("/plugin.GRPCController/Shutdown", &plugin::Empty {}).unwrap();
    let (code, said) = host.wait();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // The host kills what takes two seconds.
    assert!(
        began.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn an_interrupt_is_left_to_the_host() {
    let host = Host::start();
    let process = rustix::process::Pid::from_raw(i32::try_from(host.process()).unwrap()).unwrap();
    for _ in 0..3 {
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        assert!(!schema(&host).resource_schemas.is_empty());
    }
}

#[test]
fn logs_are_lines_of_the_hosts_layout() {
    let host = Host::start_with(|command| {
        command.env("TF_LOG_PROVIDER_DRAM", "TRACE");
    });
    schema(&host);
    let _: plugin::Empty = host.call("/plugin.GRPCController/Shutdown", &plugin::Empty {}).unwrap();
    let (_, said) = host.wait();
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines
            .iter()
            .any(|line| line["@message"] == "called" && line["rpc"] == "GetSchema"),
        "{said}"
    );
    for line in lines {
        let stamp = line["@timestamp"].as_str().unwrap();
        assert_eq!((stamp.len(), stamp.ends_with('Z')), (27, true), "{stamp}");
    }
}

#[test]
fn large_messages_are_taken() {
    let host = Host::start();
    let ballast = proto::DynamicValue {
        msgpack: vec![0xc1; 8 << 20],
        json: Vec::new(),
    };
    let request = proto::validate_resource_type_config::Request {
        type_name: "dram_vault".to_owned(),
        config: Some(ballast),
        client_capabilities: None,
    };
    let answer: proto::validate_resource_type_config::Response = host.provider("ValidateResourceTypeConfig", &request);
    assert_eq!(answer.diagnostics[0].summary, "a value does not fit the schema");
}

/// The rules by which hosts accept a schema; one that breaks them makes every command fail.
#[test]
fn the_schema_is_valid() {
    let schema = schema(&Host::start());
    assert!(schema.diagnostics.is_empty());
    let capabilities = schema.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);
    let names: Vec<&str> = schema.resource_schemas.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "dram_application",
            "dram_protection_policy",
            "dram_recovery_plan",
            "dram_recovery_site",
            "dram_replication_pair",
            "dram_vault"
        ]
    );
    for (name, schema) in schema
        .resource_schemas
        .iter()
        .chain([(&"provider".to_owned(), &schema.provider.unwrap())])
    {
        valid(name, schema.block.as_ref().unwrap());
    }
}

fn valid(place: &str, block: &proto::schema::Block) {
    use proto::schema::nested_block::NestingMode;
    let mut names = std::collections::BTreeSet::new();
    let mut fits = |name: &str| {
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{place}.{name}"
        );
        assert!(names.insert(name.to_owned()), "{place}.{name} stands twice");
    };
    for attribute in &block.attributes {
        fits(&attribute.name);
        let given = (attribute.required, attribute.optional, attribute.computed);
        let one = [
            (true, false, false),
            (false, true, false),
            (false, false, true),
            (false, true, true),
        ];
        assert!(one.contains(&given), "{place}.{}: {given:?}", attribute.name);
        terraform_provider_dram::value::Type::from_json(&attribute.r#type).unwrap();
        assert!(
            !attribute.description.is_empty(),
            "{place}.{} is not described",
            attribute.name
        );
        assert!(!attribute.write_only);
    }
    for nested in &block.block_types {
        fits(&nested.type_name);
        let (min, max) = (nested.min_items, nested.max_items);
        match nested.nesting() {
            NestingMode::Single => assert!(min == max && (min == 0 || min == 1), "{place}.{}", nested.type_name),
            NestingMode::List => assert!(max == 0 || min <= max, "{place}.{}", nested.type_name),
            other => panic!("{place}.{} is nested as {other:?}", nested.type_name),
        }
        let inner = nested.block.as_ref().unwrap();
        assert!(
            !inner.description.is_empty(),
            "{place}.{} is not described",
            nested.type_name
        );
        valid(&format!("{place}.{}", nested.type_name), inner);
    }
}
