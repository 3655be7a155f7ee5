//! The connecting side of TLS: who we are, and which server is taken.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use telemetry_tls::{OwnKey, ServerVerifier, client_config, provider};
use telemetry_trust::Fingerprint;

use super::error::TrustError;
use super::file::read_public;
use super::identity::{Kind, ensure};
use super::renewal::Renewal;
use super::source::Source;

/// How this collector connects to others.
#[derive(Debug)]
pub struct Connecting {
    own: RwLock<OwnKey>,
    source: Source,
    /// Of a certificate of our own making.
    renewal: Option<Arc<Renewal>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
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
        let source = match (certificate, directory) {
            (Some(certificate), _) => Source::Files {
                certificate: certificate.to_owned(),
                key: key.unwrap_or(certificate).to_owned(),
            },
            (None, Some(directory)) => Source::Directory(directory.to_owned()),
            (None, None) => {
                return Err(TrustError::Options(
                    "sync_address needs sync_cert, or --identity DIR".to_owned(),
                ));
            }
        };
        let own = match &source {
            Source::Directory(directory) => ensure(directory, Kind::Client)?,
            files @ Source::Files { .. } => files.read(Kind::Client)?,
        };
        let authorities = authorities.map(server_authorities).transpose()?;
        let renewal = source.directory().map(|directory| Renewal::new(directory, Kind::Client));
        Ok(Self { own: RwLock::new(own), source, renewal, authorities })
    }

    /// The certificate that is shown.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.own().fingerprint
    }

    /// What is to take its place, where it is of our own making.
    #[must_use]
    pub fn renewal(&self) -> Option<&Arc<Renewal>> {
        self.renewal.as_ref()
    }

    /// The files that a change of is waited for.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.source.files(Kind::Client)
    }

    /// Reads our certificate again. With a fault the old one stays.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn reload(&self) -> Result<(), TrustError> {
        let own = self.source.read(Kind::Client)?;
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
        Ok(())
    }

    fn own(&self) -> OwnKey {
        self.own.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How to connect to a server that has one of these certificates; of none, one by our authorities. TLS 1.3 alone: 1.2
    /// would show our certificate to whoever listens.
    ///
    /// # Errors
    /// If there is neither.
    pub fn config(&self, pinned: Vec<Fingerprint>) -> Result<ClientConfig, TrustError> {
        let takes: Arc<dyn ServerCertVerifier> = match (&self.authorities, pinned.is_empty()) {
            (Some(authorities), true) => Arc::<WebPkiServerVerifier>::clone(authorities),
            _ => Arc::new(ServerVerifier::new(pinned)),
        };
        client_config(&self.own(), takes)
            .map_err(|error| TrustError::Options(format!("cannot use TLS: {error}")))
    }
}

/// The authorities of a file in PEM, by which servers are trusted, with their names.
///
/// # Errors
/// If it cannot be used.
pub fn server_authorities(path: &Path) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
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
