//! TLS with the host, verified in both directions.
//!
//! The host hands over its certificate in the environment and learns ours from the handshake line;
//! each side accepts exactly the other's certificate. The host's key is on curve P-521, which `ring`
//! does not know, so the proof that it holds that key is checked here with the `p521` crate.

use std::sync::Arc;

use p521::ecdsa::signature::Verifier as _;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use x509_cert::der::{Decode as _, Encode as _};

/// Why there can be no TLS with the host.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate in the environment is not one.
    #[error("the host's certificate in `PLUGIN_CLIENT_CERT` cannot be read: {0}")]
    HostCertificate(String),
    /// No key or certificate of our own could be made.
    #[error("no certificate can be made for the host: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    /// The library refused the settings.
    #[error("the TLS settings are refused: {0}")]
    Settings(#[from] rustls::Error),
}

/// What a server needs to talk to one host, and the certificate by which that host knows it.
#[derive(Debug)]
pub struct ServerIdentity {
    /// Settings for the acceptor.
    pub config: Arc<ServerConfig>,
    /// Our certificate, DER.
    pub certificate: Vec<u8>,
}

/// Makes a key and a certificate for this process, to be shown to the holder of `host_certificate` (PEM) only.
///
/// # Errors
/// If the host's certificate cannot be read, or the libraries refuse.
pub fn server_identity(host_certificate: &str) -> Result<ServerIdentity, TlsError> {
    let host = CertificateDer::from_pem_slice(host_certificate.as_bytes())
        .map_err(|error| TlsError::HostCertificate(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = PinnedHost {
        certificate: host.into_owned(),
        known: provider.signature_verification_algorithms,
    };

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;

    let der = certificate.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![der.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // One connection a process: there is nothing to resume.
    config.send_tls13_tickets = 0;
    Ok(ServerIdentity {
        config: Arc::new(config),
        certificate: der.to_vec(),
    })
}

/// Accepts the one certificate that the host announced, from whoever holds its key.
#[derive(Debug)]
struct PinnedHost {
    certificate: CertificateDer<'static>,
    /// What `ring` can check, for hosts with a key on another curve.
    known: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for PinnedHost {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // The certificate is self-signed and was handed over by the parent process: being that very
        // certificate is all that counts, its chain and its dates say nothing more.
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // TLS 1.2 is not offered.
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if dss.scheme != SignatureScheme::ECDSA_NISTP521_SHA512 {
            return rustls::crypto::verify_tls13_signature(message, cert, dss, &self.known);
        }
        let key = p521_key(cert).ok_or(CertificateError::BadEncoding)?;
        let signature = p521::ecdsa::DerSignature::try_from(dss.signature())
            .and_then(p521::ecdsa::Signature::try_from)
            .map_err(|_| CertificateError::BadSignature)?;
        key.verify(message, &signature)
            .map_err(|_| CertificateError::BadSignature)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = vec![SignatureScheme::ECDSA_NISTP521_SHA512];
        schemes.extend(self.known.supported_schemes());
        schemes
    }
}

fn p521_key(certificate: &CertificateDer<'_>) -> Option<p521::ecdsa::VerifyingKey> {
    use p521::pkcs8::DecodePublicKey as _;
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let info = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
    let key = p521::PublicKey::from_public_key_der(&info).ok()?;
    p521::ecdsa::VerifyingKey::from_affine(*key.as_affine()).ok()
}
