//! How a connection to a server is encrypted.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::url::SslMode;

/// What makes connections as `mode` asks. The machine's roots are read only where they count.
///
/// # Errors
/// The machine has no roots that can be read.
pub(super) fn connector(mode: SslMode) -> io::Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = match mode {
        SslMode::VerifyFull => builder.with_root_certificates(machine_roots()?).with_no_client_auth(),
        SslMode::Disable | SslMode::Prefer | SslMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn machine_roots() -> io::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found
            .errors
            .first()
            .map_or_else(String::new, |error| format!(": {error}"));
        return Err(io::Error::other(format!("this machine has no root certificates{why}")));
    }
    Ok(roots)
}

/// Believes whoever answers, as `require` and `prefer` mean it in PostgreSQL's own clients; only the conversation is protected.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use crate::layout::Key;
    use crate::store::{Fault, PostgresStore, Store};

    /// A server that encrypts with a certificate of its own making, and says goodbye to whoever speaks to it then. Answers its
    /// port, and a counter of those who did.
    fn self_signed() -> (u16, std::sync::mpsc::Receiver<()>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = std::sync::Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, spoken) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream: TcpStream = stream.unwrap();
                let mut request = [0; 8];
                if stream.read_exact(&mut request).is_err() || stream.write_all(b"S").is_err() {
                    continue;
                }
                let mut talk = StreamOwned::new(ServerConnection::new(std::sync::Arc::clone(&config)).unwrap(), stream);
                let mut startup = [0; 4];
                if talk.read_exact(&mut startup).is_ok() && told.send(()).is_err() {
                    return;
                }
            }
        });
        (port, spoken)
    }

    #[test]
    fn a_server_that_cannot_prove_its_name_hears_nothing_under_verify_full() {
        let (port, spoken) = self_signed();
        let ask = |mode: &str| {
            let address = format!("postgres://u@localhost:{port}/d?sslmode={mode}")
                .parse()
                .unwrap();
            PostgresStore::new(&address).read(&Key::header()).unwrap_err()
        };
        let error = ask("verify-full");
        assert_eq!(error.fault, Fault::Untrusted, "{error}: {}", error.source);
        assert!(error.help().contains("SSL_CERT_FILE"));
        assert!(spoken.try_recv().is_err());
        // As in PostgreSQL's own clients, the other modes believe whoever answers.
        assert_eq!(ask("require").fault, Fault::Unreachable);
        assert!(spoken.try_recv().is_ok());
    }
}
