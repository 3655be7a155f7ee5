//! The connecting side of TLS: who we are, and which server is taken.

use std::path::Path;
use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use telemetry_tls::{OwnKey, provider};
use telemetry_trust::Fingerprint;

use super::error::TrustError;
use super::file::{read_public, read_secret};
use super::identity::{Kind, ensure};
use super::server_verifier::ServerVerifier;

/// How this collector connects to others.
#[derive(Debug)]
pub struct Connecting {
    own: OwnKey,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

/// Shows our certificate to whoever asks, by whatever authorities.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Connecting {
    /// Reads certificate and key that are given, or those in the directory, where they are made if they are not there; and
    /// the authorities that are given.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(
        (certificate, key): (Option<&Path>, Option<&Path>),
        authorities: Option<&Path>,
        directory: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let own = match (certificate, directory) {
            (Some(certificate), _) => {
                let secret = read_secret(key.unwrap_or(certificate))?;
                let chain = read_public(certificate)?;
                OwnKey::from_pem(&chain, &secret).map_err(|fault| TrustError::file(certificate, fault))?
            }
            (None, Some(directory)) => ensure(directory, Kind::Client)?,
            (None, None) => {
                return Err(TrustError::Options(
                    "sync_address needs sync_cert, or --identity DIR".to_owned(),
                ));
            }
        };
        let authorities = authorities.map(server_authorities).transpose()?;
        Ok(Self { own, authorities })
    }

    /// The certificate that is shown.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.own.fingerprint
    }

    /// How to connect to a server that has one of these certificates; of none, one by our authorities. TLS 1.3 alone: 1.2
    /// would show our certificate to whoever listens.
    ///
    /// # Errors
    /// If there is neither.
    pub fn config(&self, pinned: Vec<Fingerprint>) -> Result<ClientConfig, TrustError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| TrustError::Options(format!("cannot use TLS: {error}")))?
            .dangerous();
        let builder = match (&self.authorities, pinned.is_empty()) {
            (Some(authorities), true) => {
                let verifier: Arc<WebPkiServerVerifier> = Arc::clone(authorities);
                builder.with_custom_certificate_verifier(verifier)
            }
            _ => builder.with_custom_certificate_verifier(Arc::new(ServerVerifier::new(pinned))),
        };
        let shows = Shows(Arc::clone(&self.own.certified));
        let mut config = builder.with_client_cert_resolver(Arc::new(shows));
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn server_authorities(path: &Path) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    let pem = read_public(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| TrustError::file(path, format_args!("{error}")))?;
        roots.add(certificate).map_err(|error| TrustError::file(path, error))?;
    }
    if roots.is_empty() {
        return Err(TrustError::file(path, "holds no certificate in PEM"));
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    built.map_err(|error| TrustError::file(path, error))
}
