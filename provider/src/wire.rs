//! The messages and services of the wire, generated from `proto/`, and the way between them and our own types.

mod convert;

pub use convert::{decode, encode, encode_function, encode_notices, encode_path, encode_schema};

/// The provider's protocol, major version 5.
#[expect(missing_docs, clippy::all, reason = "generated from proto/tfplugin5.proto")]
pub mod tfplugin5 {
    tonic::include_proto!("tfplugin5");
}

/// What the host asks of any plugin.
#[expect(missing_docs, clippy::all, reason = "generated from proto/goplugin.proto")]
pub mod plugin {
    tonic::include_proto!("plugin");
}

/// Health checks.
#[expect(missing_docs, clippy::all, reason = "generated from proto/health.proto")]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
