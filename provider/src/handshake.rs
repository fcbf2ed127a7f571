//! How a host starts us: environment in, one line out, then a socket that it connects to.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::log::{self, Level};
use crate::resource::Provider;
use crate::server::{self, Connection, Count};
use crate::tls::{self, TlsError};

/// Says that whoever starts us is a plugin host, not a person.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// The version of the handshake line.
const CORE_VERSION: u32 = 1;
/// The major version of the provider protocol.
const PROTOCOL: u32 = 5;
/// The longest path a socket can have on every system that we know.
const SOCKET_PATH_BYTES: usize = 100;
/// How long a finished conversation may take to close; the host kills after two seconds.
const CLOSING: Duration = Duration::from_millis(500);
/// How long we wait for a host that has hung up without a word, as one does that was killed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a host may take from its connection to its proof of identity.
const PROVING: Duration = Duration::from_secs(20);

/// Why there is no conversation with a host.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// A person started us.
    #[error(
        "this program is a plugin of Terraform and OpenTofu, which start it themselves; it does nothing on its own\n\
         help: write `provider \"dram\" {{}}` into a configuration and run `terraform init`; \
         `terraform-provider-dram --help` says more"
    )]
    NoHost,
    /// The host does not speak our protocol.
    #[error("the host speaks the plugin protocols {offered}, this provider speaks protocol {PROTOCOL}")]
    Protocol {
        /// What the host offered.
        offered: String,
    },
    /// There can be no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket cannot be made.
    #[error("no socket can be made for the host in `{directory}`: {source}")]
    Socket {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The host is not listening.
    #[error("the handshake cannot be written: {0}")]
    Line(#[source] io::Error),
    /// The conversation broke.
    #[error("the conversation with the host broke: {0}")]
    Conversation(String),
}

/// Talks to the host that started us, until it says to stop.
///
/// # Errors
/// If nobody who is a host started us, or no conversation comes about.
pub fn talk(variable: impl Fn(&str) -> Option<String>) -> Result<(), HandshakeError> {
    if variable(COOKIE.0).as_deref() != Some(COOKIE.1) {
        return Err(HandshakeError::NoHost);
    }
    if let Some(offered) = variable("PLUGIN_PROTOCOL_VERSIONS")
        && !offered.split(',').any(|version| version.trim() == PROTOCOL.to_string())
    {
        return Err(HandshakeError::Protocol { offered });
    }
    let certificate = variable("PLUGIN_CLIENT_CERT").filter(|certificate| !certificate.is_empty());
    let identity = certificate.as_deref().map(tls::server_identity).transpose()?;
    let multiplex = variable("PLUGIN_MULTIPLEX_GRPC").is_some();
    run(async move {
        ignore_interrupts().map_err(|error| HandshakeError::Conversation(error.to_string()))?;
        let socket = Socket::bind(variable("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from))?;
        let known = identity.as_ref().map(|identity| identity.certificate.as_slice());
        write_line(&line(&socket.path, known, multiplex)).map_err(HandshakeError::Line)?;
        log::line(Level::Debug, "listening", &[("socket", &socket.path.display())]);
        let (stop, stopped) = watch::channel(false);
        converse(
            socket,
            identity.map(|identity| identity.config),
            Some(PATIENCE),
            stop,
            stopped,
        )
        .await
    })
}

/// Serves any number of hosts in plain text, until interrupted; for debuggers.
///
/// # Errors
/// If there can be no socket.
pub fn debug() -> Result<(), HandshakeError> {
    run(async {
        let socket = Socket::bind(None)?;
        let export = reattach(&socket.path, std::process::id());
        let text = format!(
            "Provider started. In the shell that runs Terraform or OpenTofu:\n\n\
             export TF_REATTACH_PROVIDERS='{export}'\n\nCtrl-C ends it."
        );
        write_line(&text).map_err(HandshakeError::Line)?;
        let (stop, stopped) = watch::channel(false);
        let end = stop.clone();
        tokio::spawn(async move {
            let _ = tokio::signal::ctrl_c().await;
            let _ = end.send(true);
        });
        converse(socket, None, None, stop, stopped).await
    })
}

fn run(conversation: impl Future<Output = Result<(), HandshakeError>>) -> Result<(), HandshakeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .build()
        .map_err(|error| HandshakeError::Conversation(error.to_string()))?;
    let result = runtime.block_on(conversation);
    // A call that is still running is not waited for: the host has hung up.
    runtime.shutdown_background();
    result
}

async fn converse(
    socket: Socket,
    tls: Option<Arc<rustls::ServerConfig>>,
    patience: Option<Duration>,
    stop: watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), HandshakeError> {
    let (sender, connections) = tokio::sync::mpsc::channel(4);
    let Socket {
        listener, directory, ..
    } = socket;
    let count = Count::default();
    let accepting = tokio::spawn(accept(listener, tls, count.clone(), sender));
    let provider = Arc::new(Provider::new());
    if let Some(patience) = patience {
        let stop = stop.clone();
        tokio::spawn(async move {
            count.hung_up(patience).await;
            log::line(Level::Warn, "the host is gone", &[]);
            stop.send_replace(true);
        });
    }
    let serving = server::serve(provider, connections, stop, stopped.clone());
    tokio::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => result,
        () = async {
            let _ = stopped.wait_for(|stopped| *stopped).await;
            tokio::time::sleep(CLOSING).await;
        } => Ok(()),
    };
    accepting.abort();
    drop(directory);
    result.map_err(HandshakeError::Conversation)
}

/// Accepts connections and proves each side to the other, so that a slow or wrong one holds up nobody.
async fn accept(
    listener: UnixListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    count: Count,
    connections: tokio::sync::mpsc::Sender<io::Result<Connection>>,
) {
    let acceptor = tls.map(tokio_rustls::TlsAcceptor::from);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                let _ = connections.send(Err(error)).await;
                return;
            }
        };
        let connections = connections.clone();
        let count = count.clone();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Some(acceptor) = acceptor else {
                let _ = connections.send(Ok(Connection::plain(stream, &count))).await;
                return;
            };
            match tokio::time::timeout(PROVING, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = connections.send(Ok(Connection::tls(stream, &count))).await;
                }
                Ok(Err(error)) => log::line(Level::Error, "a connection was refused", &[("error", &error)]),
                Err(_) => log::line(Level::Error, "a connection did not prove itself in time", &[]),
            }
        });
    }
}

/// A socket in a directory of its own that only this user can enter; gone when dropped.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
    directory: tempfile::TempDir,
}

impl Socket {
    fn bind(asked: Option<PathBuf>) -> Result<Self, HandshakeError> {
        let parent = asked.unwrap_or_else(|| short(std::env::temp_dir()));
        let failed = |source| HandshakeError::Socket {
            directory: parent.clone(),
            source,
        };
        let directory = private_directory(&parent).map_err(failed)?;
        let path = directory.path().join("s");
        let listener = UnixListener::bind(&path).map_err(failed)?;
        Ok(Socket {
            listener,
            path,
            directory,
        })
    }
}

/// The directory, or `/tmp` where a socket in it could not be reached for its long path.
fn short(directory: PathBuf) -> PathBuf {
    if directory.as_os_str().len() + "/dram-xxxxxxxx/s".len() > SOCKET_PATH_BYTES {
        PathBuf::from("/tmp")
    } else {
        directory
    }
}

fn private_directory(parent: &Path) -> io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("dram-")
        .rand_bytes(8)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
}

/// Ctrl-C reaches the whole process group; the host tells us by `Stop` what it means.
fn ignore_interrupts() -> io::Result<()> {
    // A handler, once installed, stays for the life of the process, whether or not anybody listens.
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).map(drop)
}

fn line(socket: &Path, certificate: Option<&[u8]>, multiplex: bool) -> String {
    let certificate = certificate.map(|der| base64::engine::general_purpose::STANDARD_NO_PAD.encode(der));
    let mut line = format!(
        "{CORE_VERSION}|{PROTOCOL}|unix|{}|grpc|{}",
        socket.display(),
        certificate.unwrap_or_default()
    );
    if multiplex {
        // Asked whether connections may share one stream: the broker opens none, so no.
        line.push_str("|false");
    }
    line
}

/// The value by which a host finds a provider that runs already. OpenTofu knows the source only without its host.
fn reattach(socket: &Path, process: u32) -> serde_json::Value {
    serde_json::json!({"dram-dev/dram": {
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL,
        "Pid": process,
        "Test": true,
        "Addr": {"Network": "unix", "String": socket},
    }})
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_hosts_read() {
        let socket = Path::new("/tmp/dram-1/s");
        assert_eq!(line(socket, None, false), "1|5|unix|/tmp/dram-1/s|grpc|");
        assert_eq!(
            line(socket, Some(&[0xff, 0xfe]), false),
            "1|5|unix|/tmp/dram-1/s|grpc|//4"
        );
        assert_eq!(line(socket, None, true), "1|5|unix|/tmp/dram-1/s|grpc||false");
    }

    #[test]
    fn a_person_and_an_older_host_are_told() {
        let error = talk(|_| None).unwrap_err();
        assert!(error.to_string().starts_with("this program is a plugin"), "{error}");
        let host = |name: &str| match name {
            "PLUGIN_PROTOCOL_VERSIONS" => Some("4,6".to_owned()),
            name if name == COOKIE.0 => Some(COOKIE.1.to_owned()),
            _ => None,
        };
        let error = talk(host).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host speaks the plugin protocols 4,6, this provider speaks protocol 5"
        );
    }

    #[test]
    fn only_this_user_reaches_the_socket() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = private_directory(&std::env::temp_dir()).unwrap();
        assert_eq!(directory.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(short(PathBuf::from("/x".repeat(60))), Path::new("/tmp"));
        assert_eq!(short(PathBuf::from("/var/tmp")), Path::new("/var/tmp"));
    }
}
