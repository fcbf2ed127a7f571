//! A host of our own: starts the program as Terraform does, proves itself with a P-521 certificate, and calls it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::UnixStream;

use super::certificate::ClientKey;

const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The program, started, and its handshake line.
pub(crate) struct Started {
    child: Child,
    /// Where it puts its socket. One that is killed cannot clear it away.
    _folder: tempfile::TempDir,
    output: BufReader<ChildStdout>,
    pub(crate) line: Vec<String>,
}

/// A conversation with the program.
pub(crate) struct Host {
    started: Started,
    runtime: tokio::runtime::Runtime,
    sender: h2::client::SendRequest<Bytes>,
}

/// A command that starts the program as a host does.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-dram"));
    command
        .env(COOKIE.0, COOKIE.1)
        .env("PLUGIN_PROTOCOL_VERSIONS", "6,5")
        .env_remove("PLUGIN_CLIENT_CERT")
        .env_remove("DRAM_CATALOG")
        .env_remove("DRAM_TENANT")
        .env_remove("TF_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Started {
    /// Starts the command and reads its handshake line.
    pub(crate) fn new(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        command.env("TMPDIR", folder.path());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        Started {
            child,
            _folder: folder,
            output,
            line: line.trim_end().split('|').map(str::to_owned).collect(),
        }
    }

    /// Connects as the holder of `key`; `None` in plain text.
    pub(crate) fn connect(self, key: Option<&ClientKey>) -> Result<Host, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(&self.line[5])
            .unwrap();
        let sender = runtime
            .block_on(connect(&self.line[3], &server, key))
            .map_err(|error| error.to_string())?;
        Ok(Host {
            started: self,
            runtime,
            sender,
        })
    }
}

async fn connect(
    socket: &str,
    server: &[u8],
    key: Option<&ClientKey>,
) -> Result<h2::client::SendRequest<Bytes>, Box<dyn std::error::Error>> {
    let stream = UnixStream::connect(socket).await?;
    let Some(key) = key else { return speak(stream).await };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(server.to_vec()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(key.resolver()));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("the provider has not agreed on `h2`".into());
    }
    speak(stream).await
}

async fn speak<S>(stream: S) -> Result<h2::client::SendRequest<Bytes>, Box<dyn std::error::Error>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = h2::client::handshake(stream).await?;
    let driving = tokio::spawn(connection);
    // With TLS 1.3 the client's proof is judged after its side is done: the first exchange shows whether it holds.
    match sender.ready().await {
        Ok(sender) => {
            drop(driving);
            Ok(sender)
        }
        Err(error) => Err(error.into()),
    }
}

impl Host {
    /// Starts the program and connects with a fresh certificate.
    pub(crate) fn start() -> Self {
        Host::start_with(|_| {})
    }

    /// The same, with the command changed before it is started.
    pub(crate) fn start_with(change: impl FnOnce(&mut Command)) -> Self {
        let key = ClientKey::fresh();
        let mut command = command();
        command.env("PLUGIN_CLIENT_CERT", key.pem());
        change(&mut command);
        Started::new(command).connect(Some(&key)).unwrap()
    }

    /// Calls a method. A gRPC status is an error of this shape: its code and its message.
    pub(crate) fn call<Q: Message, A: Message + Default>(
        &self,
        method: &str,
        request: &Q,
    ) -> Result<A, (String, String)> {
        self.runtime.block_on(call(self.sender.clone(), method, request))
    }

    /// Calls a method of the provider that has to answer.
    pub(crate) fn provider<Q: Message, A: Message + Default>(&self, method: &str, request: &Q) -> A {
        self.call(&format!("/tfplugin5.Provider/{method}"), request).unwrap()
    }

    /// Starts a call whose answer nobody waits for.
    pub(crate) fn begin<Q: Message>(&self, method: &str, request: &Q) {
        let sender = self.sender.clone();
        let (method, body) = (method.to_owned(), framed(request));
        self.runtime.block_on(async {
            let mut sender = sender.ready().await.unwrap();
            let (_, mut stream) = sender.send_request(asked(&method), false).unwrap();
            stream.send_data(body, false).unwrap();
            // Kept open, as a host keeps its streams.
            std::mem::forget(stream);
        });
    }

    pub(crate) fn process(&self) -> u32 {
        self.started.child.id()
    }

    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.started.line[3].clone().into()
    }

    /// Waits until the program has ended by itself: its exit code, and what it wrote after the handshake line.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        drop(self.sender);
        let status = self.started.child.wait().unwrap();
        let mut rest = String::new();
        self.started.output.read_to_string(&mut rest).unwrap();
        let mut said = String::new();
        self.started
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (status.code(), rest + &said)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn asked(method: &str) -> http::Request<()> {
    http::Request::post(format!("https://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

fn framed(request: &impl Message) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(request.encoded_len()).unwrap());
    request.encode(&mut body).unwrap();
    body.freeze()
}

async fn call<Q: Message, A: Message + Default>(
    sender: h2::client::SendRequest<Bytes>,
    method: &str,
    request: &Q,
) -> Result<A, (String, String)> {
    let broken = |error: h2::Error| ("broken".to_owned(), error.to_string());
    let gone = || ("broken".to_owned(), "the stream was reset".to_owned());
    let mut sender = sender.ready().await.map_err(broken)?;
    let (answer, mut stream) = sender.send_request(asked(method), false).map_err(broken)?;
    let mut body = framed(request);
    // A server may answer and close the stream before it has read the request: the answer counts, not the broken sending.
    let mut sent = Ok(());
    while !body.is_empty() && sent.is_ok() {
        stream.reserve_capacity(body.len());
        sent = match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(granted)) => {
                let part = body.split_to(granted.min(body.len()));
                stream.send_data(part, body.is_empty()).map_err(broken)
            }
            Some(Err(error)) => Err(broken(error)),
            None => Err(gone()),
        };
    }
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(error) => return Err(sent.err().unwrap_or_else(|| broken(error))),
    };
    let status = |headers: &http::HeaderMap| {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        text("grpc-status").map(|code| (code, text("grpc-message").unwrap_or_default()))
    };
    if let Some(status) = status(answer.headers()).filter(|(code, _)| code != "0") {
        return Err(status);
    }
    let mut stream = answer.into_body();
    let mut received = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part.map_err(broken)?;
        stream.flow_control().release_capacity(part.len()).map_err(broken)?;
        received.extend_from_slice(&part);
    }
    let trailers = stream.trailers().await.map_err(broken)?.unwrap_or_default();
    match status(&trailers) {
        Some((code, _)) if code == "0" => Ok(A::decode(&received[5..]).unwrap()),
        Some(status) => Err(status),
        None => Err(("broken".to_owned(), "no status".to_owned())),
    }
}
