//! The certificate of a host: self-signed, on curve P-521, as Go's plugin library makes it.

use std::str::FromStr as _;
use std::sync::Arc;

use p521::ecdsa::signature::RandomizedSigner as _;
use p521::elliptic_curve::rand_core::{CryptoRng, Error, RngCore};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// A key with its certificate.
#[derive(Clone)]
pub(crate) struct ClientKey {
    key: p521::ecdsa::SigningKey,
    certificate: Vec<u8>,
}

impl ClientKey {
    /// A fresh key and a certificate for it.
    pub(crate) fn fresh() -> Self {
        let key = loop {
            let mut bytes = [0; 66];
            Chance.fill_bytes(&mut bytes);
            bytes[0] &= 1;
            if let Ok(key) = p521::ecdsa::SigningKey::from_slice(&bytes) {
                break key;
            }
        };
        let certificate = self_signed(&key);
        ClientKey { key, certificate }
    }

    /// Another's certificate with this key: what somebody would show who has only seen the certificate.
    pub(crate) fn pretending(&self, other: &ClientKey) -> Self {
        ClientKey {
            key: self.key.clone(),
            certificate: other.certificate.clone(),
        }
    }

    /// The certificate as hosts hand it over.
    pub(crate) fn pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.certificate);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }

    /// Shows the certificate to whoever asks.
    pub(crate) fn resolver(&self) -> Resolver {
        let key = P521Key(self.key.clone());
        let chain = vec![CertificateDer::from(self.certificate.clone())];
        Resolver(Arc::new(CertifiedKey::new(chain, Arc::new(key))))
    }
}

fn self_signed(key: &p521::ecdsa::SigningKey) -> Vec<u8> {
    use x509_cert::certificate::{Certificate, TbsCertificate, Version};
    use x509_cert::name::Name;
    use x509_cert::serial_number::SerialNumber;
    use x509_cert::time::Validity;
    let signature = AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA512,
        parameters: None,
    };
    let curve = Any::from_der(&SECP521R1.to_der().unwrap()).unwrap();
    let point = p521::ecdsa::VerifyingKey::from(key).to_encoded_point(false);
    let name = Name::from_str("CN=localhost,O=HashiCorp").unwrap();
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[7]).unwrap(),
        signature: signature.clone(),
        issuer: name.clone(),
        validity: Validity::from_now(std::time::Duration::from_secs(3600)).unwrap(),
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: EC_PUBLIC_KEY,
                parameters: Some(curve),
            },
            subject_public_key: BitString::from_bytes(point.as_bytes()).unwrap(),
        },
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: None,
    };
    let proof = sign(key, &tbs_certificate.to_der().unwrap());
    let certificate = Certificate {
        tbs_certificate,
        signature_algorithm: signature,
        signature: BitString::from_bytes(&proof).unwrap(),
    };
    certificate.to_der().unwrap()
}

fn sign(key: &p521::ecdsa::SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: p521::ecdsa::Signature = key.sign_with_rng(&mut Chance, message);
    signature.to_der().as_bytes().to_vec()
}

#[derive(Debug)]
pub(crate) struct Resolver(Arc<CertifiedKey>);

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Clone)]
struct P521Key(p521::ecdsa::SigningKey);

impl std::fmt::Debug for P521Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("P521Key")
    }
}

impl SigningKey for P521Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP521_SHA512)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for P521Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(sign(&self.0, message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP521_SHA512
    }
}

/// The system's randomness, by the traits that `p521` knows.
struct Chance;

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        rand::random()
    }

    fn next_u64(&mut self) -> u64 {
        rand::random()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(rand::random);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Chance {}
