//! What the host's plugin library asks of any plugin process.

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::log::{self, Level};
use crate::wire::health::health_check_response::ServingStatus;
use crate::wire::health::{HealthCheckRequest, HealthCheckResponse, health_server};
use crate::wire::plugin::{ConnInfo, Empty, StdioData, grpc_broker_server, grpc_controller_server, grpc_stdio_server};

/// Ends the process when the host says so.
pub(super) struct Controller {
    stop: watch::Sender<bool>,
}

impl Controller {
    pub(super) fn new(stop: watch::Sender<bool>) -> Self {
        Controller { stop }
    }
}

#[tonic::async_trait]
impl grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        log::line(Level::Debug, "the host says to stop", &[]);
        self.stop.send_replace(true);
        Ok(Response::new(Empty {}))
    }
}

/// A stream on which nothing comes, until the conversation ends.
fn idle<T: Send + 'static>(mut stopped: watch::Receiver<bool>) -> BoxStream<T> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
        drop(sender);
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// Our standard streams carry the handshake line and log lines, which the host reads itself: nothing is left to tell.
pub(super) struct Stdio {
    stopped: watch::Receiver<bool>,
}

impl Stdio {
    pub(super) fn new(stopped: watch::Receiver<bool>) -> Self {
        Stdio { stopped }
    }
}

#[tonic::async_trait]
impl grpc_stdio_server::GrpcStdio for Stdio {
    async fn stream_stdio(&self, _: Request<Empty>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(idle(self.stopped.clone())))
    }
}

/// Opens no further connections, and accepts that the host offers them.
pub(super) struct Broker {
    stopped: watch::Receiver<bool>,
}

impl Broker {
    pub(super) fn new(stopped: watch::Receiver<bool>) -> Self {
        Broker { stopped }
    }
}

#[tonic::async_trait]
impl grpc_broker_server::GrpcBroker for Broker {
    async fn start_stream(&self, _: Request<Streaming<ConnInfo>>) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        Ok(Response::new(idle(self.stopped.clone())))
    }
}

/// Whether we answer: whoever gets an answer knows.
pub(super) struct Health;

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match request.into_inner().service.as_str() {
            // The process as a whole, and the name under which hosts ask.
            "" | "plugin" => Ok(Response::new(HealthCheckResponse {
                status: ServingStatus::Serving.into(),
            })),
            _ => Err(Status::not_found("no such service")),
        }
    }
}
