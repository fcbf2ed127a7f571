//! The services behind the socket: decode a request, call the provider, encode its answer.
//!
//! No call of the provider ends in a gRPC status because of what it was asked: a panic becomes a
//! diagnostic, for a host that gets a status from an apply saves nothing of what exists.

mod connection;
mod plugin;
mod provider;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;

pub use connection::{Connection, Count};

use crate::resource::Provider;
use crate::wire::health::health_server::HealthServer;
use crate::wire::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::wire::plugin::grpc_controller_server::GrpcControllerServer;
use crate::wire::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::wire::tfplugin5::provider_server::ProviderServer;

/// What hosts of our kind accept; a library's own limit of 4 MiB is less than a large schema or state.
const MESSAGE_BYTES: usize = 256 << 20;

/// Serves connections until `stopped` says so and the open ones have ended. `stop` is set when the host says so.
///
/// # Errors
/// If the transport fails, in words.
pub async fn serve(
    provider: Arc<Provider>,
    connections: mpsc::Receiver<io::Result<Connection>>,
    stop: watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let services = Services::new(provider, stop);
    let end = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tonic::transport::Server::builder()
        .serve_with_incoming_shutdown(services, ReceiverStream::new(connections), end)
        .await
        .map_err(|error| error.to_string())
}

/// Every service of this process, told apart by the path of a call.
#[derive(Clone)]
struct Services {
    provider: ProviderServer<provider::Door>,
    controller: GrpcControllerServer<plugin::Controller>,
    stdio: GrpcStdioServer<plugin::Stdio>,
    broker: GrpcBrokerServer<plugin::Broker>,
    health: HealthServer<plugin::Health>,
}

impl Services {
    fn new(provider: Arc<Provider>, stop: watch::Sender<bool>) -> Self {
        let stopped = stop.subscribe();
        Services {
            provider: ProviderServer::new(provider::Door::new(provider))
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES),
            controller: GrpcControllerServer::new(plugin::Controller::new(stop)),
            stdio: GrpcStdioServer::new(plugin::Stdio::new(stopped.clone())),
            broker: GrpcBrokerServer::new(plugin::Broker::new(stopped)),
            health: HealthServer::new(plugin::Health),
        }
    }
}

impl Service<http::Request<Body>> for Services {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        fn name<S: NamedService>(_: &S) -> &'static str {
            S::NAME
        }
        let asked = request
            .uri()
            .path()
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default();
        if asked == name(&self.provider) {
            self.provider.call(request)
        } else if asked == name(&self.controller) {
            self.controller.call(request)
        } else if asked == name(&self.stdio) {
            self.stdio.call(request)
        } else if asked == name(&self.broker) {
            self.broker.call(request)
        } else if asked == name(&self.health) {
            self.health.call(request)
        } else {
            let status = tonic::Status::unimplemented("no such service");
            Box::pin(async move { Ok(status.into_http()) })
        }
    }
}
